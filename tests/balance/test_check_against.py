"""`greendc check --against LOG`, from the messages of simulated meters to findings."""

import json
from pathlib import Path
from typing import Any

import pytest

from greendc.cli import main
from greendc.config import load
from greendc.queries import Ledger
from greendc.replay import Options, replay
from tests.balance.sites import simulated

Found = dict[str, Any]


def checked(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, str]:
    config, log = files
    capsys.readouterr()
    code = main(["check", str(config), "--against", str(log), *more])
    return code, capsys.readouterr().out


def findings(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> list[Found]:
    code, out = checked(files, capsys, "--json")
    found: list[Found] = json.loads(out)["findings"]
    assert code == (1 if found else 0)
    return found


def test_a_sound_site_adds_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = checked(simulated(tmp_path, "edge-room", hours=5), capsys)
    assert code == 0
    assert out.endswith("No findings.\n")
    assert "edge-room: ups-a.ups_out: 5 h adds up" in out


@pytest.mark.parametrize(
    ("fault", "kind", "multiplier", "left_out"),
    [
        (("missing_phase", "ups-a.ups_out", None), "phase", 1.5, False),
        (("wrong_factor", "pdu-room-a.pdu_out", 0.01), "factor", 100, False),
        (("watt_for_kilowatt", "room-rack-02-a.it_in", None), "factor", 0.001, True),
        (("wrong_factor", "feed-a.util", 10.0), "factor", 0.1, True),
        (("swapped_sign", "ups-a.ups_in", None), "sign", -1, True),
    ],
)
def test_a_fault_is_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fault: tuple[str, str, float | None],
    kind: str,
    multiplier: float,
    left_out: bool,
) -> None:
    (found,) = findings(simulated(tmp_path, "edge-room", hours=5, fault=fault), capsys)
    first = found["suspects"][0]
    named = first["meter"], found["kind"], first["multiplier"]
    assert named == (fault[1], kind, pytest.approx(multiplier))
    assert (fault[1] in found["left_out"]) == left_out
    assert (found["since"], found["until"]) == ("2025-06-02T00:00:00Z", None)


def test_a_small_load_that_is_read_backwards_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A two hundredth of its node, which is in balance with it and without."""
    fault = ("swapped_sign", "hall-1-crah-1.cool_crah_fan", None)
    config, log = simulated(tmp_path, "colocation", hours=4, fault=fault)
    (found,) = findings((config, log), capsys)
    assert (found["kind"], found["suspects"][0]["meter"]) == ("sign", fault[1])
    assert found["left_out"] == [fault[1]]


def test_a_small_meter_is_named_by_its_course(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of 20 racks lacks a phase: a sixtieth of its PDU, which is in balance at all hours."""
    fault = ("missing_phase", "hall-1-rack-03-a.it_in", None)
    files = simulated(tmp_path, "dc400", hours=14, fault=fault)
    (found,) = findings(files, capsys)
    assert (found["suspects"][0]["meter"], found["kind"]) == (fault[1], "phase")
    assert found["worth"] == pytest.approx(1.5, abs=found["worth_uncertainty"] + 0.03)
    assert (found["worth_hours"], found["until"]) == (11, None)
    assert found["text"].endswith(
        f"From hour to hour pdu-hall-1-a.pdu_out moves by {found['worth']:.2f} kWh "
        f"(± {found['worth_uncertainty']:.2f}, k = 2) for each kWh that {fault[1]} moves by, "
        "over 11 h"
    )
    _, out = checked(files, capsys)
    assert "dc400: pdu-hall-1-a.pdu_out: 14 h adds up" in out


def test_a_small_part_of_what_is_missing_is_blamed_on_no_meter_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tenth of the feed that has no meter would look the same."""
    fault = ("wrong_factor", "room-crac-1.cool_crac", 0.1)
    (found,) = findings(simulated(tmp_path, "edge-room", hours=5, fault=fault), capsys)
    assert (found["kind"], found["nodes"]) == ("undecided", ["feed-a.util"])
    named = [(one["meter"], one["multiplier"]) for one in found["suspects"]]
    assert (fault[1], 10.0) in named


def test_a_node_that_is_not_judged_says_for_want_of_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack = "room-rack-02-a.it_in"
    files = simulated(tmp_path, "edge-room", hours=5, fault=("silence", rack, None), lasts=2)
    _, out = checked(files, capsys)
    assert f"    not judged: {rack} (2 h) not known\n" in out
    _, out = checked(files, capsys, "--json")
    found = json.loads(out)["lacking"]["edge-room"]
    assert found["pdu-room-a.pdu_out"] == {rack: 2}
    assert "ups-a.ups_in" not in found


def test_it_says_where_readings_came_and_were_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rack = "room-rack-02-a.it_in"
    config, log = simulated(tmp_path, "edge-room", hours=3)
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace(f"id: {rack},", f"id: {rack}, rate_per_min: 1e-9,"), encoding="utf-8"
    )
    _, out = checked((config, log), capsys)
    assert f"    not judged: {rack} (3 h; left out: 3 h rate) not known\n" in out
    _, out = checked((config, log), capsys, "--json")
    assert json.loads(out)["left_out"]["edge-room"] == {rack: {"rate": 3}}


def test_a_node_without_a_meter_says_that_more_comes_out_all_the_same(tmp_path: Path) -> None:
    rack, lost = "room-rack-02-a.it_in", "room-rack-03-a"
    fault = ("watt_for_kilowatt", rack, None)
    config, log = simulated(tmp_path, "edge-room", hours=4, fault=fault)
    lines = [line for line in log.read_text().splitlines(keepends=True) if lost not in line]
    log.write_text("".join(lines), encoding="utf-8")
    result = replay([log], load(config), Options(keep=tmp_path / "kept"))
    with Ledger(tmp_path / "kept" / "ledger.db") as ledger:
        hours = list(ledger.balances("edge-room"))
        pdu = [n for hour in hours for n in hour.nodes if n.name == "pdu-room-a.pdu_out"]
        assert ledger.lacking("edge-room") == {}
    (found,) = result.findings
    assert [(n.state, n.lacking) for n in pdu] == [("too_much_out", (f"{lost}.it_in",))] * 4
    assert all(n.outside is not None and n.needed is None for n in pdu)
    assert (found.told.suspects[0].meter, found.told.suspects[0].gain) == (rack, 1e-3)


def test_a_meter_within_a_sum_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Racks of a row are fed as one; one of them shows a tenth."""
    rack, others = "room-rack-02-a.it_in", ("room-rack-01-a.it_in", "room-rack-03-a.it_in")
    config, log = simulated(tmp_path, "edge-room", hours=4, fault=("wrong_factor", rack, 0.1))
    row = f"sum: [{others[0]}, {rack}, {others[1]}], fed_by: pdu-room-a.pdu_out"
    lines = [
        line.split(", fed_by:")[0] + "}"
        if any(f"id: {n}" in line for n in (rack, *others))
        else line
        for line in config.read_text().splitlines()
    ]
    derived = ["    derived:", f"      - {{id: row, point: it_in, {row}}}"]
    config.write_text("\n".join([*lines, *derived]) + "\n", encoding="utf-8")
    (found,) = findings((config, log), capsys)
    first = found["suspects"][0]
    assert (first["meter"], first["multiplier"]) == (rack, 10)
    assert found["nodes"][0] == "pdu-room-a.pdu_out"


def test_a_finding_ends_where_the_mistake_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told of until the third hour in balance, as ended with the last hour without."""
    fault = ("wrong_factor", "pdu-room-a.pdu_out", 0.01)
    (found,) = findings(simulated(tmp_path, "edge-room", hours=9, fault=fault, lasts=5), capsys)
    assert (found["since"], found["until"]) == ("2025-06-02T00:00:00Z", "2025-06-02T05:00:00Z")
    assert found["hours"] == 5


def test_no_figure_is_corrected(tmp_path: Path) -> None:
    """What was found changes nothing that was measured."""
    fault = ("missing_phase", "pdu-room-a.pdu_out", None)
    config, log = simulated(tmp_path, "edge-room", hours=4, fault=fault)
    kept = []
    for name, text in (("with", config.read_text()), ("without", _unwired(config))):
        config.write_text(text, encoding="utf-8")
        result = replay([log], load(config), Options(keep=tmp_path / name))
        with Ledger(tmp_path / name / "ledger.db") as ledger:
            kept.append(
                [(f.quantity, f.start, f.value) for f in ledger.figures("edge-room", "hour")]
            )
        assert result.findings
    assert kept[0] == kept[1]


def _unwired(config: Path) -> str:
    return "\n".join(
        line.split(", fed_by:")[0] + "}" if ", fed_by:" in line else line
        for line in config.read_text().splitlines()
    )


def test_json_needs_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, _ = simulated(tmp_path, "edge-room", hours=2)
    assert main(["check", str(config), "--json"]) == 2
    assert "--against" in capsys.readouterr().err
