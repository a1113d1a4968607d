"""What another ledger holds beside figures, in place of what stands in one."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from greendc.core.facility import EVER
from greendc.store.archive import renumbered
from greendc.store.checkpoints import Since, drop_judged, read_judged

# Tables that another ledger has instead, and their columns.
COUNTED = {"tally": 3, "told": 5, "balance": 4, "spread": 5}
LEFT_OUT = "SELECT site, time, meter, word, seq FROM left_out WHERE seq <= ?"


class Kept(NamedTuple):
    """What stays where another ledger has begun at a checkpoint of this one.

    Checkpoints up to the entry `done_to`, and words of readings by hour but those `since` then, by
    site. Nothing where it has begun at the first entry.
    """

    done_to: int = 0
    since: Mapping[str, Since] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Taking:
    """Takes rows of another ledger.

    `number_of` gives the number of a quantity here, by site and name; `archived` takes a row of
    readings: site, first and last time, body.
    """

    db: sqlite3.Connection
    number_of: Callable[[str, str], int]
    archived: Callable[[str, int, int, bytes], None]
    other: sqlite3.Connection

    def instead(self, kept: Kept, pause: Callable[[], None]) -> None:
        """Counts, words, balances, gaps, refused readings, but what is `kept`; adds the archive.

        `pause` is called between pieces.
        """
        for table, columns in COUNTED.items():
            self.db.execute(f"DELETE FROM {table}")  # noqa: S608
            rows = self.other.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
            put(self.db, table, columns, rows)
        self._judged(kept)
        self.archive(pause)
        self.db.execute("DELETE FROM left_out")
        self.left_out()

    def archive(self, pause: Callable[[], None], site: str | None = None) -> None:
        """Archived readings of all sites or of one, beside those that there are."""
        numbers = self._numbers()
        rows = self.other.execute(
            "SELECT site, first, last, body FROM archive WHERE site = coalesce(?, site) "
            "ORDER BY id",
            (site,),
        )
        for owner, first, last, body in rows:
            self.archived(owner, first, last, renumbered(body, numbers))
            pause()

    def left_out(self, upto: int = EVER) -> None:
        """Refused readings of entries up to one, beside those that there are."""
        numbers = self._numbers()
        rows = self.other.execute(LEFT_OUT, (upto,)).fetchall()
        put(self.db, "left_out", 5, [(*row[:2], numbers[row[2]], *row[3:]) for row in rows])

    def told(self, until: Mapping[str, int]) -> None:
        """Balances and gaps that end by then [ns], by site; all of sites that are not named."""
        for table, columns in (("balance", 4), ("spread", 5)):
            sites = self.other.execute(f"SELECT DISTINCT site FROM {table}").fetchall()  # noqa: S608
            for (site,) in sites:
                sql = f'SELECT * FROM {table} WHERE site = ? AND "end" <= ?'  # noqa: S608
                rows = self.other.execute(sql, (site, until.get(site, EVER))).fetchall()
                put(self.db, table, columns, rows)

    def _numbers(self) -> dict[int, int]:
        """Own numbers of the other ledger's quantities."""
        rows = self.other.execute("SELECT id, site, name FROM quantity")
        return {number: self.number_of(site, name) for number, site, name in rows}

    def _judged(self, kept: Kept) -> None:
        if not kept.done_to:
            self.db.execute("DELETE FROM judged")
            put(self.db, "judged", 5, self.other.execute("SELECT * FROM judged").fetchall())
            return
        there = {site for (site,) in self.other.execute("SELECT DISTINCT site FROM judged")}
        for site in sorted(there | kept.since.keys()):
            since = kept.since.get(site, Since(-EVER, {}))
            drop_judged(self.db, site, since)
            put(self.db, "judged", 5, read_judged(self.other, site, since))


def put(db: sqlite3.Connection, table: str, columns: int, rows: list[Any]) -> None:
    """Write rows that may stand there already."""
    marks = ", ".join("?" * columns)
    db.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608
