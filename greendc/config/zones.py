"""What the offsets of a time zone allow."""

import importlib.metadata
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import gcd
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from greendc.config.words import nearest
from greendc.core.facility import HOUR, SECOND

FIRST_YEAR, LAST_YEAR = 2000, 2040


@lru_cache(maxsize=64)
def grid_limit(zone: str) -> int:
    """The longest cell that divides an hour and every UTC offset of the zone, 2000 to 2040 [ns].

    Raises
    ------
    ValueError
        If there is no such zone.

    Examples
    --------
    >>> from greendc.core.facility import MINUTE
    >>> [grid_limit(zone) // MINUTE for zone in ("Europe/Berlin", "Asia/Kathmandu")]
    [60, 15]
    """
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        version = importlib.metadata.version("tzdata")
        hint = nearest(zone, available_timezones())
        raise ValueError(f'"{zone}" is no zone of tzdata {version}{hint}') from error
    day, limit = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), HOUR
    while day.year <= LAST_YEAR:
        offset = day.astimezone(place).utcoffset() or timedelta()
        limit = gcd(limit, offset // timedelta(seconds=1) * SECOND)
        day += timedelta(weeks=1)  # no zone has had an offset for less
    return limit
