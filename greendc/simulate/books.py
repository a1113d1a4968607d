"""The books of a span: every power and state by name, and every balance that must hold."""

from collections.abc import Iterable, Sequence

import numpy as np

from greendc.core.quantities import POINTS
from greendc.simulate.physics.grid import FloatArray, Grid, IntArray, milliwatts
from greendc.simulate.truth import Chunk, Point

Balance = tuple[tuple[str, ...], tuple[str, ...]]


class Books:
    """What is known of a span so far.

    A power is rounded to whole mW once, where it is entered; what it is made of is summed in whole
    mW. So every balance holds exactly. Ratings are in W.
    """

    def __init__(self, grid: Grid) -> None:
        """Open empty books for the steps of a grid."""
        self.grid = grid
        self.points: dict[str, Point] = {}
        self.powers: dict[str, IntArray] = {}
        self.states: dict[str, FloatArray] = {}
        self.volumes: dict[str, IntArray] = {}
        self.balances: list[Balance] = []

    def power(
        self,
        place: str,
        point: str,
        watts: FloatArray,
        rating: float | None = None,
        quantity: str | None = None,
    ) -> str:
        """Enter a power [W]; its name."""
        return self.whole(place, point, milliwatts(watts), rating, quantity)

    def whole(
        self,
        place: str,
        point: str,
        power: IntArray,
        rating: float | None = None,
        quantity: str | None = None,
    ) -> str:
        """Enter a power of whole mW; its name."""
        name = self._point(place, point, quantity, rating)
        self.powers[name] = power
        return name

    def total(
        self,
        place: str,
        point: str,
        parts: Sequence[str],
        rating: float | None = None,
        quantity: str | None = None,
    ) -> str:
        """Enter the sum of powers, with its balance; its name."""
        name = self.whole(place, point, self.sum(parts), rating, quantity)
        self.balance([name], parts)
        return name

    def balance(self, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """Say that the sums of these powers are equal in every step."""
        self.balances.append((tuple(inputs), tuple(outputs)))

    def sum(self, names: Iterable[str]) -> IntArray:
        """Sum of powers [mW]; zero of none."""
        total = np.zeros(self.grid.count, np.int64)
        for name in names:
            total += self.powers[name]
        return total

    def state(self, place: str, point: str, values: FloatArray, quantity: str | None = None) -> str:
        """Enter a temperature, a voltage …, in the base unit of its quantity; its name."""
        name = self._point(place, point, quantity, None)
        self.states[name] = values
        return name

    def volume(self, place: str, point: str, cubic_mm: IntArray) -> str:
        """Enter the volume that flows in each step [mm3]; its name."""
        name = self._point(place, point, "volume", None)
        self.volumes[name] = cubic_mm
        return name

    def _point(self, place: str, point: str, quantity: str | None, rating: float | None) -> str:
        found = Point(place, point, quantity or POINTS[point].quantities[0], rating)
        if found.name in self.points:
            raise ValueError(f"{found.name} is entered twice")
        self.points[found.name] = found
        return found.name

    def chunk(self) -> Chunk:
        """Close the books."""
        return Chunk(
            begin=self.grid.begin,
            step=self.grid.step,
            powers=self.powers,
            states=self.states,
            volumes=self.volumes,
            balances=tuple(self.balances),
        )
