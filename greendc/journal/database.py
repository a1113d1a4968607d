"""The journal's SQLite file: its tables, how it is opened, how its rows become entries."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import orjson
import zstandard

from greendc.files import claim, why
from greendc.journal.blocks import unpacked
from greendc.journal.ring import SCHEMA as RING_SCHEMA
from greendc.ports import Entry, Event, GreendcError, RawBatch

APPLICATION_ID = 0x67726463  # "grdc" in the header tells a journal from other SQLite files
SCHEMA_VERSION = 1
ROWS_A_READ = 4  # of at most 8 MiB before compression, or one long message each

# auto_vacuum comes first: once tables exist it has no effect.
PRAGMAS = """
PRAGMA busy_timeout = 10000;
PRAGMA cache_size = -512;
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
"""
SCHEMA = """
CREATE TABLE entry (
    first INTEGER PRIMARY KEY, count INTEGER NOT NULL, session INTEGER NOT NULL, kind TEXT,
    arrival INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1), last INTEGER NOT NULL, session INTEGER NOT NULL);
INSERT INTO head VALUES (1, 0, 0);
"""
IDENTITY = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"

COLUMNS = "first, count, session, kind, arrival, body"

Row = tuple[int, int, int, str | None, int, bytes]  # as in the table `entry`
Progress = Callable[[int], None]


def entries_from(
    db: sqlite3.Connection,
    path: Path,
    start: int,
    stop: int | None,
    progress: Progress | None = None,
) -> Iterator[tuple[int, Entry]]:
    """Entries from exactly `start` up to, not including, `stop`, blocks cut where needed."""
    stop = 2**63 - 1 if stop is None else stop
    done, at = 0, _block_with(db, path, start)
    # No cursor stays open between two reads: it would keep the writer's WAL from shrinking.
    where = "first >= ? AND first < ? ORDER BY first LIMIT ?"
    while rows := _rows(db, path, where, (at, stop, ROWS_A_READ)):
        for row in rows:
            if done and row[0] != at:
                raise GreendcError(f"{path}: entries {at} to {row[0] - 1} are missing")
            at = row[0] + row[1]
            if at > start:
                yield _from(_entry(row, path), row[0], start, stop)
            done += len(row[5])
            if progress is not None:
                progress(done)


def entries_in(db: sqlite3.Connection, path: Path, first: int) -> Iterator[Entry]:
    """The entry, or the block of messages, that begins with a number; none where it is gone."""
    return (_entry(row, path) for row in _rows(db, path, "first = ?", (first,)))


def last_messages(db: sqlite3.Connection, path: Path) -> RawBatch | None:
    """The last block of messages; None where none is kept."""
    for row in _rows(db, path, "kind IS NULL ORDER BY first DESC LIMIT 1", ()):
        return unpacked(row[5], row[2])
    return None


def _block_with(db: sqlite3.Connection, path: Path, number: int) -> int:
    """Sequence number at which the block with an entry begins."""
    for row in _rows(db, path, "first <= ? ORDER BY first DESC LIMIT 1", (number,)):
        return row[0]
    return 0


def _from(entry: Entry, first: int, start: int, stop: int) -> tuple[int, Entry]:
    if isinstance(entry, Event):
        return first, entry
    lo, hi = max(start - first, 0), min(stop - first, len(entry))
    return first + lo, entry if (lo, hi) == (0, len(entry)) else entry.between(lo, hi)


def _entry(row: Row, path: Path) -> Entry:
    first, _, session, kind, arrival, body = row
    try:
        if kind is None:
            return unpacked(body, session)
        return Event(kind, arrival, orjson.loads(body))
    except (zstandard.ZstdError, msgspec.MsgspecError, ValueError) as error:
        raise GreendcError(f"{path}: entry {first} is damaged: {error}") from error


def _rows(db: sqlite3.Connection, path: Path, where: str, values: tuple[int, ...]) -> list[Row]:
    sql = f"SELECT {COLUMNS} FROM entry WHERE {where}"  # noqa: S608 - both are this module's own
    try:
        return db.execute(sql, values).fetchall()
    except sqlite3.Error as error:
        raise GreendcError(f"{path}: cannot read the journal: {error}") from error


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open a journal, or make one where there is no file or an empty one."""
    try:
        claim(path)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise GreendcError(f"{path}: cannot open the journal: {why(error)}") from error
    try:
        _prepare(db, path)
    except sqlite3.Error as error:
        db.close()
        raise GreendcError(f"{path}: cannot open the journal: {why(error)}") from error
    except GreendcError:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        db.executescript(f"{PRAGMAS} BEGIN IMMEDIATE; {SCHEMA} {RING_SCHEMA} {IDENTITY} COMMIT;")
        return
    _refuse_others(db, path)
    db.executescript(PRAGMAS)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a journal that another process may be writing to."""
    if not path.is_file():
        raise GreendcError(f"{path}: no such file")
    # Without a WAL nobody writes. Then SQLite is told so: else it would make a WAL itself,
    # which fails on a read-only medium and elsewhere leaves the reader's file to the daemon.
    alone = not path.with_name(f"{path.name}-wal").is_file()
    try:
        return _checked(f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' * alone}", path)
    except sqlite3.Error as error:
        raise GreendcError(f"{path}: cannot read the journal: {error}") from error


def _checked(uri: str, path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA busy_timeout = 10000")
        _refuse_others(db, path)
    except (sqlite3.Error, GreendcError):
        db.close()
        raise
    return db


def _refuse_others(db: sqlite3.Connection, path: Path) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise GreendcError(f"{path}: an SQLite file, but not a journal of greendc")
    if version != SCHEMA_VERSION:
        raise GreendcError(
            f"{path}: journal of schema {version}; this greendc reads {SCHEMA_VERSION}"
        )


def is_journal(path: Path) -> bool:
    """Whether a file is an SQLite file, by its first bytes; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False
