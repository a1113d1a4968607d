"""What a site is made of: meters, derived meters and what each total needs.

Everything here is data. An `Epoch` is a span of time in which nothing that can
change a figure changes; a `Site` is its epochs in order. Times are integers,
nanoseconds since 1970-01-01T00:00:00Z; energies J; powers W.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
DAY = 24 * HOUR
EVER = 2**62  # later than any event time; -EVER is earlier than any

IntArray = npt.NDArray[np.int64]


class Kind(StrEnum):
    """How a meter's readings stand for the time between them (STANDARDS 6.2, 6.3)."""

    INSTANT = "instant"
    MEAN_PREV = "mean_prev"
    MEAN_NEXT = "mean_next"
    ON_CHANGE = "on_change"
    REGISTER = "register"


class Op(StrEnum):
    """How a derived meter is made from others."""

    SUM = "sum"
    DIFFERENCE = "difference"  # the first input less all others
    SHARE = "share"  # `value` times the only input: an estimate
    CONSTANT = "constant"  # `value` watts at all times: an estimate


@dataclass(frozen=True, slots=True)
class Replacement:
    """Another register in a meter's place from `at` [ns] on.

    `final` is the last that the old one showed, `initial` the first of the new one [J].
    """

    at: int
    final: float
    initial: float


@dataclass(frozen=True, slots=True)
class Meter:
    """A physical meter. Its readings arrive in base units (W, J, Cel, ratio, V, A …).

    `accuracy` is the limit of its class as a fraction (class 0.5 -> 0.005), None
    where no class is stated. `rating` in W bounds what a register can plausibly
    count. `modulus` (0 = none), `step` and `range_` belong to registers, in J;
    `replaced` are those that were exchanged, in the order of time; `factors` are what the energy
    that it counts is multiplied by, each from an instant [ns] on, the first one 1.

    What speaks against readings of meters that are no registers, all of it only if asked for:
    `spike` is how far a single one may be from two neighbours that agree, `rate` how fast the
    value can change [1/s], `frozen_after` for how long it can be exactly the same [ns], but
    beside meters of the same `siblings` that stand still as well.
    """

    id: str
    point: str
    quantity: str
    kind: Kind
    nominal: int
    max_gap: int
    silent_after: int
    accuracy: float | None = None
    rating: float | None = None
    modulus: float = 0.0
    step: float = 0.0
    range_: tuple[float, float] = (0.0, float("inf"))
    subsystem: str | None = None  # overrides the point's own subsystem
    replaced: tuple[Replacement, ...] = ()
    factors: tuple[tuple[int, float], ...] = ()
    shape: str | None = None  # of a register: the meter of the power that it counts
    fill: str | None = None  # what gaps are filled with: "linear", "profile", or nothing
    fill_limit: float | None = None  # limit of error of what they are filled with, a fraction
    spike: float | None = None
    rate: float | None = None
    frozen_after: int | None = None
    siblings: str | None = None

    @property
    def judged(self) -> bool:
        """Whether rules beyond a range may speak against its readings, or others by them."""
        return (self.spike, self.rate, self.frozen_after, self.siblings) != (None,) * 4


@dataclass(frozen=True, slots=True)
class Derived:
    """A meter computed from others; `accuracy` is the limit of a declared `value`.

    For a share it is absolute (0.10416 +- 0.005 -> 0.005), for a constant in W.
    """

    id: str
    point: str
    op: Op
    inputs: tuple[str, ...]
    value: float = 0.0
    accuracy: float | None = None
    subsystem: str | None = None


@dataclass(frozen=True, slots=True)
class Intensity:
    """Emission intensity of imported electricity: steps of g/kWh in time.

    `value[i]` holds from `start[i]` to `end[i]`, NaN nowhere; between steps it is
    unknown. `year` is the year the figures stand for (None for a true series).
    """

    start: IntArray
    end: IntArray
    value: npt.NDArray[np.float64]
    year: int | None
    zone: str
    source: str
    accounting: str = "lifecycle"


@dataclass(frozen=True, slots=True)
class Node:
    """A place of the power chain where what goes in must come out, but for losses.

    `inputs` are (meter, weight) pairs. Of what reaches an output at least the share beside its
    name left the inputs for it, 0 where any may be lost; `idle` is a loss at all times [W].
    `usual` is the ratio of input to output to be expected, None halfway between the bounds.
    """

    name: str
    inputs: tuple[tuple[str, float], ...]
    outputs: tuple[tuple[str, float], ...]
    idle: float = 0.0
    usual: float | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """All meters, those of the inputs first."""
        return (*[name for name, _ in self.inputs], *[name for name, _ in self.outputs])


@dataclass(frozen=True, slots=True)
class Epoch:
    """A span [start, end) with one set of rules.

    `meters` and `derived` are all meters in it (derived in an order in which each
    comes after its inputs). `e_dc` names (meter, weight) pairs whose weighted sum
    is E_DC: F-3.11 with carriers' weights, or the bottom-up list. `e_it` maps the
    PUE category to the meters whose sum is E_IT. `imports` are the pairs whose
    sum is the electricity that carries an emission factor. `fuels` are (meter,
    g/kWh) pairs of fuels burnt. `subsystems` maps name to (meter, weight) pairs. `nodes`
    are where energy in and out are compared. `rated_it` is what IT is rated at [W].
    """

    start: int
    end: int
    cell: int
    meters: tuple[Meter, ...]
    derived: tuple[Derived, ...]
    boundary: str  # "metered" or "bottom_up"
    e_dc: tuple[tuple[str, float], ...]
    e_it: Mapping[int, tuple[str, ...]]
    e_reuse: tuple[tuple[str, float], ...]
    imports: tuple[tuple[str, float], ...]
    fuels: tuple[tuple[str, float], ...]
    subsystems: Mapping[str, tuple[tuple[str, float], ...]]
    min_it_power: float
    nodes: tuple[Node, ...] = ()
    rated_it: float = math.inf


@dataclass(frozen=True, slots=True)
class Site:
    """A site over all time. `meters` lists the ids of all physical meters ever.

    `intensity` maps the accounting method ("location", "market") to its factor;
    a method without one is absent. `grid_limit` is the longest cell that divides
    an hour and every UTC offset of the zone: meters with longer intervals are cut
    to it.
    """

    id: str
    name: str
    zone: str
    lateness: int
    horizon: int
    grid_limit: int
    meters: tuple[str, ...]
    epochs: tuple[Epoch, ...]
    intensity: Mapping[str, Intensity]
