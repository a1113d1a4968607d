"""Pieces of one text as columns of words and times, without a Python object for each."""

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from greendc.columns import Cuts, IntArray

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
WordArray = npt.NDArray[np.uint64]

WORD = 8  # bytes
LONGEST = 128  # bytes within which an end is looked for
MASKS = np.array([(1 << 8 * count) - 1 for count in range(WORD + 1)], np.uint64)  # first bytes
_PAD = bytes(2 * WORD)  # around the text, so that words may be read across its ends
_TOO_LONG = 37  # characters of a time: so many have not the form
_ONES = np.uint64(0x0101010101010101)  # a word of the byte 1
_HIGH, _BEYOND_NINE = _ONES * np.uint64(0x80), _ONES * np.uint64(0x80 - 10)
_ZEROS, _LETTERS, _QUOTES, _BACKSLASHES, _SPACES = (_ONES * np.uint64(byte) for byte in b'0a"\\ ')
_PAIRS = np.uint64(0xFF000000FF)
_LAST = 2**62  # ns; times beyond it, and before 1970, are left to whoever knows their limits
_SECOND = 10**9  # ns
_MINUTE = 16  # characters of `2025-03-01T00:00`
_STAMP = re.compile(rb".{16}:\d\d(?:\.(\d{1,9}))?(Z|Z?[+-]\d\d:?\d\d)", re.DOTALL)


class Bytes:
    """A text as bytes, and as words of eight bytes that begin at any of them."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        padded = self._padded = b"".join((_PAD, text, _PAD))
        self._words = np.ndarray(len(padded) - WORD + 1, "<u8", padded, strides=(1,))
        self._inner = self._words[len(_PAD) :]
        self.array: ByteArray = np.frombuffer(padded, np.uint8)[len(_PAD) : len(_PAD) + len(text)]

    def words(self, place: IntArray) -> WordArray:
        """The eight bytes from each place on, the first one the lowest; beyond the text zeros."""
        inside = place.min(initial=0) >= 0 and place.max(initial=0) <= len(self.text)
        if inside:
            return self._inner[place]
        return self._words[np.clip(place, -WORD, len(self.text)) + len(_PAD)]

    def lines(self, start: IntArray, words: int) -> tuple[WordArray, BoolArray]:
        """So many words from each place on, one place to a row; and where the text has so many.

        The last word may reach beyond the text.
        """
        size = words * WORD
        count = len(self.text) + WORD - size
        if count <= 0:
            return np.zeros((len(start), words), np.uint64), np.zeros(len(start), np.bool_)
        window = np.ndarray(count, f"V{size}", self._padded, offset=len(_PAD), strides=(1,))
        inside = np.ones(len(start), np.bool_)
        if start.min(initial=0) < 0 or start.max(initial=0) >= count:
            inside = (start >= 0) & (start < count)
            start = np.where(inside, start, 0)
        return window[start].view("<u8").reshape(len(start), words), inside

    def first(self, place: IntArray, byte: int, words: int) -> IntArray:
        """Where a byte first stands from each place on; so many words further where it does not.

        >>> print(Bytes(b"it/power dc").first(np.array([0, 3, 9]), ord(" "), 2))
        [ 8  8 25]
        """
        found = place + words * WORD
        rows, same = np.arange(len(place)), _ONES * np.uint64(byte)
        for offset in range(0, words * WORD, WORD):
            differ = self.words(place + offset) ^ same
            here = differ - _ONES & ~differ & _HIGH  # right up to the first one
            some = np.flatnonzero(here)
            if not len(some):
                continue
            bit = here[some]
            before = np.bitwise_count(bit - np.uint64(1) & ~bit) >> 3
            found[rows[some]] = place[some] + offset + before
            if len(some) == len(rows):
                break
            none = here == 0
            rows, place = rows[none], place[none]
        return found

    def matches(self, place: IntArray, literal: bytes) -> BoolArray:
        """Where the literal, in which there is no zero byte, stands."""
        first = self.words(place)
        if len(literal) < WORD:
            first &= MASKS[len(literal)]
        same: BoolArray = first == _word(literal)
        for begin in range(WORD, len(literal), WORD):
            at = min(begin, len(literal) - WORD)  # the last word may overlap the one before
            same &= self.words(place + at) == _word(literal[at:])
        return same

    def pieces(self, start: IntArray, end: IntArray) -> list[bytes]:
        """The pieces themselves."""
        text = self.text
        return [text[lo:hi] for lo, hi in zip(start.tolist(), end.tolist(), strict=True)]


def _word(text: bytes) -> np.uint64:
    """The first bytes as a word."""
    return np.uint64(int.from_bytes(text[:WORD], "little"))


def one_or_all(column: IntArray) -> IntArray | int:
    """An integer where all of a column are the same one; it is quicker."""
    first = int(column[0]) if len(column) else 0
    return first if (column == first).all() else column


# -- words -------------------------------------------------------------------------------------


def digits(words: WordArray, count: int | IntArray) -> tuple[IntArray, BoolArray]:
    """Numbers that the last bytes of words spell, and where all these bytes are digits.

    >>> words = np.array([int.from_bytes(text, "little") for text in (b"w: 00042", b"w: 4.2, ")])
    >>> number, good = digits(words.astype(np.uint64), 5)
    >>> print(number[0], good)
    42 [ True False]
    """
    figure: WordArray = words ^ _ZEROS
    figure &= ~MASKS[WORD - count]
    other: WordArray = figure + _BEYOND_NINE
    other |= figure
    other &= _HIGH
    good: BoolArray = other == 0
    # Pairs of digits, then pairs of these, then both halves: the first digit is the lowest byte.
    np.right_shift(figure, np.uint64(8), out=other)
    figure *= np.uint64(10)
    figure += other
    np.right_shift(figure, np.uint64(16), out=other)
    figure &= _PAIRS
    figure *= np.uint64(100 + (1_000_000 << 32))
    other &= _PAIRS
    other *= np.uint64(1 + (10_000 << 32))
    figure += other
    figure >>= np.uint64(32)
    return figure.view(np.int64), good


def run(data: Bytes, start: IntArray, count: int) -> tuple[IntArray, BoolArray]:
    """Numbers of so many digits, at most 18, from places on; and where there are such."""
    number, good = np.zeros(len(start), np.int64), np.ones(len(start), np.bool_)
    for begin in range(0, count, WORD):
        size = min(WORD, count - begin)
        part, right = digits(data.words(start + (begin + size - WORD)), size)
        number = number * 10**size + part
        good &= right
    return number, good


def plain(words: WordArray, under: np.uint64 | WordArray) -> BoolArray:
    r"""Where bytes under a mask are ASCII and none is a quote, a backslash or a control character.

    >>> words = np.array([int.from_bytes(text, "little") for text in (b'"W", "q"', b'"\\n","q"')])
    >>> print(plain(words.astype(np.uint64), np.uint64(0xFF00)))
    [ True False]
    """
    word: WordArray = words & under | _LETTERS & ~under
    quote, backslash = word ^ _QUOTES, word ^ _BACKSLASHES
    odd: WordArray = word | (quote - _ONES & ~quote) | (backslash - _ONES & ~backslash)
    odd |= word - _SPACES & ~word
    found: BoolArray = (odd & _HIGH) == 0
    return found


# -- pieces ------------------------------------------------------------------------------------


def cut(data: Bytes, cuts: Cuts, start: IntArray, end: IntArray) -> list[IntArray]:
    """Where the pieces of texts begin.

    What lies between two pieces may be of any length up to `LONGEST`, before the last one of any.

    >>> text = b'{"w": 17.5, "q": 1}{"w": 8, "q": 0}'
    >>> from_, to = np.array([0, 19]), np.array([19, 35])
    >>> [at.tolist() for at in cut(Bytes(text), Cuts((6, 9), b","), from_, to)]
    [[0, 19], [10, 26]]
    """
    places = [start]
    for length, byte in zip(cuts.lengths[:-2], cuts.behind, strict=False):
        places.append(data.first(places[-1] + length, byte, LONGEST // WORD))
    if len(cuts.lengths) > 1:
        places.append(end - cuts.lengths[-1])
    return places


# -- times -------------------------------------------------------------------------------------


def stamps(
    data: Bytes, start: IntArray, end: IntArray, read: Callable[[str], int | None]
) -> tuple[IntArray, BoolArray]:
    """Times [ns] of pieces of the form `2025-03-01T00:00:00.5Z`, and which have it.

    An offset may stand in place of the Z, or behind it. `read` reads a time at the beginning of
    a minute, `2025-03-01T00:00:00Z`, to ns.

    Examples
    --------
    >>> text = b"1970-01-01T00:01:02.5Z or yesterday"
    >>> from_, to = np.array([0, 26]), np.array([22, 35])
    >>> times, good = stamps(Bytes(text), from_, to, lambda _: 60 * 10**9)
    >>> print(times[0], good)
    62500000000 [ True False]
    """
    length = end - start
    if len(length) and length.min() == length.max():
        return _stamps(data, start, int(length[0]), read)
    times, good = np.zeros(len(start), np.int64), np.zeros(len(start), np.bool_)
    for size in np.flatnonzero(np.bincount(np.clip(length, 0, _TOO_LONG))).tolist():
        rows = np.flatnonzero(length == size)
        times[rows], good[rows] = _stamps(data, start[rows], size, read)
    return times, good


def _stamps(
    data: Bytes, start: IntArray, size: int, read: Callable[[str], int | None]
) -> tuple[IntArray, BoolArray]:
    """The same of pieces of one length, which must look like the first one that has the form."""
    nothing = np.zeros(len(start), np.int64), np.zeros(len(start), np.bool_)
    first = int(start[0]) if len(start) else 0
    found = _STAMP.fullmatch(data.text, first, first + size) if len(start) else None
    if found is None:
        return nothing
    suffix, fraction = found[2], len(found[1] or b"")
    times, good = _minutes(data, start, suffix.decode(), read)
    good &= data.matches(start + (size - len(suffix)), suffix)
    tail = data.words(start + _MINUTE)  # `:00.5Z`
    good &= (tail & MASKS[1]) == ord(":")
    seconds, right = digits(tail << np.uint64(8 * (WORD - 3)), 2)
    good &= right & (seconds < 60)
    times = times + seconds * _SECOND
    if fraction:
        good &= (tail >> np.uint64(24) & MASKS[1]) == ord(".")
        parts, right = run(data, start + (_MINUTE + 4), fraction)
        good &= right
        times += parts * 10 ** (9 - fraction)
    return times, good


def _minutes(
    data: Bytes, start: IntArray, suffix: str, read: Callable[[str], int | None]
) -> tuple[IntArray, BoolArray]:
    """The minutes that begin at some places; neighbours are mostly of the same one."""
    head, tail = data.words(start), data.words(start + WORD)
    new = np.ones(len(start), np.bool_)
    new[1:] = (head[1:] != head[:-1]) | (tail[1:] != tail[:-1])
    pairs = zip(head[new].tolist(), tail[new].tolist(), strict=True)
    times = np.array([_minute(*pair, suffix, read) for pair in pairs], np.int64)
    times = times[np.cumsum(new) - 1] if len(times) else np.zeros(0, np.int64)
    return times, times >= 0


@lru_cache(maxsize=4096)  # lines of other lengths, and payloads, have the same minutes again
def _minute(head: int, tail: int, suffix: str, read: Callable[[str], int | None]) -> int:
    """The time of a minute's two words; -1 where it has none that is to be had."""
    text = b"".join(word.to_bytes(WORD, "little") for word in (head, tail))
    at = read(f"{text.decode('ascii', 'replace')}:00{suffix}")
    return -1 if at is None or not 0 <= at < _LAST else at
