"""What single readings were taken for: by meter, word and hour, and how many in all."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from greendc.core.facility import EVER, HOUR

Judgement = tuple[str, str, int]  # meter, word, start of the hour [ns]


class Told(NamedTuple):
    """Of a meter and a word: how many readings in the ledger's life, and when the last one [ns].

    Where a late reading has taken the last one back, its time is known to the hour alone.
    """

    site: str
    meter: str
    word: str
    number: int
    last: int


@dataclass(slots=True)
class Times:
    """How many readings more there are of a judgement, and between which times they lie [ns].

    >>> times = Times()
    >>> times.add(20), times.add(10), times.add(15, -1)
    (None, None, None)
    >>> times
    Times(number=1, first=10, last=20)
    """

    number: int = 0
    first: int = EVER
    last: int = -EVER

    def add(self, time: int, sign: int = 1) -> None:
        """One more, or with `sign` -1 one that no longer stands."""
        self.number += sign
        if sign > 0:
            self.first, self.last = min(self.first, time), max(self.last, time)


class Judgements:
    """Adds to the counts, in the transaction of what is counted."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """`version` grows with every change."""
        self._db, self.version = db, 0

    def add(self, site: str, found: Mapping[Judgement, Times]) -> list[Judgement]:
        """Add to the counts of readings by meter, word and hour; returns those that had none."""
        new = []
        for (meter, word, hour), times in found.items():
            if not times.number:
                continue
            self.version += 1
            before = self._add(site, (meter, word, hour), times.number)
            if before <= 0 < before + times.number:
                new.append((meter, word, hour))
            last = self._last(site, meter, word) if times.number < 0 else max(hour, times.last)
            self._db.execute(
                "INSERT INTO told VALUES (?, ?, ?, ?, ?) ON CONFLICT (site, meter, word) "
                "DO UPDATE SET number = number + excluded.number, last = CASE "
                "WHEN excluded.number < 0 THEN min(last, excluded.last + ?) "
                "ELSE max(last, excluded.last) END",
                (site, meter, word, times.number, last, HOUR - 1),
            )
        return new

    def _add(self, site: str, key: Judgement, number: int) -> int:
        """Add to one hour; returns what it had before."""
        meter, word, hour = key
        row = self._db.execute(
            "INSERT INTO judged VALUES (?, ?, ?, ?, ?) ON CONFLICT (site, hour, meter, word) "
            "DO UPDATE SET number = number + excluded.number RETURNING number",
            (site, hour, meter, word, number),
        ).fetchone()
        return int(row[0]) - number

    def _last(self, site: str, meter: str, word: str) -> int:
        """The newest hour that has such readings."""
        row = self._db.execute(
            "SELECT hour FROM judged WHERE site = ? AND meter = ? AND word = ? AND number > 0 "
            "ORDER BY hour DESC LIMIT 1",
            (site, meter, word),
        ).fetchone()
        return -EVER if row is None else int(row[0])

    def every(self) -> Iterator[Told]:
        """All meters and words that have readings."""
        rows = self._db.execute("SELECT site, meter, word, number, last FROM told WHERE number > 0")
        yield from map(Told._make, rows)
