"""Readings that memory has let go of, for cells that are computed again."""

import sqlite3
from collections.abc import Iterable, Mapping
from itertools import chain

import msgspec
import numpy as np
import zstandard

from greendc.core.facility import EVER, IntArray
from greendc.core.leftout import LeftOut
from greendc.core.readings import BoolArray, Readings, joined


def packed(readings: Readings, numbers: IntArray) -> bytes:
    """Readings as one archive row; `numbers` stand for the meters' places."""
    columns = (readings.seq, numbers[readings.meter], readings.time, readings.value)
    return zstandard.compress(msgspec.msgpack.encode([c.tobytes() for c in columns]), 1)


def renumbered(body: bytes, numbers: Mapping[int, int]) -> bytes:
    """An archive row of another file, whose meters have other numbers here."""
    seq, meter, time, value = msgspec.msgpack.decode(zstandard.decompress(body))
    found = np.frombuffer(meter, np.int64)
    theirs, place = np.unique(found, return_inverse=True)
    ours = np.array([numbers[number] for number in theirs.tolist()], np.int64)
    columns = [seq, ours[place].tobytes(), time, value]
    return zstandard.compress(msgspec.msgpack.encode(columns), 1)


class ArchivedReadings:
    """Implements `core.site.History` on the ledger file."""

    def __init__(self, db: sqlite3.Connection, site: str, numbers: list[int]) -> None:
        self._db, self._site, self._numbers = db, site, np.array(numbers, np.int64)

    def _placed(self, body: bytes) -> Readings:
        found = unpacked(body)
        place, known = self._places(found.meter)
        here = Readings(found.seq, place, found.time, found.value)
        return here if known.all() else here.where(known)

    def _places(self, meter: IntArray) -> tuple[IntArray, BoolArray]:
        """Places of meters by their numbers, and which of them there are."""
        order = np.argsort(self._numbers)
        place = np.searchsorted(self._numbers, meter, sorter=order)
        place = order[np.minimum(place, len(order) - 1)]
        return place, np.asarray(self._numbers[place] == meter)

    def readings(self, lo: int, hi: int) -> Readings:
        """All with `lo` <= time < `hi`."""
        rows = self._db.execute(
            "SELECT body FROM archive WHERE site = ? AND last >= ? AND first < ?",
            (self._site, lo, hi),
        )
        parts = [self._placed(body) for (body,) in rows]
        return joined([p.where((p.time >= lo) & (p.time < hi)) for p in parts])

    def around(self, meter: int, lo: int, hi: int, count: int) -> Readings:
        """The nearest `count` of a meter before `lo` and as many from `hi` on."""
        before = self._db.execute(
            "SELECT -last, body FROM archive WHERE site = ? AND first < ? ORDER BY last DESC",
            (self._site, lo),
        )
        after = self._db.execute(
            "SELECT first, body FROM archive WHERE site = ? AND last >= ? ORDER BY first",
            (self._site, hi),
        )
        found = [
            self._nearest(
                ((at, self._meter(body, meter, -EVER, lo)) for at, body in before), -count
            ),
            self._nearest(((at, self._meter(body, meter, hi, EVER)) for at, body in after), count),
        ]
        return joined(found)

    def left_out(self, lo: int, hi: int, seq: int) -> LeftOut:
        """Refused readings with `lo` <= time < `hi` of journal entries up to `seq`."""
        rows = self._db.execute(
            "SELECT meter, time, word FROM left_out "
            "WHERE site = ? AND time >= ? AND time < ? AND seq <= ?",
            (self._site, lo, hi, seq),
        )
        meter, time, word = np.fromiter(chain.from_iterable(rows), np.int64).reshape(-1, 3).T
        place, known = self._places(meter)
        return LeftOut(place, time, word).where(known)

    def _meter(self, body: bytes, meter: int, lo: int, hi: int) -> Readings:
        part = self._placed(body)
        return part.where((part.meter == meter) & (part.time >= lo) & (part.time < hi))

    @staticmethod
    def _nearest(parts: Iterable[tuple[int, Readings]], count: int) -> Readings:
        """Readings until `count` times lie nearer than any part to come; negative: backwards.

        Each part comes with the nearest time that it can hold; spans of parts overlap
        where readings were late.
        """
        found: list[Readings] = []
        near: set[int] = set()
        sign = 1 if count > 0 else -1
        for bound, part in parts:
            if sum(time < bound for time in near) >= abs(count):
                break
            found.append(part)
            near.update((sign * part.time).tolist())
        return joined(found)


def unpacked(body: bytes) -> Readings:
    """Readings of one archive row."""
    columns = msgspec.msgpack.decode(zstandard.decompress(body))
    seq, meter, time = (np.frombuffer(c, np.int64) for c in columns[:3])
    return Readings(seq, meter, time, np.frombuffer(columns[3], np.float64))
