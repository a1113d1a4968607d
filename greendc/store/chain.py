"""Digests of tables that are only ever added to: what is changed in one later does not fit its own.

They are in the file of what they are about. Who writes both can make them fit: against that helps
a digest that was noted elsewhere.
"""

import hashlib
import sqlite3
from collections.abc import Iterator

import msgspec

TABLES = {
    "config": "configurations",
    "quantity": "names of figures",
    "block": "figures",
    "event": "events",
}
"""By their ids, and what people call their rows."""

_ENCODE = msgspec.msgpack.encode


def extend(db: sqlite3.Connection) -> None:
    """Take in what has been added since, in the transaction that adds it."""
    known = {table: (upto, digest) for table, upto, digest in db.execute("SELECT * FROM chain")}
    for table in TABLES:
        before = known.get(table, (0, b""))
        found = _followed(db, table, *before)
        if found != before:
            db.execute("INSERT OR REPLACE INTO chain VALUES (?, ?, ?)", (table, *found))


def changed(db: sqlite3.Connection) -> Iterator[str]:
    """Of which rows the digest was another when they were written."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'chain'").fetchone():
        return
    for table, upto, digest in db.execute("SELECT * FROM chain").fetchall():
        if _followed(db, table, 0, b"", upto) != (upto, digest):
            yield f"{TABLES[table]} are not those that were written, up to number {upto}"


def _followed(
    db: sqlite3.Connection, table: str, after: int, digest: bytes, upto: int | None = None
) -> tuple[int, bytes]:
    """The last row's id, and the digest of the one before each row and what the row says."""
    sql = f"SELECT * FROM {table} WHERE id > ? AND id <= coalesce(?, id) ORDER BY id"  # noqa: S608
    for row in db.execute(sql, (after, upto)):
        after, digest = row[0], hashlib.sha256(digest + _ENCODE(row)).digest()
    return after, digest
