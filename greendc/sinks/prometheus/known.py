"""What is the same at every scrape of a configuration's meters: labels, beginnings of lines."""

from collections.abc import Callable, Sequence

from greendc import series
from greendc.core.facility import SECOND
from greendc.core.present import POWERS
from greendc.series import Series
from greendc.sinks.prometheus.families import Column, Labels, meter_labels, place_labels
from greendc.snapshots import MeterTag


class Known:
    """Columns of the samples that every meter has; rows are places in `meters`."""

    def __init__(self, meters: Sequence[MeterTag]) -> None:
        self.meters = meters
        keys = self.keys = [(tag.site, tag.meter) for tag in meters]
        self.names = frozenset(self.keys)
        self.limits = [tag.silent_after / SECOND for tag in meters]
        self.silent_after = Column(series.SILENT_AFTER, lambda: keys)
        self.last = Column(series.LAST_SAMPLE, lambda: keys, like=self.silent_after)
        self.readings = Column(series.READINGS, lambda: ((*key, "accepted") for key in keys))
        self.energy = {way: _energy(meters, way) for way in ("in", "out")}
        self.shown = _shown(meters)


def _energy(meters: Sequence[MeterTag], way: str) -> Column:
    return Column(series.ENERGY, lambda: ((*meter_labels(tag), way) for tag in meters))


def _shown(meters: Sequence[MeterTag]) -> list[tuple[Column, list[int]]]:
    """Columns of latest readings, each with the places of its meters."""
    places: dict[str, list[int]] = {}
    found: dict[str, tuple[Series, Callable[[MeterTag], Labels]]] = {}
    for place, tag in enumerate(meters):
        one, labels = _reading(tag)
        if one is not None:
            found.setdefault(one.name, (one, labels))
            places.setdefault(one.name, []).append(place)
    return [(_latest(meters, places[name], *found[name]), places[name]) for name in found]


def _latest(
    meters: Sequence[MeterTag],
    places: Sequence[int],
    one: Series,
    labels: Callable[[MeterTag], Labels],
) -> Column:
    return Column(one, lambda: (labels(meters[place]) for place in places))


def _reading(tag: MeterTag) -> tuple[Series | None, Callable[[MeterTag], Labels]]:
    """The series of a latest reading; registers and volumes mean nothing by themselves."""
    if tag.quantity in POWERS:
        return series.POWER, meter_labels
    if tag.quantity == "voltage" and tag.point in series.DC_POINTS:
        return series.DC_VOLTAGE, place_labels
    return series.READ.get(tag.quantity), place_labels


class Memory:
    """Knows the meters of the last scrape, which are those of the next one until a reload."""

    def __init__(self) -> None:
        self._last = Known(())

    def of(self, meters: Sequence[MeterTag]) -> Known:
        """What is known of these very meters."""
        found = self._last
        if found.meters is not meters:
            found = self._last = Known(meters)
        return found


MEMORY = Memory()
