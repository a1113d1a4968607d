"""Ledger lines as OpenMetrics text, for `promtool tsdb create-blocks-from openmetrics`.

KPIs have the names and labels of their live series, as METRICS.md lists them. What is undefined or
invalid has no sample. A figure is stamped with the end of its period.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from greendc.calendars import parse_rfc3339
from greendc.core.facility import SECOND
from greendc.core.metrics import METRICS, Metric
from greendc.core.units import G_PER_KG, J_PER_KWH

Line = dict[str, Any]


class Family(NamedTuple):
    """A metric family: its name ends in its unit."""

    name: str
    unit: str
    text: str


class Sample(NamedTuple):
    """One value of one series; labels as they are printed."""

    family: Family
    labels: str
    value: float


ENERGY = Family("greendc_ledger_energy_joules", "joules", "Energy of a meter or total in a period.")
MASS = Family("greendc_ledger_emissions_grams", "grams", "Emissions of a period.")
COVERED = Family(
    "greendc_ledger_coverage_ratio", "ratio", "Share of a period in which a figure was known."
)
KPI_COVERED = Family(
    "greendc_kpi_coverage_ratio",
    "ratio",
    "Share of a window in which all that a KPI needs was known.",
)
KPI_ESTIMATED = Family(
    "greendc_kpi_estimated_ratio", "ratio", "Estimated share of a KPI's most affected term."
)
KPI_DOUBT = Family(
    "greendc_kpi_uncertainty_ratio", "ratio", "Expanded uncertainty (k = 2) of a KPI, relative."
)
AMOUNTS = {"kWh": (ENERGY, J_PER_KWH), "kg": (MASS, G_PER_KG)}


def exposition(lines: Iterable[Line]) -> Iterator[str]:
    """Text with one family after the other and each series in one piece, as the format asks."""
    kept: dict[Family, dict[str, list[str]]] = {}
    for line in lines:
        stamp = repr(parse_rfc3339(line["end"]) / SECOND)
        for family, labels, value in _samples(line):
            series = kept.setdefault(family, {}).setdefault(labels, [])
            series.append(f"{family.name}{{{labels}}} {value!r} {stamp}\n")
    for family in sorted(kept):
        yield f"# TYPE {family.name} gauge\n"
        yield f"# UNIT {family.name} {family.unit}\n"
        yield f"# HELP {family.name} {family.text}\n"
        for series in kept[family].values():
            yield from series
    yield "# EOF\n"


def _samples(line: Line) -> Iterator[Sample]:
    value = None if line["status"] == "invalid" else line["value"]
    where = {"site": line["site"], "window": _window(line["period"])}
    if line["unit"] in AMOUNTS:
        labels = _printed(where | {"quantity": line["quantity"]})
        family, size = AMOUNTS[line["unit"]]
        yield Sample(COVERED, labels, line["coverage"])
        if value is not None:
            yield Sample(family, labels, value * size)
        return
    beside = _printed(where | {"kpi": line["quantity"]})
    yield Sample(KPI_COVERED, beside, line["coverage"])
    if value is None:
        return
    family, own = _kpi(line["quantity"])
    category = {} if line["category"] is None else {"category": str(line["category"])}
    yield Sample(family, _printed(where | category | own), value)
    if line["estimated_share"] is not None:
        yield Sample(KPI_ESTIMATED, beside, line["estimated_share"])
    if line["uncertainty"] is not None and value:
        yield Sample(KPI_DOUBT, beside, line["uncertainty"] / abs(value))


@lru_cache
def _kpi(quantity: str) -> tuple[Family, dict[str, str]]:
    """Family and labels of a KPI by its name in the ledger.

    >>> print(_kpi("ppue_cooling")[0].name, _kpi("ppue_cooling")[1])
    greendc_partial_pue_ratio {'subsystem': 'cooling'}
    """
    for metric in METRICS:
        found = re.fullmatch(rf"(i?){metric.name}(?:_(\w+))?", quantity)
        if found is not None:
            family = Family(metric.series, metric.suffix, metric.meaning)
            return family, dict(_own_labels(metric, *found.groups()))
    raise ValueError(f"{quantity} is no KPI of greendc")


def _own_labels(metric: Metric, interim: str, key: str | None) -> Iterator[tuple[str, str]]:
    if "kind" in metric.labels:
        yield "kind", "pue" if metric.name == "pue" and not interim else "ipue"
    if key is not None and metric.over in {"subsystem", "method"}:
        yield metric.over, key


def _window(period: str) -> str:
    return "1h" if period == "hour" else period


def _printed(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(labels[name])}"' for name in sorted(labels))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
