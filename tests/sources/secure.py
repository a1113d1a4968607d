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
    """Publish messages at QoS 1 as a user."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    ready = threading.Event()
    client.on_connect = lambda *_: ready.set()
    client.tls_set(str(ca), str(pair.cert), str(pair.key))
    client.username_pw_set(user, PASSWORDS[user])
    client.connect(HOST, port)
    client.loop_start()
    assert ready.wait(PATIENCE)
    infos = [client.publish(topic, payload, qos=1) for topic, payload in messages]
    for info in infos:
        info.wait_for_publish(PATIENCE)
        assert info.is_published()
    client.disconnect()
    client.loop_stop()
