"""Ledgers of whichever schema, opened for reading."""

import sqlite3
from pathlib import Path

from greendc.store.database import READ, UPGRADED, schema_of
from greendc.store.file import Store


def readable(path: Path, db: sqlite3.Connection) -> bool:
    """Whether the ledger at `path`, opened as `db`, is read by this greendc.

    One that it could not read otherwise is turned into one that it writes. No other is: a daemon
    of the earlier version may still be writing it.
    """
    if schema_of(db) in UPGRADED - READ:
        Store(path).close()
    return schema_of(db) in READ
