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
Sample = tuple[Labels, float]


@dataclass(slots=True)
class Families:
    """Samples by series."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def add(self, series: Series, labels: Labels, value: float) -> None:
        """Add a sample; labels in the order of the series."""
        self.samples.setdefault(series.name, []).append((labels, value))

    def ordered(self) -> Iterator[tuple[Series, list[Sample]]]:
        """Series that have a sample, in the order of `SERIES`."""
        for series in SERIES:
            if series.name in self.samples:
                yield series, self.samples[series.name]


def metric(series: Series, samples: Iterable[Sample]) -> Metric:
    """A family as prometheus-client has it."""
    if series.type == INFO:
        info = InfoMetricFamily(series.stem, series.meaning, labels=series.labels)
        for labels, _ in samples:
            info.add_metric(labels, {})
        return info
    kind = CounterMetricFamily if series.type == COUNTER else GaugeMetricFamily
    made = kind(series.stem, series.meaning, labels=series.labels, unit=series.unit)
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
