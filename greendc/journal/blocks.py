"""How entries stand in the journal's rows: many messages as one block of compressed columns."""

import threading
from collections.abc import Iterator

import msgspec
import numpy as np
import orjson
import zstandard

from greendc.columns import Numbers, Texts, Topics, coded, lengths, numbers
from greendc.ports import Event, IntArray, RawBatch

BLOCK_MESSAGES = 10_000
BLOCK_BYTES = 8 * 2**20
LARGEST = 64 * 2**20  # bytes of a block that is read; those that are written hold far less


class _OfThread(threading.local):
    """A compressor that keeps its memory from block to block; none may be shared by threads."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)


_OF_THREAD = _OfThread()
_COLUMNS = msgspec.msgpack.Decoder(tuple[bytes, list[str], bytes, bytes, bytes, bytes, bytes])


def block_spans(
    batch: RawBatch, messages: int = BLOCK_MESSAGES, size: int = BLOCK_BYTES
) -> Iterator[tuple[int, int]]:
    """Cut a batch into spans of at most so many messages and bytes, at least one message each.

    >>> batch = RawBatch([1, 2, 3], ["a"] * 3, [b"12345"] * 3, [0] * 3, [0] * 3)
    >>> list(block_spans(batch, size=12))
    [(0, 2), (2, 3)]
    """
    ends = np.cumsum(_sizes(batch))
    lo = done = 0
    while lo < len(batch):
        fits = int(np.searchsorted(ends, done + size, side="right"))
        hi = max(min(fits, lo + messages), lo + 1)
        yield lo, hi
        lo, done = hi, int(ends[hi - 1])


def _sizes(batch: RawBatch) -> IntArray:
    """Length of each payload and topic [bytes]; topics of a table are short and repeat."""
    sizes = lengths(batch.payloads)
    if not isinstance(batch.topics, Topics):
        sizes += np.fromiter(map(len, batch.topics), np.int64, len(batch))
    return sizes


def packed(batch: RawBatch, lo: int, hi: int) -> bytes:
    """Messages `lo` to `hi` of a batch as a block; its checksum makes damage known."""
    batch = batch if (lo, hi) == (0, len(batch)) else batch.between(lo, hi)
    topics = coded(batch.topics)
    columns = (
        # Steps between arrivals compress far better than the arrivals.
        np.diff(numbers(batch.arrivals), prepend=np.int64(0)).astype("<i8", copy=False).tobytes(),
        topics.names,
        topics.places.astype("<u4").tobytes(),
        b"".join(batch.payloads),
        lengths(batch.payloads).astype("<u4").tobytes(),
        numbers(batch.mids).astype("<u2").tobytes(),
        numbers(batch.flags).astype("u1").tobytes(),
    )
    return _OF_THREAD.compressor.compress(msgspec.msgpack.encode(columns))


def unpacked(body: bytes, session: int) -> RawBatch:
    """The messages of a block.

    Raises
    ------
    zstandard.ZstdError, msgspec.DecodeError, ValueError
        Where the block is damaged.
    """
    if zstandard.frame_content_size(body) > LARGEST:  # or -1: unknown, for which there is no room
        raise zstandard.ZstdError("larger than a block can be")
    steps, topics, places, joined, sizes, mids, flags = _COLUMNS.decode(zstandard.decompress(body))
    ends: IntArray = np.cumsum(np.frombuffer(sizes, "<u4"), dtype=np.int64)
    table = Topics(topics, np.frombuffer(places, "<u4").astype(np.int64))
    counts = {len(table), len(ends), len(steps) // 8, len(mids) // 2, len(flags)}
    size = ends.max(initial=0)
    if len(counts) != 1 or table.places.max(initial=-1) >= len(topics) or size != len(joined):
        raise ValueError("columns that do not fit each other")
    return RawBatch(
        arrivals=Numbers(np.cumsum(np.frombuffer(steps, "<i8"))),
        topics=table,
        payloads=Texts(joined, np.append(0, ends[:-1]) if len(ends) else ends, ends),
        mids=Numbers(np.frombuffer(mids, "<u2").astype(np.int64)),
        flags=Numbers(np.frombuffer(flags, "u1").astype(np.int64)),
        session=session,
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
