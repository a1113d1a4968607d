"""Figures as InfluxDB's line protocol.

A point is stamped with the start of its figure and always holds `end`, `coverage`, `rev` and
`status`; what is unknown is left out, so a figure that is undefined or invalid has no value.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from greendc.core.facility import DAY, SECOND
from greendc.core.figure import Figure
from greendc.ports import LedgerRow

STATUS: Mapping[str, float] = {  # a number, since VictoriaMetrics makes 0 of every text
    "ok": 0.0,
    "estimated": 1.0,
    "partial": 2.0,
    "provisional": 3.0,
    "invalid": 4.0,
    "undefined": 5.0,
}
# By the unit in the ledger: measurement, tag that names the figure, field that holds its value.
SHAPES: Mapping[str, tuple[str, str, str]] = {
    "J": ("greendc_energy", "quantity", "joules"),
    "g": ("greendc_emissions", "quantity", "grams"),
}
KPI = ("greendc_kpi", "kpi", "value")
MEASUREMENTS = tuple(name for name, *_ in (*SHAPES.values(), KPI))
UNKNOWABLE = ("joules", "grams", "value", "watts", "estimated", "distributed", "uncertainty")
FIELDS = (*UNKNOWABLE, "end", "coverage", "rev", "status")

_ESCAPES = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})


def point(row: LedgerRow) -> str:
    """One line, without its end."""
    figure = row.figure
    head = _series(figure.unit, tuple(tags(row).items()))
    values = ",".join([f"{key}={value!r}" for key, value in fields(figure).items()])
    return f"{head} {values} {figure.start}"


def body(rows: Iterable[LedgerRow]) -> bytes:
    """Points as they are sent."""
    return "".join(f"{point(row)}\n" for row in rows).encode()


def tags(row: LedgerRow) -> dict[str, str]:
    """The tags that make a series; those of a month are a series of their own."""
    figure = row.figure
    category = {} if figure.category is None else {"category": str(figure.category)}
    return {
        **category,
        SHAPES.get(figure.unit, KPI)[1]: figure.quantity,
        "period": month(figure.start),
        "res": figure.period,
        "site": row.site,
    }


@lru_cache(maxsize=20_000)
def _series(unit: str, labels: tuple[tuple[str, str], ...]) -> str:
    """Measurement and tags as they stand in a line."""
    named = ",".join(f"{key}={_escaped(value)}" for key, value in labels)
    return f"{SHAPES.get(unit, KPI)[0]},{named}"


def fields(figure: Figure) -> dict[str, float]:
    """The fields of a point, always floats: a store that has seen 25 must take 25.1."""
    value = None if figure.status in {"invalid", "undefined"} else figure.value
    found = {
        SHAPES.get(figure.unit, KPI)[2]: value,
        "watts": _mean_power(figure, value),
        "estimated": figure.estimated,
        "distributed": figure.distributed,
        "uncertainty": figure.uncertainty,
        "end": figure.end / SECOND,
        "coverage": figure.coverage,
        "rev": figure.revision,
        "status": STATUS.get(figure.status),
    }
    return {
        key: float(value)
        for key, value in found.items()
        if value is not None and math.isfinite(value)
    }


def _mean_power(figure: Figure, value: float | None) -> float | None:
    """Of an energy, over the time in which it is known [W]."""
    if figure.unit != "J" or value is None or not figure.valid:
        return None
    return value / (figure.valid / SECOND)


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def newest_of(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """The newest revision of each point, in the order of the rows."""
    found: dict[tuple[str, str, str, int], LedgerRow] = {}
    for row in rows:
        key = (row.site, row.figure.quantity, row.figure.period, row.figure.start)
        found.pop(key, None)
        found[key] = row
    return list(found.values())


# -- months -----------------------------------------------------------------------------------


def month(start: int) -> str:
    """The tag `period`: the UTC month of a time [ns].

    >>> month(1740787199_999_999_999), month(1740787200_000_000_000)
    ('2025-02', '2025-03')
    """
    return _month_of(start // DAY)


@lru_cache(maxsize=1000)
def _month_of(day: int) -> str:
    return _date(day * DAY).strftime("%Y-%m")


def month_bounds(start: int) -> tuple[int, int]:
    """First instant of a time's UTC month, and of the next [ns]."""
    first = _date(start).replace(day=1, hour=0, minute=0, second=0)
    following = (first + timedelta(days=32)).replace(day=1)
    return int(first.timestamp()) * SECOND, int(following.timestamp()) * SECOND


def _date(start: int) -> datetime:
    return datetime.fromtimestamp(start // SECOND, UTC)


def portions(rows: Iterable[LedgerRow], size: int) -> Iterator[list[LedgerRow]]:
    """Rows in lists of at most so many."""
    part: list[LedgerRow] = []
    for row in rows:
        part.append(row)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
