"""Times of payloads, against Python's own calendar."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.codecs.timestamps import read_number, read_text, read_times
from greendc.core.facility import EVER, MINUTE, SECOND

START = 1_740_787_200 * SECOND  # 2025-03-01T00:00:00Z
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "after_start"),
    [
        ("2025-03-01T00:00:00Z", 0),
        ("2025-03-01t00:00:00z", 0),
        ("2025-03-01 00:00:00-00:00", 0),
        ("2025-03-01T05:30:00+05:30", 0),
        ("2025-02-28T20:30:00-03:30", 0),
        ("2025-03-01T00:00:00.1Z", 100_000_000),
        ("2025-03-01T00:00:00.123456789Z", 123_456_789),
        ("2025-03-01T00:00:00.1234567899Z", 123_456_789),
        ("2025-03-01T01:00:00.000000001+01:00", 1),
    ],
)
def test_rfc_3339(text: str, after_start: int) -> None:
    assert read_text(text) == START + after_start


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1740787200",
        "2025-03-01",
        "2025-03-01T00:00:00",
        "2025-03-01T00:00Z",
        "2025-03-01T00:00:00+0100",
        "2025-03-01T00:00:00+24:00",
        "2025-03-01T00:00:00 Z",
        "2025-03-01T00:00:00.Z",
        "2025-03-01T00:00:00,5Z",
        "2025-03-01T24:00:00Z",
        "2025-03-01T00:60:00Z",
        "2025-03-01T00:00:60Z",
        "2025-03-01T00:00:61Z",
        "2025-02-29T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "20250301T000000Z",
        "٢٠٢٥-03-01T00:00:00Z",
        "2025-03-01T00:00:00Z\n",
        "2025-03-01T00:00:00." + "0" * 60 + "Z",
    ],
)
def test_what_is_no_rfc_3339(text: str) -> None:
    assert read_text(text) is None


def test_a_leap_second_is_the_second_after_it() -> None:
    after = read_text("2017-01-01T00:00:00.5Z")
    assert read_text("2016-12-31T23:59:60.5Z") == after
    assert read_text("2017-01-01T05:29:60.5+05:30") == after
    assert read_text("2017-01-01T00:59:60.5", "Europe/Berlin") == after
    assert read_text("2016-12-31T23:59:60.5", "Europe/Berlin") is None


@given(
    moment=st.datetimes(datetime(1850, 1, 1), datetime(2110, 1, 1)),  # noqa: DTZ001
    minutes=st.integers(-1439, 1439),
)
def test_any_time_in_any_zone(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (aware - EPOCH) // timedelta(microseconds=1) * 1000
    assert read_text(aware.isoformat()) == expected


def test_a_time_beyond_64_bits_is_the_last_one() -> None:
    assert read_text("9999-12-31T23:59:59Z") == EVER
    assert read_text("0001-01-01T00:00:00Z") == -EVER
    assert read_number(10**30) == EVER
    assert read_number(-1e300) == -EVER


@pytest.mark.parametrize(
    ("number", "nanoseconds"),
    [
        (10**11 - 1, EVER),  # seconds: the year 5138
        (10**11, 10**17),  # milliseconds: 1973-03-03
        (10**14 - 1, EVER),
        (10**14, 10**17),  # microseconds
        (10**17 - 1, EVER),
        (10**17, 10**17),  # nanoseconds
        (1_740_787_200_123, START + 123_000_000),
        (1_740_787_200_123_456, START + 123_456_000),
        (START + 1, START + 1),
        (1_740_787_200.5, START + SECOND // 2),
        (1_740_787_200.000_001_4, START + 1000),
        (1_740_787_200_123.5, START + 123_500_000),
        (1.7407872e18, START),
    ],
)
def test_a_number_in_the_unit_of_its_size(number: float, nanoseconds: int) -> None:
    assert read_number(number) == nanoseconds
    assert read_times([number])[0].tolist() == [nanoseconds]
    assert read_times([number, None])[0].tolist() == [nanoseconds, 0]


@given(st.lists(st.integers(-(2**64), 2**64) | st.integers(0, 2 * 10**18), min_size=1))
def test_a_column_of_integers_is_its_rows(column: list[int]) -> None:
    assert read_times(column)[0].tolist() == [read_number(number) for number in column]


def test_seconds_of_one_column_are_exact() -> None:
    times, has_time, bad = read_times([1_740_787_200 + 60 * minute for minute in range(3)])
    assert times.tolist() == [START, START + MINUTE, START + 2 * MINUTE]
    assert has_time.all()
    assert bad == []
