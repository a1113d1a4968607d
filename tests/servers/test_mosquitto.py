"""The broker configuration that the project ships, on a real Mosquitto."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.servers.support import HOST, Mosquitto, accepts

COUNT = 1500  # more than the broker's default queue of 1000 holds
TIMEOUT = 20.0


def connected(broker: Mosquitto, client_id: str, *, clean: bool) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, clean_session=clean)
    ready = threading.Event()
    client.on_connect = lambda *_: ready.set()
    client.connect(HOST, broker.port)
    client.loop_start()
    assert ready.wait(TIMEOUT)
    return client


def ended(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


def subscribe_and_leave(broker: Mosquitto) -> None:
    client = connected(broker, "greendc", clean=False)
    granted = threading.Event()
    client.on_subscribe = lambda *_: granted.set()
    client.subscribe("meter/#", qos=1)
    assert granted.wait(TIMEOUT)
    ended(client)


def publish(broker: Mosquitto) -> None:
    client = connected(broker, "publisher", clean=True)
    infos = [client.publish("meter/1", str(i), qos=1) for i in range(COUNT)]
    for info in infos:
        info.wait_for_publish(TIMEOUT)
        assert info.is_published()
    ended(client)
    # The broker serves a new client after the turn in which it acknowledged the last
    # message, and so after the write that ends that turn.
    ended(connected(broker, "barrier", clean=True))


def received(broker: Mosquitto) -> list[int]:
    values: list[int] = []
    complete = threading.Event()

    def note(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        values.append(int(message.payload))
        if len(values) == COUNT:
            complete.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, "greendc", clean_session=False)
    client.on_message = note
    client.connect(HOST, broker.port)
    client.loop_start()
    assert complete.wait(TIMEOUT), f"{len(values)} of {COUNT} messages came"
    ended(client)
    return values


def kill_and_start(broker: Mosquitto) -> None:
    """Killed after the next of its regular saves."""
    published = time.time()
    deadline = time.monotonic() + TIMEOUT
    while not broker.store.exists() or broker.store.stat().st_mtime <= published:
        assert time.monotonic() < deadline, "the broker has not saved its queue"
        time.sleep(0.05)
    broker.kill()
    broker.start()


@pytest.mark.parametrize(
    "interrupt", [lambda _: None, Mosquitto.restart, kill_and_start], ids=["none", "stop", "kill"]
)
def test_an_absent_session_gets_every_message_in_order(
    mosquitto: Mosquitto, interrupt: Callable[[Mosquitto], None]
) -> None:
    subscribe_and_leave(mosquitto)
    publish(mosquitto)
    port = mosquitto.port
    interrupt(mosquitto)
    assert mosquitto.port == port
    assert received(mosquitto) == list(range(COUNT))


def test_a_frozen_broker_is_silent_until_it_thaws(mosquitto: Mosquitto) -> None:
    came = threading.Event()
    client = connected(mosquitto, "greendc", clean=True)
    client.on_message = lambda *_: came.set()
    granted = threading.Event()
    client.on_subscribe = lambda *_: granted.set()
    client.subscribe("meter/#", qos=1)
    assert granted.wait(TIMEOUT)
    mosquitto.freeze()
    client.publish("meter/1", "5", qos=1)
    assert not came.wait(0.3)
    mosquitto.thaw()
    assert came.wait(TIMEOUT)
    ended(client)


def test_leaving_the_block_ends_the_broker(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        assert accepts(broker.port)
    assert not accepts(broker.port)


def test_a_broker_that_cannot_start_shows_its_output(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, {"no_such_setting": "1"})
    with pytest.raises(RuntimeError, match="no_such_setting"):
        broker.start()
