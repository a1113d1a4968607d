"""Cut connections, broker restarts, a broker that dies: nothing lost, nothing twice, gaps told."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from greendc.journal import Journal, read_journal
from greendc.ports import RawBatch
from greendc.store import Store
from tests.faults.plant import (
    Plant,
    Publisher,
    messages,
    tally,
    write_log,
)
from tests.servers.support import Mosquitto
from tests.sources.wire import Proxy

BY_ARRIVAL = """
sites:
  - id: plant
    zone: Asia/Kolkata
    rated_it_w: 100e3
    cell: 1s
    lateness: 1s
    e_dc: bottom_up
    topics:
      - {topic: "dc/{meter}/counter", codec: number, time: arrival}
    meters:
      - id: rack
        point: pdu_out
        quantity: energy
        unit: Wh
        kind: register
        nominal: 1s
        max_gap: 1h
        silent_after: 1h
"""


@pytest.fixture
def counters(tmp_path: Path, broker: Mosquitto) -> Iterator[Plant]:
    with Plant(tmp_path, broker, BY_ARRIVAL) as started:
        yield started


@pytest.fixture
def plant(tmp_path: Path, broker: Mosquitto) -> Iterator[Plant]:
    with Plant(tmp_path, broker) as started:
        yield started


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


def journalled(plant: Plant) -> list[str]:
    """Payloads in the journal, in its order."""
    entries = read_journal(plant.data / "journal.db")
    return [p.decode() for _, e in entries if isinstance(e, RawBatch) for p in e.payloads]


def lost_sessions(plant: Plant) -> list[dict[str, int]]:
    """What the ledger tells of gaps that the broker left."""
    db = sqlite3.connect(plant.data / "ledger.db")
    events = db.execute("SELECT data FROM event WHERE kind = 'session_lost'").fetchall()
    db.close()
    return [json.loads(data) for (data,) in events]


@pytest.mark.timeout(120)
def test_cut_connections_and_broker_restarts(tmp_path: Path, broker: Mosquitto) -> None:
    with Plant(tmp_path, broker) as plant, Proxy(broker.port) as proxy:
        daemon = plant.daemon(port=proxy.port)
        plant.wait_until_connected()
        sent = messages(800)
        publisher = Publisher(broker.port, sent, 100.0).start()
        for _ in range(4):
            time.sleep(0.7)
            proxy.cut()
        time.sleep(1.0)
        broker.restart()
        time.sleep(1.5)
        proxy.cut()
        publisher.wait()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(10) == 0
        plant.finish()
        log = tmp_path / "sent.jsonl"
        write_log(log, sent)
        assert plant.exported() == plant.replayed(log, "-c", str(plant.config))
        assert tally(plant)["messages"] == len(sent)


@pytest.mark.timeout(120)
def test_plain_numbers_by_arrival_are_counted_once(counters: Plant, broker: Mosquitto) -> None:
    """Each value is another: the journal shows what came twice, the register the energy."""
    plant = counters
    planned = [("dc/rack/counter", str(1000 + n)) for n in range(6000)]
    daemon = plant.daemon()
    plant.wait_until_connected()
    publisher = Publisher(broker.port, planned, 100.0).start()
    for point in ("in_store_transaction:2", "after_journal_commit:20"):
        time.sleep(0.8)
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        daemon = plant.daemon(kill_at=point)
        assert daemon.wait(20) == -signal.SIGKILL
        connections = plant.log.count("connected to")
        daemon = plant.daemon()
        plant.wait_until_connected(connections + 1)
    sent = publisher.stop()
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(10) == 0
    plant.finish()
    assert journalled(plant) == [payload for _, payload in sent]
    assert tally(plant)["redelivered"] > 0
    exported = plant.exported()
    assert plant.replayed(plant.data / "journal.db") == exported
    whole = [row for row in map(json.loads, exported.splitlines()) if row["period"] == "log"]
    (energy,) = [row["value"] for row in whole if row["quantity"] == "rack"]
    assert energy == pytest.approx((len(sent) - 1) / 1000, rel=1e-12)


@pytest.mark.timeout(120)
def test_a_killed_broker_leaves_a_gap_that_is_told(plant: Plant, broker: Mosquitto) -> None:
    daemon = plant.daemon()
    plant.wait_until_connected()
    first, second = messages(600)[:300], messages(600)[300:]
    Publisher(broker.port, first, 300.0).start().wait()
    time.sleep(1.0)
    acknowledged = journalled(plant)
    assert acknowledged == [payload for _, payload in first]
    broker.kill()
    for stored in broker.store.parent.glob("*.db*"):
        stored.unlink()  # a broker that had not saved: it knows no session
    broker.start()
    plant.wait_until_connected(2)
    Publisher(broker.port, second, 300.0).start().wait()
    time.sleep(1.0)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(10) == 0
    plant.finish()
    assert journalled(plant) == [payload for _, payload in (*first, *second)]
    log = plant.folder / "sent.jsonl"
    write_log(log, (*first, *second))
    assert plant.exported() == plant.replayed(log, "-c", str(plant.config))
    (gap,) = lost_sessions(plant)
    assert gap["from"] < gap["to"]


def test_journal_and_ledger_wait_for_the_disk(tmp_path: Path) -> None:
    journal, store = Journal(tmp_path / "journal.db"), Store(tmp_path / "ledger.db")
    try:
        for file in (journal, store):
            found = {name: str(value).lower() for name, value in file.pragmas().items()}
            assert found["journal_mode"] == "wal"
            assert found["synchronous"] in {"2", "full"}
    finally:
        journal.close()
        store.close()
