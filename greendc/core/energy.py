"""Energy from readings: what each reading says of the time around it, and sums over windows.

A *segment* is a stretch of time over which a meter's power is known: linear
between two samples (`instant`), constant over a mean's interval, or constant
between two register readings. Energy is what segments hold of a window; time
without a segment is missing, never zero.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from greendc.core.facility import EVER, SECOND, IntArray, Kind, Meter
from greendc.core.register import register_steps

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

KINDS = tuple(Kind)
INSTANT, MEAN_PREV, MEAN_NEXT, ON_CHANGE, REGISTER = range(5)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of all meters as columns; a meter's number is its place in them."""

    meters: tuple[Meter, ...]
    kind: IntArray
    nominal: IntArray
    max_gap: IntArray
    silent_after: IntArray

    @classmethod
    def of(cls, meters: tuple[Meter, ...]) -> "Rules":
        """Columns of the meters given."""
        return cls(
            meters,
            np.array([KINDS.index(m.kind) for m in meters], np.int64),
            np.array([m.nominal for m in meters], np.int64),
            np.array([m.max_gap for m in meters], np.int64),
            np.array([m.silent_after for m in meters], np.int64),
        )

    @property
    def causal(self) -> BoolArray:
        """Meters whose readings say nothing of the time before them."""
        found: BoolArray = (self.kind == MEAN_NEXT) | (self.kind == ON_CHANGE)
        return found

    @property
    def hold(self) -> IntArray:
        """How long a causal meter's reading holds if no other follows, in ns."""
        held = np.where(self.kind == ON_CHANGE, self.silent_after, self.nominal)
        return np.where(self.causal, held, 0)

    @property
    def reach(self) -> IntArray:
        """How far a reading matters to the time before or after it, in ns; registers: any."""
        by_kind = np.stack(
            [
                self.max_gap,
                self.nominal,
                self.nominal,
                self.silent_after,
                np.full_like(self.kind, EVER),
            ]
        )
        return by_kind[self.kind, np.arange(len(self.kind))]


@dataclass(frozen=True, slots=True)
class Segments:
    """Known stretches [start, end) [ns], sorted by (meter, start), disjoint for each meter.

    `energy` is that of the whole stretch [J], `power` and `power_end` the power at
    its two ends [W]. `distributed` marks a register's difference over more than
    the meter's `max_gap`: its sum is exact, its shape in time is not known.
    """

    meter: IntArray
    start: IntArray
    end: IntArray
    power: FloatArray
    power_end: FloatArray
    energy: FloatArray
    distributed: BoolArray

    def of(self, chosen: BoolArray) -> "Segments":
        """The segments of the meters chosen (a mask over meter numbers)."""
        return self.where(chosen[self.meter])

    def where(self, mask: BoolArray) -> "Segments":
        """The segments that the mask keeps."""
        return Segments(
            self.meter[mask],
            self.start[mask],
            self.end[mask],
            self.power[mask],
            self.power_end[mask],
            self.energy[mask],
            self.distributed[mask],
        )


def segments(rules: Rules, meter: IntArray, time: IntArray, value: FloatArray) -> Segments:
    """What readings say of the time around them (F-6.1, F-6.2, F-6.4).

    Parameters
    ----------
    rules
        The meters' rules; `meter` holds places in them.
    meter, time, value
        Readings sorted by (meter, time) without repeated times. Power [W] or, for
        registers, the energy counted [J]; time in ns.

    Returns
    -------
    Segments
        `instant`: the straight line between samples at most `max_gap` apart.
        `mean_next` and `on_change`: the value until the next reading, at most for
        the nominal interval or `silent_after`; `mean_prev`: backwards alike.
        `register`: the difference of two readings, spread evenly between them.

    Examples
    --------
    Four samples of one power meter (E-6.1): the trapezoids make 12.5 Wh.

    >>> from greendc.core.facility import Kind, Meter, SECOND
    >>> meter = Meter("m", "it_in", "power", Kind.INSTANT, 60 * SECOND, 180 * SECOND, 180 * SECOND)
    >>> found = segments(
    ...     Rules.of((meter,)),
    ...     np.zeros(4, np.int64),
    ...     np.array([0, 60, 120, 300]) * SECOND,
    ...     np.array([100.0, 160.0, 180.0, 120.0]),
    ... )
    >>> print(found.energy.sum() / 3600)
    12.5
    """
    kind = rules.kind[meter]
    parts = [
        _forward(rules, kind, meter, time, value),
        _backward(rules, kind, meter, time, value),
        _instant(rules, kind, meter, time, value),
        _registers(rules, kind, meter, time, value),
    ]
    parts = [p for p in parts if len(p.meter)]
    if len(parts) == 1:
        return parts[0]
    return _merged(parts)


def _merged(parts: list[Segments]) -> Segments:
    if not parts:
        none = np.zeros(0, np.int64)
        zero = np.zeros(0)
        return Segments(none, none, none, zero, zero, zero, np.zeros(0, np.bool_))
    meter = np.concatenate([p.meter for p in parts])
    # each meter has one kind, so a stable sort by meter alone keeps the order in time
    order = np.argsort(meter, kind="stable")
    return Segments(
        meter[order],
        np.concatenate([p.start for p in parts])[order],
        np.concatenate([p.end for p in parts])[order],
        np.concatenate([p.power for p in parts])[order],
        np.concatenate([p.power_end for p in parts])[order],
        np.concatenate([p.energy for p in parts])[order],
        np.concatenate([p.distributed for p in parts])[order],
    )


def seconds(span: IntArray) -> FloatArray:
    """Whole nanoseconds as seconds."""
    return span / SECOND


def _constant(meter: IntArray, start: IntArray, end: IntArray, power: FloatArray) -> Segments:
    keep = end > start
    meter, start, end, power = meter[keep], start[keep], end[keep], power[keep]
    energy = power * seconds(end - start)
    return Segments(meter, start, end, power, power, energy, np.zeros(len(meter), np.bool_))


def _forward(
    rules: Rules, kind: IntArray, meter: IntArray, time: IntArray, value: FloatArray
) -> Segments:
    pick = (kind == MEAN_NEXT) | (kind == ON_CHANGE)
    meter, time, value = meter[pick], time[pick], value[pick]
    end = time + rules.hold[meter]
    same = meter[1:] == meter[:-1]
    end[:-1] = np.where(same, np.minimum(end[:-1], time[1:]), end[:-1])
    return _constant(meter, time, end, value)


def _backward(
    rules: Rules, kind: IntArray, meter: IntArray, time: IntArray, value: FloatArray
) -> Segments:
    pick = kind == MEAN_PREV
    meter, time, value = meter[pick], time[pick], value[pick]
    start = time - rules.nominal[meter]
    same = meter[1:] == meter[:-1]
    start[1:] = np.where(same, np.maximum(start[1:], time[:-1]), start[1:])
    return _constant(meter, start, time, value)


def _instant(
    rules: Rules, kind: IntArray, meter: IntArray, time: IntArray, value: FloatArray
) -> Segments:
    pick = kind == INSTANT
    meter, time, value = meter[pick], time[pick], value[pick]
    joined = (meter[1:] == meter[:-1]) & (time[1:] - time[:-1] <= rules.max_gap[meter[1:]])
    start, end = time[:-1][joined], time[1:][joined]
    first, last = value[:-1][joined], value[1:][joined]
    energy = (first + last) / 2 * seconds(end - start)
    none = np.zeros(len(start), np.bool_)
    return Segments(meter[1:][joined], start, end, first, last, energy, none)


def _registers(
    rules: Rules, kind: IntArray, meter: IntArray, time: IntArray, value: FloatArray
) -> Segments:
    pick = kind == REGISTER
    meter, time, value = meter[pick], time[pick], value[pick]
    anchor, energy = register_steps(rules.meters, meter, time, value)
    used = anchor >= 0
    start, end, energy = time[anchor[used]], time[used], energy[used]
    power = energy / seconds(end - start)
    far = end - start > rules.max_gap[meter[used]]
    return Segments(meter[used], start, end, power, power, energy, far)


@dataclass(frozen=True, slots=True)
class Windows:
    """Disjoint stretches [start, end) in order; `label` says to which sum each belongs."""

    start: IntArray
    end: IntArray
    label: IntArray
    labels: int

    @classmethod
    def cells(cls, lo: int, hi: int, grid: int) -> "Windows":
        """The cells of a grid from `lo` to `hi`, each its own sum."""
        start = np.arange(lo, hi, grid, dtype=np.int64)
        return cls(start, start + grid, np.arange(len(start)), len(start))


def integrate(
    found: Segments, windows: Windows, meters: int
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Energy, known time and distributed energy of each meter in each labelled sum.

    A segment cut by a border is split on the straight line of power, a register's
    on the straight line of energy (F-6.3). Each sum runs left to right in time
    from zero over the segments of its own windows, so that nothing else that is
    computed beside it can change a bit of it.

    Returns
    -------
    tuple
        Energy [J], known time [ns] and distributed energy [J], each of shape
        (meters, labels).

    Examples
    --------
    100 W rising to 160 W in a minute: the first half minute holds 3450 J.

    >>> line = Segments(
    ...     np.array([0]), np.array([0]), np.array([60 * SECOND]),
    ...     np.array([100.0]), np.array([160.0]), np.array([7800.0]), np.array([False]),
    ... )
    >>> energy, _, _ = integrate(line, Windows.cells(0, 60 * SECOND, 30 * SECOND), 1)
    >>> print(energy[0])
    [3450. 4350.]
    """
    first = np.searchsorted(windows.end, found.start, "right")
    count = np.maximum(np.searchsorted(windows.start, found.end, "left") - first, 0)
    piece = np.repeat(np.arange(len(count)), count)
    offset = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    window = first[piece] + offset
    start, end = found.start[piece], found.end[piece]
    lo = np.maximum(start, windows.start[window])
    hi = np.minimum(end, windows.end[window])
    energy = np.where((lo == start) & (hi == end), found.energy[piece], _cut(found, piece, lo, hi))
    place = found.meter[piece] * windows.labels + windows.label[window]
    size = meters * windows.labels
    shape = (meters, windows.labels)
    # bincount adds in the order of its input; an integer sum below 2**53 ns (104 days) is exact
    known = np.bincount(place, (hi - lo).astype(np.float64), size).astype(np.int64)
    spread = np.bincount(place, np.where(found.distributed[piece], energy, 0.0), size)
    total: FloatArray = np.bincount(place, energy, size).astype(np.float64)
    return total.reshape(shape), known.reshape(shape), spread.astype(np.float64).reshape(shape)


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
    (G3: only intervals in which numerator and denominator are both valid).

    Examples
    --------
    One meter knows [0, 5) and the other [3, 9): both know [3, 5).

    >>> two = Segments(
    ...     np.array([0, 1]), np.array([0, 3]), np.array([5, 9]),
    ...     np.ones(2), np.ones(2), np.ones(2), np.zeros(2, bool),
    ... )
    >>> both = common_time(two, 2, 0, 12, 4)
    >>> print(both.start, both.end, both.label)
    [3 4] [4 5] [0 1]
    """
    begin = np.maximum(found.start, lo)
    end = np.minimum(found.end, hi)
    keep = end > begin
    edges = np.concatenate([begin[keep], end[keep], np.arange(lo, hi, grid)])
    change = np.concatenate(
        [
            np.ones(keep.sum(), np.int64),
            np.full(keep.sum(), -1),
            np.zeros((hi - lo) // grid, np.int64),
        ]
    )
    order = np.argsort(edges, kind="stable")
    edges, depth = edges[order], np.cumsum(change[order])
    upto = np.append(edges[1:], hi)
    whole = (depth == meters) & (upto > edges)
    start = edges[whole]
    return Windows(start, upto[whole], (start - lo) // grid, (hi - lo) // grid)
