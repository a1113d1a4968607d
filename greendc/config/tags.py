"""What people and alerts are told beside readings and figures."""

from collections.abc import Iterable, Iterator
from functools import partial

from greendc.config import models
from greendc.config.epochs import Layout
from greendc.config.meters import Filled
from greendc.core.accounts import missing
from greendc.core.facility import SECOND, Site
from greendc.core.quantities import POINTS
from greendc.snapshots import Limits, MeterTag, SiteTag, Target


def meter_tags(layouts: Iterable[Layout]) -> Iterator[MeterTag]:
    """Of every physical meter, in the order of `Plan.meters`, as it is now."""
    for layout in layouts:
        known: dict[int, partial[MeterTag]] = {}
        site = layout.site.id
        for given, filled in zip(layout.site.meters, layout.meters.values(), strict=True):
            tag = known.get(id(filled))
            if tag is None:
                tag = known[id(filled)] = _tag(filled)
            yield tag(site, given.id, room=given.room, rack=given.rack)


def _tag(filled: Filled) -> "partial[MeterTag]":
    """What makes the tag of a meter from its names: all else is that of others like it."""
    given = filled.given
    point, named = POINTS[given.point.last], given.subsystem
    return partial(
        MeterTag,
        point=given.point.last,
        quantity=filled.quantity,
        kind=filled.kind,
        carrier=point.carrier,
        subsystem=point.subsystem if named is None else named.last,
        nominal=given.nominal,
        silent_after=filled.silent_after,
    )


def site_tags(sites: Iterable[Site], given: Iterable[models.Site]) -> Iterator[SiteTag]:
    """Of every site, as it is now."""
    for site, told in zip(sites, given, strict=True):
        epoch = site.epochs[-1]
        yield SiteTag(
            site=site.id,
            name=site.name,
            zone=site.zone,
            boundary=epoch.boundary,
            unavailable=missing(epoch, frozenset(site.intensity)),
            intensity=site.intensity,
            targets=targets(told),
            lateness=site.lateness,
            redundant=frozenset(derived.id for derived in told.derived if derived.redundant),
        )


def targets(site: models.Site) -> tuple[Target, ...]:
    """What alerts compare a site's figures with."""
    given = site.targets
    pue = [
        Target(
            "pue", window, tuple((s.start, s.value, _below(s.value, given)) for s in timed.steps)
        )
        for window, timed in given.pue.items()
    ]
    coverage = [
        Target("coverage", window, tuple((s.start, s.value, None) for s in timed.steps))
        for window, timed in given.coverage.items()
    ]
    return (*pue, *coverage)


def _below(target: float, given: models.Targets) -> float:
    """Where an alert about PUE ends: below its target, but where PUE can still get."""
    return target - min(given.recovery * target, (target - 1.0) / 2)


def limits(given: models.Limits) -> Limits:
    """What alerts compare the daemon's own health with."""
    return Limits(
        sink_lag_seconds=given.sink_lag / SECOND,
        journal_lag_seconds=given.journal_lag / SECOND,
        journal_fill=given.journal_fill,
    )
