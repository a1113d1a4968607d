"""What an end of input now would give: the running hour and local day, before they close.

Nothing here touches the ledger or its state; figures made from it are provisional.
"""

from collections.abc import Iterator, Sequence
from copy import copy

import numpy as np

from greendc.core.cells import Block
from greendc.core.facility import EVER, HOUR, IntArray
from greendc.core.levels import Level, Runs
from greendc.core.periods import PeriodBlock, Periods
from greendc.core.site import SiteBook
from greendc.core.touched import Span


def open_cells(book: SiteBook) -> list[Block]:
    """Cells that are not closed yet, from all readings held, as `SiteBook.end` would close them."""
    twin = copy(book)
    twin.progress = book.progress.copy()
    twin.waiting, twin.refused = list(book.waiting), copy(book.refused)
    blocks = twin.end(EVER).blocks
    silences = twin.progress.presence.left_out()
    since = silences[-1][1] if silences else -EVER  # older ones are not running any more
    return [block for block in blocks if block.start[0] >= since]


def running(periods: Periods, blocks: Sequence[Block], newest: int) -> Iterator[PeriodBlock]:
    """The hour and the local day that the last open cells fall into.

    Parameters
    ----------
    periods
        What is closed.
    blocks
        Cells from `open_cells`.
    newest
        Time of the newest reading. An end may count a last value for hours beyond it, but
        no hour is running that nothing has been heard of. [ns]
    """
    if not blocks:
        return
    first, last = min(int(b.start[0]) for b in blocks), max(int(b.end[-1]) for b in blocks)
    last = max(min(last, (newest // HOUR + 1) * HOUR), first + 1)
    day, night = _around(periods.calendar.days(last - 1, last), last)
    whole = day % HOUR == 0 and night % HOUR == 0  # the day is made of full hours
    begun = range(first // HOUR * HOUR, last, HOUR)
    cells = _opened(periods, blocks, begun[0] if whole else min(day, begun[0]), last)
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


def _opened(periods: Periods, blocks: Sequence[Block], lo: int, hi: int) -> Level:
    """Closed and open cells in [lo, hi) together."""
    cells = periods.held.near["cell"]
    cells.ensure(lo, hi)
    out = cells.part(range(lo, hi, periods.step))
    out.put(blocks)
    return out


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
