from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.core.facility import MINUTE, SECOND
from greendc.sources.timestamps import FIRST, LAST, parse_stamp, stamp

offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))
times = st.datetimes(datetime(1678, 1, 2), datetime(2261, 12, 30), timezones=offsets)  # noqa: DTZ001


@given(st.integers(FIRST, LAST))
def test_every_time_comes_back(time: int) -> None:
    assert parse_stamp(stamp(time)) == time


@given(times)
def test_any_offset_is_read_as_the_standard_library_reads_it(time: datetime) -> None:
    since = time.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    expected = (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1000
    assert parse_stamp(time.isoformat()) == expected


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:01:00.000000001z", MINUTE + 1),
        ("1970-01-01 00:00:01,5Z", 1_500_000_000),
        ("1970-01-01T01:00:00.250000Z+0100", 250_000_000),  # Mosquitto: only the offset counts
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T22:30:00-0130", 0),
        ("1970-01-01T00:00:00.12345678999Z", 123_456_789),
        ("1972-06-30T23:59:60Z", 78_796_800 * SECOND),
    ],
)
def test_forms_of_rfc_3339_and_of_mosquitto(text: str, ns: int) -> None:
    assert parse_stamp(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1970-01-01T00:00:00",  # whose midnight?
        "1970-01-01",
        "1970-02-30T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:00:61Z",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00Zulu",
        "1500-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "3000-01-01T00:00:00Z",
        "\u0661970-01-01T00:00:00Z",
    ],
)
def test_everything_else_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_stamp(text)
