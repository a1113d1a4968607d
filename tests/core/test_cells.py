"""What stands in a cell: coverage to the nanosecond, and the word where a value is missing."""

from pathlib import Path

import pytest

from greendc.calendars import parse_rfc3339
from greendc.core.facility import HOUR, MINUTE, SECOND
from greendc.core.figure import Figure
from tests import runs
from tests.runs import Reading

BEGIN = parse_rfc3339("2025-03-01T00:00:00Z")
IT = "{id: it, point: pdu_out, unit: W, kind: mean_next, nominal: 60s}"
PUMP = "{id: pump, point: cool_pump, unit: W, kind: mean_next, nominal: 60s}"
FEED = "{id: feed, point: util, unit: W, kind: mean_next, nominal: 60s}"
BOTTOM_UP = "e_dc: bottom_up\nlateness: 10min"
METERED = "lateness: 10min"


def minutes(name: str, watt: float, *gone: int) -> list[Reading]:
    """An hour of a mean a minute, but for some minutes."""
    return [(name, BEGIN + i * MINUTE, watt) for i in range(60) if i not in gone]


def figures(
    folder: Path, meters: list[str], more: str, *logs: list[Reading], period: str = "cell"
) -> dict[tuple[str, int], Figure]:
    """Newest figures of a period by name and minute."""
    used = runs.configured(folder, meters, more)
    log = sorted((r for log in logs for r in log), key=lambda r: r[1])
    path = runs.played(folder / "l", used, [*runs.entries(log), runs.end()])
    found = runs.newest(path, period)
    return {(name, (start - BEGIN) // MINUTE): f for (_, name, start), f in found.items()}


def told(figure: Figure) -> tuple[float | None, str, str | None]:
    return figure.value, figure.status, figure.reason


def test_a_silent_meter_leaves_cells_without_a_value(tmp_path: Path) -> None:
    logs = minutes("it", 100.0), minutes("pump", 20.0, 10)
    rows = figures(tmp_path, [IT, PUMP], BOTTOM_UP, *logs)
    assert told(rows["pump", 10]) == (None, "undefined", "silent")
    assert told(rows["ipue", 10]) == (None, "undefined", "silent")
    assert told(rows["it", 10]) == (6000.0, "ok", None)
    assert told(rows["ipue", 11]) == (1.2, "ok", None)


def test_an_hour_with_holes_is_partial_and_its_ratio_rests_on_common_time(tmp_path: Path) -> None:
    logs = minutes("it", 100.0, *range(5)), minutes("pump", 20.0, *range(3, 9))
    rows = figures(tmp_path, [IT, PUMP], BOTTOM_UP, *logs, period="hour")
    assert rows["ipue", 0].valid == 51 * MINUTE
    assert told(rows["ipue", 0]) == (1.2, "partial", "coverage")
    assert rows["it", 0].valid == 55 * MINUTE
    assert rows["it", 0].coverage == 55 / 60


def test_coverage_within_a_cell_is_exact(tmp_path: Path) -> None:
    on_change = IT.replace("mean_next, nominal: 60s", "on_change, nominal: 10s, silent_after: 20s")
    second = [("it", BEGIN + 10 * SECOND, 100.0), ("it", BEGIN + 15 * SECOND + 1, 50.0)]
    rows = figures(tmp_path, [on_change], BOTTOM_UP, [*second, ("it", BEGIN + 2 * MINUTE, 1.0)])
    assert rows["it", 0].valid == 25 * SECOND + 1
    assert rows["it", 0].value == pytest.approx(100 * (5 + 1e-9) + 50 * 20)
    assert rows["it", 0].status == "partial"


def test_a_period_shorter_than_the_interval_is_not_resolved(tmp_path: Path) -> None:
    slow = "{id: heat, point: q_reuse, unit: W, kind: mean_next, nominal: 2h}"
    heat = [("heat", BEGIN, 30.0), ("heat", BEGIN + 2 * HOUR, 30.0)]
    cells = figures(tmp_path, [slow], METERED, heat)
    assert told(cells["heat", 0]) == (None, "undefined", "resolution")
    assert cells["heat", 0].valid == HOUR
    days = runs.newest(tmp_path / "l", "day")
    assert [f.value for key, f in days.items() if key[1] == "heat"] == [30.0 * 4 * 3600]


def test_without_an_intensity_there_is_no_mass(tmp_path: Path) -> None:
    (tmp_path / "grid.csv").write_text(
        "timestamp,g_per_kwh\n2025-03-01T00:30:00Z,400\n2025-03-01T01:00:00Z,300\n"
    )
    more = f"{METERED}\nemissions: {{location: {{series: grid.csv, year: 2025, source: none}}}}"
    logs = minutes("it", 500.0, 45), minutes("feed", 600.0)
    rows = figures(tmp_path, [IT, FEED], more, *logs)
    assert told(rows["co2e_location", 29]) == (None, "undefined", "no_intensity")
    assert rows["co2e_location", 30].value == pytest.approx(600 * 60 / 3.6e6 * 400)
    assert told(rows["cue_location", 29]) == (None, "undefined", "no_intensity")
    # the word is that of each cell, whatever cells are computed beside it
    assert told(rows["cue_location", 45]) == (None, "undefined", "silent")


@pytest.mark.parametrize(
    ("it", "feed", "name", "expected"),
    [
        (0.0, 50.0, "ipue", (None, "undefined", "undefined_denominator")),
        (9.0, 50.0, "ipue", (None, "undefined", "undefined_denominator")),  # below 1 % of 1 kW
        (100.0, 90.0, "ipue", (None, "invalid", "out_of_bounds")),
        (100.0, -50.0, "ipue", (None, "invalid", "negative_total")),
        (100.0, -50.0, "e_dc", (-3000.0, "invalid", "negative_total")),
        (-20.0, 50.0, "e_it", (-1200.0, "invalid", "negative_total")),
        (100.0, 150.0, "ipue", (1.5, "ok", None)),
    ],
)
def test_what_may_not_be_published(
    it: float, feed: float, name: str, expected: tuple[object, ...], tmp_path: Path
) -> None:
    rows = figures(tmp_path, [IT, FEED], METERED, minutes("it", it), minutes("feed", feed))
    assert told(rows[name, 5]) == expected


def test_a_declared_share_makes_an_estimate(tmp_path: Path) -> None:
    more = f"{BOTTOM_UP}\nderived: [{{id: loss, point: loss_power, share: 0.25, of: it}}]"
    rows = figures(tmp_path, [IT], more, minutes("it", 100.0))
    assert told(rows["ipue", 5]) == (1.25, "estimated", "declared_share")
    assert rows["ipue", 5].estimated == pytest.approx(0.2)
    assert told(rows["it", 5])[1:] == ("ok", None)


# -- the end of an input -----------------------------------------------------------------------

CHANGES = "on_change, nominal: 60s, silent_after: 10min"


def joules(rows: dict[tuple[str, int], Figure], name: str) -> float:
    return sum(f.value or 0.0 for (found, _), f in rows.items() if found == name)


def test_the_last_value_of_a_meter_that_reports_by_exception_counts_in_full(
    tmp_path: Path,
) -> None:
    only = IT.replace("mean_next, nominal: 60s", CHANGES)
    log = [("it", BEGIN, 100.0), ("it", BEGIN + 4 * MINUTE, 200.0)]
    rows = figures(tmp_path, [only], BOTTOM_UP, log)
    assert joules(rows, "it") == joules(rows, "e_dc") == 100.0 * 240 + 200.0 * 600
    assert {f.coverage for (name, _), f in rows.items() if name == "e_dc"} == {1.0}


def test_all_of_a_site_that_reports_by_exception_ends_where_one_of_them_falls_silent(
    tmp_path: Path,
) -> None:
    meters = [m.replace("mean_next, nominal: 60s", CHANGES) for m in (IT, PUMP)]
    log = [("it", BEGIN, 100.0), ("pump", BEGIN, 20.0), ("pump", BEGIN + 4 * MINUTE, 30.0)]
    rows = figures(tmp_path, meters, BOTTOM_UP, log)
    assert joules(rows, "it") == 100.0 * 600
    assert joules(rows, "pump") == 20.0 * 240 + 30.0 * 360
    assert {f.coverage for f in rows.values()} == {1.0}


def test_beside_other_meters_a_last_value_counts_to_the_common_end(tmp_path: Path) -> None:
    pump = PUMP.replace("mean_next, nominal: 60s", CHANGES)
    log = [("pump", BEGIN, 20.0)]
    rows = figures(tmp_path, [IT, pump], BOTTOM_UP, log, minutes("it", 100.0)[:5])
    assert joules(rows, "pump") == 20.0 * 300
    assert joules(rows, "e_dc") == 120.0 * 300
    assert {f.coverage for f in rows.values()} == {1.0}
