"""Stores that overwrite a point that is written again, as InfluxDB does: field by field.

A field that a revision no longer has would keep its old value there. Such points are taken out
before they are written.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from greendc.ports import LedgerReader, LedgerRow
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
        for row in newest:
            for stale in _stale(row, ledger):
                self._store.delete(stale)
        try:
            self._store.post(newest)
        except Refused as error:
            raise _too_old(newest, error) from error

    def close(self) -> None:
        """Close the store."""
        self._store.close()


def _stale(row: LedgerRow, ledger: LedgerReader) -> Iterator[LedgerRow]:
    """Earlier revisions of which something would remain, one for each series.

    All of them are looked at, not only the one before: after a crash the store may hold any.
    """
    if not row.figure.revision:
        return
    mine, known, seen = tags(row), set(fields(row.figure)), set()
    for earlier in ledger.revisions(row):
        series = tags(earlier)
        place = tuple(series.items())
        gone = series != mine or set(fields(earlier.figure)) - known
        if earlier.id < row.id and gone and place not in seen:
            seen.add(place)
            yield earlier


def _too_old(rows: Sequence[LedgerRow], error: Refused) -> PartlyRefused | Refused:
    """What to raise: a store counts the points that it would not keep, and has taken all others."""
    found = BEYOND.search(str(error))
    if found is None:
        return error
    oldest = sorted(rows, key=lambda row: row.figure.start)[: int(found[1])]
    return PartlyRefused([(row, str(error)) for row in oldest])
