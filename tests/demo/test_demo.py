"""`greendc demo` from its first words to its clean end."""

import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from greendc import cli, exports, replay
from greendc.calendars import parse_rfc3339
from greendc.config import load
from greendc.core.facility import DAY, HOUR
from greendc.demo.recording import LOG, SITE
from greendc.files import JOURNAL
from greendc.journal import read_journal
from greendc.ports import Entry, Event, RawBatch
from tests.demo.process import Demo
from tests.servers.support import HOST, PROJECT, accepts
from tests.sources.listening import eventually

FAST = ("--minutes", "0.01")


def exported(ledger: Path, out: Path) -> bytes:
    exports.export(load(SITE), exports.Request(out=out, data=ledger))
    return out.read_bytes()


def entries(folder: Path) -> list[Entry]:
    return [entry for _, entry in read_journal(folder / JOURNAL)]


def test_its_ledger_is_that_of_a_replay(tmp_path: Path) -> None:
    with Demo(tmp_path, *FAST, "--keep", str(tmp_path / "data")) as demo:
        demo.told("the log has ended")
        assert demo.end(signal.SIGINT) == 0, demo.text
    replay.replay([LOG], load(SITE), replay.Options(out=tmp_path / "replayed.jsonl"))
    shown = exported(tmp_path / "data", tmp_path / "shown.jsonl")
    assert shown == (tmp_path / "replayed.jsonl").read_bytes()
    events = [entry.kind for entry in entries(tmp_path / "data") if isinstance(entry, Event)]
    assert events == ["config", "end"]


def test_at_now_moves_every_stamp_by_the_same_full_hours(tmp_path: Path) -> None:
    began = time.time_ns()
    with Demo(tmp_path, "--at", "now", "--keep", str(tmp_path / "data")) as demo:
        demo.told(r"interim PUE 1\.119")
        assert demo.end(signal.SIGTERM) == 0, demo.text
    assert "noon is noon no longer" in demo.text
    batches = [entry for entry in entries(tmp_path / "data") if isinstance(entry, RawBatch)]
    payloads = [orjson.loads(payload) for batch in batches for payload in batch.payloads]
    stamps = {parse_rfc3339(payload["TimeInstant"]) for payload in payloads}
    # fourteen days later the last hour of the log is over, and it is the last full one
    hours = {(stamp + 14 * DAY) // HOUR for stamp in stamps}
    assert began // HOUR <= min(hours) <= time.time_ns() // HOUR
    assert hours == set(range(min(hours), max(hours) + 1))
    assert all(stamp % HOUR == 0 for stamp in stamps)


def test_page_and_metrics_show_pue_power_and_emissions(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        with Demo(tmp_path, "--port", str(taken)) as demo:
            assert f"({taken} is in use)" in demo.told(r"page .*")
            assert demo.url != f"http://{HOST}:{taken}"
            ipue, cooling, grams = demo.shows(
                "/metrics",
                r'^greendc_pue_ratio{.*kind="ipue",site="zih-lzr",window="1h"} (\S+)',
                r'^greendc_site_power_watts{.*subsystem="cooling"} (\S+)',
                r'^greendc_emissions_grams_total{.*site="zih-lzr"} (\S+)',
            )
            status, kind, text = demo.get("/")
            assert (status, kind.partition(";")[0]) == (200, "text/html")
            assert "<title>greendc</title>" in text
            demo.shows("/api/v1/state", "zih-lzr", "1\\.119", "co2e_location")
            demo.shows("/readyz", '"ready"')
            assert demo.end(signal.SIGINT) == 0, demo.text
    assert 1.1 < float(ipue) < 1.2
    assert 1e3 < float(cooling) < 1e6
    assert float(grams) > 1e5


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a wheel of this project holds."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("greendc", "config", "sensors"):
        copied = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(PROJECT / name, folder / "source" / name, symlinks=True, ignore=copied)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, folder / "source")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    subprocess.run([*command, *offline, str(folder / "source")], check=True)
    shutil.rmtree(folder / "source")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_a_wheel_holds_what_it_shows_and_a_duration_ends_it(
    tmp_path: Path, installed: Path
) -> None:
    with Demo(tmp_path, "--duration", "4", package=installed) as demo:
        assert demo.get("/")[0] == 200
        assert demo.wait() == 0, demo.text
    assert not list(tmp_path.iterdir())
    assert demo.text.count("emissions.location: factor of 2024") == 1
    assert "interim PUE 1.119 (1 h), 1.119 (24 h)" in demo.text
    assert (installed / "greendc/demo/zih-lzr-2025-03.LICENSE.txt").is_file()
    assert (installed / "greendc/simulate/sites/edge-room.yaml").is_file()
    assert (installed / "greendc/simulate/weather/leesburg.epw.gz").is_file()


@pytest.mark.parametrize(("columns", "bar"), [(120, True), (0, False)])
def test_a_terminal_shows_a_bar_if_it_has_the_room(
    tmp_path: Path, columns: int, *, bar: bool
) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    shown = bytearray()

    def read() -> None:
        with suppress(OSError):  # when nobody holds the other end any more
            while part := os.read(ours, 4096):
                shown.extend(part)

    reader = threading.Thread(target=read)
    with Demo(tmp_path, stderr=theirs) as demo:
        os.close(theirs)
        reader.start()
        demo.shows("/metrics", "^greendc_pue_ratio")
        if bar:
            eventually(lambda: b"interim PUE 1.119 (1 h)" in shown)
        else:
            demo.told("interim PUE 1.119")
        assert demo.end(signal.SIGINT) == 0, demo.text
    reader.join()
    os.close(ours)
    assert (b"\r" in shown) == bar


def test_two_at_once_and_one_is_killed(tmp_path: Path) -> None:
    with Demo(tmp_path / "a") as one, Demo(tmp_path / "b") as other:
        ports = [int(demo.told(r"mqtt://127\.0\.0\.1:(\d+)")) for demo in (one, other)]
        assert all(accepts(port) for port in ports)
        one.end(signal.SIGKILL)
        assert [accepts(port) for port in ports] == [False, True]
        assert other.end(signal.SIGTERM) == 0, other.text
    left = [path.name for path in (tmp_path / "a").iterdir()]
    assert len(left) == 1
    assert left[0].startswith("greendc-demo-")
    assert not list((tmp_path / "b").iterdir())


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    with Demo(tmp_path, "--at", "2099-01-01T00:00:00Z") as demo:
        assert demo.wait() == 2
        assert "lies in the future of this machine's clock" in demo.text
    (tmp_path / "ledger.db").touch()
    with Demo(tmp_path, "--keep", str(tmp_path)) as demo:
        assert demo.wait() == 2
        assert "holds a ledger already" in demo.text


@pytest.mark.parametrize("option", ["--minutes=0", "--minutes=x", "--port=65536", "--port=x"])
def test_a_bad_number_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", option]) == 2
    assert f"{option.partition('=')[2]}: not a" in capsys.readouterr().err


def test_a_simulated_site_runs_as_the_recorded_one_does(tmp_path: Path) -> None:
    with Demo(tmp_path, "--site", "fleet") as demo:
        demo.told(r"City site, Tokyo-like, Cold-region site, Sapporo-like: \S+ to \S+")
        demo.told(r"interim PUE 1\.\d{3} \(1 h\)")
        city, cold = demo.shows(
            "/metrics",
            r'^greendc_pue_ratio{.*kind="ipue",site="city",window="1h"} (\S+)',
            r'^greendc_pue_ratio{.*kind="ipue",site="cold",window="1h"} (\S+)',
        )
        demo.shows("/api/v1/state?site=cold", "Cold-region site")
        assert demo.end(signal.SIGINT) == 0, demo.text
    assert 1.05 < float(cold) < float(city) < 1.5
    assert not list(tmp_path.iterdir())


def test_a_simulated_site_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--site", "atlantis"]) == cli.USAGE
    assert "atlantis: no ready-made site" in capsys.readouterr().err
