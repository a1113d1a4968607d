"""What a daemon has counted adds up through kills, cut connections and a broker that drops."""

import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from greendc.audit import Audit, as_text, audit
from tests.faults.plant import SITE, Message, Plant, Publisher, killed, messages
from tests.servers.support import Mosquitto
from tests.sources.wire import Proxy

KEPT = 500  # messages that the broker keeps for an absent daemon
TOO_MANY = 50
UNKNOWN = "dc/unknown/power"
POINTS = ("before_journal_commit:3", "after_journal_commit:3")


def audited(plant: Plant, *sinks: str) -> Audit:
    """The audit, which must find nothing amiss; reads beside whatever runs."""
    found = audit(plant.data / "ledger.db", plant.data / "journal.db", sinks or ["jsonl"])
    assert not found.failed, as_text(found)
    return found


def summed(found: Audit, outcome: str) -> int:
    return sum(one.counts[1].get(outcome, 0) for one in found.connections)


@pytest.mark.timeout(120)
def test_nothing_of_qos_1_is_lost_and_the_audit_shows_it(tmp_path: Path) -> None:
    limits = {"sys_interval": "1", "max_queued_messages": str(KEPT)}
    with Mosquitto(tmp_path / "broker", limits) as broker, Plant(tmp_path, broker, SITE) as plant:
        sent = _through_cuts_and_kills(plant, broker)
        _overflow(plant, broker)
        found = audited(plant)
        wanted = sum(topic != UNKNOWN for topic, _ in sent)
        assert summed(found, "journalled") == wanted + KEPT
        assert summed(found, "unbound") >= len(sent) - wanted  # none of these is remembered
        assert summed(found, "redelivered") > 0
        assert found.lost == (0, 0)
        assert {"lost", "killed", "stopped"} <= {one.ending for one in found.connections}
        assert {gap.kind for gap in found.gaps} == {"broker_dropped"}
        assert sum(gap.messages or 0 for gap in found.gaps) == TOO_MANY
        assert all(gap.start is not None and gap.start < gap.end for gap in found.gaps)
        assert b"everything adds up" in plant.greendc("audit", "-c", str(plant.config))


def _through_cuts_and_kills(plant: Plant, broker: Mosquitto) -> Sequence[Message]:
    """What was published meanwhile, all of which has arrived."""
    planned = messages(3000)
    for place in range(7, len(planned), 50):
        planned.insert(place, (UNKNOWN, str(place)))
    with Proxy(broker.port) as proxy:
        daemon = plant.daemon(port=proxy.port)
        plant.wait_until_connected()
        publisher = Publisher(broker.port, planned, 100.0).start()
        for point in POINTS:
            time.sleep(0.5)
            connections = plant.log.count("connected to")
            proxy.cut()
            plant.wait_until_connected(connections + 1)
            audited(plant)
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
            assert killed(plant.daemon(kill_at=point), 20.0), plant.log
            connections = plant.log.count("connected to")
            daemon = plant.daemon(port=proxy.port)
            plant.wait_until_connected(connections + 1)
        sent = publisher.stop()
        wanted = sum(topic != UNKNOWN for topic, _ in sent)
        _until(lambda: summed(audited(plant), "journalled") >= wanted, plant)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(10) == 0
    return sent


def _overflow(plant: Plant, broker: Mosquitto) -> None:
    """More than the broker keeps comes while the daemon is away; it says so at the next start."""
    Publisher(broker.port, messages(KEPT + TOO_MANY), 2000.0).start().wait()
    daemon = plant.daemon()
    # the broker's count may be a second old at first, and the rest be told of after it
    _until(lambda: sum(gap.messages or 0 for gap in audited(plant).gaps) >= TOO_MANY, plant)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(10) == 0


def _until(holds: Callable[[], bool], plant: Plant) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, as_text(audited(plant)) + plant.log
        time.sleep(0.05)
