"""What really happened: true powers, states and volumes of a span."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Point:
    """A place where the truth is known and a meter can sit.

    Its name is ``place.point``: `place` says where it is (`ups-a`, `hall-1-rack-07-a`), `point`
    what it is there, in the words of greendc's measuring points (STANDARDS 0.3).
    """

    place: str
    point: str
    quantity: str
    """What is measured, in the words of `greendc.core.units.QUANTITIES`."""
    rating: float | None = None
    """Largest value to be expected, in the quantity's base unit."""

    @property
    def name(self) -> str:
        """Key in the columns of a chunk."""
        return f"{self.place}.{self.point}"


@dataclass(frozen=True)
class Chunk:
    """The truth of equal steps; each value holds during its step [begin + i step, + step)."""

    begin: int
    """Start of the first step [ns UTC]."""
    step: int
    """Length of each step [ns], whole seconds."""
    powers: Mapping[str, IntArray]
    """Name of a point -> mean power of each step, electric or thermal [mW]."""
    states: Mapping[str, FloatArray]
    """Name of a point -> value of each step in the base unit of its quantity (Cel, ratio, V …)."""
    volumes: Mapping[str, IntArray]
    """Name of a point -> volume that flows in each step [mm3]."""
    balances: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    """Pairs (inputs, outputs) of names of powers whose sums are equal in every step, exactly."""

    @property
    def count(self) -> int:
        """Number of steps."""
        return len(next(iter(self.powers.values())))

    @property
    def end(self) -> int:
        """End of the last step [ns UTC]."""
        return self.begin + self.step * self.count

    def energy(self, name: str) -> IntArray:
        """True energy of each step [mJ]: mean power times whole seconds, exact."""
        return self.powers[name] * (self.step // SECOND)
