"""Topics of a log as places in a table that grows, without a text for each message."""

from collections.abc import Iterable

import numpy as np

from greendc.columns import IntArray
from greendc.spans import MASKS, WORD, BoolArray, Bytes, WordArray

MOST = 65_536  # names in a table; then a new one is begun
UNREADABLE = -1

_WORDS = 8  # of a topic that the table compares; longer topics are looked up one by one
_SLOTS = 2**18  # many more than names, which then seldom push each other out
_SHIFT = np.uint64(46)
_PRIME = np.uint64(0x9E3779B97F4A7C15)


class Names:
    """A table of names, and where each is looked for.

    Names that fall into one slot push each other out of it: what is found there is
    compared in full, and whatever is not found is looked up by its text.

    Examples
    --------
    >>> names, data = Names(), Bytes(b"it dc it")
    >>> names.places(data, np.array([0, 3, 6]), np.array([2, 5, 8])).tolist(), names.table
    ([0, 1, 0], ['it', 'dc'])
    """

    def __init__(self, forbidden: str = "") -> None:
        """Begin with no names; one with a `forbidden` character has the place `UNREADABLE`."""
        self._forbidden = forbidden
        self._begin()

    def _begin(self) -> None:
        self.table: list[str] = []
        self._place: dict[str, int] = {}
        self._slots = np.full(_SLOTS, -1, np.int64)
        self._words = np.zeros((64, _WORDS), np.uint64)
        self._length = np.full(64, -1, np.int64)

    def renew(self) -> None:
        """Begin another table where this one has become too long."""
        if len(self.table) > MOST:
            self._begin()

    def place(self, name: str) -> int:
        """Place of a name, which may be new."""
        place = self._place.setdefault(name, len(self.table))
        if place == len(self.table):
            self.table.append(name)
        return place

    def places(self, data: Bytes, start: IntArray, end: IntArray) -> IntArray:
        """Places of pieces of a text that is UTF-8."""
        length = end - start
        width = -(-int(length.max(initial=0)) // WORD)
        words = _masked(data, start, length, range(min(width, _WORDS)))
        slots = _slots(words, length)
        found = self._slots[slots]
        rows = np.flatnonzero(~self._same(found, words, length))
        texts = data.pieces(start[rows], end[rows])
        for row, text in zip(rows.tolist(), texts, strict=True):
            found[row] = self._named(text.decode())
            if found[row] != UNREADABLE and length[row] <= WORD * _WORDS:
                self._keep(int(found[row]), int(slots[row]), [word[row] for word in words])
                self._length[found[row]] = length[row]
        return found

    def _named(self, name: str) -> int:
        unreadable = self._forbidden and self._forbidden in name
        return UNREADABLE if unreadable else self.place(name)

    def _same(self, found: IntArray, words: list[WordArray], length: IntArray) -> BoolArray:
        same: BoolArray = (found >= 0) & (self._length[found] == length)
        for number, word in enumerate(words):
            same &= self._words[found, number] == word
        return same

    def _keep(self, place: int, slot: int, words: list[np.uint64]) -> None:
        while place >= len(self._length):
            self._words = np.concatenate([self._words, np.zeros_like(self._words)])
            self._length = np.concatenate([self._length, np.full_like(self._length, -1)])
        self._slots[slot] = place
        self._words[place, : len(words)] = words


def _masked(
    data: Bytes, start: IntArray, length: IntArray, numbers: Iterable[int]
) -> list[WordArray]:
    """Words of each piece, zero beyond its end."""
    return [
        data.words(start + number * WORD) & MASKS[np.clip(length - number * WORD, 0, WORD)]
        for number in numbers
    ]


def _slots(words: list[WordArray], length: IntArray) -> IntArray:
    mixed = length.astype(np.uint64)
    for word in words:
        mixed = (mixed ^ word) * _PRIME
        mixed ^= mixed >> np.uint64(29)
    return ((mixed * _PRIME) >> _SHIFT).astype(np.int64)
