"""A register without a rating that rose far faster than it went on counts, and is told of."""

import json
from pathlib import Path

import pytest

from greendc.calendars import rfc3339
from greendc.cli import main
from greendc.store import connect
from tests import runs
from tests.test_wild_registers import BEGIN, METERS, MORE, counted, shown

NONSENSE = [1e9] * 13  # once more than is held against it


def steady(first: float, count: int = 30) -> list[float]:
    return [first + minute for minute in range(count)]


@pytest.mark.parametrize(
    ("values", "jumped", "wh"),
    [
        pytest.param([0.0, *steady(5e6)], 1, 5e6 + 29, id="0 before the register is read"),
        pytest.param([*steady(1000.0), *NONSENSE, *steady(1043.0)], 1, 1e9 - 1e3, id="for long"),
        pytest.param([*steady(1000.0), *steady(4000.0)], 1, 3029.0, id="exchanged, not declared"),
        pytest.param(steady(0.0), 0, 29.0, id="young"),
        pytest.param([float(minute // 6) for minute in range(90)], 0, 14.0, id="coarse"),
        pytest.param([*steady(1000.0, 3), *steady(1090.0)], 0, 119.0, id="by a little"),
        pytest.param([*steady(1000.0), 1e9, *steady(1031.0)], 0, 60.0, id="not believed"),
    ],
)
def test_what_is_far_from_the_pace_behind_it_is_told(
    tmp_path: Path, values: list[float], jumped: int, wh: float
) -> None:
    energy, words = counted(tmp_path, shown(values))
    assert energy == pytest.approx(wh)
    assert words.get("register:jump", 0) == jumped


def test_no_rise_is_a_jump_that_would_not_wait_for_what_comes_later(tmp_path: Path) -> None:
    """2 Wh in a minute, 10 times the pace behind it and less than a step more: then silence."""
    meter = METERS[0].replace("}", ", register: {step: 1}}")
    config = runs.configured(tmp_path, [meter], MORE)
    times = [0, 1, 3, *range(40, 100)]
    values = [11.0, 13.0, 13.25, *(66.0 + minute for minute in range(60))]
    log = [
        ("feed", runs.at(BEGIN + 60 * minute), value)
        for minute, value in zip(times, values, strict=True)
    ]
    found = [
        runs.judged(runs.played(tmp_path / name, config, [*runs.entries(order), runs.end()]))
        for name, order in (("ordered", log), ("backwards", log[::-1]))
    ]
    assert found[0] == found[1]


def test_people_are_told_by_an_event(tmp_path: Path) -> None:
    counted(tmp_path, shown([0.0, *steady(5e6)]))
    with connect(tmp_path / "ledger", readonly=True) as db:
        rows = db.execute("SELECT data FROM event WHERE kind = 'jump'").fetchall()
    (told,) = [json.loads(data) for (data,) in rows]
    assert (told["meter"], told["readings"]) == ("feed", 1)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0.0, *steady(5e6)], "feed: jump at 2025-03-01T00:01:00Z, which counts"),
        ([1e9, *steady(1000.0)], "feed: every reading is left out since 2025-03-01T00:01:00Z"),
    ],
)
def test_who_checks_a_log_is_told_what_to_declare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], values: list[float], told: str
) -> None:
    """A register begins with nonsense: it counts, or blocks what comes after."""
    runs.configured(tmp_path, METERS[:1], MORE)
    lines = [
        {"tst": rfc3339(time), "topic": f"m/{name}", "qos": 1, "payload": payload}
        for name, time, value in shown(values)
        for payload in [json.dumps({"t": rfc3339(time), "v": value})]
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    main(["check", str(tmp_path / "site.yaml"), "--against", str(log)])
    err = capsys.readouterr().err
    assert told in err
    assert "declare its `range`" in err
    main(["check", str(tmp_path / "site.yaml"), "--against", str(log), "--json"])
    assert told in json.loads(capsys.readouterr().out)["warnings"][0]
