"""How entries stand in the journal's rows: many messages as one block of compressed columns."""

import threading
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import orjson
import zstandard

from greendc.columns import Numbers, Texts, Topics, coded, lengths, numbers
from greendc.ports import Event, IntArray, JsonText, RawBatch

BLOCK_MESSAGES = 10_000
BLOCK_BYTES = 8 * 2**20
LARGEST = 64 * 2**20  # bytes of a block that is read; those that are written hold far less


class _OfThread(threading.local):
    """A compressor that keeps its memory from block to block; none may be shared by threads."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)


_OF_THREAD = _OfThread()


class _Body(msgspec.Struct, array_like=True):
    """A block's columns; steps lead from each number to the next, from 0 to the first."""

    arrivals: bytes
    topics: list[str]
    places: bytes
    payloads: bytes
    sizes: bytes
    mids: bytes
    flags: bytes
    behind: bytes = b""  # only where there is any


_BODY = msgspec.msgpack.Decoder(_Body)


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
    columns = [
        _steps(batch.arrivals),
        topics.names,
        topics.places.astype("<u4").tobytes(),
        b"".join(batch.payloads),
        lengths(batch.payloads).astype("<u4").tobytes(),
        numbers(batch.mids).astype("<u2").tobytes(),
        numbers(batch.flags).astype("u1").tobytes(),
    ]
    if batch.behind is not None:
        columns.append(_steps(batch.behind))
    return _OF_THREAD.compressor.compress(msgspec.msgpack.encode(columns))


def _steps(column: Sequence[int]) -> bytes:
    """Steps between numbers compress far better than the numbers."""
    return np.diff(numbers(column), prepend=np.int64(0)).astype("<i8", copy=False).tobytes()


def _stepped(steps: bytes) -> Numbers:
    return Numbers(np.cumsum(np.frombuffer(steps, "<i8")))


def unpacked(body: bytes, session: int) -> RawBatch:
    """The messages of a block.

    Raises
    ------
    zstandard.ZstdError, msgspec.DecodeError, ValueError
        Where the block is damaged.
    """
    if zstandard.frame_content_size(body) > LARGEST:  # or -1: unknown, for which there is no room
        raise zstandard.ZstdError("larger than a block can be")
    found = _BODY.decode(zstandard.decompress(body))
    ends: IntArray = np.cumsum(np.frombuffer(found.sizes, "<u4"), dtype=np.int64)
    table = Topics(found.topics, np.frombuffer(found.places, "<u4").astype(np.int64))
    behind = found.behind or None
    columns = {len(found.arrivals), len(found.arrivals if behind is None else behind)}
    counts = {len(table), len(ends), len(found.mids) // 2, len(found.flags)}
    counts |= {size // 8 for size in columns}
    size, text = ends.max(initial=0), found.payloads
    names = len(found.topics)
    if len(counts) != 1 or table.places.max(initial=-1) >= names or size != len(text):
        raise ValueError("columns that do not fit each other")
    return RawBatch(
        arrivals=_stepped(found.arrivals),
        topics=table,
        payloads=Texts(text, np.append(0, ends[:-1]) if len(ends) else ends, ends),
        mids=Numbers(np.frombuffer(found.mids, "<u2").astype(np.int64)),
        flags=Numbers(np.frombuffer(found.flags, "u1").astype(np.int64)),
        session=session,
        behind=None if behind is None else _stepped(behind),
    )


def event_body(event: Event) -> bytes:
    """An event's data as JSON."""
    return orjson.dumps(dict(event.data), default=_written)


def _written(given: object) -> orjson.Fragment:
    if isinstance(given, JsonText):
        return orjson.Fragment(given.text)
    raise TypeError


def session_after(event: Event, session: int) -> int:
    """Number of the session that holds after an event; a lost one is followed by the next.

    >>> session_after(Event("session_lost", 0, {"session": 4}), 4)
    5
    """
    if event.kind != "session_lost":
        return session
    return max(session, int(event.data.get("session", session)) + 1)
