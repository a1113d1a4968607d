"""A subscriber that reads what a broker holds."""

import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.servers.support import HOST


def retained(port: int, *filters: str, quiet: float = 0.3) -> dict[str, bytes]:
    """Retained messages by topic, until none has come for so many seconds."""
    found: dict[str, bytes] = {}
    granted, heard = threading.Event(), [time.monotonic()]

    def on_message(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        if message.retain:
            found[message.topic] = bytes(message.payload)
        heard[0] = time.monotonic()

    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.on_subscribe = lambda *_: granted.set()
    client.connect(HOST, port)
    client.loop_start()
    for filter_ in filters:
        granted.clear()
        client.subscribe(filter_, qos=1)
        assert granted.wait(10)
    heard[0] = time.monotonic()
    while time.monotonic() - heard[0] < quiet:
        time.sleep(0.02)
    client.disconnect()
    client.loop_stop()
    return found
