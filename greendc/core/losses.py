"""Time of rows that is not known for want of readings that came and were left out."""

import numpy as np

from greendc.core.facility import IntArray
from greendc.core.tables import Sparse


class Losses:
    """Of rows and accounts the word, a place in `figure.WORDS`, and the time lost to it [ns].

    Takes no memory for accounts that have lost nothing yet.

    >>> found = Losses()
    >>> found.put(np.array([1]), np.array([0]), np.array([19]), np.array([60]), (2, 1))
    >>> rows, every = np.array([0, 1]), np.array([0])
    >>> [(word, time.tolist()) for word, time in found.of(rows, every, (2, 1))]
    [(19, [[0], [60]])]
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._table: Sparse | None = None  # words, and as many columns of times behind them

    def __bool__(self) -> bool:
        """Whether there has been any."""
        return self._table is not None

    def put(
        self,
        rows: IntArray,
        places: IntArray,
        word: IntArray,
        lacking: IntArray,
        shape: tuple[int, int],
    ) -> None:
        """Set what some rows have lost at some places; `shape` has room for every row."""
        if self or np.any(word):
            table, times = self._grown(shape), np.where(word, lacking, 0)
            for first, values in ((0, word), (shape[1], times)):
                table.put(rows, first + places, values.reshape(len(rows), len(places)))

    def clear(self, rows: IntArray) -> None:
        """Have some rows lose nothing."""
        if self._table is not None:
            self._table.clear(rows[rows < len(self._table)])

    def at(
        self, rows: IntArray, shape: tuple[int, int], places: IntArray | None = None
    ) -> tuple[IntArray, IntArray]:
        """Words and times of rows, of all places or of some; shape (rows, places)."""
        table = self._grown(shape)
        some = np.arange(shape[1]) if places is None else places
        return table.take(rows, some), table.take(rows, shape[1] + some)

    def of(
        self, rows: IntArray, places: IntArray, shape: tuple[int, int]
    ) -> list[tuple[int, IntArray]]:
        """Words, and for each what rows have lost to it at some places; shape (rows, places)."""
        if not self:
            return []
        word, time = self.at(rows, shape, places)
        return [
            (code, np.where(word == code, time, 0)) for code in np.unique(word[word > 0]).tolist()
        ]

    def _grown(self, shape: tuple[int, int]) -> Sparse:
        if self._table is None:
            self._table = Sparse(shape[0], 2 * shape[1], np.int64)
        if len(self._table) < shape[0]:
            self._table.lengthen(shape[0] - len(self._table))
        return self._table
