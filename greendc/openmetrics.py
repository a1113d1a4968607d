"""Ledger lines as OpenMetrics text, for `promtool tsdb create-blocks-from openmetrics`.

KPIs have the names and labels of their live series, as METRICS.md lists them. What is undefined or
invalid has no sample. A figure is stamped with the end of its period.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from greendc.calendars import parse_rfc3339
from greendc.core.facility import SECOND
from greendc.core.units import G_PER_KG, J_PER_KWH
from greendc.series import (
    GAUGE,
    KPI_COVERAGE,
    KPI_DISTRIBUTED,
    KPI_ESTIMATED,
    KPI_UNCERTAINTY,
    WINDOWS,
    Series,
    kpi_gauge,
    kpi_of,
)

LABELS = ("site", "window", "quantity")
Line = dict[str, Any]


class Sample(NamedTuple):
    """One value of one series; labels as they are printed."""

    family: Series
    labels: str
    value: float


ENERGY = Series(
    "greendc_ledger_energy_joules",
    GAUGE,
    LABELS,
    "joules",
    "Energy of a meter or total in a period.",
)
MASS = Series("greendc_ledger_emissions_grams", GAUGE, LABELS, "grams", "Emissions of a period.")
COVERED = Series(
    "greendc_ledger_coverage_ratio",
    GAUGE,
    LABELS,
    "ratio",
    "Share of a period in which a figure was known.",
)
AMOUNTS = {"kWh": (ENERGY, J_PER_KWH), "kg": (MASS, G_PER_KG)}


def exposition(lines: Iterable[Line]) -> Iterator[str]:
    """Text with one family after the other and each series in one piece, as the format asks."""
    kept: dict[Series, dict[str, list[str]]] = {}
    for line in lines:
        stamp = repr(parse_rfc3339(line["end"]) / SECOND)
        for family, labels, value in _samples(line):
            series = kept.setdefault(family, {}).setdefault(labels, [])
            series.append(f"{family.name}{{{labels}}} {value!r} {stamp}\n")
    for family in sorted(kept):
        yield f"# TYPE {family.name} gauge\n"
        yield f"# UNIT {family.name} {family.unit}\n"
        yield f"# HELP {family.name} {family.meaning}\n"
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
    yield Sample(KPI_COVERAGE, beside, line["coverage"])
    if value is None:
        return
    family, own = _kpi(line["quantity"])
    category = {} if line["category"] is None else {"category": str(line["category"])}
    yield Sample(family, _printed(where | category | own), value)
    if line["estimated_share"] is not None:
        yield Sample(KPI_ESTIMATED, beside, line["estimated_share"])
    if line["distributed_share"] is not None:
        yield Sample(KPI_DISTRIBUTED, beside, line["distributed_share"])
    if line["uncertainty"] is not None and value:
        yield Sample(KPI_UNCERTAINTY, beside, line["uncertainty"] / abs(value))


def _kpi(quantity: str) -> tuple[Series, dict[str, str]]:
    """Series and labels of a KPI by its name in the ledger."""
    found = kpi_of(quantity)
    if found is None:
        raise ValueError(f"{quantity} is no KPI of greendc")
    return kpi_gauge(found[0]), found[1]


def _window(period: str) -> str:
    return WINDOWS.get(period, period)


def _printed(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(labels[name])}"' for name in sorted(labels))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
