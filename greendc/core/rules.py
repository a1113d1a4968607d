"""The rules of a site's meters as columns."""

from dataclasses import dataclass

import numpy as np

from greendc.core.facility import EVER, IntArray, Kind, Meter
from greendc.core.words import BoolArray

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
    bridge: IntArray  # the longest silence that a register counts across

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
        """How far a reading matters to the time before or after it, in ns."""
        by_kind = np.stack(
            [self.max_gap, self.nominal, self.nominal, self.silent_after, self.bridge]
        )
        return by_kind[self.kind, np.arange(len(self.kind))]
