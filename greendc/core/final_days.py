"""What registers count in a gap, spread over its hours as on final days (STANDARDS 6.5).

A day is final for a gap where it ends so long before it that no reading which is still taken in can
change it. Which days those are thus follows from the gap alone, and what they hold from the
ledger: in any order of arrival, live and replayed, a gap has the same shape.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from greendc.core.facility import DAY, HOUR, IntArray
from greendc.core.rules import REGISTER, Rules
from greendc.core.segments import Segments, seconds
from greendc.core.words import FloatArray

WEEKS = 4  # of final days that are looked at
SLOTS = 24  # hours of a day; a 25th one counts as the 24th
KNOWN_GAPS = 4096  # whose shape is remembered
IT_LOAD = -2  # in place of a meter: E_IT of the site

Gap = tuple[int, int, int]  # meter, start and end [ns]
Days = Callable[[int, int], Sequence[int]]  # local midnights around [lo, hi)


@dataclass(frozen=True, slots=True)
class Hours:
    """Full hours of which all was measured: places of meters, starts [ns] and energies [J].

    They are in the order of meters.
    """

    meter: IntArray
    start: IntArray
    energy: FloatArray

    def of(self, meter: int) -> tuple[IntArray, FloatArray]:
        """Starts and energies of one meter's hours."""
        mine = slice(*np.searchsorted(self.meter, [meter, meter + 1]).tolist())
        return self.start[mine], self.energy[mine]


HoursReader = Callable[[Sequence[int], int, int], Hours]  # hours of meters that start in [lo, hi)


@dataclass(frozen=True, slots=True)
class Spread:
    """A gap and the final days that gave it its shape, by their midnights [ns].

    Without days it is flat.
    """

    meter: int
    start: int
    end: int
    days: tuple[int, ...]

    def overlaps(self, lo: int, hi: int) -> bool:
        """Whether some of it lies in [lo, hi)."""
        return self.start < hi and self.end > lo


@dataclass(frozen=True, slots=True)
class _Form:
    """Where a gap is cut, and what its pieces hold of its energy; None: it stays as it is."""

    edges: IntArray
    share: FloatArray | None
    spread: Spread


class FinalDays:
    """Spreads what was counted in gaps; asks the ledger for hours once a gap.

    Examples
    --------
    In each hour of four final Mondays a register counts as many J as the hour has. On the next one
    66 J fall into 10:30 to 13:00: half of the 10, 11 and 12.

    >>> from greendc.core.facility import Kind, Meter
    >>> def days(lo, hi):
    ...     return list(range(lo // DAY * DAY, hi + DAY, DAY))
    >>> def read(meters, lo, hi):
    ...     start = np.arange(lo, hi, HOUR)
    ...     return Hours(np.zeros(len(start), np.int64), start, start % DAY / HOUR)
    >>> kind = Kind.REGISTER, HOUR, 3 * HOUR, 3 * HOUR
    >>> rules = Rules.of((Meter("kWh", "util", "energy", *kind),))
    >>> start, end = np.array([60 * 24 + 10.5, 60 * 24 + 13]).astype(np.int64)[:, None] * HOUR
    >>> marks = np.array([[True], [False]])
    >>> gap = Segments(np.array([0]), start, end, *np.zeros((2, 1)), np.array([66.0]), *marks)
    >>> found, spread = FinalDays(read, days, 7 * DAY).over(rules, gap)
    >>> print(found.energy, [day // DAY for day in spread[0].days])
    [20. 22. 24.] [25, 32, 39, 46]
    """

    def __init__(self, read: HoursReader, days: Days, final: int) -> None:
        """Read hours by `read`; days are final that end `final` before a gap [ns]."""
        self._read, self._days, self._final = read, days, final
        self._forms: dict[Gap, _Form] = {}

    def over(self, rules: Rules, found: Segments) -> tuple[Segments, list[Spread]]:
        """What is known, with all that registers have counted in gaps spread over the hours.

        Parameters
        ----------
        rules
            The meters' rules.
        found
            What is known of the meters.

        Returns
        -------
        tuple
            The same; what is `distributed` and reaches over a full hour is cut there, each part in
            proportion to the mean of the same hours of the same weekday among the 28 latest
            final days, and evenly where some of these hours were never measured. And the gaps.

        References
        ----------
        STANDARDS 6.5: a register's difference is exact; its shape over hours is that of the
        same weekday in the 28 latest final days (fallback flat).
        """
        long = (found.end - 1) // HOUR > found.start // HOUR
        gaps = found.distributed & (rules.kind[found.meter] == REGISTER) & long
        if not gaps.any():
            return found, []
        mine = found.where(gaps)
        keys = list(zip(mine.meter.tolist(), mine.start.tolist(), mine.end.tolist(), strict=True))
        self._learn([key for key in keys if key not in self._forms])
        forms = [self._forms[key] for key in keys]
        spread = [form.spread for form in forms]
        shaped = np.array([form.share is not None for form in forms], np.bool_)
        if shaped.any():
            cut = _pieces(mine.where(shaped), [form for form in forms if form.share is not None])
            gaps[gaps] = shaped
            found = Segments.beside([found.where(~gaps), cut])
            found = found.where(np.lexsort((found.start, found.meter)))
        return found, spread

    def _learn(self, gaps: Sequence[Gap]) -> None:
        """Work out the form of gaps; those with the same final days are asked for together."""
        together: dict[tuple[int, ...], list[Gap]] = {}
        for gap in gaps:
            borders = list(self._days(gap[1] - self._final - (7 * WEEKS + 2) * DAY, gap[2]))
            last = bisect_right(borders, gap[1] - self._final) - 1
            first = max(last - 7 * WEEKS, 0)
            together.setdefault((borders[first], borders[last]), []).append(gap)
        for (lo, hi), same in together.items():
            hours = self._read(sorted({meter for meter, _, _ in same}), lo, hi)
            for gap in same:
                self._forms[gap] = self._form(gap, *hours.of(gap[0]), lo)
        for gap in list(self._forms)[: max(len(self._forms) - KNOWN_GAPS, 0)]:
            if gap not in gaps:
                del self._forms[gap]

    def _form(self, gap: Gap, start: IntArray, energy: FloatArray, lo: int) -> _Form:
        meter, begin, end = gap
        cuts = np.arange(begin // HOUR * HOUR + HOUR, end, HOUR, dtype=np.int64)
        edges = np.concatenate([[begin], cuts, [end]])
        borders = np.array(self._days(lo, end), np.int64)
        day, slot = slots(borders, edges[:-1] // HOUR * HOUR)
        past, hour = slots(borders, start)
        wanted, known = day % 7 * SLOTS + slot, past % 7 * SLOTS + hour
        count = np.bincount(known, minlength=7 * SLOTS)
        mean = np.bincount(known, energy, 7 * SLOTS) / np.maximum(count, 1)
        weight = mean[wanted] * seconds(np.diff(edges))
        if not count[wanted].all() or (weight < 0).any() or not weight.sum() > 0:
            return _Form(edges, None, Spread(meter, begin, end, ()))
        used = np.unique(past[np.isin(known, wanted)])
        days = tuple(borders[used].tolist())
        return _Form(edges, weight / weight.sum(), Spread(meter, begin, end, days))


def slots(borders: IntArray, hours: IntArray) -> tuple[IntArray, IntArray]:
    """Which day each hour begins in, counted from the first one, and its hour of the day."""
    day = np.searchsorted(borders, hours, "right") - 1
    return day, np.minimum((hours - borders[day]) // HOUR, SLOTS - 1)


def _pieces(gaps: Segments, forms: Iterable[_Form]) -> Segments:
    """The gaps cut as their forms say; the energy of each stays as it was."""
    parts: list[Segments] = []
    for i, form in enumerate(forms):
        start, end = form.edges[:-1], form.edges[1:]
        energy = gaps.energy[i] * form.share
        power, marks = energy / seconds(end - start), np.ones(len(start), np.bool_)
        meter = np.full(len(start), gaps.meter[i])
        parts.append(Segments(meter, start, end, power, power, energy, marks, ~marks))
    return Segments.beside(parts)
