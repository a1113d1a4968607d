"""Borders of local days, months and years as UTC instants, by the pinned tzdata."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from greendc.core.facility import DAY, EVER, SECOND

FAR = 1000 * DAY  # midnights that are kept lie no further apart from each other
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


class LocalCalendar:
    """Implements `core.periods.Calendar` for one IANA zone.

    Examples
    --------
    A day in Berlin that has 23 hours, and the half hour of Kolkata:

    >>> from greendc.core.facility import HOUR
    >>> noon = 1743332400 * SECOND
    >>> borders = LocalCalendar("Europe/Berlin").days(noon, noon + 1)
    >>> (borders[1] - borders[0]) // HOUR
    23
    >>> LocalCalendar("Asia/Kolkata").days(noon, noon + 1)[0] % HOUR // (60 * SECOND)
    30
    """

    def __init__(self, zone: str) -> None:
        """Take the zone's IANA name."""
        self._zone = ZoneInfo(zone)
        self._midnight = lru_cache(maxsize=4096)(self._instant)
        self._midnights: list[int] = []  # some that follow each other

    def _instant(self, day: date) -> int:
        """First instant of a local date; of a skipped midnight, the clock change itself."""
        local = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        return int((local - EPOCH) // timedelta(seconds=1)) * SECOND

    def midnight(self, day: date) -> int:
        """First instant of a local date [ns]."""
        return self._midnight(day)

    def local_date(self, instant: int) -> date:
        """The local date of an instant [ns]."""
        return datetime.fromtimestamp(instant // SECOND, self._zone).date()

    def _borders(self, lo: int, hi: int, first: date, step: Callable[[date], date]) -> list[int]:
        out, day = [self._midnight(first)], first
        while out[-1] < max(hi, lo + 1):
            day = step(day)
            out.append(self._midnight(day))
        return out

    def days(self, lo: int, hi: int) -> list[int]:
        """Local midnights from the last at or before `lo` to the first at or after `hi` [ns]."""
        hi = max(hi, lo + 1)
        known = self._midnights
        if not known or lo < known[0] - FAR or hi > known[-1] + FAR:
            known = self._midnights = self._between(lo, hi)
        if lo < known[0]:
            known[:0] = self._between(lo, known[0])[:-1]
        if hi > known[-1]:
            known += self._between(known[-1], hi)[1:]
        return known[bisect_right(known, lo) - 1 : bisect_left(known, hi) + 1]

    def _between(self, lo: int, hi: int) -> list[int]:
        return self._borders(lo, hi, self.local_date(lo), lambda day: day + timedelta(days=1))

    def months(self, lo: int, hi: int) -> list[int]:
        """First instants of the local months around [lo, hi) [ns]."""
        return self._borders(
            lo, hi, self.local_date(lo).replace(day=1), lambda day: months_later(day, 1)
        )

    def years(self, lo: int, hi: int) -> list[int]:
        """First instants of the local years around [lo, hi) [ns]."""
        first = self.local_date(lo).replace(month=1, day=1)
        return self._borders(lo, hi, first, lambda day: day.replace(year=day.year + 1))

    def twelve_months(self, midnight: int) -> list[int]:
        """The same local date in each of the twelve months before a midnight, and that [ns].

        A date that a month does not have is its last day.
        """
        # half a day later is still the date that begins here, whatever the clocks do at midnight
        day = self.local_date(midnight + DAY // 2)
        return [self._midnight(d) for d in _back(day)]


def _back(day: date) -> Iterator[date]:
    for months in range(-12, 1):
        yield months_later(day, months)


def months_later(day: date, months: int) -> date:
    """The same day of another month, or that month's last.

    >>> months_later(date(2024, 3, 31), -1)
    datetime.date(2024, 2, 29)
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


@lru_cache(maxsize=8192)
def from_local(local: int, zone: str) -> int | None:
    """Instant [ns] of a local time, given as if it were UTC; None where the clocks skip it.

    Of a time that comes twice it is the first.

    >>> from greendc.core.facility import HOUR
    >>> spring = 1743292800 * SECOND  # 2025-03-30 00:00
    >>> [(spring + h * HOUR - (from_local(spring + h * HOUR, "Europe/Berlin") or 0)) // HOUR
    ...  for h in (1, 3)]
    [1, 2]
    >>> from_local(spring + 2 * HOUR, "Europe/Berlin") is None
    True
    """
    place = ZoneInfo(zone)
    moment = EPOCH + timedelta(seconds=local // SECOND)
    instant = (moment.replace(tzinfo=place) - EPOCH) // timedelta(seconds=1) * SECOND
    shown = datetime.fromtimestamp(instant // SECOND, place)
    return instant if shown.replace(tzinfo=UTC) == moment else None


def rfc3339(instant: int) -> str:
    """UTC text of an instant in ns; fractions only where there are any.

    >>> rfc3339(1740787200 * SECOND)
    '2025-03-01T00:00:00Z'
    """
    whole, fraction = divmod(instant, SECOND)
    text = (EPOCH + timedelta(seconds=whole)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:09d}".rstrip("0") + "Z" if fraction else f"{text}Z"


def parse_rfc3339(text: str) -> int:
    """Instant in ns of an RFC 3339 time with an offset; digits beyond the ninth are cut off.

    Raises
    ------
    ValueError
        If the text is no such time, or one that int64 nanoseconds cannot hold.

    >>> parse_rfc3339("2025-03-01T01:00:00+01:00") == 1740787200 * SECOND
    True
    >>> parse_rfc3339("1970-01-01T00:00:00.5Z")
    500000000
    """
    found = RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{text}: not a time: write 2025-03-01T00:00:00Z")
    try:
        span = datetime.fromisoformat(f"{found[1]}{found[3].upper()}") - EPOCH
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text}: not a time: {error}") from error
    fraction = int((found[2] or "").ljust(9, "0"))
    instant = span.days * DAY + span.seconds * SECOND + fraction
    if abs(instant) >= EVER:
        raise ValueError(f"{text}: not a time that greendc can hold")
    return instant
