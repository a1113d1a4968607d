"""The ledger file: newest and earlier revisions of every figure, and all that goes with them.

One SQLite file, one writer. A transaction holds the figures of the cells that it
closes, the readings that they no longer need in memory, the state to start from
again and the journal position: all of it or nothing.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import zstandard

from greendc.core.facility import IntArray
from greendc.core.figure import Figure
from greendc.core.readings import Readings, joined
from greendc.ports import Event, GreendcError, LedgerRow

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS config (id INTEGER PRIMARY KEY, hash TEXT UNIQUE NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS quantity (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL,
    UNIQUE (site, name));
CREATE TABLE IF NOT EXISTS figure (
    id INTEGER PRIMARY KEY, quantity INTEGER NOT NULL, period INTEGER NOT NULL, start INTEGER NOT NULL,
    revision INTEGER NOT NULL, "end" INTEGER NOT NULL, valid INTEGER NOT NULL, value REAL,
    estimated REAL, distributed REAL, uncertainty REAL, doubt TEXT, status TEXT NOT NULL, reason TEXT,
    category INTEGER, terms BLOB NOT NULL, config INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS figure_key ON figure (period, start, quantity, revision);
CREATE TABLE IF NOT EXISTS archive (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS archive_time ON archive (site, last);
CREATE TABLE IF NOT EXISTS tally (
    site TEXT NOT NULL, outcome TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (site, outcome)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY, arrival INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cursor (sink TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
"""

PERIODS = ("cell", "hour", "day", "month", "year", "24h", "7d", "30d", "12mo")

COLUMNS = (
    'quantity, period, start, revision, "end", valid, value, estimated, distributed, uncertainty, '
    "doubt, status, reason, category, terms, config"
)
SELECTED = (
    'f.quantity, f.period, f.start, f."end", f.valid, f.value, f.estimated, f.distributed, '
    "f.uncertainty, f.doubt, f.status, f.reason, f.category, f.terms, f.config"
)
SAME = slice(4, 15)  # of a row in COLUMNS order: what makes two revisions the same figure


@dataclass(frozen=True, slots=True)
class Row:
    """A figure about to be written; `fresh` tells that no earlier revision can exist."""

    site: str
    figure: Figure
    fresh: bool


class Store:
    """The ledger's writer. Use `commit` as the one transaction around everything else."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Open or make the ledger at `path`; not `durable` is for ledgers that end with the run."""
        self.path = path
        self._db = connect(path, durable=durable)
        self._db.executescript(SCHEMA)
        version = self.get("schema")
        if version is None:
            self._db.execute("BEGIN IMMEDIATE")
            self.set("schema", SCHEMA_VERSION)
            self._db.execute("COMMIT")
        elif version != SCHEMA_VERSION:
            message = f"{path}: ledger of schema {version}, this greendc writes {SCHEMA_VERSION}"
            raise GreendcError(message)
        self._quantities: dict[tuple[str, str], int] = {
            (site, name): number
            for number, site, name in self._db.execute("SELECT id, site, name FROM quantity")
        }
        self._config = 0

    def pragmas(self) -> dict[str, int | str]:
        """What SQLite says of the connection's durability."""
        return {
            name: self._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous")
        }

    def begin(self) -> None:
        """Start the transaction, if none is open."""
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make everything since `begin` durable together."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Give up what is not committed and close the file."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        self._db.close()

    # -- small things ------------------------------------------------------------------------

    def get(self, key: str) -> Any:
        """Read a value set under a key; None if there is none."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else msgspec.msgpack.decode(row[0])

    def set(self, key: str, value: object) -> None:
        """Keep a plain value under a key."""
        body = msgspec.msgpack.encode(value)
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, body))

    def count(self, site: str, counts: Mapping[str, int]) -> None:
        """Add to the tally of outcomes, in the transaction of what is counted."""
        rows = [(site, outcome, number) for outcome, number in sorted(counts.items()) if number]
        self._db.executemany(
            "INSERT INTO tally VALUES (?, ?, ?) ON CONFLICT (site, outcome) "
            "DO UPDATE SET number = number + excluded.number",
            rows,
        )

    def note(self, event: Event) -> None:
        """Keep an event for people: lost sessions, late readings, reloads."""
        data = msgspec.json.encode(event.data).decode()
        self._db.execute(
            "INSERT INTO event (arrival, kind, data) VALUES (?, ?, ?)",
            (event.arrival, event.kind, data),
        )

    def use_config(self, hash_: str, body: bytes) -> None:
        """Name the configuration that figures written from now on rest on."""
        self._db.execute("INSERT OR IGNORE INTO config (hash, body) VALUES (?, ?)", (hash_, body))
        row = self._db.execute("SELECT id FROM config WHERE hash = ?", (hash_,)).fetchone()
        self._config = int(row[0])
        self.set("config", self._config)

    def config_body(self) -> bytes | None:
        """The configuration that the newest figures rest on."""
        row = self._db.execute(
            "SELECT body FROM config WHERE id = ?", (self.get("config"),)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def move_cursor(self, sink: str, position: int) -> None:
        """Keep how far a sink has written."""
        self._db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (sink, position))

    # -- figures -----------------------------------------------------------------------------

    def put(self, rows: Sequence[Row]) -> int:
        """Write figures, each as the next revision of its key; returns how many were new.

        A figure equal to its newest revision is not written again.
        """
        fresh = [self._values(row, 0) for row in rows if row.fresh]
        again = [row for row in rows if not row.fresh]
        fresh += [values for row in again if (values := self._revised(row)) is not None]
        marks = ", ".join("?" * 16)
        self._db.executemany(f"INSERT INTO figure ({COLUMNS}) VALUES ({marks})", fresh)  # noqa: S608
        return len(fresh)

    def _values(self, row: Row, revision: int) -> tuple[object, ...]:
        figure = row.figure
        return (
            self._quantity(row.site, figure.quantity, figure.unit),
            PERIODS.index(figure.period),
            figure.start,
            revision,
            figure.end,
            figure.valid,
            figure.value,
            figure.estimated,
            figure.distributed,
            figure.uncertainty,
            figure.doubt,
            figure.status,
            figure.reason,
            figure.category,
            figure.terms,
            self._config,
        )

    def _revised(self, row: Row) -> tuple[object, ...] | None:
        first = self._values(row, 0)
        newest = self._db.execute(
            f"SELECT {COLUMNS} FROM figure WHERE quantity = ? AND period = ? AND start = ? "  # noqa: S608
            "ORDER BY revision DESC LIMIT 1",
            first[:3],
        ).fetchone()
        if newest is None:
            return first
        if newest[SAME] == first[SAME]:
            return None
        return (*first[:3], newest[3] + 1, *first[4:])

    def _quantity(self, site: str, name: str, unit: str = "J") -> int:
        key = (site, name)
        if key not in self._quantities:
            cursor = self._db.execute(
                "INSERT INTO quantity (site, name, unit) VALUES (?, ?, ?)", (*key, unit)
            )
            self._quantities[key] = int(cursor.lastrowid or 0)
        return self._quantities[key]

    def figures(self, site: str, period: str, lo: int, hi: int) -> Iterator[Figure]:
        """Newest figures of a site whose start lies in [lo, hi), by start and name."""
        return read_figures(self._db, site, period, lo, hi)

    # -- readings that cells may be computed from again ----------------------------------------

    def archive(self, site: str, meters: Sequence[str], readings: Readings) -> None:
        """Keep readings that are no longer held in memory; `meters` names their places."""
        numbers = np.array([self._quantity(site, name) for name in meters], np.int64)
        columns = (readings.seq, numbers[readings.meter], readings.time, readings.value)
        body = zstandard.compress(msgspec.msgpack.encode([c.tobytes() for c in columns]), 1)
        span = int(readings.time.min()), int(readings.time.max())
        self._db.execute(
            "INSERT INTO archive (site, first, last, body) VALUES (?, ?, ?, ?)", (site, *span, body)
        )

    def forget(self, site: str, before: int) -> None:
        """Drop archived readings that all lie before a time."""
        self._db.execute("DELETE FROM archive WHERE site = ? AND last < ?", (site, before))

    def history(self, site: str, meters: Sequence[str]) -> "ArchivedReadings":
        """The archive of one site, as the core asks for it: meters by their places."""
        return ArchivedReadings(self._db, site, [self._quantity(site, name) for name in meters])


class ArchivedReadings:
    """Implements `core.site.History` on the ledger file."""

    def __init__(self, db: sqlite3.Connection, site: str, numbers: list[int]) -> None:
        self._db, self._site, self._numbers = db, site, np.array(numbers, np.int64)

    def _placed(self, body: bytes) -> Readings:
        found = unpacked(body)
        order = np.argsort(self._numbers)
        place = np.minimum(
            np.searchsorted(self._numbers, found.meter, sorter=order), len(order) - 1
        )
        known = self._numbers[order[place]] == found.meter
        here = Readings(found.seq, order[place], found.time, found.value)
        return here if known.all() else here.where(known)

    def readings(self, lo: int, hi: int) -> Readings:
        """All with `lo` <= time < `hi`."""
        rows = self._db.execute(
            "SELECT body FROM archive WHERE site = ? AND last >= ? AND first < ?",
            (self._site, lo, hi),
        )
        parts = [self._placed(body) for (body,) in rows]
        return joined([p.where((p.time >= lo) & (p.time < hi)) for p in parts])

    def around(self, meter: int, lo: int, hi: int, count: int) -> Readings:
        """The nearest `count` of a meter before `lo` and as many from `hi` on."""
        before = self._db.execute(
            "SELECT body FROM archive WHERE site = ? AND first < ? ORDER BY last DESC",
            (self._site, lo),
        )
        after = self._db.execute(
            "SELECT body FROM archive WHERE site = ? AND last >= ? ORDER BY first",
            (self._site, hi),
        )
        first, last = -(2**63), 2**63 - 1
        return joined(
            [
                *self._some(before, meter, (first, lo), count),
                *self._some(after, meter, (hi, last), count),
            ]
        )

    def _some(
        self, rows: Iterable[tuple[bytes]], meter: int, span: tuple[int, int], count: int
    ) -> list[Readings]:
        found: list[Readings] = []
        for (body,) in rows:
            part = self._placed(body)
            part = part.where(
                (part.meter == meter) & (part.time >= span[0]) & (part.time < span[1])
            )
            if len(part):
                found.append(part)
                count -= len(part)
            if count <= 0:
                break
        return found


def unpacked(body: bytes) -> Readings:
    """Readings of one archive row."""
    columns = msgspec.msgpack.decode(zstandard.decompress(body))
    seq, meter, time = (np.frombuffer(c, np.int64) for c in columns[:3])
    return Readings(seq, meter, time, np.frombuffer(columns[3], np.float64))


def connect(path: Path, *, durable: bool = True, readonly: bool = False) -> sqlite3.Connection:
    """Open an SQLite file the way greendc uses it: WAL, synchronous=FULL, explicit transactions."""
    uri = f"{path.absolute().as_uri()}{'?mode=ro' if readonly else ''}"
    try:
        db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        if not readonly:
            db.execute("PRAGMA journal_mode=WAL" if durable else "PRAGMA journal_mode=MEMORY")
            db.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        db.execute("PRAGMA busy_timeout=10000")
    except sqlite3.Error as error:
        message = f"{path}: cannot open this file: {error}"
        raise GreendcError(message) from error
    return db


def read_figures(
    db: sqlite3.Connection, site: str, period: str, lo: int, hi: int
) -> Iterator[Figure]:
    """Newest figures of a site whose start lies in [lo, hi), by start and name."""
    rows = db.execute(
        f"SELECT q.name, q.unit, max(f.revision), {SELECTED} FROM figure f JOIN quantity q ON q.id = f.quantity "  # noqa: S608
        "WHERE f.period = ? AND f.start >= ? AND f.start < ? AND q.site = ? "
        "GROUP BY f.start, q.name ORDER BY f.start, q.name",
        (PERIODS.index(period), lo, hi, site),
    )
    for name, unit, revision, _, _, *rest in rows:
        yield Figure(name, unit, period, *rest[:-1], revision, rest[-1])


def read_revisions(
    db: sqlite3.Connection, site: str, period: str, lo: int, hi: int
) -> Iterator[Figure]:
    """Every revision of a site's figures whose start lies in [lo, hi), by start, name and revision."""
    rows = db.execute(
        f"SELECT q.name, q.unit, f.revision, {SELECTED} FROM figure f JOIN quantity q ON q.id = f.quantity "  # noqa: S608
        "WHERE f.period = ? AND f.start >= ? AND f.start < ? AND q.site = ? "
        "ORDER BY f.start, q.name, f.revision",
        (PERIODS.index(period), lo, hi, site),
    )
    for name, unit, revision, _, _, *rest in rows:
        yield Figure(name, unit, period, *rest[:-1], revision, rest[-1])


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
        for number, site, name, unit, revision, _, period, *rest in rows:
            figure = Figure(name, unit, PERIODS[period], *rest[:-1], revision, rest[-1])
            yield LedgerRow(number, site, figure)


def as_ints(body: bytes) -> IntArray:
    """An integer column as it stands in the carry-over."""
    return np.frombuffer(body, np.int64).copy()
