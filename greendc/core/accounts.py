"""What the ledger keeps of a site: every meter, total, emission and KPI as an account.

An account is a named list of terms, each a weighted sum over meters, together
with the physical meters it needs. Its terms are only ever summed over time in
which all of these are known (G3); a meter is an account of one term.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import lcm

import numpy as np
import numpy.typing as npt

from greendc.core.facility import Epoch, IntArray, Meter, Op, Site
from greendc.core.metrics import METRICS, names
from greendc.core.metrics.metric import Metric
from greendc.core.rules import ENERGY_QUANTITIES, Rules

SUBSYSTEMS = ("cooling", "power", "lighting", "reuse", "other")

FloatArray = npt.NDArray[np.float64]
Members = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A weighted sum over nodes [J]; with a `method` the mass that its intensity makes of it [g].

    `fuels` are (node, g/kWh) pairs whose emissions are added.
    """

    members: Members
    method: str | None = None
    fuels: Members = ()
    _columns: tuple[IntArray, FloatArray] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @property
    def columns(self) -> tuple[IntArray, FloatArray]:
        """Nodes and weights of the members, made where they are first asked for."""
        if self._columns is None:
            nodes = np.array([node for node, _ in self.members], np.int64)
            weights = np.array([weight for _, weight in self.members], np.float64)
            object.__setattr__(self, "_columns", (nodes, weights))
            return nodes, weights
        return self._columns


@dataclass(frozen=True, slots=True)
class Account:
    """One line of the ledger: see the module's docstring.

    `grid` is the cell length of the account, `resolution` the shortest period that
    may be published [ns]; `needs` are places in `Rules`.
    """

    name: str
    kind: str  # "meter", "total", "mass" or "kpi"
    grid: int
    resolution: int
    needs: IntArray
    terms: tuple[Term, ...]
    metric: Metric | None = None
    category: int | None = None
    physical: int | None = field(init=False)  # place of its meter; None for sums and derived ones

    def __post_init__(self) -> None:
        """See which meter the account is of."""
        place = self.terms[0].members[0][0] if self.kind == "meter" else None
        own = place if len(self.needs) == 1 and self.needs[0] == place else None
        object.__setattr__(self, "physical", own)

    @property
    def unit(self) -> str:
        """Unit of the account's figures as they are stored."""
        if self.metric is not None:
            return self.metric.unit
        return "g" if self.kind == "mass" else "J"


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a derived node is made: operation, its input nodes and its value."""

    node: int
    op: Op
    inputs: tuple[int, ...]
    value: float


@dataclass(frozen=True, slots=True)
class Book:
    """An epoch's accounts. Nodes are the physical energy meters, then the derived ones."""

    epoch: Epoch
    rules: Rules
    nodes: Mapping[str, int]
    derivations: tuple[Derivation, ...]
    accounts: tuple[Account, ...]
    grids: IntArray  # of each physical meter


def book_meters(site: Site) -> tuple[Meter, ...]:
    """All physical meters that the site ever has: of power, energy or heat, or judged by rules."""
    found: dict[str, Meter] = {}
    for epoch in site.epochs:
        for meter in epoch.meters:
            if meter.quantity in ENERGY_QUANTITIES or meter.judged:
                found.setdefault(meter.id, meter)
    return tuple(found.values())


def rounded_up(span: int, step: int) -> int:
    """The smallest multiple of `step` that is at least `span`."""
    return -(-span // step) * step


def meter_grid(nominal: int, cell: int, limit: int) -> int:
    """Length of a meter's cells in ns: its interval, rounded up to what fits cells and hours.

    The next multiple of the site's cell that divides `limit`, the longest cell that
    divides the hour and all UTC offsets of the zone; longer intervals are cut to it.

    >>> from greendc.core.facility import HOUR, MINUTE
    >>> meter_grid(7 * MINUTE, MINUTE, HOUR) // MINUTE
    10
    """
    grid = rounded_up(max(nominal, 1), cell)
    while grid < limit and limit % grid:
        grid += cell
    return min(grid, limit)


def _shared(values: Iterable[int]) -> list[int]:
    """The same numbers, equal ones as one object."""
    known: dict[int, int] = {}
    return [known.setdefault(value, value) for value in values]


def book(site: Site, epoch: Epoch) -> Book:
    """Lay out the accounts of one epoch."""
    rules = Rules.of(book_meters(site), site.horizon)
    return _Layout(site, epoch, rules).book()


class _Layout:
    """Builds a `Book`: what each account needs follows from its members, derived ones expanded."""

    def __init__(self, site: Site, epoch: Epoch, rules: Rules) -> None:
        self.site, self.epoch, self.rules = site, epoch, rules
        physical = [m.id for m in rules.meters]
        self.nodes = {name: i for i, name in enumerate(physical)}
        self.present = {m.id for m in epoch.meters}
        for derived in epoch.derived:
            self.nodes[derived.id] = len(self.nodes)
        self.derivations = tuple(
            Derivation(self.nodes[d.id], d.op, tuple(self.nodes[i] for i in d.inputs), d.value)
            for d in epoch.derived
        )
        self.grids = np.array(
            [meter_grid(m.nominal, epoch.cell, site.grid_limit) for m in rules.meters], np.int64
        )
        self.rounded = _shared(rounded_up(m.nominal, epoch.cell) for m in rules.meters)
        self._pairs: dict[tuple[int, float], tuple[int, float]] = {}
        self.needed: list[frozenset[int]] = [frozenset({i}) for i in range(len(physical))]
        for step in self.derivations:
            self.needed.append(frozenset().union(*[self.needed[i] for i in step.inputs]))

    def book(self) -> Book:
        accounts = (*self._meters(), *self._totals(), *self._masses(), *self._kpis())
        return Book(self.epoch, self.rules, self.nodes, self.derivations, accounts, self.grids)

    def _members(self, pairs: tuple[tuple[str, float], ...]) -> Members:
        places = ((self.nodes[name], weight) for name, weight in pairs)
        return tuple(self._pairs.setdefault(pair, pair) for pair in places)

    def _pair(self, node: int, weight: float) -> tuple[int, float]:
        """A member; one that several terms have stands in memory once."""
        pair = node, weight
        return self._pairs.setdefault(pair, pair)

    def _account(
        self,
        name: str,
        kind: str,
        terms: tuple[Term, ...],
        metric: Metric | None = None,
        category: int | None = None,
    ) -> Account:
        nodes = {n for term in terms for n, _ in (*term.members, *term.fuels)}
        needs = sorted(frozenset().union(*[self.needed[n] for n in nodes]))
        places, cell = np.array(needs, np.int64), self.epoch.cell
        grid = lcm(cell, *set(self.grids[places].tolist()))
        nominal = max([self.rounded[i] for i in needs], default=cell)
        return Account(name, kind, grid, nominal, places, terms, metric, category)

    def _meters(self) -> Iterator[Account]:
        own, energy, cell = np.arange(len(self.grids)), self.rules.energy.tolist(), self.epoch.cell
        grids = _shared(lcm(cell, grid) for grid in self.grids.tolist())
        for name, node in self.nodes.items():
            terms = (Term((self._pair(node, 1.0),)),)
            if node >= len(own):
                yield self._account(name, "meter", terms)
            elif name in self.present and energy[node]:  # it needs itself alone
                places = own[node : node + 1]
                yield Account(name, "meter", grids[node], self.rounded[node], places, terms)

    @cached_property
    def _sums(self) -> dict[str, Term]:
        epoch = self.epoch
        sums = {"e_dc": epoch.e_dc, "e_reuse": epoch.e_reuse}
        for category, meters in epoch.e_it.items():
            sums[f"e_it_cat{category}"] = tuple((m, 1.0) for m in meters)
        if epoch.e_it:
            sums["e_it"] = sums[f"e_it_cat{max(epoch.e_it)}"]
        for name, pairs in epoch.subsystems.items():
            sums[f"subsystem_{name}"] = pairs
        terms = {name: Term(self._members(pairs)) for name, pairs in sums.items() if pairs}
        if epoch.boundary == "metered" and "e_dc" in terms and "e_it" in terms:
            terms["subsystem_other"] = self._residual(terms)
        return terms

    def _residual(self, terms: dict[str, Term]) -> Term:
        """`other` of a metered boundary: what E_DC holds beyond E_IT and the subsystems metered."""
        named = [f"subsystem_{name}" for name in SUBSYSTEMS[:-1]]
        known = [terms[name] for name in named if name in terms]
        less = [(n, -w) for term in (terms["e_it"], *known) for n, w in term.members]
        return Term((*terms["e_dc"].members, *less))

    def _totals(self) -> Iterator[Account]:
        several = len(self.epoch.e_it) > 1
        for name, term in self._sums.items():
            if several or not name.startswith("e_it_cat"):
                yield self._account(name, "total", (term,))

    @cached_property
    def _carbon(self) -> dict[str, Term]:
        epoch = self.epoch
        members, fuels = self._members(epoch.imports), self._members(epoch.fuels)
        methods = self.site.intensity if members or fuels else ()
        return {method: Term(members, method, fuels) for method in methods}

    def _masses(self) -> Iterator[Account]:
        for method, term in self._carbon.items():
            yield self._account(f"co2e_{method}", "mass", (term,))

    def _kpis(self) -> Iterator[Account]:
        sums, carbon = self._sums, self._carbon
        best = max(self.epoch.e_it, default=None)
        for metric in METRICS:
            for key, filled in self._variants(metric, sums, carbon):
                category = key if metric.over == "category" else best
                name = names(metric, key if key != best else None)
                terms = tuple(filled.get(need) for need in metric.needs)
                if _by_itself(metric, self.epoch, category):
                    continue
                if all(term is not None for term in terms):
                    given = tuple(term for term in terms if term is not None)
                    used = category if "e_it_j" in metric.needs else None
                    yield self._account(name, "kpi", given, metric, used)  # type: ignore[arg-type]

    def _variants(
        self, metric: Metric, sums: dict[str, Term], carbon: dict[str, Term]
    ) -> Iterator[tuple[int | str | None, dict[str, Term]]]:
        amounts = {f"{name}_j": term for name, term in sums.items()}
        if metric.over == "category":
            for category in self.epoch.e_it:
                yield category, {**amounts, "e_it_j": amounts[f"e_it_cat{category}_j"]}
        elif metric.over == "subsystem":
            for name in SUBSYSTEMS:
                if f"subsystem_{name}" in sums:
                    yield name, {**amounts, "e_subsystem_j": sums[f"subsystem_{name}"]}
        elif metric.over == "method":
            for method, term in carbon.items():
                yield method, {**amounts, "co2e_g": term}
        else:
            yield None, amounts


def _by_itself(metric: Metric, epoch: Epoch, category: int | str | None) -> bool:
    """Whether a KPI of E_DC to E_IT says nothing, since both are the same meters (3.2)."""
    if epoch.boundary != "bottom_up" or not isinstance(category, int):
        return False
    both = "e_it_j" in metric.needs and {"e_dc_j", "co2e_g"} & {*metric.needs}
    return bool(both) and dict(epoch.e_dc) == dict.fromkeys(epoch.e_it[category], 1.0)


def _names_by_themselves(epoch: Epoch) -> Iterator[str]:
    best = max(epoch.e_it, default=None)
    for metric in METRICS:
        if metric.over == "category":
            found = [c for c in epoch.e_it if _by_itself(metric, epoch, c)]
            yield from (names(metric, c if c != best else None) for c in found)
        elif _by_itself(metric, epoch, best):
            keys = ("location", "market") if metric.over == "method" else (None,)
            yield from (names(metric, key) for key in keys)


def missing(epoch: Epoch, methods: frozenset[str]) -> dict[str, str]:
    """Totals and KPIs that the configuration gives no account to, and the reason in a word."""
    out: dict[str, str] = {}
    if not epoch.e_dc:
        out |= dict.fromkeys(("e_dc", "dcie", "erf", "ere", "ipue"), "no_e_dc")
    if not epoch.e_it:
        names_ = ("e_it", "ipue", "dcie", "ere", "cue_location", "cue_market")
        out |= dict.fromkeys((*names_, *[f"ppue_{s}" for s in SUBSYSTEMS]), "no_it_meter")
    if not epoch.e_reuse:
        out |= dict.fromkeys(("e_reuse", "erf", "ere"), "no_reuse_meter")
    out |= dict.fromkeys(_names_by_themselves(epoch), "only_it")
    for name in SUBSYSTEMS:
        residual = name == "other" and epoch.boundary == "metered" and epoch.e_dc and epoch.e_it
        if not epoch.subsystems.get(name) and not residual:
            out.setdefault(f"ppue_{name}", "no_meter")
    for method in ("location", "market"):
        carried = method in methods and (epoch.imports or epoch.fuels)
        if not carried:
            out |= dict.fromkeys((f"co2e_{method}", f"cue_{method}"), f"no_{method}_factor")
    return out
