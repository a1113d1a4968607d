"""Telling what the broker delivers a second time from what is new."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from greendc.columns import Topics, coded, lengths, numbers
from greendc.ports import DUP, QOS_MASK, Entry, IntArray, RawBatch

HELD_BYTES = 8 * 2**20  # of payloads that are at hand as they came
IDENTIFIERS = 65_535  # MQTT 3.1.1, 2.3.1: packet identifiers are 1 to 65535
WINDOW = 32_768  # entries: what is in flight lies in it, an identifier that has come round does not


class _Held(NamedTuple):
    """Messages of one batch with QoS > 0, of which hardly any will ever be asked for."""

    first: int
    mids: IntArray
    rows: IntArray
    topics: Topics
    payloads: Sequence[bytes]
    size: int

    @property
    def upto(self) -> int:
        return self.first + len(self.rows)

    def digest(self, at: int) -> int:
        row = int(self.rows[at])
        return hash((self.topics[row], self.payloads[row]))


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

    def __init__(
        self, receive_maximum: int, window: int = WINDOW, held_bytes: int = HELD_BYTES
    ) -> None:
        self.window = max(receive_maximum, window)
        self._most_held = held_bytes
        self._forget(session=0)

    def _forget(self, session: int) -> None:
        self._session = session
        self._count = 0  # entries with QoS > 0 so far
        self._place: IntArray = np.full(IDENTIFIERS + 1, -self.window - 1, np.int64)
        self._held: deque[_Held] = deque()
        self._held_bytes = 0
        # 64 bits stand for each message that is no longer held: payloads may be long.
        self._digest: IntArray = np.zeros(IDENTIFIERS + 1, np.int64)

    def note(self, batch: RawBatch) -> None:
        """Remember what has been journalled; another session's number forgets the one before."""
        rows = np.flatnonzero(numbers(batch.flags) & QOS_MASK)
        if not len(rows):
            return
        if batch.session != self._session:
            self._forget(batch.session)
        mids = numbers(batch.mids)[rows]
        # Where an identifier occurs twice, numpy lets the last one stand.
        self._place[mids] = self._count + np.arange(len(rows))
        size = int(lengths(batch.payloads).sum())
        self._held.append(_Held(self._count, mids, rows, coded(batch.topics), batch.payloads, size))
        self._held_bytes += size
        self._count += len(rows)
        while self._held and (
            self._held_bytes > self._most_held or self._held[0].upto <= self._gone
        ):
            self._let_go()

    @property
    def _gone(self) -> int:
        """What lies before this place has left the window."""
        return self._count - self.window

    def _let_go(self) -> None:
        """Keep of the oldest messages held the digests, where they are still the latest."""
        held = self._held.popleft()
        self._held_bytes -= held.size
        place = held.first + np.arange(len(held.rows))
        latest = (self._place[held.mids] == place) & (place >= self._gone)
        for at in np.flatnonzero(latest).tolist():
            self._digest[held.mids[at]] = held.digest(at)

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
                before = int(self._place[mid]), self._latest(mid)
            if batch.flags[row] & DUP and before is not None and self._same(before, count, digest):
                again.append(row)
            else:
                latest[mid] = count, digest
                count += 1
        return again

    def _latest(self, mid: int) -> int:
        """Digest of the latest message with a packet identifier."""
        place = self._place[mid]
        if not self._held or place < self._held[0].first:
            return int(self._digest[mid])
        held = self._held[bisect_right(self._held, place, key=lambda held: held.first) - 1]
        return held.digest(int(place - held.first))

    def _same(self, before: tuple[int, int], count: int, digest: int) -> bool:
        place, known = before
        return known == digest and count - place <= self.window
