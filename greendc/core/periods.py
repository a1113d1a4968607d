"""Longer periods as sums over stored rows: hours, local days, months, years, rolling windows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from greendc.core.accounts import Book
from greendc.core.cells import Block
from greendc.core.facility import DAY, EVER, HOUR, IntArray
from greendc.core.gaps import Gaps
from greendc.core.held import Held, have
from greendc.core.levels import BoolArray, Level, Reader, Starts, StoredRow, at_borders
from greendc.core.touched import Borders, Marks, Span, Touched, runs

__all__ = ["Calendar", "PeriodBlock", "Periods", "StoredRow"]

FloatArray = npt.NDArray[np.float64]

ROLLING = {"24h": 24 * HOUR, "7d": 7 * DAY, "30d": 30 * DAY}
TWELVE_MONTHS = "12mo"


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


class PeriodBlock(NamedTuple):
    """Rows of one account and period, with what the meters counted in each: (rows, meters) [J].

    Behind that stands, of meters for which something may be filled in, how much was [J]. `slices`
    is the share of each month that was measured, of months and years; shape (rows, months).
    """

    period: str
    block: Block
    meters: FloatArray
    slices: FloatArray | None = None

    def at(self, rows: IntArray) -> "PeriodBlock":
        """Some of the rows, by their places."""
        slices = None if self.slices is None else self.slices[rows]
        return PeriodBlock(self.period, self.block.at(rows), self.meters[rows], slices)


def _hour_starts(starts: IntArray) -> BoolArray:
    begins: BoolArray = starts % HOUR == 0
    return begins


def _are(spans: Sequence[Span], blocks: Sequence[Block]) -> bool:
    """Whether the rows of all blocks are just these spans, and none has lost any to a word."""
    start, end = np.array(spans, np.int64).reshape(-1, 2).T
    return all(
        block.lost is None and np.array_equal(block.start, start) and np.array_equal(block.end, end)
        for block in blocks
    )


def _among(starts: IntArray, borders: Borders) -> BoolArray:
    if not len(starts):
        return np.zeros(0, np.bool_)
    return at_borders(starts, np.array(borders(int(starts[0]), int(starts[-1])), np.int64))


class Periods:
    """Turns settled cells into the rows of all longer periods that they complete or change."""

    def __init__(
        self,
        books: Sequence[Book],
        meters: Sequence[str],
        calendar: Calendar,
        reader: Reader,
        gaps: Gaps,
    ) -> None:
        """Lay out the levels for all epochs' accounts; `meters` are the physical ones."""
        accounts = [account for book in books for account in book.accounts]
        self.accounts = {a.name: a for a in reversed(accounts)}
        self._lasting = frozenset(account.name for account in books[-1].accounts)
        self.calendar, self.step = calendar, min(book.epoch.cell for book in books)
        filled = [meters[place] for place in gaps.filled.tolist()]
        self.held = Held(accounts, meters, reader, self.step, filled)
        self.gaps = gaps
        self.marks = Marks()

    def roll(
        self,
        blocks: Sequence[Block],
        closed: Mapping[str, int],
        *,
        final: bool,
        left_out: Sequence[Span] = (),
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
        left_out
            Silences without cells, on full hours.
        """
        if not closed or not (blocks or final):
            return
        cells = list(self._cells(blocks)) if blocks else []
        yield from cells
        spans = self._spans(blocks, closed if final else {}, left_out)
        touched = list(self._touched(spans, closed, final=final))
        # level by level: the uncertainty of a total rests on its meters' rows of the level below
        by_name = {found.block.account.name: found for found in cells}
        for group in touched:
            yield from self._hours(group, by_name)
        for write in (self._rolling, self._days, self._twelve, self._months):
            for group in touched:
                yield from write(group)
        for group in touched:
            yield from self._years(group)
        going_on = [at for name, at in closed.items() if name in self._lasting]
        upto = min(going_on or closed.values())
        self.held.trim(upto, self.calendar.days(upto - 1, upto)[0])

    def _cells(self, blocks: Sequence[Block]) -> Iterator[PeriodBlock]:
        cells = self.held.near["cell"]
        have([cells], {(int(b.start[0]) // HOUR * HOUR, int(b.end[-1])) for b in blocks})
        cells.put(blocks)
        memo: dict[tuple[bytes, bytes], FloatArray] = {}
        for block in blocks:
            key = block.start.tobytes(), block.end.tobytes()
            if key not in memo:
                memo[key] = self._meters(cells, self._steps, block.start, block.end)
            yield PeriodBlock("cell", block, memo[key])

    def _spans(
        self, blocks: Sequence[Block], ended: Mapping[str, int], left_out: Sequence[Span]
    ) -> dict[str, list[Span]]:
        """Where each account's cells are new or changed, or complete a period all the same."""
        before = {back: gone for gone, back in left_out}
        spans: dict[str, list[Span]] = {}
        for block in blocks:
            name, lo, hi = block.account.name, int(block.start[0]), int(block.end[-1])
            found = spans.setdefault(name, [])
            found.append((lo, hi))
            if self.marks.upto("hour", name) >= before.get(lo, EVER):
                # periods that were not over when the silence began are over now
                found.append((before[lo] - 1, before[lo]))
        for name in ended.keys() & self.accounts.keys():
            # an earlier end may have written periods that were not over, and are not yet
            spans.setdefault(name, []).append((ended[name] - 1, ended[name]))
        return spans

    def _touched(
        self, spans: Mapping[str, Sequence[Span]], closed: Mapping[str, int], *, final: bool
    ) -> Iterator[Touched]:
        """Accounts in groups for which the same rows are to be written."""
        groups: dict[tuple[tuple[Span, ...], int, tuple[int, ...]], list[str]] = {}
        for name, found in spans.items():
            rolled = () if self.accounts[name].kind == "meter" else (*ROLLING, TWELVE_MONTHS)
            marks = tuple(self.marks.upto(period, name) for period in rolled)
            groups.setdefault((tuple(found), closed[name], marks), []).append(name)
        for (found, upto, _), names in groups.items():
            yield Touched(names, runs(found), upto, final)

    # -- where rows begin ----------------------------------------------------------------------

    def _steps(self, starts: IntArray) -> BoolArray:
        begins: BoolArray = starts % self.step == 0
        return begins

    def _day_starts(self, starts: IntArray) -> BoolArray:
        return _among(starts, self.calendar.days)

    def _month_starts(self, starts: IntArray) -> BoolArray:
        return _among(starts, self.calendar.months)

    # -- calendar periods ----------------------------------------------------------------------

    def _hours(self, group: Touched, found: Mapping[str, PeriodBlock]) -> Iterator[PeriodBlock]:
        """Hours over cells; where each of them is one cell, that one with the same columns."""
        hours = group.hours()
        cells = [found[name] for name in group.names if name in found]
        if len(cells) < len(group.names) or not _are(hours, [cell.block for cell in cells]):
            below = self.held.near["cell"]
            yield from self._write("hour", group.names, hours, below, self._steps)
            return
        have(self.held.of("hour"), hours)
        yield from self._kept("hour", [c.block for c in cells], [c.meters for c in cells])

    def _days(self, group: Touched) -> Iterator[PeriodBlock]:
        """Local days over hours; where midnight is inside an hour, over cells."""
        wanted = group.complete(self.calendar.days)
        whole = [span for span in wanted if span[0] % HOUR == 0 and span[1] % HOUR == 0]
        cut = [span for span in wanted if span not in whole]
        yield from self._write("day", group.names, whole, self.held.near["hour"], _hour_starts)
        yield from self._write("day", group.names, cut, self.held.near["cell"], self._steps)

    def _months(self, group: Touched) -> Iterator[PeriodBlock]:
        wanted = group.complete(self.calendar.months)
        days = self.held.near["day"]
        written = self._write("month", group.names, wanted, days, self._day_starts)
        yield from self._sliced(written, [list(span) for span in wanted], days, group.names)

    def _years(self, group: Touched) -> Iterator[PeriodBlock]:
        wanted = group.complete(self.calendar.years)
        months = self.held.near["month"]
        borders = [self.calendar.months(a, b) for a, b in wanted]
        written = self._write("year", group.names, wanted, months, self._month_starts)
        days, names = self.held.far["day"], self._rolled(group)
        have([days], wanted if names else [])
        yield from self._sliced(written, borders, days, names)

    # -- rolling windows -----------------------------------------------------------------------

    def _rolled(self, group: Touched) -> list[str]:
        return [name for name in group.names if self.accounts[name].kind != "meter"]

    def _rolling(self, group: Touched) -> Iterator[PeriodBlock]:
        """Windows that end at each full hour and hold one of the hours touched."""
        names, hours = self._rolled(group), group.hours()
        if not names or not hours:
            return
        below, joined = self.held.far["hour"], runs(hours)
        windows: dict[str, list[Span]] = {}
        for period, length in ROLLING.items():
            last = max(min(group.upto, hours[-1][1]), self.marks.upto(period, names[0]))
            have([below], [(lo, min(hi + length, last)) for lo, hi in joined])
            ends = {
                end
                for lo, hi in joined
                for end in range(lo + HOUR, min(hi - HOUR + length, last) // HOUR * HOUR + 1, HOUR)
                if end - HOUR in below.index  # none ends in a silence that has no cells
            }
            windows[period] = [(end - length, end) for end in sorted(ends)]
        every = [span for spans in windows.values() for span in spans]
        blocks, meters = self._sums(names, every, below, _hour_starts)
        begin = 0
        for period, spans in windows.items():
            own = slice(begin, begin + len(spans))
            begin += len(spans)
            yield from self._kept(period, [b.at(own) for b in blocks], [meters[own]] * len(blocks))

    def _twelve(self, group: Touched) -> Iterator[PeriodBlock]:
        """Twelve months that end at each local midnight and hold one of the days touched."""
        names = self._rolled(group)
        days = group.complete(self.calendar.days)
        if not names or not days:
            return
        last = max(group.upto, self.marks.upto(TWELVE_MONTHS, names[0]))
        below = self.held.far["day"]
        have([below], [(lo, min(hi + 366 * DAY, last)) for lo, hi in days])
        borders = [self.calendar.twelve_months(end) for end in self._midnights(runs(days), last)]
        spans = [(months[0], months[-1]) for months in borders]
        written = self._write(TWELVE_MONTHS, names, spans, below, self._day_starts)
        yield from self._sliced(written, borders, below, names)

    def _midnights(self, spans: Iterable[Span], last: int) -> list[int]:
        """Ends of days, up to `last`, after which twelve months still hold one of these runs."""
        there = self.held.far["day"].index
        ends = {
            end
            for lo, hi in spans
            for begin, end in pairwise(self.calendar.days(lo, min(last, hi + 366 * DAY)))
            if end <= last and begin in there
        }
        return sorted(ends)

    def _sliced(
        self,
        written: Iterable[PeriodBlock],
        borders: list[list[int]],
        days: Level,
        names: Sequence[str],
    ) -> Iterator[PeriodBlock]:
        """Add the share of each month that was measured, of accounts of these names."""
        months: FloatArray | None = None
        places = {name: i for i, name in enumerate(names)}
        for found in written:
            if months is None and names:  # the days are there once the first is written
                of = [self.accounts[name] for name in names]
                months = self.gaps.measured(self.held, days, of, borders, self.calendar.days)
            place = places.get(found.block.account.name)
            slices = None if months is None or place is None else months[:, :, place]
            yield PeriodBlock(found.period, found.block, found.meters, slices)

    # -- sums ----------------------------------------------------------------------------------

    def _write(
        self, period: str, names: list[str], spans: list[Span], below: Level, starts: Starts
    ) -> Iterator[PeriodBlock]:
        """One row for each span and account: sums over the rows of the level below."""
        if not spans:
            return
        have(self.held.of(period), spans)
        blocks, meters = self._sums(names, spans, below, starts)
        yield from self._kept(period, blocks, [meters] * len(blocks))

    def _sums(
        self, names: Sequence[str], spans: Sequence[Span], below: Level, starts: Starts
    ) -> tuple[list[Block], FloatArray]:
        """The same rows, a block for each account, and what meters counted in each span."""
        if not spans:
            return [], np.zeros((0, 0))
        have([below], spans)
        start, end = (np.array(borders, np.int64) for borders in zip(*spans, strict=True))
        rows = below.runs(start, end, starts)
        valid, terms = below.totals(rows, names)
        meters = self.held.counted(below, rows)
        lost = below.lost(rows, names, end - start - valid)
        blocks = [
            Block(
                self.accounts[name],
                start,
                end,
                known,
                sums,
                lost=None if lost is None else lost[place],
            )
            for place, (name, known, sums) in enumerate(zip(names, valid, terms, strict=True))
        ]
        return blocks, meters

    def _kept(
        self, period: str, blocks: Sequence[Block], meters: Sequence[FloatArray]
    ) -> Iterator[PeriodBlock]:
        """Rows as those of a period, kept for longer ones; `meters` is what these counted."""
        if not blocks or not len(blocks[0].start):
            return
        least, most = int(blocks[0].end.min()), int(blocks[0].end.max())
        blocks = [
            block._replace(fresh=self.marks.fresh(period, block.account.name, least, most))
            for block in blocks
        ]
        for level in self.held.of(period):
            level.put(blocks)
        for block, counted in zip(blocks, meters, strict=True):
            yield PeriodBlock(period, block, counted)

    def _meters(self, level: Level, starts: Starts, start: IntArray, end: IntArray) -> FloatArray:
        """What each physical meter counted in each span: for the uncertainty alone."""
        return self.held.counted(level, level.runs(start, end, starts))
