"""Samples gathered by series, and the labels that several series share."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)

from greendc.series import COUNTER, INFO, SERIES, Series
from greendc.snapshots import Current, Key, MeterTag

Labels = tuple[str, ...]


@dataclass(slots=True)
class Families:
    """Samples by series, in the order of `SERIES`."""

    samples: dict[Series, list[tuple[Labels, float]]] = field(default_factory=dict)

    def add(self, family: Series, labels: Labels, value: float) -> None:
        """Add a sample; labels in the order of the series."""
        self.samples.setdefault(family, []).append((labels, value))

    def metrics(self) -> Iterator[Metric]:
        """Families that have a sample."""
        for family in SERIES:
            if family in self.samples:
                yield _metric(family, self.samples[family])


def _metric(family: Series, samples: Iterable[tuple[Labels, float]]) -> Metric:
    if family.type == INFO:
        info = InfoMetricFamily(family.stem, family.meaning, labels=family.labels)
        for labels, _ in samples:
            info.add_metric(labels, {})
        return info
    kind = CounterMetricFamily if family.type == COUNTER else GaugeMetricFamily
    made = kind(family.stem, family.meaning, labels=family.labels, unit=family.unit)
    for labels, value in samples:
        made.add_metric(labels, value)
    return made


def by_name(current: Current) -> dict[Key, MeterTag]:
    """Physical meters."""
    return {(tag.site, tag.meter): tag for tag in current.meters}


def total_labels(key: Key) -> Labels:
    """Labels of a total or derived meter by its name in the ledger."""
    site, name = key
    stem, _, subsystem = name.partition("_")
    return (site, stem, subsystem) if stem == "subsystem" else (site, name, "")


def meter_labels(tag: MeterTag) -> Labels:
    """Labels of a meter's power and energy."""
    return tag.site, tag.meter, tag.point, tag.room or "", _carrier(tag)


def _carrier(tag: MeterTag) -> str:
    """Heat that is no carrier entering the site is heat, not electricity."""
    thermal = tag.quantity in {"thermal_power", "heat"}
    return "heat" if thermal and tag.carrier == "electricity" else tag.carrier


def place_labels(tag: MeterTag) -> Labels:
    """Labels of anything else that a meter reads."""
    return tag.site, tag.meter, tag.point, tag.room or "", tag.rack or ""
