"""What brokers say that they have dropped: with a real one, and with those that say nothing."""

import socket
import time
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from greendc.config.models import DROPPED
from greendc.ports import Event
from greendc.sources import statistics
from greendc.sources.inbox import Inbox
from greendc.sources.settings import MqttSettings
from greendc.sources.statistics import Statistics
from tests.servers.support import HOST, Mosquitto
from tests.sources.listening import Listener, eventually
from tests.sources.wire import Broker, Publisher

QUEUE = 5  # messages that the broker keeps for an absent client


def absent(port: int, topic: str) -> None:
    """Leave a session behind that keeps what comes on a topic."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "absent", clean_session=False)
    there: list[int] = []
    client.on_subscribe = lambda _c, _d, mid, *_: there.append(mid)
    client.connect(HOST, port)
    client.loop_start()
    eventually(client.is_connected)
    client.subscribe(topic, qos=1)
    eventually(lambda: bool(there))
    client.disconnect()
    client.loop_stop()


def drops(listener: Listener) -> list[Event]:
    listener.take()
    return [event for event in listener.events if event.kind == "broker_dropped"]


def test_what_mosquitto_drops_is_an_event_with_from_and_to(tmp_path: Path) -> None:
    limits = {"sys_interval": "1", "max_queued_messages": str(QUEUE)}
    with (
        Mosquitto(tmp_path / "broker", limits) as broker,
        Listener(broker.port, dropped_topic=DROPPED) as listener,
    ):
        listener.connected()
        eventually(lambda: bool(drops(listener)), "the broker tells its count at first")
        absent(broker.port, "x/#")
        time.sleep(2.5)  # two of the broker's rounds, so that it is known until when there was none
        before = time.time_ns()
        with closing(Publisher(broker.port)) as publisher:
            publisher.send([("x/1", b"%d" % n) for n in range(40)])
        eventually(lambda: len(drops(listener)) > 1)
        first, *more = drops(listener)
        assert first.data["total"] == 0
        eventually(lambda: drops(listener)[-1].data["total"] == 40 - QUEUE)
        since = more[0].data["from"]
        assert before - 3 * 10**9 < since < before < more[0].arrival
        assert listener.rows == []  # none of it is taken for a meter's


def test_a_broker_that_hangs_up_on_the_question_keeps_the_meters_session() -> None:
    def script(broker: Broker, stream: socket.socket) -> None:
        name = broker.expect(stream, 0x10)
        stream.sendall(bytes([0x20, 2, 0, 0]))
        body = broker.expect(stream, 0x82)
        if name.endswith(b"-statistics"):
            return  # as AWS IoT may do
        stream.sendall(bytes([0x90, 3]) + body[:2] + b"\1")
        broker.expect(stream, 0xE0)

    with (
        Broker(script) as broker,
        Listener(broker.port, protocol="3.1.1", dropped_topic=DROPPED) as listener,
    ):
        listener.connected()
        eventually(lambda: broker.accepted == 2)
        time.sleep(0.2)
        assert listener.source.state.connection == 1
        assert listener.source.state.phase == "connected"


def test_a_refused_question_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(broker: Broker, stream: socket.socket) -> None:
        broker.expect(stream, 0x10)
        stream.sendall(bytes([0x20, 2, 0, 0]))
        body = broker.expect(stream, 0x82)
        stream.sendall(bytes([0x90, 4]) + body[:2] + b"\x80\x80")
        broker.expect(stream, 0xE0)

    monkeypatch.setattr(statistics, "AGAIN", 0.01)
    with Broker(script) as broker:
        settings = MqttSettings(port=broker.port, protocol="3.1.1", dropped_topic=DROPPED)
        asking = Statistics(settings, Inbox(), time.time_ns)
        asking.start()
        eventually(lambda: not asking._thread.is_alive())
        asking.stop()
        assert broker.accepted == 1
