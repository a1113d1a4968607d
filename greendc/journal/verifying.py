"""Whether the rows of a journal are whole, and hold what they say."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from greendc.journal.database import ROWS_A_READ, entries_in, open_for_reading
from greendc.ports import Event, GreendcError


def damage(path: Path, last: int) -> Iterator[str]:
    """What is wrong with the entries up to `last`; every block is read.

    Nothing where all entries from the first one kept on are there once and can be read.
    """
    with closing(open_for_reading(path)) as db:
        at = None
        for first, count in _rows(db, last):
            if at is not None and first > at:
                yield f"entries {at} to {first - 1} are missing"
            elif at is not None and first < at:
                yield f"entries {first} to {min(at, first + count) - 1} stand there twice"
            at = max(at or 0, first + count)
            yield from _block(db, path, first, count)


def _rows(db: sqlite3.Connection, last: int) -> Iterator[tuple[int, int]]:
    """First entry and number of entries of each row, a few at a time.

    No cursor stays open between two reads: it would keep the writer's WAL from shrinking.
    """
    after = 0
    sql = "SELECT first, count FROM entry WHERE first > ? AND first <= ? ORDER BY first LIMIT ?"
    while rows := db.execute(sql, (after, last, ROWS_A_READ)).fetchall():
        yield from rows
        after = rows[-1][0]


def _block(db: sqlite3.Connection, path: Path, first: int, count: int) -> Iterator[str]:
    try:
        for entry in entries_in(db, path, first):
            held = 1 if isinstance(entry, Event) else len(entry)
            if held != count:
                yield f"block {first} holds {held} entries, not {count}"
    except GreendcError as error:
        yield str(error).removeprefix(f"{path}: ")
