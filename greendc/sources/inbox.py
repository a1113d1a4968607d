"""The queue between the network thread and the worker."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, groupby
from typing import NamedTuple

from greendc.ports import Entry, Event, RawBatch

LINGER = 0.020  # s from the first message to the commit at the latest
QUIET = 0.005  # s without a further message after which waiting gains nothing


class Delivery(NamedTuple):
    """Entries of one connection, in order; connection 0 is none of the broker's."""

    connection: int
    entries: list[Entry]


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
        self._queue: deque[tuple[int, Entry]] = deque()
        self._messages = self._bytes = 0
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

    def put(self, connection: int, entries: Sequence[Entry]) -> None:
        """Add entries of one connection at the end."""
        with self._changed:
            for entry in entries:
                self._queue.append((connection, entry))
                if isinstance(entry, RawBatch):
                    self._messages += len(entry)
                    self._bytes += _size(entry)
            self._changed.notify()

    def wake(self) -> None:
        """Have `take` return at once, this time or the next."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def take(self, timeout: float) -> list[Delivery]:
        """All that waits, at most `timeout` s after the call; [] where nothing came.

        After the first message it lets others join it for `LINGER`, less where none comes.
        """
        with self._changed:
            if not self._queue:
                self._changed.wait_for(lambda: bool(self._queue) or self._woken, timeout)
            self._woken = False
            self._linger()
            found = list(self._queue)
            self._queue.clear()
            was_full = not self.room
            self._messages = self._bytes = 0
        if was_full:
            self.on_room()
        return _merged(found)

    def _linger(self) -> None:
        deadline = time.monotonic() + LINGER
        while self._queue and self.room and (left := deadline - time.monotonic()) > 0:
            if not self._changed.wait(min(QUIET, left)):
                return


def _size(batch: RawBatch) -> int:
    return sum(map(len, batch.payloads)) + sum(map(len, batch.topics))


def _merged(found: list[tuple[int, Entry]]) -> list[Delivery]:
    return [
        Delivery(connection, list(_joined([entry for _, entry in group])))
        for connection, group in groupby(found, key=lambda item: item[0])
    ]


def _joined(entries: list[Entry]) -> list[Entry]:
    """Neighbouring batches of a session as one."""
    whole: list[Entry] = []
    for key, group in groupby(entries, key=_session):
        members = list(group)
        batches = [entry for entry in members if isinstance(entry, RawBatch)]
        whole += [_concatenated(batches)] if key is not None else members
    return whole


def _session(entry: Entry) -> int | None:
    return None if isinstance(entry, Event) else entry.session


def _concatenated(batches: list[RawBatch]) -> RawBatch:
    if len(batches) == 1:
        return batches[0]
    return RawBatch(
        arrivals=list(chain.from_iterable(batch.arrivals for batch in batches)),
        topics=list(chain.from_iterable(batch.topics for batch in batches)),
        payloads=list(chain.from_iterable(batch.payloads for batch in batches)),
        mids=list(chain.from_iterable(batch.mids for batch in batches)),
        flags=list(chain.from_iterable(batch.flags for batch in batches)),
        session=batches[0].session,
    )
