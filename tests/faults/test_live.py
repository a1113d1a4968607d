"""Live is replay: the real site's log through a real broker, to the byte."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.faults.plant import Message, Plant
from tests.servers.support import HOST, PROJECT, Mosquitto

CONFIG = PROJECT / "config" / "zih-lzr.yaml"
LOG = PROJECT / "sensors" / "recordings" / "zih-lzr-2025-03.jsonl.gz"


@pytest.fixture
def real_site(tmp_path: Path) -> Iterator[Plant]:
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Plant(tmp_path, broker, CONFIG.read_text()) as started,
    ):
        yield started


def recorded() -> list[Message]:
    with gzip.open(LOG, "rt") as file:
        return [(row["topic"], row["payload"]) for row in map(json.loads, file)]


def publish(port: int, sent: list[Message]) -> None:
    """As fast as the broker takes it, at QoS 1."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "publisher")
    client.max_inflight_messages_set(500)
    client.connect(HOST, port)
    client.loop_start()
    infos = [client.publish(topic, payload, qos=1) for topic, payload in sent]
    for info in infos:
        info.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_real_log_through_a_real_broker(real_site: Plant, protocol: str) -> None:
    plant, sent = real_site, recorded()
    if protocol == "3.1.1":
        sent = sent[: 37 * 48]
    text = plant.text + f'\nmqtt: {{protocol: "{protocol}"}}\n'
    plant.config.write_text(text)
    log = plant.folder / "part.jsonl"
    with gzip.open(LOG, "rt") as file:
        log.write_text("".join(file.readlines()[: len(sent)]))
    daemon = plant.daemon("--until-idle", "2")
    plant.wait_until_connected()
    publish(plant.broker.port, sent)
    assert daemon.wait(120) == 0, plant.log
    exported = plant.exported()
    assert exported == plant.replayed(log, "-c", str(plant.config))
    assert exported == plant.replayed(plant.data / "journal.db")
