"""The queue between the network thread and the worker."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from greendc.columns import Topics
from greendc.ports import Entry, Event, RawBatch, Reception, joined

LINGER = 0.020  # s from the first message to the commit at the latest
HURRY = 10  # commits without waiting after one that has waited for nothing
QUIET = 0.005  # s without a further message after which waiting gains nothing


class Delivery(NamedTuple):
    """Entries of one connection, in order; connection 0 is none of the broker's.

    `reception` is how the connection stands behind them.
    """

    connection: int
    entries: list[Entry]
    reception: Reception | None = None


class Inbox:
    """A bounded queue of messages and events, in the order in which they were put.

    `capacity` counts messages, `limit_bytes` their payloads and topics. The bound is
    kept by whoever puts messages: it asks `room` first, and is called back on
    `on_room` when there is some again. Events always fit.
    """

    def __init__(self, capacity: int = 10_000, limit_bytes: int = 64 * 2**20) -> None:
        self.capacity = capacity
        self.limit_bytes = limit_bytes
        self.on_room: Callable[[], None] = lambda: None
        self._queue: deque[Delivery] = deque()
        self._messages = self._bytes = self._hurry = 0
        self._woken = False
        self._changed = threading.Condition()

    @property
    def room(self) -> int:
        """How many messages may be put; 0 also where the bytes have reached their limit."""
        if self._bytes >= self.limit_bytes:
            return 0
        return max(0, self.capacity - self._messages)

    def __len__(self) -> int:
        """Count the messages that wait."""
        return self._messages

    @property
    def waiting(self) -> bool:
        """Whether anything waits, be it only an event."""
        return bool(self._queue)

    @property
    def hurried(self) -> bool:
        """Whether the next `take` waits for nothing beside the first message."""
        return self._hurry > 0

    def put(
        self, connection: int, entries: Sequence[Entry], reception: Reception | None = None
    ) -> None:
        """Add entries of one connection at the end, and how it stands behind them."""
        with self._changed:
            self._queue.append(Delivery(connection, list(entries), reception))
            for entry in entries:
                if isinstance(entry, RawBatch):
                    self._messages += len(entry)
                    self._bytes += _size(entry)
            self._changed.notify()

    def wake(self) -> None:
        """Have `take` return at once, this time or the next."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def take(self, timeout: float, *, linger: bool = True) -> list[Delivery]:
        """All that waits, at most `timeout` s after the call; [] where nothing came.

        With `linger` it lets others join the first message for `LINGER`, less where none comes.
        """
        with self._changed:
            if not self._queue:
                self._changed.wait_for(lambda: bool(self._queue) or self._woken, timeout)
            self._woken = False
            if self._queue and linger:
                self._linger()
            found = list(self._queue)
            self._queue.clear()
            was_full = not self.room
            self._messages = self._bytes = 0
        if was_full:
            self.on_room()
        return _merged(found)

    def _linger(self) -> None:
        """Let others join the first message, unless that has lately brought none.

        A broker that waits for acknowledgements would be kept waiting.
        """
        if self._hurry:
            self._hurry -= 1
            return
        first, deadline = self._messages, time.monotonic() + LINGER
        while self._may_grow() and (left := deadline - time.monotonic()) > 0:
            if not self._changed.wait(min(QUIET, left)):
                break
        if self._messages < first + first // 4 + 1 and self._may_grow():
            self._hurry = HURRY

    def _may_grow(self) -> bool:
        """Whether waiting gains anything: half a full inbox is worth a commit by itself."""
        return self.room > self.capacity // 2


def _size(batch: RawBatch) -> int:
    # Of a table of topics each stands in memory once, and none of them is long.
    shared = isinstance(batch.topics, Topics)
    return sum(map(len, batch.payloads)) + (0 if shared else sum(map(len, batch.topics)))


def _merged(found: list[Delivery]) -> list[Delivery]:
    return [
        _whole(connection, list(group))
        for connection, group in groupby(found, key=lambda delivery: delivery.connection)
    ]


def _whole(connection: int, parts: list[Delivery]) -> Delivery:
    entries = [entry for part in parts for entry in part.entries]
    standing = [part.reception for part in parts if part.reception is not None]
    return Delivery(connection, list(_joined(entries)), standing[-1] if standing else None)


def _joined(entries: list[Entry]) -> list[Entry]:
    """Neighbouring batches of a session as one."""
    whole: list[Entry] = []
    for key, group in groupby(entries, key=_session):
        members = list(group)
        batches = [entry for entry in members if isinstance(entry, RawBatch)]
        whole += [joined(batches)] if key is not None else members
    return whole


def _session(entry: Entry) -> int | None:
    return None if isinstance(entry, Event) else entry.session
