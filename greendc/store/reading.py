"""Figures read from the ledger: newest ones, every revision, what is new for a sink."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from greendc.core.figure import Figure
from greendc.ports import Asked, LedgerRow
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


def read_sums(
    db: sqlite3.Connection, site: str, period: str, lo: int, hi: int
) -> Iterator[tuple[str, int, int, bytes]]:
    """Quantity, start, time known and terms of the newest figures that start in [lo, hi)."""
    numbers = db.execute("SELECT id, name FROM quantity WHERE site = ?", (site,))
    names = dict(numbers.fetchall())
    rows = db.execute(
        "SELECT quantity, start, valid, terms, max(revision) FROM figure "
        "WHERE period = ? AND start >= ? AND start < ? GROUP BY start, quantity",
        (PERIODS.index(period), lo, hi),
    )
    return ((names[n], start, valid, terms) for n, start, valid, terms, _ in rows if n in names)


def read_known(
    db: sqlite3.Connection, site: str, period: str, lo: int, hi: int, most: int
) -> tuple[dict[int, str], list[tuple[int, int, int, int]]] | None:
    """Names by number, and number, start, end and time known of figures that start in [lo, hi).

    None where there are more than `most`.
    """
    numbers = db.execute("SELECT id, name FROM quantity WHERE site = ?", (site,))
    names = dict(numbers.fetchall())
    rows = db.execute(
        'SELECT quantity, start, "end", valid FROM '
        '(SELECT quantity, start, "end", valid, max(revision) FROM figure '
        "WHERE period = ? AND start >= ? AND start < ? "
        "AND quantity IN (SELECT id FROM quantity WHERE site = ?) "
        "GROUP BY start, quantity LIMIT ?)",
        (PERIODS.index(period), lo, hi, site, most + 1),
    ).fetchall()
    return None if len(rows) > most else (names, rows)


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


def read_changes(db: sqlite3.Connection) -> Iterator[tuple[LedgerRow, Figure]]:
    """Every revision but the first of its figure, as they were written, and the one before it."""
    earlier = SELECTED.replace("f.", "p.")
    rows = db.execute(
        f"SELECT f.id, q.site, q.name, q.unit, f.revision, {SELECTED}, "  # noqa: S608
        f"q.name, q.unit, p.revision, {earlier} "
        "FROM figure f JOIN quantity q ON q.id = f.quantity "
        "JOIN figure p ON p.period = f.period AND p.start = f.start "
        "AND p.quantity = f.quantity AND p.revision = f.revision - 1 "
        "WHERE f.revision > 0 ORDER BY f.id"
    )
    half = 5 + SELECTED.count("f.")
    return ((_ledger_row(row[:half]), _figure(row[half:])) for row in rows)


def read_newest_start(db: sqlite3.Connection, site: str, period: str) -> int | None:
    """Start of the latest figure of a site and period; None where there is none."""
    row = db.execute(
        "SELECT f.start FROM figure f JOIN quantity q ON q.id = f.quantity "
        "WHERE f.period = ? AND q.site = ? ORDER BY f.start DESC LIMIT 1",
        (PERIODS.index(period), site),
    ).fetchone()
    return None if row is None else int(row[0])


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

    def last(self) -> int:
        """Id of the newest row; ids begin at 1 and leave none out."""
        return int(self._db.execute("SELECT max(id) FROM figure").fetchone()[0] or 0)

    def rows_after(self, position: int, limit: int) -> Iterator[LedgerRow]:
        """The next committed rows in the order of their ids."""
        return self._rows("WHERE f.id > ? ORDER BY f.id LIMIT ?", (position, limit))

    def newest(self, asked: Asked, upto: int) -> Iterator[LedgerRow]:
        """Newest figures among the rows up to an id, by start and name."""
        numbers = self._numbers(asked)
        marks = ", ".join("?" * len(numbers))
        rows = self._db.execute(
            f"SELECT f.id, q.site, q.name, q.unit, max(f.revision), {SELECTED} FROM figure f "  # noqa: S608
            "JOIN quantity q ON q.id = f.quantity "
            "WHERE f.period = ? AND f.start >= ? AND f.start < ? "
            f"AND f.quantity IN ({marks}) AND f.id <= ? "
            "GROUP BY f.start, q.name ORDER BY f.start, q.name",
            (PERIODS.index(asked.period), asked.lo, asked.hi, *numbers, upto),
        )
        return (_ledger_row(row) for row in rows)

    def revisions(self, row: LedgerRow) -> Iterator[LedgerRow]:
        """Every row of the same site, quantity, period and start, the first one first."""
        figure = row.figure
        return self._rows(
            "WHERE f.period = ? AND f.start = ? AND q.site = ? AND q.name = ? ORDER BY f.revision",
            (PERIODS.index(figure.period), figure.start, row.site, figure.quantity),
        )

    def latest(self) -> Iterator[LedgerRow]:
        """Of each site, quantity and period the newest revision of the figure that starts last."""
        numbers = [n for (n,) in self._db.execute("SELECT id FROM quantity ORDER BY id").fetchall()]
        for period in range(len(PERIODS)):
            for number in numbers:
                yield from self._rows(
                    "WHERE f.period = ? AND f.quantity = ? "
                    "ORDER BY f.start DESC, f.revision DESC LIMIT 1",
                    (period, number),
                )

    def _rows(self, condition: str, values: tuple[object, ...]) -> Iterator[LedgerRow]:
        rows = self._db.execute(
            f"SELECT f.id, q.site, q.name, q.unit, f.revision, {SELECTED} FROM figure f "  # noqa: S608
            f"JOIN quantity q ON q.id = f.quantity {condition}",
            values,
        )
        return (_ledger_row(row) for row in rows)

    def _numbers(self, asked: Asked) -> list[int]:
        rows = self._db.execute("SELECT id, name FROM quantity WHERE site = ?", (asked.site,))
        return [number for number, name in rows.fetchall() if name in asked.quantities]


def _ledger_row(row: Sequence[Any]) -> LedgerRow:
    number, site, *rest = row
    return LedgerRow(number, site, _figure(rest))
