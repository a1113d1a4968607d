"""Longer periods as sums over stored rows: hours, local days, months, years, rolling windows."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from greendc.core.accounts import Account
from greendc.core.cells import SHARES, Block
from greendc.core.facility import DAY, EVER, HOUR, IntArray
from greendc.core.sums import fsum_rows

FloatArray = npt.NDArray[np.float64]
Span = tuple[int, int]

ROLLING = {"24h": 24 * HOUR, "7d": 7 * DAY, "30d": 30 * DAY}


class Calendar(Protocol):
    """Borders of local time as UTC instants [ns]; computed outside the core."""

    def days(self, lo: int, hi: int) -> list[int]:
        """Local midnights from the last at or before `lo` to the first at or after `hi`."""
        ...

    def months(self, lo: int, hi: int) -> list[int]:
        """First instants of local months, likewise."""
        ...

    def years(self, lo: int, hi: int) -> list[int]:
        """First instants of local years, likewise."""
        ...

    def twelve_months(self, midnight: int) -> list[int]:
        """The same local date in each of the twelve months before a midnight, and the midnight."""
        ...


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as the ledger holds it: `terms` flat."""

    quantity: str
    start: int
    valid: int
    terms: FloatArray


Reader = Callable[[str, int, int], Iterable[StoredRow]]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where each account's terms stand in a flat row."""

    place: Mapping[str, int]
    columns: Mapping[str, slice]
    width: int

    @classmethod
    def of(cls, accounts: Iterable[Account]) -> "Shape":
        """Lay the accounts out one after the other; the first of a name stands for all."""
        place: dict[str, int] = {}
        columns: dict[str, slice] = {}
        width = 0
        for account in accounts:
            if account.name not in place:
                place[account.name] = len(place)
                columns[account.name] = slice(width, width + len(account.terms) * SHARES)
                width += len(account.terms) * SHARES
        return cls(place, columns, width)


class Level:
    """Rows of one period kept in memory, filled from the ledger as far back as they are asked for."""

    def __init__(self, period: str, shape: Shape, reader: Reader) -> None:
        self.period, self.shape, self.reader = period, shape, reader
        self.loaded_from = EVER
        self.index: dict[int, int] = {}
        self.valid: IntArray = np.zeros((16, len(shape.place)), np.int64)
        self.terms: FloatArray = np.zeros((16, shape.width))

    def ensure(self, lo: int) -> None:
        """Have every row from `lo` on in memory."""
        if lo >= self.loaded_from:
            return
        upto, self.loaded_from = self.loaded_from, lo
        for row in self.reader(self.period, lo, upto):
            if row.quantity in self.shape.place:
                number = self._row(row.start)
                self.valid[number, self.shape.place[row.quantity]] = row.valid
                self.terms[number, self.shape.columns[row.quantity]] = row.terms

    def _row(self, start: int) -> int:
        number = self.index.setdefault(start, len(self.index))
        if number >= len(self.valid):
            self.valid = np.concatenate([self.valid, np.zeros_like(self.valid)])
            self.terms = np.concatenate([self.terms, np.zeros_like(self.terms)])
        return number

    def put(self, block: Block) -> None:
        """Take the rows of a block."""
        rows = [self._row(int(start)) for start in block.start]
        name = block.account.name
        self.valid[rows, self.shape.place[name]] = block.valid
        self.terms[rows, self.shape.columns[name]] = block.terms.reshape(len(rows), -1)

    def rows(self, starts: Iterable[int]) -> list[int]:
        """Places of the rows that there are among these starts."""
        return [self.index[start] for start in starts if start in self.index]

    def total(self, rows: list[int], names: Sequence[str]) -> tuple[IntArray, list[FloatArray]]:
        """Known time and terms of accounts summed over rows: exact, and correctly rounded."""
        places = [self.shape.place[name] for name in names]
        columns = np.concatenate(
            [np.arange(self.shape.width)[self.shape.columns[n]] for n in names]
        )
        there = np.array(rows, np.int64)[:, None]
        valid = self.valid[there, places].sum(axis=0)
        terms = fsum_columns(self.terms[there, columns])
        cuts = np.cumsum([self.shape.columns[n].stop - self.shape.columns[n].start for n in names])
        return valid, np.split(terms, cuts[:-1])

    def trim(self, before: int) -> None:
        """Let go of rows that begin before a time."""
        gone = sum(1 for start in self.index if start < before)
        if gone * 2 <= len(self.index):
            return
        kept = {start: row for start, row in sorted(self.index.items()) if start >= before}
        rows = list(kept.values())
        room = max(16, len(rows))
        valid, terms = self.valid[rows], self.terms[rows]
        self.valid = np.zeros((room, self.valid.shape[1]), np.int64)
        self.terms = np.zeros((room, self.terms.shape[1]))
        self.valid[: len(rows)], self.terms[: len(rows)] = valid, terms
        self.index = {start: number for number, start in enumerate(kept)}
        self.loaded_from = max(self.loaded_from, before)


def fsum_columns(rows: FloatArray) -> FloatArray:
    """`fsum_rows`, the work done once for columns that are the same, and none for empty ones."""
    out = np.zeros(rows.shape[1])
    done: dict[bytes, float] = {}
    for column in np.flatnonzero(rows.any(axis=0)):
        values = np.ascontiguousarray(rows[:, column])
        key = values.tobytes()
        if key not in done:
            done[key] = float(fsum_rows(values[:, None])[0])
        out[column] = done[key]
    return out


@dataclass(frozen=True, slots=True)
class PeriodBlock:
    """Rows of one account and period, with what the meters counted in each: (rows, meters) [J].

    `slices` is the coverage of each month of a year, None for other periods; shape (rows, 12).
    """

    period: str
    block: Block
    meters: FloatArray
    slices: FloatArray | None = None


@dataclass(slots=True)
class Marks:
    """Up to which end each account's rows of each period have been written."""

    written: dict[str, dict[str, int]] = field(default_factory=dict)

    def fresh(self, period: str, name: str, ends: IntArray) -> bool:
        """Whether none of these ends can have been written; notes them as written."""
        marks = self.written.setdefault(period, {})
        before = marks.get(name, -EVER)
        marks[name] = max(before, int(ends.max()))
        return int(ends.min()) > before


class Periods:
    """Turns settled cells into the rows of all longer periods that they complete or change."""

    def __init__(
        self,
        accounts: Sequence[Account],
        meters: Sequence[str],
        calendar: Calendar,
        reader: Reader,
        step: int,
    ) -> None:
        """Lay out the levels; `step` is the site's shortest cell, `meters` the physical ones."""
        self.shape = Shape.of(accounts)
        self.accounts = {a.name: a for a in reversed(accounts)}
        self.calendar, self.step = calendar, step
        self.meter_columns = [
            self.shape.columns[m].start if m in self.shape.columns else -1 for m in meters
        ]
        self.levels = {p: Level(p, self.shape, reader) for p in ("cell", "hour", "day", "month")}
        self.marks = Marks()

    def roll(
        self, blocks: Sequence[Block], closed: Mapping[str, int], *, final: bool
    ) -> Iterator[PeriodBlock]:
        """Rows of cells and of every period that new or changed cells complete.

        Parameters
        ----------
        blocks
            Settled cells.
        closed
            Up to where each account is closed. [ns]
        final
            The input has ended: periods that are not over are written as they are.
        """
        if not blocks:
            return
        cells = self.levels["cell"]
        cells.ensure(min(int(b.start[0]) for b in blocks) // HOUR * HOUR)
        for block in blocks:
            cells.put(block)
        memo: dict[tuple[bytes, bytes], FloatArray] = {}
        for block in blocks:
            key = block.start.tobytes(), block.end.tobytes()
            if key not in memo:
                memo[key] = self._meters(cells, self._steps, block.start, block.end)
            yield PeriodBlock("cell", block, memo[key])
        for names, lo, hi in self._groups(blocks):
            upto = min(closed[name] for name in names)
            yield from self._hours(names, lo, hi, upto, final=final)
        self._trim(min(closed.values()))

    def _groups(self, blocks: Sequence[Block]) -> Iterator[tuple[list[str], int, int]]:
        spans: dict[str, Span] = {}
        for block in blocks:
            name, lo, hi = block.account.name, int(block.start[0]), int(block.end[-1])
            before = spans.get(name, (lo, hi))
            spans[name] = min(lo, before[0]), max(hi, before[1])
        groups: dict[Span, list[str]] = {}
        for name, span in spans.items():
            groups.setdefault(span, []).append(name)
        for (lo, hi), names in groups.items():
            yield names, lo, hi

    def _steps(self, lo: int, hi: int) -> Iterable[int]:
        return range(lo, hi, self.step)

    def _hours(
        self, names: list[str], lo: int, hi: int, upto: int, *, final: bool
    ) -> Iterator[PeriodBlock]:
        starts = _complete(list(range(lo // HOUR * HOUR, hi + HOUR, HOUR)), hi, upto, final=final)
        yield from self._write("hour", names, starts, self.levels["cell"], self._steps)
        lo = lo // HOUR * HOUR
        if starts:
            yield from self._rolling(names, lo, starts[-1][1], min(upto, starts[-1][1]))
        days = self.calendar.days(lo, hi)
        wanted = _complete(days, hi, upto, final=final)
        yield from self._days(names, wanted)
        if wanted:
            yield from self._twelve_months(names, wanted, upto)
        months = self.calendar.months(lo, hi)
        wanted = _complete(months, hi, upto, final=final)
        yield from self._write("month", names, wanted, self.levels["day"], self._day_starts)
        wanted = _complete(self.calendar.years(lo, hi), hi, upto, final=final)
        for found in self._write("year", names, wanted, self.levels["month"], self._month_starts):
            yield self._sliced(found, [self.calendar.months(a, b) for a, b in wanted], "month")

    def _day_starts(self, lo: int, hi: int) -> Iterable[int]:
        return [day for day in self.calendar.days(lo, hi) if lo <= day < hi]

    def _month_starts(self, lo: int, hi: int) -> Iterable[int]:
        return [month for month in self.calendar.months(lo, hi) if lo <= month < hi]

    def _days(self, names: list[str], wanted: list[Span]) -> Iterator[PeriodBlock]:
        """Local days over hours; where midnight is inside an hour, over cells."""
        whole = [span for span in wanted if span[0] % HOUR == 0 and span[1] % HOUR == 0]
        cut = [span for span in wanted if span not in whole]
        hours = self.levels["hour"]
        yield from self._write("day", names, whole, hours, lambda lo, hi: range(lo, hi, HOUR))
        yield from self._write("day", names, cut, self.levels["cell"], self._steps)

    def _rolling(self, names: list[str], lo: int, hi: int, upto: int) -> Iterator[PeriodBlock]:
        """Windows that end at each full hour and hold one of the hours from `lo` to `hi`."""
        kept = [n for n in names if self.accounts[n].kind != "meter"]
        if not kept:
            return
        hours = self.levels["hour"]
        for period, length in ROLLING.items():
            last = max(self.marks.written.get(period, {}).get(n, -EVER) for n in kept)
            ends = range(
                lo + HOUR, min(hi - HOUR + length, max(upto, last)) // HOUR * HOUR + 1, HOUR
            )
            spans = [(end - length, end) for end in ends]
            yield from self._write(period, kept, spans, hours, lambda a, b: range(a, b, HOUR))

    def _twelve_months(
        self, names: list[str], days: list[Span], upto: int
    ) -> Iterator[PeriodBlock]:
        kept = [n for n in names if self.accounts[n].kind != "meter"]
        if not kept:
            return
        last = max(self.marks.written.get("12mo", {}).get(n, -EVER) for n in kept)
        horizon = min(max(upto, last), days[-1][1] + 366 * DAY)
        ends = [
            d for d in self.calendar.days(days[0][1], horizon) if days[0][1] <= d <= max(upto, last)
        ]
        level = self.levels["day"]
        for end in ends:
            borders = self.calendar.twelve_months(end)
            for found in self._write("12mo", kept, [(borders[0], end)], level, self._day_starts):
                yield self._sliced(found, [borders], "day")

    def _sliced(self, found: PeriodBlock, borders: list[list[int]], below: str) -> PeriodBlock:
        """Add the coverage of each month of a year."""
        name = found.block.account.name
        known = [
            [self._known(name, a, b, below) for a, b in zip(row, row[1:], strict=False)]
            for row in borders
        ]
        return PeriodBlock(found.period, found.block, found.meters, np.array(known))

    def _known(self, name: str, lo: int, hi: int, below: str) -> float:
        """Coverage of an account in a span of whole days or months."""
        level = self.levels[below]
        starts = self._day_starts(lo, hi) if below == "day" else [lo]
        valid = level.valid[level.rows(starts), self.shape.place[name]]
        return float(valid.sum()) / (hi - lo)

    def _write(
        self,
        period: str,
        names: list[str],
        spans: list[Span],
        below: Level,
        starts: Callable[[int, int], Iterable[int]],
    ) -> Iterator[PeriodBlock]:
        """One row for each span and account: sums over the rows of the level below."""
        if not spans:
            return
        below.ensure(spans[0][0])
        start = np.array([s for s, _ in spans], np.int64)
        end = np.array([e for _, e in spans], np.int64)
        sums = [below.total(below.rows(starts(lo, hi)), names) for lo, hi in spans]
        meters = self._meters(below, starts, start, end)
        if period in self.levels:
            self.levels[period].ensure(spans[0][0])
        for i, name in enumerate(names):
            account = self.accounts[name]
            valid = np.array([v[i] for v, _ in sums], np.int64)
            terms = np.stack([t[i] for _, t in sums]).reshape(len(spans), -1, SHARES)
            fresh = self.marks.fresh(period, name, end)
            block = Block(account, start, end, valid, terms, fresh=fresh)
            if period in self.levels:
                self.levels[period].put(block)
            yield PeriodBlock(period, block, meters)

    def _meters(
        self,
        level: Level,
        starts: Callable[[int, int], Iterable[int]],
        start: IntArray,
        end: IntArray,
    ) -> FloatArray:
        """What each physical meter counted in each span: for the uncertainty, rounding is no matter."""
        out = np.zeros((len(start), len(self.meter_columns)))
        there = [i for i, column in enumerate(self.meter_columns) if column >= 0]
        columns = [self.meter_columns[i] for i in there]
        for i, (lo, hi) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
            rows = np.array(level.rows(starts(lo, hi)), np.int64)
            out[i, there] = level.terms[rows[:, None], columns].sum(axis=0)
        return out

    def _trim(self, closed: int) -> None:
        """Hold what the next rows will ask for: two days of cells, 32 days of hours, 14 months of days."""
        for period, days in (("cell", 2), ("hour", 32), ("day", 430), ("month", 800)):
            self.levels[period].trim(closed - days * DAY)


def _complete(borders: list[int], hi: int, upto: int, *, final: bool) -> list[Span]:
    """Spans between borders that begin before `hi` and are over, or, at the end, begun."""
    spans = zip(borders, borders[1:], strict=False)
    return [(lo, end) for lo, end in spans if lo < hi and (end <= upto or final)]
