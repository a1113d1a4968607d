"""Nothing acknowledged is lost, nothing is counted twice: the daemon killed at every point."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from greendc.faults import POINTS
from tests.faults.plant import Plant, Publisher, killed, messages, tally, write_log
from tests.servers.support import Mosquitto

AT_RANDOM = 12
RATE = 100.0


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker) as started:
        yield started


@pytest.mark.timeout(240)
def test_killed_at_each_point_and_at_random(plant: Plant) -> None:
    first = plant.daemon()  # the session must stand before the first message
    plant.wait_until_connected()
    publisher = Publisher(plant.broker.port, messages(9000), RATE).start()
    time.sleep(0.5)
    first.send_signal(signal.SIGKILL)
    first.wait()
    # what is journalled first may be events alone, which nobody delivers again
    for point in [*(f"{p}:2" for p in POINTS), "after_journal_commit:6", "after_journal_commit:9"]:
        assert killed(plant.daemon(kill_at=point), 20.0), f"{point} was not reached\n{plant.log}"
    chance = random.Random(11)
    for _ in range(AT_RANDOM):
        process = plant.daemon()
        time.sleep(chance.uniform(0.02, 0.7))  # from before it connects until after some commits
        process.send_signal(signal.SIGKILL)
        process.wait()
    time.sleep(0.3)
    assert not publisher.done, "the publisher must outlast the kills"
    sent = publisher.stop()
    plant.finish()
    log = plant.folder / "sent.jsonl"
    write_log(log, sent)
    assert plant.exported() == plant.replayed(log, "-c", str(plant.config))
    assert plant.replayed(plant.data / "journal.db") == plant.exported()
    counts = tally(plant)
    assert counts["redelivered"] > 0
    assert counts["messages"] == len(sent)
