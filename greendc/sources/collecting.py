"""What a connection has read, in columns, until somebody takes them as a batch."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from paho.mqtt.client import MQTTMessage

from greendc.columns import Numbers
from greendc.ports import DUP, RETAIN, RawBatch, joined
from greendc.sources.cutting import Messages

TICK = 1_000_000  # ns within which a clock that seems to go back has only been overtaken
NOTHING = RawBatch([], [], [], [], [])


class Collector:
    """Columns of messages, each with its time of arrival.

    Messages in one tick of the clock arrive one after the other all the same.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock, self._arrival = clock, 0
        self._parts: list[RawBatch] = []
        self._rows: list[tuple[int, str, bytes, int, int]] = []  # behind all parts
        self.bytes = 0  # of what was read one by one
        self.count = self.numbered = 0  # messages so far, and those of QoS > 0

    def one(self, message: MQTTMessage) -> None:
        """Add a message that paho has read."""
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            topic = error.object.decode(errors="replace")
        payload = bytes(message.payload)
        flags = message.qos | (RETAIN if message.retain else 0) | (DUP if message.dup else 0)
        self.numbered += message.mid > 0
        self._rows.append((self._arrive(1), topic, payload, message.mid, flags))
        self.bytes += len(payload) + len(topic)

    def many(self, found: Messages) -> None:
        """Add messages that came together."""
        self._put_rows()
        count = len(found.topics)
        self.numbered += int(np.count_nonzero(found.mids))
        first = self._arrive(count)
        arrivals = Numbers(np.arange(first, first + count))
        mids, flags = Numbers(found.mids), Numbers(found.flags)
        self._parts.append(RawBatch(arrivals, found.topics, found.payloads, mids, flags))

    def take(self, session: int) -> RawBatch:
        """What was added since the last call, as a batch of a session."""
        self._put_rows()
        parts, self._parts, self.bytes = self._parts, [], 0
        return replace(joined(parts) if parts else NOTHING, session=session)

    def _put_rows(self) -> None:
        if self._rows:
            arrivals, topics, payloads, mids, flags = zip(*self._rows, strict=True)
            self._parts.append(RawBatch(arrivals, topics, payloads, mids, flags))
            self._rows = []

    def _arrive(self, count: int) -> int:
        """Arrival of the first of so many messages."""
        self.count += count
        now = self._clock()
        if 0 <= self._arrival - now < TICK:
            now = self._arrival + 1
        self._arrival = now + count - 1
        return now
