"""Spans of time in which nothing changes that decides what a figure is made of."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import lcm
from typing import Any, get_args

from pydantic import BaseModel

from greendc.config import formulas, models
from greendc.config.meters import Filled, filled, named, said
from greendc.config.routes import Way, Ways
from greendc.config.scalars import Timed
from greendc.config.tree import Loc
from greendc.config.zones import grid_limit
from greendc.core import facility, nodes
from greendc.core.accounts import meter_grid
from greendc.core.facility import EVER, Epoch, Node
from greendc.core.quantities import ENERGETIC, POINTS, SUBSYSTEMS, e_dc_weight, is_fuel

Pairs = tuple[tuple[str, float], ...]

MIN_IT_SHARE = 0.01  # of the rated IT power (G2)
SCALING = {"multiplier", "unit", "location", "market"}  # these change no epoch
ENTRANCES = (("ups_in", "ups_out"), ("rect_in", "rect_out"))
ON_SITE = ("onsite_re", "genset_out")


def structural(model: BaseModel, loc: Loc = ()) -> Iterator[tuple[Loc, Timed[Any]]]:
    """Every value with dates that decides what figures are made of, with its place."""
    for name, key in _fields(type(model)):
        value = getattr(model, name)
        if value is not None and not (isinstance(value, Timed) and not value.is_dated):
            yield from _dated(value, (*loc, key))


@cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, str], ...]:
    """Fields that can hold dated values, and their keys in the file."""
    return tuple(
        (name, info.alias or name)
        for name, info in model.model_fields.items()
        if name not in SCALING and _may_be_dated(info.annotation)
    )


def _may_be_dated(annotation: object) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return issubclass(annotation, Timed) or bool(_fields(annotation))
    return any(_may_be_dated(inner) for inner in get_args(annotation))


def _dated(value: object, loc: Loc) -> Iterator[tuple[Loc, Timed[Any]]]:
    if isinstance(value, Timed):
        if value.is_dated:
            yield loc, value
    elif isinstance(value, BaseModel):
        yield from structural(value, loc)
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _dated(item, (*loc, i))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _dated(item, (*loc, key))


@dataclass(frozen=True)
class Layout:
    """A site for all times; what follows of it is worked out once, where somebody asks."""

    site: models.Site

    @cached_property
    def meters(self) -> Mapping[str, Filled]:
        """Its filled-in meters by id."""
        return filled(zip(self.site.meters, self.said, strict=True))

    @property
    def limit(self) -> int:
        """Its longest cell [ns]."""
        return grid_limit(self.site.zone)

    @cached_property
    def dated(self) -> list[tuple[Loc, Timed[Any]]]:
        """Every value with dates that decides what figures are made of, by place in the site."""
        return list(structural(self.site))

    @cached_property
    def ways(self) -> list[list[Way]]:
        """The ways of each meter's readings."""
        return list(map(Ways(self.site).of, self.site.meters, self.said))

    @cached_property
    def said(self) -> list[int]:
        """Equal numbers for meters that say the same; see `greendc.config.meters.said`."""
        known: dict[Hashable, int] = {}
        return [known.setdefault(said(meter), len(known)) for meter in self.site.meters]

    @cached_property
    def cuts(self) -> list[int]:
        """When epochs begin, the first at the beginning of time [ns]."""
        return sorted({-EVER, *[change for _, timed in self.dated for change in timed.changes]})

    def derived(self, when: int) -> list[facility.Derived]:
        """Derived meters at an instant, in the order of the file."""
        return [formulas.at(derived, when) for derived in self.site.derived]

    @cached_property
    def _instants(self) -> dict[int, "Instant"]:
        return {}

    def instant(self, when: int) -> "Instant":
        """The site at an instant [ns]."""
        if when not in self._instants:
            meters = tuple(named(self.meters, when))
            found = Instant(self.site, when, meters, formulas.ordered(self.derived(when)))
            self._instants[when] = found
        return self._instants[when]

    def epochs(self) -> tuple[Epoch, ...]:
        """All epochs in order."""
        cuts = self.cuts
        ends = [*cuts[1:], EVER]
        return tuple(self.instant(lo).epoch(hi) for lo, hi in zip(cuts, ends, strict=True))

    def border(self, when: int) -> int:
        """The grid on which the site can change just before and at an instant [ns]."""
        cells = {self.site.cell.held(when - 1), self.site.cell.held(when)}
        energetic = [f for f in self.meters.values() if f.quantity in ENERGETIC]
        grids = [meter_grid(f.given.nominal, c, self.limit) for f in energetic for c in cells]
        return lcm(*cells, *grids)

    def change_at(self, earliest: int) -> int:
        """The first instant at which the site can change that is not before another [ns]."""
        border = self.border(earliest)
        return -(-earliest // border) * border


@dataclass(frozen=True)
class Instant:
    """A site at one instant: from its points to the sums of its figures."""

    site: models.Site
    when: int
    meters: tuple[facility.Meter, ...]
    derived: tuple[facility.Derived, ...]

    @cached_property
    def known(self) -> dict[str, facility.Derived]:
        """Derived meters by id."""
        return {derived.id: derived for derived in self.derived}

    @property
    def boundary(self) -> str:
        """How E_DC is made: `metered` or `bottom_up`."""
        return self.site.e_dc.held(self.when)

    @cached_property
    def points(self) -> dict[str, str]:
        """The point of every meter, derived or not."""
        return {meter.id: meter.point for meter in self.all()}

    def all(self) -> Iterator[facility.Meter | facility.Derived]:
        """Every meter, physical ones first."""
        yield from self.meters
        yield from self.derived

    @cached_property
    def _by_point(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, point in self.points.items():
            found.setdefault(point, []).append(name)
        return found

    def _at(self, *points: str) -> list[str]:
        found = [self._by_point[point] for point in points if point in self._by_point]
        if len(found) > 1:
            return [name for name, point in self.points.items() if point in points]
        return found[0] if found else []

    # -- E_IT ---------------------------------------------------------------------------------

    @cached_property
    def e_it_by_points(self) -> dict[int, tuple[str, ...]]:
        """Meters of IT points by their PUE category; a sum goes before its parts."""
        found: dict[int, list[str]] = {}
        for name, point in self.points.items():
            category = POINTS[point].category
            if category is not None:
                found.setdefault(category, []).append(name)
        return {
            category: tuple(formulas.without_parts(names, self.known))
            for category, names in sorted(found.items())
        }

    @cached_property
    def e_it(self) -> dict[int, tuple[str, ...]]:
        """Meters of E_IT by PUE category."""
        if self.site.e_it is not None:
            declared = self.site.e_it.held(self.when)
            return {int(category): names for category, names in sorted(declared.items())}
        return self.e_it_by_points

    # -- E_DC ---------------------------------------------------------------------------------

    @cached_property
    def subsystems(self) -> dict[str, Pairs]:
        """Meters of each subsystem with their weights."""
        found: dict[str, list[str]] = {name: [] for name in SUBSYSTEMS}
        for meter in self.all():
            name = meter.subsystem or POINTS[meter.point].subsystem
            if name is not None:
                found[name].append(meter.id)
        pairs = {
            name: tuple((m, 1.0) for m in formulas.without_parts(names, self.known))
            for name, names in found.items()
            if names
        }
        losses = self._losses()
        return pairs if "power" in pairs or not losses else {**pairs, "power": losses}

    def _losses(self) -> Pairs:
        """Input less output of UPS and rectifiers where as many are metered on both sides."""
        pairs: list[tuple[str, float]] = []
        for before, after in ENTRANCES:
            entering = formulas.without_parts(self._at(before), self.known)
            leaving = formulas.without_parts(self._at(after), self.known)
            if len(entering) == len(leaving):
                pairs += [(m, 1.0) for m in entering] + [(m, -1.0) for m in leaving]
        return tuple(pairs)

    @cached_property
    def e_dc(self) -> Pairs:
        """Meters of E_DC with their weights."""
        if self.boundary == "metered":
            return self._crossing(list(POINTS))
        if self.site.e_dc_meters is not None:
            return tuple((name, 1.0) for name in self.site.e_dc_meters.held(self.when))
        it = [(name, 1.0) for names in self.e_it.values() for name in names]
        parts = [pair for pairs in self.subsystems.values() for pair in pairs]
        fuels = self._crossing([p for p in POINTS if is_fuel(p) and p != "genset_fuel"])
        kept = set(formulas.without_parts(dict.fromkeys(n for n, _ in (*it, *parts)), self.known))
        inner = merged([pair for pair in (*it, *parts) if pair[0] in kept])
        return (*inner, *fuels)

    def _crossing(self, points: Sequence[str]) -> Pairs:
        """What crosses the boundary (F-3.11); of a generator its output or its fuel, not both."""
        conversion = self.site.energy_conversion.held(self.when)
        names = [n for n in self._at(*points) if e_dc_weight(self.points[n], conversion)]
        if self._at("genset_out"):
            names = [n for n in names if self.points[n] != "genset_fuel"]
        kept = formulas.without_parts(names, self.known)
        return tuple((n, e_dc_weight(self.points[n], conversion)) for n in kept)

    def imports(self) -> Pairs:
        """Meters of the electricity that carries the grid's factor, with their weights."""
        if self.site.imports is not None:
            return tuple((name, 1.0) for name in self.site.imports.held(self.when))
        feeds = formulas.without_parts(self._at("util"), self.known)
        if feeds or self.boundary == "metered":
            return tuple((name, 1.0) for name in feeds)
        made = formulas.without_parts(self._at(*ON_SITE), self.known)
        used = [pair for pair in self.e_dc if not is_fuel(self.points[pair[0]])]
        return tuple(merged([*used, *[(name, -1.0) for name in made]]))

    def fuels(self) -> Pairs:
        """Meters of fuels and district energy with their factors [g/kWh]."""
        factors = self.site.emissions.fuels
        burnt = formulas.without_parts(self._at(*[p for p in POINTS if is_fuel(p)]), self.known)
        found = [(name, factors.get(self.points[name])) for name in burnt]
        return tuple((name, fuel.held(self.when).factor) for name, fuel in found if fuel)

    def feeds(self) -> dict[str, tuple[str, ...]]:
        """What is declared to feed each meter."""
        given = {m.id: m.fed_by for m in self.site.meters}
        given |= {d.id: d.fed_by for d in self.site.derived}
        return {name: fed.held(self.when) for name, fed in given.items() if fed is not None}

    def nodes(self) -> tuple[Node, ...]:
        """Where energy in and out are compared: as declared, otherwise by the points."""
        rated = nodes.rated(self.meters, self.derived)
        if feeds := self.feeds():
            found = list(nodes.declared(feeds, self.points, rated))
        else:
            words = [point for points in nodes.STAGES for point in points]
            words += ["export", "storage_in"]
            there = {w: formulas.without_parts(self._at(w), self.known) for w in words}
            found = list(nodes.by_points(there, rated))
        e_it = self.e_it
        if self.boundary == "metered" and self.e_dc and e_it:
            found.append(nodes.facility(self.e_dc, e_it[max(e_it)]))
        return tuple(nodes.taken_apart(node, self.derived) for node in found)

    def min_it_power(self) -> float:
        """IT power below which ratios are undefined [W]."""
        if self.site.min_it_power_w is not None:
            return self.site.min_it_power_w.held(self.when)
        return MIN_IT_SHARE * self.site.rated_it_w.held(self.when)

    def epoch(self, end: int) -> Epoch:
        """The core's view of the site from here to `end` [ns]."""
        return Epoch(
            start=self.when,
            end=end,
            cell=self.site.cell.held(self.when),
            meters=self.meters,
            derived=self.derived,
            boundary=self.boundary,
            e_dc=self.e_dc,
            e_it=self.e_it,
            e_reuse=tuple(
                (n, 1.0) for n in formulas.without_parts(self._at("q_reuse"), self.known)
            ),
            imports=self.imports(),
            fuels=self.fuels(),
            subsystems=self.subsystems,
            min_it_power=self.min_it_power(),
            nodes=self.nodes(),
            rated_it=self.site.rated_it_w.held(self.when),
        )


def merged(pairs: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Weights of the same meter added up, without those that cancel.

    >>> merged([("ups_out", 1.0), ("ups_in", 1.0), ("ups_out", -1.0)])
    [('ups_in', 1.0)]
    """
    total: dict[str, float] = dict(pairs)
    if len(total) == len(pairs):  # nearly always
        return [pair for pair in pairs if pair[1]]
    total = {}
    for name, weight in pairs:
        total[name] = total.get(name, 0.0) + weight
    return [(name, weight) for name, weight in total.items() if weight]
