"""What a connection has read, as growing columns until somebody takes them as a batch."""

from collections.abc import Callable

from paho.mqtt.client import MQTTMessage

from greendc.ports import DUP, RETAIN, RawBatch
from greendc.sources.cutting import Messages

TICK = 1_000_000  # ns within which a clock that seems to go back has only been overtaken


class Collector:
    """Columns of messages, each with its time of arrival.

    Messages in one tick of the clock arrive one after the other all the same.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock, self._arrival = clock, 0
        self._begin()

    def _begin(self) -> None:
        self.bytes = 0  # of what was read one by one
        self._arrivals: list[int] = []
        self._topics: list[str] = []
        self._payloads: list[bytes] = []
        self._mids: list[int] = []
        self._flags: list[int] = []

    def __len__(self) -> int:
        """Count the messages."""
        return len(self._topics)

    def one(self, message: MQTTMessage) -> None:
        """Add a message that paho has read."""
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            topic = error.object.decode(errors="replace")
        payload = bytes(message.payload)
        flags = message.qos | (RETAIN if message.retain else 0) | (DUP if message.dup else 0)
        self.many(Messages([topic], [payload], [message.mid], [flags]))
        self.bytes += len(payload) + len(topic)

    def many(self, found: Messages) -> None:
        """Add messages that came together."""
        now, count = self._clock(), len(found.topics)
        if 0 <= self._arrival - now < TICK:
            now = self._arrival + 1
        self._arrival = now + count - 1
        self._arrivals.extend(range(now, now + count))
        self._topics.extend(found.topics)
        self._payloads.extend(found.payloads)
        self._mids.extend(found.mids)
        self._flags.extend(found.flags)

    def take(self, session: int) -> RawBatch:
        """What was added since the last call, as a batch of a session."""
        batch = RawBatch(
            self._arrivals, self._topics, self._payloads, self._mids, self._flags, session
        )
        self._begin()
        return batch
