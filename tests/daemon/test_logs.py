"""Logs: one line for people, one object for programs, and no secret in either or anywhere else."""

import json
import logging
import re
import signal
import sqlite3
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from greendc.cli import main
from greendc.config import load
from greendc.config.log import Log
from greendc.config.secrets import environment_secrets, written_secrets
from greendc.daemon.logs import set_up
from greendc.masking import Mask, masked
from greendc.ports import GreendcError
from greendc.sources.settings import settings_of
from tests.faults.plant import SITE, Plant, Publisher, messages
from tests.servers.support import Mosquitto

SECRET = 'hunter2 "quoted" ü'  # noqa: S105 - planted


@pytest.fixture
def restored() -> Iterator[None]:
    """Whatever a test sets up, other tests log as before."""
    root, ours = logging.getLogger(), logging.getLogger("greendc")
    before = root.handlers[:], root.level, ours.level, sys.excepthook, threading.excepthook
    known = masked._known, masked._pattern
    yield
    logging.captureWarnings(capture=False)
    root.handlers, sys.excepthook, threading.excepthook = before[0], before[3], before[4]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    masked._known, masked._pattern = known


@pytest.mark.usefixtures("restored")
def test_a_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Log())
    logging.getLogger("greendc.sources.mqtt").info("connected to %s", "broker")
    logging.getLogger("greendc.sources.mqtt").debug("not said")
    logging.getLogger("elsewhere").info("not said either")
    logging.getLogger("elsewhere").warning("a bell \a and\nanother line")
    first, second, third = capsys.readouterr().err.splitlines()
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(f"{stamp} INFO sources.mqtt: connected to broker", first)
    assert re.fullmatch(rf"{stamp} WARNING elsewhere: a bell \\x07 and", second)
    assert third == "    another line"


@pytest.mark.usefixtures("restored")
def test_an_object_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    set_up(Log(level="debug"), "json")
    failure = OSError("disk\nfull")
    logging.getLogger("greendc.store").error("cannot write", exc_info=failure)
    logging.getLogger("greendc.store").debug('a "quoted" word')
    with warnings.catch_warnings(action="always"):
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("something old", DeprecationWarning, stacklevel=1)
    failed, said, warned = map(json.loads, capsys.readouterr().err.splitlines())
    assert {k: failed[k] for k in ("level", "logger", "message", "thread")} == {
        "level": "error",
        "logger": "store",
        "message": "cannot write",
        "thread": "MainThread",
    }
    assert failed["traceback"].endswith("OSError: disk\nfull")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said["time"])
    assert said["message"] == 'a "quoted" word'
    assert "something old" in warned["message"]


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_in_any_message_argument_or_traceback(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    masked.hide([SECRET])
    set_up(Log(), form)
    speaker = logging.getLogger("greendc.sinks")
    speaker.warning("refused: %s", {"password": SECRET})
    speaker.warning(f"refused: {SECRET.encode()!r}")
    thread = threading.Thread(target=int, args=(SECRET,))
    thread.start()
    thread.join()
    sys.excepthook(OSError, OSError(SECRET), None)
    told = capsys.readouterr().err
    assert "hunter2" not in told
    assert told.count("***") >= 4
    assert "ValueError" in told


def test_the_longest_secret_is_masked_whole() -> None:
    mask = Mask()
    assert mask("anything") == "anything"
    mask.hide(["abc", "abcdef", ""])
    assert mask("abcdef abc") == "*** ***"


def test_variables_and_keys_that_hold_secrets() -> None:
    environment = {"GREENDC_MQTT_PASSWORD": "a1 ", "GREENDC_SINK_X_TOKEN": "b2", "HOME": "/root"}
    assert environment_secrets({**environment, "GREENDC_DATA": "/x"}) == {"a1 ", "a1", "b2"}
    text = 'a:\n  password: "hunter2"\n  api_token: t0k\n  secret: null\n# token: said\n'
    assert written_secrets(text) == {"hunter2", "t0k"}


@pytest.mark.usefixtures("restored")
def test_a_secret_written_into_the_file_is_not_spread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in (
        "mqtt: {password: hunter2}\n",
        "mqtt: {password: *hunter2}\n",
        "mqtt: {host: 'user:hunter2@broker'}\n",
        "mqtt: {password: 'hunter2}\n",
    ):
        path = tmp_path / "site.yaml"
        path.write_text(text + SITE)
        assert main(["check", str(path)]) == 2
        told = capsys.readouterr()
        assert "hunter2" not in told.out + told.err
        assert re.search(r"site\.yaml:\d+: ", told.err)


@pytest.mark.usefixtures("restored")
def test_an_address_holds_no_user_and_password(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("mqtt: {host: 'user:pw@broker'}\n" + SITE)
    with pytest.raises(GreendcError, match=r"mqtt\.host: must be a name or an address alone"):
        load(path)


def test_planted_secrets_are_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENDC_HTTP_TOKEN", "hunter2-token-0123456789")
    (tmp_path / "broker.pw").write_text("hunter2-password\n")
    text = f"{SITE}\nmqtt: {{username: meter, password_file: broker.pw}}\n"
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker, text) as plant:
        used = settings_of(load(plant.config).mqtt)
        assert (used.password or "").startswith("hunter2")
        assert "hunter2" not in repr(used)
        daemon = plant.daemon("--log-format", "json")
        plant.wait_until_connected()
        Publisher(broker.port, messages(100), per_second=2000).start().wait()
        broker.stop()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0, plant.log
        for line in plant.log.splitlines():
            assert {"time", "level", "logger", "message"} <= set(json.loads(line))
        said = plant.log + plant.greendc("check", str(plant.config)).decode()
        for table in (
            "journal.db entry WHERE kind NOT NULL",
            "ledger.db config",
            "ledger.db event",
        ):
            name, _, source = table.partition(" ")
            with closing(sqlite3.connect(plant.data / name)) as db:
                said += str(db.execute(f"SELECT * FROM {source}").fetchall())  # noqa: S608
        said += json.dumps(load(plant.config).effective())
    assert "meter" in said
    assert "hunter2" not in said


def test_a_refusing_broker_and_a_reload_spread_no_secret(tmp_path: Path) -> None:
    """Errors of the broker, differences of a reload, its refusals, and what `status` prints."""
    for name, secret in (("broker.pw", "hunter2-first"), ("other.pw", "hunter2-second")):
        (tmp_path / name).write_text(f"{secret}\n")
    (tmp_path / "users").write_text("")
    text = f"{SITE}\nmqtt: {{username: meter, password_file: broker.pw}}\n"
    closed = {"allow_anonymous": "false", "password_file": str(tmp_path / "users")}
    with (
        Mosquitto(tmp_path / "broker", closed) as broker,
        Plant(tmp_path, broker, text) as plant,
    ):
        daemon = plant.daemon()
        said_within(plant, "not authori[sz]ed|refuse")
        plant.config.write_text(text.replace("broker.pw", "other.pw"))
        daemon.send_signal(signal.SIGHUP)
        said_within(plant, r'~ mqtt\.password_file: ".*broker\.pw" -> ".*other\.pw"')
        plant.config.write_text(text.replace("password_file: broker.pw", "password: hunter2-third"))
        daemon.send_signal(signal.SIGHUP)
        said_within(plant, "password: unknown key")
        plant.config.write_text(text)
        status = plant.greendc("status", "-c", str(plant.config)).decode()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0, plant.log
    assert "not connected" in status
    assert "hunter2" not in plant.log + status


def said_within(plant: Plant, pattern: str) -> None:
    deadline = time.monotonic() + 30
    while not re.search(pattern, plant.log, re.IGNORECASE):
        assert time.monotonic() < deadline, plant.log
        time.sleep(0.02)
