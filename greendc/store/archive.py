"""Readings that memory has let go of, for cells that are computed again."""

import sqlite3
from collections.abc import Iterable

import msgspec
import numpy as np
import zstandard

from greendc.core.facility import IntArray
from greendc.core.readings import Readings, joined


def packed(readings: Readings, numbers: IntArray) -> bytes:
    """Readings as one archive row; `numbers` stand for the meters' places."""
    columns = (readings.seq, numbers[readings.meter], readings.time, readings.value)
    return zstandard.compress(msgspec.msgpack.encode([c.tobytes() for c in columns]), 1)


class ArchivedReadings:
    """Implements `core.site.History` on the ledger file."""

    def __init__(self, db: sqlite3.Connection, site: str, numbers: list[int]) -> None:
        self._db, self._site, self._numbers = db, site, np.array(numbers, np.int64)

    def _placed(self, body: bytes) -> Readings:
        found = unpacked(body)
        order = np.argsort(self._numbers)
        place = np.minimum(
            np.searchsorted(self._numbers, found.meter, sorter=order), len(order) - 1
        )
        known = self._numbers[order[place]] == found.meter
        here = Readings(found.seq, order[place], found.time, found.value)
        return here if known.all() else here.where(known)

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
            "SELECT body FROM archive WHERE site = ? AND first < ? ORDER BY last DESC",
            (self._site, lo),
        )
        after = self._db.execute(
            "SELECT body FROM archive WHERE site = ? AND last >= ? ORDER BY first",
            (self._site, hi),
        )
        first, last = -(2**63), 2**63 - 1
        return joined(
            [
                *self._some(before, meter, (first, lo), count),
                *self._some(after, meter, (hi, last), count),
            ]
        )

    def _some(
        self, rows: Iterable[tuple[bytes]], meter: int, span: tuple[int, int], count: int
    ) -> list[Readings]:
        found: list[Readings] = []
        for (body,) in rows:
            part = self._placed(body)
            part = part.where(
                (part.meter == meter) & (part.time >= span[0]) & (part.time < span[1])
            )
            if len(part):
                found.append(part)
                count -= len(part)
            if count <= 0:
                break
        return found


def unpacked(body: bytes) -> Readings:
    """Readings of one archive row."""
    columns = msgspec.msgpack.decode(zstandard.decompress(body))
    seq, meter, time = (np.frombuffer(c, np.int64) for c in columns[:3])
    return Readings(seq, meter, time, np.frombuffer(columns[3], np.float64))
