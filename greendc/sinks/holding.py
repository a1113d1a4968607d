"""Whether a store still holds what it has taken: a cursor tells nothing of that."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from greendc.core.facility import DAY
from greendc.core.figure import PERIODS
from greendc.ports import LedgerReader, LedgerRow, Starts
from greendc.sinks.errors import Refused, Unavailable
from greendc.sinks.line_protocol import month_bounds

LOOKED_AT = 400 * DAY  # up to the newest figure
UNCOUNTED = frozenset({"cell"})  # too many to be counted each day


@runtime_checkable
class Holding(Protocol):
    """A sink whose store can be asked for a figure."""

    def holds(self, row: LedgerRow) -> bool:
        """Whether the figure is there, by any revision.

        Raises
        ------
        Refused, Unavailable
            If the store cannot be asked.
        """
        ...


def emptied(
    sink: object, latest: Iterable[LedgerRow], cursor: int, periods: Collection[str] | None
) -> str | None:
    """What is wrong with a store that holds none of the newest figures that it has taken.

    Parameters
    ----------
    sink
        One that is not `Holding`, or whose store cannot be asked, is not judged.
    latest
        The ledger's newest figure of each quantity and period.
    cursor, periods
        How far the sink has come, and what it wants.
    """
    if not cursor or not isinstance(sink, Holding):
        return None
    taken = sorted((row for row in latest if row.id <= cursor), key=lambda row: row.id)
    asked = {r.figure.period: r for r in taken if periods is None or r.figure.period in periods}
    if not asked:
        return None
    try:
        if any(map(sink.holds, asked.values())):
            return None
    except (Refused, Unavailable):
        return None
    told = ", ".join(f"{row.figure.quantity} {period}" for period, row in asked.items())
    return (
        f"its store holds none of the newest figures that it took ({told}): it was emptied or put "
        "back; under another name the sink sends everything again"
    )


@runtime_checkable
class Counting(Protocol):
    """A sink whose store can be asked how many figures it has."""

    def counted(self, site: str, period: str, lo: int, hi: int) -> Mapping[int, int]:
        """How many start on each UTC day of [lo, hi), by its number since 1970.

        Raises
        ------
        Refused, Unavailable
            If the store cannot be asked.
        """
        ...


class CountedLedger(LedgerReader, Protocol):
    """A ledger that tells when its figures start."""

    def starts(self, periods: Collection[str], since: int, *, revised: bool) -> Iterator[Starts]:
        """Rows of some periods from a time on; or only of blocks that hold revised ones."""
        ...

    def newest_start(self) -> int | None:
        """When the last one starts; None without any [ns]."""
        ...


def holes(
    sink: object, ledger: CountedLedger, cursor: int, periods: Collection[str] | None, refused: int
) -> str | None:
    """What is wrong with a store that has fewer figures of some days than it has taken.

    Parameters
    ----------
    sink
        One that is not `Counting`, or whose store cannot be asked, is not judged.
    ledger
        Of the latest 400 days figures are counted, but for cells.
    cursor, periods
        How far the sink has come, and what it wants.
    refused
        How many figures the store has not taken.

    Returns
    -------
    str or None
        Days are judged behind the first one that the store has figures of: what it keeps no longer
        than it is told to is missing before. So are months of which nothing is revised that the
        sink has not passed yet: they may just be written anew.
    """
    wanted = [p for p in PERIODS if p not in UNCOUNTED and (periods is None or p in periods)]
    newest = ledger.newest_start()
    if not cursor or not isinstance(sink, Counting) or newest is None:
        return None
    since = newest - LOOKED_AT
    taken = _taken(ledger, wanted, since, cursor)
    try:
        there = {key: _asked(sink, *key, days) for key, days in taken.items()}
    except (Refused, Unavailable):
        return None
    unsettled = _unsettled(ledger, wanted, since, cursor)
    lacking = Counter[tuple[str, str, int]]()
    for key, days in taken.items():
        first = min(there[key], default=max(days))
        for day in days:
            if day > first and (*key, month_bounds(day * DAY)[0]) not in unsettled:
                lacking[*key, day] = max(days[day] - there[key].get(day, 0), 0)
    lost = lacking.total()
    if lost <= refused:
        return None
    site, period, day = max(lacking, key=lambda one: (lacking[one], -one[2]))
    return (
        f"its store lacks {lost} figures that it took, most of {np.datetime64(day, 'D')} "
        f"({site} {period}); under another name the sink sends everything again"
    )


def _taken(
    ledger: CountedLedger, periods: Collection[str], since: int, cursor: int
) -> dict[tuple[str, str], Counter[int]]:
    """How many figures start on each day, by site and period, up to a row: each has one first."""
    found: dict[tuple[str, str], Counter[int]] = {}
    for rows in ledger.starts(periods, since, revised=False):
        first = (rows.revision == 0) & (rows.id <= cursor)
        day, count = np.unique(rows.start[first] // DAY, return_counts=True)
        if len(day):
            days = found.setdefault((rows.site, rows.period), Counter())
            days.update(dict(zip(day.tolist(), count.tolist(), strict=True)))
    return found


def _asked(sink: Counting, site: str, period: str, days: Collection[int]) -> dict[int, int]:
    """How many the store has, month by month."""
    found: dict[int, int] = {}
    at, end = min(days) * DAY, (max(days) + 1) * DAY
    while at < end:
        hi = min(month_bounds(at)[1], end)
        found.update(sink.counted(site, period, at, hi))
        at = hi
    return {day: count for day, count in found.items() if count}


def _unsettled(
    ledger: CountedLedger, periods: Collection[str], since: int, cursor: int
) -> set[tuple[str, str, int]]:
    """Months that hold a revision which the sink has not passed."""
    found = set[tuple[str, str, int]]()
    for rows in ledger.starts(periods, since, revised=True):
        later = (rows.revision > 0) & (rows.id > cursor)
        days = np.unique(rows.start[later] // DAY).tolist()
        found.update((rows.site, rows.period, month_bounds(day * DAY)[0]) for day in days)
    return found
