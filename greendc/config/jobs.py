"""What is done by the calendar: clearing up and backups."""

import re
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from greendc.config.scalars import Duration, File, Model, key

CLOCK = r"([01]\d|2[0-3]):[0-5]\d"


def _clock(given: object) -> object:
    # Without quotes YAML makes a number of 10:30.
    if not isinstance(given, str) or re.fullmatch(CLOCK, given) is None:
        raise ValueError('must be a time of day in quotes, such as "02:10"')
    return given


def _zone(given: str) -> str:
    try:
        ZoneInfo(given)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError("must be an IANA time zone such as Europe/Berlin") from error
    return given


Clock = Annotated[
    str, BeforeValidator(_clock), WithJsonSchema({"type": "string", "pattern": f"^{CLOCK}$"})
]
Zone = Annotated[str, AfterValidator(_zone)]


class Retention(Model):
    """Every day: let go of what is old."""

    at: Clock = Field(description="Time of day.")
    journal: Duration | None = key(
        None, description="Age of journal entries that go, if no open cell needs them."
    )
    quarantine: Duration | None = key(None, description="Age of rejected messages that go.")


class Backups(Model):
    """Every day: a backup in a folder of its own."""

    at: Clock = Field(description="Time of day.")
    folder: File = Field(description="Where the backups' folders are made.")
    keep: int = key(7, ge=1, description="How many of them stay.")


class Jobs(Model):
    """Calendar jobs; none unless set."""

    zone: Zone = key("UTC", description="IANA time zone of the times of day.")
    retention: Retention | None = key(None, description="Let go of what is old.")
    backup: Backups | None = key(None, description="Make backups.")

    @staticmethod
    def hour_and_minute(at: str) -> tuple[int, int]:
        """A time of day as numbers.

        >>> Jobs.hour_and_minute("02:10")
        (2, 10)
        """
        hour, minute = at.split(":")
        return int(hour), int(minute)
