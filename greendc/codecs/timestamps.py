"""Times that payloads carry: numbers since 1970 in s, ms, µs or ns, and RFC 3339 text."""

import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from greendc.calendars import from_local
from greendc.core.facility import DAY, EVER, HOUR, MINUTE, SECOND, IntArray
from greendc.core.readings import BoolArray

_MICROSECOND = 1_000
# A number below the limit is in the unit beside it [ns] (STANDARDS 10.2), else in ns.
_UNITS = ((10**11, SECOND), (10**14, 1_000_000), (10**17, _MICROSECOND))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = 9  # of a fraction of a second that a nanosecond resolves; more are cut off
_LONGEST = 64  # characters of a time: what is longer is refused before a cache would keep it
_HEAD = re.compile(r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d", re.ASCII)
_TAIL = re.compile(r"(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII)


def read_times(column: list[Any], zone: str | None = None) -> tuple[IntArray, BoolArray, list[int]]:
    """Times [ns] of JSON values, where there is one, and the rows with something else.

    A text without an offset is local time of `zone`, or no time where there is no zone. A
    time beyond what 64 bits hold becomes `EVER` or `-EVER`. Rows without a time have 0.

    Examples
    --------
    >>> times, has_time, bad = read_times([1740787200, None, "yesterday"])
    >>> print(times[0], has_time, bad)
    1740787200000000000 [ True False False] [2]
    """
    kinds = set(map(type, column))
    if kinds == {int} and (unit := _common_unit(column)):
        return np.array(column, np.int64) * unit, np.ones(len(column), np.bool_), []
    if kinds == {str}:  # messages of one moment often bear the same text
        known = {text: read_text(text, zone) for text in dict.fromkeys(column)}
        found = list(map(known.__getitem__, column))
    else:
        found = [_read(item, zone) for item in column]
    if None not in found:
        return np.array(found, np.int64), np.ones(len(column), np.bool_), []
    bad = [row for row, time in enumerate(found) if time is None and column[row] is not None]
    has_time = np.array([time is not None for time in found])
    return np.array([time or 0 for time in found], np.int64), has_time, bad


def read_integers(column: IntArray) -> tuple[IntArray, BoolArray]:
    """Times [ns] of integers since 1970, as `read_number`, and of which they are certain.

    >>> times, good = read_integers(np.array([1740787200, -1]))
    >>> print(times[0], good)
    1740787200000000000 [ True False]
    """
    limits, units = (np.array(found) for found in zip(*_UNITS, strict=True))
    unit = np.append(units, 1)[np.searchsorted(limits, column, side="right")]
    good: BoolArray = (column >= 0) & (column <= EVER // unit)
    return np.where(good, column, 0) * unit, good


def read_number(number: float) -> int | None:
    """Time [ns] of a number since 1970 in the unit that its size tells; None if not finite.

    Integers are exact; fractions are rounded to the microsecond.

    Examples
    --------
    >>> read_number(1740787200) == read_number(1740787200000) == read_number(1740787200 * 10**9)
    True
    >>> read_number(1740787200.123456)
    1740787200123456000
    """
    if not math.isfinite(number):
        return None
    unit = _unit(number)
    if isinstance(number, int):
        return _within(number * unit)
    fraction, whole = math.modf(number)  # exact; their product with the unit would not be
    return _within(int(whole) * unit + round(fraction * unit / _MICROSECOND) * _MICROSECOND)


def read_text(text: str, zone: str | None = None) -> int | None:
    """Time [ns] of an RFC 3339 text; None for any other.

    One without an offset is local time of `zone` (see `from_local`), or None without
    one. Digits of the fraction after the ninth are cut off.

    Examples
    --------
    >>> read_text("2025-03-01T01:00:00.5+01:00") - read_text("2025-03-01T00:00:00Z")
    500000000
    >>> read_text("2025-03-01T00:00:00") is None
    True
    >>> read_text("2025-03-01T01:00:00.5", "Europe/Berlin") == read_text("2025-03-01T00:00:00.5Z")
    True
    """
    if len(text) > _LONGEST:
        return None
    head, tail = _read_head(text[:19]), _read_tail(text[19:])
    if head is None:
        return _read_leap_second(text, zone)
    if tail is None:
        return None if zone is None else _read_local(head, text[19:], zone)
    time = head + tail
    return time if -EVER < time < EVER else _within(time)


def _read_local(head: int, tail: str, zone: str) -> int | None:
    """Time [ns] of a local date and time of day with what follows: a fraction or nothing."""
    fraction, local = _read_tail(f"{tail}Z"), from_local(head, zone)
    return None if fraction is None or local is None else local + fraction


def _read(item: Any, zone: str | None) -> int | None:
    """Time [ns] of a JSON value, None where it is no time; true and false are none."""
    if isinstance(item, str):
        return read_text(item, zone)
    return read_number(item) if type(item) in {int, float} else None


def _unit(number: float) -> int:
    """Unit [ns] of a number by its size."""
    size = abs(number)
    return next((unit for limit, unit in _UNITS if size < limit), 1)


def _common_unit(column: list[int]) -> int:
    """Unit [ns] that all numbers of a column have, 0 where they differ or leave 64 bits."""
    low, high = min(column), max(column)
    unit = _unit(high)
    return unit if low >= 0 and _unit(low) == unit and high * unit <= EVER else 0


def _within(time: int) -> int:
    """The nearest time within what 64 bits hold."""
    return max(-EVER, min(EVER, time))


# Messages of one moment share the seconds, devices of one kind share the fraction and offset:
# the two halves of a time repeat far more often than the whole.
@lru_cache(maxsize=8192)
def _read_head(text: str) -> int | None:
    """Time [ns] of a date and a time of day, as if it were UTC."""
    if not _HEAD.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:  # 30 February
        return None
    return (moment - _EPOCH) // timedelta(seconds=1) * SECOND


@lru_cache(maxsize=8192)
def _read_tail(text: str) -> int | None:
    """What a fraction and an offset [ns] add."""
    match = _TAIL.fullmatch(text)
    if match is None:
        return None
    fraction, sign, hours, minutes = match.groups()
    nanos = int(fraction[:_DIGITS].ljust(_DIGITS, "0")) if fraction else 0
    offset = int(hours) * HOUR + int(minutes) * MINUTE if sign else 0
    return nanos + offset if sign == "-" else nanos - offset


def _read_leap_second(text: str, zone: str | None) -> int | None:
    """Time [ns] of 23:59:60 UTC, which time since 1970 counts as the second after it."""
    if text[17:19] != "60":
        return None
    before = read_text(f"{text[:17]}59{text[19:]}", zone)
    leap = before is not None and (before // SECOND + 1) * SECOND % DAY == 0
    return before + SECOND if leap and before is not None else None
