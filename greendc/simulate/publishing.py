"""Messages over MQTT, at the pace of their arrivals or a multiple of it."""

from collections.abc import Callable, Iterator

import numpy as np

from greendc.columns import Numbers, Topics
from greendc.ports import RawBatch
from greendc.simulate.messages import OWN_TEXT, Messages
from greendc.simulate.rendering import Renderer
from greendc.simulate.traffic import Traffic
from greendc.sources.pacing import paced
from greendc.sources.publishing import Publisher
from greendc.sources.settings import MqttSettings

BLOCK = 2_000  # messages at a time


def batches(traffic: Traffic) -> Iterator[RawBatch]:
    """All messages as a broker would hand them on."""
    renderer, topics = Renderer(traffic.forms, traffic.words), traffic.topics
    for messages in traffic.messages():
        for lo in range(0, len(messages), BLOCK):
            yield batch(messages.rows(slice(lo, lo + BLOCK)), renderer, topics)


def batch(messages: Messages, renderer: Renderer, topics: list[str]) -> RawBatch:
    """Messages with topics and payloads."""
    payloads = renderer.rows(messages).split()
    for row in np.flatnonzero(messages.text != OWN_TEXT).tolist():
        payloads[row] = messages.texts[int(messages.text[row])]
    return RawBatch(
        arrivals=Numbers(messages.arrival),
        topics=Topics(topics, messages.device),
        payloads=payloads,
        mids=[0] * len(payloads),
        flags=Numbers(messages.flags),
    )


def publish(
    traffic: Traffic,
    broker: MqttSettings,
    speed: float | None,
    head: int,
    sleep: Callable[[float], bool],
) -> int:
    """Publish until the end, or until `sleep` says that it was woken; returns the messages.

    Parameters
    ----------
    speed
        Multiple of real time, None for as fast as the broker acknowledges.
    head
        So much of the beginning is published at once. [ns]

    Raises
    ------
    GreendcError
        Where the broker cannot be reached, refuses, or stops acknowledging.
    """
    count = 0
    with Publisher(broker) as publisher:
        found = batches(traffic)
        for piece in found if speed is None else paced(found, speed, sleep=sleep, head=head):
            if sleep(0.0):
                break
            assert isinstance(piece, RawBatch)  # noqa: S101 - there are no events among them
            publisher.publish(piece)
            count += len(piece)
    return count
