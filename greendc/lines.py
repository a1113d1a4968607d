"""A figure as other programs see it: one flat record in published units."""

from typing import Any

from greendc.calendars import rfc3339
from greendc.core.figure import OF_REFUSED, Figure, Shares
from greendc.core.units import J_PER_KWH
from greendc.outcomes import LEFT_OUT

G_PER_KG = 1000.0
PUBLISHED = {"J": ("kWh", J_PER_KWH), "g": ("kg", G_PER_KG)}


def published(figure: Figure, value: float | None) -> float | None:
    """A value of a figure in the unit in which it is published: kWh, kg or the KPI's own."""
    if value is None:
        return None
    return value / PUBLISHED[figure.unit][1] if figure.unit in PUBLISHED else value


def key(site: str, figure: Figure) -> dict[str, Any]:
    """Which figure it is, and the unit in which it is published."""
    return {
        "site": site,
        "period": figure.period,
        "start": rfc3339(figure.start),
        "end": rfc3339(figure.end),
        "quantity": figure.quantity,
        "unit": PUBLISHED.get(figure.unit, (figure.unit, 1.0))[0],
    }


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
        "shares": figure.shares._asdict(),
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

SHARES = Shares._fields
"""Columns of a table beside them: what `shares` holds."""

WORDS = {
    "coverage": "less of the time is known than is needed",
    "declared_share": "part of it comes from declared shares or constants",
    "filled": "part of it was not measured: it is estimated, as the site file asks for",
    "gaps": "over 5 % of the month, or over 24 h in two days, is missing or filled in",
    "negative_total": "a total below zero is a fault of the metering",
    "no_accuracy": "meters or declared values of no stated accuracy hold over 1 % of a sum",
    "no_data": "nothing was heard of what it needs",
    "no_e_dc": "no meters make up E_DC",
    "no_intensity": "the emission factor does not cover the time",
    "no_it_meter": "no meter measures E_IT",
    "no_location_factor": "the configuration has no location-based emission factor",
    "no_market_factor": "the configuration has no market-based emission factor",
    "no_meter": "no meter belongs to this subsystem",
    "no_reuse_meter": "no meter measures reused heat",
    "only_it": "E_DC is summed from the meters of E_IT alone: it is E_IT, and 1 would be no PUE",
    "out_of_bounds": "a value that the definition rules out is a fault of the metering",
    "register": "a counter that is needed has no power of the moment",
    "resolution": "the meters report less often than the period is long",
    "silent": "a meter that is needed was silent",
    "twelve_months": "every month is covered, so the figure is pue",
    "undefined": "the figure itself is undefined",
    "undefined_denominator": "the denominator is not above its minimum",
    "withdrawn": "by the configuration of today there is no such figure",
    "unknown_amount": "an amount that it needs is unknown",
    **{word: f"readings came and were left out: {LEFT_OUT[word]}" for word in OF_REFUSED},
}


# -- changes of a figure ------------------------------------------------------------------------


def change(site: str, before: Figure | None, after: Figure) -> str:
    """From what to what a figure was changed, in a line; before there was one it was `none`."""
    unit = PUBLISHED.get(after.unit, (after.unit,))[0]
    name = f"{site} {after.quantity} {after.period} {rfc3339(after.start)}"
    was = "none" if before is None else _shown(before)
    return f"{name}  {was} -> {_shown(after)}{'' if unit == '1' else f' {unit}'}"


def _shown(figure: Figure) -> str:
    value = published(figure, figure.value)
    told = "unknown" if value is None else f"{value:.9g}"
    return told if figure.status == "ok" else f"{told} ({figure.reason or figure.status})"


def state(figure: Figure) -> dict[str, Any]:
    """What of a figure is shown beside its other revisions."""
    return {
        "value": published(figure, figure.value),
        "coverage": figure.coverage,
        "status": figure.status,
        "reason": figure.reason,
    }
