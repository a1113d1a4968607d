"""Cells of the whole ledger, added up by account."""

from array import array
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np

from greendc.core.accounts import Account
from greendc.core.cells import SHARES, Block
from greendc.core.exact import fsum_runs
from greendc.core.figure import FigureColumns, FloatArray
from greendc.core.leftout import most_of
from greendc.lines import PUBLISHED


def stretches(cells: FigureColumns) -> Iterator[tuple[int, int]]:
    """Stretches of time with cells."""
    order = np.argsort(cells.start, kind="stable")
    start, reach = cells.start[order], np.maximum.accumulate(cells.end[order])
    begins = np.flatnonzero(np.append(True, start[1:] > reach[:-1]))
    lasts = np.append(begins[1:], len(cells)) - 1
    return zip(start[begins].tolist(), reach[lasts].tolist(), strict=True)


class Cells(NamedTuple):
    """Cells of one quantity: the time known of all, their terms, and amounts where known.

    `lost` is the time lost to each word; see `Figure`.
    """

    valid: int
    width: int
    terms: FloatArray
    amounts: FloatArray
    lost: dict[int, int]


def by_quantity(cells: FigureColumns) -> Iterator[tuple[str, Cells]]:
    """Cells of each quantity, with its name."""
    if (np.diff(cells.quantity) < 0).any():
        cells = cells.at(np.argsort(cells.quantity, kind="stable"))
    quantity, valid, width = cells.quantity, cells.valid, cells.width
    every, before = cells.terms, np.append(0, np.cumsum(width))
    bounds = np.append(0, np.append(np.flatnonzero(np.diff(quantity)) + 1, len(cells)))
    known = valid > 0
    amount = every[before[:-1]][known]
    counted = np.append(0, np.cumsum(known))[bounds].tolist()
    widths, numbers = width[bounds[:-1]].tolist(), quantity[bounds[:-1]].tolist()
    times = np.add.reduceat(valid, bounds[:-1]).tolist()
    terms = before[bounds].tolist()
    lost = _lost(cells)
    for place, number in enumerate(numbers):
        yield (
            cells.names[number],
            Cells(
                times[place],
                widths[place],
                every[terms[place] : terms[place + 1]],
                amount[counted[place] : counted[place + 1]],
                lost.get(number, {}),
            ),
        )


def _lost(cells: FigureColumns) -> dict[int, dict[int, int]]:
    """Time lost by quantity and word [ns]."""
    found: dict[int, dict[int, int]] = {}
    some = cells.at(np.flatnonzero(cells.lost))
    lacking = (some.end - some.start - some.valid).tolist()
    for number, word, time in zip(some.quantity.tolist(), some.lost.tolist(), lacking, strict=True):
        words = found.setdefault(number, {})
        words[word] = words.get(word, 0) + time
    return found


class Sum:
    """An account's cells, gathered to be added up."""

    def __init__(self, unit: str) -> None:
        """Begin with none; `unit` is that of the account."""
        self.scale = PUBLISHED.get(unit, ("", 1.0))[1]
        self.valid = 0
        self.width = 0
        self.rows = array("d")
        self.values = array("d")
        self.lost: dict[int, int] = {}

    def add(self, cells: Cells) -> None:
        """Take some more."""
        self.valid += cells.valid
        for word, time in cells.lost.items():
            self.lost[word] = self.lost.get(word, 0) + time
        self.width = cells.width
        self.rows.frombytes(cells.terms.tobytes())
        # a cell too short to be published (`resolution`) has its amount all the same
        self.values.frombytes((cells.amounts / self.scale).tobytes())

    @cached_property
    def terms(self) -> FloatArray:
        """Sums of the terms once all cells are taken; none where there are no cells."""
        if not self.rows:
            return np.zeros(0)
        table = np.frombuffer(self.rows).reshape(-1, self.width)
        sums: FloatArray = fsum_runs(table, np.array([0]), np.array([len(table)]))[0]
        return sums

    def amount(self) -> float:
        """Sum of the first amount."""
        return float(self.terms[0]) if self.rows else 0.0

    def block(self, account: Account, start: int, end: int) -> Block:
        """All cells as one row of an account."""
        terms = self.terms if self.rows else np.zeros(len(account.terms) * SHARES)
        one = np.array([start], np.int64), np.array([end], np.int64)
        valid = np.array([self.valid], np.int64)
        times = [(word, np.array([time])) for word, time in sorted(self.lost.items())]
        lost = most_of(np.array([end - start - self.valid]), times)
        return Block(account, *one, valid, terms.reshape(1, -1, SHARES), lost=lost)
