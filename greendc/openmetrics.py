"""Ledger lines as OpenMetrics text, for `promtool tsdb create-blocks-from openmetrics` and the like."""

from collections.abc import Iterable, Iterator
from typing import Any

from greendc.calendars import parse_rfc3339
from greendc.core.facility import SECOND

Line = dict[str, Any]

FAMILIES = {
    "greendc_ledger_energy_joules": (
        "joules",
        "Energy of a meter or total in a period, as the ledger holds it.",
    ),
    "greendc_ledger_emissions_grams": ("grams", "Emissions of a period, as the ledger holds them."),
    "greendc_ledger_kpi": (
        "",
        "KPI of a period in the unit of its standard, as the ledger holds it.",
    ),
    "greendc_ledger_coverage_ratio": (
        "ratio",
        "Share of a period in which all that a figure needs was known.",
    ),
}
J_PER_KWH, G_PER_KG = 3.6e6, 1000.0


def exposition(lines: Iterable[Line]) -> Iterator[str]:
    """Families one after the other, as the format asks; a figure is stamped with the end of its period."""
    kept: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for line in lines:
        for family, value in _samples(line):
            kept[family].append(f"{family}{{{_labels(line)}}} {value!r} {_stamp(line)}\n")
    for family, (unit, text) in FAMILIES.items():
        yield f"# TYPE {family} gauge\n"
        if unit:
            yield f"# UNIT {family} {unit}\n"
        yield f"# HELP {family} {text}\n"
        yield from kept[family]
    yield "# EOF\n"


def _samples(line: Line) -> Iterator[tuple[str, float]]:
    if line["value"] is not None:
        if line["unit"] == "kWh":
            yield "greendc_ledger_energy_joules", line["value"] * J_PER_KWH
        elif line["unit"] == "kg":
            yield "greendc_ledger_emissions_grams", line["value"] * G_PER_KG
        else:
            yield "greendc_ledger_kpi", line["value"]
    yield "greendc_ledger_coverage_ratio", line["coverage"]


def _labels(line: Line) -> str:
    pairs = {
        "site": line["site"],
        "quantity": line["quantity"],
        "window": line["period"],
        "category": "" if line["category"] is None else str(line["category"]),
        "status": line["status"],
    }
    return ",".join(f'{key}="{_escaped(value)}"' for key, value in pairs.items() if value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _stamp(line: Line) -> str:
    return repr(parse_rfc3339(line["end"]) / SECOND)
