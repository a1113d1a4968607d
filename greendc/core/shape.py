"""A register and the power that it counts: energy from the one, shape from the other."""

from dataclasses import dataclass

import numpy as np

from greendc.core.facility import EVER, IntArray
from greendc.core.rules import Rules
from greendc.core.segments import Segments, seconds
from greendc.core.words import BoolArray, FloatArray


def shaped(rules: Rules, found: Segments) -> Segments:
    """What registers have counted, spread over each of their intervals as their power was.

    Parameters
    ----------
    rules
        The meters' rules, which say whose power is whose.
    found
        What is known of the meters: of a register its differences, each spread evenly.

    Returns
    -------
    Segments
        A register's energy in each interval is as it was. Where its power is known all the time
        the energy is spread in proportion to it. What a power with gaps holds less than the
        register lies in the gaps, evenly and `distributed`; of one that holds more all is spread
        in proportion, the gaps at its mean. Without any power in an interval, or with one of the
        other sign, the interval stays as it was. Where the register says nothing there is what
        the power makes, `estimated`. What is filled in for a power shapes nothing.

    References
    ----------
    STANDARDS 6.1 and 6.5: a register for energy, power for its shape. 6.3: what a register that
    was reset has lost is estimated by P x dt.

    Examples
    --------
    A register counts 3 kJ in a minute; its power was 20 W in the first 20 s and 60 W in the last:

    >>> from greendc.core.facility import SECOND, Kind, Meter
    >>> minute = Kind.REGISTER, 60 * SECOND, 60 * SECOND, 60 * SECOND
    >>> counter = Meter("kWh", "util", "energy", *minute, shape="W")
    >>> meters = counter, Meter("W", "none", "power", *minute)
    >>> start, end = np.array([0, 0, 40]) * SECOND, np.array([60, 20, 60]) * SECOND
    >>> watts, joules = np.array([50.0, 20, 60]), np.array([3000.0, 400, 1200])
    >>> marks = np.zeros((2, 3), bool)
    >>> known = Segments(np.array([0, 1, 1]), start, end, watts, watts, joules, *marks)
    >>> found = shaped(Rules.of(meters), known)
    >>> print(found.energy[:3], found.distributed[:3])
    [ 400. 1400. 1200.] [False  True False]
    """
    if not len(rules.registers):
        return found
    pair = np.full(len(rules.meters), -1, np.int64)
    pair[rules.registers] = pair[rules.powers] = np.arange(len(rules.registers))
    counts, gives = np.zeros(len(pair), np.bool_), np.zeros(len(pair), np.bool_)
    counts[rules.registers], gives[rules.powers] = True, True
    own, shape = found.of(counts), found.where(gives[found.meter] & ~found.estimated)
    if not len(shape):
        return found
    shape = shape.where(np.argsort(pair[shape.meter], kind="stable"))
    pieces = _Pieces.cut(rules, pair, own, shape)
    inside = pieces.where(pieces.interval >= 0)
    usable = inside.usable(own)
    parts = inside.where(usable[inside.interval]).spread(own)
    beyond = pieces.where(pieces.known & (pieces.interval < 0)).estimates()
    mine = Segments.beside([own.where(~usable), parts, beyond])
    mine = mine.where(np.lexsort((mine.start, mine.meter)))
    return Segments.joined([found.of(~counts), mine])


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Pieces of time, cut where what is known of registers or of their power changes.

    `meter` is the register, `interval` the place of its segment, -1 where it says nothing;
    `known` tells whether the power is; `first` and `last` are the power at the two ends [W], zero
    where it is not known.
    """

    meter: IntArray
    interval: IntArray
    known: BoolArray
    start: IntArray
    end: IntArray
    first: FloatArray
    last: FloatArray

    @classmethod
    def cut(cls, rules: Rules, pair: IntArray, own: Segments, shape: Segments) -> "_Pieces":
        """Cut what is known of registers and of powers; both sorted by pair."""
        count, others = len(own), len(shape)
        whose = np.concatenate([np.tile(pair[own.meter], 2), np.tile(pair[shape.meter], 2)])
        time = np.concatenate([own.start, own.end, shape.start, shape.end])
        order = np.lexsort((time, whose))
        whose, time = whose[order], time[order]
        interval = np.cumsum(order < count) - 1  # the last that has begun
        by = np.cumsum((order >= 2 * count) & (order < 2 * count + others)) - 1
        piece = np.flatnonzero((whose[1:] == whose[:-1]) & (time[1:] > time[:-1]))
        interval, by, start, end = interval[piece], by[piece], time[piece], time[piece + 1]
        meter = rules.registers[whose[piece]]
        inside = start < np.append(own.end, -EVER)[interval]
        inside &= np.append(own.meter, -1)[interval] == meter
        known = (by >= 0) & (start < shape.end[by]) & (pair[shape.meter[by]] == whose[piece])
        begin, span = shape.start[by], (shape.end - shape.start)[by]
        rise = (shape.power_end - shape.power)[by]
        first = np.where(known, shape.power[by] + rise * ((start - begin) / span), 0.0)
        last = np.where(known, shape.power[by] + rise * ((end - begin) / span), 0.0)
        return cls(meter, np.where(inside, interval, -1), known, start, end, first, last)

    def where(self, mask: BoolArray) -> "_Pieces":
        """Those that the mask keeps."""
        return _Pieces(
            self.meter[mask],
            self.interval[mask],
            self.known[mask],
            self.start[mask],
            self.end[mask],
            self.first[mask],
            self.last[mask],
        )

    @property
    def length(self) -> FloatArray:
        """How long each is, in s."""
        return seconds(self.end - self.start)

    @property
    def energy(self) -> FloatArray:
        """What the power makes in each, in J."""
        energy: FloatArray = (self.first + self.last) / 2 * self.length
        return energy

    def usable(self, own: Segments) -> BoolArray:
        """Registers' segments that the power can give their shape to."""
        sign = np.sign(own.energy)[self.interval]
        against = (self.first * sign < 0) | (self.last * sign < 0)
        found: BoolArray = self._sums(own, against.astype(np.float64)) == 0
        found &= self._sums(own, self.energy) * own.energy > 0
        return found

    def _sums(self, own: Segments, amounts: FloatArray) -> FloatArray:
        return np.bincount(self.interval, amounts, len(own)).astype(np.float64)

    def spread(self, own: Segments) -> Segments:
        """The registers' energy in the pieces."""
        told, length = self._sums(own, self.energy), self._sums(own, self.length)
        gaps = self._sums(own, np.where(self.known, 0.0, self.length))
        fits = (gaps > 0) & (np.abs(told) <= np.abs(own.energy))
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = told / (length - gaps)
            scale = np.where(fits, 1.0, own.energy / (told + mean * gaps))
            rest = np.where(fits, (own.energy - told) / gaps, mean * scale)
        scale, rest = scale[self.interval], rest[self.interval]
        return Segments(
            self.meter,
            self.start,
            self.end,
            np.where(self.known, self.first * scale, rest),
            np.where(self.known, self.last * scale, rest),
            np.where(self.known, self.energy * scale, rest * self.length),
            ~self.known,
            np.zeros(len(self.meter), np.bool_),
        )

    def estimates(self) -> Segments:
        """What the power makes in the pieces, in place of a register that says nothing."""
        ends, none = (self.start, self.end, self.first, self.last), np.zeros(len(self.meter), bool)
        return Segments(self.meter, *ends, self.energy, none, ~none)
