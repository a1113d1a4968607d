"""Topics of a log as places in a table that grows, without a text for each message."""

import re

import numpy as np

from greendc.columns import IntArray
from greendc.spans import MASKS, WORD, Bytes, WordArray

MOST = 65_536  # names in a table; then a new one is begun
UNREADABLE = -1

_ODD = re.compile(rb'["\\\x00-\x1f]')  # what a text in JSON has only escaped
_WORDS = 8  # of a topic that the table compares; longer topics are looked up one by one
_SLOTS = 2**18  # many more than names, which then seldom push each other out
_SHIFT = np.uint64(46)
_PRIME = np.uint64(0x9E3779B97F4A7C15)


class Names:
    """A table of names, and where each is looked for.

    A name has a slot and the one beside it; where both are taken names push each other out.
    What is found there is compared in full, and what is not found is looked up by its text.

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
        self._words = np.zeros((_WORDS, 64), np.uint64)
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
        """Places of pieces of a text; `UNREADABLE` where one is not what JSON has between quotes.

        Pieces with an escape are so, too.
        """
        length = end - start
        words = _masked(data, start, length)
        slots = _slots(words, length)
        found = self._found(slots, words, length)
        rows = np.flatnonzero(found < 0)
        if len(rows):
            other = slots[rows] ^ 1
            found[rows] = self._found(other, [word[rows] for word in words], length[rows])
            rows = rows[found[rows] < 0]
        seen: dict[bytes, int] = {}
        texts = data.pieces(start[rows], end[rows])
        for row, text in zip(rows.tolist(), texts, strict=True):
            if text not in seen:
                seen[text] = place = self._named(text)
                if place != UNREADABLE and length[row] <= WORD * _WORDS:
                    self._keep(place, int(slots[row]), [word[row] for word in words])
                    self._length[place] = length[row]
            found[row] = seen[text]
        return found

    def _found(self, slots: IntArray, words: list[WordArray], length: IntArray) -> IntArray:
        """Places of names in slots, -1 where another one or none is there."""
        found = self._slots[slots]
        same = (found >= 0) & (self._length[found] == length)
        for number, word in enumerate(words):
            same &= self._words[number][found] == word
        found[~same] = -1
        return found

    def _named(self, text: bytes) -> int:
        try:
            name = text.decode()
        except UnicodeDecodeError:
            return UNREADABLE
        unreadable = self._forbidden and self._forbidden in name
        return UNREADABLE if unreadable or _ODD.search(text) else self.place(name)

    def _keep(self, place: int, slot: int, words: list[np.uint64]) -> None:
        while place >= len(self._length):
            self._words = np.concatenate([self._words, np.zeros_like(self._words)], axis=1)
            self._length = np.concatenate([self._length, np.full_like(self._length, -1)])
        if self._slots[slot] >= 0 and self._slots[slot ^ 1] < 0:
            slot ^= 1
        self._slots[slot] = place
        self._words[: len(words), place] = words


def _masked(data: Bytes, start: IntArray, length: IntArray) -> list[WordArray]:
    """The words of each piece that the table compares, zero beyond its end."""
    longest, shortest = int(length.max(initial=0)), int(length.min(initial=0))
    count = -(-min(longest, _WORDS * WORD) // WORD)
    lines, inside = data.lines(start, count)
    found = []
    for number in range(count):
        begin = number * WORD
        words = lines[:, number] if inside.all() else data.words(start + begin)
        if longest == shortest and longest - begin < WORD:
            words = words & MASKS[longest - begin]
        elif shortest - begin < WORD:
            words = words & MASKS[np.clip(length - begin, 0, WORD)]
        found.append(words)
    return found


def _slots(words: list[WordArray], length: IntArray) -> IntArray:
    mixed = length.astype(np.uint64)
    for word in words:
        mixed ^= word
        mixed *= _PRIME
    return ((mixed ^ mixed >> np.uint64(29)) * _PRIME >> _SHIFT).astype(np.int64)
