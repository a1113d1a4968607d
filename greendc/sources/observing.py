"""The broker's messages for an observer, who leaves no trace at the broker."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from greendc.ports import Entry
from greendc.sources.inbox import Inbox
from greendc.sources.mqtt import MqttSource
from greendc.sources.settings import MqttSettings


def observe(
    settings: MqttSettings, subscriptions: Sequence[str], stop: threading.Event
) -> Iterator[Entry]:
    """What the broker sends to an observer, until `stop` is set.

    It has its own client id, leaves no session behind and acknowledges on receipt. A
    connection that was lost in between is an event `session_lost`: what came meanwhile
    is not in the record.
    """
    name = f"{settings.client_id}-record"
    own = replace(settings, client_id=name, persistent=False, dropped_topic="")
    inbox = Inbox(capacity=max(10_000, settings.receive_maximum))
    source = MqttSource(own, subscriptions, inbox)
    source.start()
    try:
        while not stop.is_set():
            for delivery in inbox.take(timeout=0.2):
                yield from delivery.entries
    finally:
        source.stop()
