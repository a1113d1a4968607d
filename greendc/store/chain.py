"""Digests of tables that are only ever added to: what is changed in one later does not fit its own.

They are in the file of what they are about. Who writes both can make them fit: against that helps
a seal that was noted elsewhere.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from greendc.ports import GreendcError

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
    known = _known(db)
    for table in TABLES:
        before = known.get(table, (0, b""))
        found = _followed(db, table, *before)
        if found != before:
            db.execute("INSERT OR REPLACE INTO chain VALUES (?, ?, ?)", (table, *found))


def changed(db: sqlite3.Connection) -> Iterator[str]:
    """Of which rows the digest was another when they were written."""
    if not _there(db):
        return
    for table, (upto, digest) in _known(db).items():
        if _followed(db, table, 0, b"", upto) != (upto, digest):
            yield f"{TABLES[table]} are not those that were written, up to number {upto}"


def seal(db: sqlite3.Connection) -> str | None:
    """Up to where the digests go, and one of them all; None where there are none.

    Its first part says how much there was: later rows do not change what it says of these.
    """
    if not _there(db):
        return None
    known = _known(db)
    return _sealed([known.get(table, (0, b"")) for table in TABLES])


def breaks(db: sqlite3.Connection, noted: str) -> bool:
    """Whether what was there at a seal is another now.

    Raises
    ------
    GreendcError
        If that is no seal.
    """
    places = noted.partition(":")[0].split("-")
    if len(places) != len(TABLES) or not all(map(str.isdecimal, places)):
        raise GreendcError(f"{noted}: not a seal as `greendc audit` prints it")
    pairs = zip(TABLES, map(int, places), strict=True)
    return _sealed([_followed(db, table, 0, b"", upto) for table, upto in pairs]) != noted


def _sealed(digests: Sequence[tuple[int, bytes]]) -> str:
    joined = hashlib.sha256(b"".join(digest for _, digest in digests)).hexdigest()
    return f"{'-'.join(str(upto) for upto, _ in digests)}:{joined}"


def _known(db: sqlite3.Connection) -> dict[str, tuple[int, bytes]]:
    """Of each table up to where its digests go, and the last one."""
    return {table: (upto, digest) for table, upto, digest in db.execute("SELECT * FROM chain")}


def _there(db: sqlite3.Connection) -> bool:
    found = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'chain'").fetchone()
    return found is not None


def _followed(
    db: sqlite3.Connection, table: str, after: int, digest: bytes, upto: int | None = None
) -> tuple[int, bytes]:
    """The last row's id, and the digest of the one before each row and what the row says."""
    sql = f"SELECT * FROM {table} WHERE id > ? AND id <= coalesce(?, id) ORDER BY id"  # noqa: S608
    for row in db.execute(sql, (after, upto)):
        after, digest = row[0], hashlib.sha256(digest + _ENCODE(row)).digest()
    return after, digest
