"""Emission factors: tables, series and their vintage."""

import csv
import gzip
import re
from importlib.resources import files
from pathlib import Path

import pytest

from greendc.calendars import rfc3339
from greendc.config import Config
from greendc.config.scalars import instant
from greendc.core.facility import EVER, HOUR, MINUTE, Intensity
from greendc.ports import GreendcError
from tests.config.kit import FEED, T, loaded, site
from tests.servers.support import PROJECT

EXAMPLE = re.compile(
    r"```csv\n(.*?)```\n```yaml\n(.*?)\n```\n\n(\d+) g/kWh from (\S+) to (\S+)\.\n", re.DOTALL
)
SPAN_2025 = (T, T + HOUR)


def configured(folder: Path, emissions: str, zone: str = "Europe/Berlin") -> Config:
    return loaded(folder, site(FEED, more=f"emissions: {{{emissions}}}", zone=zone))


def location(folder: Path, factor: str) -> Intensity:
    config = configured(folder, f"location: {factor}")
    return config.plan().sites[0].intensity["location"]


def steps(found: Intensity) -> list[tuple[int, int, float]]:
    return list(zip(found.start.tolist(), found.end.tolist(), found.value.tolist(), strict=True))


def test_a_shipped_table(tmp_path: Path) -> None:
    found = location(tmp_path, "{table: carbontracker, zone: DEU}")
    assert steps(found) == [(-EVER, EVER, 344.13992)]
    assert (found.year, found.zone, found.source) == (2024, "DEU", "carbontracker 2.4.7")


def test_known_rows_of_the_table() -> None:  # printed in the package's own table
    text = files("greendc.config").joinpath("data/emission-factors.csv").read_text("utf-8")
    rows = {row["zone"]: row for row in csv.DictReader(text.splitlines())}
    values = {zone: float(rows[zone]["value"]) for zone in ("FRA", "GBR", "JPN", "USA")}
    assert values == {"FRA": 44.179085, "GBR": 210.89114, "JPN": 482.32416, "USA": 383.5492}
    assert len(rows) == 212
    assert all(row["unit"] == "g/kWh" and row["year"] and row["licence"] for row in rows.values())


def test_factors_of_two_years(tmp_path: Path) -> None:
    found = location(
        tmp_path,
        "[{value: {factor: 380, year: 2023, source: a}}, "
        "{from: 2024-01-01T00:00:00+01:00, value: {factor: 344, year: 2024, source: b}}]",
    )
    border = instant("2023-12-31T23:00:00Z")
    assert steps(found) == [(-EVER, border, 380.0), (border, EVER, 344.0)]
    assert (found.year, found.source) == (None, "a; b")


def test_a_factor_is_unknown_before_its_first_date(tmp_path: Path) -> None:
    factor = "{factor: 344, year: 2024, source: b}"
    found = location(tmp_path, f"[{{from: 2025-03-01T00:00:00Z, value: {factor}}}]")
    assert steps(found) == [(T, EVER, 344.0)]


def test_a_method_without_factor_is_absent(tmp_path: Path) -> None:
    config = configured(tmp_path, "location: {table: carbontracker, zone: DEU}")
    assert set(config.plan().sites[0].intensity) == {"location"}


def series(folder: Path, rows: dict[int, str], column: str = "g_per_kwh") -> None:
    lines = [f"{rfc3339(T + minutes * MINUTE)},{value}" for minutes, value in rows.items()]
    (folder / "grid.csv").write_text("\n".join([f"timestamp,{column}", *lines]), encoding="utf-8")


def test_a_value_of_a_series_holds_for_its_interval_at_most(tmp_path: Path) -> None:
    series(tmp_path, {0: "100", 60: "110", 120: "", 180: "130", 300: "150", 330: "155", 390: "160"})
    found = location(tmp_path, "{series: grid.csv, zone: X}")
    minutes = [((a - T) // MINUTE, (b - T) // MINUTE, v) for a, b, v in steps(found)]
    assert minutes == [
        (0, 60, 100.0),
        (60, 120, 110.0),  # 120 has no value, and 240 no row: both are holes
        (180, 240, 130.0),
        (300, 330, 150.0),
        (330, 390, 155.0),
        (390, 450, 160.0),
    ]
    assert found.year is None


def test_a_series_may_go_from_hours_to_quarters(tmp_path: Path) -> None:
    """On either side of the change a value holds for an interval of its own day."""
    hours = [60 * hour for hour in range(48) if hour != 5]
    quarters = [48 * 60 + 15 * quarter for quarter in range(4 * 96) if quarter != 7]
    series(tmp_path, dict.fromkeys([*hours, *quarters], "100"))
    held = {
        (a - T) // MINUTE: (b - a) // MINUTE
        for a, b, _ in steps(location(tmp_path, "{series: grid.csv}"))
    }
    assert held == {**dict.fromkeys(hours, 60), **dict.fromkeys(quarters, 15)}


def test_stamps_may_be_the_ends_of_intervals(tmp_path: Path) -> None:
    """Holes stay holes; of days that go from hours to quarters each has its own interval."""
    series(tmp_path, {60: "100", 120: "110", 180: "", 240: "130", 360: "150", 390: "155"})
    found = steps(location(tmp_path, "{series: grid.csv, stamps: end}"))
    minutes = [((a - T) // MINUTE, (b - T) // MINUTE, v) for a, b, v in found]
    assert minutes == [
        (0, 60, 100.0),
        (60, 120, 110.0),
        (180, 240, 130.0),
        (300, 360, 150.0),
        (360, 390, 155.0),
    ]
    hours, quarters = range(60, 1441, 60), range(1455, 2881, 15)
    series(tmp_path, dict.fromkeys([*hours, *quarters], "100"))
    found = steps(location(tmp_path, "{series: grid.csv, stamps: end}"))
    lengths = {(b - T) // MINUTE: (b - a) // MINUTE for a, b, _ in found}
    assert lengths == {**dict.fromkeys(hours, 60), **dict.fromkeys(quarters, 15)}


def test_stamps_are_of_a_series(tmp_path: Path) -> None:
    with pytest.raises(GreendcError, match="stamps: is of no use without a series"):
        location(tmp_path, "{table: carbontracker, zone: DEU, stamps: end}")


def test_the_page_of_providers_means_what_it_says(tmp_path: Path) -> None:
    page = (PROJECT / "config" / "INTENSITY.md").read_text(encoding="utf-8")
    told = EXAMPLE.findall(page)
    assert len(told) == page.count("```csv")
    for rows, factor, grams, start, end in told:
        (tmp_path / factor.partition("series: ")[2].partition(",")[0]).write_text(rows, "utf-8")
        assert steps(location(tmp_path, factor))[0] == (instant(start), instant(end), float(grams))


def test_days_of_one_value_have_holes_all_the_same(tmp_path: Path) -> None:
    days = [1440 * day for day in range(9) if day not in {3, 6}]
    series(tmp_path, dict.fromkeys(days, "100"))
    found = steps(location(tmp_path, "{series: grid.csv}"))
    assert [(b - a) // MINUTE for a, b, _ in found] == [1440] * 7


def test_a_column_by_another_name_in_a_compressed_file(tmp_path: Path) -> None:
    text = "timestamp,avg_CI,WND\n2025-01-01T00:00:00Z,5,1\n2025-01-01T01:00:00Z,6,1\n"
    (tmp_path / "grid.csv.gz").write_bytes(gzip.compress(text.encode()))
    found = location(tmp_path, "{series: grid.csv.gz, column: avg_CI}")
    assert found.value.tolist() == [5.0, 6.0]


def test_a_factor_takes_over_from_a_series(tmp_path: Path) -> None:
    series(tmp_path, {0: "100", 60: "110", 120: "120"})
    found = location(
        tmp_path,
        "[{value: {series: grid.csv}}, {from: 2025-03-01T01:30:00Z, "
        "value: {factor: 50, year: 2025, source: c}}]",
    )
    cut = T + 90 * MINUTE
    assert steps(found)[1:] == [(T + HOUR, cut, 110.0), (cut, EVER, 50.0)]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({0: "100", 60: "x"}, "grid.csv:3: could not convert"),
        ({0: "100", 60: "-5"}, "grid.csv:3: -5.0 is no intensity"),
        ({0: "100", 60: "inf"}, "grid.csv:3: inf is no intensity"),
        ({60: "100", 0: "5"}, "does not come after"),
        ({0: "100"}, "fewer than two rows"),
    ],
)
def test_a_bad_series(rows: dict[int, str], told: str, tmp_path: Path) -> None:
    series(tmp_path, rows)
    with pytest.raises(GreendcError, match=told):
        location(tmp_path, "{series: grid.csv}")


def test_a_series_without_its_column(tmp_path: Path) -> None:
    series(tmp_path, {0: "1", 60: "2"}, column="g_per_kw")
    with pytest.raises(GreendcError, match='no column "g_per_kwh"; did you mean "g_per_kw"'):
        location(tmp_path, "{series: grid.csv}")


# -- vintage ----------------------------------------------------------------------------------


def test_a_factor_of_another_year_is_told(tmp_path: Path) -> None:
    config = configured(tmp_path, "location: {table: carbontracker, zone: DEU}")
    assert config.warnings(SPAN_2025) == [
        "s: emissions.location: factor of 2024 (DEU, carbontracker 2.4.7) used for 2025"
    ]


def test_a_factor_of_its_own_year_is_not(tmp_path: Path) -> None:
    config = configured(tmp_path, "location: {table: carbontracker, zone: DEU}")
    span = (instant("2024-05-01T00:00:00Z"), instant("2024-06-01T00:00:00Z"))
    assert config.warnings(span) == []
    assert config.warnings(None) == []


def test_years_are_local(tmp_path: Path) -> None:
    config = configured(tmp_path, "location: {table: carbontracker, zone: DEU}")
    midnight = instant("2024-12-31T23:00:00Z")  # in Berlin
    assert not config.warnings((midnight - HOUR, midnight))
    assert config.warnings((midnight, midnight + HOUR))


def test_each_dated_factor_answers_for_its_own_time(tmp_path: Path) -> None:
    config = configured(
        tmp_path,
        "market: [{value: {factor: 9, year: 2024, source: a}}, "
        "{from: 2025-01-01T00:00:00+01:00, value: {factor: 8, year: 2025, source: b}}]",
    )
    span = (instant("2024-06-01T00:00:00Z"), instant("2026-02-01T00:00:00Z"))
    assert config.warnings(span) == ["s: emissions.market: factor of 2025 (b) used for 2026"]
