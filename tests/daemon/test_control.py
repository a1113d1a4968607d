"""The control socket: whom it hears, what it takes, and a real daemon behind it."""

import json
import os
import signal
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import msgspec
import pytest

from greendc.daemon.control import LONGEST, NAME, Control, address, ask
from greendc.daemon.requests import Backup, Close, Request, Status, request_of
from greendc.ports import GreendcError
from greendc.queries import Ledger
from tests.faults.plant import MIDNIGHT, Plant, Publisher, messages
from tests.servers.support import Mosquitto


def echo(request: Request) -> "Future[str]":
    answer: Future[str] = Future()
    if isinstance(request, Close):
        answer.set_exception(GreendcError(f"{request.site}: no such site"))
    else:
        answer.set_result(f"did {type(request).__name__}")
    return answer


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder with a path too long for a socket's address."""
    deep = tmp_path / ("deep" * 20) / ("deeper" * 15)
    deep.mkdir(parents=True)
    control = Control(deep, echo)
    control.start()
    yield deep
    control.stop()
    assert list(deep.iterdir()) == []


def raw(folder: Path, sent: bytes) -> bytes:
    """What comes back for some bytes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        with address(folder) as path:
            connection.connect(path)
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while part := connection.recv(4096):
            found += part
        return found


def test_only_its_owner_may_ask(folder: Path) -> None:
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600
    assert stat.S_ISSOCK((folder / NAME).stat().st_mode)


def test_an_answer_and_a_refusal(folder: Path) -> None:
    assert ask(folder, Status()) == "did Status"
    with pytest.raises(GreendcError, match="plan: no such site"):
        ask(folder, Close("plan", 0))


def test_where_nobody_listens_there_is_no_answer(tmp_path: Path) -> None:
    assert ask(tmp_path, Status()) is None
    control = Control(tmp_path, echo)
    control.start()
    os.rename(tmp_path / NAME, tmp_path / "kept")  # noqa: PTH104 - a socket left behind by a kill
    control.stop()
    os.rename(tmp_path / "kept", tmp_path / NAME)  # noqa: PTH104
    assert ask(tmp_path, Status()) is None
    again = Control(tmp_path, echo)
    again.start()
    assert ask(tmp_path, Status()) == "did Status"
    again.stop()


def test_a_folder_that_can_hold_no_socket_costs_the_commands_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / NAME).mkdir()
    control = Control(tmp_path, echo)
    control.start()
    assert "no commands to this daemon" in caplog.text
    control.stop()
    control.stop()
    assert (tmp_path / NAME).is_dir()


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"x" * (LONGEST + 100), "longer than"),
        (b"not json\n", "no command"),
        (b"\xff\xfe\n", "no command"),
        (b"[" * 4000 + b"\n", "no command"),
        (b'{"command": "reboot"}\n', "reboot"),
        (b'{"command": "close", "site": "plant", "at": "now"}\n', "Expected `int`"),
        (b'{"command": "close", "site": "plant", "at": 1e30}\n', "no command"),
        (b'{"command": "status", "more": 1}\n', "more"),
        (b'{"command": "status"', "cut off"),
        (b"", "no answer"),
    ],
)
def test_what_is_no_command_is_refused_and_harms_nothing(
    folder: Path, sent: bytes, told: str
) -> None:
    assert told in json.loads(raw(folder, sent))["error"]
    assert ask(folder, Status()) == "did Status"


def test_a_flood_is_cut_off(folder: Path) -> None:
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        raw(folder, b"x" * 50_000_000)
    assert ask(folder, Status()) == "did Status"


def test_who_says_nothing_keeps_nobody_waiting(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        with address(folder) as path:
            silent.connect(path)
        assert ask(folder, Status()) == "did Status"


def test_requests_go_there_and_back() -> None:
    for request in (Status(), Close("plant", -5), Backup("/var/backups/a b")):
        assert request_of(msgspec.json.encode(request)) == request


def test_a_running_daemon_does_what_it_is_asked(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker) as plant:
        command = ("-c", str(plant.config))
        daemon = plant.daemon()
        plant.wait_until_connected()
        Publisher(broker.port, messages(40), per_second=2000).start().wait()
        text = plant.greendc("status", *command).decode()
        assert f"127.0.0.1:{broker.port}, connected" in text
        closed = plant.greendc("close", "plant", "--at", "2025-03-01T00:01:00Z", *command)
        assert b"input closed" in closed
        with Ledger(plant.data / "ledger.db") as ledger:
            ends = [figure.end for figure in ledger.figures("plant", "cell")]
        assert max(ends) == (MIDNIGHT + 60) * 10**9
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0, plant.log
        assert not (plant.data / NAME).exists()
