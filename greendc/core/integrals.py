"""Energy of stretches of time: segments cut at borders and summed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from greendc.core.energy import Segments, seconds
from greendc.core.facility import IntArray

FloatArray = npt.NDArray[np.float64]

AT_ONCE = 8192  # segments that are cut at a time: ten columns of this length are at hand


@dataclass(frozen=True, slots=True)
class Windows:
    """Disjoint stretches [start, end) in order; `label` says to which sum each belongs."""

    start: IntArray
    end: IntArray
    label: IntArray
    labels: int

    def of(self, mask: npt.NDArray[np.bool_]) -> "Windows":
        """Some of them."""
        return Windows(self.start[mask], self.end[mask], self.label[mask], self.labels)

    def labelled(self, labels: IntArray) -> "Windows":
        """The same, with the place of each label among these in order, which are all there are."""
        place = np.searchsorted(labels, self.label)
        return Windows(self.start, self.end, place, len(labels))

    @classmethod
    def cells(cls, lo: int, hi: int, grid: int) -> "Windows":
        """The cells of a grid from `lo` to `hi`, each its own sum."""
        start = np.arange(lo, hi, grid, dtype=np.int64)
        return cls(start, start + grid, np.arange(len(start)), len(start))


def integrate(
    found: Segments, windows: Windows, meters: int
) -> tuple[FloatArray, IntArray, FloatArray, FloatArray]:
    """Energy, known time, distributed and estimated energy of each meter in each labelled sum.

    A segment cut by a border is split on the straight line of power, a register's
    on the straight line of energy (F-6.3). Each sum runs left to right in time
    from zero over the segments of its own windows, so that nothing else that is
    computed beside it can change a bit of it.

    Returns
    -------
    tuple
        Energy [J], known time [ns], distributed and estimated energy without sign [J], each of
        shape (meters, labels).

    Examples
    --------
    100 W rising to 160 W in a minute: the first half minute holds 3450 J.

    >>> from greendc.core.facility import SECOND
    >>> line = Segments(
    ...     np.array([0]), np.array([0]), np.array([60 * SECOND]),
    ...     np.array([100.0]), np.array([160.0]), np.array([7800.0]), *np.zeros((2, 1), bool),
    ... )
    >>> energy, *_ = integrate(line, Windows.cells(0, 60 * SECOND, 30 * SECOND), 1)
    >>> print(energy[0])
    [3450. 4350.]
    """
    shape = (meters, windows.labels)
    sums = np.zeros(shape), np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)
    for part in _portions(found):
        lo, hi = int(part.meter[0]), int(part.meter[-1]) + 1
        for every, some in zip(sums, _sums(part, windows, lo, hi), strict=True):
            if some.any():  # zeros that are not written take no memory
                every[lo:hi] = some
    return sums


def _portions(found: Segments) -> Iterator[Segments]:
    """All segments in their order, all of a meter in one portion."""
    begin = 0
    while begin < len(found):
        last = found.meter[min(begin + AT_ONCE, len(found)) - 1]
        end = int(np.searchsorted(found.meter, last, "right"))
        yield found.between(begin, end)
        begin = end


def _sums(
    found: Segments, windows: Windows, lo: int, hi: int
) -> tuple[FloatArray, IntArray, FloatArray, FloatArray]:
    """What `integrate` tells of the meters from `lo` to `hi`, which all segments are of."""
    first = np.searchsorted(windows.end, found.start, "right")
    count = np.maximum(np.searchsorted(windows.start, found.end, "left") - first, 0)
    piece = np.repeat(np.arange(len(count)), count)
    offset = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    window = first[piece] + offset
    start, end = found.start[piece], found.end[piece]
    begin = np.maximum(start, windows.start[window])
    until = np.minimum(end, windows.end[window])
    energy = found.energy[piece]
    cut = np.flatnonzero((begin != start) | (until != end))
    energy[cut] = _cut(found, piece[cut], begin[cut], until[cut])
    place = (found.meter[piece] - lo) * windows.labels + windows.label[window]
    shape = (hi - lo, windows.labels)
    size = shape[0] * shape[1]
    # bincount adds in the order of its input; an integer sum below 2**53 ns (104 days) is exact
    known = np.bincount(place, (until - begin).astype(np.float64), size).astype(np.int64)
    total: FloatArray = np.bincount(place, energy, size).astype(np.float64)
    spread, guessed = (
        np.bincount(place, np.where(marked[piece], np.abs(energy), 0.0), size).astype(np.float64)
        for marked in (found.distributed, found.estimated)
    )
    return (
        total.reshape(shape),
        known.reshape(shape),
        spread.reshape(shape),
        guessed.reshape(shape),
    )


def _cut(found: Segments, piece: IntArray, lo: IntArray, hi: IntArray) -> FloatArray:
    start, length = found.start[piece], (found.end - found.start)[piece]
    power, rise = found.power[piece], (found.power_end - found.power)[piece]
    at_lo = power + rise * ((lo - start) / length)
    at_hi = power + rise * ((hi - start) / length)
    cut: FloatArray = (at_lo + at_hi) / 2 * seconds(hi - lo)
    return cut


def common_time(found: Segments, meters: int, lo: int, hi: int, grid: int) -> Windows:
    """The time within [lo, hi) in which all of `meters` meters are known, cut into cells.

    `found` holds the segments of exactly these meters. Sums over the windows
    returned are labelled by cell, so that ratios of them compare like with like
    (G3: only intervals in which numerator and denominator are both valid). They are as long as
    they can be: of segments that touch only the outer ends count, else meters that are read at
    moments of their own would cut each other's segments into as many pieces as all have together.

    Examples
    --------
    One meter knows [0, 5) and the other [3, 9): both know [3, 5).

    >>> two = Segments(
    ...     np.array([0, 1]), np.array([0, 3]), np.array([5, 9]),
    ...     np.ones(2), np.ones(2), np.ones(2), *np.zeros((2, 2), bool),
    ... )
    >>> both = common_time(two, 2, 0, 12, 4)
    >>> print(both.start, both.end, both.label)
    [3 4] [4 5] [0 1]
    """
    begin, end = np.maximum(found.start, lo), np.minimum(found.end, hi)
    keep = end > begin
    meter, begin, end = found.meter[keep], begin[keep], end[keep]
    apart = (meter[1:] != meter[:-1]) | (begin[1:] > end[:-1])
    first, last = np.ones((2, len(meter)), np.bool_)
    first[1:], last[:-1] = apart, apart
    begin, end, borders = begin[first], end[last], np.arange(lo, hi, grid)
    edges = np.concatenate([begin, end, borders])
    change = np.repeat([1, -1, 0], [len(begin), len(end), len(borders)])
    order = np.argsort(edges, kind="stable")
    edges, depth = edges[order], np.cumsum(change[order])
    upto = np.append(edges[1:], hi)
    whole = (depth == meters) & (upto > edges)
    start = edges[whole]
    return Windows(start, upto[whole], (start - lo) // grid, (hi - lo) // grid)
