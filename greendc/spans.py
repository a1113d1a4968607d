"""Pieces of one text as columns of numbers and times, without a Python object for each."""

from collections.abc import Callable
from dataclasses import dataclass

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
_ZERO, _DOT, _MINUS, _COLON, _ZULU = b"0.-:Z"
_LONGEST = 24  # characters of a number; longer ones are left to a parser
_DIGITS = 18  # that fit an integer of 64 bits
_EXACT = 2**53  # up to here a float64 holds every integer
_POWERS = 10.0 ** np.arange(_DIGITS + 1)  # exact up to 10^22
_LAST = 2**62  # ns; times beyond it, and before 1970, are left to whoever knows their limits
_SECOND = 10**9  # ns
_NANOS = 10 ** np.arange(9, -1, -1)


class Bytes:
    """A text as bytes, and as words of eight bytes that begin at any of them."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        padded = b"".join((_PAD, text, _PAD))
        self._words = np.ndarray(len(padded) - WORD + 1, "<u8", padded, strides=(1,))
        self._inner = self._words[len(_PAD) :]
        self.array: ByteArray = np.frombuffer(padded, np.uint8)[len(_PAD) : len(_PAD) + len(text)]

    def words(self, place: IntArray) -> WordArray:
        """The eight bytes from each place on, the first one the lowest; beyond the text zeros."""
        inside = place.min(initial=0) >= 0 and place.max(initial=0) <= len(self.text)
        if inside:
            return self._inner[place]
        return self._words[np.clip(place, -WORD, len(self.text)) + len(_PAD)]

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


# -- numbers -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reals:
    """Pieces of a text as numbers.

    `valid`: it is a JSON number without an exponent, and not a negative zero. `whole`: it is
    an integer, in `integer` if `fits`. `value` is its float64, correctly rounded.
    """

    valid: BoolArray
    whole: BoolArray
    fits: BoolArray
    integer: IntArray
    value: FloatArray

    def where(self, mask: BoolArray) -> "Reals":
        """Some of them."""
        return Reals(
            self.valid[mask],
            self.whole[mask],
            self.fits[mask],
            self.integer[mask],
            self.value[mask],
        )


class _Scan:
    """Reads numbers character by character, all of them at once."""

    def __init__(self, data: Bytes, start: IntArray, length: IntArray, width: int) -> None:
        self.table = data.table(start, width)
        count = len(start)
        self.length = np.minimum(length, 255).astype(np.uint8)
        self.valid = length <= width
        self.digits = np.zeros(count, np.uint8)
        self.after = np.zeros(count, np.uint8)
        self.dots = np.zeros(count, np.uint8)
        self.mantissa = np.zeros(count, np.int64)
        self.minus = self.table[0] == _MINUS
        for place, column in enumerate(self.table):
            self._take(place, column)

    def _take(self, place: int, column: ByteArray) -> None:
        inside = self.length > place
        figure = column - np.uint8(_ZERO)
        digit = inside & (figure < 10)
        dot = inside & (column == _DOT)
        known = digit | dot | ~inside
        self.valid &= known if place else known | self.minus
        self.mantissa *= np.where(digit, 10, 1)
        self.mantissa += np.where(digit, figure, np.uint8(0))
        self.digits += digit
        self.after += digit & (self.dots > 0)
        self.dots += dot

    def grammar(self) -> BoolArray:
        """Which are numbers as JSON has them: `-0.5`, but not `.5`, `5.`, `007` or `1.2.3`."""
        sign = self.minus.astype(np.uint8)
        first = np.where(self.minus, self.table[1], self.table[0])
        second = np.where(self.minus, self.table[2], self.table[1])
        begins = (first - np.uint8(_ZERO)) < 10
        alone = (self.length == sign + 1) | (second == _DOT)
        begins &= (first != _ZERO) | alone
        ends = (self.dots == 0) | ((self.dots == 1) & (self.after > 0))
        found: BoolArray = self.valid & begins & ends & (self.length > sign)
        return found


def reals(data: Bytes, start: IntArray, end: IntArray) -> Reals:
    """Numbers of pieces of a text.

    Examples
    --------
    >>> text = b"7 -0.5 1e3 007"
    >>> found = reals(Bytes(text), np.array([0, 2, 7, 11]), np.array([1, 6, 10, 14]))
    >>> print(found.valid, found.whole, found.value[:2])
    [ True  True False False] [ True False False False] [ 7.  -0.5]
    """
    length = end - start
    width = int(np.minimum(length.max(initial=0), _LONGEST))
    if width == 1:
        return _figures(data, start, length)
    scan = _Scan(data, start, length, max(width, 3))
    fits = scan.digits <= _DIGITS
    valid = scan.grammar() & ~(scan.minus & fits & (scan.mantissa == 0))
    whole = valid & (scan.dots == 0)
    integer = np.where(scan.minus, -scan.mantissa, scan.mantissa)
    # Numerator and power of ten are exact, so that the quotient is the nearest to the decimal.
    value = integer / _POWERS[np.minimum(scan.after, _DIGITS)]
    exact = fits & ((np.abs(integer) < _EXACT) | whole)
    rest = np.flatnonzero(valid & ~exact)
    value[rest] = list(map(float, data.pieces(start[rest], end[rest])))
    return Reals(valid, whole, fits & whole, integer, value)


def _figures(data: Bytes, start: IntArray, length: IntArray) -> Reals:
    """Numbers of at most one character."""
    integer = (data.words(start) & np.uint64(0xFF)).astype(np.int64) - _ZERO
    good = (length == 1) & (integer >= 0) & (integer < 10)
    return Reals(good, good, good, integer, integer.astype(np.float64))


# -- times -------------------------------------------------------------------------------------


def stamps(
    data: Bytes, start: IntArray, end: IntArray, minute: Callable[[str], int | None]
) -> tuple[IntArray, BoolArray]:
    """Times [ns] of pieces of the form `2025-03-01T00:00:00.5Z`, and which have it.

    `minute` reads what stands before the seconds, `2025-03-01T00:00`, to ns.

    Examples
    --------
    >>> text = b"1970-01-01T00:01:02.5Z or 1970-01-01T00:01:02+01:00"
    >>> from_, to = np.array([0, 26]), np.array([22, 51])
    >>> times, good = stamps(Bytes(text), from_, to, lambda _: 60 * 10**9)
    >>> print(times[0], good)
    62500000000 [ True False]
    """
    length = end - start
    times, good = _minutes(data, start, minute)
    good &= (length >= 20) & (length <= 30) & (length != 21)
    digits = np.where(good & (length > 20), length - 21, 0)
    tail = data.table(start + 16, 5 + int(digits.max(initial=0)))
    tens, ones = tail[1] - np.uint8(_ZERO), tail[2] - np.uint8(_ZERO)
    good &= (tail[0] == _COLON) & (tens < 6) & (ones < 10)
    good &= tail[3] == np.where(length > 20, _DOT, _ZULU)
    nanos = np.zeros(len(start), np.int64)
    for place, column in enumerate(tail[4:]):
        figure = column - np.uint8(_ZERO)
        inside = digits > place
        good &= np.where(inside, figure < 10, (digits < place) | (digits == 0) | (column == _ZULU))
        nanos = np.where(inside, nanos * 10 + figure, nanos)
    times = times + (tens.astype(np.int64) * 10 + ones) * _SECOND + nanos * _NANOS[digits]
    return times, good


def _minutes(
    data: Bytes, start: IntArray, minute: Callable[[str], int | None]
) -> tuple[IntArray, BoolArray]:
    """The minutes that begin at some places; neighbours are mostly of the same one."""
    head, tail = data.words(start), data.words(start + WORD)
    new = np.ones(len(start), np.bool_)
    new[1:] = (head[1:] != head[:-1]) | (tail[1:] != tail[:-1])
    first = start[new]
    found = [minute(p.decode("ascii", "replace")) for p in data.pieces(first, first + 2 * WORD)]
    times = np.array([-1 if at is None or not 0 <= at < _LAST else at for at in found], np.int64)
    times = times[np.cumsum(new) - 1] if len(times) else np.zeros(0, np.int64)
    return times, times >= 0
