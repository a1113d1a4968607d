"""The service manager's datagrams, through real sockets; the daemon from its start to its end."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from greendc.config import load
from greendc.daemon import systemd
from greendc.daemon.data import Data
from greendc.daemon.systemd import Notifier
from greendc.ports import RawBatch
from tests.faults.plant import SITE, Plant, messages, write_log
from tests.servers.support import Mosquitto

ARRIVAL = 1_740_790_000_000_000_000


class Manager:
    """Listens as systemd does, on a path or on an abstract name (@…)."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.settimeout(30)

    def heard(self) -> list[str]:
        return self._socket.recv(4096).decode().splitlines()

    def waits_for(self, line: str) -> list[str]:
        """Everything heard until a line begins so."""
        found: list[str] = []
        while not any(one.startswith(line) for one in found):
            found += self.heard()
        return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@greendc-{os.getpid()}"
    listening = Manager(name)
    yield listening
    listening.close()


def test_a_service_from_start_to_end(manager: Manager) -> None:
    notifier = Notifier(manager.address, watchdog=0.0001)
    notifier.alive()
    assert manager.heard() == ["EXTEND_TIMEOUT_USEC=60000000"]
    assert manager.heard() == ["WATCHDOG=1"]
    notifier.ready("connected")
    assert manager.heard() == ["READY=1", "STATUS=connected"]
    time.sleep(0.001)
    notifier.alive()
    assert manager.heard() == ["WATCHDOG=1"]
    notifier.reloading()
    reloading, moment = manager.heard()
    assert reloading == "RELOADING=1"
    assert 0 < int(moment.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    notifier.status("12 messages")
    notifier.stopping()
    assert [manager.heard(), manager.heard()] == [
        ["STATUS=12 messages"],
        ["STOPPING=1", "STATUS=stopping"],
    ]


def test_signs_of_life_are_rationed(manager: Manager) -> None:
    notifier = Notifier(manager.address, watchdog=3600.0)
    notifier.ready("")
    for _ in range(1000):
        notifier.alive()
    notifier.stopping()
    assert manager.waits_for("STOPPING").count("WATCHDOG=1") == 1


@pytest.mark.parametrize("watchdog", [2.0, 30.0, 3600.0])
def test_signs_of_life_come_well_within_what_the_manager_waits(
    watchdog: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least twice, as sd_watchdog_enabled(3) recommends; during a start within its extension."""
    manager, now = Manager(str(tmp_path / "notify")), [1000.0]
    monkeypatch.setattr(systemd, "time", SimpleNamespace(monotonic=lambda: now[0]))
    notifier = Notifier(manager.address, watchdog=watchdog)
    notifier.ready("")
    for _ in range(5):
        notifier.alive()
        now[0] += min(watchdog, systemd.STARTING_SECONDS) / 2
    notifier.stopping()
    assert manager.waits_for("STOPPING").count("WATCHDOG=1") == 5
    manager.close()


def test_each_entry_that_a_start_reads_again_is_a_sign_of_life(tmp_path: Path) -> None:
    path = tmp_path / "plant.yaml"
    path.write_text(SITE)
    config, signs = load(path), [0]
    with ExitStack() as stack:
        worker = Data(config, config.data, stack).worker
        for number, (topic, payload) in enumerate(messages(400), 1):
            batch = RawBatch([ARRIVAL], [topic], [payload.encode()], [0], [number], session=1)
            worker.take([batch])
        worker.commit()

    def alive() -> None:
        signs[0] += 1

    with ExitStack() as stack:
        data = Data(config, config.data, stack, alive=alive)
        first, done = data.worker.pipeline.rebuild_from, data.journal.last
        again = len(list(data.journal.read(first, done)))
        tail = len(list(data.journal.read(max(1, done - 2 * config.mqtt.receive_maximum))))
    assert 0 < again < 400
    # one before anything; the configuration that the start has added itself is not read
    assert signs[0] == 1 + again + (tail - 1)


def test_what_the_environment_asks_for(manager: Manager) -> None:
    asked = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "100"}
    for pid, fed in ((str(os.getpid()), True), (None, True), ("1", False)):
        environment = asked if pid is None else {**asked, "WATCHDOG_PID": pid}
        notifier = Notifier.from_environment(environment)
        notifier.ready("")
        notifier.alive()
        notifier.stopping()
        assert ("WATCHDOG=1" in manager.waits_for("STOPPING")) == fed


def test_without_a_manager_nothing_is_said_and_nothing_fails(tmp_path: Path) -> None:
    for address in (None, str(tmp_path / "nobody"), "@nobody-listens-here"):
        notifier = Notifier(address, watchdog=0.0)
        notifier.alive()
        notifier.ready("")


def test_the_daemon_says_when_it_is_ready_and_when_it_stops(
    manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker) as plant:
        # Not before: Debian's broker speaks to service managers too.
        monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        daemon = plant.daemon()
        told = manager.waits_for("READY=1")
        assert "EXTEND_TIMEOUT_USEC=60000000" in told
        manager.waits_for("WATCHDOG=1")
        assert any("messages" in line for line in manager.waits_for("STATUS="))
        daemon.send_signal(signal.SIGTERM)
        manager.waits_for("STOPPING=1")
        assert daemon.wait(30) == 0, plant.log


def test_reading_the_journal_again_is_a_sign_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Manager(str(tmp_path / "notify"))
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker) as plant:
        log = tmp_path / "log.jsonl"
        write_log(log, messages(400))
        plant.greendc("replay", str(log), "-c", str(plant.config), "--into-store", "--yes", "-q")
        monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
        monkeypatch.setenv("WATCHDOG_USEC", "4")
        daemon = plant.daemon()
        before_ready = manager.waits_for("READY=1")
        assert before_ready.count("WATCHDOG=1") >= 2
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0, plant.log
    manager.close()
