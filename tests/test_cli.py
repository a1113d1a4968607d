"""Commands in this process: what they print, what they refuse, how they end."""

import gzip
import io
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from greendc import replay
from greendc.cli import main
from greendc.core.facility import SECOND
from greendc.daemon.data import locked
from greendc.ports import Entry, Event, RawBatch
from greendc.queries import Ledger
from tests.small import BEGIN, SITE, Json, Small, json_lines, messages, small_site

KPI = {"value", "category", "coverage", "estimated_share", "shares", "uncertainty", "status"}
KPI |= {"reason"}
CONTRACT = {"messages", "readings", "rejected", "from", "to", "sites"}


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Small:
    return small_site(tmp_path, capsys)


def replayed(site: Small, *options: str | Path) -> Json:
    found: Json = json.loads(site.run("replay", site.log, "-c", site.config, "--json", *options))
    return found


# -- replay ---------------------------------------------------------------------------------------


def test_json_keeps_its_contract(site: Small) -> None:
    found = replayed(site)
    assert set(found) >= CONTRACT
    assert (found["messages"], found["readings"], found["rejected"]) == (1410, 1410, {})
    assert (found["from"], found["to"]) == ("2025-03-01T00:00:00Z", "2025-03-01T04:00:00Z")
    small = found["sites"]["small"]
    assert set(small) == {"energy_kwh", "kpi", "co2e_kg", "shares"}
    for shares in (*small["shares"].values(), small["kpi"]["ipue"]["shares"]):
        assert sum(shares.values()) == pytest.approx(1.0)
    assert small["shares"]["losses"] == {
        "measured": 0.0,
        "distributed": 0.0,
        "estimated": 0.875,
        "missing": 0.125,
    }
    assert small["shares"]["util"]["measured"] == 1.0
    assert set(small["co2e_kg"]) == {"location", "market"}
    assert {"e_dc", "e_it", "e_reuse", "util", "it_a", "losses"} <= set(small["energy_kwh"])
    for kpi in ("ipue", "dcie", "erf", "ere", "ppue_cooling", "cue_location", "cue_market"):
        assert set(small["kpi"][kpi]) == KPI


def test_json_says_why_a_kpi_is_not_there(site: Small) -> None:
    small = replayed(site)["sites"]["small"]
    market = small["kpi"]["cue_market"]
    assert (market["value"], market["status"]) == (None, "undefined")
    assert market["reason"] == "no_market_factor"
    assert small["co2e_kg"]["market"] is None


def test_several_categories_have_names_of_their_own(site: Small) -> None:
    site.config.write_text(
        SITE.replace("{id: it_a, point: pdu_out", "{id: it_a, point: it_in").replace(
            "    derived:", "    e_it: {2: [it_b], 3: [it_a]}\n    derived:"
        )
    )
    kpi = replayed(site)["sites"]["small"]["kpi"]
    assert kpi["ipue"]["category"] == 3
    assert kpi["ipue_cat2"]["category"] == 2
    assert kpi["ipue_cat2"]["value"] != kpi["ipue"]["value"]


def test_totals_are_the_sums_of_the_cells_to_the_bit(site: Small) -> None:
    small = replayed(site, "--out", site.folder / "out.jsonl")["sites"]["small"]
    cells: dict[str, list[float]] = {}
    whole: Json = {}
    for row in json_lines((site.folder / "out.jsonl").read_text()):
        if row["period"] == "log":
            whole[row["quantity"]] = row["value"]
        if row["period"] == "cell" and row["value"] is not None:
            cells.setdefault(row["quantity"], []).append(row["value"])
    totals = small["energy_kwh"] | {"co2e_location": small["co2e_kg"]["location"]}
    assert len(totals) > 10
    for name, total in totals.items():
        assert total == math.fsum(cells[name]) == whole[name], name


def test_out_says_the_same_twice(site: Small) -> None:
    first, again = site.folder / "1.jsonl", site.folder / "2.jsonl"
    replayed(site, "--out", first)
    replayed(site, "--out", again)
    assert first.read_bytes() == again.read_bytes()


def test_the_summary_names_figures_and_what_is_absent(site: Small) -> None:
    text = site.run("replay", site.log, "-c", site.config)
    assert "1410 messages, 1410 readings; rejected: none" in text
    assert "ipue" in text
    assert "no_market_factor" in text


def test_a_factor_of_another_year_is_a_warning(site: Small) -> None:
    _, out, err = site.tried("replay", site.log, "-c", site.config, "--json")
    assert "factor of 2024 (DE, a table) used for 2025" in err
    assert json.loads(out)["warnings"]


def test_a_clock_that_was_never_set_is_a_warning(site: Small) -> None:
    """Its hour is a part of the log, which then is nearly all silence: somebody must be told."""
    usual = replayed(site)
    rows = [json.loads(row) for row in site.log.read_text().splitlines()]
    early = {**rows[0], "payload": '{"w": 1.0, "t": "2000-01-01T00:00:00Z"}'}
    log = site.write([early, *rows], "early.jsonl")
    found = json.loads(site.run("replay", log, "-c", site.config, "--json"))
    silence, *others = found["warnings"]
    assert silence.startswith(
        "small: nothing was heard from 2000-01-01T01:00:00Z to 2025-03-01T00:00:00Z (9,191 days)"
    )
    years = [text.rsplit(" for ", 1)[1] for text in others]
    assert years == ["2000", "2025"]
    assert found["sites"]["small"]["kpi"]["ipue"]["value"] == pytest.approx(
        usual["sites"]["small"]["kpi"]["ipue"]["value"]
    )


def test_bad_lines_are_counted_and_harm_no_neighbour(site: Small) -> None:
    good = replayed(site)
    with site.log.open("a") as file:
        file.write('no json\n{"tst": "2025-03-01T00:00:00Z", "topic": "x", "payload": "1"}\n')
        file.write('{"tst": "2025-03-01T00:00:00Z", "topic": "dc/util/power", "payload": "{"}\n')
    found = replayed(site)
    assert sum(found["rejected"].values()) == 3
    assert found["sites"] == good["sites"]


def test_a_log_without_a_reading_is_a_problem(site: Small) -> None:
    empty = site.write([], "empty.jsonl")
    code, out, err = site.tried("replay", empty, "-c", site.config, "--json")
    found = json.loads(out)
    assert code == 1
    assert "no reading" in err
    assert (found["from"], found["to"], found["readings"]) == (None, None, 0)
    assert found["sites"]["small"]["kpi"]["ipue"]["reason"] == "no_data"


def test_a_log_that_ends_in_the_middle_is_a_problem(site: Small) -> None:
    cut = site.folder / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(site.log.read_bytes())[:-4000])
    code, _, err = site.tried("replay", cut, "-c", site.config)
    assert code == 1
    assert "ends in the middle" in err


def test_no_progress_bar_where_nobody_watches(site: Small) -> None:
    _, _, err = site.tried("replay", site.log, "-c", site.config)
    assert "%" not in err
    assert "B/s" not in err


class Terminal(io.StringIO):
    """An error output that a person watches."""

    def isatty(self) -> bool:
        return True


def test_progress_is_shown_on_a_terminal(site: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    for options, shown in (([], True), (["--quiet"], False)):
        terminal = Terminal()
        monkeypatch.setattr("sys.stderr", terminal)
        assert main(["replay", str(site.log), "-c", str(site.config), *options]) == 0
        assert ("100%" in terminal.getvalue()) is shown


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--speed", "fast"], "not a speed: write max, or how many times real time"),
        (["--speed", "0"], "write max, or how many times real time, such as 60"),
        (["--speed", "nan"], "not a speed"),
        (["--out", "no/such/folder/out.jsonl"], "no such folder"),
        (["--keep", "x", "--into-store", "--yes"], "leave out --keep"),
    ],
)
def test_replay_refuses(site: Small, options: list[str], word: str) -> None:
    assert word in site.refused("replay", site.log, "-c", site.config, *options)


def test_replay_refuses_a_log_that_is_not_there(site: Small) -> None:
    missing = site.folder / "none.jsonl"
    assert "none.jsonl: no such file" in site.refused("replay", missing, "-c", site.config)


def test_a_log_without_configuration_needs_one(site: Small) -> None:
    assert "give one with -c FILE" in site.refused("replay", site.log)


def test_unknown_options_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", "--sped"])
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["recompute", "-c", "site.yaml", "--data", "there"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "usage: greendc recompute" in told  # what this command takes
    assert "unrecognized arguments: --data there" in told


def test_pace_keeps_the_distances_divided_by_the_speed() -> None:
    arrivals = [BEGIN + minute * 60 * SECOND for minute in range(10)]
    nothing = [""] * 10
    batch = RawBatch(arrivals, nothing, [b""] * 10, [0] * 10, [0] * 10)
    now = 100.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    entries: list[Entry] = [batch, Event("tick", arrivals[-1])]
    handed = [(now, entry) for entry in replay.paced(entries, 60.0, lambda: now, sleep)]
    assert [at - 100 for at, _ in handed] == pytest.approx([*range(10), 9])
    assert [len(e) for _, e in handed if isinstance(e, RawBatch)] == [1] * 10


def test_a_paced_replay_takes_its_time_and_gives_the_same(site: Small) -> None:
    rows = list(messages(2))
    log = site.write(rows, "short.jsonl")
    began = time.monotonic()
    slow = site.run("replay", log, "-c", site.config, "--speed", "200", "--json")
    assert time.monotonic() - began >= 60 / 200  # a lower bound: a clock cannot run ahead
    assert slow == site.run("replay", log, "-c", site.config, "--json")


# -- keeping and joining --------------------------------------------------------------------------


def test_a_kept_ledger_serves_export_and_explain(site: Small) -> None:
    kept = site.folder / "kept"
    replayed(site, "--keep", kept, "--out", site.folder / "out.jsonl")
    exported = site.run("export", "-c", site.config, "--data", kept)
    assert exported == (site.folder / "out.jsonl").read_text()
    assert "e_dc of small" in site.run("explain", "-c", site.config, "--data", kept, "e_dc")
    assert "holds a ledger already" in site.refused(
        "replay", site.log, "-c", site.config, "--keep", kept
    )


def test_joining_asks_and_takes_no_for_an_answer(
    site: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    said = site.refused("replay", site.log, "-c", site.config, "--into-store")
    assert "It cannot be taken out again. [y/N]" in said
    assert "nothing was changed" in said
    assert not (site.folder / "data").exists()


def test_joining_without_a_terminal_needs_yes(site: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert "--yes" in site.refused("replay", site.log, "-c", site.config, "--into-store")


def joined(site: Small) -> None:
    site.run("replay", site.log, "-c", site.config, "--into-store", "--yes")


def test_a_joined_log_gives_the_ledger_of_its_replay(site: Small) -> None:
    replayed(site, "--out", site.folder / "out.jsonl")
    joined(site)
    assert site.run("export", "-c", site.config) == (site.folder / "out.jsonl").read_text()


def test_joining_is_refused_while_a_daemon_runs(site: Small) -> None:
    with locked(site.folder / "data"):
        refused = site.refused("replay", site.log, "-c", site.config, "--into-store", "--yes")
    assert "in use by another greendc" in refused


def test_a_journal_is_not_joined_to_itself(site: Small) -> None:
    joined(site)
    journal = site.folder / "data" / "journal.db"
    refused = site.refused("replay", journal, "-c", site.config, "--into-store", "--yes")
    assert "the data folder's own" in refused


def test_a_journal_brings_its_configuration(site: Small) -> None:
    joined(site)
    journal = site.folder / "data" / "journal.db"
    direct = json.loads(site.run("replay", journal, "--json"))
    assert direct == replayed(site)
    text = site.run("replay", journal, "-c", site.config)
    assert "stood in for those in the log" in text
    assert "stood in" not in site.run("replay", journal)


def test_an_exported_journal_gives_the_same_ledger(site: Small) -> None:
    joined(site)
    log = site.folder / "journal.jsonl.zst"
    site.run("export", "-c", site.config, "--journal", "-o", log)
    out = site.folder / "again.jsonl"
    site.run("replay", log, "--out", out)
    assert out.read_text() == site.run("export", "-c", site.config)
    shown = json_lines(site.run("export", "-c", site.config, "--journal"))
    assert [row["event"] for row in shown if "event" in row] == ["config", "end"]
    assert len(shown) == 1412


def test_part_of_a_journal_keeps_its_configuration(site: Small) -> None:
    joined(site)
    part = site.run("export", "-c", site.config, "--journal", "--to", "2025-03-01T00:10:00Z")
    rows = json_lines(part)
    assert len(rows) == 60  # ten minutes of six meters; the configuration came years later
    later = ("--from", "2110-01-01T00:00:00Z")
    code, out, err = site.tried("export", "-c", site.config, "--journal", *later)
    assert [row["event"] for row in json_lines(out)] == ["config"]
    assert code == 1
    assert err.startswith("no message or event found from 2110-01-01T00:00:00Z: ")
    assert "journal.db has those from 2025-03-01T00:00:01Z to 2" in err


def test_close_ends_the_input_up_to_a_time(site: Small) -> None:
    joined(site)
    said = site.run("close", "small", "-c", site.config, "--at", "2025-03-01T04:00:00Z")
    assert said.startswith("small: input closed")
    assert "no such site" in site.refused(
        "close", "other", "-c", site.config, "--at", "2025-03-01T04:00:00Z"
    )


def test_the_future_is_not_closed(site: Small) -> None:
    joined(site)
    refused = site.refused("close", "small", "-c", site.config, "--at", "2110-01-01T00:00:00Z")
    assert "--at lies in the future" in refused


# -- refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["yesterday", "2025-13-01", "2025-03-01T00:00:00", "9999-01-01T00:00:00Z"]
)
@pytest.mark.parametrize(
    "command",
    [
        ["explain", "ipue", "--at"],
        ["export", "--from"],
        ["export", "--to"],
        ["close", "small", "--at"],
    ],
    ids=" ".join,
)
def test_a_bad_time_is_refused_by_name(site: Small, command: list[str], text: str) -> None:
    assert f"{text}: not a time" in site.refused(*command, text, "-c", site.config)


@pytest.mark.parametrize("command", [["export"], ["explain", "ipue"]], ids=lambda c: c[0])
def test_a_missing_ledger_is_named(site: Small, command: list[str]) -> None:
    assert "no ledger here yet" in site.refused(*command, "-c", site.config)


@pytest.mark.parametrize("content", [b"no ledger at all, but long enough to be read" * 99, b""])
def test_a_foreign_ledger_is_named(site: Small, content: bytes) -> None:
    ledger = site.folder / "data" / "ledger.db"
    ledger.parent.mkdir()
    ledger.write_bytes(content)
    assert "ledger.db: cannot read this ledger" in site.refused("export", "-c", site.config)


def test_a_damaged_ledger_is_named(site: Small) -> None:
    joined(site)
    ledger = site.folder / "data" / "ledger.db"
    content = bytearray(ledger.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    ledger.write_bytes(content)
    assert "ledger.db: " in site.refused("export", "-c", site.config)


def test_a_journal_is_no_ledger(site: Small) -> None:
    joined(site)
    data = site.folder / "data"
    (data / "ledger.db").write_bytes((data / "journal.db").read_bytes())
    assert "ledger.db: " in site.refused("export", "-c", site.config)


def test_check_draws_the_tree(site: Small) -> None:
    text = site.run("check", site.config)
    assert "E_DC, metered at the boundary" in text
    assert "no_market_factor" in text


def test_events_of_a_log_are_in_the_ledger(site: Small) -> None:
    rows = list(messages(30))
    data = {"from": BEGIN, "to": BEGIN + 60 * SECOND, "session": 1}
    rows.insert(60, {"tst": rows[60]["tst"], "event": "session_lost", "data": data})
    log = site.write(rows, "lost.jsonl")
    site.run("replay", log, "-c", site.config, "--keep", site.folder / "kept")
    with Ledger(site.folder / "kept" / "ledger.db") as ledger:
        assert [(kind, found) for _, kind, found in ledger.events()] == [("session_lost", data)]


# -- where output goes ----------------------------------------------------------------------------


def test_an_output_that_cannot_be_is_refused_before_the_work(
    site: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = site.folder / "out"
    out.mkdir()
    site.log.write_bytes(b"\x1f\x8bno gzip at all, which would be said if it were looked at")
    command = ("replay", site.log, "-c", site.config, "--out")
    assert f"{out}: is a folder" in site.refused(*command, out)
    assert "no such folder" in site.refused(*command, site.folder / "none" / "out.jsonl")
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)  # root may write all
    assert "cannot be written to" in site.refused(*command, site.folder / "out.jsonl")


def test_a_log_that_is_a_folder_is_named_as_such(site: Small) -> None:
    assert "not a regular file" in site.refused("replay", site.folder, "-c", site.config)


def test_a_span_that_ends_before_it_begins_is_refused(site: Small) -> None:
    span = ("--from", "2025-03-02T00:00:00Z", "--to", "2025-03-01T00:00:00Z")
    for more in ((), ("--journal",)):
        refused = site.refused("export", "-c", site.config, *span, *more)
        assert "--from must lie before --to" in refused
    assert "--from must lie before --to" in site.refused("revisions", "-c", site.config, *span)


@pytest.mark.parametrize("option", [["--format", "csv"], ["--period", "hour"], ["--revisions"]])
def test_a_journal_is_written_in_one_way_only(site: Small, option: list[str]) -> None:
    refused = site.refused("export", "-c", site.config, "--journal", *option)
    assert "a journal is written as a recorded log" in refused


def test_an_unknown_site_is_told_with_those_that_there_are(site: Small) -> None:
    refused = site.refused("explain", "ipue", "-c", site.config, "--site", "tiny")
    assert "tiny: no such site; the configuration has small" in refused


def test_a_record_is_not_overwritten(site: Small) -> None:
    before = site.log.read_bytes()
    refused = site.refused("record", "-c", site.config, "-o", site.log, "--duration", "1")
    assert "a record is not overwritten" in refused
    assert site.log.read_bytes() == before


def started(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """A command in a process of its own."""
    command = [sys.executable, "-m", "greendc.cli", *map(str, arguments)]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, check=False
    )


def test_a_terminal_without_the_lines_of_a_tree_gets_the_text(site: Small) -> None:
    done = started("check", site.config, PYTHONIOENCODING="latin-1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"E_DC, metered at the boundary" in done.stdout


def test_a_closed_standard_output_is_told(site: Small) -> None:
    replayed(site, "--keep", site.folder / "kept")
    command = f"{sys.executable} -m greendc.cli export -c site.yaml --data kept >&-"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=site.folder, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"standard output is closed: name a file with -o" in done.stderr


@pytest.mark.parametrize(
    ("key", "told"),
    [("timestamp", 'this one has "timestamp": is that it?'), ("seen", "as RFC 3339")],
)
def test_a_log_with_another_word_for_its_time_says_which_is_wanted(
    site: Small, tmp_path: Path, key: str, told: str
) -> None:
    line = {key: "2025-03-01T00:00:01Z", "topic": "dc/util/power", "payload": "{}"}
    log = tmp_path / "other.jsonl"
    log.write_text("\n" + 3 * (json.dumps(line) + "\n"))
    code, out, err = site.tried("replay", log, "-c", site.config)
    assert code == 1
    assert "bad_time 3" in out
    assert (out + err).count(f'{log}:2: a line needs "tst", the time of arrival') == 1
    assert told in out + err


def test_the_version_costs_no_imports(capsys: pytest.CaptureFixture[str]) -> None:
    program = (
        "import sys; sys.argv = ['greendc', '--version']; from greendc.entrance import main; "
        "status = main(); sys.exit(status or 'numpy' in sys.modules)"
    )
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, check=False, capture_output=True, text=True)
    assert told.returncode == 0
    with pytest.raises(SystemExit):
        main(["--version"])
    assert told.stdout == capsys.readouterr().out


def test_a_replay_costs_no_imports_of_a_daemon() -> None:
    program = (
        "import sys, greendc.cli, greendc.replay; "
        "sys.exit(bool({'greendc.app', 'greendc.sinks', 'paho'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_other_questions_go_to_the_command_line() -> None:
    program = "import sys; from greendc.entrance import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "check", "no-such.yaml"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 2
