"""Pieces of one text as columns of words, without a Python object for each."""

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
_ONE = np.uint64(1)
_ONES = np.uint64(0x0101010101010101)  # a word of the byte 1
_HIGH, _BEYOND_NINE = _ONES * np.uint64(0x80), _ONES * np.uint64(0x80 - 10)
_ZEROS, _LETTERS, _QUOTES, _BACKSLASHES, _SPACES = (_ONES * np.uint64(byte) for byte in b'0a"\\ ')
_PAIRS = np.uint64(0xFF000000FF)


class Bytes:
    """A text as bytes, and as words of eight bytes that begin at any of them."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.array: ByteArray = np.frombuffer(text, np.uint8)
        whole = text.ljust(WORD, b"\0")
        self._last = len(whole) - WORD
        # as bytes: numbers that are not aligned numpy gathers at a third of the speed
        self._words = np.ndarray(self._last + 1, f"V{WORD}", whole, strides=(1,))

    def words(self, place: IntArray) -> WordArray:
        """The eight bytes from each place on, the first one the lowest; beyond the text zeros."""
        if place.min(initial=0) >= 0 and place.max(initial=0) <= self._last:
            return self._words[place].view("<u8")
        near = np.clip(place, 0, self._last)
        found = self._words[near].view("<u8")
        rows = np.flatnonzero(near != place)
        bits = np.clip(place[rows] - near[rows], -WORD, WORD) * 8
        found[rows] >>= np.maximum(bits, 0).astype(np.uint64)
        found[rows] <<= np.maximum(-bits, 0).astype(np.uint64)
        return found

    def lines(self, start: IntArray, words: int) -> tuple[WordArray, BoolArray]:
        """So many words from each place on, one place to a row; and where the text has so many.

        The last word may reach beyond the text.
        """
        size = words * WORD
        whole = self.text.ljust(size, b"\0")
        last = len(whole) - size
        near = start
        inside = np.ones(len(start), np.bool_)
        if start.min(initial=0) < 0 or start.max(initial=0) > len(self.text) - size:
            near = np.clip(start, 0, last)
            inside = (start >= 0) & (start < len(self.text) - size + WORD)
        window = np.ndarray(last + 1, f"V{size}", whole, strides=(1,))
        found = window[near].view("<u8").reshape(len(start), words)
        if near is not start and len(beyond := np.flatnonzero(start > near)):
            tail = Bytes(whole[last:] + bytes(WORD))
            by = np.minimum(start[beyond] - near[beyond], WORD)
            found[beyond], _ = tail.lines(by, words)
        return found, inside

    def likely(self, place: IntArray, byte: int, words: int) -> IntArray:
        """As `first`; where the byte is as far from all places as from the first one, it is there.

        It may then stand before as well: whoever reads what is in between sees it.
        """
        begin = int(place[0]) if len(place) else 0
        at = self.text.find(byte, begin, begin + words * WORD)
        same = place + (at - begin)
        if at >= 0 and self.matches(same, bytes([byte])).all():
            return same
        return self.first(place, byte, words)

    def first(self, place: IntArray, byte: int, words: int) -> IntArray:
        """Where a byte first stands from each place on; so many words further where it does not.

        >>> print(Bytes(b"it/power dc").first(np.array([0, 3, 9]), ord(" "), 2))
        [ 8  8 25]
        """
        found = place + words * WORD
        rows = np.arange(len(place))
        for offset in range(0, words * WORD, WORD):
            before = first_in(self.words(place + offset), byte)
            here = before < WORD
            found[rows[here]] = place[here] + offset + before[here]
            if here.all():
                break
            rows, place = rows[~here], place[~here]
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


def places_of(text: bytes, byte: int) -> IntArray:
    """Where a byte stands in a text.

    >>> print(places_of(b"7 kW", ord(" ")))
    [1]
    """
    same = np.frombuffer(text, np.uint8) == byte
    bits = np.packbits(same, bitorder="little").tobytes()
    words = np.frombuffer(bits + bytes(-len(bits) % WORD), "<u8")
    at = np.flatnonzero(words)
    word = words[at]
    if (word & word - _ONE).any():  # several in 64 bytes
        return np.flatnonzero(same)
    return at * 64 + np.bitwise_count(word - _ONE)


def one_or_all(column: IntArray) -> IntArray | int:
    """An integer where all of a column are the same one; it is quicker."""
    first = int(column[0]) if len(column) else 0
    return first if (column == first).all() else column


# -- words -------------------------------------------------------------------------------------


def first_in(words: WordArray, byte: int) -> IntArray:
    """Which byte of words is the first of a kind, 8 where none is.

    >>> print(first_in(np.array([0x2E37, 0x37], np.uint64), ord(".")))
    [1 8]
    """
    differ = words ^ _ONES * np.uint64(byte)
    bit = differ - _ONES & ~differ & _HIGH  # right up to the first one
    return (np.bitwise_count(bit - _ONE & ~bit) >> 3).astype(np.int64)


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

    What lies between two pieces may be of any length up to `LONGEST`, before the last one of any;
    it is not looked into.

    >>> text = b'{"w": 17.5, "q": 1}{"w": 8, "q": 0}'
    >>> from_, to = np.array([0, 19]), np.array([19, 35])
    >>> [at.tolist() for at in cut(Bytes(text), Cuts((6, 9), b","), from_, to)]
    [[0, 19], [10, 26]]
    """
    places = [start]
    for length, byte in zip(cuts.lengths[:-2], cuts.behind, strict=False):
        places.append(data.likely(places[-1] + length, byte, LONGEST // WORD))
    if len(cuts.lengths) > 1:
        places.append(end - cuts.lengths[-1])
    return places
