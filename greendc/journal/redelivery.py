"""Telling what the broker delivers a second time from what is new."""

from collections.abc import Iterable

import numpy as np

from greendc.columns import numbers
from greendc.ports import DUP, QOS_MASK, Entry, IntArray, RawBatch

IDENTIFIERS = 65_535  # MQTT 3.1.1, 2.3.1: packet identifiers are 1 to 65535
WINDOW = 32_768  # entries: what is in flight lies in it, an identifier that has come round does not


class Redelivery:
    """Remembers the latest journalled message under each packet identifier of the session.

    A message is redelivered if it is marked DUP, has QoS > 0, and its topic and payload
    equal those of the latest entry with its packet identifier among the last `window`
    entries with QoS > 0 of the same session. Packet identifiers are used again, so
    neither the payload nor the identifier alone would do.

    The broker should leave no more than `receive_maximum` messages unacknowledged, but
    Mosquitto 2.0.11 sends up to that many further ones of a backlog for each
    acknowledgement. So half of all identifiers are remembered, unless `window` says otherwise;
    brokers give them in turn, and one that comes again after them all stands for another message.

    >>> seen = Redelivery(receive_maximum=10)
    >>> seen.note(RawBatch([1], ["it"], [b"7 kW"], mids=[4], flags=[1], session=2))
    >>> again = RawBatch([9, 9], ["it", "it"], [b"7 kW", b"8 kW"], [4, 5], [1 | DUP] * 2, 2)
    >>> fresh, rows = seen.split(again)
    >>> fresh.payloads, rows
    ([b'8 kW'], [0])
    """

    def __init__(self, receive_maximum: int, window: int = WINDOW) -> None:
        self.window = max(receive_maximum, window)
        self._forget(session=0)

    def _forget(self, session: int) -> None:
        self._session = session
        self._count = 0  # entries with QoS > 0 so far
        self._place: IntArray = np.full(IDENTIFIERS + 1, -self.window - 1, np.int64)
        # 64 bits stand for each message: payloads may be long, and hardly any is ever asked for.
        self._digest: IntArray = np.zeros(IDENTIFIERS + 1, np.int64)

    def note(self, batch: RawBatch) -> None:
        """Remember what has been journalled; another session's number forgets the one before."""
        rows = np.flatnonzero(numbers(batch.flags) & QOS_MASK)
        if not len(rows):
            return
        if batch.session != self._session:
            self._forget(batch.session)
        fresh = batch if len(rows) == len(batch) else batch.rows(rows)
        mids = numbers(fresh.mids)
        messages = zip(fresh.topics, fresh.payloads, strict=True)
        # Where an identifier occurs twice, numpy lets the last one stand.
        self._place[mids] = self._count + np.arange(len(rows))
        self._digest[mids] = np.fromiter(map(hash, messages), np.int64, len(rows))
        self._count += len(rows)

    def refill(self, entries: Iterable[tuple[int, Entry]]) -> None:
        """Remember the tail of a journal, of which the last `window` entries matter."""
        for _, entry in entries:
            if isinstance(entry, RawBatch):
                self.note(entry)

    def split(self, batch: RawBatch) -> tuple[RawBatch, list[int]]:
        """Part a batch into what is new, in its order, and the rows that are redelivered."""
        flags = numbers(batch.flags)
        counted = flags & QOS_MASK != 0
        if not (counted & (flags & DUP != 0)).any():
            return batch, []
        again = self._redelivered(batch, np.flatnonzero(counted).tolist())
        return batch.rows(np.delete(np.arange(len(batch)), again)), again

    def _redelivered(self, batch: RawBatch, rows: list[int]) -> list[int]:
        """The redelivered among `rows`; a new one is the latest for those behind it."""
        known = batch.session == self._session
        count = self._count if known else 0
        latest: dict[int, tuple[int, int]] = {}
        again = []
        for row in rows:
            mid, digest = batch.mids[row], hash((batch.topics[row], batch.payloads[row]))
            before = latest.get(mid)
            if before is None and known:
                before = int(self._place[mid]), int(self._digest[mid])
            if batch.flags[row] & DUP and before is not None and self._same(before, count, digest):
                again.append(row)
            else:
                latest[mid] = count, digest
                count += 1
        return again

    def _same(self, before: tuple[int, int], count: int, digest: int) -> bool:
        place, known = before
        return known == digest and count - place <= self.window
