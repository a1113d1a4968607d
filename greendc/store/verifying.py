"""Whether the rows of a ledger are whole, and hold what they say."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import zstandard

from greendc.core.facility import EVER, IntArray
from greendc.core.figure import PERIODS
from greendc.store.archive import unpacked
from greendc.store.blocks import Blocks, Rows
from greendc.store.chain import breaks, changed
from greendc.store.database import connect

UNREADABLE = (zstandard.ZstdError, msgspec.MsgspecError, ValueError, IndexError, TypeError)


def damage(path: Path, last: int, noted: str | None = None) -> Iterator[str]:
    """What is wrong with figures up to the row `last`, and with archived readings.

    Every block is read: that ids leave none out and none twice, that a block holds as many figures
    as it says, of known configurations and quantities, and that the newest ones are known as such.
    What is only ever added to must be as it was written, and what there was at a seal that was
    `noted` as it was then.
    """
    with closing(connect(path, readonly=True)) as db:
        yield from _Ledger(db, last).damage()
        yield from changed(db)
        if noted is not None and breaks(db, noted):
            yield f"not what was sealed as {noted}"
        yield from _archive(db)


class _Ledger:
    def __init__(self, db: sqlite3.Connection, last: int) -> None:
        self._db, self._last, self._blocks = db, last, Blocks(db)
        self._blocks.know()
        self._newest = np.full((len(PERIODS), len(self._blocks.names)), -EVER)
        rows = db.execute("SELECT id FROM config")
        self._configs = np.array([number for (number,) in rows], np.int64)

    def damage(self) -> Iterator[str]:
        at = 1
        for first, number, period in self._heads():
            if first != at:
                lo, hi = min(first, at), max(first, at) - 1
                yield f"figures {lo} to {hi} {'are missing' if first > at else 'stand there twice'}"
            at = first + number
            yield from self._block(first, number, period)
        if at <= self._last:
            yield f"figures {at} to {self._last} are missing"
        yield from self._latest()

    def _heads(self) -> Iterator[tuple[int, int, int]]:
        """Each block's first row, number of rows and period, in order."""
        after, sql = 0, "SELECT id, number, period FROM block WHERE id > ? AND id <= ? ORDER BY id"
        while rows := self._db.execute(f"{sql} LIMIT 1000", (after, self._last)).fetchall():
            yield from rows
            after = rows[-1][0]

    def _block(self, first: int, number: int, period: int) -> Iterator[str]:
        found = self._db.execute("SELECT body FROM block WHERE id = ?", (first,)).fetchone()
        try:
            rows = self._blocks.rows([(first, found[0])], period)
            strange = self._strange(rows)
        except UNREADABLE as error:
            yield f"block {first} is damaged: {error}"
            return
        if len(rows.ids) != number:
            yield f"block {first} holds {len(rows.ids)} figures, not {number}"
        if strange:
            yield f"block {first} names a {strange} that is not there"

    def _strange(self, rows: Rows) -> str | None:
        figures = rows.figures
        if not np.isin(figures.config, self._configs).all():
            return "configuration"
        known: IntArray = figures.quantity
        if not (known < self._newest.shape[1]).all():
            return "quantity"
        np.maximum.at(self._newest, (figures.period, known), figures.start)
        return None

    def _latest(self) -> Iterator[str]:
        """Where the newest figure of a quantity is not known, or older than it is.

        One that a daemon has written meanwhile is newer.
        """
        told = np.full_like(self._newest, -EVER)
        for quantity, period, start in self._db.execute(
            "SELECT quantity, period, start FROM latest"
        ):
            if quantity < told.shape[1]:
                told[period, quantity] = start
        for period, quantity in np.argwhere(told < self._newest)[:1].tolist():
            name = self._blocks.names[quantity]
            yield f"the newest figure of {name} by {PERIODS[period]} is not known as such"


def _archive(db: sqlite3.Connection) -> Iterator[str]:
    """Readings that corrections need."""
    for (number,) in db.execute("SELECT id FROM archive ORDER BY id").fetchall():
        body = db.execute("SELECT body FROM archive WHERE id = ?", (number,)).fetchone()
        try:
            if body is not None:  # of a daemon beside that lets go of some
                unpacked(body[0])
        except UNREADABLE as error:
            yield f"archived readings {number} are damaged: {error}"
