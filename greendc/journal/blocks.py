"""How entries stand in the journal's rows: many messages as one block of compressed columns."""

from collections.abc import Iterator

import msgspec
import numpy as np
import orjson
import zstandard

from greendc.ports import Event, IntArray, RawBatch

BLOCK_MESSAGES = 10_000
BLOCK_BYTES = 8 * 2**20
LARGEST = 64 * 2**20  # bytes of a block that is read; those that are written hold far less

_COLUMNS = msgspec.msgpack.Decoder(tuple[bytes, list[str], bytes, bytes, bytes, bytes, bytes])


def block_spans(
    batch: RawBatch, messages: int = BLOCK_MESSAGES, size: int = BLOCK_BYTES
) -> Iterator[tuple[int, int]]:
    """Cut a batch into spans of at most so many messages and bytes, at least one message each.

    >>> batch = RawBatch([1, 2, 3], ["a"] * 3, [b"12345"] * 3, [0] * 3, [0] * 3)
    >>> list(block_spans(batch, size=12))
    [(0, 2), (2, 3)]
    """
    lengths = [len(t) + len(p) for t, p in zip(batch.topics, batch.payloads, strict=True)]
    ends = np.cumsum(np.array(lengths, np.int64))
    lo = done = 0
    while lo < len(batch):
        fits = int(np.searchsorted(ends, done + size, side="right"))
        hi = max(min(fits, lo + messages), lo + 1)
        yield lo, hi
        lo, done = hi, int(ends[hi - 1])


def packed(batch: RawBatch, lo: int, hi: int) -> bytes:
    """Messages `lo` to `hi` of a batch as a block; its checksum makes damage known."""
    topics, payloads = batch.topics[lo:hi], batch.payloads[lo:hi]
    place = {topic: number for number, topic in enumerate(dict.fromkeys(topics))}
    columns = (
        # Steps between arrivals compress far better than the arrivals.
        np.diff(np.array(batch.arrivals[lo:hi], "<i8"), prepend=np.int64(0)).tobytes(),
        list(place),
        np.array([place[topic] for topic in topics], "<u4").tobytes(),
        b"".join(payloads),
        np.array([len(payload) for payload in payloads], "<u4").tobytes(),
        np.array(batch.mids[lo:hi], "<u2").tobytes(),
        np.array(batch.flags[lo:hi], "u1").tobytes(),
    )
    compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)
    return compressor.compress(msgspec.msgpack.encode(columns))


def unpacked(body: bytes, session: int) -> RawBatch:
    """The messages of a block.

    Raises
    ------
    zstandard.ZstdError, msgspec.DecodeError
        Where the block is damaged.
    """
    if zstandard.frame_content_size(body) > LARGEST:  # or -1: unknown, for which there is no room
        raise zstandard.ZstdError("larger than a block can be")
    steps, topics, places, joined, lengths, mids, flags = _COLUMNS.decode(
        zstandard.decompress(body)
    )
    ends: IntArray = np.cumsum(np.frombuffer(lengths, "<u4"), dtype=np.int64)
    starts = [0, *ends[:-1].tolist()]
    return RawBatch(
        arrivals=np.cumsum(np.frombuffer(steps, "<i8")).tolist(),
        topics=[topics[place] for place in np.frombuffer(places, "<u4").tolist()],
        payloads=[joined[lo:hi] for lo, hi in zip(starts, ends.tolist(), strict=True)],
        mids=np.frombuffer(mids, "<u2").tolist(),
        flags=np.frombuffer(flags, "u1").tolist(),
        session=session,
    )


def sliced(batch: RawBatch, lo: int, hi: int) -> RawBatch:
    """Messages `lo` to `hi` of a batch.

    >>> batch = RawBatch([1, 2, 3], ["a", "b", "c"], [b""] * 3, [0] * 3, [0] * 3)
    >>> sliced(batch, 1, 3).topics
    ['b', 'c']
    """
    span = slice(lo, hi)
    return RawBatch(
        arrivals=batch.arrivals[span],
        topics=batch.topics[span],
        payloads=batch.payloads[span],
        mids=batch.mids[span],
        flags=batch.flags[span],
        session=batch.session,
    )


def event_body(event: Event) -> bytes:
    """An event's data as JSON."""
    return orjson.dumps(dict(event.data))


def session_after(event: Event, session: int) -> int:
    """Number of the session that holds after an event; a lost one is followed by the next.

    >>> session_after(Event("session_lost", 0, {"session": 4}), 4)
    5
    """
    if event.kind != "session_lost":
        return session
    return max(session, int(event.data.get("session", session)) + 1)
