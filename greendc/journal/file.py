"""The journal file: one SQLite file, one owner, every entry with its sequence number.

Sequence numbers run from 1 up without a gap: one for every message and every event.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from greendc.journal.blocks import block_spans, event_body, packed, session_after
from greendc.journal.database import (
    Progress,
    Row,
    entries_from,
    last_messages,
    open_for_reading,
    open_for_writing,
)
from greendc.journal.intake import Counts, Intake
from greendc.journal.ring import Kept, Quarantined, Ring
from greendc.ports import Entry, Event, GreendcError, RawBatch, Reception

MIB = 2**20
GIB = 2**30
NOTHING: Counts = MappingProxyType({})
PAGES_GIVEN_BACK = 10_000  # to the file system after one pruning, so that it stays short


class Journal:
    """The journal's only writer, owned by one thread at a time.

    `limit_bytes` and `free_bytes` (left on the disk) are the bounds at which `full`
    says so; `ring_limit` is the ring's own quota [bytes].

    Raises
    ------
    GreendcError
        Where the file cannot be opened, is no journal, or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        limit_bytes: int = 10 * GIB,
        free_bytes: int = GIB,
        ring_limit: int = 64 * MIB,
    ) -> None:
        self.path = path
        self.limit_bytes, self.free_bytes = limit_bytes, free_bytes
        self._db = open_for_writing(path)
        self._last, self._session = self._db.execute("SELECT last, session FROM head").fetchone()
        self._ring = Ring(self._db, ring_limit)
        self._intake = Intake(self._db)

    def close(self) -> None:
        """Close the file. Whatever `append` has returned for is on the disk."""
        self._db.close()

    # -- writing -----------------------------------------------------------------------------

    def append(
        self,
        entries: Sequence[Entry],
        quarantined: Sequence[Quarantined] = (),
        reception: Reception | None = None,
        counts: Counts = NOTHING,
    ) -> list[int]:
        """Write entries in one transaction; the first sequence number of each comes back.

        `quarantined` go to the ring in the same transaction, and so does what is counted of
        the connection that `reception` tells of: the entries, and `counts` of what else came. An
        empty batch takes no number: the next entry's is returned for it. After an error nothing
        is written.
        """
        firsts, rows, last, session = self._numbered(entries)
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", rows)
                self._db.execute("UPDATE head SET last = ?, session = ?", (last, session))
                ring_bytes = self._ring.put(quarantined)
                counted = self._intake.put(entries, reception, counts)
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise GreendcError(f"{self.path}: cannot write the journal: {error}") from error
        self._last, self._session, self._ring.bytes = last, session, ring_bytes
        self._intake.totals += counted
        return firsts

    def _numbered(self, entries: Sequence[Entry]) -> tuple[list[int], list[Row], int, int]:
        firsts: list[int] = []
        rows: list[Row] = []
        last, session = self._last, self._session
        for entry in entries:
            firsts.append(last + 1)
            if isinstance(entry, Event):
                last += 1
                session = session_after(entry, session)
                rows.append((last, 1, session, entry.kind, entry.arrival, event_body(entry)))
                continue
            for lo, hi in block_spans(entry):
                arrival, body = entry.arrivals[lo], packed(entry, lo, hi)
                rows.append((last + 1, hi - lo, entry.session, None, arrival, body))
                last, session = last + hi - lo, entry.session
        return firsts, rows, last, session

    def prune(self, before: int) -> None:
        """Drop what lies before a sequence number, whole blocks at a time."""
        try:
            self._db.execute(
                "DELETE FROM entry WHERE first < ? AND first + count <= ?", (before, before)
            )
            # Each step gives one page back, and `execute` makes but one where no rows come.
            self._db.executescript(f"PRAGMA incremental_vacuum({PAGES_GIVEN_BACK})")
        except sqlite3.Error as error:
            raise GreendcError(f"{self.path}: cannot prune the journal: {error}") from error

    def number_at(self, arrival: int) -> int:
        """Sequence number of the first entry that arrived at or after a time [ns UTC]."""
        sql = "SELECT min(first) FROM entry WHERE arrival >= ?"
        (first,) = self._db.execute(sql, (arrival,)).fetchone()
        return self.last + 1 if first is None else int(first)

    def number_behind(self, size: int) -> int:
        """Sequence number of the first entry behind the oldest that hold at least so many bytes."""
        sql = "SELECT first + count, length(body) FROM entry ORDER BY first"
        with closing(self._db.execute(sql)) as rows:
            for following, length in rows:
                size -= length
                if size <= 0:
                    return int(following)
        return self.last + 1

    def forget(self, before: int) -> int:
        """Drop what the ring holds from before a time [ns UTC]; returns how many messages."""
        try:
            return self._ring.forget(before)
        except sqlite3.Error as error:
            raise GreendcError(f"{self.path}: cannot clear the ring: {error}") from error

    def quarantine(self, rows: Sequence[Quarantined]) -> None:
        """Put messages into the ring at once; `append` takes them along without a further sync."""
        self.append((), rows)

    # -- reading -----------------------------------------------------------------------------

    def read(self, start: int = 1, stop: int | None = None) -> Iterator[tuple[int, Entry]]:
        """Entries from exactly `start` (or the oldest kept) up to, not including, `stop`."""
        return entries_from(self._db, self.path, start, stop)

    def ring(self) -> Iterator[Kept]:
        """What the ring holds, oldest first."""
        return iter(self._ring)

    @property
    def outcomes(self) -> Mapping[str, int]:
        """How many messages and events there have been, by what became of them."""
        return self._intake.totals

    @property
    def ring_bytes(self) -> int:
        """Size of what the ring holds [bytes]."""
        return self._ring.bytes

    @property
    def first(self) -> int:
        """Sequence number of the oldest entry that is kept; `last` + 1 where there is none."""
        (first,) = self._db.execute("SELECT min(first) FROM entry").fetchone()
        return self.last + 1 if first is None else int(first)

    @property
    def last(self) -> int:
        """Sequence number of the last entry, 0 before the first."""
        return int(self._last)

    @property
    def last_session(self) -> int:
        """Number of the session with the broker, 0 before the first."""
        return int(self._session)

    @property
    def last_arrival(self) -> int | None:
        """Arrival of the last message [ns UTC]; None where no message is kept."""
        batch = self.last_messages
        return None if batch is None else batch.arrivals[-1]

    @property
    def last_messages(self) -> RawBatch | None:
        """Messages that lie in one block with the last one; None where none is kept."""
        return last_messages(self._db, self.path)

    # -- size and safety ---------------------------------------------------------------------

    def pragmas(self) -> dict[str, int | str]:
        """What SQLite says of the file's durability."""
        names = ("journal_mode", "synchronous")
        return {name: self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    @property
    def size_bytes(self) -> int:
        """Size of what the file holds, the ring included; room to be used again is not counted."""
        pages, free, size = (
            int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def full(self) -> bool:
        """Whether the journal has reached its limit or the disk its last free bytes."""
        free = shutil.disk_usage(self.path.parent).free
        return self.size_bytes >= self.limit_bytes or free < self.free_bytes


def read_journal(
    path: Path, start: int = 1, progress: Progress | None = None
) -> Iterator[tuple[int, Entry]]:
    """Entries of a journal file from exactly `start`, opened for reading only.

    A daemon may be writing to it. `progress` is given the bytes read so far.
    """
    with closing(open_for_reading(path)) as db:
        yield from entries_from(db, path, start, None, progress)
