"""What people are told of a meter beside its readings."""

from collections.abc import Iterable, Iterator

from greendc.config.epochs import Layout
from greendc.core.quantities import POINTS
from greendc.snapshots import MeterTag


def meter_tags(layouts: Iterable[Layout]) -> Iterator[MeterTag]:
    """Of every physical meter, in the order of `Plan.meters`, as it is now."""
    for layout in layouts:
        for filled in layout.meters.values():
            given = filled.given
            point = POINTS[given.point.last]
            named = given.subsystem
            yield MeterTag(
                site=layout.site.id,
                meter=given.id,
                point=given.point.last,
                quantity=filled.quantity,
                kind=filled.kind,
                carrier=point.carrier,
                subsystem=point.subsystem if named is None else named.last,
                room=given.room,
                rack=given.rack,
                nominal=given.nominal,
                silent_after=filled.silent_after,
            )
