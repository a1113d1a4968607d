"""Time stamps of recorded logs: RFC 3339 text to nanoseconds and back, quickly."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from greendc.core.facility import MINUTE, SECOND

STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:[.,](\d+))?(?:[Zz]?([+-])(\d\d):?(\d\d)|[Zz])",
    re.ASCII,
)
FIRST, LAST = -(2**63), 2**63 - 1  # ns that fit an integer of 64 bits: the years 1677 to 2262

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4096)
def _minute(day: str, clock: str) -> int:
    found = datetime.fromisoformat(f"{day}T{clock}+00:00") - _EPOCH
    return (found.days * 1440 + found.seconds // 60) * MINUTE


@lru_cache(maxsize=4096)
def _second(number: int) -> str:
    return (_EPOCH + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S")


def parse_stamp(text: str) -> int:
    """Read an RFC 3339 time as ns UTC.

    Mosquitto writes ``…Z+0100``: there the offset counts and the Z does not. Digits
    beyond the ninth are dropped; second 60 is the first of the next minute.

    Raises
    ------
    ValueError
        If it is no such time, has no offset, or lies outside the years 1678 to 2261.

    Examples
    --------
    >>> parse_stamp("1970-01-01T01:00:00.5Z+0100")
    500000000
    """
    found = STAMP.fullmatch(text)
    if found is None:
        raise ValueError("not a time of RFC 3339 with an offset")
    day, clock, second, fraction, sign, hours, minutes = found.groups()
    if int(second) > 60:
        raise ValueError("more than 60 seconds")
    time = _minute(day, clock) + int(second) * SECOND
    if fraction:
        time += int(fraction[:9].ljust(9, "0"))
    if sign:
        time -= _offset(sign, int(hours), int(minutes))
    if not FIRST <= time <= LAST:
        raise ValueError("a time outside the years 1678 to 2261")
    return time


def _offset(sign: str, hours: int, minutes: int) -> int:
    if hours > 23 or minutes > 59:
        raise ValueError("an offset of a day or more")
    size = (hours * 60 + minutes) * MINUTE
    return size if sign == "+" else -size


def stamp(time: int) -> str:
    """Write a time [ns UTC] with as many digits as it needs: none, three, six or nine.

    >>> stamp(1_500_000_000), stamp(0)
    ('1970-01-01T00:00:01.500Z', '1970-01-01T00:00:00Z')
    """
    second, rest = divmod(time, SECOND)
    if not rest:
        return f"{_second(second)}Z"
    digits = f"{rest:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{_second(second)}.{digits}Z"
