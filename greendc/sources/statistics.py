"""What the broker itself says that it has dropped, over a connection of its own.

MQTT knows no such thing: brokers count by their own lights, and for all their clients together.
Mosquitto publishes `$SYS/broker/publish/messages/dropped` when it has changed, every
`sys_interval` (10 s), behind `$SYS/broker/uptime`, which always changes. Other brokers may take
the subscription for an offence and hang up, so the meters' session keeps out of it.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from greendc.ports import Event, GreendcError, RawBatch
from greendc.sources.bell import Bell
from greendc.sources.connection import FAULTS, Connection
from greendc.sources.inbox import Inbox
from greendc.sources.settings import MqttSettings

log = logging.getLogger(__name__)

UPTIME = "$SYS/broker/uptime"
AGAIN = 30.0  # s after a connection that has ended
AGAIN_LIMIT = 3600.0
LONGEST_WAIT = 1.0
STOP_WITHIN = 0.5
MESSAGES = 100  # that are read at a time


class Drops:
    """Counts that the broker tells, as events where they have changed.

    >>> drops = Drops()
    >>> drops.total(4, 100), drops.total(4, 110)
    (Event(kind='broker_dropped', arrival=100, data={'total': 4, 'from': None}), None)
    >>> drops.beat(120); drops.beat(130)
    >>> drops.total(9, 131)
    Event(kind='broker_dropped', arrival=131, data={'total': 9, 'from': 120})
    """

    def __init__(self) -> None:
        self._total: int | None = None
        self._since: int | None = None  # until when this was certainly the total
        self._beat: int | None = None

    def beat(self, at: int) -> None:
        """The broker begins to tell what has changed: what it told before this was all."""
        if self._total is not None and self._beat is not None:
            self._since = self._beat
        self._beat = at

    def total(self, total: int, at: int) -> Event | None:
        """So many it has dropped."""
        if total == self._total:
            return None
        event = Event("broker_dropped", at, {"total": total, "from": self._since})
        self._total, self._since = total, at
        return event

    def disconnected(self) -> None:
        """It cannot be heard any more."""
        self._beat = None

    def last(self, at: int) -> Event | None:
        """What is known at the end, so that the next run knows since when its count differs."""
        if self._total is None or self._since is None:
            return None
        data = {"total": self._total, "from": self._since, "until": self._since}
        return Event("broker_dropped", at, data)


class Statistics:
    """Puts what the broker says about itself into the inbox; does nothing without a topic."""

    def __init__(self, settings: MqttSettings, inbox: Inbox, clock: Callable[[], int]) -> None:
        self._topic = settings.dropped_topic
        name = f"{settings.client_id}-statistics"
        self._settings = replace(settings, client_id=name, persistent=False)
        self._inbox, self._clock = inbox, clock
        self._drops, self._bell = Drops(), Bell()
        self._stopping = self._told = False
        self._thread = threading.Thread(target=self._run, name="statistics", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        if self._topic:
            self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._stopping = True
        self._bell.ring()
        if self._thread.is_alive():
            self._thread.join(STOP_WITHIN)
        if not self._thread.is_alive():
            self._bell.close()
        last = self._drops.last(self._clock())
        if last is not None:
            self._inbox.put(0, [last])

    def _run(self) -> None:
        delay = AGAIN
        while not self._stopping:
            try:
                if self._refused():
                    return
            except (*FAULTS, GreendcError) as error:
                log.debug("statistics of the broker: %s", error)
            self._drops.disconnected()
            delay = AGAIN if self._told else min(2 * delay, AGAIN_LIMIT)
            self._told = False
            if not self._stopping:
                self._bell.wait(delay)

    def _refused(self) -> bool:
        """One connection to its end; tells whether the broker lets nothing of this be read."""
        connection = Connection(self._settings, self._connected, self._clock)
        try:
            connection.open()
            while not self._stopping and not connection.refused:
                heard, awake = connection.wait(self._bell.ear, reading=True, timeout=LONGEST_WAIT)
                if awake:
                    self._bell.heard()
                if heard:
                    connection.read(MESSAGES if connection.established else 1)
                    self._hear(connection.collected(0))
                connection.keep_alive(reading=True)
                connection.write()
            if connection.established:
                connection.leave(STOP_WITHIN / 2)
            return bool(connection.refused)
        finally:
            connection.close()

    def _connected(self, connection: Connection, *, session_present: bool) -> None:
        del session_present  # none is kept
        connection.subscribe([self._topic, UPTIME], [])

    def _hear(self, batch: RawBatch) -> None:
        for arrival, topic, payload in zip(
            batch.arrivals, batch.topics, batch.payloads, strict=True
        ):
            if topic == UPTIME:
                self._drops.beat(arrival)
            elif topic == self._topic and payload.isdigit():
                self._told = True
                event = self._drops.total(int(payload), arrival)
                if event is not None:
                    self._inbox.put(0, [event])
