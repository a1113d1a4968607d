"""Telling what the broker delivers a second time from what is new."""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from greendc.ports import DUP, QOS_MASK, RawBatch

Message = tuple[str, bytes]


class Redelivery:
    """Remembers the last journalled messages of the session, as many as may be unacknowledged.

    A message is redelivered if it is marked DUP, has QoS > 0, and its topic and payload
    equal those of the latest entry with its packet identifier among the last
    `receive_maximum` entries with QoS > 0 of the same session. Packet identifiers are
    used again, so the payload alone or the identifier alone would not do.

    >>> seen = Redelivery(receive_maximum=10)
    >>> seen.note(RawBatch([1], ["it"], [b"7 kW"], mids=[4], flags=[1], session=2))
    >>> again = RawBatch([9, 9], ["it", "it"], [b"7 kW", b"8 kW"], [4, 5], [1 | DUP] * 2, 2)
    >>> fresh, rows = seen.split(again)
    >>> fresh.payloads, rows
    ([b'8 kW'], [0])
    """

    def __init__(self, receive_maximum: int) -> None:
        self._limit = receive_maximum
        self._session = 0
        # Whole batches are kept; their messages are only looked at when a DUP arrives.
        self._batches: deque[tuple[int, RawBatch]] = deque()
        self._held = 0

    def note(self, batch: RawBatch) -> None:
        """Remember what has been journalled; another session's number forgets the one before."""
        count = int(np.count_nonzero(np.array(batch.flags, np.uint8) & QOS_MASK))
        if not count:
            return
        if batch.session != self._session:
            self._session, self._held = batch.session, 0
            self._batches.clear()
        self._batches.append((count, batch))
        self._held += count
        while self._held - self._batches[0][0] >= self._limit:
            self._held -= self._batches.popleft()[0]

    def split(self, batch: RawBatch) -> tuple[RawBatch, list[int]]:
        """Part a batch into what is new, in its order, and the rows that are redelivered."""
        flags = np.array(batch.flags, np.uint8)
        if not ((flags & DUP != 0) & (flags & QOS_MASK != 0)).any():
            return batch, []
        window = _Window(self._limit, self._remembered(batch.session))
        again = [row for row in range(len(batch)) if window.knows(batch, row)]
        return _without(batch, set(again)), again

    def _remembered(self, session: int) -> Iterator[tuple[int, Message]]:
        if session != self._session:
            return
        for _, batch in self._batches:
            for row, flags in enumerate(batch.flags):
                if flags & QOS_MASK:
                    yield batch.mids[row], (batch.topics[row], batch.payloads[row])


class _Window:
    """The latest message of each packet identifier among the last `limit` entries."""

    def __init__(self, limit: int, entries: Iterator[tuple[int, Message]]) -> None:
        self._limit, self._count = limit, 0
        self._latest: dict[int, tuple[int, Message]] = {}
        for mid, message in entries:
            self._add(mid, message)

    def _add(self, mid: int, message: Message) -> None:
        self._latest[mid] = self._count, message
        self._count += 1

    def knows(self, batch: RawBatch, row: int) -> bool:
        """Whether a row is redelivered; if not, it becomes the latest entry itself."""
        flags, mid = batch.flags[row], batch.mids[row]
        if not flags & QOS_MASK:
            return False
        message = batch.topics[row], batch.payloads[row]
        place, latest = self._latest.get(mid, (-self._limit, None))
        if flags & DUP and latest == message and self._count - place <= self._limit:
            return True
        self._add(mid, message)
        return False


def _without(batch: RawBatch, rows: set[int]) -> RawBatch:
    if not rows:
        return batch
    kept = [row for row in range(len(batch)) if row not in rows]
    return replace(
        batch,
        arrivals=[batch.arrivals[row] for row in kept],
        topics=[batch.topics[row] for row in kept],
        payloads=[batch.payloads[row] for row in kept],
        mids=[batch.mids[row] for row in kept],
        flags=[batch.flags[row] for row in kept],
    )
