"""What must hold in a configuration beyond the form of its keys."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from greendc.calendars import rfc3339
from greendc.config import models
from greendc.config.broker import broker_problems
from greendc.config.epochs import Instant, Layout, Pairs
from greendc.config.factors import tables, used_by
from greendc.config.formulas import contents, form_problems, input_problems, kind_problems
from greendc.config.http import http_problems
from greendc.config.meters import meter_problems, quantity_of
from greendc.config.problems import Problem
from greendc.config.routes import (
    Way,
    double_problems,
    name_problems,
    site_topic_problems,
    way_problems,
)
from greendc.config.scalars import Timed, duration_text
from greendc.config.siblings import sibling_problems
from greendc.config.sink_rules import sink_problems
from greendc.config.tree import Loc
from greendc.config.words import nearest
from greendc.config.zones import grid_limit
from greendc.core.quantities import ELECTRIC, POINTS, is_fuel
from greendc.core.reserved import reserved

METHODS = ("location", "market")
SHAPES = {"energy": "power", "heat": "thermal_power"}


def problems(root: models.Root, layouts: Sequence[Layout], folder: Path | None) -> list[Problem]:
    """All that is wrong; with a `folder` factor tables and series are looked at too.

    `layouts` are those of the root's sites.
    """
    found: list[Problem] = []
    if not root.sites:
        found.append(Problem(("sites",), "needs at least one site"))
    found += _twice([s.id for s in root.sites], lambda i: ("sites", i, "id"))
    if folder is not None:  # the journal tells of configurations that were good on their day
        found += [*http_problems(root.http), *broker_problems(root.mqtt), *sink_problems(root)]
    for i, layout in enumerate(layouts):
        found += site_problems(layout, ("sites", i), folder)
    return found + list(double_problems([(layout.site, layout.ways) for layout in layouts]))


def _twice(ids: Sequence[str], place: Callable[[int], Loc]) -> list[Problem]:
    if len(set(ids)) == len(ids):
        return []
    first = {name: i for i, name in reversed(list(enumerate(ids)))}
    return [
        Problem(place(i), f'"{name}" is there twice')
        for i, name in enumerate(ids)
        if first[name] != i
    ]


def _taken(ids: Sequence[str], place: Callable[[int], Loc]) -> Iterator[Problem]:
    """Ids that are names of figures: in the ledger one would take the other's place."""
    taken = reserved(METHODS)
    for i, name in enumerate(ids):
        if name in taken:
            yield Problem(place(i), f'"{name}" is the name of a figure; rename it, as {name}_meter')


def site_problems(layout: Layout, loc: Loc, folder: Path | None) -> list[Problem]:
    """All that is wrong with one site; later questions are asked only if earlier ones are good."""
    site = layout.site
    found = [*_alone(layout, loc), *_emission_problems(site, loc, folder)]
    if found:
        return found
    for when in layout.cuts:
        here = layout.derived(when)
        found += input_problems(site, here, loc)
        if not found:
            found += kind_problems(site, here, loc)
        if not found:
            found += instant_problems(layout.instant(when), loc)
    return found or [*_border_problems(layout, loc), *_profile_problems(layout, loc)]


def _profile_problems(layout: Layout, loc: Loc) -> Iterator[Problem]:
    """Meters whose gaps are to be filled by an IT load that the site never has."""
    asking = [i for i, meter in enumerate(layout.site.meters) if meter.fill == "profile"]
    if asking and not any(layout.instant(when).e_it for when in layout.cuts):
        for i in asking:
            yield Problem((*loc, "meters", i, "fill"), "profile goes by IT load: no meter of E_IT")


def _alone(layout: Layout, loc: Loc) -> Iterator[Problem]:
    site = layout.site
    if not site.meters:
        yield Problem((*loc, "meters"), "needs at least one meter")
    ids = [*[m.id for m in site.meters], *[d.id for d in site.derived]]
    count = len(site.meters)

    def place(i: int) -> Loc:
        return (*loc, *(("meters", i) if i < count else ("derived", i - count)), "id")

    yield from _twice(ids, place)
    yield from _taken(ids, place)
    yield from _time_problems(layout, loc)
    yield from site_topic_problems(site, loc)
    good: set[Hashable] = set()  # what meters say that nothing is wrong with, but for their names
    every = zip(site.meters, layout.said, layout.ways, strict=True)
    for i, (meter, said, ways) in enumerate(every):
        at = (*loc, "meters", i)
        yield from name_problems(meter, ways, at)
        what = said, meter.topic is None
        if what not in good:
            wrong = list(_meter_problems(meter, ways, at))
            yield from wrong
            if not wrong:
                good.add(what)
    yield from _shape_problems(site, loc)
    yield from sibling_problems(site, loc)
    for i, derived in enumerate(site.derived):
        yield from form_problems(derived, (*loc, "derived", i))


def _shape_problems(site: models.Site, loc: Loc) -> Iterator[Problem]:
    """Registers whose power is none, or would count beside them."""
    meters, taken = {meter.id: meter for meter in site.meters}, set[str]()
    for i, meter in enumerate(site.meters):
        at = (*loc, "meters", i, "shape")
        if meter.shape is None:
            continue
        other = meters.get(meter.shape)
        if other is None:
            yield Problem(at, f"{meter.shape} is no meter{nearest(meter.shape, meters)}")
        elif quantity_of(other) != SHAPES.get(quantity_of(meter) or ""):
            yield Problem(at, f"{meter.shape} does not measure the power that is counted")
        elif {step.value for step in other.point.steps} != {"none"}:
            text = f"{meter.shape} must have point none: the register counts, not both"
            yield Problem(at, text)
        elif meter.shape in taken:
            yield Problem(at, f"{meter.shape} is the power of another register already")
        taken.add(meter.shape)


def _meter_problems(meter: models.Meter, ways: list[Way], loc: Loc) -> Iterator[Problem]:
    names = bool(ways) and all(way.unit_at is not None for _, way in ways)
    yield from meter_problems(meter, loc, names_unit=names)
    yield from way_problems(meter, ways, loc)
    yield from _first_problems((*loc, "multiplier"), meter.multiplier)
    if meter.unit is not None:
        yield from _first_problems((*loc, "unit"), meter.unit)


# -- time -------------------------------------------------------------------------------------


def _time_problems(layout: Layout, loc: Loc) -> Iterator[Problem]:
    site = layout.site
    try:
        limit = grid_limit(site.zone)
    except ValueError as error:
        yield Problem((*loc, "zone"), str(error))
    else:
        for i, step in enumerate(site.cell.steps):
            if limit % step.value:
                text = (
                    f"{duration_text(step.value)} does not divide the hour and every UTC offset of "
                    f"{site.zone}; the longest that does is {duration_text(limit)}"
                )
                yield Problem((*loc, "cell", "steps", i, "value"), text)
    if site.horizon < site.lateness:
        text = f"must not be less than lateness, {duration_text(site.lateness)}"
        yield Problem((*loc, "horizon"), text)
    for place, timed in layout.dated:
        yield from _first_problems((*loc, *place), timed)


def _first_problems(place: Loc, timed: Timed[Any]) -> Iterator[Problem]:
    if timed.steps[0].from_ is not None:
        text = "the first value holds from the beginning: leave out its from"
        yield Problem((*place, "steps", 0, "from"), text)


def _border_problems(layout: Layout, loc: Loc) -> Iterator[Problem]:
    for place, timed in layout.dated:
        for i, step in enumerate(timed.steps):
            if step.from_ is None:
                continue
            border = layout.border(step.from_)
            if step.from_ % border:
                good = (step.from_ + border // 2) // border * border
                text = (
                    f"must lie on the meters' grid of {duration_text(border)}; "
                    f"the nearest is {rfc3339(good)}"
                )
                yield Problem((*loc, *place, "steps", i, "from"), text)


# -- sums -------------------------------------------------------------------------------------


def instant_problems(site: Instant, loc: Loc) -> Iterator[Problem]:
    """What is wrong with the sums of figures at one instant."""
    named = list(_name_problems(site, loc))
    yield from named
    if named:
        return
    yield from _category_problems(site, loc)
    yield from _feed_problems(site, loc)
    if site.site.e_dc_meters is not None and site.boundary == "metered":
        yield Problem((*loc, "e_dc_meters"), "only beside e_dc: bottom_up")
    for category, names in site.e_it.items():
        pairs = tuple((name, 1.0) for name in names)
        yield from _double_problems(site, pairs, f"E_IT of category {category}", (*loc, "e_it"))
    if site.boundary == "metered" or len(site.e_it) < 2 or site.site.e_dc_meters is not None:
        yield from _double_problems(site, site.e_dc, "E_DC", (*loc, "e_dc"))
    yield from _fuel_problems(site, loc)


def _name_problems(site: Instant, loc: Loc) -> Iterator[Problem]:
    ids = list(site.points)
    listed: dict[str, tuple[str, ...]] = {}
    for key in ("e_dc_meters", "imports"):
        timed: Timed[tuple[str, ...]] | None = getattr(site.site, key)
        listed[key] = timed.held(site.when) if timed is not None else ()
    if site.site.e_it is not None:
        listed["e_it"] = tuple(n for names in site.e_it.values() for n in names)
    for key, names in listed.items():
        for name in names:
            if name not in ids:
                yield Problem((*loc, key), f'no meter "{name}"{nearest(name, ids)}')


def _category_problems(site: Instant, loc: Loc) -> Iterator[Problem]:
    found = site.e_it_by_points
    if site.site.e_it is None:
        if len(found) > 1:
            text = "missing: IT meters stand at points of several PUE categories; say which sum to"
            pasted = "".join(f"\n      {c}: [{', '.join(names)}]" for c, names in found.items())
            lines = (
                f"{text} E_IT, each sum by the lowest category in it, such as\n    e_it:{pasted}"
            )
            yield Problem((*loc, "e_it"), lines)
        return
    points = site.points
    for category, names in site.e_it.items():
        for name in names:
            own = POINTS[points[name]].category
            if own is None or own < category:
                said = "is no IT point" if own is None else f"is category {own}"
                text = f'"{name}" cannot count as category {category}: {points[name]} {said}'
                yield Problem((*loc, "e_it"), text)
    if len(site.e_it) > 1 and site.boundary == "bottom_up" and site.site.e_dc_meters is None:
        text = (
            "missing: with several E_IT it is not clear which of them is in E_DC; list its meters"
        )
        yield Problem((*loc, "e_dc_meters"), text)


def _feed_problems(site: Instant, loc: Loc) -> Iterator[Problem]:
    """Meters that are fed by what is none, by themselves, or in a circle."""
    feeds, points = site.feeds(), site.points
    if not feeds:
        return
    electric = {m.id for m in site.meters if m.quantity in ELECTRIC} | set(site.known)
    count = len(site.site.meters)
    ids = [*[m.id for m in site.site.meters], *[d.id for d in site.site.derived]]
    for name, above in feeds.items():
        number = ids.index(name)
        here = ("meters", number) if number < count else ("derived", number - count)
        at = (*loc, *here, "fed_by")
        if name not in electric:
            yield Problem(at, "only of electric meters")
        for one in above:
            if one not in points:
                yield Problem(at, f'no meter "{one}"{nearest(one, list(points))}')
            elif one not in electric:
                yield Problem(at, f'"{one}" is no electric meter')
    try:
        list(TopologicalSorter(feeds).static_order())
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        yield Problem((*loc, "meters"), f"fed_by goes round in a circle: {circle}")


def _double_problems(site: Instant, pairs: Pairs, total: str, loc: Loc) -> Iterator[Problem]:
    known = site.known
    times = Counter([name for name, weight in pairs if weight > 0 and name not in known])
    times.subtract([name for name, weight in pairs if weight <= 0 and name not in known])
    for name, weight in pairs:
        for meter, count in contents(name, known).items() if name in known else ():
            times[meter] += count if weight > 0 else -count
    for meter, count in times.items():
        if abs(count) > 1:
            by = ", ".join(name for name, _ in pairs if meter in contents(name, known))
            text = f'counts "{meter}" {abs(count)} times in {total}, by way of {by}'
            yield Problem(loc, text)


# -- emissions --------------------------------------------------------------------------------


def _emission_problems(site: models.Site, loc: Loc, folder: Path | None) -> Iterator[Problem]:
    emissions = site.emissions
    for method in METHODS:
        timed: Timed[models.Factor] | None = getattr(emissions, method)
        for i, step in enumerate(timed.steps if timed is not None else ()):
            at = (*loc, "emissions", method, "steps", i, "value")
            yield from _factor_problems(step.value, at, folder)
    for point in emissions.fuels:
        if not is_fuel(point):
            known = ", ".join(name for name in POINTS if is_fuel(name))
            yield Problem((*loc, "emissions", "fuels", point), f"is not one of {known}")


def _factor_problems(factor: models.Factor, loc: Loc, folder: Path | None) -> Iterator[Problem]:
    forms = [key for key in ("factor", "table", "series") if getattr(factor, key) is not None]
    if len(forms) != 1:
        said = " and ".join(forms) if forms else "none"
        yield Problem(loc, f"needs exactly one of factor, table and series, not {said}")
    elif folder is not None:
        try:
            used_by(factor, folder)
        except ValueError as error:
            wrong_zone = factor.table in tables()
            yield Problem((*loc, "zone" if wrong_zone else forms[0]), str(error))
    if factor.stamps is not None and factor.series is None:
        yield Problem((*loc, "stamps"), "is of no use without a series")
    if forms == ["factor"] and (factor.year is None or factor.source is None):
        key = "year" if factor.year is None else "source"
        text = "missing: an auditor asks for the year and the source of a factor"
        yield Problem((*loc, key), text)


def _fuel_problems(site: Instant, loc: Loc) -> Iterator[Problem]:
    emissions = site.site.emissions
    if emissions.location is None and emissions.market is None:
        return
    for name, point in site.points.items():
        if is_fuel(point) and point not in emissions.fuels:
            text = f'missing: "{name}" is {POINTS[point].meaning}, and its emissions belong to CO2e'
            yield Problem((*loc, "emissions", "fuels", point), text)
