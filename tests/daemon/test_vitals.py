"""The daemon says truly how it does, on a real broker."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from greendc.app import Daemon
from greendc.config import load
from greendc.daemon import vitals
from tests.faults.plant import SITE, Publisher, messages
from tests.servers.support import HOST, Mosquitto


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_broker_that_comes_and_goes_is_told_at_once(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vitals, "LOOK_EVERY", 1e9)
    path = tmp_path / "plant.yaml"
    path.write_text(SITE + f"mqtt: {{host: {HOST}, port: {mosquitto.port}}}\n")
    with ExitStack() as stack:
        daemon = Daemon(load(path), until_idle=None, stack=stack)
        board = daemon.data.watch.board
        thread = threading.Thread(target=daemon.run)
        thread.start()
        try:
            until(lambda: board.health.connected)
            mosquitto.stop()
            until(lambda: not board.health.connected)
        finally:
            daemon.stop()
            thread.join(10)


def test_health_follows_broker_and_messages(tmp_path: Path, mosquitto: Mosquitto) -> None:
    path = tmp_path / "plant.yaml"
    path.write_text(SITE + f"mqtt: {{host: {HOST}, port: {mosquitto.port}}}\n")
    with ExitStack() as stack:
        daemon = Daemon(load(path), until_idle=None, stack=stack)
        board = daemon.data.watch.board
        thread = threading.Thread(target=daemon.run)
        thread.start()
        try:
            until(lambda: board.health.connected)
            Publisher(mosquitto.port, messages(200), 2000.0).start().wait()
            until(lambda: board.health.outcomes.get("messages") == 200)
            until(lambda: board.health.site_outcomes["plant"]["readings"] == 200)
            until(lambda: board.current.readings.sum() == 200)  # shown at its own pace
            assert board.health.journal_bytes > 0
            assert board.health.journal_full is None
            until(lambda: ("plant", "hour", "ipue") in board.closed.provisional)
            assert board.closed.provisional["plant", "hour", "ipue"].status == "provisional"
            mosquitto.stop()
            until(lambda: not board.health.connected)
            assert board.health.connection_error
        finally:
            daemon.stop()
            thread.join(10)
        assert not thread.is_alive()
