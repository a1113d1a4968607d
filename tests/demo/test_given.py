"""`greendc demo LOG -c SITE`: any recorded log, in its own time or moved to another."""

import gzip
import signal
from pathlib import Path

import orjson
import pytest

from greendc import cli, exports, replay
from greendc.calendars import parse_rfc3339, rfc3339
from greendc.config import load
from greendc.core.facility import HOUR, MINUTE
from greendc.demo.feed import head
from greendc.demo.moving import moved
from greendc.demo.recording import given, recorded
from tests.demo.process import Demo
from tests.servers.support import PROJECT

LOG = PROJECT / "sensors" / "recordings" / "fasrc-ipmi-2025-06-03.jsonl.gz"
SITE = PROJECT / "config" / "fasrc-ipmi.yaml"
MIDNIGHT = parse_rfc3339("2025-06-03T00:00:00Z")
FEW = 91 * 20  # messages: a sample a minute of every node

STAMPED = """\
sites:
  - id: small
    zone: America/New_York
    rated_it_w: 1000
    topics:
      - {topic: "a/{meter}", time_at: [at, ms]}
      - {topic: "b/{meter}", time_at: at, time_zone: America/New_York}
    meters:
      - {id: one, point: it_in, unit: W, kind: instant}
"""


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """The first minutes of the day, with a line that is no message and an event."""
    path = tmp_path / "few.jsonl"
    with gzip.open(LOG) as file:
        lines = [next(file) for _ in range(FEW)]
    lost = {"tst": "2025-06-03T00:00:00Z", "event": "session_lost", "data": {"session": 0}}
    path.write_bytes(orjson.dumps(lost) + b"\nno message\n" + b"".join(lines))
    return path


def test_any_log_is_played_and_its_ledger_is_that_of_a_replay(few: Path, tmp_path: Path) -> None:
    kept = tmp_path / "data"
    arguments = (str(few), "-c", str(SITE), "--minutes", "0.01", "--keep", str(kept))
    with Demo(tmp_path, *arguments) as demo:
        demo.told("the log has ended")
        assert demo.end(signal.SIGINT) == 0, demo.text
    assert "FAS RC at MGHPCC, Holyoke: 2025-06-03T00:00:01Z to 2025-06-03T00:20:01Z" in demo.text
    assert "lines that are no messages: 1 not_json" in demo.text
    assert "1 events of the log are left out" in demo.text
    config, ledgers = load(SITE), []
    replay.replay([few], config, replay.Options(keep=tmp_path / "replayed"))
    for folder in (kept, tmp_path / "replayed"):
        out = tmp_path / f"{folder.name}.jsonl"
        exports.export(config, exports.Request(out=out, data=folder))
        ledgers.append(out.read_bytes())
    assert ledgers[0] == ledgers[1] != b""


def test_a_log_moves_by_the_time_that_its_site_file_names(few: Path) -> None:
    found = moved(given([few], SITE), MIDNIGHT + 30 * 24 * HOUR + 90 * MINUTE)
    assert rfc3339(found.start) == "2025-07-03T01:00:01Z"
    first = orjson.loads(found.batches[0].payloads[0])
    assert (first["ts"], first["Sys Power"]) == ("2025-07-03T01:00:01Z", 10)


def test_stamps_move_as_they_stand(tmp_path: Path) -> None:
    site, log = tmp_path / "site.yaml", tmp_path / "log.jsonl"
    site.write_text(STAMPED)
    ms = MIDNIGHT // 1_000_000
    payloads = [
        ("a/one", {"value": 1, "at": {"ms": ms}}),
        ("b/one", {"value": 2, "at": "2025-06-02T20:00:00"}),
        ("a/one", {"value": 3, "at": {"ms": None}}),
        ("a/one", "not JSON"),
        ("c", {"at": ms}),
    ]
    entries = [{"tst": rfc3339(MIDNIGHT), "topic": t, "payload": p} for t, p in payloads]
    log.write_bytes(b"\n".join(map(orjson.dumps, entries)))
    found = moved(given([log], site), MIDNIGHT + 5 * HOUR).batches
    later = [payload for batch in found for payload in batch.payloads]
    later[:3] = map(orjson.loads, later[:3])
    assert later == [
        {"value": 1, "at": {"ms": ms + 5 * 3_600_000}},
        {"value": 2, "at": "2025-06-03T05:00:00Z"},
        {"value": 3, "at": {"ms": None}},
        b"not JSON",
        orjson.dumps({"at": ms}),
    ]


def test_a_fourteenth_is_there_at_once_and_a_day_at_most() -> None:
    assert head(recorded()) == 24 * HOUR
    day = given([LOG], SITE)
    assert len(day) == 20_934
    assert head(day) // MINUTE == 102  # before the outage of 02:37


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([str(LOG)], f"{LOG}: a log needs the site file that reads it: -c SITE"),
        (["-c", str(SITE)], f"{SITE}: a site file needs the logs that it reads: LOG"),
        (["no.jsonl", "-c", str(SITE)], "no.jsonl: no such file"),
        (["few", str(LOG), "-c", str(SITE)], "few: holds no message"),
        ([str(LOG), "-c", str(SITE), "--site", "fleet"], "--site shows a simulated site"),
        (
            [str(LOG), "-c", "arrival.yaml"],
            "arrival.yaml:8: sites[0].meters[0]: one takes the time of arrival",
        ),
    ],
)
def test_mistakes_are_told_by_file_line_and_key(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few").write_text('{"ts": "2025-06-03T00:00:00Z", "topic": "it", "payload": 7}\n')
    lines = [line for line in STAMPED.splitlines() if "b/{meter}" not in line]
    (tmp_path / "arrival.yaml").write_text("\n".join(lines).replace(", time_at: [at, ms]", ""))
    assert cli.main(["demo", *arguments]) == 2
    assert told in capsys.readouterr().err
