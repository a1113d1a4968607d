"""Times in pieces of one text as columns, without a Python object for each."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from greendc.columns import IntArray
from greendc.patterns import Piece
from greendc.spans import MASKS, WORD, BoolArray, Bytes, WordArray, digits

Read = Callable[[str], int | None]

_TOO_LONG = 37  # characters of a time: so many have not the form
_LAST = 2**62  # ns; times beyond it, and before 1970, are left to whoever knows their limits
_YEARS = 1970, 2115  # that lie within
_SECOND, _MINUTE, _DAY = 10**9, 60 * 10**9, 86_400 * 10**9  # ns
_MANY = 64  # minutes that are worth to be worked out side by side
_REPEATED = 2  # stamps to a change of them, from which on each is read once
_HEAD = 16  # characters of `2025-03-01T00:00`
_STAMP = re.compile(rb".{16}:\d\d(?:\.(\d{1,9}))?(Z|Z?[+-]\d\d:?\d\d)", re.DOTALL)


class _Signs(NamedTuple):
    """What stands between the digits of a word."""

    mask: np.uint64
    word: np.uint64

    @classmethod
    def of(cls, form: bytes) -> "_Signs":
        """Those of a form with zeros for digits."""
        mask = bytes(0 if byte == ord("0") else 0xFF for byte in form)
        word = bytes(0 if byte == ord("0") else byte for byte in form)
        return cls(*(np.uint64(int.from_bytes(text, "little")) for text in (mask, word)))


_DATE, _CLOCK = _Signs.of(b"0000-00-"), _Signs.of(b"00T00:00")


def stamps(data: Bytes, start: IntArray, end: IntArray, read: Read) -> tuple[IntArray, BoolArray]:
    """Times [ns] of pieces of the form `2025-03-01T00:00:00.5Z`, and which have it.

    An offset may stand in place of the Z, or behind it. `read` reads a time at the beginning of
    a minute, `2025-03-01T00:00:00Z`, to ns: with which offsets, and what else than a T may part
    date and time of day, it says.

    Examples
    --------
    >>> text = b"1970-01-01T00:01:02.5Z or yesterday"
    >>> from_, to = np.array([0, 26]), np.array([22, 35])
    >>> times, good = stamps(Bytes(text), from_, to, {"1970-01-01T00:01:00Z": 60 * 10**9}.get)
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


def _stamps(data: Bytes, start: IntArray, size: int, read: Read) -> tuple[IntArray, BoolArray]:
    """The same of pieces of one length, which must look like the first one that has the form."""
    nothing = np.zeros(len(start), np.int64), np.zeros(len(start), np.bool_)
    first = int(start[0]) if len(start) else 0
    found = _STAMP.fullmatch(data.text, first, first + size) if len(start) else None
    if found is None:
        return nothing
    lines, inside = data.lines(start, -(-size // WORD))
    lines[:, -1] &= MASKS[size - WORD * (lines.shape[1] - 1)]
    new = _changes(lines)
    rows = np.flatnonzero(new)
    if len(rows) * _REPEATED > len(new):
        times, good = _times(lines, found, read)
        return times, good & inside
    times, good = _times(lines[rows], found, read)
    at = np.cumsum(new) - 1
    return times[at], good[at] & inside


def _changes(words: WordArray) -> BoolArray:
    """Rows of words that are not those of the row before."""
    new = np.ones(len(words), np.bool_)
    new[1:] = words[1:, 0] != words[:-1, 0]
    for column in words.T[1:]:
        new[1:] |= column[1:] != column[:-1]
    return new


def _times(lines: WordArray, model: re.Match[bytes], read: Read) -> tuple[IntArray, BoolArray]:
    """Times of words that spell stamps like the model, a stamp to a row."""
    suffix, fraction = model[2], len(model[1] or b"")
    times, good = _minutes(lines[:, :2], suffix.decode(), read)
    same = bytes(_HEAD) + b"\xff\0\0" + b"\xff" * bool(fraction) + bytes(fraction)
    form = Piece.of(model[0], same + b"\xff" * len(suffix), b"")
    good &= form.alike(lines)
    tail = lines[:, 2]  # `:00.5Z`
    seconds, right = digits(tail << np.uint64(8 * (WORD - 3)), 2)
    good &= right & (seconds < 60)
    times = times + seconds * _SECOND
    if fraction:
        parts, right = _fraction(lines, fraction)
        good &= right
        times += parts * 10 ** (9 - fraction)
    return times, good


def _fraction(lines: WordArray, count: int) -> tuple[IntArray, BoolArray]:
    """So many digits from the fourth byte of the third word on, and where there are such."""
    first = min(count, 4)
    number, good = digits(lines[:, 2] << np.uint64(8 * (4 - first)), first)
    if count > first:
        rest = count - first
        more, right = digits(lines[:, 3] << np.uint64(8 * (WORD - rest)), rest)
        return number * 10**rest + more, good & right
    return number, good


def _minutes(words: WordArray, suffix: str, read: Read) -> tuple[IntArray, BoolArray]:
    """The minutes that pairs of words spell; neighbours are mostly of the same one."""
    new = _changes(words)
    head, tail = words[new].T
    times, good = np.zeros(len(head), np.int64), np.zeros(len(head), np.bool_)
    day = read(f"1970-01-02T00:00:00{suffix}") if len(head) >= _MANY else None
    if day is not None:
        times, good = _of_calendar(head, tail)
        times += day - _DAY
    for row in np.flatnonzero(~good).tolist():
        times[row] = _minute(int(head[row]), int(tail[row]), suffix, read)
    times = times[np.cumsum(new) - 1]
    return times, times >= 0


def _of_calendar(head: WordArray, tail: WordArray) -> tuple[IntArray, BoolArray]:
    """Times of minutes like `2025-03-01T00:00` as if they were UTC, and which are such."""
    good = (head & _DATE.mask) == _DATE.word
    good &= (tail & _CLOCK.mask) == _CLOCK.word
    year, month = _part(head, 4, 4, _YEARS, good), _part(head, 7, 2, (1, 12), good)
    day = _part(tail, 2, 2, (1, 31), good)
    hour, minute = _part(tail, 5, 2, (0, 23), good), _part(tail, 8, 2, (0, 59), good)
    months = np.where(good, (year - _YEARS[0]) * 12 + month - 1, 0)
    first, behind = _days(months), _days(months + 1)
    good &= day <= behind - first
    return ((first + day - 1) * 1440 + hour * 60 + minute) * _MINUTE, good


def _part(
    words: WordArray, end: int, count: int, limits: tuple[int, int], good: BoolArray
) -> IntArray:
    """Number of so many digits that ends before a byte of words; `good` where it may be it."""
    number, right = digits(words << np.uint64(8 * (WORD - end)), count)
    good &= right & (number >= limits[0]) & (number <= limits[1])
    return number


def _days(months: IntArray) -> IntArray:
    """Days from 1970 to the beginnings of months that are counted from there."""
    return months.astype("M8[M]").astype("M8[D]").astype(np.int64)


@lru_cache(maxsize=4096)
def _minute(head: int, tail: int, suffix: str, read: Read) -> int:
    """The time of a minute's two words; -1 where it has none that is to be had."""
    text = b"".join(word.to_bytes(WORD, "little") for word in (head, tail))
    at = read(f"{text.decode('ascii', 'replace')}:00{suffix}")
    return -1 if at is None or not 0 <= at < _LAST else at
