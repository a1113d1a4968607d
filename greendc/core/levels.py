"""Rows of one kind of period in memory, and exact sums over them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from greendc.core.accounts import Account
from greendc.core.cells import SHARES, Block
from greendc.core.facility import EVER, IntArray
from greendc.core.sums import fsum_rows

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as the ledger holds it: `terms` flat."""

    quantity: str
    start: int
    valid: int
    terms: FloatArray


Reader = Callable[[str, int, int], Iterable[StoredRow]]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where each account's terms stand in a flat row."""

    place: Mapping[str, int]
    columns: Mapping[str, slice]
    width: int

    @classmethod
    def of(cls, accounts: Iterable[Account]) -> "Shape":
        """Lay the accounts out one after the other; the first of a name stands for all."""
        place: dict[str, int] = {}
        columns: dict[str, slice] = {}
        width = 0
        for account in accounts:
            if account.name not in place:
                place[account.name] = len(place)
                columns[account.name] = slice(width, width + len(account.terms) * SHARES)
                width += len(account.terms) * SHARES
        return cls(place, columns, width)


class Level:
    """Rows of one period in memory, filled from the ledger as far back as they are asked for."""

    def __init__(self, period: str, shape: Shape, reader: Reader) -> None:
        self.period, self.shape, self.reader = period, shape, reader
        self.loaded_from = EVER
        self.index: dict[int, int] = {}
        self.valid: IntArray = np.zeros((16, len(shape.place)), np.int64)
        self.terms: FloatArray = np.zeros((16, shape.width))

    def ensure(self, lo: int) -> None:
        """Have every row from `lo` on in memory."""
        if lo >= self.loaded_from:
            return
        upto, self.loaded_from = self.loaded_from, lo
        for row in self.reader(self.period, lo, upto):
            if row.quantity in self.shape.place:
                number = self._row(row.start)
                self.valid[number, self.shape.place[row.quantity]] = row.valid
                self.terms[number, self.shape.columns[row.quantity]] = row.terms

    def _row(self, start: int) -> int:
        number = self.index.setdefault(start, len(self.index))
        if number >= len(self.valid):
            self.valid = np.concatenate([self.valid, np.zeros_like(self.valid)])
            self.terms = np.concatenate([self.terms, np.zeros_like(self.terms)])
        return number

    def put(self, block: Block) -> None:
        """Take the rows of a block."""
        rows = [self._row(int(start)) for start in block.start]
        name = block.account.name
        self.valid[rows, self.shape.place[name]] = block.valid
        self.terms[rows, self.shape.columns[name]] = block.terms.reshape(len(rows), -1)

    def write(self, start: int, valid: IntArray, terms: FloatArray) -> None:
        """Set the whole row that begins at a time."""
        number = self._row(start)
        self.valid[number], self.terms[number] = valid, terms

    def part(self, starts: Iterable[int]) -> "Level":
        """A level of its own with the rows that there are among these starts."""
        out = Level(self.period, self.shape, self.reader)
        out.loaded_from = -EVER
        for start in starts:
            if start in self.index:
                row = self.index[start]
                out.write(start, self.valid[row], self.terms[row])
        return out

    def rows(self, starts: Iterable[int]) -> list[int]:
        """Places of the rows that there are among these starts."""
        return [self.index[start] for start in starts if start in self.index]

    def total(self, rows: list[int], names: Sequence[str]) -> tuple[IntArray, list[FloatArray]]:
        """Known time and terms of accounts summed over rows: exact, and correctly rounded."""
        places = [self.shape.place[name] for name in names]
        slices = [self.shape.columns[name] for name in names]
        columns = np.concatenate([np.arange(s.start, s.stop) for s in slices])
        there = np.array(rows, np.int64)[:, None]
        valid = self.valid[there, places].sum(axis=0)
        terms = fsum_columns(self.terms[there, columns])
        cuts = np.cumsum([s.stop - s.start for s in slices])
        return valid, np.split(terms, cuts[:-1])

    def trim(self, before: int) -> None:
        """Let go of rows that begin before a time."""
        gone = sum(1 for start in self.index if start < before)
        if gone * 2 <= len(self.index):
            return
        kept = {start: row for start, row in sorted(self.index.items()) if start >= before}
        rows = list(kept.values())
        room = max(16, len(rows))
        valid, terms = self.valid[rows], self.terms[rows]
        self.valid = np.zeros((room, self.valid.shape[1]), np.int64)
        self.terms = np.zeros((room, self.terms.shape[1]))
        self.valid[: len(rows)], self.terms[: len(rows)] = valid, terms
        self.index = {start: number for number, start in enumerate(kept)}
        self.loaded_from = max(self.loaded_from, before)


def fsum_columns(rows: FloatArray) -> FloatArray:
    """`fsum_rows`, the work done once for columns that are the same, and none for empty ones."""
    out = np.zeros(rows.shape[1])
    done: dict[bytes, float] = {}
    for column in np.flatnonzero(rows.any(axis=0)):
        values = np.ascontiguousarray(rows[:, column])
        key = values.tobytes()
        if key not in done:
            done[key] = float(fsum_rows(values[:, None])[0])
        out[column] = done[key]
    return out
