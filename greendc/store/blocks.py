"""Blocks of figures in the ledger file: how they are cut, written, found and put in order."""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from sys import intern
from typing import Any, NamedTuple

import numpy as np

from greendc.core.facility import DAY, EVER, IntArray
from greendc.core.figure import PERIODS, BoolArray, Figure, FigureColumns
from greendc.core.reserved import reserved
from greendc.store.packing import Packing

METHODS = ("location", "market")
TOTALS = 0  # the part of sums and KPIs; meters have further ones
WIDE = 256  # quantities of a part
ROWS = 16_384  # of a block
PIECE = 20_000  # rows that are put in order at a time
SPANS = {"month": EVER, "year": EVER, "day": 1000 * DAY, "12mo": 1000 * DAY}
SPAN = 32 * DAY  # that starts in a block of another period lie apart


class Rows(NamedTuple):
    """Figures with the ids of their rows; `names` of all figures of the file by number."""

    ids: IntArray
    figures: FigureColumns

    def at(self, places: IntArray) -> "Rows":
        """Some of them."""
        return Rows(self.ids[places], self.figures.at(places))

    def where(self, mask: BoolArray) -> "Rows":
        """Those that a mask has."""
        return self if mask.all() else self.at(np.flatnonzero(mask))

    def newest(self) -> "Rows":
        """The last revision of each; they are sorted."""
        figures = self.figures
        same = (figures.start[1:] == figures.start[:-1]) & (
            figures.quantity[1:] == figures.quantity[:-1]
        )
        return self.at(np.flatnonzero(~np.append(same, False))) if same.any() else self

    def sorted(self) -> "Rows":
        """By start, name and revision."""
        figures = self.figures
        if not len(figures):
            return self
        used = np.unique(figures.quantity)
        order = sorted(range(len(used)), key=lambda place: figures.names[used[place]])
        rank = np.zeros(len(figures.names), np.int64)
        rank[used[order]] = np.arange(len(used))
        return self.at(np.lexsort((figures.revision, rank[figures.quantity], figures.start)))


def totals() -> frozenset[str]:
    """Names of sums and KPIs: of all figures that are no single meter's."""
    return reserved(METHODS)


def part_of(name: str, number: int) -> int:
    """Which figures of a site share blocks: sums and KPIs, or meters by their numbers."""
    return TOTALS if name in totals() else 1 + number // WIDE


def stretches(figures: FigureColumns) -> IntArray:
    """Which stretch of time each figure starts in: a block has those of one."""
    span = np.array([SPANS.get(period, SPAN) for period in PERIODS], np.int64)
    stretch: IntArray = figures.start // span[figures.period]
    return stretch


def cut(figures: FigureColumns, part: IntArray) -> Iterator[tuple[int, FigureColumns]]:
    """The figures of each block, all of one period and part, with the part."""
    parts = int(part.max()) + 1
    for key, alike in _by_key(figures, figures.period * parts + part):
        whole = np.ptp(alike.start) < SPANS.get(PERIODS[key // parts], SPAN)
        for _, some in [(0, alike)] if whole else _by_key(alike, stretches(alike)):
            for begin in range(0, len(some), ROWS):
                yield key % parts, some.between(begin, min(begin + ROWS, len(some)))


def _by_key(figures: FigureColumns, key: IntArray) -> Iterator[tuple[int, FigureColumns]]:
    """Figures of each key, in the order in which they are."""
    if (key[1:] < key[:-1]).any():
        order = np.argsort(key, kind="stable")
        figures, key = figures.at(order), key[order]
    borders = np.flatnonzero(key[1:] != key[:-1]) + 1
    for lo, hi in pairwise([0, *borders.tolist(), len(key)]):
        yield int(key[lo]), figures.between(lo, hi)


def write(
    db: sqlite3.Connection,
    packed: Callable[[FigureColumns], bytes],
    site: str,
    figures: FigureColumns,
    part: int,
    first: int,
) -> None:
    """Write one block, whose first row has this id; `packed` makes its body."""
    start, quantity = figures.start, figures.quantity
    values = (first, len(start), site, int(figures.period[0]), part)
    more = (int(start.min()), int(start.max()), int(np.count_nonzero(figures.revision)))
    db.execute(
        "INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, *more, packed(figures)),
    )
    # the last of each run of a quantity: of two runs the later start stays
    begin = np.flatnonzero(np.append(True, quantity[1:] != quantity[:-1]))
    last = np.maximum.reduceat(start, begin)
    ends = np.flatnonzero(start == np.repeat(last, np.diff(begin, append=len(start))))
    db.executemany(
        "INSERT INTO latest VALUES (?, ?, ?, ?) ON CONFLICT (quantity, period) DO UPDATE "
        "SET start = excluded.start, row = excluded.row WHERE excluded.start >= latest.start",
        zip(
            figures.quantity[ends].tolist(),
            figures.period[ends].tolist(),
            start[ends].tolist(),
            (first + ends).tolist(),
            strict=True,
        ),
    )


class Blocks:
    """Reads blocks; knows the names of quantities, which may become more."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Read from a connection."""
        self._db = db
        self.packing = Packing()
        self.names: tuple[str, ...] = ()
        self.units: tuple[str, ...] = ()
        self.sites: tuple[str, ...] = ()

    def know(self) -> None:
        """Read the names that have come since the last time."""
        first = len(self.names)
        found = self._db.execute(
            "SELECT id, name, unit, site FROM quantity WHERE id >= ?", (first,)
        )
        rows = {number: tuple(map(intern, about)) for number, *about in found}
        if rows:
            every = [rows.get(number, ("", "", "")) for number in range(first, max(rows) + 1)]
            names, units, sites = zip(*every, strict=True)
            self.names += names
            self.units += units
            self.sites += sites

    def numbers(self, site: str, names: Collection[str] | None) -> list[int]:
        """Numbers of a site's quantities, of all or of those named."""
        self.know()
        wanted = None if names is None else frozenset(names)
        return [
            number
            for number, (name, owner) in enumerate(zip(self.names, self.sites, strict=True))
            if owner == site and (wanted is None or name in wanted)
        ]

    def rows(self, found: Sequence[tuple[int, bytes]], period: int) -> Rows:
        """The rows of blocks of one period, each given by its first id and its body."""
        self.know()
        figures, rows = self.packing.unpacked([body for _, body in found], period)
        first = np.array([first for first, _ in found])
        ids = np.arange(len(figures)) + np.repeat(first - (np.cumsum(rows) - rows), rows)
        return Rows(ids, replace(figures, names=self.names, units=self.units))

    def after(self, position: int) -> Iterator[tuple[str, Rows]]:
        """All rows after an id, in order, with their site."""
        for site, rows in self.holding(position + 1):
            later = rows.ids > position
            yield site, rows.where(later)

    def holding(self, number: int) -> Iterator[tuple[str, Rows]]:
        """Whole blocks from the one on that holds the row of an id."""
        found = self._db.execute(
            "SELECT id, period, body, site FROM block WHERE id >= "
            "coalesce((SELECT max(id) FROM block WHERE id <= ?), 0) ORDER BY id",
            (number,),
        )
        for first, period, body, site in found:
            yield site, self.rows([(first, body)], period)

    def sorted(
        self,
        site: str,
        period: str,
        lo: int,
        hi: int,
        names: Collection[str] | None = None,
        upto: int = EVER,
    ) -> Iterator[Rows]:
        """Rows of a site that start in [lo, hi), up to an id: by start, name and revision.

        They come in pieces; one start is in one piece. With `names` only those quantities.
        """
        numbers = None if names is None else self.numbers(site, names)
        if numbers == []:
            return
        wanted = _Wanted(lo, hi, upto, numbers)
        of = PERIODS.index(period)
        pending: list[Rows] = []
        raw: list[tuple[int, bytes]] = []
        count, enough = 0, PIECE
        for first, number, body, begin in self._in(site, period, wanted):
            if count >= enough:
                # no row that is still to come starts before `begin`
                every = _joined([*pending, wanted.among(self.rows(raw, of))])
                done = every.figures.start < begin
                if done.any():
                    yield every.where(done).sorted()
                pending, raw, count = [every.where(~done)], [], 0
                enough = max(PIECE, len(pending[0].ids))
            raw.append((first, body))
            count += number
        if raw:
            every = _joined([*pending, wanted.among(self.rows(raw, of))])
            if len(every.ids):
                yield every.sorted()

    def newest(
        self,
        site: str,
        period: str,
        lo: int,
        hi: int,
        names: Collection[str] | None = None,
        upto: int = EVER,
    ) -> Iterator[Rows]:
        """The same, of each figure the last revision."""
        return (rows.newest() for rows in self.sorted(site, period, lo, hi, names, upto))

    def loose(self, site: str, period: str, lo: int, hi: int) -> Iterator[Rows]:
        """The same of all quantities, in no order: where nothing is revised, as they stand."""
        place = PERIODS.index(period)
        asked = "SELECT 1 FROM block WHERE revised > 0 AND site = ? AND period = ? LIMIT 1"
        if self._db.execute(asked, (site, place)).fetchone() is not None:
            yield from self.newest(site, period, lo, hi)
            return
        wanted = _Wanted(lo, hi, EVER, None)
        raw: list[tuple[int, bytes]] = []
        count = 0
        for first, number, body, _ in self._in(site, period, wanted):
            if raw and count + number > PIECE:
                yield wanted.among(self.rows(raw, place))
                raw, count = [], 0
            raw.append((first, body))
            count += number
        if raw:
            yield wanted.among(self.rows(raw, place))

    def _in(self, site: str, period: str, wanted: "_Wanted") -> Iterator[tuple[Any, ...]]:
        """First id, number of rows, body and earliest start of blocks that may hold them."""
        parts = {part_of(self.names[n], n) for n in wanted.numbers or ()}
        among = f"AND part IN ({', '.join(map(str, sorted(parts)))}) " if parts else ""
        lo, hi = wanted.lo, wanted.hi
        return self._db.execute(
            "SELECT id, number, body, first FROM block WHERE site = ? AND period = ? "  # noqa: S608
            f"AND first > ? AND first < ? AND last >= ? AND id <= ? {among}ORDER BY first",
            (site, PERIODS.index(period), lo - SPANS.get(period, SPAN), hi, lo, wanted.upto),
        )


class _Wanted(NamedTuple):
    """Rows that start in [lo, hi), up to an id, of all quantities or of some."""

    lo: int
    hi: int
    upto: int
    numbers: list[int] | None

    def among(self, rows: Rows) -> Rows:
        """Those that are wanted."""
        start = rows.figures.start
        keep = (start >= self.lo) & (start < self.hi) & (rows.ids <= self.upto)
        if self.numbers is not None:
            keep &= np.isin(rows.figures.quantity, self.numbers)
        return rows.where(keep)


def _joined(parts: Sequence[Rows]) -> Rows:
    newest = max((part.figures for part in parts), key=lambda figures: len(figures.names))
    same = [replace(p.figures, names=newest.names, units=newest.units) for p in parts]
    return Rows(np.concatenate([part.ids for part in parts]), FigureColumns.joined(same))


def figures_of(pieces: Iterator[Rows]) -> Iterator[Figure]:
    """The figures of pieces one by one."""
    for rows in pieces:
        yield from rows.figures.rows()
