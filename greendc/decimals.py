"""Numbers in pieces of one text, as JSON has them, to the nearest float64."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from greendc.columns import IntArray
from greendc.spans import (
    MASKS,
    WORD,
    BoolArray,
    Bytes,
    FloatArray,
    WordArray,
    digits,
    first_in,
    one_or_all,
    run,
)

_ZERO, _DOT, _MINUS = b"0.-"
_LONGEST = 24  # characters of a number; longer ones are left to a parser
_DIGITS = 18  # that fit an integer of 64 bits
_EXACT = 2**53  # up to here a float64 holds every integer
_DECIMALS = _LONGEST - len("0.")
_POWERS = 10.0 ** np.arange(_DECIMALS + 1)  # exact up to 10^22
_WHOLE_POWERS = 10 ** np.arange(_DIGITS + 1)
_SPLIT = 2.0**27 + 1  # halves a float64: 26 bits of it, and the rest
_CERTAIN = 2.0**-50  # more than the quotient's remainder is off by


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
        if mask.all():
            return self
        return Reals(
            self.valid[mask],
            self.whole[mask],
            self.fits[mask],
            self.integer[mask],
            self.value[mask],
        )


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
    longest = int(np.minimum(length.max(initial=0), _LONGEST))
    if longest <= 1:
        return _figures(data, start, length)
    small = longest <= WORD and length.min() >= 0
    found = _in_a_word(data, start, length) if small else _in_words(data, start, end)
    minus, lead, whole, head, tail, number, part, upper, valid = found
    valid &= (length <= _LONGEST) & (head > 0) & (whole | (tail > 0))
    valid &= (head == 1) | (lead != _ZERO)
    fits = (head + tail <= _DIGITS) | ((head == 1) & (number == 0) & (upper < 100))
    integer = number * _WHOLE_POWERS[np.minimum(tail, _DIGITS)] + part
    value, known = _quotients(integer, tail)
    if minus.any():
        valid &= ~(minus & fits & (integer == 0))
        integer, value = np.where(minus, -integer, integer), np.where(minus, -value, value)
    rest = np.flatnonzero(valid & ~(known & fits))
    value[rest] = list(map(float, data.pieces(start[rest], end[rest])))
    return Reals(valid, whole & valid, fits & whole & valid, integer, value)


class _Parts(NamedTuple):
    """Numbers before and behind the point, of so many digits; `upper`: what 10^16 is behind it."""

    minus: BoolArray
    lead: WordArray
    whole: BoolArray
    head: IntArray | int
    tail: IntArray | int
    number: IntArray
    part: IntArray
    upper: IntArray | int
    good: BoolArray


def _in_a_word(data: Bytes, start: IntArray, length: IntArray) -> _Parts:
    """Parts of pieces of at most eight bytes."""
    size = one_or_all(length)
    word = data.words(start) & MASKS[size]
    minus = (word & MASKS[1]) == _MINUS
    dot = one_or_all(np.minimum(first_in(word, _DOT), length))
    head, begin = dot, word
    if minus.any():
        head, begin = dot - minus, word >> minus * np.uint64(WORD)
    tail = np.maximum(size - dot - 1, 0)
    number, good = digits(word << _bits(WORD - dot), head)
    part, right = digits(word << _bits(WORD - size), tail)
    good &= right
    whole: BoolArray = length == dot
    return _Parts(minus, begin & MASKS[1], whole, head, tail, number, part, 0, good)


def _bits(count: IntArray | int) -> WordArray:
    return np.uint64(8) * np.asarray(count).astype(np.uint64)


def _in_words(data: Bytes, start: IntArray, end: IntArray) -> _Parts:
    """Parts of pieces of any length."""
    longest = int(np.minimum((end - start).max(), _LONGEST))
    lead = data.words(start) & MASKS[1]
    minus = lead == _MINUS
    begin = start
    if minus.any():
        begin = start + minus
        lead = data.words(begin) & MASKS[1]
    dot = np.minimum(data.likely(begin, _DOT, -(-longest // WORD)), end)  # before it are digits
    head, tail = one_or_all(dot - begin), one_or_all(np.maximum(end - dot - 1, 0))
    number, good, _ = _before(data, dot, head)
    part, right, upper = _before(data, end, tail)
    good &= right
    return _Parts(minus, lead, dot == end, head, tail, number, part, upper, good)


def _before(
    data: Bytes, end: IntArray, count: IntArray | int
) -> tuple[IntArray, BoolArray, IntArray]:
    """Numbers of so many digits before places, where there are such, and what 10^16 is in them.

    Numbers of more than 18 digits are not right unless they begin with zeros.
    """
    longest = min(int(np.max(count)), _LONGEST)
    number, upper = np.zeros(len(end), np.int64), np.zeros(len(end), np.int64)
    good = np.ones(len(end), np.bool_)
    for begin in reversed(range(0, longest, WORD)):
        size = np.minimum(np.maximum(count - begin, 0), WORD)
        part, right = digits(data.words(end - (begin + WORD)), size)
        if begin == 2 * WORD:
            upper = part
        number *= 10**WORD
        number += part
        good &= right
    return number, good, upper


def _quotients(integer: IntArray, decimals: IntArray | int) -> tuple[FloatArray, BoolArray]:
    """The nearest to integers that are not negative by powers of ten, and which of them it is.

    Up to 2^53 numerator and power are exact, and so is the rounding of their quotient. Beyond,
    quotient and remainder are worked out to twice the length, and where the remainder may be off
    by so much that the sum of both would be another one, it is left open [1]_.

    References
    ----------
    .. [1] T. J. Dekker, A Floating-Point Technique for Extending the Available Precision,
       Numerische Mathematik 18 (1971); A. Ziv, Fast Evaluation of Elementary Mathematical Functions
       with Correctly Rounded Last Bit, ACM Transactions on Mathematical Software 17 (1991).
    """
    divisor = _POWERS[np.minimum(decimals, _DECIMALS)]
    numerator = integer.astype(np.float64)
    value = numerator / divisor
    known = integer < _EXACT
    large = np.flatnonzero(~known & (integer < 2**62))
    if len(large):
        by = np.broadcast_to(divisor, len(integer))[large]
        value[large], known[large] = _rounded(integer[large], numerator[large], by)
    return value, known


def _rounded(
    integer: IntArray, numerator: FloatArray, divisor: FloatArray
) -> tuple[FloatArray, BoolArray]:
    quotient = numerator / divisor
    product = quotient * divisor
    upper, lower = _halves(quotient)
    left, right = _halves(divisor)
    beyond = ((upper * left - product) + upper * right + lower * left) + lower * right
    cut = (integer - numerator.astype(np.int64)).astype(np.float64)
    more = (((numerator - product) - beyond) + cut) / divisor
    low, high = quotient + more * (1 - _CERTAIN), quotient + more * (1 + _CERTAIN)
    return low, low == high


def _halves(number: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two numbers of 26 bits whose sum it is."""
    large = number * _SPLIT
    upper = large - (large - number)
    return upper, number - upper


def _figures(data: Bytes, start: IntArray, length: IntArray) -> Reals:
    """Numbers of at most one character."""
    integer = (data.words(start) & np.uint64(0xFF)).astype(np.int64) - _ZERO
    good = (length == 1) & (integer >= 0) & (integer < 10)
    return Reals(good, good, good, integer, integer.astype(np.float64))


def alike(data: Bytes, start: IntArray, model: bytes) -> Reals:
    """Integers of pieces that are as long as the model, their sign at the same place.

    >>> found = alike(Bytes(b"15 07 -7 99"), np.array([0, 3, 6, 9]), b"25")
    >>> print(found.valid, found.value[[0, 3]])
    [ True False False  True] [15. 99.]
    """
    sign = model.startswith(b"-")
    count = len(model) - sign
    integer, valid = run(data, start + sign, count)
    if count > 1:
        valid &= integer >= 10 ** (count - 1)
    if sign:
        valid &= data.matches(start, b"-") & (integer != 0)
        integer = -integer
    return Reals(valid, valid, valid, integer, integer.astype(np.float64))
