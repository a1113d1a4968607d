"""Ledgers of earlier schemas."""

import sqlite3
import sys
from dataclasses import replace
from itertools import groupby, islice, pairwise
from typing import Any

import msgspec
import numpy as np
from tqdm import tqdm

from greendc.core.facility import IntArray
from greendc.core.figure import PERIODS, Figure, FigureColumns
from greendc.store.blocks import ROWS, part_of, stretches, write
from greendc.store.database import ARCHIVED, NOTED, OWN, SCHEMA_VERSION
from greendc.store.packing import Packing

Names = tuple[str, ...]

ROW_BY_ROW = 1  # the schema with a row for each figure
AT_ONCE = 100_000  # rows that are taken into memory
OLD = (
    'SELECT f.id, q.site, f.quantity, q.name, q.unit, f.period, f.start, f."end", f.valid, '
    "f.value, f.estimated, f.distributed, f.uncertainty, f.doubt, f.status, f.reason, f.category, "
    "f.terms, f.revision, f.config FROM figure f JOIN quantity q ON q.id = f.quantity ORDER BY f.id"
)


def upgrade(db: sqlite3.Connection, version: int) -> None:
    """Turn a ledger of an earlier schema into one of this, in one transaction.

    The tables of `SCHEMA` are there already.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        if version == ROW_BY_ROW:
            _into_blocks(db)
        _begin_accounts(db)
        body = msgspec.msgpack.encode(SCHEMA_VERSION)
        db.execute("INSERT OR REPLACE INTO meta VALUES ('schema', ?)", (body,))
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _begin_accounts(db: sqlite3.Connection) -> None:
    """Drop what a greendc of the earlier schema may have left behind, not knowing of it.

    It writes events and archived readings without counting them, and recomputes without a look at
    checkpoints.
    """
    db.execute("DELETE FROM passed WHERE sink = ? AND outcome IN (?, ?)", (OWN, NOTED, ARCHIVED))
    db.execute("DELETE FROM checkpoint")


def _into_blocks(db: sqlite3.Connection) -> None:
    """Turn rows into blocks: ids, and what they say, stay the same."""
    total = db.execute("SELECT max(id) FROM figure").fetchone()[0] or 0
    known = dict(db.execute("SELECT id, name FROM quantity").fetchall())
    names = tuple(known.get(number, "") for number in range(max(known, default=0) + 1))
    with tqdm(total=total, desc="upgrading the ledger", unit=" figures", file=sys.stderr) as bar:
        rows, packing = db.execute(OLD), Packing()
        while some := list(islice(rows, AT_ONCE)):
            _take(db, packing, some, names)
            bar.update(some[-1][0] - bar.n)
    db.execute("DROP TABLE figure")


def _take(
    db: sqlite3.Connection, packing: Packing, rows: list[tuple[Any, ...]], names: Names
) -> None:
    """Write rows as blocks, each of rows that followed each other."""
    for (site, part), some in groupby(rows, lambda row: (row[1], part_of(row[3], row[2]))):
        same = list(some)
        numbers = np.array([row[2] for row in same], np.int64)
        figures = replace(
            FigureColumns.of(map(_figure, same)),
            names=names,
            units=("",) * len(names),
            quantity=numbers,
        )
        _write(db, packing, site, figures, part, np.array([row[0] for row in same]))


def _figure(row: tuple[Any, ...]) -> Figure:
    return Figure(row[3], row[4], PERIODS[row[5]], *row[6:])


def _write(
    db: sqlite3.Connection,
    packing: Packing,
    site: str,
    figures: FigureColumns,
    part: int,
    ids: IntArray,
) -> None:
    """Write blocks of rows that may share one, without moving any."""
    key = np.stack([figures.period, stretches(figures), ids - np.arange(len(ids))])
    borders = np.flatnonzero((key[:, 1:] != key[:, :-1]).any(axis=0)) + 1
    for lo, hi in pairwise([0, *borders.tolist(), len(ids)]):
        for begin in range(lo, hi, ROWS):
            rows = np.arange(begin, min(begin + ROWS, hi))
            write(db, packing.packed, site, figures.at(rows), part, int(ids[begin]))
