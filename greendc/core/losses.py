"""Time of rows that is not known for want of readings that came and were left out."""

import numpy as np

from greendc.core.facility import IntArray


class Losses:
    """Of rows and accounts the word, a place in `figure.WORDS`, and the time lost to it [ns].

    Takes no memory before there is a first word.

    >>> found = Losses()
    >>> found.put(np.array([1]), np.array([0]), np.array([19]), np.array([60]), (2, 1))
    >>> rows, every = np.array([0, 1]), np.array([0])
    >>> [(word, time.tolist()) for word, time in found.of(rows, every, (2, 1))]
    [(19, [[0], [60]])]
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.word, self.time = np.zeros((2, 0, 0), np.int64)

    def __bool__(self) -> bool:
        """Whether there has been any."""
        return bool(self.word.size)

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
            self._grow(shape)
            self.word[rows, places] = word
            self.time[rows, places] = np.where(word, lacking, 0)

    def clear(self, rows: IntArray) -> None:
        """Have some rows lose nothing."""
        there = rows[rows < len(self.word)]
        self.word[there], self.time[there] = 0, 0

    def of(
        self, rows: IntArray, places: IntArray, shape: tuple[int, int]
    ) -> list[tuple[int, IntArray]]:
        """Words, and for each what rows have lost to it at some places; shape (rows, places)."""
        if not self:
            return []
        self._grow(shape)
        at = rows[:, None], places
        word, time = self.word[at], self.time[at]
        return [
            (code, np.where(word == code, time, 0)) for code in np.unique(word[word > 0]).tolist()
        ]

    def _grow(self, shape: tuple[int, int]) -> None:
        if len(self.word) < shape[0]:
            before = self.word, self.time
            self.word, self.time = np.zeros((2, *shape), np.int64)
            for new, old in zip((self.word, self.time), before, strict=True):
                new[: len(old), : old.shape[1]] = old
