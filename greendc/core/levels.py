"""Rows of one kind of period in memory, and exact sums over them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from greendc.core.accounts import Account
from greendc.core.cells import SHARES, Block
from greendc.core.exact import fsum_runs
from greendc.core.facility import IntArray
from greendc.core.leftout import most_of
from greendc.core.losses import Losses
from greendc.core.tables import Sparse, evenly, longer, put, taken

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PORTION = 512  # columns that are added up at a time
AT_ONCE = 20_000  # rows that are read at a time
CELLS = 2**18  # of a table that is added up at a time
FEW = 16  # rows of a stretch that cost as much as one more stretch side by side


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as the ledger holds it: `terms` flat."""

    quantity: str
    start: int
    valid: int
    terms: FloatArray
    end: int = 0
    lost: int = 0


Starts = Callable[[IntArray], BoolArray]  # which of the rows that begin there are added up
Reader = Callable[[str, int, int], Iterable[StoredRow]]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where accounts stand in a flat row: `place` of the known time, `columns` of the terms.

    Accounts without a place have the first columns of their first term: the amount, and what of it
    is estimated where that is asked for.
    """

    place: Mapping[str, int]
    columns: Mapping[str, slice]
    width: int

    @classmethod
    def of(cls, accounts: Iterable[Account], amounts: Mapping[str, int] | None = None) -> "Shape":
        """Lay accounts out one after the other; the first of a name stands for all.

        Of those named in `amounts` only so many columns are kept.
        """
        place: dict[str, int] = {}
        columns: dict[str, slice] = {}
        width, lean = 0, amounts or {}
        for account in accounts:
            name = account.name
            if name in columns:
                continue
            wide = lean.get(name, len(account.terms) * SHARES)
            if name not in lean:
                place[name] = len(place)
            begin, width = width, width + wide
            columns[name] = slice(begin, width)
        return cls(place, columns, width)

    def firsts(self, names: Iterable[str]) -> IntArray:
        """The column of each account's first amount; -1 where there is none."""
        return np.array([self.columns[n].start if n in self.columns else -1 for n in names], int)


class Runs(NamedTuple):
    """Places of rows in the order of time, and stretches [first, last) of these."""

    rows: IntArray
    first: IntArray
    last: IntArray

    @classmethod
    def whole(cls, rows: IntArray) -> "Runs":
        """All of some rows as one stretch."""
        return cls(rows, np.array([0]), np.array([len(rows)]))


@dataclass(slots=True)
class Spans:
    """Disjoint stretches of time in order.

    >>> held = Spans()
    >>> held.fill(0, 4), held.fill(6, 8), held.fill(2, 9)
    ([(0, 4)], [(6, 8)], [(4, 6), (8, 9)])
    >>> held.cut(3)
    >>> held.fill(1, 5)
    [(1, 3)]
    """

    spans: list[tuple[int, int]] = field(default_factory=list)

    def fill(self, lo: int, hi: int) -> list[tuple[int, int]]:
        """Add a stretch; returns what of it was not there."""
        gaps, at, begin, end = [], lo, lo, hi
        apart = [span for span in self.spans if span[1] < lo or span[0] > hi]
        for first, last in self.spans:
            if last < lo or first > hi:
                continue
            if at < first:
                gaps.append((at, first))
            at = max(at, last)
            begin, end = min(begin, first), max(end, last)
        if at < hi:
            gaps.append((at, hi))
        self.spans = sorted([*apart, (begin, end)])
        return gaps

    def cut(self, before: int) -> None:
        """Forget what lies before a time."""
        self.spans = [(max(lo, before), hi) for lo, hi in self.spans if hi > before]


class Level:
    """Rows of one period in memory, read from the ledger where they are asked for and not there."""

    def __init__(
        self, period: str, shape: Shape, reader: Reader, room: int = 0, *, dense: bool = False
    ) -> None:
        """Begin with nothing; `room` rows cost no memory until they are written.

        What is `dense` has room for all columns at once, others for those that are not zero.
        """
        self.period, self.shape, self.reader = period, shape, reader
        self.held = Spans()
        self.index: dict[int, int] = {}
        self._sorted: tuple[IntArray, IntArray] | None = None
        self.free = list(range(room - 1, -1, -1))
        self.valid: IntArray = np.zeros((room, len(shape.place)), np.int64)
        self.terms = Sparse(room, shape.width)
        if dense:
            self.terms.have(np.arange(shape.width))
        self.losses = Losses()

    def ensure(self, lo: int, hi: int) -> None:
        """Have every row that begins in [lo, hi) in memory."""
        for gap in self.held.fill(lo, hi):
            found = iter(self.reader(self.period, *gap))
            while some := list(islice(found, AT_ONCE)):
                self._read([row for row in some if row.quantity in self.shape.columns])

    def _read(self, found: Sequence[StoredRow]) -> None:
        """Take rows as the ledger holds them."""
        numbers = np.array([self._row(row.start) for row in found], np.int64)
        slices = [self.shape.columns[row.quantity] for row in found]
        width = [s.stop - s.start for s in slices]
        if found:
            terms = [row.terms[:wide] for row, wide in zip(found, width, strict=True)]
            self.terms.scatter(np.repeat(numbers, width), _columns(slices), np.concatenate(terms))
        for number, row in zip(numbers.tolist(), found, strict=True):
            place = self.shape.place.get(row.quantity)
            if place is not None:
                self.valid[number, place] = row.valid
                if row.lost:
                    self._lose(number, place, row)

    def _lose(self, number: int, place: int, row: StoredRow) -> None:
        lacking = np.array([row.end - row.start - row.valid])
        where = np.array([number]), np.array([place])
        self.losses.put(*where, np.array([row.lost]), lacking, self.valid.shape)

    def _row(self, start: int) -> int:
        number = self.index.get(start)
        if number is None:
            if not self.free:
                self._grow()
            number = self.index[start] = self.free.pop()
            self._sorted = None
        return number

    def _grow(self) -> None:
        count = len(self.terms)
        more = max(4, count // 4)  # a row of a large site is wide
        self.valid = longer(self.valid, more)
        self.terms.lengthen(more)
        self.free = list(range(count + more - 1, count - 1, -1))

    def put(self, blocks: Iterable[Block]) -> None:
        """Take the rows of blocks; those of accounts that have no columns here are left out."""
        alike: dict[tuple[bytes, bool], list[Block]] = {}
        for block in blocks:
            name = block.account.name
            if name in self.shape.columns:
                key = block.start.tobytes(), name in self.shape.place
                alike.setdefault(key, []).append(block)
        for (_, placed), same in alike.items():
            self._put(same, placed=placed)

    def _put(self, blocks: Sequence[Block], *, placed: bool) -> None:
        """Take blocks of the same starts at once."""
        names = [block.account.name for block in blocks]
        rows = np.array([self._row(start) for start in blocks[0].start.tolist()], np.int64)
        slices = [self.shape.columns[name] for name in names]
        flat = [
            b.terms.reshape(len(rows), -1)[:, : s.stop - s.start]
            for b, s in zip(blocks, slices, strict=True)
        ]
        self.terms.put(rows, _columns(slices), np.concatenate(flat, axis=1))
        if placed:
            places = np.array([self.shape.place[name] for name in names], np.int64)
            put(self.valid, rows, places, np.stack([b.valid for b in blocks], axis=1))
            if self.losses or any(b.lost is not None for b in blocks):
                words = np.stack([b.words for b in blocks], axis=1)
                lacking = np.stack([b.end - b.start - b.valid for b in blocks], axis=1)
                self.losses.put(rows, places, words, lacking, self.valid.shape)

    def write(self, start: int, valid: IntArray, terms: FloatArray) -> None:
        """Set the whole row that begins at a time."""
        number = self._row(start)
        one = np.array([number])
        self.valid[number] = valid
        self.terms.put(one, np.arange(self.shape.width), terms[None])
        self.losses.clear(one)

    def lose(self, start: int, word: IntArray, lacking: IntArray) -> None:
        """Set what the accounts have lost in a row that is there, by their places."""
        every = np.arange(len(word))
        self.losses.put(np.array([self.index[start]]), every, word, lacking, self.valid.shape)

    def part(self, starts: Sequence[int]) -> "Level":
        """A level of its own with the rows that there are among these starts, and room for all."""
        out = Level(self.period, self.shape, self.reader, len(starts))
        self.copy(starts, out)
        return out

    def copy(self, starts: Iterable[int], out: "Level") -> None:
        """Write the rows that there are among these starts into another level of this shape."""
        for start in starts:
            if start in self.index:
                row = self.index[start]
                one, every = np.array([row]), np.arange(self.shape.width)
                out.write(start, self.valid[row], self.terms.take(one, every)[0])
                if self.losses:
                    word, lacking = self.losses.at(one, self.valid.shape)
                    out.lose(start, word[0], lacking[0])

    def rows(self, starts: Iterable[int]) -> IntArray:
        """Places of the rows that there are among these starts."""
        return np.array([self.index[start] for start in starts if start in self.index], np.int64)

    def _in_order(self) -> tuple[IntArray, IntArray]:
        """Starts of all rows, sorted, and their places."""
        if self._sorted is None:
            starts = np.fromiter(self.index.keys(), np.int64, len(self.index))
            places = np.fromiter(self.index.values(), np.int64, len(self.index))
            order = np.argsort(starts)
            self._sorted = starts[order], places[order]
        return self._sorted

    def runs(self, start: IntArray, end: IntArray, among: Starts) -> Runs:
        """The rows that there are in spans [start, end), one stretch for each."""
        starts, places = self._in_order()
        near = slice(*np.searchsorted(starts, (start.min(), end.max())))
        starts, places = starts[near], places[near]
        chosen = among(starts)
        starts = starts[chosen]
        return Runs(places[chosen], np.searchsorted(starts, start), np.searchsorted(starts, end))

    def totals(self, runs: Runs, names: Sequence[str]) -> tuple[IntArray, list[FloatArray]]:
        """Sums of accounts over stretches of rows: exact, and correctly rounded.

        Returns the known time, shape (accounts, stretches), and of each account the terms,
        shape (stretches, terms, 3).
        """
        places = np.array([self.shape.place[name] for name in names], np.int64)
        slices = [self.shape.columns[name] for name in names]
        valid, terms = self._summed(runs, places, _columns(slices))
        ends = np.cumsum([s.stop - s.start for s in slices]).tolist()
        parts = [terms[:, begin:end] for begin, end in pairwise([0, *ends])]
        return valid.T, [p.reshape(len(p), -1, SHARES) for p in parts]

    def _summed(
        self, runs: Runs, places: IntArray, columns: IntArray
    ) -> tuple[IntArray, FloatArray]:
        """Known time at some places, and some columns of terms, each stretch a row."""
        if bool((runs.last - runs.first == 1).all()):  # + 0.0 makes every zero a positive one
            alone = runs.rows[runs.first]
            return taken(self.valid, alone, places), self.terms.take(alone, columns) + 0.0
        terms = np.zeros((len(runs.first), len(columns)))
        wide = CELLS // (len(runs.rows) + len(runs.first)) + 1
        lasting = self.terms.lasting(columns)
        for at in range(0, len(lasting), wide):
            some = lasting[at : at + wide]
            rows = self.terms.take(runs.rows, columns[some])
            terms[:, evenly(some)] = fsum_runs(rows, runs.first, runs.last)
        return _sums(taken(self.valid, runs.rows, places), runs), terms

    def starts(self, rows: IntArray) -> IntArray:
        """When the rows at some places begin [ns]."""
        starts, places = self._in_order()
        every = np.zeros(len(self.terms), np.int64)
        every[places] = starts
        found: IntArray = every[rows]
        return found

    def lost(self, runs: Runs, names: Sequence[str], lacking: IntArray) -> IntArray | None:
        """What accounts have lost most of their time to that is not known in stretches of rows.

        `lacking` is that time, shape (accounts, stretches) [ns]; see `leftout.most_of`.
        """
        if not self.losses:
            return None
        places = np.array([self.shape.place[name] for name in names], np.int64)
        found = self.losses.of(runs.rows, places, self.valid.shape)
        return most_of(lacking, [(word, _sums(time, runs).T) for word, time in found])

    def amounts(self, runs: Runs, columns: IntArray) -> FloatArray:
        """Sums of columns over stretches of rows, one row after the other."""
        found = []
        # in portions, since all rows of a month side by side are large
        for part in np.array_split(columns, len(columns) // PORTION + 1):
            rows = self.terms.take(runs.rows, part)
            found.append(_in_turn(rows, runs.first, runs.last))
        return np.concatenate(found, axis=1)

    def trim(self, before: int) -> None:
        """Let go of rows that begin before a time."""
        starts, places = self._in_order()
        gone = int(np.searchsorted(starts, before))
        for start in starts[:gone].tolist():
            del self.index[start]
        self.valid[places[:gone]] = 0
        self.terms.clear(places[:gone])
        self.losses.clear(places[:gone])
        self.free += places[:gone].tolist()
        self._sorted = starts[gone:], places[gone:]
        self.held.cut(before)


def at_borders(starts: IntArray, borders: IntArray) -> BoolArray:
    """Which of some times are borders, which are sorted; one of these is not after any of them.

    >>> print(at_borders(np.array([3, 5, 6]), np.array([2, 5, 9])))
    [False  True False]
    """
    found: BoolArray = borders[np.searchsorted(borders, starts, "right") - 1] == starts
    return found


def _columns(slices: Sequence[slice]) -> IntArray:
    return np.concatenate([np.arange(s.start, s.stop) for s in slices])


def _in_turn(rows: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
    """Sum of each column over rows [first, last) of each stretch, added from the first row on."""
    out = np.zeros((len(first), rows.shape[1]))
    length = last - first
    alone = rows.shape[1] == 1  # numpy has an order of its own for a single column
    for count in np.unique(length).tolist():
        same = np.flatnonzero(length == count)
        if alone or len(same) * FEW < count:
            for one in same.tolist():
                out[one] = rows[first[one] : last[one]].sum(axis=0)
        else:
            out[same] = _side_by_side(rows, first[same], count)
    return out


def _side_by_side(rows: FloatArray, first: IntArray, count: int) -> FloatArray:
    """Sum of each column over as many rows of stretches that begin at `first`."""
    total = np.zeros((len(first), rows.shape[1]))
    begin, in_a_row = int(first[0]), bool((np.diff(first) == 1).all())
    for turn in range(count):
        lo = begin + turn
        total += rows[lo : lo + len(first)] if in_a_row else rows[first + turn]
    return total


def _sums(rows: IntArray, runs: Runs) -> IntArray:
    before = np.zeros((len(rows) + 1, rows.shape[1]), np.int64)
    np.cumsum(rows, axis=0, out=before[1:])
    return before[runs.last] - before[runs.first]
