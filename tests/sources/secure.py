"""Users of a broker with TLS, and a publisher among them."""

import threading
from collections.abc import Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.servers.certificates import Pair
from tests.servers.support import HOST
from tests.sources.listening import PATIENCE

PASSWORDS = {"greendc": "9-Lives-of-cats", "meters": "kWh-kWh-kWh", "display": "look-at-me"}


def published(
    port: int, ca: Path, pair: Pair, user: str, messages: Sequence[tuple[str, str]]
) -> None:
    """Publish messages at QoS 1 as a user, over a further connection where one does not last."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    ready, answered = threading.Event(), threading.Semaphore(0)
    client.on_connect = lambda *_: ready.set()
    client.on_publish = lambda *_: answered.release()
    client.tls_set(str(ca), str(pair.cert), str(pair.key))
    client.username_pw_set(user, PASSWORDS[user])
    client.connect(HOST, port)
    client.loop_start()
    assert ready.wait(PATIENCE)
    for topic, payload in messages:
        client.publish(topic, payload, qos=1)
    for _ in messages:
        assert answered.acquire(timeout=PATIENCE)
    client.disconnect()
    client.loop_stop()
