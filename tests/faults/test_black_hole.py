"""A27: a network that swallows everything, and a broker that is back without its sessions."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from greendc.audit import as_text, audit
from greendc.journal import read_journal
from greendc.ports import RawBatch
from greendc.sources.settings import MqttSettings
from tests.faults.plant import SITE, Message, Plant, Publisher, messages, tally, write_log
from tests.servers.support import Mosquitto
from tests.sources.wire import Proxy

NOTICED, NO_ANSWER = "no sign of the broker", "the broker does not answer CONNECT"


def journalled(plant: Plant) -> list[str]:
    """Payloads in the journal, in its order."""
    entries = read_journal(plant.data / "journal.db")
    return [p.decode() for _, e in entries if isinstance(e, RawBatch) for p in e.payloads]


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    text = f"{SITE}\nmqtt: {{keepalive: 2s}}\n"
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker, text) as started:
        yield started


def until(holds: Callable[[], bool], plant: Plant) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, plant.log
        time.sleep(0.05)


def swallowed(plant: Plant, proxy: Proxy, sent: Sequence[Message]) -> tuple[int, int]:
    """The network is away while messages come and the broker dies; from when to when [ns]."""
    began, proxy.swallowing = time.time_ns(), True
    Publisher(plant.broker.port, sent, 2000.0).start().wait()
    until(lambda: NOTICED in plant.log and NO_ANSWER in plant.log, plant)
    assert proxy.swallowed > 0
    assert plant.log.count("connected to") == 1
    plant.broker.kill()
    plant.broker.store.unlink(missing_ok=True)
    plant.broker.start()
    ended, proxy.swallowing = time.time_ns(), False
    plant.wait_until_connected(2)
    return began, ended


@pytest.mark.timeout(180)
def test_a_network_that_swallows_everything(tmp_path: Path, plant: Plant) -> None:
    """Noticed though nobody closes anything; then connected, subscribed, and the gap is told."""
    sent = messages(480)
    arrived = [*sent[:160], *sent[320:]]
    with Proxy(plant.broker.port) as proxy:
        daemon = plant.daemon(port=proxy.port)
        plant.wait_until_connected()
        Publisher(plant.broker.port, sent[:160], 2000.0).start().wait()
        until(lambda: len(journalled(plant)) == 160, plant)
        began, ended = swallowed(plant, proxy, sent[160:320])
        Publisher(plant.broker.port, sent[320:], 2000.0).start().wait()
        until(lambda: len(journalled(plant)) == len(arrived), plant)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(10) == 0
    plant.finish()
    assert journalled(plant) == [payload for _, payload in arrived]
    found = audit(plant.data / "ledger.db", plant.data / "journal.db", ["jsonl"])
    assert not found.failed, as_text(found)
    (gap,) = found.gaps
    assert gap.kind == "session_lost"
    assert gap.start is not None
    assert gap.start <= began < ended <= gap.end
    log = tmp_path / "sent.jsonl"
    write_log(log, arrived)
    assert plant.exported() == plant.replayed(log, "-c", str(plant.config))
    assert tally(plant)["messages"] == len(arrived)


def test_unless_told_otherwise_it_takes_at_most_half_a_minute() -> None:
    """From the last sign of the broker until the next connection is asked for, and answered."""
    usual = MqttSettings()
    noticed = 2 * usual.ping_interval
    assert noticed + usual.retry_first + usual.connect_timeout <= 30.0
    assert usual.retry_limit + usual.connect_timeout <= 30.0  # however long it has lasted
