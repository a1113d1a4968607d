"""Gaps of powers filled as on the latest final days, by IT load (STANDARDS 6.5).

When a local day has become final, what is missing in it will stay so: only then it is filled, from
days that are final as well. So nothing that an estimate rests on can change after it, in whatever
order readings arrive, and nothing that was filled in is taken for measured later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import lcm

import numpy as np

from greendc.core.accounts import Book
from greendc.core.facility import DAY, HOUR, SECOND, IntArray
from greendc.core.final_days import IT_LOAD, SLOTS, Days, HoursReader, Spread, slots
from greendc.core.segments import Segments, seconds
from greendc.core.words import FloatArray

LATEST = 7  # final days that an hour is filled from
LOOKED_AT = 28  # final days among which those are looked for

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fills:
    """Hours that lack something, by meter and time: places, starts [ns], mean powers [W].

    Each row of `days` is the midnights that an hour is made of; shape (hours, LATEST).
    """

    meter: IntArray
    start: IntArray
    power: FloatArray
    days: IntArray

    def __len__(self) -> int:
        """Count them."""
        return len(self.meter)

    def between(self, lo: int, hi: int) -> "Fills":
        """Those that start in [lo, hi)."""
        mine = (self.start >= lo) & (self.start < hi)
        return Fills(self.meter[mine], self.start[mine], self.power[mine], self.days[mine])

    @classmethod
    def none(cls) -> "Fills":
        """Nothing to be filled."""
        none = np.zeros(0, np.int64)
        return cls(none, none, np.zeros(0), np.zeros((0, LATEST), np.int64))


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

    def of(self, day: Span) -> Fills:
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
) -> Fills:
    """What hours of a final day that lack something of meters are filled with.

    Parameters
    ----------
    read, days
        Read hours of the ledger, and tell local midnights.
    meters
        Places of those that ask for it, in their order.
    loads
        Places of those that E_IT is made of.
    day
        Start and end, at full hours. [ns]

    Returns
    -------
    Fills
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

    >>> from greendc.core.final_days import Hours
    >>> def days(lo, hi):
    ...     return list(range(lo // DAY * DAY, hi + DAY, DAY))
    >>> def read(places, lo, hi):
    ...     start = np.arange(max(lo, 0), hi, HOUR)
    ...     pump = np.array([3.0, 1, 2, 5, 4, 7, 6, 0])[start // DAY] * 3600
    ...     load = np.where(start < 7 * DAY, 10.0, 15.0) * 3600
    ...     known = start < 7 * DAY
    ...     meter = np.append(np.full(len(start), IT_LOAD), np.full(known.sum(), 1))
    ...     found = Hours(meter, np.append(start, start[known]), np.append(load, pump[known]))
    ...     mine = np.isin(found.meter, places)
    ...     return Hours(found.meter[mine], found.start[mine], found.energy[mine])
    >>> found = fills(read, days, np.array([1]), frozenset({0}), (7 * DAY, 8 * DAY))
    >>> len(found), float(found.power[0]), (found.days[0] // DAY).tolist()
    (24, 6.0, [0, 1, 2, 3, 4, 5, 6])
    """
    lo, hi = day
    every = np.arange(lo, hi, HOUR, dtype=np.int64)
    found = read(meters.tolist(), lo, hi)
    lacking = np.ones((len(meters), len(every)), np.bool_)
    lacking[np.searchsorted(meters, found.meter), (found.start - lo) // HOUR] = False
    some = lacking.any(axis=1)
    meters, lacking = meters[some], lacking[some]
    if not len(meters):
        return Fills.none()
    borders = np.array(days(lo - (LOOKED_AT + 1) * DAY, hi), np.int64)
    today = int(np.searchsorted(borders, lo, "right")) - 1
    borders = borders[max(today - LOOKED_AT, 0) :]
    own, it = _tables(read, borders, meters.tolist(), lo)
    load = read([IT_LOAD], lo, hi)
    now = np.full(len(every), np.nan)
    now[(load.start - lo) // HOUR] = load.energy
    row, hour = np.nonzero(lacking)
    slot = slots(borders, every)[1][hour]
    alone = np.isin(meters[row], list(loads))  # IT itself has no ratio
    return _medians(
        (meters[row], every[hour]),
        borders,
        own[row, :, slot],
        np.where(alone[:, None], 1.0, it[:, slot].T),
        np.where(alone, 1.0, now[hour]),
    )


def _tables(
    read: HoursReader, borders: IntArray, meters: Sequence[int], end: int
) -> tuple[FloatArray, FloatArray]:
    """Energies of meters, and of E_IT, by day and local hour; NaN where it was not measured.

    Read day by day, for the hours of a month of many meters are many.
    """
    out = np.full((len(meters) + 1, len(borders), SLOTS), np.nan)
    places = np.array([IT_LOAD, *meters])
    for begin, stop in pairwise([*borders[borders < end].tolist(), end]):
        found = read(places.tolist(), begin, stop)
        slot = (found.start - begin) // HOUR
        usual = slot < SLOTS
        row = np.searchsorted(places, found.meter[usual])
        out[row, np.searchsorted(borders, begin), slot[usual]] = found.energy[usual]
    return out[1:], out[0]


def _medians(
    wanted: tuple[IntArray, IntArray],
    borders: IntArray,
    own: FloatArray,
    it: FloatArray,
    load: FloatArray,
) -> Fills:
    """Fills of the hours `wanted` of meters, from what they and IT took on each day."""
    known = ~np.isnan(own) & ~np.isnan(it)
    latest = known & (np.cumsum(known[:, ::-1], axis=1)[:, ::-1] <= LATEST)
    enough = (latest.sum(axis=1) == LATEST) & ~np.isnan(load)
    latest, own, it, load = latest[enough], own[enough], it[enough], load[enough]
    median = np.median(it[latest].reshape(-1, LATEST), axis=1)
    usual = np.median(own[latest].reshape(-1, LATEST), axis=1)
    running = median > 0
    power = usual[running] / (HOUR / SECOND) * load[running] / median[running]
    days = borders[np.nonzero(latest[running])[1]].reshape(-1, LATEST)
    meter, start = (column[enough][running] for column in wanted)
    return Fills(meter, start, power, days)


def filled(found: Segments, wanted: Fills) -> tuple[Segments, list[Spread]]:
    """What is known, and between it what is filled in; and the gaps that were filled.

    `found` is by meter and time.
    """
    lo, hi = int(wanted.start.min()), int(wanted.start.max()) + HOUR
    meters = np.unique(wanted.meter)
    mine = np.isin(found.meter, meters) & (found.end > lo) & (found.start < hi)
    # on one axis, a meter behind the other
    width = hi - lo
    base = np.arange(len(meters)) * width
    known = np.searchsorted(meters, found.meter[mine]) * width
    begin = known + np.clip(found.start[mine] - lo, 0, width)
    until = known + np.clip(found.end[mine] - lo, 0, width)
    # between what is known of a meter, and at either end of it
    opens, closes = (np.sort(np.append(*pair)) for pair in ((base, until), (begin, base + width)))
    hours = np.searchsorted(meters, wanted.meter) * width + wanted.start - lo
    first = np.searchsorted(hours + HOUR, opens, "right")
    count = (np.searchsorted(hours, closes, "left") - first) * (closes > opens)
    gap = np.repeat(np.arange(len(opens)), count)
    one = np.arange(len(gap)) - np.repeat(np.cumsum(count) - count, count) + first[gap]
    shift = wanted.start[one] - hours[one]
    start = np.maximum(opens[gap], hours[one]) + shift
    end = np.minimum(closes[gap], hours[one] + HOUR) + shift
    meter, power = wanted.meter[one], wanted.power[one]
    none = np.zeros(len(start), np.bool_)
    made = Segments(meter, start, end, power, power, power * seconds(end - start), none, ~none)
    found = Segments.beside([found, made])
    return found.where(np.lexsort((found.start, found.meter))), _told(made, wanted.days[one])


def _told(made: Segments, days: IntArray) -> list[Spread]:
    """What was filled in, with the days it is made of; one where it goes on by the same ones."""
    fresh = np.ones(len(made) + 1, np.bool_)
    fresh[1:-1] = made.meter[1:] != made.meter[:-1]
    fresh[1:-1] |= made.start[1:] != made.end[:-1]
    fresh[1:-1] |= (days[1:] != days[:-1]).any(axis=1)
    borders = np.flatnonzero(fresh)  # the last one is behind all
    first, last = borders[:-1], borders[1:] - 1
    columns = made.meter[first], made.start[first], made.end[last], days[first]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Spread(meter, start, end, tuple(of)) for meter, start, end, of in rows]
