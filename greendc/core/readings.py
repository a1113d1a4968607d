"""Readings as columns, sorted by meter and time, the later in the journal winning."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from greendc.core.facility import EVER, IntArray

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Column = TypeVar("Column", IntArray, FloatArray)


@dataclass(frozen=True, slots=True)
class Readings:
    """Columns of equal length: journal number, meter, event time [ns], value in base units."""

    seq: IntArray
    meter: IntArray
    time: IntArray
    value: FloatArray

    @classmethod
    def none(cls) -> "Readings":
        """No readings."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, empty, np.zeros(0))

    def __len__(self) -> int:
        """Count them."""
        return len(self.seq)

    def where(self, mask: BoolArray | IntArray) -> "Readings":
        """Those that the mask keeps, or those at the places given; itself where that is all."""
        if mask.dtype == np.bool_ and mask.all():
            return self
        return Readings(self.seq[mask], self.meter[mask], self.time[mask], self.value[mask])

    def between(self, begin: int, end: int) -> "Readings":
        """Those from one place to another."""
        part = slice(begin, end)
        return Readings(self.seq[part], self.meter[part], self.time[part], self.value[part])


def without(rows: Readings, others: Readings) -> Readings:
    """The rows that are not among the others."""
    return rows.where(~among(rows, others)) if len(others) else rows


def among(rows: Readings, others: Readings) -> BoolArray:
    """Which of the rows are among the others."""
    those = set(zip(others.meter.tolist(), others.time.tolist(), others.seq.tolist(), strict=True))
    keys = zip(rows.meter.tolist(), rows.time.tolist(), rows.seq.tolist(), strict=True)
    return np.array([key in those for key in keys], np.bool_)


def firsts(rows: Readings, meters: int) -> IntArray:
    """Time of the first of each meter's sorted readings [ns]; before all time without any."""
    first = np.full(meters, -EVER, np.int64)
    first[rows.meter[::-1]] = rows.time[::-1]  # the first of each is written last
    return first


def lasts(rows: Readings, meters: int) -> IntArray:
    """Time of the last of each meter's sorted readings [ns]; before all time without any."""
    last = np.full(meters, -EVER, np.int64)
    last[rows.meter] = rows.time  # the last of each stays
    return last


def joined(parts: list[Readings]) -> Readings:
    """Columns one after the other."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return Readings.none()
    if len(parts) == 1:
        return parts[0]
    return Readings(
        np.concatenate([p.seq for p in parts]),
        np.concatenate([p.meter for p in parts]),
        np.concatenate([p.time for p in parts]),
        np.concatenate([p.value for p in parts]),
    )


def _ordered(parts: list[Readings]) -> Readings:
    """Sort by (meter, time, seq); what comes in the order of time needs no sort by it."""
    meter = _chained([part.meter for part in parts])
    narrow = meter.astype(np.uint16)
    if np.array_equal(narrow, meter):
        found = _at(parts, np.argsort(narrow, kind="stable"))
        same = found.meter[1:] == found.meter[:-1]
        back = found.time[1:] < found.time[:-1]
        back |= (found.time[1:] == found.time[:-1]) & (found.seq[1:] < found.seq[:-1])
        if not (same & back).any():
            return found
    rows = joined(parts)
    return rows.where(np.lexsort((rows.seq, rows.time, rows.meter)))


def _at(parts: list[Readings], order: IntArray) -> Readings:
    """Rows of parts one after the other, in an order: no column is twice in memory for long."""
    return Readings(
        _chained([part.seq for part in parts])[order],
        _chained([part.meter for part in parts])[order],
        _chained([part.time for part in parts])[order],
        _chained([part.value for part in parts])[order],
    )


def _chained(columns: list[Column]) -> Column:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


@dataclass(frozen=True, slots=True)
class Merged:
    """Sorted readings, one for each meter and time; what was repeated on the way."""

    readings: Readings
    duplicates: int
    conflicts: int


def merged(parts: list[Readings]) -> Merged:
    """Sort by (meter, time); of readings of one meter and time the latest in the journal stands.

    Examples
    --------
    The same reading twice, then another value for the same time:

    >>> minute = np.array([60, 60, 60])
    >>> one = Readings(np.array([1, 2, 3]), np.zeros(3, int), minute, np.array([5., 5., 7.]))
    >>> found = merged([one])
    >>> print(found.readings.value, found.duplicates, found.conflicts)
    [7.] 1 1
    """
    rows = _ordered([part for part in parts if len(part)] or [Readings.none()])
    again = (rows.meter[1:] == rows.meter[:-1]) & (rows.time[1:] == rows.time[:-1])
    if not again.any():
        return Merged(rows, 0, 0)
    same = rows.value[1:] == rows.value[:-1]
    last = np.append(~again, True)
    return Merged(rows.where(last), int((again & same).sum()), int((again & ~same).sum()))
