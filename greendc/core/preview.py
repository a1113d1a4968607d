"""What an end of input now would give: the running hour and local day, before they close.

Nothing here touches the ledger or its state; figures made from it are provisional.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from itertools import islice

import numpy as np

from greendc.core.cells import Block
from greendc.core.facility import EVER, HOUR, IntArray
from greendc.core.levels import Level, Runs
from greendc.core.periods import PeriodBlock, Periods
from greendc.core.presence import Presence
from greendc.core.settled import Settled
from greendc.core.site import SiteBook
from greendc.core.touched import Span

PORTION = 1024  # accounts whose cells are laid down at a time


class Opened(Settled):
    """Cells that are not closed yet, laid beside closed ones as they are worked out.

    Those of a large site are many, so none is kept by itself. `newest` is the time of the newest
    reading [ns].
    """

    def __init__(self, periods: Periods, presence: Presence, newest: int) -> None:
        """Begin with none."""
        super().__init__(passing=True)
        self.periods, self.presence = periods, presence
        self.closed = periods.held.near["cell"]
        # an end may count a last value for hours beyond, but no hour is running that nothing has
        # been heard of
        self.limit = (newest // HOUR + 1) * HOUR
        self.cells: Level | None = None
        self.first, self.last = EVER, -EVER

    def take(self, blocks: Iterable[Block]) -> None:
        """Lay cells down; those before a silence are not running any more."""
        silences = self.presence.left_out()
        since = silences[-1][1] if silences else -EVER
        running = (block for block in blocks if block.start[0] >= since)
        while part := list(islice(running, PORTION)):
            first, last = int(part[0].start[0]), int(part[0].end[-1])
            for block in part:
                first, last = min(first, int(block.start[0])), max(last, int(block.end[-1]))
            self.first, self.last = min(self.first, first), max(self.last, last)
            self.among(first // HOUR * HOUR, last).put(part)

    def among(self, lo: int, hi: int) -> Level:
        """All that there is, with the closed cells of [lo, hi)."""
        hi, step = min(hi, self.limit), self.periods.step
        if self.cells is None:
            room = len(range(lo, hi, step))
            self.cells = Level(self.closed.period, self.closed.shape, self.closed.reader, room)
        for begin, end in self.cells.held.fill(lo, hi) if lo < hi else ():
            self.closed.ensure(begin, end)
            self.closed.copy(range(begin, end, step), self.cells)
        return self.cells


def open_cells(book: SiteBook, periods: Periods) -> Opened:
    """Cells that are not closed yet, from all readings held, as `SiteBook.end` would close them."""
    twin = copy(book)
    twin.progress = book.progress.copy()
    twin.waiting, twin.refused = list(book.waiting), copy(book.refused)
    opened = Opened(periods, twin.progress.presence, book.newest)
    twin.end(EVER, into=opened)
    return opened


def running(opened: Opened) -> Iterator[PeriodBlock]:
    """The hour and the local day that the last open cells fall into."""
    if opened.cells is None:
        return
    periods = opened.periods
    last = max(min(opened.last, opened.limit), opened.first + 1)
    day, night = _around(periods.calendar.days(last - 1, last), last)
    whole = day % HOUR == 0 and night % HOUR == 0  # the day is made of full hours
    begun = range(opened.first // HOUR * HOUR, last, HOUR)
    cells = opened.among(begun[0] if whole else min(day, begun[0]), last)
    of_hour = cells.rows(_inside(cells, begun[-1], last))
    yield from _rows(periods, "hour", cells, of_hour, (begun[-1], begun[-1] + HOUR))
    if not whole:
        of_day = cells.rows(_inside(cells, day, last))
        yield from _rows(periods, "day", cells, of_day, (day, night))
        return
    hours = periods.held.near["hour"]
    hours.ensure(day, last)
    totals = hours.part(range(day, begun[0], HOUR))
    for hour in begun:
        if hour >= day:
            _sum_into(totals, cells, hour, periods.step)
    every = totals.rows(sorted(totals.index))
    yield from _rows(periods, "day", totals, every, (day, night))


def _around(borders: Sequence[int], moment: int) -> tuple[int, int]:
    """The two neighbouring borders between which the time just before `moment` lies."""
    day = max(b for b in borders if b < moment)
    return day, min(b for b in borders if b >= moment)


def _inside(level: Level, lo: int, hi: int) -> list[int]:
    return sorted(start for start in level.index if lo <= start < hi)


def _sum_into(totals: Level, cells: Level, hour: int, step: int) -> None:
    """Write an hour's row from its cells."""
    names = list(totals.shape.place)
    rows = cells.rows(range(hour, hour + HOUR, step))
    valid, terms = cells.totals(Runs.whole(rows), names)
    totals.write(hour, valid[:, 0], np.concatenate([term.ravel() for term in terms]))
    lacking = HOUR - valid
    lost = cells.lost(Runs.whole(rows), names, lacking)
    if lost is not None:
        totals.lose(hour, lost[:, 0], lacking[:, 0])


def _rows(
    periods: Periods, period: str, below: Level, rows: IntArray, span: Span
) -> Iterator[PeriodBlock]:
    """One row for every account but single meters: the sum of some rows of a level."""
    names = [name for name, account in periods.accounts.items() if account.kind != "meter"]
    if not names:
        return
    every = Runs.whole(rows)
    valid, terms = below.totals(every, names)
    meters = periods.held.counted(below, every)
    one = np.array(span[:1], np.int64), np.array(span[1:], np.int64)
    lost = below.lost(every, names, span[1] - span[0] - valid)
    words = [None] * len(names) if lost is None else list(lost)
    for name, known, term, word in zip(names, valid, terms, words, strict=True):
        block = Block(periods.accounts[name], *one, known, term, lost=word)
        yield PeriodBlock(period, block, meters)
