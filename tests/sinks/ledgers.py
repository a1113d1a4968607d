"""Ledger rows made up for tests of sinks, and a ledger in memory."""

import threading
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from greendc.core.facility import HOUR
from greendc.core.figure import Figure
from greendc.ports import Asked, LedgerRow

MIDNIGHT = 1_740_787_200_000_000_000  # 2025-03-01T00:00:00Z


def row(number: int, site: str = "dc", **more: Any) -> LedgerRow:
    """The energy of an hour, or what `more` says of its figure."""
    hour = MIDNIGHT + number * HOUR
    figure = Figure(
        quantity="e_dc",
        unit="J",
        period="hour",
        start=hour,
        end=hour + HOUR,
        valid=HOUR,
        value=3.6e6 * number,
        estimated=0.0,
        distributed=0.0,
        uncertainty=None,
        doubt="no_accuracy",
        status="ok",
        reason=None,
        category=None,
        terms=b"",
    )
    figure = figure._replace(**more)
    if "start" in more and "end" not in more:
        figure = figure._replace(end=figure.start + HOUR)
    return LedgerRow(number, site, figure)


def revised(number: int, before: LedgerRow, **more: Any) -> LedgerRow:
    """A later revision of a row."""
    figure = before.figure._replace(**{"revision": before.figure.revision + 1, **more})
    return LedgerRow(number, before.site, figure)


class Rows:
    """A ledger in memory; implements `ports.LedgerReader`."""

    def __init__(self, rows: Iterable[LedgerRow], cursor: int = 0) -> None:
        self.rows = list(rows)
        self.position = cursor
        self.closed = threading.Event()

    def cursor(self, _sink: str) -> int:
        return self.position

    def last(self) -> int:
        return max((row.id for row in self.rows), default=0)

    def rows_after(self, position: int, limit: int) -> Iterable[LedgerRow]:
        first = bisect_right(self.rows, position, key=lambda row: row.id)
        return iter(self.rows[first : first + limit])

    def newest(self, asked: Asked, upto: int) -> Iterable[LedgerRow]:
        found = {_point(row): row for row in self.revisions(asked) if row.id <= upto}
        return list(found.values())

    def revisions(self, asked: Asked) -> Iterable[LedgerRow]:
        found = [
            row
            for row in self.rows
            if (row.site, row.figure.period) == (asked.site, asked.period)
            and row.figure.quantity in asked.quantities
            and asked.lo <= row.figure.start < asked.hi
        ]
        return sorted(found, key=_point)

    def latest(self) -> Iterable[LedgerRow]:
        found: dict[tuple[str, str, str], LedgerRow] = {}
        for row in self.rows:
            key = (row.site, row.figure.quantity, row.figure.period)
            known = found.get(key)
            if known is None or row.figure.start >= known.figure.start:
                found[key] = row
        return list(found.values())

    def close(self) -> None:
        self.closed.set()


def _point(row: LedgerRow) -> tuple[int, str]:
    return row.figure.start, row.figure.quantity
