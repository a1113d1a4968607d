"""Periods through the real pipeline: local borders, sums, rolling windows, twelve months."""

import math
from itertools import pairwise
from pathlib import Path

import pytest

from greendc import ledger
from greendc.calendars import LocalCalendar, parse_rfc3339
from greendc.core.facility import DAY, HOUR, MINUTE
from greendc.core.figure import Figure
from tests import runs
from tests.runs import Key, Reading
from tests.test_ledger_laws import assert_sums

IT = "{id: it, point: pdu_out, unit: W, kind: mean_next, nominal: 1h}"
FEED = "{id: feed, point: util, quantity: energy, unit: kWh, kind: register, nominal: 30min}"
PUMP = "{id: pump, point: cool_pump, unit: W, kind: mean_next, nominal: 1h}"
ALONE = "{id: pump, point: none, quantity: power, unit: W, kind: mean_prev, nominal: 5min}"
HOURLY = "cell: 1h\nlateness: 10min\nhorizon: 30d\ne_dc: bottom_up"
LOSS = "derived: [{id: loss, point: loss_power, share: 0.1, of: it, uncertainty: 0.01}]"
COUNTED = "cell: 15min\nlateness: 10min\nhorizon: 30d"


def register_log(begin: int, days: int) -> list[Reading]:
    """Half-hourly readings that rise unevenly; stamps seven minutes past."""
    times = range(begin + 7 * MINUTE, begin + days * DAY, 30 * MINUTE)
    return [("feed", time, 1.5 * i + (i % 7) * 0.1) for i, time in enumerate(times)]


def spans(rows: dict[Key, Figure], period: str, name: str) -> list[tuple[int, int]]:
    found = [f for key, f in rows.items() if key[:2] == (period, name)]
    return [(f.start, f.end) for f in found]


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("Asia/Kolkata", "2025-03-30T18:30:00Z"),
        ("Australia/Adelaide", "2025-04-04T13:30:00Z"),  # clocks go back on 6 April
        ("Europe/Berlin", "2025-03-28T23:00:00Z"),  # 30 March has 23 hours
        ("Europe/Berlin", "2025-10-24T22:00:00Z"),  # 26 October has 25 hours
    ],
)
def test_cells_hours_and_local_days_add_up_to_the_register(
    zone: str, first: str, tmp_path: Path
) -> None:
    begin = parse_rfc3339(first)
    log = register_log(begin, 4)
    used = runs.configured(tmp_path, [FEED], COUNTED, zone)
    rows = runs.newest(
        runs.played(tmp_path / "ledger", used, [*runs.entries(log, [50, 51, 120]), runs.end()])
    )
    counted = (log[-1][2] - log[0][2]) * 3.6e6
    for period in ("cell", "hour", "day"):
        values = [f.value or 0.0 for key, f in rows.items() if key[:2] == (period, "feed")]
        assert math.fsum(values) == pytest.approx(counted, rel=1e-12)
    days = LocalCalendar(zone).days(begin, log[-1][1])
    assert spans(rows, "day", "feed") == list(pairwise(days))
    assert assert_sums(rows, zone, 15 * MINUTE) > 0
    valid = sum(f.valid for key, f in rows.items() if key[:2] == ("day", "feed"))
    assert valid == log[-1][1] - log[0][1]


def test_months_and_years_end_at_local_midnights(tmp_path: Path) -> None:
    begin = parse_rfc3339("2024-11-29T18:30:00Z")
    half = HOURLY.replace("1h", "30min")
    used = runs.configured(tmp_path, [IT], half, "Asia/Kolkata")
    log = [("it", begin + h * HOUR, 100.0) for h in range(40 * 24)]
    rows = runs.newest(runs.played(tmp_path / "l", used, [*runs.entries(log), runs.end()]))
    stamps = ("2024-10-31", "2024-11-30", "2024-12-31", "2025-01-31")
    borders = [parse_rfc3339(f"{day}T18:30:00Z") for day in stamps]
    assert spans(rows, "month", "it") == list(pairwise(borders))
    years = [parse_rfc3339(f"{year}-12-31T18:30:00Z") for year in (2023, 2024, 2025)]
    assert spans(rows, "year", "it") == list(pairwise(years))
    hours = [f.valid / HOUR for key, f in rows.items() if key[:2] == ("month", "it")]
    assert hours == [24, 31 * 24, 8 * 24]
    assert assert_sums(rows, "Asia/Kolkata", 30 * MINUTE) > 0


def test_windows_end_at_each_full_hour_and_local_midnight(tmp_path: Path) -> None:
    begin = parse_rfc3339("2025-06-01T00:00:00Z")
    used = runs.configured(tmp_path, [IT, PUMP], HOURLY, "Europe/Berlin")
    log = [(n, begin + h * HOUR, w) for h in range(50) for n, w in (("it", 100.0), ("pump", 20.0))]
    rows = runs.newest(runs.played(tmp_path / "l", used, [*runs.entries(log), runs.end()]))
    for period, days in (("24h", 1), ("7d", 7), ("30d", 30)):
        ends = [begin + h * HOUR for h in range(1, 51)]
        assert spans(rows, period, "ipue") == [(e - days * DAY, e) for e in ends]
        assert spans(rows, period, "it") == []
    midnights = [begin + 22 * HOUR, begin + 46 * HOUR]
    assert [end for _, end in spans(rows, "12mo", "ipue")] == midnights
    day = rows["24h", "ipue", begin + 30 * HOUR - DAY]
    assert day.value == pytest.approx(1.2)
    assert (day.coverage, day.status) == (1.0, "ok")
    early = rows["24h", "ipue", begin + 12 * HOUR - DAY]
    assert (early.coverage, early.status, early.reason) == (0.5, "partial", "coverage")


def test_hours_of_one_cell_are_that_cell_and_name_what_they_lack_as_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = parse_rfc3339("2025-06-01T00:00:00Z")
    used = runs.configured(tmp_path, [IT, PUMP], f"{HOURLY}\n{LOSS}")
    meters = (("it", 100.0, range(9, 17)), ("pump", 20.0, range(20, 31)))
    log = [(n, begin + h * HOUR, w + h % 5) for h in range(40) for n, w, g in meters if h not in g]
    log = [*sorted(log, key=lambda reading: reading[1]), ("it", begin + 11 * HOUR, 90.0)]
    every = [*runs.entries(log, [len(log) - 1]), runs.end()]
    rows = runs.newest(runs.played(tmp_path / "together", used, every))
    for name in ("it", "loss", "e_dc", "ipue"):
        silent, hour = (rows[period, name, begin + 14 * HOUR] for period in ("cell", "hour"))
        assert (silent.reason, hour.reason) == ("silent", "coverage")
        cell, hour = (rows[period, name, begin + 5 * HOUR] for period in ("cell", "hour"))
        assert cell.value is not None
        assert cell._replace(period="hour") == hour
    monkeypatch.setattr(ledger, "PORTION_ROWS", 1)  # nothing is evaluated beside anything else
    assert runs.newest(runs.played(tmp_path / "alone", used, every)) == rows


def test_pue_needs_each_of_twelve_months_covered(tmp_path: Path) -> None:
    """40 hours from New Year's Day on are more than 5 % of the first of twelve months."""
    begin = parse_rfc3339("2025-01-01T00:00:00Z")
    used = runs.configured(tmp_path, [IT], f"{HOURLY}\n{LOSS}")
    hours = [h for h in range(368 * 24) if not 5 <= h < 45]
    log = [("it", begin + h * HOUR, 100.0) for h in hours]
    path = runs.played(tmp_path / "l", used, [*runs.entries(log), runs.end()])
    rows = runs.newest(path, "year", "12mo")
    assert rows["year", "pue", begin].reason == "coverage"
    assert rows["year", "ipue", begin].value == pytest.approx(1.1)
    assert rows["year", "ipue", begin].coverage == pytest.approx(1 - 40 / (365 * 24))
    windows = sorted(key[2] for key in rows if key[:2] == ("12mo", "pue"))
    both = [(rows["12mo", "pue", s], rows["12mo", "ipue", s]) for s in windows]
    assert all((annual.value is None) != (interim.value is None) for annual, interim in both)
    # a day after the year 21 of the hours without readings are left: 2.8 % of the first month
    assert [annual.end for annual, _ in both if annual.value is not None] == [
        begin + days * DAY for days in (366, 367, 368)
    ]
    assert {i.reason for _, i in both if i.value is None} == {"twelve_months"}
    assert {a.reason for a, _ in both if a.value is None} == {"coverage"}


def test_hours_hold_what_came_between_two_ends(tmp_path: Path) -> None:
    """The pump's five minutes are closed by the first end, and no new cell is by the second."""
    meters = ("{id: it, point: pdu_out, unit: W, kind: instant, nominal: 60s}", ALONE)
    used = runs.configured(tmp_path, meters, "cell: 60s\nlateness: 1min\nhorizon: 1d")
    begin = parse_rfc3339("2025-03-01T10:00:00Z")
    before = [("it", 0, 100.0), ("pump", 30, 20.0), ("it", 60, 100.0)]
    after = [("it", 120, 100.0), ("pump", 150, 90.0), ("it", 180, 90.0), ("it", 240, 70.0)]
    log = [
        [(name, begin + runs.at(second), value) for name, second, value in part]
        for part in (before, after)
    ]
    split = [*runs.entries(log[0]), runs.end(), *runs.entries(log[1], [2, 3]), runs.end()]
    rows = runs.newest(runs.played(tmp_path / "split", used, split))
    assert assert_sums(rows, "UTC", MINUTE) > 0
    assert rows["cell", "pump", begin].value == pytest.approx(30 * 20.0 + 120 * 90.0)
    whole = [*runs.entries([*log[0], *log[1]]), runs.end()]
    assert rows == runs.newest(runs.played(tmp_path / "whole", used, whole))
