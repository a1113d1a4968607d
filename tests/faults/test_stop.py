"""SIGTERM ends the real daemon soon, whatever holds it up."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.plant import SITE, Plant, Publisher, messages, write_log
from tests.servers.forked import Command
from tests.servers.support import Mosquitto

# The promise is 5 s; a loaded machine may need longer, a daemon that waits for nothing does not.
PATIENCE = 9.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


def ends(plant: Plant, daemon: Command) -> None:
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE) == 0, plant.log
    assert "stopped:" in plant.log


def test_with_a_frozen_broker(tmp_path: Path, broker: Mosquitto) -> None:
    with Plant(tmp_path, broker) as plant:
        daemon = plant.daemon()
        plant.wait_until_connected()
        broker.freeze()
        try:
            ends(plant, daemon)
        finally:
            broker.thaw()


def test_with_sinks_that_hang(tmp_path: Path, broker: Mosquitto) -> None:
    sinks = "".join(f"\n  - {{kind: jsonl, name: p{n}, path: pipe{n}}}" for n in range(3))
    text = SITE.replace("sinks: [{kind: jsonl, path: figures.jsonl}]", f"sinks:{sinks}\n")
    with Plant(tmp_path, broker, text) as plant:
        plant.data.mkdir()
        for number in range(3):
            os.mkfifo(plant.data / f"pipe{number}")  # opening one waits for a reader
        daemon = plant.daemon()
        plant.wait_until_connected()
        Publisher(broker.port, messages(200), per_second=1000).start().wait()
        time.sleep(1.0)  # the sinks find figures
        ends(plant, daemon)


def test_with_a_full_inbox(tmp_path: Path, broker: Mosquitto) -> None:
    text = f"{SITE}\nmqtt: {{receive_maximum: 20}}\njournal: {{free_gib: 1e9}}\n"
    with Plant(tmp_path, broker, text) as plant:
        daemon = plant.daemon()
        plant.wait_until_connected()
        publisher = Publisher(broker.port, messages(1300), per_second=5000).start()
        publisher.wait()
        assert "journal_full" in plant.log
        ends(plant, daemon)
        plant.config.write_text(SITE)
        plant.finish()
        log = tmp_path / "sent.jsonl"
        write_log(log, publisher.sent)
        assert plant.exported() == plant.replayed(log, "-c", str(plant.config))
