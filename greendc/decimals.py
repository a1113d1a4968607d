"""Numbers in pieces of one text, as JSON has them, to the nearest float64."""

from dataclasses import dataclass

import numpy as np

from greendc.columns import IntArray
from greendc.spans import BoolArray, ByteArray, Bytes, FloatArray, run

_ZERO, _DOT, _MINUS = b"0.-"
_LONGEST = 24  # characters of a number; longer ones are left to a parser
_DIGITS = 18  # that fit an integer of 64 bits
_EXACT = 2**53  # up to here a float64 holds every integer
_POWERS = 10.0 ** np.arange(_DIGITS + 1)  # exact up to 10^22


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


def alike(data: Bytes, start: IntArray, model: bytes) -> Reals:
    """Numbers of pieces that are as long as the model, their dot and sign at the same places.

    >>> found = alike(Bytes(b"1.5 0.7 007 -.5"), np.array([0, 4, 8, 12]), b"2.5")
    >>> print(found.valid, found.value[:2])
    [ True  True False False] [1.5 0.7]
    """
    sign = model.startswith(b"-")
    head, dot, tail = model[sign:].partition(b".")
    integer, valid = run(data, start + sign, len(head))
    if len(head) > 1:
        valid &= integer >= 10 ** (len(head) - 1)
    if sign:
        valid &= data.matches(start, b"-")
    if dot:
        place = start + (sign + len(head))
        if len(head) + len(tail) > _DIGITS:
            valid &= integer == 0  # more would not fit
        after, right = run(data, place + 1, len(tail))
        integer = integer * 10 ** len(tail) + after
        valid &= right & data.matches(place, dot)
    if sign:
        valid &= integer != 0
        integer = -integer
    value = integer / _POWERS[len(tail)]
    if dot:
        rest = np.flatnonzero(valid & (np.abs(integer) >= _EXACT))
        value[rest] = list(map(float, data.pieces(start[rest], start[rest] + len(model))))
    same = np.full(len(start), not dot)
    return Reals(valid, valid & same, valid & same, integer, value)
