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
from greendc.journal import Journal, Redelivery
from greendc.pipeline import Pipeline
from greendc.ports import RawBatch
from greendc.store import Store
from greendc.worker import Worker
from tests.faults.plant import Plant, messages, tally, write_log
from tests.servers.support import HOST, Mosquitto

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


def test_a_flood_of_unknown_topics_leaves_memory_and_the_ring_bounded(plant: Plant) -> None:
    journal = Journal(plant.folder / "journal.db", ring_limit=2**20)
    store = Store(plant.folder / "ledger.db")
    try:
        pipeline = Pipeline(load(plant.config), store)
        worker = Worker(journal, pipeline, Redelivery(1000))
        flood(worker, range(20_000))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        flood(worker, range(20_000, 300_000))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        worker.commit()
        assert grown < 20_000  # KiB
        assert journal.ring_bytes <= 2**20
        assert journal.last == 60  # the good one of each batch
    finally:
        journal.close()
        store.close()


def flood(worker: Worker, numbers: range) -> None:
    """Messages of topics that nobody knows, 5000 at a time, one good one among them."""
    for start in range(numbers.start, numbers.stop, 5000):
        topics = [f"dc/x{n}/power" for n in range(start, start + 5000)]
        payloads = [b"1"] * 5000
        topics[7], payloads[7] = TOPIC, json.dumps({"w": 1, "t": "2025-03-01T00:00:05Z"}).encode()
        count = len(topics)
        worker.take(
            [RawBatch([time.time_ns()] * count, topics, payloads, [0] * count, [0] * count)]
        )
