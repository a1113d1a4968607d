"""Gaps of powers filled as on the latest final days, by IT load (STANDARDS 6.5).

When a local day has become final, what is missing in it will stay so: only then it is filled, from
days that are final as well. So nothing that an estimate rests on can change after it, in whatever
order readings arrive, and nothing that was filled in is taken for measured later.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import lcm

import numpy as np

from greendc.core.accounts import Book
from greendc.core.facility import DAY, HOUR, SECOND, IntArray
from greendc.core.final_days import IT_LOAD, SLOTS, Days, Hours, HoursReader, Spread
from greendc.core.segments import Segments, seconds
from greendc.core.words import FloatArray

LATEST = 7  # final days that an hour is filled from
LOOKED_AT = 28  # final days among which those are looked for

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fill:
    """Mean power [W] of a meter in an hour that lacks something, and the days it is made of."""

    meter: int
    start: int
    power: float
    days: tuple[int, ...]


class Profile:
    """Finds what days that have become final lack, and what they are filled with."""

    def __init__(self, books: Sequence[Book], read: HoursReader, days: Days, final: int) -> None:
        """Read hours by `read`; a day is final when the watermark is `final` behind it [ns]."""
        self._books, self._read, self._days, self._final = books, read, days, final
        self.meters = _asking(books)
        grids = {account.grid for book in books for account in book.accounts}
        self._border = lcm(HOUR, *grids)

    def final(self, mark: int, watermark: int) -> list[Span]:
        """Days, by full hours, that become final as the watermark comes from `mark` on [ns]."""
        lo, hi = mark - self._final, watermark - self._final
        if lo >= hi:
            return []
        begins = self._days(lo - DAY - self._border, hi)
        edges = [-(-day // self._border) * self._border for day in begins]
        return [(begin, end) for begin, end in pairwise(edges) if lo < end <= hi]

    def at(self, day: Span) -> int:
        """The watermark at which a day becomes final [ns]."""
        return day[1] + self._final

    def of(self, day: Span) -> list[Fill]:
        """What is filled in on a day that has become final."""
        layout = [b for b in self._books if b.epoch.start <= day[0]] or self._books[:1]
        needs = [a.needs.tolist() for a in layout[-1].accounts if a.name == "e_it"]
        loads = frozenset(place for places in needs for place in places)
        return fills(self._read, self._days, self.meters, loads, day)


def profile(books: Sequence[Book], read: HoursReader, days: Days, final: int) -> Profile | None:
    """A `Profile` where a meter asks for it, else None."""
    return Profile(books, read, days, final) if len(_asking(books)) else None


def _asking(books: Sequence[Book]) -> IntArray:
    """Places of the meters that ask for it."""
    return np.flatnonzero([meter.fill == "profile" for meter in books[0].rules.meters])


def fills(
    read: HoursReader, days: Days, meters: IntArray, loads: frozenset[int], day: Span
) -> list[Fill]:
    """What hours of a final day that lack something of meters are filled with.

    Parameters
    ----------
    read, days
        Read hours of the ledger, and tell local midnights.
    meters
        Places of those that ask for it.
    loads
        Places of those that E_IT is made of.
    day
        Start and end, at full hours. [ns]

    Returns
    -------
    list
        For each hour that was not measured in full the median of the same local hour of the seven
        latest of 28 days before in which it was, times E_IT of the hour over the median of E_IT of
        the same ones; meters of E_IT itself without that ratio. Hours that there are not seven
        for, or of which E_IT was not measured in full, are left out.

    References
    ----------
    STANDARDS 6.5: same-hour median of the 7 latest final days x IT-load ratio.

    Examples
    --------
    A pump takes 3, 1, 2, 5, 4, 7, 6 W on seven days, with 10 W of IT. On the eighth one it is not
    known, and IT takes 15 W: the median of 4 W, times 1.5.

    >>> def days(lo, hi):
    ...     return list(range(lo // DAY * DAY, hi + DAY, DAY))
    >>> def read(places, lo, hi):
    ...     start = np.arange(max(lo, 0), hi, HOUR)
    ...     pump = np.array([3.0, 1, 2, 5, 4, 7, 6, 0])[start // DAY] * 3600
    ...     load = np.where(start < 7 * DAY, 10.0, 15.0) * 3600
    ...     known = start < 7 * DAY
    ...     meter = np.concatenate([np.full(known.sum(), 1), np.full(len(start), IT_LOAD)])
    ...     found = Hours(
    ...         meter, np.append(start[known], start), np.append(pump[known], load)
    ...     )
    ...     mine = np.isin(found.meter, places)
    ...     return Hours(found.meter[mine], found.start[mine], found.energy[mine])
    >>> found = fills(read, days, np.array([1]), frozenset({0}), (7 * DAY, 8 * DAY))
    >>> len(found), found[0].power, [day // DAY for day in found[0].days]
    (24, 6.0, [0, 1, 2, 3, 4, 5, 6])
    """
    lo, hi = day
    found = read(meters.tolist(), lo, hi)
    every = np.arange(lo, hi, HOUR, dtype=np.int64)
    lacking = {m: np.setdiff1d(every, found.of(m)[0]) for m in meters.tolist()}
    lacking = {m: hours for m, hours in lacking.items() if len(hours)}
    if not lacking:
        return []
    borders = np.array(days(lo - (LOOKED_AT + 1) * DAY, hi), np.int64)
    today = int(np.searchsorted(borders, lo, "right")) - 1
    borders = borders[max(today - LOOKED_AT, 0) :]
    past, load = read([*lacking, IT_LOAD], int(borders[0]), lo), read([IT_LOAD], lo, hi)
    it = _table(borders, past, IT_LOAD)
    usual = dict(zip(*[column.tolist() for column in load.of(IT_LOAD)], strict=True))
    out = list[Fill]()
    for meter, hours in lacking.items():
        own = _table(borders, past, meter)
        table, loads_of = (np.ones_like(own), None) if meter in loads else (it, usual)
        out += _of_meter(meter, hours, borders, (own, table), loads_of)
    return out


def _of_meter(
    meter: int,
    hours: IntArray,
    borders: IntArray,
    tables: tuple[FloatArray, FloatArray],
    loads: dict[int, float] | None,
) -> Iterator[Fill]:
    """Fills of hours of one meter, from tables of its energy and of E_IT; `loads` are E_IT now."""
    own, it = tables
    known = ~np.isnan(own) & ~np.isnan(it)
    day = np.searchsorted(borders, hours, "right") - 1
    slots = np.minimum((hours - borders[day]) // HOUR, SLOTS - 1)
    for hour, slot in zip(hours.tolist(), slots.tolist(), strict=True):
        latest = np.flatnonzero(known[:, slot])[-LATEST:]
        load = 1.0 if loads is None else loads.get(hour)
        median = float(np.median(it[latest, slot])) if len(latest) == LATEST else 0.0
        if load is not None and median > 0:
            power = float(np.median(own[latest, slot])) / (HOUR / SECOND) * load / median
            yield Fill(meter, hour, power, tuple(borders[latest].tolist()))


def _table(borders: IntArray, hours: Hours, meter: int) -> FloatArray:
    """Energy of a meter by day and local hour; NaN where it was not measured."""
    start, energy = hours.of(meter)
    day = np.searchsorted(borders, start, "right") - 1
    slot = (start - borders[day]) // HOUR
    out = np.full((len(borders), SLOTS), np.nan)
    usual = slot < SLOTS
    out[day[usual], slot[usual]] = energy[usual]
    return out


def filled(found: Segments, wanted: Iterable[Fill]) -> tuple[Segments, list[Spread]]:
    """What is known, and between it what is filled in; and the gaps that were filled."""
    parts, told = [found], list[Spread]()
    for one in wanted:
        lo, hi = one.start, one.start + HOUR
        mine = found.where((found.meter == one.meter) & (found.end > lo) & (found.start < hi))
        known = np.clip(np.column_stack([mine.start, mine.end]).ravel(), lo, hi)
        start, end = np.concatenate([[lo], known, [hi]]).reshape(-1, 2).T
        start, end = start[end > start], end[end > start]
        meter, power = np.full(len(start), one.meter), np.full(len(start), one.power)
        none = np.zeros(len(start), np.bool_)
        energy = power * seconds(end - start)
        parts.append(Segments(meter, start, end, power, power, energy, none, ~none))
        for begin, stop in zip(start.tolist(), end.tolist(), strict=True):
            last = told[-1] if told else None
            if last and (last.meter, last.end, last.days) == (one.meter, begin, one.days):
                told[-1] = Spread(one.meter, last.start, stop, one.days)
            else:
                told.append(Spread(one.meter, begin, stop, one.days))
    found = Segments.beside(parts)
    return found.where(np.lexsort((found.start, found.meter))), told
