"""What came over each connection, counted in the transaction that takes it in."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from greendc.columns import numbers
from greendc.outcomes import EVENT, JOURNALLED, LEFT, LOST, READ
from greendc.ports import QOS_MASK, Entry, RawBatch, Reception

KEPT = 200  # connections; older ones are one sum
KILLED = "killed"

SCHEMA = """
CREATE TABLE IF NOT EXISTS connection (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL, began INTEGER NOT NULL,
    last INTEGER NOT NULL, ending TEXT);
CREATE TABLE IF NOT EXISTS intake (
    connection INTEGER NOT NULL, qos INTEGER NOT NULL, outcome TEXT NOT NULL,
    number INTEGER NOT NULL, PRIMARY KEY (connection, qos, outcome)) WITHOUT ROWID;
INSERT OR IGNORE INTO intake SELECT 0, 0, 'uncounted', last FROM head;
"""

_MORE = "ON CONFLICT (connection, qos, outcome) DO UPDATE SET number = number + excluded.number"
_OF = "number FROM intake WHERE connection = ?"
SET = "INSERT OR REPLACE INTO intake VALUES (?, ?, ?, ?)"
ADD = f"INSERT INTO intake VALUES (?, ?, ?, ?) {_MORE}"  # noqa: S608 - this module's own
ADD_UP = f"INSERT INTO intake SELECT 0, qos, outcome, {_OF} {_MORE}"
LOSE = f"INSERT INTO intake SELECT 0, qos, ?, {_OF} AND qos = 1 AND outcome = ? {_MORE}"

Kind = tuple[int, str]  # QoS (0, or 1 for what is acknowledged), outcome
Counts = Mapping[Kind, int]


def by_qos(batch: RawBatch, outcome: str) -> Counter[Kind]:
    """How many of a batch's messages are acknowledged, and how many are not.

    >>> batch = RawBatch([1, 2], ["it", "dc"], [b"7", b"8"], [3, 0], [1, 0])
    >>> sorted(by_qos(batch, "journalled").items())
    [((0, 'journalled'), 1), ((1, 'journalled'), 1)]
    """
    some = int(np.count_nonzero(numbers(batch.flags) & QOS_MASK))
    return Counter({(0, outcome): len(batch) - some, (1, outcome): some})


def written(entries: Iterable[Entry]) -> Counter[Kind]:
    """What journal entries count as."""
    found: Counter[Kind] = Counter()
    for entry in entries:
        if isinstance(entry, RawBatch):
            found += by_qos(entry, JOURNALLED)
        else:
            found[0, EVENT] += 1
    return found


class Intake:
    """The accounts in the journal's file; `put` belongs into the journal's transaction.

    Connection 0 is none of the broker's: events of greendc's own and joined logs, and the sum
    of connections of long ago. `totals` are those of all connections by outcome.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(SCHEMA)
        db.execute("UPDATE connection SET ending = ? WHERE ending IS NULL", (KILLED,))
        self._before = int(db.execute("SELECT max(id) FROM connection").fetchone()[0] or 0)
        sums = "SELECT outcome, sum(number) FROM intake GROUP BY outcome"
        self.totals: Counter[str] = Counter(dict(db.execute(sums).fetchall()))

    def put(
        self, entries: Sequence[Entry], reception: Reception | None, counts: Counts
    ) -> Counter[str]:
        """Count entries as journalled, and what else became of messages of a connection.

        Returns what is to be added to `totals` once the transaction is committed.
        """
        found = written(entries) + Counter(counts)
        connection = 0
        if reception is None:  # of a log all that comes is read
            messages = [(qos, n) for (qos, outcome), n in found.items() if outcome != EVENT]
            for qos, number in messages:
                found[qos, READ] += number
        else:
            connection = self._before + reception.connection
            self._standing(connection, reception)
        self._db.executemany(ADD, [(connection, *kind, number) for kind, number in found.items()])
        by_outcome: Counter[str] = Counter()
        for (_, outcome), number in found.items():
            by_outcome[outcome] += number
        return by_outcome

    def _standing(self, number: int, reception: Reception) -> None:
        """How a connection stands; the source's own count stands beside ours."""
        known = self._db.execute("SELECT 1 FROM connection WHERE id = ?", (number,)).fetchone()
        self._db.execute(
            "INSERT OR REPLACE INTO connection VALUES (?, ?, ?, ?, ?)",
            (number, reception.session, reception.began, reception.at, reception.ending),
        )
        read = [(number, qos, READ, count) for qos, count in enumerate(reception.read)]
        self._db.executemany(SET, read)
        if known is None:
            self._fold()

    def _fold(self) -> None:
        """Add up what is more than `KEPT` connections, the oldest one first."""
        (count,) = self._db.execute("SELECT count(*) FROM connection").fetchone()
        if count <= KEPT:
            return
        oldest, after = self._db.execute("SELECT id, session FROM connection LIMIT 2").fetchall()
        if after[1] > oldest[1]:
            self._db.execute(LOSE, (LOST, oldest[0], LEFT))
        self._db.execute(ADD_UP, (oldest[0],))
        self._db.execute("DELETE FROM intake WHERE connection = ?", (oldest[0],))
        self._db.execute("DELETE FROM connection WHERE id = ?", (oldest[0],))
