"""Readings that came and were left out, as what time that is not known lacks for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from greendc.core.facility import IntArray
from greendc.core.figure import CODES
from greendc.core.readings import BoolArray, Readings
from greendc.core.words import LEFT_OUT, Verdict, Word

_CODES = np.zeros(max(Word) + 1, np.int64)
for _word in Word:
    if not _word.used:
        _CODES[_word] = CODES[_word.label]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Columns of equal length: meter, event time [ns], the word as a place in `figure.WORDS`."""

    meter: IntArray
    time: IntArray
    word: IntArray

    @classmethod
    def none(cls) -> "LeftOut":
        """No readings."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, empty)

    @classmethod
    def judged(cls, rows: Readings, verdict: Verdict) -> "LeftOut":
        """Those of sorted readings that a rule speaks against.

        Examples
        --------
        >>> from greendc.core.figure import WORDS
        >>> from greendc.core.rules import Rules
        >>> from greendc.core.facility import SECOND, Kind, Meter
        >>> from greendc.core.judging import judge
        >>> feed = Meter("m", "util", "energy", Kind.REGISTER, 60, 60, 60, rating=1e3)
        >>> time, value = np.arange(3) * 60 * SECOND, np.array([0.0, 3.6e12, 6e4])
        >>> rows = Readings(np.arange(3), np.zeros(3, int), time, value)
        >>> verdict = judge(Rules.of((feed,)), rows.meter, rows.time, rows.value)
        >>> found = LeftOut.judged(rows, verdict)
        >>> print(found.time // SECOND, [WORDS[word] for word in found.word])
        [60] ['implausible']
        """
        bad = np.flatnonzero(verdict.word >= LEFT_OUT)
        return cls(rows.meter[bad], rows.time[bad], _CODES[verdict.word[bad]])

    @classmethod
    def joined(cls, parts: Sequence["LeftOut"]) -> "LeftOut":
        """Columns one after the other."""
        return cls(
            np.concatenate([part.meter for part in parts]),
            np.concatenate([part.time for part in parts]),
            np.concatenate([part.word for part in parts]),
        )

    def __len__(self) -> int:
        """Count them."""
        return len(self.meter)

    def where(self, mask: BoolArray) -> "LeftOut":
        """Those that the mask keeps."""
        return LeftOut(self.meter[mask], self.time[mask], self.word[mask])

    def between(self, lo: int, hi: int) -> "LeftOut":
        """Those with `lo` <= time < `hi`."""
        return self.where((self.time >= lo) & (self.time < hi))

    def words(self, lo: int, grid: int, lacks: BoolArray) -> IntArray | None:
        """The word of each meter and cell that lacks time; 0 where no reading was left out.

        Parameters
        ----------
        lo, grid
            Where the first cell begins, and how long each is. [ns]
        lacks
            Which cells have time that is not known; shape (meters, cells).

        Returns
        -------
        numpy.ndarray or None
            Of the same shape; of several words in a cell the one that stands last in
            `figure.WORDS`. None where there is none at all.
        """
        mine = self.between(lo, lo + grid * lacks.shape[1])
        if not len(mine):
            return None
        found = np.zeros(lacks.shape, np.int64)
        np.maximum.at(found, (mine.meter, (mine.time - lo) // grid), mine.word)
        found[~lacks] = 0
        return found if found.any() else None


def differing(before: LeftOut, after: LeftOut) -> LeftOut:
    """Those that are among one of the two only.

    >>> one = LeftOut(np.zeros(2, int), np.array([60, 120]), np.array([19, 19]))
    >>> other = LeftOut(np.zeros(2, int), np.array([60, 120]), np.array([19, 23]))
    >>> print(differing(one, other).time, len(differing(one, one)))
    [120 120] 0
    """
    pairs = ((before.meter, after.meter), (before.time, after.time), (before.word, after.word))
    if all(np.array_equal(*pair) for pair in pairs):
        return LeftOut.none()
    rows = np.concatenate([np.stack([p.meter, p.time, p.word]) for p in (before, after)], axis=1)
    found, count = np.unique(rows, axis=1, return_counts=True)
    return LeftOut(*found[:, count == 1])


def most_of(lacking: IntArray, lost: Sequence[tuple[int, IntArray]]) -> IntArray | None:
    """The word for want of which most of the time of rows is not known; 0: of no reading.

    Parameters
    ----------
    lacking
        The time of each row that is not known. [ns]
    lost
        Words, and how much of that time each row lacks for them. [ns]

    Examples
    --------
    >>> lost = [(19, np.array([40, 10])), (23, np.array([15, 10]))]
    >>> print(most_of(np.array([60, 60]), lost))
    [19  0]
    """
    if not lost:
        return None
    silent = lacking - np.sum([time for _, time in lost], axis=0)
    word, most = np.zeros(lacking.shape, np.int64), np.maximum(silent, 1)
    for code, time in lost:
        more = (time > most) | ((time == most) & (word == 0))
        word[more], most = code, np.maximum(most, time)
    return word
