"""The rules of a site's meters as columns."""

import math
from dataclasses import dataclass

import numpy as np

from greendc.core.facility import EVER, HOUR, IntArray, Kind, Meter
from greendc.core.words import BoolArray, FloatArray

KINDS = tuple(Kind)
ENERGY_QUANTITIES = ("power", "energy", "thermal_power", "heat")
INSTANT, MEAN_PREV, MEAN_NEXT, ON_CHANGE, REGISTER = range(5)
NO_KIND = -1  # in place of a kind: a reading that says nothing
LONGEST_FILLED = HOUR  # gap that a straight line may fill


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of all meters as columns; a meter's number is its place in them."""

    meters: tuple[Meter, ...]
    kind: IntArray
    nominal: IntArray
    max_gap: IntArray
    silent_after: IntArray
    bridge: IntArray  # the longest silence that a register counts across
    spike: FloatArray
    rate: FloatArray
    frozen: IntArray
    group: IntArray  # the same number for siblings; -1 where there are none
    energy: BoolArray  # the others are there for their readings to be judged
    linear: BoolArray  # those whose gaps are filled on a straight line
    registers: IntArray  # those with a power that they count …
    powers: IntArray  # … and the meter of that power, side by side

    @classmethod
    def of(cls, meters: tuple[Meter, ...], bridge: int = EVER) -> "Rules":
        """Columns of the meters given; all registers bridge at least their own `max_gap`."""
        return cls(
            meters,
            np.array([KINDS.index(m.kind) for m in meters], np.int64),
            np.array([m.nominal for m in meters], np.int64),
            np.array([m.max_gap for m in meters], np.int64),
            np.array([m.silent_after for m in meters], np.int64),
            np.array([max(m.max_gap, bridge) for m in meters], np.int64),
            np.array([math.inf if m.spike is None else m.spike for m in meters]),
            np.array([math.inf if m.rate is None else m.rate for m in meters]),
            np.array([m.frozen_after or EVER for m in meters], np.int64),
            _groups(meters),
            np.array([m.quantity in ENERGY_QUANTITIES for m in meters], np.bool_),
            np.array([m.fill == "linear" for m in meters], np.bool_),
            *_pairs(meters),
        )

    @property
    def fill_limits(self) -> FloatArray:
        """Limit of error of what may be filled in for each meter, NaN where none is stated.

        Zero where nothing is; for registers that of their power.
        """
        found = np.zeros(len(self.meters))
        for number, meter in enumerate(self.meters):
            if meter.fill is not None:
                found[number] = np.nan if meter.fill_limit is None else meter.fill_limit
        accuracy = [self.meters[power].accuracy for power in self.powers.tolist()]
        found[self.registers] = [np.nan if limit is None else limit for limit in accuracy]
        return found

    @property
    def filled(self) -> IntArray:
        """Meters for which something may be filled in."""
        return np.flatnonzero(self.fill_limits)  # NaN is true

    @property
    def factored(self) -> list[int]:
        """Registers with other factors in time."""
        return [number for number, meter in enumerate(self.meters) if meter.factors]

    @property
    def unrated(self) -> BoolArray:
        """Registers without a rating: of each rise later readings tell whether it can be."""
        without = np.array([meter.rating is None for meter in self.meters], np.bool_)
        found: BoolArray = without & (self.kind == REGISTER)
        return found

    @property
    def judged(self) -> BoolArray:
        """Meters whose readings rules beyond a range may speak against, or others by them."""
        found = np.isfinite(self.spike) | np.isfinite(self.rate) | (self.frozen < EVER)
        return np.asarray(found | (self.group >= 0))

    @property
    def among(self) -> BoolArray:
        """Meters whose readings can only be judged among those before them."""
        found: BoolArray = (self.kind == REGISTER) | self.judged
        found[self.powers] = True
        return found

    @property
    def waits(self) -> BoolArray:
        """Meters whose readings are also judged by those after them."""
        found: BoolArray = (self.kind == REGISTER) | np.isfinite(self.spike)
        return found

    @property
    def memory(self) -> int:
        """How far back readings tell whether one is frozen, in ns."""
        longest = np.full(int(self.group.max(initial=-1)) + 1, 0, np.int64)
        grouped = self.group >= 0
        np.maximum.at(longest, self.group[grouped], self.silent_after[grouped])
        heard = np.maximum(self.silent_after, np.append(longest, 0)[self.group])
        span = np.where(self.frozen < EVER, self.frozen + heard, 0)
        return int(span.max(initial=0))

    @property
    def causal(self) -> BoolArray:
        """Meters whose readings say nothing of the time before them."""
        found: BoolArray = (self.kind == MEAN_NEXT) | (self.kind == ON_CHANGE)
        return found

    @property
    def backwards(self) -> BoolArray:
        """Meters whose readings may tell of time before them that is closed as silent."""
        found: BoolArray = (self.reach > self.silent_after) & (~self.causal | self.linear)
        found |= self.kind == REGISTER
        return found

    @property
    def hold(self) -> IntArray:
        """How long a causal meter's reading holds if no other follows, in ns."""
        held = np.where(self.kind == ON_CHANGE, self.silent_after, self.nominal)
        return np.where(self.causal, held, 0)

    @property
    def reach(self) -> IntArray:
        """How far a reading matters to the time before or after it, in ns."""
        by_kind = np.stack(
            [self.max_gap, self.nominal, self.nominal, self.silent_after, self.bridge]
        )
        reach: IntArray = by_kind[self.kind, np.arange(len(self.kind))]
        return np.where(self.linear, reach + LONGEST_FILLED, reach)


def _pairs(meters: tuple[Meter, ...]) -> tuple[IntArray, IntArray]:
    place = {meter.id: number for number, meter in enumerate(meters)}
    given = enumerate(meter.shape for meter in meters)
    found = [(number, place[name]) for number, name in given if name is not None and name in place]
    registers, powers = np.array(found, np.int64).reshape(-1, 2).T
    return registers, powers


def _groups(meters: tuple[Meter, ...]) -> IntArray:
    names = list(dict.fromkeys(m.siblings for m in meters if m.siblings is not None))
    return np.array(
        [-1 if m.siblings is None else names.index(m.siblings) for m in meters], np.int64
    )
