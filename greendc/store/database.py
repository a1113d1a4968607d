"""The ledger's SQLite file: its tables and how it is opened."""

import sqlite3
from contextlib import suppress
from pathlib import Path

import msgspec

from greendc.files import claim, why
from greendc.ports import GreendcError

# Raised where a greendc of before would write without keeping an account of what it writes.
SCHEMA_VERSION = 3
READERS_KIB = 512  # of pages that a connection keeps which only reads
# In place of a sink what the ledger itself holds: figures, events, rows of the archive.
OWN = ""
WRITTEN, NOTED, ARCHIVED = "written", "noted", "archived"
JOURNALLED = "journalled"  # key of a ledger that there is a journal for
UPGRADED = frozenset({1, 2})  # schemas that are turned into this one where a ledger is written
READ = frozenset({2, SCHEMA_VERSION})  # schemas that are read as they are

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS config (
    id INTEGER PRIMARY KEY, hash TEXT UNIQUE NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS quantity (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, name TEXT NOT NULL, unit TEXT NOT NULL,
    UNIQUE (site, name));
CREATE TABLE IF NOT EXISTS block (
    id INTEGER PRIMARY KEY, number INTEGER NOT NULL, site TEXT NOT NULL, period INTEGER NOT NULL,
    part INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    revised INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS block_time ON block (site, period, first, last, part);
CREATE INDEX IF NOT EXISTS block_revised ON block (id) WHERE revised > 0;
CREATE TABLE IF NOT EXISTS latest (
    quantity INTEGER NOT NULL, period INTEGER NOT NULL, start INTEGER NOT NULL,
    row INTEGER NOT NULL, PRIMARY KEY (quantity, period)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS archive (
    id INTEGER PRIMARY KEY, site TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS archive_time ON archive (site, last);
CREATE TABLE IF NOT EXISTS left_out (
    site TEXT NOT NULL, time INTEGER NOT NULL, meter INTEGER NOT NULL, word INTEGER NOT NULL,
    seq INTEGER NOT NULL, PRIMARY KEY (site, time, meter, word)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally (
    site TEXT NOT NULL, outcome TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (site, outcome)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS judged (
    site TEXT NOT NULL, hour INTEGER NOT NULL, meter TEXT NOT NULL, word TEXT NOT NULL,
    number INTEGER NOT NULL, PRIMARY KEY (site, hour, meter, word)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (
    site TEXT NOT NULL, meter TEXT NOT NULL, word TEXT NOT NULL,
    number INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (site, meter, word)) WITHOUT ROWID;
INSERT INTO tally SELECT '', 'fields:uncounted', number FROM tally
    WHERE site = '' AND outcome = 'fields:refused' AND NOT EXISTS (SELECT 1 FROM told)
    ON CONFLICT DO NOTHING;
INSERT INTO told SELECT site, meter, word, sum(number), max(hour) FROM judged
    WHERE number AND NOT EXISTS (SELECT 1 FROM told) GROUP BY site, meter, word;
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY, arrival INTEGER NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS balance (
    site TEXT NOT NULL, "end" INTEGER NOT NULL, nodes BLOB NOT NULL, findings BLOB NOT NULL,
    PRIMARY KEY (site, "end")) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spread (
    site TEXT NOT NULL, meter TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    days TEXT NOT NULL, PRIMARY KEY (site, meter, start)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS checkpoint (
    done_to INTEGER PRIMARY KEY, arrival INTEGER NOT NULL, config TEXT NOT NULL,
    heads BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cursor (sink TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passed (
    sink TEXT NOT NULL, outcome TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (sink, outcome)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chain (
    of TEXT PRIMARY KEY, upto INTEGER NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO passed SELECT sink, 'uncounted', position FROM cursor
    WHERE sink NOT IN (SELECT sink FROM passed);
"""


def schema_of(db: sqlite3.Connection) -> int | None:
    """The schema of a ledger; None where the file says none."""
    row = db.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    return None if row is None else int(msgspec.msgpack.decode(row[0]))


def connect(path: Path, *, durable: bool = True, readonly: bool = False) -> sqlite3.Connection:
    """Open an SQLite file the way greendc uses it: WAL, synchronous=FULL, explicit transactions."""
    uri = f"{path.absolute().as_uri()}{'?mode=ro' if readonly else ''}"
    try:
        if not readonly:
            claim(path)
        db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error
    try:
        if not readonly:
            db.execute("PRAGMA journal_mode=WAL" if durable else "PRAGMA journal_mode=MEMORY")
            db.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        else:
            with suppress(sqlite3.DatabaseError):  # of what is no ledger the first query tells
                db.execute(f"PRAGMA cache_size=-{READERS_KIB}")
        db.execute("PRAGMA busy_timeout=10000")
    except sqlite3.Error as error:
        db.close()
        raise _unusable(path, error) from error
    return db


def _unusable(path: Path, error: Exception) -> GreendcError:
    return GreendcError(f"{path}: cannot open this file: {why(error)}")
