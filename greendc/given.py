"""What is written on a command line, as values; a GreendcError says what is wanted instead."""

import math
import time
from datetime import date

from greendc.calendars import parse_rfc3339
from greendc.config.scalars import duration
from greendc.core.facility import HOUR
from greendc.ports import GreendcError


def instant(text: str) -> int:
    """A time given on the command line, in ns."""
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise GreendcError(str(error)) from error


def day(text: str) -> date | int:
    """A day of a site whose zone is not known yet, or a time."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return instant(text)


def moment(text: str) -> int:
    """A time, or the present one."""
    return time.time_ns() if text == "now" else instant(text)


def hour(text: str) -> int:
    """A time, or the full hour before the present."""
    return time.time_ns() // HOUR * HOUR if text == "now" else instant(text)


def speed(text: str) -> float | None:
    """Multiple of real time; None for as fast as it goes."""
    if text == "max":
        return None
    return _positive(text, "a speed: write max, or how many times real time, such as 60")


def port(text: str) -> int:
    """A TCP port, or 0."""
    if not text.isdecimal() or not text.isascii() or int(text) > 65535:
        raise GreendcError(f"{text}: not a port: write a number up to 65535")
    return int(text)


def minutes(text: str) -> float:
    """A time span in minutes."""
    return _positive(text, "a time span: write minutes, such as 5")


def seconds(text: str) -> float:
    """A time span in seconds."""
    return _positive(text, "a time span: write seconds, such as 60")


def span(text: str) -> int:
    """A time span such as 15min [ns]."""
    try:
        return duration(text)
    except ValueError as error:
        raise GreendcError(f"{text}: {error}") from error


def seed(text: str) -> int:
    """What chance begins with."""
    if not text.isdecimal() or not text.isascii() or int(text) >= 2**32:
        raise GreendcError(f"{text}: not a seed: write a number below 4294967296")
    return int(text)


def _positive(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise GreendcError(f"{text}: not {what}")
    return number
