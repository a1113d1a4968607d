"""Import and export of one connection, where a mistake is of both: no factor on one rights it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from greendc.core.balance import NOISE, Place, Windows
from greendc.core.facility import IntArray
from greendc.core.mistakes import DIRECTION, Mistake

BACK = {"util": "export", "storage_out": "storage_in"}  # points of the two directions

Weights = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Directions:
    """What two meters of a connection should show, each as a sum of what both do.

    `into` and `back` are the weights of (import, export) as shown.
    """

    mistake: Mistake
    into: Weights
    back: Weights = (0.0, 1.0)

    def righted(self, found: Windows, pair: tuple[int, int]) -> Windows:
        """Windows with both meters (columns) put right."""
        energy, limit = found.energy.copy(), found.limit.copy()
        columns = list(pair)
        weights = np.array([self.into, self.back])
        shown, off = found.energy[:, columns], found.limit[:, columns]
        energy[:, columns] = (weights * shown[:, np.newaxis]).sum(axis=2)
        limit[:, columns] = np.sqrt(((weights * off[:, np.newaxis]) ** 2).sum(axis=2))
        return replace(found, energy=energy, limit=limit)


def _of(meaning: str) -> Mistake:
    return Mistake(DIRECTION, 1.0, meaning)


DIRECTIONS = (
    Directions(_of("import and export are exchanged"), (0.0, 1.0), (1.0, 0.0)),
    Directions(_of("import is counted less export, which is counted once more"), (1.0, 1.0)),
    Directions(_of("export is counted as import, and once more"), (1.0, -1.0)),
)
"""Registers of both directions taken for each other; a net meter, or one that knows no direction,
beside one of export."""


def runs_backwards(found: Windows, meters: Sequence[int]) -> bool:
    """Whether a meter (column) of one direction shows less than nothing, in any window."""
    columns = list(meters)
    with np.errstate(invalid="ignore"):
        return bool((found.energy[:, columns] < -NOISE * found.limit[:, columns]).any())


def connections(place: Place, points: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Import and export meters (columns) of a node."""
    members: IntArray = place.columns
    for into in members.tolist():
        way_back = BACK.get(points[into])
        yield from ((into, back) for back in members.tolist() if points[back] == way_back)


def counted_off(place: Place, found: Windows, points: Sequence[str]) -> set[int]:
    """Export meters (columns) beside an import that shows less than nothing: what is wrong is that.

    They are worth nothing at the node, as if they were read with a small factor.
    """
    return {back for into, back in connections(place, points) if runs_backwards(found, [into])}
