"""A figure as other programs see it: one flat record in published units."""

from typing import Any

from greendc.calendars import rfc3339
from greendc.core.figure import Figure
from greendc.core.units import J_PER_KWH

G_PER_KG = 1000.0
PUBLISHED = {"J": ("kWh", J_PER_KWH), "g": ("kg", G_PER_KG)}


def published(figure: Figure, value: float | None) -> float | None:
    """A value of a figure in the unit in which it is published: kWh, kg or the KPI's own."""
    if value is None:
        return None
    return value / PUBLISHED[figure.unit][1] if figure.unit in PUBLISHED else value


def line(site: str, figure: Figure) -> dict[str, Any]:
    """One exported line."""
    return {
        "site": site,
        "period": figure.period,
        "start": rfc3339(figure.start),
        "end": rfc3339(figure.end),
        "quantity": figure.quantity,
        "value": published(figure, figure.value),
        "unit": PUBLISHED.get(figure.unit, (figure.unit, 1.0))[0],
        "category": figure.category,
        "coverage": figure.coverage,
        "estimated_share": figure.estimated,
        "distributed_share": figure.distributed,
        "uncertainty": published(figure, figure.uncertainty),
        "status": figure.status,
        "reason": figure.reason,
        "doubt": figure.doubt,
    }


COLUMNS = (
    "site",
    "period",
    "start",
    "end",
    "quantity",
    "value",
    "unit",
    "category",
    "coverage",
    "estimated_share",
    "distributed_share",
    "uncertainty",
    "status",
    "reason",
    "doubt",
)
