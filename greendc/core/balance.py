"""The balance of each node in each window: what went in, what came out, and what may be lost.

Only arithmetic on what meters counted. No figure is changed by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from greendc.core.facility import SECOND, IntArray, Meter, Node
from greendc.core.uncertainty import COVERAGE_FACTOR, RECTANGULAR

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
StateArray = npt.NDArray[np.int8]

UNSTATED = 0.02  # limit of a meter without a class; assumed, class 2
IN_STEP = 0.005  # of the larger side: meters that are not read at the same instant; assumed
COVERED = 0.95  # of a window, in which a meter must be known
LOOSE = 0.05  # of a window's energy that may be estimated or distributed
NOISE = 3.0  # tolerances: sides that are smaller are not told apart
QUIET = 0.01  # of the inputs' rating: with less there is nothing to compare (STANDARDS 2.4)


class State(IntEnum):
    """What a node's window says."""

    UNKNOWN = 0
    BALANCED = 1
    TOO_MUCH_OUT = 2
    TOO_MUCH_IN = 3


@dataclass(frozen=True, slots=True)
class Windows:
    """What meters counted in consecutive windows [start, end) [ns]; shape (windows, meters).

    `energy` [J] is NaN where it is not known well enough to be compared. `limit` is how far it
    may be off [J].
    """

    meters: tuple[str, ...]
    start: IntArray
    end: IntArray
    energy: FloatArray
    limit: FloatArray

    @property
    def seconds(self) -> FloatArray:
        """Length of each window in s."""
        return (self.end - self.start) / SECOND

    def scaled(self, meter: int, gain: float) -> "Windows":
        """The same with everything that a meter counted multiplied."""
        energy, limit = self.energy.copy(), self.limit.copy()
        energy[:, meter] *= gain
        limit[:, meter] *= abs(gain)
        return replace(self, energy=energy, limit=limit)

    def between(self, rows: slice) -> "Windows":
        """Some of the windows, in order."""
        return replace(
            self,
            start=self.start[rows],
            end=self.end[rows],
            energy=self.energy[rows],
            limit=self.limit[rows],
        )


def windows(
    meters: Sequence[str],
    span: tuple[IntArray, IntArray],
    counted: tuple[FloatArray, FloatArray, FloatArray],
    known: Sequence[Meter],
) -> Windows:
    """Windows of energies as the ledger has them.

    Parameters
    ----------
    meters
        Names of the columns, derived meters among them.
    span
        Start and end of each window. [ns]
    counted
        Energy [J], share of the window in which it is known, and share of the energy that is
        estimated or distributed; shape (windows, meters).
    known
        The physical meters, for class and smallest step.
    """
    start, end = span
    energy, coverage, loose = counted
    by_name = {meter.id: meter for meter in known}
    found = [by_name.get(name) for name in meters]
    classes = [m.accuracy if m is not None else None for m in found]
    accuracy = np.array([UNSTATED if a is None else a for a in classes])
    step = np.array([0.0 if m is None else m.step for m in found])
    good = (coverage >= COVERED) & (loose <= LOOSE)
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = np.where(good, energy / coverage, np.nan)
    limit = np.sqrt((accuracy * whole) ** 2 + step**2 + ((1 - coverage) * whole) ** 2)
    return Windows(tuple(meters), start, end, whole, limit)


@dataclass(frozen=True, slots=True)
class Sides:
    """What went into a node, what came out and the most that this may have taken; (…, windows) [J].

    `variance` is that of the difference. [J2]
    """

    inside: FloatArray
    outside: FloatArray
    needed: FloatArray
    variance: FloatArray

    @property
    def tolerance(self) -> FloatArray:
        """How far the two may be apart, beyond losses, because of the meters (k = 2), in J."""
        step = IN_STEP * np.maximum(np.abs(self.inside), np.abs(self.outside))
        return COVERAGE_FACTOR * np.sqrt(np.maximum(self.variance, 0.0)) + step

    def states(self, quiet: FloatArray) -> StateArray:
        """What each window says; nothing where both sides are below `quiet` [J] or in the noise."""
        tolerance = self.tolerance
        found = np.full(self.inside.shape, State.BALANCED, np.int8)
        found[self.outside - self.inside > tolerance] = State.TOO_MUCH_OUT
        found[self.inside - self.needed > tolerance] = State.TOO_MUCH_IN
        larger = np.maximum(np.abs(self.inside), np.abs(self.outside))
        unknown = ~np.isfinite(self.inside + self.outside)
        found[unknown | (larger <= np.maximum(quiet, NOISE * tolerance))] = State.UNKNOWN
        return found


@dataclass(frozen=True, slots=True)
class Place:
    """A node with the columns of its members among windows, and their parts in its sides.

    A meter moves the inside by `into`, the outside by `out`, what is needed by `need` times
    what it counted. `bounded` tells that losses are.
    """

    node: Node
    columns: IntArray
    into: FloatArray
    out: FloatArray
    need: FloatArray
    bounded: bool
    rating: float

    @classmethod
    def of(cls, node: Node, meters: Sequence[str], rating: float = 0.0) -> "Place":
        """Find a node's members; `rating` is that of its inputs together [W], 0 where unknown."""
        column = {name: i for i, name in enumerate(meters)}
        count, ins = len(node.members), len(node.inputs)
        into, out, need = np.zeros(count), np.zeros(count), np.zeros(count)
        into[:ins] = [weight for _, weight in node.inputs]
        out[ins:] = 1.0
        shares = np.array([share for _, share in node.outputs])
        bounded = bool((shares > 0).all()) and len(shares) > 0
        need[ins:] = 1.0 / shares if bounded else 1.0
        columns = np.array([column[name] for name in node.members], np.int64)
        return cls(node, columns, into, out, need, bounded, rating)

    def sides(self, found: Windows) -> Sides:
        """Both sides in every window; an output that is not known may take any amount."""
        energy, limit = found.energy[:, self.columns], found.limit[:, self.columns]
        lost = self._lost(found)
        energy, limit = np.where(lost, 0.0, energy), np.where(lost, 0.0, limit)
        inside, outside = (energy * self.into).sum(axis=1), (energy * self.out).sum(axis=1)
        needed = np.full(len(energy), np.inf)
        if self.bounded:
            needed = (energy * self.need).sum(axis=1) + self.node.idle * found.seconds
            needed[lost.any(axis=1)] = np.inf
        variance = ((limit / RECTANGULAR * (self.into - self.out)) ** 2).sum(axis=1)
        return Sides(inside, outside, needed, variance)

    def quiet(self, found: Windows) -> FloatArray:
        """Energy in J below which a window has nothing to compare."""
        return QUIET * self.rating * found.seconds

    def states(self, found: Windows) -> StateArray:
        """What each window says of the node; without an output only that too much comes out."""
        states = self.sides(found).states(self.quiet(found))
        states[self._lost(found).any(axis=1) & (states == State.BALANCED)] = State.UNKNOWN
        return states

    def _lost(self, found: Windows) -> BoolArray:
        """Outputs that are not known, of those that are no input as well, beside one that is."""
        known = np.isfinite(found.energy[:, self.columns])
        alone = (self.out > 0) & (self.into == 0)
        lost: BoolArray = alone & ~known & (known & (self.out > 0)).any(axis=1, keepdims=True)
        return lost
