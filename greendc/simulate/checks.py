"""Mistakes in a scenario that no single key shows."""

from collections import Counter
from collections.abc import Iterator, Sequence

from greendc.config.problems import Problem
from greendc.config.tree import Loc
from greendc.config.words import nearest
from greendc.core.facility import DAY, SECOND
from greendc.simulate.models import Scenario, Site
from greendc.simulate.topology import Feed

J_PER_KWH = 3_600_000


def problems(scenario: Scenario) -> list[Problem]:
    """What is wrong in a scenario, with the place of it."""
    found = list(_twice([site.id for site in scenario.sites], ("sites",)))
    for number, site in enumerate(scenario.sites):
        found += _of_site(site, ("sites", number))
    return found


def _of_site(site: Site, loc: Loc) -> Iterator[Problem]:
    feeds, halls = [feed.id for feed in site.feeds], [hall.id for hall in site.halls]
    yield from _twice(feeds, (*loc, "feeds"))
    yield from _twice(halls, (*loc, "halls"))
    for number, hall in enumerate(site.halls):
        at = (*loc, "halls", number, "feeds")
        yield from _known(hall.feeds, feeds, "feed", at)
        if len(hall.feeds or feeds) > 2:
            yield Problem(at, "a rack has one or two feeds: name them")
    for number, feed in enumerate(site.feeds):
        at = (*loc, "feeds", number)
        yield from _known([feed.room] if feed.room else [], halls, "hall", (*at, "room"))
        yield from _of_battery(feed, at)
    yield from _lost(site, loc)


def _twice(names: Sequence[str], loc: Loc) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(loc, f'"{name}" is there twice')


def _known(names: Sequence[str], known: Sequence[str], what: str, loc: Loc) -> Iterator[Problem]:
    for name in names:
        if name not in known:
            yield Problem(loc, f'"{name}" is no {what} of the site{nearest(name, known)}')


def _of_battery(feed: Feed, loc: Loc) -> Iterator[Problem]:
    battery, start = feed.converter.battery, feed.generator.start if feed.generator else 0
    if battery is None:
        return
    at = (*loc, "ups" if feed.ups else "rectifier", "battery")
    energy = battery.energy_kwh * J_PER_KWH * battery.efficiency
    if energy < 1.2 * feed.converter.rated_w * (start // SECOND):
        yield Problem((*at, "energy_kwh"), "too little to wait for the generator")
    if battery.energy_kwh * J_PER_KWH > battery.charge_w * (DAY // SECOND):
        yield Problem((*at, "charge_w"), "takes longer than a day to charge it")


def _lost(site: Site, loc: Loc) -> Iterator[Problem]:
    ready = len(site.feeds) > 1 and all(
        feed.generator is not None and feed.converter.battery is not None for feed in site.feeds
    )
    for number, fault in enumerate(site.faults):
        if fault.kind == "utility_lost" and not ready:
            text = "needs two feeds, each with a generator and a battery"
            yield Problem((*loc, "faults", number, "kind"), text)
