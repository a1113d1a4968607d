"""Cells of accounts: their terms over the time in which all they need is known."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from greendc.core.accounts import Account, Book, Derivation, Term
from greendc.core.carbon import cell_intensity
from greendc.core.energy import Segments
from greendc.core.facility import SECOND, IntArray, Intensity, Op
from greendc.core.integrals import Windows, common_time, integrate
from greendc.core.leftout import LeftOut
from greendc.core.sums import fsum_groups, fsum_rows
from greendc.core.units import J_PER_KWH

FloatArray = npt.NDArray[np.float64]

_EVERY = slice(None)
SHARES = 3  # of a term: the amount, what of it is estimated, what of it is distributed


class Block(NamedTuple):
    """Rows of one account: consecutive cells or periods [start, end) [ns].

    `valid` is the time known of each [ns]; `terms` has shape (rows, terms, 3): the
    amount [J, or g for a mass], what of it is estimated and what is distributed;
    zero where nothing is known. `fresh` tells that no row with these starts can
    have been written before. `lost` are the words of readings that were left out, for want of
    which most of the time not known is not (see `leftout`); None: of no row.
    """

    account: Account
    start: IntArray
    end: IntArray
    valid: IntArray
    terms: FloatArray
    fresh: bool = False
    lost: IntArray | None = None

    def at(self, rows: IntArray | slice) -> "Block":
        """Some of the rows, by their places."""
        start, end, valid = self.start[rows], self.end[rows], self.valid[rows]
        lost = None if self.lost is None else self.lost[rows]
        return Block(self.account, start, end, valid, self.terms[rows], self.fresh, lost)

    @property
    def words(self) -> IntArray:
        """`lost` of each row, 0 where there is none."""
        return np.zeros(len(self.start), np.int64) if self.lost is None else self.lost

    @classmethod
    def stacked(cls, blocks: Sequence["Block"]) -> "Block":
        """The rows of blocks with terms of one shape, one after the other."""
        if len(blocks) == 1:
            return blocks[0]
        words = [b.words for b in blocks]
        return cls(
            blocks[0].account,
            np.concatenate([b.start for b in blocks]),
            np.concatenate([b.end for b in blocks]),
            np.concatenate([b.valid for b in blocks]),
            np.concatenate([b.terms for b in blocks]),
            lost=None if all(b.lost is None for b in blocks) else np.concatenate(words),
        )


@dataclass(frozen=True, slots=True)
class _Amounts:
    """Of each node in each cell: amount, estimated, distributed [J]; shape (nodes, cells)."""

    energy: FloatArray
    estimated: FloatArray
    distributed: FloatArray
    sums: dict[int, FloatArray] = field(default_factory=dict)  # of terms, by their `id`

    def of(self, term: Term) -> FloatArray:
        """The three weighted sums of a term, worked out once for all accounts that have it."""
        if id(term) not in self.sums:
            shares = self.energy, self.estimated, self.distributed
            found = [_weighted(term, s, signed=i == 0) for i, s in enumerate(shares)]
            self.sums[id(term)] = np.stack(found)
        return self.sums[id(term)]


@dataclass(frozen=True, slots=True)
class _Together:
    """Time in each cell in which some meters are all known [ns].

    `cells` are those in which that is not the whole cell, `amounts` what all nodes have in these.
    """

    valid: IntArray
    cells: IntArray
    amounts: _Amounts | None


def cell_blocks(
    book: Book,
    accounts: Sequence[Account],
    found: Segments,
    span: tuple[int, int],
    intensity: Mapping[str, Intensity],
    left: LeftOut,
) -> Iterator[Block]:
    """Rows of accounts of one grid for all its cells in a span.

    Parameters
    ----------
    book
        The epoch's layout, in force over all of the span.
    accounts
        Accounts with the same `grid`, which divides the span's bounds.
    found
        What is known of the meters at least in the span.
    span
        [lo, hi) in ns.
    intensity
        Emission intensities by accounting method.
    left
        Readings that were left out, at least those of the span.
    """
    return _Cells(book, accounts, found, *span, intensity).blocks(left)


class _Cells:
    def __init__(
        self,
        book: Book,
        accounts: Sequence[Account],
        found: Segments,
        lo: int,
        hi: int,
        intensity: Mapping[str, Intensity],
    ) -> None:
        self.book, self.accounts, self.lo, self.hi = book, accounts, lo, hi
        self.grid = accounts[0].grid
        self.start = np.arange(lo, hi, self.grid, dtype=np.int64)
        self.end = self.start + self.grid
        used = np.zeros(len(book.rules.meters), np.bool_)
        for account in accounts:
            used[account.needs] = True
        near = (found.end > lo) & (found.start < hi) & used[found.meter]
        self.found = found if near.all() else found.where(near)
        self.used = used
        methods = {t.method for a in accounts for t in a.terms if t.method is not None}
        self._found_together: dict[bytes, _Together] = {}
        self.carbon = {m: cell_intensity(self.start, self.end, intensity[m]) for m in methods}

    def blocks(self, left: LeftOut) -> Iterator[Block]:
        energy, known, spread, guessed = self._physical()
        lost = left.words(self.lo, self.grid, known < self.grid)
        whole = np.full(len(self.start), self.grid, np.int64)
        amounts = self._nodes(energy, spread, guessed, whole)
        single = self._single(amounts)
        for account in self.accounts:
            block = self._block(account, amounts, known, single)
            yield block if lost is None else _with_words(block, lost)

    def _single(self, amounts: _Amounts) -> FloatArray:
        """The terms of each physical meter's own account; shape (meters, cells, 1, 3)."""
        count = len(self.used)
        # + 0.0 makes every zero a positive one, as in sums
        out = np.zeros((count, len(self.start), 1, SHARES))
        out[:, :, 0, 0] = amounts.energy[:count] + 0.0
        out[:, :, 0, 1] = amounts.estimated[:count] + 0.0
        out[:, :, 0, 2] = amounts.distributed[:count] + 0.0
        return out

    def _physical(self) -> tuple[FloatArray, IntArray, FloatArray, FloatArray]:
        """Each meter at its own grid, summed up to this one."""
        count = len(self.book.rules.meters)
        grids = np.unique(self.book.grids[self.used])
        if grids.tolist() == [self.grid]:
            return integrate(self.found, Windows.cells(self.lo, self.hi, self.grid), count)
        shape = (count, len(self.start))
        energy, known, spread = np.zeros(shape), np.zeros(shape, np.int64), np.zeros(shape)
        guessed = np.zeros(shape)
        for grid in grids:
            chosen = self.used & (self.book.grids == grid)
            windows = Windows.cells(self.lo, self.hi, int(grid))
            e, k, d, g = integrate(self.found.of(chosen), windows, count)
            fold = self.grid // int(grid)
            energy[chosen] = fsum_groups(e[chosen], fold)
            spread[chosen] = fsum_groups(d[chosen], fold)
            guessed[chosen] = fsum_groups(g[chosen], fold)
            known[chosen] = k[chosen].reshape(chosen.sum(), -1, fold).sum(axis=2)
        return energy, known, spread, guessed

    def _nodes(
        self, energy: FloatArray, spread: FloatArray, guessed: FloatArray, valid: IntArray
    ) -> _Amounts:
        """Physical nodes and, after them, the derived ones in their order."""
        more = len(self.book.nodes) - len(energy)
        amounts = _Amounts(_longer(energy, more), _longer(guessed, more), _longer(spread, more))
        for step in self.book.derivations:
            _derive(step, amounts, valid)
        return amounts

    def _block(
        self, account: Account, amounts: _Amounts, known: IntArray, single: FloatArray
    ) -> Block:
        place = account.physical
        if place is not None:  # its own time is all that it needs
            return Block(account, self.start, self.end, known[place], single[place])
        together = self._together(account.needs, known)
        valid, terms = together.valid.copy(), self._terms(account, amounts)
        terms[valid == 0] = 0.0
        if together.amounts is not None:
            cells = together.cells
            terms[cells] = self._terms(account, together.amounts, cells)
        unknown = np.isnan(terms).any(axis=(1, 2))  # an intensity is missing
        valid[unknown], terms[unknown] = 0, 0.0
        return Block(account, self.start, self.end, valid, terms)

    def _together(self, needs: IntArray, known: IntArray) -> _Together:
        """When meters are known together; the same for all accounts that need these."""
        key = needs.tobytes()
        if key not in self._found_together:
            times = known[needs]
            valid = np.where((times == self.grid).all(axis=0), self.grid, 0)
            partial = (valid == 0) & (times > 0).all(axis=0)
            found = _Together(valid, np.flatnonzero(partial), None)
            self._found_together[key] = self._in_common(needs, found) if partial.any() else found
        return self._found_together[key]

    def _in_common(self, needs: IntArray, partly: _Together) -> _Together:
        """Cells in which some meter is known in part: over the time that all are known."""
        found = self._within(needs, partly.cells)
        windows = common_time(found, len(needs), self.lo, self.hi, self.grid)
        windows = windows.of(np.isin(windows.label, partly.cells))
        length = windows.end - windows.start
        common = np.bincount(windows.label, length, len(self.start)).astype(np.int64)
        cells = partly.cells[common[partly.cells] > 0]
        energy, _, spread, guessed = integrate(found, windows.labelled(cells), len(self.used))
        amounts = self._nodes(energy, spread, guessed, common[cells])
        return _Together(partly.valid + common, cells, amounts)

    def _within(self, needs: IntArray, cells: IntArray) -> Segments:
        """Segments of some meters that reach into some cells."""
        chosen = np.zeros(len(self.used), np.bool_)
        chosen[needs] = True
        around = self.start[cells[0]], self.end[cells[-1]]  # mostly all of them
        near = (self.found.end > around[0]) & (self.found.start < around[1])
        found = self.found.where(chosen[self.found.meter] & near)
        before = np.zeros(len(self.start) + 1, np.int64)
        before[cells + 1] = 1
        before = np.cumsum(before)
        first = np.clip((found.start - self.lo) // self.grid, 0, len(self.start))
        last = np.clip((found.end - 1 - self.lo) // self.grid + 1, 0, len(self.start))
        return found.where(before[last] > before[first])

    def _terms(
        self, account: Account, amounts: _Amounts, cells: IntArray | slice = _EVERY
    ) -> FloatArray:
        """An account's terms in all cells, or in those whose amounts are given."""
        out = np.empty((amounts.energy.shape[1], len(account.terms), SHARES))
        for i, term in enumerate(account.terms):
            out[:, i] = self._sums(term, amounts, cells).T
        return out

    def _sums(self, term: Term, amounts: _Amounts, cells: IntArray | slice) -> FloatArray:
        """A term's amount, what of it is estimated and what distributed; shape (3, cells)."""
        total = amounts.of(term)
        if term.method is None:
            return total
        grams = total / J_PER_KWH * self.carbon[term.method][cells] if term.members else total
        for node, factor in term.fuels:
            shares = amounts.energy[node], amounts.estimated[node], amounts.distributed[node]
            grams = grams + np.stack(shares) / J_PER_KWH * factor
        return grams


def _longer(share: FloatArray, more: int) -> FloatArray:
    """The same with rows of zeros behind, where there are any to add."""
    return np.vstack([share, np.zeros((more, share.shape[1]))]) if more else share


def _with_words(block: Block, lost: IntArray) -> Block:
    """The block with the words of the meters that it needs; `lost` is by meter and cell."""
    place = block.account.physical
    if place is not None:
        return block._replace(lost=lost[place])
    return block._replace(lost=lost[block.account.needs].max(axis=0, initial=0))


def _weighted(term: Term, share: FloatArray, *, signed: bool) -> FloatArray:
    nodes, weights = term.columns
    amounts = share[nodes]  # a copy
    amounts *= (weights if signed else np.abs(weights))[:, None]
    return fsum_rows(amounts)


def _derive(step: Derivation, amounts: _Amounts, valid: IntArray) -> None:
    """Write a derived node's row; shares and constants are estimates through and through."""
    inputs = list(step.inputs)
    energy = amounts.energy
    if step.op is Op.CONSTANT:
        energy[step.node] = step.value * (valid / SECOND)
    elif step.op is Op.SHARE:
        energy[step.node] = step.value * energy[inputs[0]]
    else:
        signs = np.ones(len(inputs))
        signs[1:] = -1.0 if step.op is Op.DIFFERENCE else 1.0
        energy[step.node] = fsum_rows(energy[inputs] * signs[:, None])
        amounts.estimated[step.node] = fsum_rows(amounts.estimated[inputs])
        amounts.distributed[step.node] = fsum_rows(amounts.distributed[inputs])
        return
    amounts.estimated[step.node] = np.abs(energy[step.node])
