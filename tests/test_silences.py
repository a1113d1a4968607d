"""Long silences through the real pipeline: cells left out, periods exact, order free."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from greendc.calendars import parse_rfc3339
from greendc.config import Config
from greendc.core.facility import DAY, HOUR, MINUTE
from greendc.core.figure import Figure
from greendc.queries import Ledger
from tests import runs
from tests.runs import Key, Reading
from tests.test_ledger_laws import assert_sums

LONG_AGO = parse_rfc3339("2000-01-01T00:00:05Z")
BEGIN = parse_rfc3339("2025-03-01T10:00:00Z")
BACK = BEGIN + 100 * DAY
IT = "{id: it, point: pdu_out, unit: W, kind: mean_next, nominal: 30min}"
PUMP = "{id: pump, point: cool_pump, unit: W, kind: mean_prev, nominal: 30min}"
FEED = "{id: feed, point: util, quantity: energy, unit: Wh, kind: register, nominal: 30min}"
HALL = "{id: hall, point: none, quantity: temperature, unit: Cel, kind: instant, nominal: 1h}"
FED = 60.0  # Wh in half an hour, what IT and pump take
MORE = "cell: 30min\nlateness: 40min\nhorizon: 10d\ne_dc: bottom_up"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return runs.configured(tmp_path, [IT, PUMP, FEED], MORE)


def log(begin: int, hours: int = 5, counted: float = 0.0) -> list[Reading]:
    times = range(begin, begin + hours * HOUR, 30 * MINUTE)
    return [
        reading
        for i, time in enumerate(times)
        for reading in (
            ("it", time, 100.0),
            ("pump", time, 20.0),
            ("feed", time, counted + FED * i),
        )
    ]


def newest(folder: Path, used: Config, readings: Sequence[Reading]) -> dict[Key, Figure]:
    path = runs.played(folder / "one", used, [*runs.entries(readings), runs.end()])
    found = runs.newest(path)
    path.unlink()
    return found


def starts(rows: Iterable[Key], period: str, name: str = "e_it") -> list[int]:
    return sorted(key[2] for key in rows if key[:2] == (period, name))


def test_a_clock_that_was_never_set_costs_its_own_hour(tmp_path: Path, config: Config) -> None:
    usual = newest(tmp_path, config, log(BEGIN))
    rows = newest(tmp_path, config, [("it", LONG_AGO, 50.0), *log(BEGIN)])
    assert {key: rows[key] for key in usual} == usual
    early = {key for key in rows if rows[key].end <= LONG_AGO + 366 * DAY}
    assert all(rows[key].start >= BEGIN - HOUR for key in rows.keys() - usual.keys() - early)
    assert starts(early, "cell") == [LONG_AGO // HOUR * HOUR + i * 30 * MINUTE for i in range(2)]
    assert sum(rows["cell", "it", t].value or 0 for t in starts(early, "cell")) == 50.0 * 1800
    assert assert_sums(rows, "UTC") > 0


def test_three_months_of_silence_have_no_cells_and_count_as_missing(
    tmp_path: Path, config: Config
) -> None:
    rows = newest(tmp_path, config, [*log(BEGIN), *log(BACK, counted=5000.0)])
    # the pump's first mean reaches into the hour before
    assert starts(rows, "hour") == [t + h * HOUR for t in (BEGIN, BACK) for h in range(-1, 5)]
    assert starts(rows, "month") == [parse_rfc3339(f"2025-0{m}-01T00:00:00Z") for m in (3, 6)]
    year = rows["year", "e_it", parse_rfc3339("2025-01-01T00:00:00Z")]
    assert year.valid == 2 * 5 * HOUR
    assert year.coverage == pytest.approx(10 / 8760)
    # what the register counted meanwhile cannot be told from a register exchanged
    assert rows["year", "feed", year.start].value == pytest.approx(2 * 9 * FED * 3600)
    assert rows["24h", "e_it", BACK + HOUR - DAY].coverage == pytest.approx(1 / 24)
    assert assert_sums(rows, "UTC") > 0


def test_a_register_counts_across_silences_up_to_the_horizon(
    tmp_path: Path, config: Config
) -> None:
    for days, counted in ((9, 5000 + 9 * FED), (11, 18 * FED)):
        again = log(BEGIN + days * DAY, counted=5000.0)
        rows = newest(tmp_path, config, [*log(BEGIN), *again])
        found = sum(rows["month", "feed", t].value or 0 for t in starts(rows, "month"))
        assert found == pytest.approx(counted * 3600)


@pytest.mark.parametrize("days", [5, 9, 100])
def test_late_readings_fill_a_silence_as_if_they_had_come_in_order(
    days: int, tmp_path: Path, config: Config
) -> None:
    middle = log(BACK - days * DAY // 15, 1)
    late = [*log(BEGIN), *log(BACK, 1), *middle, *log(BACK + HOUR, 4)]
    for between in ([], [("it", BACK - 8 * DAY, 10.0)]):
        whole = [*late, *between]
        ordered = sorted(whole, key=lambda r: (r[1], r[0]))
        assert newest(tmp_path, config, whole) == newest(tmp_path, config, ordered)


def test_batches_kills_and_ends_around_a_silence_leave_no_trace(
    tmp_path: Path, config: Config
) -> None:
    whole = [("it", LONG_AGO, 50.0), *log(BEGIN), *log(BACK), ("pump", BACK - 9 * DAY, 1.0)]
    entries = [*runs.entries(whole), runs.end()]
    wanted = runs.revisions(runs.played(tmp_path / "a", config, entries))
    every = range(len(whole))
    cut = [*runs.entries(whole, every[::7]), runs.end()]
    path = runs.played(tmp_path / "b", config, cut, commits=every, kills=every[::3])
    assert runs.revisions(path) == wanted
    split = [e for entry in runs.entries(whole, every[::9]) for e in (entry, runs.end())]
    ended = runs.newest(runs.played(tmp_path / "c", config, split))
    assert ended == runs.newest(tmp_path / "a")


def test_a_site_whose_sensors_go_on_is_not_silent(tmp_path: Path) -> None:
    used = runs.configured(tmp_path, [IT, HALL], MORE)
    sensed = [("hall", time, 21.0) for time in range(BEGIN, BEGIN + 20 * DAY, HOUR)]
    metered = [r for r in [*log(BEGIN), *log(BEGIN + 20 * DAY)] if r[0] == "it"]
    rows = newest(tmp_path, used, sorted([*sensed, *metered], key=lambda r: r[1]))
    assert len(starts(rows, "hour")) == 20 * 24 + 5
    assert rows["hour", "e_it", BEGIN + 9 * DAY].reason == "coverage"


@pytest.mark.parametrize(
    ("kind", "apart", "known"),
    [
        ("on_change, silent_after: 20d", 15, 15),
        ("on_change, silent_after: 20d", 100, 20),  # the last value holds into the silence
        ("instant, max_gap: 20d, silent_after: 20d", 15, 15),  # the line between two samples
    ],
)
def test_what_a_reading_reaches_across_is_no_silence(
    kind: str, apart: int, known: int, tmp_path: Path
) -> None:
    slow = f"{{id: it, point: pdu_out, unit: W, nominal: 30min, kind: {kind}}}"
    used = runs.configured(tmp_path, [slow], MORE)
    back = BEGIN + apart * DAY
    rows = newest(tmp_path, used, [("it", BEGIN, 100.0), ("it", back, 100.0)])
    hours = [h for h in starts(rows, "hour") if h < back]
    assert hours == [BEGIN + i * HOUR for i in range(known * 24)]
    assert {rows["hour", "e_it", h].value for h in hours} == {100.0 * 3600}


def test_what_is_older_than_the_horizon_changes_nothing(tmp_path: Path, config: Config) -> None:
    usual = log(BEGIN, 12 * 24)
    entries = [*runs.entries([*usual, ("it", BEGIN + MINUTE, 9e3)]), runs.end()]
    path = runs.played(tmp_path / "late", config, entries)
    assert runs.newest(path) == newest(tmp_path, config, usual)
    with Ledger(path) as ledger:
        assert ledger.tally(runs.SITE)["late_beyond_horizon"] == 1


def test_what_was_too_late_stays_out_after_a_restart(tmp_path: Path) -> None:
    """Before a first energy reading nothing is closed that would keep it out."""
    used = runs.configured(tmp_path, [IT, HALL], MORE)
    sensed = [("hall", BEGIN + i * 30 * MINUTE, 21.0) for i in range(12 * 48)]
    late = ("it", BEGIN + MINUTE, 9e3)
    metered = [("it", BEGIN + 12 * DAY + i * 10 * MINUTE, 100.0) for i in range(20)]
    whole = [*sensed[:-1], late, sensed[-1], *metered]
    run = runs.Run(tmp_path / "ledger", used)
    for entry in runs.entries(whole, range(len(sensed) - 1, len(whole))):
        run.take(entry)
        run.commit()
        held = run.pipeline.ledgers[runs.SITE].book.open
        run.kill()
        assert run.pipeline.ledgers[runs.SITE].book.open == held
    run.close()


def test_a_value_that_no_meter_can_show_is_counted_and_harms_no_neighbour(
    tmp_path: Path, config: Config
) -> None:
    usual = log(BEGIN)
    entries = [*runs.entries([*usual[:4], ("it", BEGIN + MINUTE, 1e30), *usual[4:]]), runs.end()]
    path = runs.played(tmp_path / "huge", config, entries)
    assert runs.newest(path) == newest(tmp_path, config, usual)
    with Ledger(path) as ledger:
        assert ledger.tally("")["rejected:out_of_range"] == 1


def test_an_input_cannot_be_closed_for_years_ahead(tmp_path: Path, config: Config) -> None:
    entries = [*runs.entries(log(BEGIN)), runs.end(at=BEGIN + 4000 * DAY)]
    rows = runs.newest(runs.played(tmp_path / "ledger", config, entries))
    assert starts(rows, "hour")[-1] == BEGIN + 4 * HOUR
    assert rows["day", "e_it", BEGIN // DAY * DAY].coverage == pytest.approx(5 / 24)


def test_what_changes_before_a_silence_is_written_once(tmp_path: Path) -> None:
    """Two epochs lie before the silence; the first reading after it closes both."""
    dated = "[{value: 0.1}, {from: 2025-03-01T12:00:00Z, value: 0.2}]"
    share = f"derived: [{{id: loss, point: loss_power, share: {dated}, of: it, uncertainty: 0.01}}]"
    used = runs.configured(tmp_path, [IT, PUMP], f"{MORE}\n{share}")
    whole = [r for r in [*log(BEGIN), *log(BACK)] if r[0] != "feed"]
    rows = newest(tmp_path, used, whole)
    assert starts(rows, "hour") == [t + h * HOUR for t in (BEGIN, BACK) for h in range(-1, 5)]
    assert assert_sums(rows, "UTC", 30 * MINUTE) > 0
