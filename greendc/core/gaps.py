"""What of a figure nobody measured: the time that is missing, and what is filled in for it.

A declared share of a meter, or a declared constant, is an estimate by the site's own word and no
gap; what it takes of energy that was filled in is one.
"""

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

from greendc.core.accounts import Account, Book, Members
from greendc.core.cells import SHARES
from greendc.core.facility import DAY, SECOND, IntArray, Op
from greendc.core.figure import FloatArray
from greendc.core.held import Held
from greendc.core.levels import Level, Runs, at_borders
from greendc.core.sources import TIME, Expansion, Weights, expand

Days = Callable[[int, int], Sequence[int]]  # local midnights around [lo, hi)


def expanded(book: Book) -> Expansion:
    """All meters of an epoch over what their doubt comes from."""
    limits, places = book.rules.fill_limits, book.rules.filled
    stated = [None if np.isnan(limits[place]) else float(limits[place]) for place in places]
    filled = list(zip(places.tolist(), stated, strict=True))
    return expand(book.rules.meters, book.epoch.derived, filled)


def worst_share(terms: FloatArray, which: int) -> FloatArray:
    """Share of the amount that is estimated (1) or distributed (2), of the most affected term."""
    if not terms[:, :, which].any():
        return np.zeros(len(terms))
    amount = np.abs(terms[:, :, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(terms[:, :, which] > 0, terms[:, :, which] / amount, 0.0)
    # row by row numpy is many times slower than column by column, and there are few
    worst: FloatArray = np.minimum(reduce(np.maximum, share.T), 1.0)
    return worst


class Gaps:
    """Tells what was filled in from what is declared, by what was filled in for each meter."""

    def __init__(self, books: Sequence[Book]) -> None:
        """Find out which accounts hold declared values."""
        self.filled = books[0].rules.filled
        self._count = len(books[0].rules.meters)
        declared = [_declared(book) for book in books]
        self._homes = {
            id(account): book
            for book, nodes in zip(books, declared, strict=True)
            for account in (book.accounts if nodes else ())
            if any(n in nodes for t in account.terms for n, _ in (*t.members, *t.fuels))
        }
        self._parts: dict[int, list[FloatArray]] = {}

    def share(
        self, account: Account, terms: FloatArray, meters: FloatArray, valid: IntArray
    ) -> FloatArray:
        """Share of the amount that was filled in, of the most affected term, row by row.

        Parameters
        ----------
        account
            Of which the rows are.
        terms
            Their terms; shape (rows, terms, 3).
        meters
            What the meters counted, and behind it what was filled in for them; not looked at for
            accounts without declared values, of which all that is estimated was filled in. [J]
        valid
            The time known of each. [ns]
        """
        if not len(self.filled):
            return np.zeros(len(terms))
        estimated = worst_share(terms, 1)
        if id(account) not in self._homes or not estimated.any():
            return estimated
        counted = np.column_stack([meters[:, : self._count], valid / SECOND])
        filled = meters[:, self._count :]
        most = np.zeros(len(terms))
        for weights in self._weights(account):
            part = (filled * np.abs(weights[self.filled])).sum(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                whole = np.abs((counted * weights).sum(axis=1))
                share = np.where(part > 0, part / whole, 0.0)
            most = np.maximum(most, share)
        return np.minimum(estimated, most)

    def _weights(self, account: Account) -> list[FloatArray]:
        """What the parts of an account's terms take of each meter and, last, of time."""
        key = id(account)
        if key not in self._parts:
            energies = expanded(self._homes[key]).energies
            parts = [part for term in account.terms for part in (term.members, term.fuels) if part]
            self._parts[key] = [self._over_meters(part, energies) for part in parts]
        return self._parts[key]

    def _over_meters(self, part: Members, energies: Sequence[Weights]) -> FloatArray:
        out = np.zeros(self._count + 1)
        for node, weight in part:
            for place, factor in energies[node].items():
                out[self._count if place == TIME else place] += weight * factor
        return out

    def measured(
        self,
        held: Held,
        level: Level,
        accounts: Sequence[Account],
        borders: Sequence[Sequence[int]],
        days: Days,
    ) -> FloatArray:
        """Share of the time between neighbours of each row of borders that was measured.

        Zero where of two days in a row more than 24 h were not.

        Parameters
        ----------
        held, level
            Where the accounts' days are; all of them are in memory.
        accounts
            Of which to tell.
        borders
            Local midnights. [ns]
        days
            Tells all of them.

        Returns
        -------
        numpy.ndarray
            Shape (rows, spans, accounts).

        References
        ----------
        STANDARDS 6.5: > 24 h, or > 5 % of a month estimated or missing.
        """
        table = np.array(borders, np.int64)
        begin, end = table[:, :-1].ravel(), table[:, 1:].ravel()
        midnights = np.array(days(int(begin.min()), int(end.max())), np.int64)
        runs = level.runs(begin, end, lambda starts: at_borders(starts, midnights))
        start = level.starts(runs.rows)
        length = midnights[np.searchsorted(midnights, start, "right")] - start
        known = self._known(held, level, accounts, runs.rows)
        share = _sums(known, runs) / (end - begin)[:, None]
        lacking = length[:, None] - known
        pairs = np.zeros_like(lacking)
        pairs[1:] = lacking[1:] + lacking[:-1]
        pairs[1:][start[:-1] + length[:-1] != start[1:]] = 0.0
        # a pair stands at its second day, and is in a span where the first one is
        inside = Runs(runs.rows, np.minimum(runs.first + 1, runs.last), runs.last)
        share[_sums(np.where(pairs > DAY, 1.0, 0.0), inside) > 0] = 0.0
        return share.reshape(len(table), table.shape[1] - 1, len(accounts))

    def _known(
        self, held: Held, level: Level, accounts: Sequence[Account], rows: IntArray
    ) -> FloatArray:
        """Time [ns] of each row that is neither missing nor filled in; shape (rows, accounts)."""
        valid = level.valid[rows[:, None], [level.shape.place[a.name] for a in accounts]]
        known = valid.astype(np.float64)
        if len(self.filled) and len(rows):
            each = Runs(rows, np.arange(len(rows)), np.arange(1, len(rows) + 1))
            meters = held.counted(level, each)
            for i, account in enumerate(accounts):
                columns = level.shape.columns[account.name]
                terms = level.terms.take(rows, np.arange(columns.start, columns.stop))
                terms = terms.reshape(len(rows), -1, SHARES)
                known[:, i] *= 1.0 - self.share(account, terms, meters, valid[:, i])
        return known


def _sums(rows: FloatArray, runs: Runs) -> FloatArray:
    before = np.zeros((len(rows) + 1, rows.shape[1]))
    np.cumsum(rows, axis=0, out=before[1:])
    return before[runs.last] - before[runs.first]


def _declared(book: Book) -> frozenset[int]:
    """Nodes that hold declared shares or constants."""
    nodes: set[int] = set()
    for step in book.derivations:
        if step.op in {Op.SHARE, Op.CONSTANT} or nodes.intersection(step.inputs):
            nodes.add(step.node)
    return frozenset(nodes)
