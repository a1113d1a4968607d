"""What a late reading changes, and nothing else; what `greendc revisions` tells of it."""

import json
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from greendc import replay
from greendc.calendars import parse_rfc3339
from greendc.config import Config, load
from greendc.core.facility import DAY, HOUR, MINUTE
from greendc.ports import Entry
from greendc.revisions import Revision, Wanted, as_text, revisions
from greendc.store import PERIODS
from tests import runs
from tests.runs import Reading
from tests.small import SITE, Small, messages

BEGIN = parse_rfc3339("2025-12-30T00:00:00Z")
DAYS = 4
NEW_YEAR = BEGIN + 2 * DAY
STEP = 30 * MINUTE
METERS = (
    "{id: it, point: pdu_out, unit: W, kind: mean_next, nominal: 30min}",
    "{id: pump, point: cool_pump, unit: W, kind: instant, nominal: 30min}",
    "{id: fan, point: cool_crah_fan, unit: W, kind: mean_next, nominal: 30min}",
)
MORE = """
cell: 30min
lateness: 1h
e_dc: bottom_up
emissions: {location: {factor: 400, year: 2025, source: made up}}
"""
RESTS_ON_PUMP = {"pump", "e_dc", "subsystem_cooling", "co2e_location", "ipue", "dcie"}
RESTS_ON_PUMP |= {"ppue_cooling", "cue_location", "pue"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return runs.configured(tmp_path_factory.mktemp("config"), METERS, MORE)


def log(days: int = DAYS, value: float = 100.0) -> list[Reading]:
    times = range(BEGIN, BEGIN + days * DAY, STEP)
    return [(name, time, value) for time in times for name in ("it", "pump", "fan")]


def told(folder: Path, config: Config, entries: Iterable[Entry]) -> list[Revision]:
    """Revisions of a ledger made of entries."""
    data = folder / "data"
    data.mkdir()
    runs.played(data / "ledger.db", config, entries)
    return list(revisions(config, Wanted(), data))


def test_the_horizon_is_seven_days_unless_the_site_says_otherwise(config: Config) -> None:
    assert config.plan().sites[0].horizon == 7 * DAY


def test_a_late_reading_revises_its_own_cells_what_rests_on_them_and_nothing_else(
    tmp_path: Path, config: Config
) -> None:
    late = ("pump", NEW_YEAR - 9 * HOUR, 260.0)
    others = [r for r in log() if r[:2] != late[:2]]
    arrives = others.index(("it", NEW_YEAR + DAY, 100.0))
    entries = runs.entries([*others[:arrives], late, *others[arrives:]])
    found = told(tmp_path, config, [*entries, runs.end()])
    # between its neighbours in time: the samples of half an hour before and after
    lo, hi = late[1] - STEP, late[1] + STEP
    assert {one.figure.quantity for one in found} == RESTS_ON_PUMP
    for one in found:
        assert one.figure.quantity in RESTS_ON_PUMP
        assert one.figure.start < hi
        assert one.figure.end > lo
        assert one.figure.revision == 1
        assert one.before.revision == 0
    pumps = {one.figure.period: one for one in found if one.figure.quantity == "pump"}
    assert {"cell", "hour", "day", "month", "year"} <= set(pumps)
    assert {one.figure.period for one in found if one.figure.quantity == "ipue"} == set(PERIODS)
    cells = {one.figure.start for one in found if one.figure.period == "cell"}
    assert cells == {lo, late[1]}
    assert {one.why for one in found} == {
        "1 reading of pump (2025-12-31T15:00:00Z to 2025-12-31T15:00:00Z): late"
    }
    (arrived,) = {one.arrived for one in found}
    assert arrived is not None
    assert NEW_YEAR + DAY <= arrived <= NEW_YEAR + DAY + HOUR  # at the next border


def why(found: Sequence[Revision]) -> set[str]:
    return {cause["kind"] for one in found for cause in one.causes}


def test_another_value_for_a_time_that_was_known_is_a_correction(
    tmp_path: Path, config: Config
) -> None:
    entries = runs.entries([*log(1), ("pump", BEGIN + HOUR, 900.0), *log(2)[3 * 48 : 3 * 60]])
    found = told(tmp_path, config, [*entries, runs.end()])
    assert found
    assert {cause["corrected"] for one in found for cause in one.causes} == {1}
    assert "1 of them another value: late" in found[0].why


def test_repeating_what_was_said_revises_nothing(tmp_path: Path, config: Config) -> None:
    entries = runs.entries([*log(1), *log(1)[30:60], *log(2)[3 * 48 : 3 * 60]])
    assert told(tmp_path, config, [*entries, runs.end()]) == []


def test_what_comes_after_an_end_is_told_as_such(tmp_path: Path, config: Config) -> None:
    """The day was written as far as it went; then the input went on."""
    whole = log(2)
    cut = 3 * 30
    entries = [*runs.entries(whole[:cut]), runs.end(), *runs.entries(whole[cut:]), runs.end()]
    found = told(tmp_path, config, entries)
    assert {one.figure.period for one in found} >= {"day", "month"}
    assert "continued" in why(found)
    assert "late" not in why(found)


def test_every_revision_has_a_reason_whatever_is_killed(tmp_path: Path, config: Config) -> None:
    whole = [*log(1), *[(n, t, 7.0) for n, t, _ in log(1)[5:60:7]], *log(2)[3 * 48 : 3 * 60]]
    entries = [*runs.entries(whole, range(0, len(whole), 20)), runs.end()]
    every = range(len(entries))
    data = tmp_path / "data"
    data.mkdir()
    runs.played(data / "ledger.db", config, entries, commits=every[::4], kills=every[::3])
    found = list(revisions(config, Wanted(), data))
    assert found
    assert "unknown" not in why(found)
    assert [one.step for one in found] == sorted(one.step for one in found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger; four messages of 00:50 came at 02:33."""
    made = tmp_path_factory.mktemp("small")
    (made / "site.yaml").write_text(SITE)
    rows = list(messages(200))
    late = [row | {"tst": rows[900]["tst"]} for row in rows[300:304]]
    listed = [*rows[:300], *rows[304:900], *late, *rows[900:]]
    (made / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in listed))
    options = replay.Options(keep=made / "data")
    replay.replay([made / "log.jsonl"], load(made / "site.yaml"), options)
    return made


@pytest.fixture
def site(folder: Path, capsys: pytest.CaptureFixture[str]) -> Small:
    return Small(folder, capsys)


def test_people_read_what_arrived_and_what_it_has_changed(site: Small) -> None:
    out = site.run("revisions", "-c", site.config, "--period", "hour", "--quantity", "it_b")
    assert out.splitlines() == [
        "arrived 2025-03-01T02:37:01Z",
        "  1 reading of it_b (2025-03-01T00:50:00Z to 2025-03-01T00:50:00Z): late",
        "    small it_b hour 2025-03-01T00:00:00Z  30.4666667 -> 31 kWh, revision 1",
        "figures revised: 1",
    ]


def test_programs_read_a_line_for_each(site: Small) -> None:
    options = ("--from", "2025-03-01T00:50:00Z", "--to", "2025-03-01T00:51:00Z", "--json")
    rows = site.run("revisions", "-c", site.config, "--site", "small", *options).splitlines()
    found = {(one["period"], one["quantity"]): one for one in map(json.loads, rows)}
    cell = found["cell", "it_b"]
    assert cell["before"]["status"] == "partial"
    assert (cell["after"]["value"], cell["revision"]) == (2.5833333333333335, 1)
    (cause,) = cell["causes"]
    assert (cause["kind"], cause["meter"], cause["readings"]) == ("late", "it_b", 1)
    assert {one["start"] for one in found.values()} == {"2025-03-01T00:50:00Z"}


def test_an_unknown_site_is_refused(site: Small) -> None:
    assert "no such site" in site.refused("revisions", "-c", site.config, "--site", "nowhere")


def test_an_unknown_figure_is_refused_with_the_nearest(site: Small) -> None:
    refused = site.refused("revisions", "-c", site.config, "--quantity", "ippue")
    assert refused == 'ippue: no such figure or meter in the ledger; did you mean "ipue"?\n'


def test_no_revision_is_no_fault(site: Small) -> None:
    assert site.run("revisions", "-c", site.config, "--quantity", "heat") == "figures revised: 0\n"


def test_a_ledger_that_kept_no_reasons_says_so(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "data" / "ledger.db", tmp_path)
    db = sqlite3.connect(tmp_path / "ledger.db")
    with db:
        db.execute("DELETE FROM event WHERE kind = 'revised'")
    db.close()
    found = list(revisions(load(folder / "site.yaml"), Wanted(period="hour"), tmp_path))
    assert {one.why for one in found} == {"made by a greendc that kept no reasons"}
    assert next(as_text(found)) == "at a time unknown"
