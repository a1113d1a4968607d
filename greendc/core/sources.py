"""What figures rest on: physical meters, declared shares and declared constants.

Each is a *source* with a doubt of its own. A source has an exposure X, linear in
what the meters counted, and moves a figure by (sensitivity x limit x X) where its
value is off by its limit. A meter that stands in the numerator and in the
denominator is one source, so that its errors cancel as far as they do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from greendc.core.facility import Derived, IntArray, Meter, Op
from greendc.core.ratio import FloatArray
from greendc.core.words import BoolArray

Weights = Mapping[int, float]  # place -> coefficient; places not named have 0
Members = Iterable[tuple[int, float]]  # (node, weight) pairs

TIME = -1  # the place of the length of the period [s] among the meters' energies [J]


@dataclass(frozen=True, slots=True)
class Source:
    """A physical meter, a share or a constant: it contributes ``value x exposure`` [J].

    `limit` is that of the value, None where none is stated. A meter has value 1,
    the limit of its class and its own energy as exposure [J]; a share has the
    energy that it is taken of [J]; a constant [W] has the length of time [s]. What is `filled` in
    for a meter is part of what that one contributes, with a doubt of its own; those that are
    `alike` may all be off the same way.
    """

    value: float
    limit: float | None
    exposure: Weights
    filled: bool = False
    alike: bool = False


@dataclass(frozen=True)
class Sources:
    """Sources in an order, and columns of what they say, for all figures that rest on them."""

    each: tuple[Source, ...]

    @cached_property
    def meters(self) -> IntArray:
        """The meter whose energy alone is a source's exposure; -1 where it is not one's."""
        own = [next(iter(s.exposure)) if len(s.exposure) == 1 else -1 for s in self.each]
        return np.array([-1 if meter == TIME else meter for meter in own], np.int64)

    @cached_property
    def weights(self) -> FloatArray:
        """What that meter's energy is multiplied by."""
        pairs = zip(self.each, self.meters.tolist(), strict=True)
        return np.array([0.0 if meter < 0 else s.exposure[meter] for s, meter in pairs])

    @cached_property
    def stated(self) -> IntArray:
        """Sources with a stated accuracy, by their places."""
        return np.flatnonzero(~np.isnan(self.limits))

    @cached_property
    def unstated(self) -> IntArray:
        """All other sources, likewise."""
        return np.flatnonzero(np.isnan(self.limits))

    @cached_property
    def limits(self) -> FloatArray:
        """The limit of each source; NaN where none is stated."""
        return np.array([np.nan if s.limit is None else s.limit for s in self.each])

    @cached_property
    def values(self) -> FloatArray:
        """The value of each source."""
        return np.array([source.value for source in self.each])

    @cached_property
    def filled(self) -> BoolArray:
        """Which sources are what is filled in for meters."""
        return np.array([source.filled for source in self.each], np.bool_)

    @cached_property
    def alike(self) -> BoolArray:
        """Which sources may be off the same way as the others of these."""
        return np.array([source.alike for source in self.each], np.bool_)


@dataclass(frozen=True)
class Sensitivity:
    """Derivatives of an account's two sums by the values of its sources, over their exposures.

    ``figure = scale * N / D``; `numerator`, `carried` and `denominator` have one entry a
    source. `carried` is the part of N that an emission intensity turns into mass:
    it is multiplied by the period's intensity. All `denominator` zero: a sum, D = 1.
    """

    sources: Sources
    numerator: FloatArray
    carried: FloatArray
    denominator: FloatArray
    scale: float = 1.0

    @cached_property
    def is_ratio(self) -> bool:
        """Whether the figure has a denominator; if not it is a sum, D = 1."""
        return bool(self.denominator.any())

    @property
    def unstated(self) -> int:
        """How many meters and declared values have no stated accuracy."""
        return sum(source.limit is None and not source.filled for source in self.sources.each)


@dataclass(frozen=True, slots=True)
class Expansion:
    """All nodes (physical meters in their order, then derived ones) over their sources."""

    sources: tuple[Source, ...]
    nodes: tuple[Weights, ...]
    energies: tuple[Weights, ...]  # the nodes over what the meters count [J], and time [s]
    _used: dict[bytes, Sources] = field(default_factory=dict, repr=False, compare=False)

    def sensitivity(
        self,
        numerator: Members,
        denominator: Members = (),
        *,
        carried: Members = (),
        scale: float = 1.0,
    ) -> Sensitivity:
        """Sensitivity of ``scale * N / D`` for sums given as (node, weight) pairs.

        Parameters
        ----------
        numerator, denominator
            Nodes of the two sums. Without a denominator the figure is a sum.
        carried
            Nodes whose energy becomes mass by the period's intensity [g/kWh] and is
            then added to the numerator.
        scale
            Of the figure.
        """
        sums = [self._over_sources(m) for m in (numerator, carried, denominator)]
        used = sorted({k for weights in sums for k, weight in weights.items() if weight})
        above, by_intensity, below = (np.array([w.get(k, 0.0) for k in used]) for w in sums)
        sources = Sources(tuple(self.sources[k] for k in used))
        sources = self._used.setdefault(np.array(used, np.int64).tobytes(), sources)
        return Sensitivity(sources, above, by_intensity, below, scale)

    def _over_sources(self, members: Members) -> Weights:
        return _combined((self.nodes[node], weight) for node, weight in members)


def expand(
    meters: Sequence[Meter],
    derived: Sequence[Derived],
    filled: Sequence[tuple[int, float | None]] = (),
) -> Expansion:
    """Write every derived meter over physical meters, declared shares and constants.

    Parameters
    ----------
    meters
        Physical meters.
    derived
        Derived meters, each after its inputs; shares may be taken of anything.
    filled
        Places of meters whose gaps may be filled, and the limits of error of that as a fraction.
        What is filled in for them stands behind what the meters count, in this order.

    Returns
    -------
    Expansion
        Its nodes are the meters in their order, then the derived ones in theirs.

    Raises
    ------
    ValueError
        If an input is neither a meter nor a derived meter that comes before.

    Examples
    --------
    Losses of 10 +- 1 % of what an IT meter of class 1 counts:

    >>> from greendc.core.facility import Kind
    >>> it = Meter("it", "it_in", "power", Kind.MEAN_NEXT, 1, 1, 1, accuracy=0.01)
    >>> loss = Derived("loss", "loss_power", Op.SHARE, ("it",), 0.1, accuracy=0.01)
    >>> expand([it], [loss]).nodes[1]
    {0: 0.1, 1: 1.0}
    """
    return _Expander(meters, filled).over(derived)


class _Expander:
    """Nodes in their order: `energies` over what meters count and time, `nodes` over sources."""

    def __init__(self, meters: Sequence[Meter], filled: Sequence[tuple[int, float | None]]) -> None:
        self.places = {meter.id: i for i, meter in enumerate(meters)}
        own: list[Weights] = [{i: 1.0} for i in range(len(meters))]
        self.energies, self.nodes = own.copy(), own.copy()
        self.sources = [Source(1.0, m.accuracy, own[i]) for i, m in enumerate(meters)]
        for place, limit in filled:
            number = len(self.sources)
            self.nodes[place] = {**self.nodes[place], number: 1.0}
            # filled from the same days by the same IT load: what is unusual of a day is so for all
            alike = meters[place].fill == "profile"
            self.sources.append(Source(1.0, limit, {number: 1.0}, filled=True, alike=alike))

    def over(self, derived: Sequence[Derived]) -> Expansion:
        for one in derived:
            self._add(one)
            self.places[one.id] = len(self.nodes) - 1
        return Expansion(tuple(self.sources), tuple(self.nodes), tuple(self.energies))

    def _add(self, one: Derived) -> None:
        factors = list(zip(self._inputs(one), _factors(one), strict=True))
        energy = _combined((self.energies[p], f) for p, f in factors)
        node = _combined((self.nodes[p], f) for p, f in factors)
        if one.op in (Op.SHARE, Op.CONSTANT):
            base = {TIME: 1.0} if one.op is Op.CONSTANT else self.energies[factors[0][0]]
            node = {**node, len(self.sources): 1.0}
            self.sources.append(Source(one.value, one.accuracy, base))
        if one.op is Op.CONSTANT:
            energy = {TIME: one.value}
        self.energies.append(energy)
        self.nodes.append(node)

    def _inputs(self, one: Derived) -> list[int]:
        missing = [name for name in one.inputs if name not in self.places]
        if missing:
            raise ValueError(f"{one.id}: {missing[0]} is no meter that comes before it")
        return [self.places[name] for name in one.inputs]


def _factors(one: Derived) -> list[float]:
    """What each input of a derived meter is multiplied by."""
    if one.op is Op.SHARE:
        return [one.value]
    other = -1.0 if one.op is Op.DIFFERENCE else 1.0
    return [1.0, *[other] * (len(one.inputs) - 1)][: len(one.inputs)]


def _combined(parts: Iterable[tuple[Weights, float]]) -> dict[int, float]:
    """Weighted sum of weights."""
    total: dict[int, float] = {}
    for weights, factor in parts:
        for place, weight in weights.items():
            total[place] = total.get(place, 0.0) + factor * weight
    return total
