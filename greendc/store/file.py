"""The ledger's only writer."""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

import msgspec
import numpy as np

from greendc.core.checking import Checked
from greendc.core.figure import BoolArray, Figure, FigureColumns, FloatArray
from greendc.core.readings import Readings
from greendc.core.tables import same
from greendc.ports import Event, GreendcError
from greendc.store.archive import ArchivedReadings, packed
from greendc.store.balances import packed_hour, read_balances, read_newest_balance
from greendc.store.blocks import Blocks, cut, figures_of, part_of, write
from greendc.store.chain import extend
from greendc.store.checkpoints import Checkpoints, Held
from greendc.store.database import (
    ARCHIVED,
    NOTED,
    OWN,
    SCHEMA,
    SCHEMA_VERSION,
    UPGRADED,
    WRITTEN,
    connect,
)
from greendc.store.judgements import Judgements
from greendc.store.packing import Bodies
from greendc.store.reading import last_row, read_columns, read_newest_start, sums_of
from greendc.store.revising import earlier
from greendc.store.taking import Kept, Taking, put

# What stood there before it was counted.
UNCOUNTED = {
    WRITTEN: "SELECT total(number) FROM block",
    NOTED: "SELECT count(*) FROM event",
    ARCHIVED: "SELECT count(*) FROM archive",
}


# A register's gap, and the midnights of the days that it was spread by [ns].
Told = tuple[str, tuple[int, int], Sequence[int]]


class Changes(NamedTuple):
    """Revisions that were written; `before` is NaN where there was no value or no revision."""

    site: str
    figures: FigureColumns
    before: FloatArray

    def revised(self) -> FigureColumns:
        """Those that follow another."""
        return self.figures.at(np.flatnonzero(self.figures.revision))


class Store:
    """The ledger's writer. Use `commit` as the one transaction around everything else."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Open or make the ledger at `path`; not `durable` is for ledgers that end with the run."""
        self.path = path
        self._db = connect(path, durable=durable)
        self._db.executescript(SCHEMA)
        version = self.get("schema")
        if version in UPGRADED:
            from greendc.store.upgrade import upgrade  # noqa: PLC0415 - once in a ledger's life

            upgrade(self._db, version)
        elif version is None:
            self._db.execute("BEGIN IMMEDIATE")
            self.set("schema", SCHEMA_VERSION)
            self._db.execute("COMMIT")
        elif version != SCHEMA_VERSION:
            message = f"{path}: ledger of schema {version}, this greendc writes {SCHEMA_VERSION}"
            raise GreendcError(message)
        for outcome, found in UNCOUNTED.items():
            self._db.execute(
                f"INSERT INTO passed SELECT ?, ?, CAST(({found}) AS INTEGER) "  # noqa: S608
                "WHERE NOT EXISTS (SELECT 1 FROM passed WHERE (sink, outcome) = (?, ?))",
                (OWN, outcome, OWN, outcome),
            )
        self._blocks = Blocks(self._db)
        self._quantities: dict[str, dict[str, int]] = {}  # by site and name
        for number, site, name in self._db.execute("SELECT id, site, name FROM quantity"):
            self._quantities.setdefault(site, {})[intern(name)] = number
        self.judgements, self.checkpoints = Judgements(self._db), Checkpoints(self._db)
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
            extend(self._db)
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
        if not rows:
            return
        self._db.executemany(
            "INSERT INTO tally VALUES (?, ?, ?) ON CONFLICT (site, outcome) "
            "DO UPDATE SET number = number + excluded.number",
            rows,
        )

    def tally(self, site: str) -> dict[str, int]:
        """Counts by outcome of a site, or of the daemon (site "")."""
        rows = self._db.execute("SELECT outcome, number FROM tally WHERE site = ?", (site,))
        return dict(rows.fetchall())

    def tallies(self, outcome: str) -> int:
        """Count of an outcome, of all sites that there have been."""
        row = self._db.execute("SELECT total(number) FROM tally WHERE outcome = ?", (outcome,))
        return int(row.fetchone()[0])

    def note(self, event: Event) -> None:
        """Keep an event for people: lost sessions, late readings, reloads."""
        data = msgspec.json.encode(event.data).decode()
        self._db.execute(
            "INSERT INTO event (arrival, kind, data) VALUES (?, ?, ?)",
            (event.arrival, event.kind, data),
        )
        self._pass(OWN, {NOTED: 1})

    def balances(self, site: str, hours: Sequence[Checked]) -> None:
        """Keep the balance of hours, in place of what stood there."""
        rows = [(site, one.end, *packed_hour(one)) for one in hours]
        self._db.executemany("INSERT OR REPLACE INTO balance VALUES (?, ?, ?, ?)", rows)

    def balance(self, site: str) -> Checked | None:
        """The newest hour of a site that was checked."""
        return read_newest_balance(self._db, site)

    def findings(self, site: str, lo: int) -> Iterator[Checked]:
        """Hours of a site with findings that end after `lo` [ns]."""
        return read_balances(self._db, site, lo, told=True)

    def use_config(self, hash_: str, body: bytes) -> None:
        """Name the configuration that figures written from now on rest on."""
        self._db.execute("INSERT OR IGNORE INTO config (hash, body) VALUES (?, ?)", (hash_, body))
        row = self._db.execute("SELECT id FROM config WHERE hash = ?", (hash_,)).fetchone()
        self._config = int(row[0])
        self.set("config", self._config)

    def config(self) -> tuple[str, bytes] | None:
        """Hash and body of the configuration that the newest figures rest on."""
        number = self.get("config")
        return None if number is None else self.config_of(number)

    def config_of(self, number: int) -> tuple[str, bytes]:
        """Hash and body of a configuration that figures name."""
        row = self._db.execute("SELECT hash, body FROM config WHERE id = ?", (number,)).fetchone()
        return str(row[0]), bytes(row[1])

    def config_bodies(self) -> list[bytes]:
        """Every configuration that there has been, the first one first."""
        rows = self._db.execute("SELECT body FROM config ORDER BY id").fetchall()
        return [bytes(body) for (body,) in rows]

    def move_cursor(self, sink: str, position: int, counts: Mapping[str, int]) -> None:
        """Keep how far a sink has written, and what became of the rows that it has passed."""
        self._db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (sink, position))
        self._pass(sink, counts)

    def _pass(self, sink: str, counts: Mapping[str, int]) -> None:
        self._db.executemany(
            "INSERT INTO passed VALUES (?, ?, ?) ON CONFLICT (sink, outcome) "
            "DO UPDATE SET number = number + excluded.number",
            [(sink, outcome, number) for outcome, number in counts.items()],
        )

    # -- figures -----------------------------------------------------------------------------

    def last(self) -> int:
        """Id of the newest row; ids begin at 1 and leave none out."""
        return last_row(self._db)

    def put(self, site: str, figures: FigureColumns, fresh: BoolArray) -> Changes:
        """Write figures, each as the next revision of its key; returns those that were new.

        Of those marked in `fresh` no earlier revision can exist. A figure equal to its newest
        revision is not written again.
        """
        pairs = zip(figures.names, figures.units, strict=True)
        number = np.array([self._quantity(site, *pair) for pair in pairs], np.int64)
        self._blocks.know()
        figures = replace(
            self._blocks.packing.reworded(figures),
            names=self._blocks.names,
            units=self._blocks.units,
            quantity=number[figures.quantity],
            revision=same(0, len(figures)),
            config=same(self._config, len(figures)),
        )
        before = np.full(len(figures), np.nan)
        if not fresh.all():
            figures, before = earlier(self._blocks, site, figures, before, fresh)
        self._write(site, figures)
        return Changes(site, figures, before)

    def _write(self, site: str, figures: FigureColumns) -> None:
        if not len(figures):
            return
        used = np.flatnonzero(np.bincount(figures.quantity))
        part = np.zeros(len(figures.names), np.int64)
        part[used] = [part_of(figures.names[number], number) for number in used.tolist()]
        first, packed = self.last() + 1, Bodies(self._blocks.packing).of
        for number, block in cut(figures, part[figures.quantity]):
            write(self._db, packed, site, block, number, first)
            first += len(block)
        self._pass(OWN, {WRITTEN: len(figures)})

    def _quantity(self, site: str, name: str, unit: str = "J") -> int:
        known = self._quantities.setdefault(site, {})
        if name not in known:
            cursor = self._db.execute(
                "INSERT INTO quantity (site, name, unit) VALUES (?, ?, ?)", (site, name, unit)
            )
            known[intern(name)] = int(cursor.lastrowid or 0)
        return known[name]

    def figures(
        self, site: str, period: str, lo: int, hi: int, names: Collection[str] | None = None
    ) -> Iterator[Figure]:
        """Newest figures of a site whose start lies in [lo, hi), by start and name.

        With `names` only those of these quantities.
        """
        return figures_of(self._blocks.newest(site, period, lo, hi, names))

    def sums(
        self, site: str, period: str, lo: int, hi: int
    ) -> Iterator[tuple[str, int, int, bytes, int, int]]:
        """Quantity, start, time known, terms, end and what is lost of the same, in no order."""
        return sums_of(self._blocks.newest(site, period, lo, hi))

    def newest(
        self, site: str, period: str, lo: int, hi: int, names: Sequence[str]
    ) -> Iterator[FigureColumns]:
        """Newest figures of some quantities that start in [lo, hi), by start, in pieces."""
        return read_columns(self._db, site, period, lo, hi, names)

    def spread(self, site: str, gaps: Sequence[Told], opened: Sequence[tuple[int, int]]) -> None:
        """Keep the days that gaps of registers were spread by.

        Of `opened` spans nothing stays but what is told anew.
        """
        self._db.executemany(
            'DELETE FROM spread WHERE site = ? AND start < ? AND "end" > ?',
            [(site, hi, lo) for lo, hi in opened],
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO spread VALUES (?, ?, ?, ?, ?)",
            [(site, name, *span, msgspec.json.encode(days).decode()) for name, span, days in gaps],
        )

    def newest_start(self, site: str, period: str) -> int | None:
        """Start of the latest figure of a site and period; None where there is none."""
        return read_newest_start(self._db, site, period)

    # -- readings that cells may be computed from again ----------------------------------------

    def archive(self, site: str, meters: Sequence[str], readings: Readings) -> None:
        """Keep readings that are no longer held in memory; `meters` names their places."""
        numbers = np.array([self._quantity(site, name) for name in meters], np.int64)
        body = packed(readings, numbers)
        self._archive(site, int(readings.time.min()), int(readings.time.max()), body)

    def _archive(self, site: str, first: int, last: int, body: bytes) -> None:
        self._db.execute(
            "INSERT INTO archive (site, first, last, body) VALUES (?, ?, ?, ?)",
            (site, first, last, body),
        )
        self._pass(OWN, {ARCHIVED: 1})

    def forget(self, site: str, before: int) -> None:
        """Drop archived readings that all lie before a time."""
        sql = "DELETE FROM archive WHERE site = ? AND last < ?"
        self._pass(OWN, {ARCHIVED: -self._db.execute(sql, (site, before)).rowcount})
        self._db.execute("DELETE FROM left_out WHERE site = ? AND time < ?", (site, before))

    def leave(self, site: str, meters: Sequence[str], left: Readings) -> None:
        """Keep which readings were refused, each with its word in place of a value; once each."""
        numbers = np.array([self._quantity(site, name) for name in meters], np.int64)
        columns = left.time, numbers[left.meter], left.value.astype(np.int64), left.seq
        rows = zip(*(column.tolist() for column in columns), strict=True)
        self._db.executemany(
            "INSERT INTO left_out VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            ((site, *row) for row in rows),
        )

    def take_over(self, other: "Store", kept: Kept, pause: Callable[[], None]) -> None:
        """Have what another ledger has beside figures, configurations, events and cursors.

        Its tallies, what readings were taken for, balances, archived and refused readings and
        checkpoints, in place of what stood here but is not to be `kept`. `pause` is called
        between pieces.
        """
        self._pass(OWN, {ARCHIVED: -self._db.execute("DELETE FROM archive").rowcount})
        self.taking(other._db).instead(kept, pause)  # noqa: SLF001
        self.checkpoints.take_over(other._db, kept.done_to)  # noqa: SLF001
        self.set("broker_dropped", other.get("broker_dropped"))
        self.judgements.version += 1

    def taking(self, other: sqlite3.Connection) -> Taking:
        """What takes single things from another ledger's file."""
        return Taking(self._db, self._quantity, self._archive, other)

    def hold(self, held: Held) -> None:
        """Begin with what a checkpoint holds; nothing has been written yet."""
        self.set("state", held.state)
        for key, value in held.small.items():
            self.set(key, value)
        for table, rows in (("tally", held.tally), ("told", held.told), ("judged", held.judged)):
            put(self._db, table, 3 if table == "tally" else 5, rows)

    def history(self, site: str, meters: Sequence[str]) -> ArchivedReadings:
        """The archive of one site, as the core asks for it: meters by their places."""
        return ArchivedReadings(self._db, site, [self._quantity(site, name) for name in meters])
