"""Physical meters: what is left out is filled in, what cannot be is a problem."""

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
from pydantic import FiniteFloat

from greendc.config import models
from greendc.config.problems import Problem
from greendc.config.scalars import Timed
from greendc.config.tree import Loc
from greendc.config.words import nearest
from greendc.core import facility
from greendc.core.facility import MINUTE, Kind
from greendc.core.quantities import POINTS
from greendc.core.units import QUANTITIES, Unit, units_of
from greendc.ports import Scale

COUNTERS = ("energy", "heat", "volume")
FLOWS = ("power", "thermal_power")
FAST = 5 * MINUTE
FAST_GAP = 15 * MINUTE
BOUNDED = "its rating bounds what it can count"
RULES = {  # why they are not for a register
    **dict.fromkeys(("spike", "rate_per_min", "frozen_after"), BOUNDED),
    "siblings": "it moves with any load",
    "fill": "it counts on; what it has lost its power tells (shape)",
}
OVERLOAD = (-0.001, 1.2)  # of the rating: the power that can be, unless a range is given

# nothing here follows from these
NAMES = frozenset({"id", "tag", "topic", "fed_by", "room", "rack"})
DATED = ("point", "unit", "multiplier", "subsystem")
_dated = itemgetter(*DATED)
_after_id = attrgetter(*[field.name for field in fields(facility.Meter)[1:]])
_signed = itemgetter("range", "sentinels", "register_", "replaced")
UNSIGNED = None, None, None, ()  # nearly always
_plain = itemgetter(*[key for key in models.Meter.model_fields if key not in {*NAMES, *DATED}])


@dataclass(frozen=True, slots=True)
class Filled:
    """A meter with all that follows from what it says: of all that say the same, one of them."""

    given: models.Meter
    quantity: str
    kind: Kind
    max_gap: int
    silent_after: int

    @property
    def unit(self) -> Timed[str]:
        """Unit of the payloads; the base unit where payloads name their own."""
        base = next(iter(units_of(self.quantity)))
        return self.given.unit or Timed[str].model_validate(base)

    def factor(self) -> float:
        """Newest factor from numbers in the payload to base units; of a register all over time."""
        unit, multiplier = units_of(self.quantity)[self.unit.last], self.given.multiplier
        return (self._first if self.kind is Kind.REGISTER else multiplier.last) * unit.factor

    @property
    def _first(self) -> float:
        return self.given.multiplier.steps[0].value

    def _factors(self) -> tuple[tuple[int, float], ...]:
        """A register's multipliers over its first one: a count is not turned into another one."""
        if self.kind is not Kind.REGISTER or not self.given.multiplier.changes:
            return ()
        steps = self.given.multiplier.steps
        return tuple((step.start, step.value / self._first) for step in steps)

    def at(self, when: int) -> facility.Meter:
        """The meter as the core sees it at an instant [ns]."""
        given, register = self.given, self.given.register_ or models.Register()
        low, high = self.limits()
        counts = self.kind is Kind.REGISTER and given.range is not None
        return facility.Meter(
            id=given.id,
            point=given.point.held(when),
            quantity=self.quantity,
            kind=self.kind,
            nominal=given.nominal,
            max_gap=self.max_gap,
            silent_after=self.silent_after,
            accuracy=None if given.accuracy_class is None else given.accuracy_class / 100,
            rating=given.rating_w,
            modulus=register.modulus * abs(self.factor()),
            step=register.step * abs(self.factor()),
            range_=(low, high) if counts else (0.0, math.inf),
            subsystem=given.subsystem.held(when) if given.subsystem else None,
            replaced=tuple(map(self._replacement, given.replaced)),
            factors=self._factors(),
            shape=given.shape,
            fill=given.fill,
            fill_limit=None if given.fill_uncertainty is None else given.fill_uncertainty / 100,
            spike=self._difference(given.spike),
            rate=self._difference(given.rate_per_min, 60.0),
            frozen_after=given.frozen_after,
            siblings=given.siblings,
        )

    def _difference(self, given: float | None, seconds: float = 1.0) -> float | None:
        """A difference in unit as one in base units, of so many seconds."""
        factor = units_of(self.quantity)[self.unit.last].factor
        return None if given is None else given * abs(factor) / seconds

    def _replacement(self, given: models.Replacement) -> facility.Replacement:
        """In base units, each number by the factor that held for its register."""
        scale = self.scale(self.unit)
        old, new = np.maximum(np.searchsorted(scale.start, [given.at, given.at + 1]) - 1, 0)
        return facility.Replacement(
            given.at, given.final * scale.factor[old], given.initial * scale.factor[new]
        )

    def limits(self) -> tuple[float, float]:
        """Least and largest value that can be, in base units."""
        given = self.given
        if given.range is not None:
            unit = units_of(self.quantity)[self.unit.last]
            low, high = given.range
            return low * unit.factor + unit.offset, high * unit.factor + unit.offset
        if self.quantity in FLOWS and given.rating_w is not None:
            return OVERLOAD[0] * given.rating_w, OVERLOAD[1] * given.rating_w
        return -math.inf, math.inf

    def scale(self, unit: Timed[str]) -> Scale:
        """Factor and offset to base units in time, multiplier included.

        Of a register it is the first one: the core multiplies what it has counted by the others.
        """
        multiplier, known = self.given.multiplier, units_of(self.quantity)
        if self.kind is Kind.REGISTER:
            multiplier = Timed[FiniteFloat].model_validate(self._first)
        starts = sorted({-facility.EVER, *multiplier.changes, *unit.changes})
        units = [known[unit.held(start)] for start in starts]
        factors = [
            multiplier.held(start) * u.factor for start, u in zip(starts, units, strict=True)
        ]
        return Scale(
            np.array(starts, np.int64),
            np.array(factors, np.float64),
            np.array([u.offset for u in units], np.float64),
        )

    def units(self) -> dict[str, Scale]:
        """A scale for every unit that a payload may name."""
        names: dict[str, Unit] = dict(units_of(self.quantity))
        return {name: self.scale(Timed[str].model_validate(name)) for name in names}


def quantity_of(meter: models.Meter) -> str | None:
    """What a meter measures: as it says, or as its first point with a default does."""
    if meter.quantity is not None:
        return str(meter.quantity)
    listed = [POINTS[step.value].quantities for step in meter.point.steps]
    return next((quantities[0] for quantities in listed if quantities), None)


def fill(meter: models.Meter) -> Filled:
    """Fill in the defaults of a meter that `meter_problems` found good."""
    quantity = quantity_of(meter) or "state"
    kind = Kind(meter.kind or ("register" if quantity in COUNTERS else "instant"))
    silent = meter.silent_after or 3 * meter.nominal
    gap = meter.max_gap or min(3 * meter.nominal, silent)
    return Filled(meter, quantity, kind, gap, silent)


def said(meter: models.Meter) -> Hashable:
    """What a meter says but for `NAMES`: the same of meters that are alike, while all of them live.

    Values with dates are told apart as objects, since equal ones without a date are one object;
    others by their text as well, where they may hold a zero: -0.0 equals 0.0.
    """
    values = vars(meter)
    signed = _signed(values)
    text = "" if signed == UNSIGNED else repr(signed)
    return _plain(values), text, *map(id, _dated(values))


def filled(meters: Iterable[tuple[models.Meter, Hashable]]) -> dict[str, Filled]:
    """Meters that `meter_problems` found good, each with what it `said`, filled in, by id.

    Those that are alike share what follows.
    """
    known: dict[Hashable, Filled] = {}
    out: dict[str, Filled] = {}
    for meter, what in meters:
        found = known.get(what)
        if found is None:
            found = known[what] = fill(meter)
        out[meter.id] = found
    return out


def named(meters: Mapping[str, Filled], when: int) -> Iterator[facility.Meter]:
    """Meters as the core sees them at an instant [ns]; `meters` by id."""
    known: dict[int, tuple[Any, ...]] = {}
    for name, found in meters.items():
        rest = known.get(id(found))
        if rest is None:
            rest = known[id(found)] = _after_id(found.at(when))
        yield facility.Meter(name, *rest)


# -- problems ---------------------------------------------------------------------------------


def meter_problems(meter: models.Meter, loc: Loc, *, names_unit: bool) -> Iterator[Problem]:
    """What a meter says that cannot be; `names_unit`: its payloads carry their unit."""
    quantity = quantity_of(meter)
    if quantity is None:
        yield Problem((*loc, "quantity"), "missing: point none does not say what is measured")
        return
    yield from _point_problems(meter, quantity, loc)
    yield from _unit_problems(meter, quantity, loc, names_unit=names_unit)
    yield from _kind_problems(meter, quantity, loc)
    yield from _first_problems(meter, fill(meter).kind, loc)
    yield from _rule_problems(meter, fill(meter).kind, loc)
    yield from _fill_problems(meter, quantity, loc)
    yield from _span_problems(fill(meter), loc)
    if meter.range is not None and meter.range[0] >= meter.range[1]:
        yield Problem((*loc, "range"), "the least value must stand before the largest")


def _point_problems(meter: models.Meter, quantity: str, loc: Loc) -> Iterator[Problem]:
    for i, step in enumerate(meter.point.steps):
        allowed = POINTS[step.value].quantities
        if allowed and quantity not in allowed:
            text = f"{step.value} is measured as {' or '.join(allowed)}, not as {quantity}"
            yield Problem((*loc, "point", "steps", i, "value"), text)


def _unit_problems(
    meter: models.Meter, quantity: str, loc: Loc, *, names_unit: bool
) -> Iterator[Problem]:
    known = units_of(quantity)
    if meter.unit is None:
        if not names_unit and quantity != "state":
            text = f"missing: {quantity} comes in {', '.join(known)}"
            yield Problem((*loc, "unit"), text)
        return
    for i, step in enumerate(meter.unit.steps):
        if step.value not in known:
            listed = ", ".join(known)
            text = f"{step.value!r} is no unit of {quantity} ({listed}){nearest(step.value, known)}"
            yield Problem((*loc, "unit", "steps", i, "value"), text)


def _kind_problems(meter: models.Meter, quantity: str, loc: Loc) -> Iterator[Problem]:
    at = (*loc, "kind")
    if meter.kind is None and quantity in FLOWS:
        yield Problem(at, "missing: instant, mean_prev, mean_next or on_change")
    if meter.kind == "register" and QUANTITIES[quantity] not in {"energy", "volume"}:
        yield Problem(at, f"a register counts energy, heat or volume, not {quantity}")
    if meter.kind not in {None, "register"} and quantity in {"energy", "heat"}:
        yield Problem(at, f"{quantity} is counted by a register; power is {meter.kind}")
    if meter.kind == "on_change" and meter.silent_after is None:
        yield Problem((*loc, "silent_after"), "missing: on_change does not say how long it holds")


def _of_registers(meter: models.Meter) -> tuple[tuple[str, object], ...]:
    return ("register", meter.register_), ("replaced", meter.replaced), ("shape", meter.shape)


def _first_problems(meter: models.Meter, kind: Kind, loc: Loc) -> Iterator[Problem]:
    """What the factor must not be before it changes."""
    if meter.multiplier.steps[0].value:
        return
    if not meter.multiplier.changes:
        yield Problem((*loc, "multiplier"), "must not be 0, which makes every reading 0")
    elif kind is Kind.REGISTER:
        yield Problem((*loc, "multiplier"), "the first one of a register must not be 0")


def _rule_problems(meter: models.Meter, kind: Kind, loc: Loc) -> Iterator[Problem]:
    """Rules that are not for meters of this kind."""
    for name, given in _of_registers(meter):
        if given and kind is not Kind.REGISTER:
            yield Problem((*loc, name), f"only for kind register, not {kind}")
    if any(later.at <= before.at for before, later in pairwise(meter.replaced)):
        yield Problem((*loc, "replaced"), "each `at` must be later than the one before")
    for name, why in RULES.items():
        if getattr(meter, name) is not None and kind is Kind.REGISTER:
            yield Problem((*loc, name), f"not for a register: {why}")
    if meter.frozen_after is not None and kind is Kind.ON_CHANGE:
        yield Problem((*loc, "frozen_after"), "not for on_change, which is silent without a change")


def _fill_problems(meter: models.Meter, quantity: str, loc: Loc) -> Iterator[Problem]:
    if meter.fill is not None and quantity not in {*FLOWS, *COUNTERS}:
        yield Problem((*loc, "fill"), "only for power")
    if meter.fill_uncertainty is not None and meter.fill is None:
        yield Problem((*loc, "fill_uncertainty"), "of what? nothing is filled (fill)")


def _span_problems(filled: Filled, loc: Loc) -> Iterator[Problem]:
    meter = filled.given
    if meter.frozen_after is not None and meter.frozen_after <= filled.silent_after:
        yield Problem((*loc, "frozen_after"), "must be longer than silent_after")
    for key, span in (("max_gap", filled.max_gap), ("nominal", meter.nominal)):
        if span > filled.silent_after:
            yield Problem((*loc, key), "must not be longer than silent_after")
    if filled.kind is Kind.INSTANT and meter.nominal <= FAST and filled.max_gap > FAST_GAP:
        text = "at most 15min where nominal is 5min or less"
        yield Problem((*loc, "max_gap"), text)
