"""Figures read from the ledger: newest ones, every revision, what is new for a sink."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from greendc.core.figure import Figure
from greendc.ports import LedgerRow
from greendc.store.database import PERIODS, SELECTED, connect


def _figure(row: Sequence[Any]) -> Figure:
    """A figure of a row that selects name, unit, revision and `SELECTED`."""
    name, unit, revision, _quantity, period = row[:5]
    values: tuple[Any, ...] = (name, unit, PERIODS[period], *row[5:-1], revision, row[-1])
    return Figure(*values)


def read_figures(
    db: sqlite3.Connection,
    site: str,
    period: str,
    lo: int,
    hi: int,
    names: Sequence[str] | None = None,
) -> Iterator[Figure]:
    """Newest figures of a site whose start lies in [lo, hi), by start and name.

    With `names` only those quantities.
    """
    only = "" if names is None else f"AND q.name IN ({', '.join('?' * len(names))}) "
    rows = db.execute(
        f"SELECT q.name, q.unit, max(f.revision), {SELECTED} FROM figure f "  # noqa: S608
        "JOIN quantity q ON q.id = f.quantity "
        f"WHERE f.period = ? AND f.start >= ? AND f.start < ? AND q.site = ? {only}"
        "GROUP BY f.start, q.name ORDER BY f.start, q.name",
        (PERIODS.index(period), lo, hi, site, *(names or ())),
    )
    return (_figure(row) for row in rows)


def read_revisions(
    db: sqlite3.Connection, site: str, period: str, lo: int, hi: int
) -> Iterator[Figure]:
    """Every revision of figures that start in [lo, hi), by start, name and revision."""
    rows = db.execute(
        f"SELECT q.name, q.unit, f.revision, {SELECTED} FROM figure f "  # noqa: S608
        "JOIN quantity q ON q.id = f.quantity "
        "WHERE f.period = ? AND f.start >= ? AND f.start < ? AND q.site = ? "
        "ORDER BY f.start, q.name, f.revision",
        (PERIODS.index(period), lo, hi, site),
    )
    return (_figure(row) for row in rows)


class StoredLedger:
    """Implements `ports.LedgerReader` on a connection of its own."""

    def __init__(self, path: Path) -> None:
        """Open the ledger for reading."""
        self._db = connect(path, readonly=True)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def cursor(self, sink: str) -> int:
        """Id of the last row that the sink has written; 0 at first."""
        row = self._db.execute("SELECT position FROM cursor WHERE sink = ?", (sink,)).fetchone()
        return 0 if row is None else int(row[0])

    def rows_after(self, position: int, limit: int) -> Iterator[LedgerRow]:
        """The next committed rows in the order of their ids."""
        rows = self._db.execute(
            f"SELECT f.id, q.site, q.name, q.unit, f.revision, {SELECTED} FROM figure f "  # noqa: S608
            "JOIN quantity q ON q.id = f.quantity WHERE f.id > ? ORDER BY f.id LIMIT ?",
            (position, limit),
        )
        for number, site, *row in rows:
            yield LedgerRow(number, site, _figure(row))
