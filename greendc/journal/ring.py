"""The ring: what is kept only to be looked at, with its own quota, the oldest going first.

Messages that no meter is bound to and payloads too long for the journal end here,
and copies of rejected ones, each with its reason.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

KEPT_BYTES = 1024  # of a payload, and of its topic
ROW_BYTES = 128  # what a row takes beside its topic and payload, rounded up

SCHEMA = """
CREATE TABLE ring (
    id INTEGER PRIMARY KEY, size INTEGER NOT NULL, arrival INTEGER NOT NULL, topic TEXT NOT NULL,
    reason TEXT NOT NULL, length INTEGER NOT NULL, sha256 TEXT NOT NULL, head BLOB NOT NULL);
"""

INSERT = (
    "INSERT INTO ring (size, arrival, topic, reason, length, sha256, head) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)


class Quarantined(NamedTuple):
    """A message for the ring: not bound to a meter, too long, or rejected for `reason`."""

    arrival: int
    topic: str
    payload: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What the ring keeps of a message: `head` is the first KiB of `length` bytes of payload."""

    arrival: int
    topic: str
    reason: str
    length: int
    sha256: str
    head: bytes


Row = tuple[int, int, str, str, int, str, bytes]


def cut(topic: str) -> tuple[str, int]:
    """At most a KiB of a topic, cut between characters, and its length in bytes.

    >>> cut("é" * 5000)[1]
    1024
    """
    text = topic.encode(errors="replace")
    if len(text) <= KEPT_BYTES and topic.isprintable():  # half a surrogate pair is not
        return topic, len(text)
    kept = text[:KEPT_BYTES].decode(errors="ignore")
    return kept, len(kept.encode())


def row(message: Quarantined) -> Row:
    """A message as a row of the ring."""
    arrival, topic, payload, reason = message
    (topic, length), head = cut(topic), payload[:KEPT_BYTES]
    size = length + len(head) + ROW_BYTES
    return size, arrival, topic, reason, len(payload), sha256(payload).hexdigest(), head


class Ring:
    """The ring in the journal's file; `put` belongs into the journal's transaction."""

    def __init__(self, db: sqlite3.Connection, quota: int) -> None:
        self._db, self._quota = db, quota
        self.bytes = int(db.execute("SELECT total(size) FROM ring").fetchone()[0])

    def put(self, messages: Sequence[Quarantined]) -> int:
        """Insert messages and drop the oldest above the quota; the size it then has [bytes]."""
        if not messages:
            return self.bytes
        rows = [row(message) for message in messages]
        self._db.executemany(INSERT, rows)
        size = self.bytes + sum(found[0] for found in rows)
        return size - self._drop_oldest(size - self._quota) if size > self._quota else size

    def forget(self, before: int) -> int:
        """Drop messages that arrived before a time [ns UTC]; returns how many."""
        gone = self._db.execute("DELETE FROM ring WHERE arrival < ?", (before,)).rowcount
        self.bytes = int(self._db.execute("SELECT total(size) FROM ring").fetchone()[0])
        return gone

    def _drop_oldest(self, excess: int) -> int:
        dropped = newest = 0
        for number, size in self._db.execute("SELECT id, size FROM ring ORDER BY id"):
            dropped, newest = dropped + size, number
            if dropped >= excess:
                break
        self._db.execute("DELETE FROM ring WHERE id <= ?", (newest,))
        return dropped

    def __iter__(self) -> Iterator[Kept]:
        sql = "SELECT arrival, topic, reason, length, sha256, head FROM ring ORDER BY id"
        for found in self._db.execute(sql):
            yield Kept(*found)
