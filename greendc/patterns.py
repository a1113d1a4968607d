"""Patterns of texts: the pieces that they have in common, and values that lie within or between."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from greendc.columns import Cuts, IntArray
from greendc.spans import MASKS, WORD, BoolArray, Bytes, WordArray, cut, one_or_all, plain

_LONGEST_NUMBER = 24  # characters
_REPEATED = 4  # words to a change of them, from which on each is looked at once
_WHOLE = np.uint64(2**64 - 1)


class Span(NamedTuple):
    """Where something begins and ends in a text."""

    start: int
    end: int


class Piece(NamedTuple):
    """What pieces of one length have in common.

    `same` are the words that are those of all, as (place, mask, word); `free` has the masks of
    what is their own and must have no escapes.
    """

    words: int
    same: tuple[tuple[int, np.uint64, np.uint64], ...]
    free: tuple[tuple[int, np.uint64], ...]

    @classmethod
    def of(cls, text: bytes, same: bytes, free: bytes) -> "Piece":
        """A model, and masks of as many bytes."""
        word = _words(text)
        alike = ((place, mask, mask & word[place]) for place, mask in enumerate(_words(same)))
        return cls(
            len(word),
            tuple((place, np.uint64(m), np.uint64(w)) for place, m, w in alike if m),
            tuple((place, np.uint64(m)) for place, m in enumerate(_words(free)) if m),
        )

    def stands(self, data: Bytes, start: IntArray) -> BoolArray:
        """At which places one stands."""
        lines, inside = data.lines(start, self.words)
        return inside & self.alike(lines)

    def alike(self, lines: WordArray) -> BoolArray:
        """Which rows of words are one, from their beginning on."""
        good = np.ones(len(lines), np.bool_)
        for place, mask, word in self.same:
            column = lines[:, place]
            good &= (column if mask == _WHOLE else column & mask) == word
        for place, mask in self.free:
            good &= _plain(lines[:, place], mask)
        return good


def _plain(words: WordArray, under: np.uint64) -> BoolArray:
    """As `plain`, one for all where all are; of neighbours that are the same one is looked at."""
    new = np.append(True, words[1:] != words[:-1])[: len(words)]
    if np.count_nonzero(new) * _REPEATED > len(words):
        return plain(words, under)
    found = plain(words[new], under)
    return found[:1] if found.all() else found[np.cumsum(new) - 1]


class Pattern(NamedTuple):
    """What texts have in common: their pieces, and which of what lies between is a number."""

    cuts: Cuts
    pieces: tuple[Piece, ...]
    numbers: tuple[bool, ...]

    @classmethod
    def of(
        cls, text: bytes, free: Iterable[Span], checked: Iterable[Span], loose: Mapping[Span, bool]
    ) -> "Pattern":
        """Pattern of a model.

        As long in all texts are what is `free` and what is `checked` otherwise; of any length
        is what is `loose`: a number, or something that is checked otherwise.
        """
        same, own = bytearray(b"\xff" * len(text)), bytearray(len(text))
        for start, end in (*free, *checked):
            same[start:end] = bytes(end - start)
        for start, end in free:
            own[start:end] = b"\xff" * (end - start)
        spans = sorted(loose)
        pieces = [
            Piece.of(text[start:end], bytes(same[start:end]), bytes(own[start:end]))
            for start, end in pieces_of(spans, len(text))
        ]
        return cls(cuts(text, spans), tuple(pieces), tuple(loose[span] for span in spans))

    def found(self, data: Bytes, start: IntArray, end: IntArray) -> tuple[IntArray, list[IntArray]]:
        """Rows of the texts that have it, and where their pieces begin."""
        good = self.pieces[0].stands(data, start)
        if not self.numbers:
            good &= end - start == self.cuts.lengths[0]
        rows = np.flatnonzero(good)
        if len(rows) < len(start):
            start, end = start[rows], end[rows]
        places = cut(data, self.cuts, start, end)
        for number, piece in enumerate(self.pieces[1:]):
            begin, place = places[number] + self.cuts.lengths[number], places[number + 1]
            good = (place >= begin) & piece.stands(data, place)
            if self.numbers[number]:
                good &= _is_short(data, begin, place)
            if not good.all():
                rows, places = rows[good], [place[good] for place in places]
        return rows, places


def _is_short(data: Bytes, start: IntArray, end: IntArray) -> BoolArray:
    """Where something is no longer than a number, and without escapes."""
    size = end - start
    good, length = size <= _LONGEST_NUMBER, one_or_all(size)
    for begin in range(0, min(int(np.max(length)), _LONGEST_NUMBER), WORD):
        count = np.minimum(np.maximum(length - begin, 0), WORD)
        good &= plain(data.words(start + begin), MASKS[count])
    return good


def _words(text: bytes) -> list[int]:
    return [int.from_bytes(text[at : at + WORD], "little") for at in range(0, len(text), WORD)]


def pieces_of(loose: Iterable[Span], size: int) -> list[Span]:
    """The pieces of a text of this size between what is loose.

    >>> pieces_of([Span(3, 5)], 8)
    [Span(start=0, end=3), Span(start=5, end=8)]
    """
    borders = [0, *(place for span in loose for place in span), size]
    return [Span(*pair) for pair in zip(borders[::2], borders[1::2], strict=True)]


def cuts(text: bytes, loose: list[Span]) -> Cuts:
    """How texts like this one are cut."""
    pieces = pieces_of(loose, len(text))
    return Cuts(tuple(p.end - p.start for p in pieces), bytes(text[p.start] for p in pieces[1:]))


def where(at: int, loose: list[Span]) -> tuple[int, int]:
    """The number of the piece in which a place lies, or ends, and how far behind its beginning."""
    ends = [0, *(span.end for span in loose if span.end <= at)]
    return len(ends) - 1, at - ends[-1]
