"""Stretches of time over which the power of a meter is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from greendc.core.facility import SECOND, IntArray
from greendc.core.words import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Segments:
    """Known stretches [start, end) [ns], sorted by (meter, start), disjoint for each meter.

    `energy` is that of the whole stretch [J], `power` and `power_end` the power at
    its two ends [W]. `distributed` marks a register's difference over more than
    the meter's `max_gap`: its sum is exact, its shape in time is not known. `estimated` marks
    what no reading of the meter tells. Nothing is both.
    """

    meter: IntArray
    start: IntArray
    end: IntArray
    power: FloatArray
    power_end: FloatArray
    energy: FloatArray
    distributed: BoolArray
    estimated: BoolArray

    def of(self, chosen: BoolArray) -> "Segments":
        """The segments of the meters chosen (a mask over meter numbers)."""
        mask = chosen[self.meter]
        return self if mask.all() else self.where(mask)

    def between(self, begin: int, end: int) -> "Segments":
        """Those from one place to another, as views."""
        part = slice(begin, end)
        return Segments(
            self.meter[part],
            self.start[part],
            self.end[part],
            self.power[part],
            self.power_end[part],
            self.energy[part],
            self.distributed[part],
            self.estimated[part],
        )

    def where(self, mask: BoolArray | IntArray) -> "Segments":
        """Those that the mask keeps, or those at the places given."""
        return Segments(
            self.meter[mask],
            self.start[mask],
            self.end[mask],
            self.power[mask],
            self.power_end[mask],
            self.energy[mask],
            self.distributed[mask],
            self.estimated[mask],
        )

    def __len__(self) -> int:
        """Count them."""
        return len(self.meter)

    @classmethod
    def joined(cls, parts: Sequence["Segments"]) -> "Segments":
        """Those of all parts, sorted; each meter's are in one part, in the order of time."""
        parts = [part for part in parts if len(part)] or list(parts[:1])
        if len(parts) == 1:
            return parts[0]
        # so a stable sort by meter alone keeps the order in time
        order = np.argsort(np.concatenate([p.meter for p in parts]), kind="stable")
        return cls.beside(parts).where(order)

    @classmethod
    def beside(cls, parts: Sequence["Segments"]) -> "Segments":
        """Those of all parts, one part after the other."""
        return cls(
            np.concatenate([p.meter for p in parts]),
            np.concatenate([p.start for p in parts]),
            np.concatenate([p.end for p in parts]),
            np.concatenate([p.power for p in parts]),
            np.concatenate([p.power_end for p in parts]),
            np.concatenate([p.energy for p in parts]),
            np.concatenate([p.distributed for p in parts]),
            np.concatenate([p.estimated for p in parts]),
        )


def seconds(span: IntArray) -> FloatArray:
    """Whole nanoseconds as seconds."""
    return span / SECOND
