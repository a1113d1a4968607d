"""A ledger with a row for each figure, as schema 1 had it: blocks are held against it."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from greendc.core.figure import PERIODS, Figure
from greendc.ports import LedgerRow
from greendc.store import connect

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE config (id INTEGER PRIMARY KEY, hash TEXT UNIQUE NOT NULL, body BLOB NOT NULL);
CREATE TABLE quantity (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL,
    UNIQUE (site, name));
CREATE TABLE figure (
    id INTEGER PRIMARY KEY,
    quantity INTEGER NOT NULL, period INTEGER NOT NULL, start INTEGER NOT NULL,
    revision INTEGER NOT NULL, "end" INTEGER NOT NULL, valid INTEGER NOT NULL,
    value REAL, estimated REAL, distributed REAL, uncertainty REAL, doubt TEXT,
    status TEXT NOT NULL, reason TEXT, category INTEGER,
    terms BLOB NOT NULL, config INTEGER NOT NULL);
CREATE UNIQUE INDEX figure_key ON figure (period, start, quantity, revision);
CREATE TABLE archive (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE TABLE tally (
    site TEXT NOT NULL, outcome TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (site, outcome)) WITHOUT ROWID;
CREATE TABLE cursor (sink TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
"""
SAID = 'f."end", f.valid, f.value, f.estimated, f.distributed, f.uncertainty, f.doubt, f.status, '
SAID += "f.reason, f.category, f.terms"
ROW = f"f.id, q.site, q.name, q.unit, f.period, f.start, {SAID}, f.revision, f.config"
JOINED = "FROM figure f JOIN quantity q ON q.id = f.quantity "
Key = tuple[str, str, int]


class RowLedger:
    """Writes and reads figures one by one, in the plainest way."""

    def __init__(self, path: Path) -> None:
        self.db = connect(path, durable=False)
        self.db.executescript(SCHEMA)
        self.db.execute("INSERT INTO meta VALUES ('schema', ?)", (msgspec.msgpack.encode(1),))
        self.db.execute("INSERT INTO config (hash, body) VALUES ('hash', x'00')")

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def _number(self, site: str, figure: Figure) -> int:
        pair = site, figure.quantity
        self.db.execute(
            "INSERT OR IGNORE INTO quantity (site, name, unit) VALUES (?, ?, ?)",
            (*pair, figure.unit),
        )
        sql = "SELECT id FROM quantity WHERE site = ? AND name = ?"
        return int(self.db.execute(sql, pair).fetchone()[0])

    def put(self, site: str, figures: Iterable[Figure]) -> list[tuple[Figure, float | None]]:
        """Write what is new; the figures written, and the values before."""
        changes = []
        for figure in figures:
            number = self._number(site, figure)
            newest = self._rows(
                "WHERE f.quantity = ? AND f.period = ? AND f.start = ? ORDER BY f.revision DESC",
                (number, PERIODS.index(figure.period), figure.start),
            )
            before = next(newest, None)
            if before is not None and before.figure._replace(revision=0, config=0) == figure:
                continue
            revision = 0 if before is None else before.figure.revision + 1
            written = figure._replace(revision=revision, config=1)
            changes.append((written, None if before is None else before.figure.value))
            self._insert(number, written)
        return changes

    def _insert(self, number: int, figure: Figure) -> None:
        _, _, period, start, *said, revision, config, _ = figure
        row = (None, number, PERIODS.index(period), start, revision, *said, config)
        self.db.execute(f"INSERT INTO figure VALUES ({', '.join('?' * 17)})", row)  # noqa: S608

    def _rows(self, condition: str, values: Sequence[object] = ()) -> Iterator[LedgerRow]:
        return map(_row, self.db.execute(f"SELECT {ROW} {JOINED}{condition}", values))

    def rows(self) -> list[LedgerRow]:
        """Every row as it was written."""
        return list(self._rows("ORDER BY f.id"))

    def revisions(self, site: str, period: str, lo: int, hi: int) -> list[LedgerRow]:
        """Every revision that starts in [lo, hi), by start, name and revision."""
        return list(
            self._rows(
                "WHERE f.period = ? AND f.start >= ? AND f.start < ? AND q.site = ? "
                "ORDER BY f.start, q.name, f.revision",
                (PERIODS.index(period), lo, hi, site),
            )
        )


def _row(row: Sequence[Any]) -> LedgerRow:
    number, site, name, unit, period, *rest = row
    return LedgerRow(number, site, Figure(name, unit, PERIODS[period], *rest))


def newest(rows: Iterable[LedgerRow]) -> list[LedgerRow]:
    """Of rows by start, name and revision the last one of each figure."""
    found: dict[Key, LedgerRow] = {}
    for row in rows:
        found[row.figure.period, row.figure.quantity, row.figure.start] = row
    return list(found.values())


def changes(rows: Sequence[LedgerRow]) -> list[tuple[Figure, Figure]]:
    """Each row that follows another, with that one."""
    by_key = {_key(row): row.figure for row in rows}
    return [
        (row.figure, by_key[*_key(row)[:-1], row.figure.revision - 1])
        for row in rows
        if row.figure.revision
    ]


def _key(row: LedgerRow) -> tuple[str, str, str, int, int]:
    figure = row.figure
    return row.site, figure.period, figure.quantity, figure.start, figure.revision


def opened(path: Path) -> sqlite3.Connection:
    """A connection for reading."""
    return connect(path, readonly=True)
