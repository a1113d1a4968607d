"""Borders of local time against the civil calendar."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.calendars import LocalCalendar, months_later, parse_rfc3339, rfc3339
from greendc.core.facility import DAY, HOUR, SECOND

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Adelaide", "Asia/Kathmandu")
CHANGING = ("America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut")  # clocks change at midnight
instants = st.integers(1_000_000_000, 2_000_000_000).map(lambda s: s * SECOND)


def local(instant: int, zone: str) -> datetime:
    return datetime.fromtimestamp(instant // SECOND, ZoneInfo(zone))


@given(instants, st.integers(0, 100 * DAY), st.sampled_from(ZONES + CHANGING))
def test_days_cover_the_span_and_each_is_one_date(lo: int, span: int, zone: str) -> None:
    days = LocalCalendar(zone).days(lo, lo + span)
    assert days[0] <= lo < days[1]
    assert days[-2] < max(lo + span, lo + 1) <= days[-1]
    for begin, end in pairwise(days):
        first, last = local(begin, zone).date(), local(end - SECOND, zone).date()
        assert first == last
        assert local(begin - SECOND, zone).date() == first - timedelta(days=1)


@given(instants, st.sampled_from(ZONES))
def test_months_and_years_begin_on_their_first_midnight(instant: int, zone: str) -> None:
    calendar = LocalCalendar(zone)
    month, year = calendar.months(instant, instant)[0], calendar.years(instant, instant)[0]
    here = local(instant, zone)
    assert local(month, zone) == datetime(here.year, here.month, 1, tzinfo=ZoneInfo(zone))
    assert local(year, zone) == datetime(here.year, 1, 1, tzinfo=ZoneInfo(zone))


@given(instants, st.sampled_from(ZONES + CHANGING))
def test_twelve_months_end_at_a_midnight_and_begin_a_year_before(instant: int, zone: str) -> None:
    calendar = LocalCalendar(zone)
    midnight = calendar.days(instant, instant)[0]
    borders = calendar.twelve_months(midnight)
    assert len(borders) == 13
    assert borders[-1] == midnight
    noon = [local(border + DAY // 2, zone).date() for border in borders]
    assert noon == [months_later(noon[-1], months) for months in range(-12, 1)]


def test_days_of_a_clock_change() -> None:
    berlin = LocalCalendar("Europe/Berlin")
    spring, autumn = (parse_rfc3339(f"{day}T12:00:00Z") for day in ("2025-03-30", "2025-10-26"))
    lengths = [(b - a) // HOUR for t in (spring, autumn) for a, b in [berlin.days(t, t)[:2]]]
    assert lengths == [23, 25]


@pytest.mark.parametrize("day", [date(2024, 1, 31), date(2024, 2, 29)])
def test_a_date_that_a_month_lacks_is_its_last(day: date) -> None:
    assert months_later(day, 12) == date(
        2025, day.month, min(day.day, 31 if day.month == 1 else 28)
    )


@given(st.integers(0, 4_000_000_000 * SECOND))
def test_text_of_an_instant_reads_back(instant: int) -> None:
    assert parse_rfc3339(rfc3339(instant)) == instant
