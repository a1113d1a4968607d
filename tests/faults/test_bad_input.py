"""Bad input: counted by reason, acknowledged, kept in a bounded ring; no neighbour lost."""

import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from greendc.config import load
from greendc.daemon.worker import Worker
from greendc.journal import Journal, Redelivery
from greendc.pipeline import Pipeline
from greendc.ports import RawBatch
from greendc.profiles import bindings as bindings_module
from greendc.store import Store
from tests.faults.plant import SITE, Plant, messages, tally, write_log
from tests.servers.support import HOST, Mosquitto

UNKNOWN = 1_000_000
TOPIC = "dc/it_a/power"
STAMP = '"t": "2025-03-01T00:00:05Z"'
BAD: dict[str, list[tuple[str, bytes]]] = {
    "not_json": [(TOPIC, b"not json"), (TOPIC, b'{"w": 1'), (TOPIC, b"")],
    "not_utf8": [(TOPIC, b'{"w": "\xff\xfe"}')],
    "not_finite": [
        (TOPIC, f'{{"w": {w}, {STAMP}}}'.encode()) for w in ("NaN", "-Infinity", "1e999")
    ],
    "not_a_number": [
        (TOPIC, f'{{"w": {w}, {STAMP}}}'.encode()) for w in ("true", '"1,234.5"', '"online"', "[1]")
    ],
    "no_value": [(TOPIC, f'{{"w": null, {STAMP}}}'.encode()), (TOPIC, f"{{{STAMP}}}".encode())],
    "no_time": [(TOPIC, b'{"w": 1}')],
    "bad_time": [(TOPIC, b'{"w": 1, "t": "yesterday"}')],
    "too_long": [(TOPIC, b"7" * (5 * 2**20))],
    "unbound": [(f"dc/{n}/power", b"1") for n in range(300)],
}


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker) as started:
        yield started


def publish(port: int, sent: list[tuple[str, bytes]]) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "publisher")
    client.connect(HOST, port)
    client.loop_start()
    for info in [client.publish(topic, payload, qos=1) for topic, payload in sent]:
        info.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


@pytest.mark.timeout(120)
def test_bad_messages_between_good_ones_on_a_real_broker(plant: Plant) -> None:
    good = messages(240)
    mixed = [(topic, payload.encode()) for topic, payload in good]
    for place, (topic, payload) in enumerate([pair for some in BAD.values() for pair in some]):
        mixed.insert((place * 7) % len(mixed), (topic, payload))
    daemon = plant.daemon("--until-idle", "3")
    plant.wait_until_connected()
    publish(plant.broker.port, mixed)
    assert daemon.wait(60) == 0, plant.log
    log = plant.folder / "good.jsonl"
    write_log(log, good)
    assert plant.exported() == plant.replayed(log, "-c", str(plant.config))
    counts = tally(plant)
    expected = {f"rejected:{reason}": len(pairs) for reason, pairs in BAD.items()}
    assert {key: counts.get(key) for key in expected} == expected
    assert counts["messages"] == len(mixed)
    journal = Journal(plant.data / "journal.db")
    kept = list(journal.ring())
    journal.close()
    assert len(kept) == sum(expected.values())
    assert max(len(row.head) for row in kept) == 1024
    assert (
        plant.daemon("--until-idle", "2").wait(60) == 0
    )  # all was acknowledged: nothing comes again
    assert tally(plant)["messages"] == len(mixed)


def test_a_million_unknown_topics_leave_memory_and_the_ring_bounded(tmp_path: Path) -> None:
    config = tmp_path / "plant.yaml"
    config.write_text(SITE)
    journal = Journal(tmp_path / "journal.db", ring_limit=2**20)
    store = Store(tmp_path / "ledger.db")
    try:
        pipeline = Pipeline(load(config), store)
        worker = Worker(journal, pipeline, Redelivery(1000))
        flood(worker, range(UNKNOWN // 50))
        before = resident()
        flood(worker, range(UNKNOWN // 50, UNKNOWN))
        worker.commit()
        assert resident() - before < 20 * 2**20  # the topics alone would take five times that
        bindings = pipeline.decoder._bindings
        assert len(bindings._unbound) <= bindings_module._UNBOUND_TOPICS
        assert (len(bindings._bound), len(bindings._numbers)) == (1, 2)
        assert journal.ring_bytes <= 2**20
        assert journal.size_bytes < 4 * 2**20
        assert (journal.outcomes["unbound"], worker.counts.set_aside) == (UNKNOWN, UNKNOWN)
        assert store.tally("plant")["readings"] == UNKNOWN // 5000  # no neighbour lost
        assert journal.last == UNKNOWN // 5000 + 1  # of all others one event, of the first hour
        assert list(journal.ring())[-1].topic == f"dc/x{UNKNOWN - 1}/power"
    finally:
        journal.close()
        store.close()


def resident() -> int:
    """Memory of this process [bytes]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def flood(worker: Worker, numbers: range) -> None:
    """Messages of topics that nobody knows, 5000 at a time and a good one among them."""
    good = json.dumps({"w": 1, "t": "2025-03-01T00:00:05Z"}).encode()
    for start in range(numbers.start, numbers.stop, 5000):
        topics = [f"dc/x{n}/power" for n in range(start, start + 5000)]
        payloads = [b"1"] * len(topics)
        topics.insert(7, TOPIC)
        payloads.insert(7, good)
        count = len(topics)
        worker.take(
            [RawBatch([time.time_ns()] * count, topics, payloads, [0] * count, [0] * count)]
        )
