"""States of the ledger at earlier entries, to compute from again what came since."""

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import zstandard

NO_TABLE = "no such table"
LEVEL = 3


class Head(NamedTuple):
    """Of a site in a checkpoint, all [ns]: how far it had come, and what it rested on.

    No reading that it knew was later than `newest`, nothing before `remembers` mattered to it any
    more, and neither a reading nor a closed cell lay at or after `until`.
    """

    newest: int
    watermark: int
    remembers: int
    until: int


class Checkpoint(NamedTuple):
    """When the ledger had taken in all entries up to `done_to`: it needs none of them any more.

    `arrival` is that of the last entry [ns], `config` the hash of the configuration in force.
    """

    done_to: int
    arrival: int
    config: str
    heads: Mapping[str, Head]


class Since(NamedTuple):
    """From which hour on a site's readings may still be taken for something else [ns].

    `meters` are those of which an earlier one was still needed.
    """

    hour: int
    meters: Mapping[str, int]


class Held(NamedTuple):
    """What a checkpoint holds: the state, counts by table, and small values by key.

    Words of readings by hour (`judged`) are those `since` then, by site.
    """

    state: dict[str, Any]
    tally: list[tuple[str, str, int]]
    told: list[tuple[str, str, str, int, int]]
    judged: list[tuple[str, int, str, str, int]]
    since: dict[str, Since]
    small: dict[str, Any]


_ENCODE = msgspec.msgpack.Encoder().encode
_HEADS = msgspec.msgpack.Decoder(dict[str, Head]).decode
_HELD = msgspec.msgpack.Decoder(Held).decode


def read_checkpoints(db: sqlite3.Connection) -> list[Checkpoint]:
    """All that there are, the oldest first; none in a ledger of a greendc that kept none."""
    try:
        rows = db.execute(
            "SELECT done_to, arrival, config, heads FROM checkpoint ORDER BY done_to"
        ).fetchall()
    except sqlite3.OperationalError as error:
        if NO_TABLE in str(error):
            return []
        raise
    return [Checkpoint(number, at, name, _HEADS(heads)) for number, at, name, heads in rows]


def read_held(db: sqlite3.Connection, done_to: int) -> Held:
    """What the checkpoint of an entry holds."""
    row = db.execute("SELECT body FROM checkpoint WHERE done_to = ?", (done_to,)).fetchone()
    return _HELD(zstandard.decompress(row[0]))


class Checkpoints:
    """Writes them, in the transaction of the state."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def newest(self) -> int | None:
        """Arrival of the last entry of the newest one [ns]; None where there is none."""
        row = self._db.execute(
            "SELECT arrival FROM checkpoint ORDER BY done_to DESC LIMIT 1"
        ).fetchone()
        return None if row is None else int(row[0])

    def keep(
        self,
        state: Mapping[str, Any],
        checkpoint: Checkpoint,
        since: Mapping[str, Since],
        small: Mapping[str, Any],
    ) -> None:
        """Keep a state, and the counts as they are; see `Held`."""
        tally = self._db.execute("SELECT * FROM tally").fetchall()
        told = self._db.execute("SELECT * FROM told").fetchall()
        judged = [row for site, one in since.items() for row in read_judged(self._db, site, one)]
        body = _ENCODE((state, tally, told, judged, since, small))
        heads = _ENCODE(checkpoint.heads)
        self._db.execute(
            "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?, ?)",
            (*checkpoint[:3], heads, zstandard.compress(body, LEVEL)),
        )

    def drop(self, first: int) -> None:
        """Let go of those behind which not all is left of a journal that begins with an entry."""
        self._db.execute("DELETE FROM checkpoint WHERE done_to < ?", (first - 1,))

    def take_over(self, other: sqlite3.Connection, after: int) -> None:
        """Have another ledger's, with their configurations, in place of those after an entry."""
        rows = other.execute("SELECT * FROM checkpoint WHERE done_to > ?", (after,)).fetchall()
        self._db.execute("DELETE FROM checkpoint WHERE done_to > ?", (after,))
        self._db.executemany("INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?)", rows)
        for name in {row[2] for row in rows}:
            found = other.execute("SELECT hash, body FROM config WHERE hash = ?", (name,))
            self._db.execute(
                "INSERT OR IGNORE INTO config (hash, body) VALUES (?, ?)", found.fetchone()
            )


_LATER = "FROM judged WHERE site = ? AND hour >= ?"
_OF_METER = f"{_LATER} AND hour < ? AND meter = ?"


def read_judged(db: sqlite3.Connection, site: str, since: Since) -> list[Any]:
    """Words of a site's readings by hour since then."""
    found = db.execute(f"SELECT * {_LATER}", (site, since.hour)).fetchall()
    for meter, begin in since.meters.items():
        found += db.execute(f"SELECT * {_OF_METER}", (site, begin, since.hour, meter))
    return found


def drop_judged(db: sqlite3.Connection, site: str, since: Since) -> None:
    """Let go of them."""
    db.execute(f"DELETE {_LATER}", (site, since.hour))
    spans = [(site, begin, since.hour, meter) for meter, begin in since.meters.items()]
    db.executemany(f"DELETE {_OF_METER}", spans)
