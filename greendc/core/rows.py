"""The accounts of an epoch as columns, so that a step costs the same for few and for many."""

from collections.abc import Iterator, Mapping

import numpy as np

from greendc.core.accounts import Account, Book
from greendc.core.facility import IntArray
from greendc.core.words import BoolArray


class AccountRows:
    """A row for each account of a book; `number` is its place among all accounts of the site."""

    def __init__(self, book: Book, numbers: Mapping[str, int]) -> None:
        """See what each account rests on; `numbers` are by name."""
        accounts = book.accounts
        self.book = book
        self.number = np.array([numbers[a.name] for a in accounts], np.int64)
        self.grid = np.array([a.grid for a in accounts], np.int64)
        single = [i for i, a in enumerate(accounts) if a.physical is not None]
        self._single = np.array(single, np.int64)
        self._place = np.array([accounts[i].physical for i in single], np.int64)
        self._others = [(i, a) for i, a in enumerate(accounts) if a.physical is None]

    def known(self, closed: IntArray, otherwise: int) -> IntArray:
        """Up to where every meter that an account needs is closed, on its grid [ns].

        `otherwise` holds for accounts that need none.
        """
        upto = np.empty(len(self.number), np.int64)
        upto[self._single] = closed[self._place]
        for row, account in self._others:
            upto[row] = closed[account.needs].min() if len(account.needs) else otherwise
        return upto - upto % self.grid

    def within(self, lo: IntArray, hi: IntArray | int) -> tuple[IntArray, IntArray]:
        """What of spans lies in the epoch, on each account's grid [ns]."""
        epoch = self.book.epoch
        begin, end = np.maximum(lo, epoch.start), np.minimum(hi, epoch.end)
        return begin - begin % self.grid, end - end % self.grid

    def spread(self, what: np.ufunc, done: IntArray, meters: IntArray) -> None:
        """Have meters take the least or the greatest (`what`) of the accounts resting on them."""
        own = done[self.number]
        meters[self._place] = what(meters[self._place], own[self._single])
        for row, account in self._others:
            meters[account.needs] = what(meters[account.needs], own[row])

    def resting(self, meters: BoolArray) -> BoolArray:
        """Which accounts rest on one of the meters that are marked."""
        found = np.zeros(len(self.number), np.bool_)
        found[self._single] = meters[self._place]
        for row, account in self._others:
            found[row] = meters[account.needs].any()
        return found

    def some(self, rows: IntArray) -> list[Account]:
        """The accounts of some rows."""
        accounts = self.book.accounts
        return [accounts[row] for row in rows.tolist()]


def alike(*columns: IntArray) -> Iterator[IntArray]:
    """Places of rows that are the same in all columns, in the order of the first of each.

    >>> [rows.tolist() for rows in alike(np.array([7, 5, 7, 5]), np.array([1, 2, 1, 3]))]
    [[0, 2], [1], [3]]
    """
    if not len(columns[0]):
        return
    order = np.lexsort(columns)
    new = np.zeros(len(order) - 1, np.bool_)
    for column in columns:
        new |= column[order[1:]] != column[order[:-1]]
    groups = np.split(order, np.flatnonzero(new) + 1)  # lexsort keeps the order of equal rows
    yield from sorted(groups, key=lambda rows: int(rows[0]))
