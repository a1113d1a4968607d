"""A secret that a configuration or the environment holds is masked wherever something is said."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import pytest

from greendc.app import Daemon
from greendc.cli import main
from greendc.config import load
from greendc.daemon.control import Control, ask
from greendc.daemon.requests import Request, Status
from greendc.masking import MASKED, masked
from greendc.ports import GreendcError
from greendc.sinks.http import Login
from greendc.sinks.session import Broker
from greendc.sources.mqtt import MqttSource
from greendc.sources.settings import MqttSettings
from greendc.sources.state import SourceState
from greendc.web import WebSettings
from tests.faults.plant import SITE
from tests.sinks.ledgers import Rows, row
from tests.sinks.test_runner import Target, runner_of, until

FILED, GIVEN = "hunter2-from-a-file", "hunter2-of-the-environment"
TEXT = f"{SITE}\nmqtt: {{username: meter, password_file: broker.pw}}\n"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    known = masked._known, masked._pattern
    yield
    masked._known, masked._pattern = known


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GREENDC_HTTP_TOKEN", GIVEN)
    monkeypatch.setenv("GREENDC_MQTT_PORT", "1")  # no broker is needed
    (tmp_path / "broker.pw").write_text(f"{FILED}\n")
    path = tmp_path / "plant.yaml"
    path.write_text(TEXT)
    return path


def test_who_loads_a_configuration_knows_its_secrets(config_file: Path) -> None:
    load(config_file)
    assert masked(f"{FILED} and {GIVEN}") == f"{MASKED} and {MASKED}"


def test_check_prints_none_of_them_whatever_holds_it(
    config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config_file.write_text(TEXT.replace("id: plant", f"id: plant\n    name: {FILED}"))
    assert main(["check", str(config_file)]) == 0
    assert f"plant: {MASKED} (" in capsys.readouterr().out
    config_file.write_text(TEXT.replace("Europe/Berlin", GIVEN))
    assert main(["check", str(config_file)]) == 2
    told = capsys.readouterr().err
    assert "zone" in told
    assert GIVEN not in told


def test_a_refusal_of_a_running_daemon_tells_none(config_file: Path, tmp_path: Path) -> None:
    load(config_file)

    def refuse(_request: Request) -> "Future[str]":
        answer: Future[str] = Future()
        answer.set_exception(GreendcError(f"cannot use {FILED}"))
        return answer

    control = Control(tmp_path, refuse)
    control.start()
    try:
        with pytest.raises(GreendcError, match=r"cannot use \*\*\*"):
            ask(tmp_path, Status())
    finally:
        control.stop()


def test_health_tells_none_of_the_broker(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        daemon = Daemon(load(config_file), until_idle=None, stack=stack)
        trouble = SourceState("waiting", last_error=f"refused: {FILED}")
        monkeypatch.setattr(MqttSource, "state", trouble)
        thread = threading.Thread(target=daemon.run)
        thread.start()
        board = daemon.data.watch.board
        until(lambda: board.health.connection_error is not None)
        told = board.health.connection_error
        daemon.stop()
        thread.join(10.0)
    assert told == f"refused: {MASKED}"


def test_health_tells_none_of_a_sink(config_file: Path) -> None:
    load(config_file)
    one = runner_of(Target(OSError(f"401 for {FILED}")), Rows([row(1)]))
    told = []

    def failed() -> bool:
        told.append(one.health(1).error)
        return told[-1] is not None

    one.start()
    until(failed)
    one.stop()
    one.join(10.0)
    assert told[-1] == f"401 for {MASKED}"


@pytest.mark.parametrize(
    "holder",
    [
        Broker("dc", 1883, "5", "greendc", "me", FILED, None, 1.0),
        MqttSettings(password=FILED),
        WebSettings(token=FILED),
        Login("me", FILED),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_no_object_shows_the_secret_that_it_holds(holder: object) -> None:
    assert FILED not in repr(holder)
