"""Samples gathered by series, and the labels that several series share."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain, compress

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)

from greendc.series import COUNTER, INFO, SERIES, Series
from greendc.snapshots import Key, MeterTag

Labels = tuple[str, ...]

CUT = "\0"  # in place of a meter: no label that stands before it in a line has it


class Column:
    """Lines of many samples of a series, made once they are asked for: of a configuration's meters.

    `labels` makes their labels, one of which is the meter. They are not kept: lines are all that
    most scrapes need, and of these what meters have in common stands in memory once. A column with
    the same labels as another, row by row, may share its lines (`like`).
    """

    def __init__(
        self, series: Series, labels: Callable[[], Iterable[Labels]], like: "Column | None" = None
    ) -> None:
        self.series, self.labels, self._like = series, labels, like

    @cached_property
    def _pieces(self) -> tuple[list[str], list[str], list[str]]:
        """Of each line what stands before the meter, the meter, and what stands behind it."""
        if self._like is not None:
            return self._like._pieces  # noqa: SLF001
        names, known = self.series.labels, dict[str, str]()
        at, heads, meters, tails = names.index("meter"), list[str](), list[str](), list[str]()
        for labels in self.labels():
            head, _, tail = _begin(names, (*labels[:at], CUT, *labels[at + 1 :])).partition(CUT)
            heads.append(known.setdefault(head, head))
            meters.append(_escaped(labels[at]))
            tails.append(known.setdefault(tail, tail))
        return heads, meters, tails

    def begins(self, kept: Sequence[bool]) -> Iterator[str]:
        """What stands between the name of the series and the value, of some rows."""
        return map("".join, compress(zip(*self._pieces, strict=True), kept))


@dataclass(slots=True)
class Samples:
    """Samples of one series: values, what makes the text before each, and what their labels."""

    values: list[float] = field(default_factory=list)
    texts: list[Callable[[], Iterable[str]]] = field(default_factory=list)
    parts: list[Callable[[], Iterable[Labels]]] = field(default_factory=list)

    @property
    def begins(self) -> Iterator[str]:
        """What stands before each value in its line, behind the name of the series."""
        return chain.from_iterable(text() for text in self.texts)

    @property
    def labels(self) -> list[Labels]:
        """Labels of each, in the order of the series."""
        return [labels for part in self.parts for labels in part()]


@dataclass(slots=True)
class Families:
    """Samples by series."""

    samples: dict[str, Samples] = field(default_factory=dict)

    def add(self, series: Series, labels: Labels, value: float) -> None:
        """Add a sample; labels in the order of the series."""
        found = self.samples.setdefault(series.name, Samples())
        found.parts.append(lambda: (labels,))
        found.values.append(value)
        found.texts.append(lambda: (begin(series.labels, labels),))

    def extend(self, column: Column, values: Iterable[float], kept: Sequence[bool]) -> None:
        """Add a value for each row of a column that is to be `kept`."""
        if any(kept):
            found = self.samples.setdefault(column.series.name, Samples())
            found.parts.append(lambda: compress(column.labels(), kept))
            found.values.extend(compress(values, kept))
            found.texts.append(lambda: column.begins(kept))

    def ordered(self) -> Iterator[tuple[Series, Samples]]:
        """Series that have a sample, in the order of `SERIES`."""
        for series in SERIES:
            if series.name in self.samples:
                yield series, self.samples[series.name]


def _begin(names: Labels, values: Labels) -> str:
    """A line from its name to its number: labels in the order of their names."""
    pairs = sorted(zip(names, values, strict=True))
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs)
    return f"{{{inside}}} " if inside else " "


begin = lru_cache(maxsize=2**15)(_begin)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def metric(series: Series, samples: Samples) -> Metric:
    """A family as prometheus-client has it."""
    if series.type == INFO:
        info = InfoMetricFamily(series.stem, series.meaning, labels=series.labels)
        for labels in samples.labels:
            info.add_metric(labels, {})
        return info
    kind = CounterMetricFamily if series.type == COUNTER else GaugeMetricFamily
    made = kind(series.stem, series.meaning, labels=series.labels, unit=series.unit)
    for labels, value in zip(samples.labels, samples.values, strict=True):
        made.add_metric(labels, value)
    return made


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
