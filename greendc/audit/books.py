"""The numbers of an audit, as they stand in the two files at one moment each."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from greendc.audit.equations import FEW, Connection
from greendc.core.words import OF_USED
from greendc.journal import open_for_reading
from greendc.ports import GreendcError
from greendc.store import (
    ARCHIVED,
    JOURNALLED,
    NOTED,
    OWN,
    SCHEMA_VERSION,
    WRITTEN,
    connect,
    last_row,
    readable,
    schema_of,
    seal,
)

GAPS = ("session_lost", "broker_dropped", "audit")
NO_TABLE = "no such table"

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LedgerBook:
    """Counts of a ledger: tallies by site ("" is the daemon's), readings held by site, sinks.

    `left_out` are the readings that no figure rests on, as they are told of their meters, `mistold`
    where that differs from what hours say. Of figures `written` were counted, `rows` are there; of
    events and of rows of the archive both numbers stand together. `journalled` says that there has
    been a journal beside it.
    """

    done_to: int
    rebuild_from: int
    tallies: Mapping[str, Counts]
    held: Counts
    left_out: int
    mistold: tuple[str, ...]
    written: int
    rows: int
    last: int
    noted: tuple[int, int]
    last_event: int
    archived: tuple[int, int]
    journalled: bool
    cursors: Counts
    passed: Mapping[str, Counts]
    events: tuple[tuple[int, str, Any], ...]
    seal: str | None

    @property
    def readings(self) -> int:
        """Accepted ones of all sites."""
        return sum(tally.get("readings", 0) for tally in self.tallies.values())


@dataclass(frozen=True, slots=True)
class JournalBook:
    """Counts of a journal: its last entry, the ends of what is kept, and every connection."""

    last: int
    first: int
    end: int
    session: int
    connections: tuple[Connection, ...]


def ledger_book(path: Path) -> LedgerBook:
    """What a ledger has counted.

    Raises
    ------
    GreendcError
        If there is none, or it cannot be read.
    """
    if not path.exists():
        raise GreendcError(f"{path}: no ledger here yet: run greendc, or replay --keep, first")
    with _reading(path), closing(connect(path, readonly=True)) as db:
        if not readable(path, db):
            raise GreendcError(f"{path}: not a ledger that this greendc reads")
        db.execute("BEGIN")
        kept = db.execute("SELECT value FROM meta WHERE key = 'state'").fetchone()
        state = NO_STATE if kept is None else msgspec.msgpack.decode(kept[0])
        (rows,) = db.execute("SELECT total(number) FROM block").fetchone()
        last = last_row(db)
        passed = _grouped(db.execute("SELECT sink, outcome, number FROM passed"))
        own = passed.pop(OWN, {})
        if schema_of(db) != SCHEMA_VERSION:  # which did not count all of this
            own = {}
        events, last_event = db.execute("SELECT count(*), max(id) FROM event").fetchone()
        (archived,) = db.execute("SELECT count(*) FROM archive").fetchone()
        return LedgerBook(
            done_to=state["done_to"],
            rebuild_from=state.get("rebuild_from", 1),
            tallies=_grouped(db.execute("SELECT site, outcome, number FROM tally")),
            held={name: site.get("open", 0) for name, site in state["sites"].items()},
            left_out=_left_out(db),
            mistold=tuple(_mistold(db)),
            written=own.get(WRITTEN, last),
            rows=int(rows),
            last=last,
            noted=(own.get(NOTED, events), events),
            last_event=last_event or 0,
            archived=(own.get(ARCHIVED, archived), archived),
            journalled=db.execute("SELECT 1 FROM meta WHERE key = ?", (JOURNALLED,)).fetchone()
            is not None,
            cursors=dict(db.execute("SELECT sink, position FROM cursor").fetchall()),
            passed=passed,
            events=tuple(_events(db)),
            seal=seal(db),
        )


NO_STATE: dict[str, Any] = {"done_to": 0, "sites": {}}


def _left_out(db: sqlite3.Connection) -> int:
    rows = db.execute("SELECT word, number FROM told")
    return sum(number for word, number in rows if word not in OF_USED)


def _mistold(db: sqlite3.Connection) -> Iterator[str]:
    """Meters whose hours hold other numbers of readings than they have in all."""
    found = db.execute(
        "SELECT site, meter, word, sum(own), sum(hours) FROM ("
        "SELECT site, meter, word, number own, 0 hours FROM told UNION ALL "
        "SELECT site, meter, word, 0, number FROM judged) "
        "GROUP BY site, meter, word HAVING sum(own) <> sum(hours) LIMIT ?",
        (FEW,),
    )
    for site, meter, word, own, hours in found:
        yield f"{site} {meter}: {own} {word}, {hours} by hours"


def _events(db: sqlite3.Connection) -> Iterator[tuple[int, str, Any]]:
    marks = ", ".join("?" * len(GAPS))
    sql = f"SELECT arrival, kind, data FROM event WHERE kind IN ({marks}) ORDER BY id"  # noqa: S608
    for arrival, kind, data in db.execute(sql, GAPS):
        yield arrival, kind, msgspec.json.decode(data)


def _grouped(rows: sqlite3.Cursor) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for owner, outcome, number in rows:
        found.setdefault(owner, {})[outcome] = number
    return found


def journal_book(path: Path) -> JournalBook:
    """What a journal has counted.

    Raises
    ------
    GreendcError
        If it cannot be read.
    """
    with _reading(path), closing(open_for_reading(path)) as db:
        db.execute("BEGIN")
        last, session = db.execute("SELECT last, session FROM head").fetchone()
        (first,) = db.execute("SELECT min(first) FROM entry").fetchone()
        newest = "SELECT first + count - 1 FROM entry ORDER BY first DESC LIMIT 1"
        end = db.execute(newest).fetchone()
        return JournalBook(
            last=last,
            first=last + 1 if first is None else first,
            end=last if end is None else end[0],
            session=session,
            connections=tuple(_connections(db)),
        )


def _connections(db: sqlite3.Connection) -> Iterator[Connection]:
    counts: dict[int, tuple[dict[str, int], dict[str, int]]] = {}
    for number, qos, outcome, count in db.execute("SELECT * FROM intake"):
        counts.setdefault(number, ({}, {}))[qos][outcome] = count
    yield Connection(0, 0, 0, 0, None, counts.get(0, ({}, {})))
    rows = db.execute("SELECT id, session, began, last, ending FROM connection ORDER BY id")
    for number, session, began, last, ending in rows:
        yield Connection(number, session, began, last, ending, counts.get(number, ({}, {})))


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if NO_TABLE in str(error):
            message = f"{path}: made by a greendc that did not count; run this one on it first"
            raise GreendcError(message) from error
        raise GreendcError(f"{path}: cannot read this file: {error}") from error
