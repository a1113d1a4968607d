"""Stores that overwrite a point that is written again, as InfluxDB does: field by field.

A field that a revision no longer has would keep its old value there. Such points are taken out
before they are written.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Protocol

from greendc.core.facility import HOUR
from greendc.ports import Asked, LedgerReader, LedgerRow
from greendc.sinks.errors import PartlyRefused, Refused
from greendc.sinks.line_protocol import fields, newest_of, tags

BEYOND = re.compile(r"points beyond retention policy dropped=(\d+)")


class Store(Protocol):
    """A store of points."""

    def post(self, rows: Sequence[LedgerRow]) -> None:
        """Write points; returns when the store has them."""
        ...

    def delete(self, row: LedgerRow) -> None:
        """Take out a point, by the tags and the time that the row gives it."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class Overwriting:
    """Writes the newest revision of each point; deletes where less is known than before."""

    def __init__(self, store: Store, confirm_after: float) -> None:
        self._store, self.confirm_after = store, confirm_after

    def write(self, rows: Sequence[LedgerRow], ledger: LedgerReader) -> None:
        """Make the points what the rows say."""
        newest = newest_of(rows)
        for stale in _stale(newest, ledger):
            self._store.delete(stale)
        try:
            self._store.post(newest)
        except Refused as error:
            raise _too_old(newest, error) from error

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def _stale(newest: Sequence[LedgerRow], ledger: LedgerReader) -> Iterator[LedgerRow]:
    """Earlier revisions of which something would remain, one for each series of a point.

    The ledger is asked for those of an hour together: they stand in the same blocks.
    """
    hours: dict[tuple[str, str, int], dict[tuple[str, int], LedgerRow]] = defaultdict(dict)
    for row in newest:
        if row.figure.revision:
            place = row.site, row.figure.period, row.figure.start // HOUR
            hours[place][_point(row)] = row
    for (site, period, hour), points in hours.items():
        names = frozenset(quantity for quantity, _ in points)
        asked = Asked(site, period, names, hour * HOUR, (hour + 1) * HOUR)
        for point, revisions in groupby(ledger.revisions(asked), _point):
            if point in points:
                yield from _remaining(points[point], revisions)


def _remaining(row: LedgerRow, revisions: Iterable[LedgerRow]) -> Iterator[LedgerRow]:
    """Of all revisions of a point those before that would not be overwritten whole.

    All of them are looked at, not only the one before: after a crash the store may hold any.
    """
    mine, known, seen = tags(row), set(fields(row.figure)), set()
    for earlier in revisions:
        series = tags(earlier)
        place = tuple(series.items())
        gone = series != mine or set(fields(earlier.figure)) - known
        if earlier.id < row.id and gone and place not in seen:
            seen.add(place)
            yield earlier


def _point(row: LedgerRow) -> tuple[str, int]:
    return row.figure.quantity, row.figure.start


def _too_old(rows: Sequence[LedgerRow], error: Refused) -> PartlyRefused | Refused:
    """What to raise: a store counts the points that it would not keep, and has taken all others."""
    found = BEYOND.search(str(error))
    if found is None:
        return error
    oldest = sorted(rows, key=lambda row: row.figure.start)[: int(found[1])]
    return PartlyRefused([(row, str(error)) for row in oldest])
