"""Pieces of one text as columns of words and times, without a Python object for each."""

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from greendc.columns import IntArray

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
WordArray = npt.NDArray[np.uint64]

WORD = 8  # bytes
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

    def lines(self, start: IntArray, words: int) -> WordArray:
        """So many words from each place in the text on, one place to a row.

        At most 16 bytes of a row may lie beyond the text.
        """
        size = words * WORD
        count = len(self.text) + len(_PAD) - size + 1
        window = np.ndarray(count, f"V{size}", self._padded, offset=len(_PAD), strides=(1,))
        return window[start].view("<u8").reshape(len(start), words)

    def table(self, start: IntArray, width: int) -> ByteArray:
        """The first bytes from each place on, of shape (width, places)."""
        words = [self.words(start + place) for place in range(0, width, WORD)]
        rows = [word.view(np.uint8).reshape(-1, WORD).T for word in words]
        return np.ascontiguousarray(np.concatenate(rows)[:width])

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


# -- words -------------------------------------------------------------------------------------


def digits(words: WordArray, count: int) -> tuple[IntArray, BoolArray]:
    """Numbers that the last bytes of words spell, and where all these bytes are digits.

    >>> words = np.array([int.from_bytes(text, "little") for text in (b"w: 00042", b"w: 4.2, ")])
    >>> number, good = digits(words.astype(np.uint64), 5)
    >>> print(number[0], good)
    42 [ True False]
    """
    figure = (words ^ _ZEROS) & ~MASKS[WORD - count]
    good: BoolArray = ((figure + _BEYOND_NINE | figure) & _HIGH) == 0
    # Pairs of digits, then pairs of these, then both halves: the first digit is the lowest byte.
    pair = figure * np.uint64(10) + (figure >> np.uint64(8))
    lower = (pair & _PAIRS) * np.uint64(100 + (1_000_000 << 32))
    upper = (pair >> np.uint64(16) & _PAIRS) * np.uint64(1 + (10_000 << 32))
    return (lower + upper >> np.uint64(32)).astype(np.int64), good


def run(data: Bytes, start: IntArray, count: int) -> tuple[IntArray, BoolArray]:
    """Numbers of so many digits, at most 18, from places on; and where there are such."""
    number, good = np.zeros(len(start), np.int64), np.ones(len(start), np.bool_)
    for begin in range(0, count, WORD):
        size = min(WORD, count - begin)
        part, right = digits(data.words(start + (begin + size - WORD)), size)
        number = number * 10**size + part
        good &= right
    return number, good


def plain(words: WordArray, mask: int) -> BoolArray:
    r"""Where bytes under a mask are ASCII and none is a quote, a backslash or a control character.

    >>> words = np.array([int.from_bytes(text, "little") for text in (b'"W", "q"', b'"\\n","q"')])
    >>> print(plain(words.astype(np.uint64), 0xFF00))
    [ True False]
    """
    under = np.uint64(mask)
    word = words & under | _LETTERS & ~under
    quote, backslash = word ^ _QUOTES, word ^ _BACKSLASHES
    odd = word | (quote - _ONES & ~quote) | (backslash - _ONES & ~backslash)
    odd |= word - _SPACES & ~word
    found: BoolArray = (odd & _HIGH) == 0
    return found


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
