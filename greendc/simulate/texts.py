"""Columns of numbers and times as columns of text, padded with NUL bytes.

Nothing is written row by row: digits come from tables, four at a time. What is padded here
is taken out when rows become lines (`rendering`).
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from greendc.core.facility import HOUR, SECOND, IntArray

Text = npt.NDArray[np.void]  # of one width

MOST_DECIMALS = 3
_GROUP = 10_000  # what four digits hold
_MILLISECOND = 1_000_000


def _table(texts: list[str], width: int) -> npt.NDArray[np.uint8]:
    found = b"".join(text.encode().ljust(width, b"\0") for text in texts)
    return np.frombuffer(found, np.uint8).reshape(-1, width)


def _digit_table() -> npt.NDArray[np.uint32]:
    """Four digits of a group that leads (zeros blank), that follows, and that leads and ends."""
    bare = [str(number) if number else "" for number in range(_GROUP)]
    leading = "".join(text.rjust(4, "\0") for text in bare)
    following = "".join(f"{number:04d}" for number in range(_GROUP))
    ending = "\0\0\0" + "0" + leading[4:]
    return np.frombuffer((leading + following + ending).encode(), np.uint32)


_DIGITS = _digit_table()
_LEADING, _FOLLOWING, _ENDING = 0, _GROUP, 2 * _GROUP
_SIGNS = np.frombuffer(b"\0-", "V1")
_SECONDS = _table([f":{at // 60:02d}:{at % 60:02d}" for at in range(3600)], 6).view("V6").ravel()
_FRACTIONS = (
    _table(
        [
            f".{number:0{decimals}d}" if decimals > 0 and number < 10**decimals else ""
            for decimals in range(MOST_DECIMALS + 1)
            for number in range(1000)
        ],
        4,
    )
    .view("V4")
    .ravel()
)
_MILLISECONDS = _FRACTIONS[3000:].copy()
_MILLISECONDS[:1] = np.void(b"\0\0\0\0")  # a time without a fraction shows none


def groups_for(largest: int) -> int:
    """How many groups of four digits hold a number.

    >>> groups_for(0), groups_for(9999), groups_for(10_000)
    (1, 1, 2)
    """
    return max(1, -(-len(str(largest)) // 4))


def digits(numbers: IntArray, groups: int) -> Text:
    r"""Whole numbers, not negative, right-aligned in four times `groups` characters.

    >>> digits(np.array([0, 7, 120_034]), 2).tobytes().replace(b"\0", b" ")
    b'       0       7  120034'
    """
    found = np.empty((len(numbers), groups), np.uint32)
    parts = []
    rest = numbers
    for _ in range(groups - 1):
        higher = rest // _GROUP
        parts.append(rest - higher * _GROUP)
        rest = higher
    before = np.zeros(len(numbers), np.bool_)
    for place, part in enumerate([rest, *reversed(parts)]):
        first = _ENDING if place == groups - 1 else _LEADING
        found[:, place] = _DIGITS[part + np.where(before, _FOLLOWING, first)]
        before |= part > 0
    return found.view(f"V{4 * groups}").ravel()


def decimal(fixed: IntArray, decimals: IntArray, groups: int) -> tuple[Text, Text, Text]:
    r"""Sign, whole part and fraction of fixed-point numbers with their own counts of decimals.

    >>> parts = decimal(np.array([-1205, 70]), np.array([2, 0]), 1)
    >>> [part.tobytes() for part in parts]
    [b'-\x00', b'\x00\x0012\x00\x0070', b'.05\x00\x00\x00\x00\x00']
    """
    size = np.abs(fixed)
    scale = 10**decimals
    whole = size // scale
    fraction = _FRACTIONS[decimals * 1000 + (size - whole * scale)]
    return _SIGNS[(fixed < 0).astype(np.int64)], digits(whole, groups), fraction


@lru_cache(maxsize=64)
def _hours(first: int, last: int) -> Text:
    found = np.datetime_as_string(np.arange(first, last + 1).astype("M8[h]"), timezone="naive")
    return found.astype("S13").view("V13")


def clock(times: IntArray) -> tuple[Text, Text, Text]:
    """Times [ns UTC] as RFC 3339 to the millisecond, without the Z: hour, the rest, fraction.

    >>> "".join(part.tobytes().decode() for part in clock(np.array([1_767_225_610_120_000_000])))
    '2026-01-01T00:00:10.120'
    """
    hour = times // HOUR
    rest = times - hour * HOUR
    second = rest // SECOND
    milli = (rest - second * SECOND) // _MILLISECOND
    first = int(hour.min(initial=0)) if not len(hour) else int(hour.min())
    table = _hours(first, int(hour.max(initial=first)))
    return table[hour - first], _SECONDS[second], _MILLISECONDS[milli]
