"""Readings that were refused, until the step that takes them in: late ones have cells told anew."""

from collections.abc import Sequence

import numpy as np

from greendc.core.accounts import Book
from greendc.core.facility import EVER, IntArray
from greendc.core.readings import Readings, joined
from greendc.core.reopening import Dirty


class Refused:
    """Of one site: `rows` that no step has taken in, and the last time of any that there was.

    In place of a value each row has its word, a place in `figure.WORDS`.
    """

    def __init__(self, books: Sequence[Book]) -> None:
        """Begin with none."""
        grids = [account.grid for layout in books for account in layout.accounts]
        self.finest = int(np.gcd.reduce(grids or [1]))
        self.rows = Readings.none()
        self.upto = -EVER

    def take(self, left: Readings, least: int) -> Readings:
        """Take some more; those that were held and are not before `least` [ns] are let go of.

        Returns what is to be kept: each meter's and word's first one of the finest cell.
        """
        time = left.time - left.time % self.finest
        key = np.stack([left.meter, time, left.value.astype(np.int64)])
        first = np.sort(np.unique(key, axis=1, return_index=True)[1])
        kept = Readings(left.seq, left.meter, time, left.value).where(first)
        self.rows = joined([self.rows.where(self.rows.time < least), kept])
        self.upto = max(self.upto, int(time.max()))
        return kept

    def behind(self, seq: IntArray, mark: IntArray) -> bool:
        """Whether some row was behind the watermark, which is `mark` before each of `seq`."""
        if not len(self.rows):
            return False
        return bool((self.rows.time < mark[np.searchsorted(seq, self.rows.seq)]).any())

    def known(self, seq: int) -> tuple[Readings, list[Dirty]]:
        """Let a step take in the rows of entries up to `seq`: these, and the cells they are in."""
        known = self.rows.seq <= seq
        found, self.rows = self.rows.where(known), self.rows.where(~known)
        spans = zip(found.time.tolist(), (found.time + self.finest).tolist(), strict=True)
        return found, list(zip(found.meter.tolist(), spans, strict=True))
