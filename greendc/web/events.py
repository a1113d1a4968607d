"""Server-sent events: what has changed, at most once a second, for a bounded number of readers."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import orjson

from greendc.snapshots import Board, Current
from greendc.web import meters
from greendc.web.state import state

EVERY = 1.0  # s between two events
ALIVE_EVERY = 15.0  # s between two signs of life
RETRY = b"retry: 2000\n\n"
ALIVE = b": alive\n\n"


class Readers:
    """Counts the open streams."""

    def __init__(self, most: int) -> None:
        """Nobody reads yet."""
        self.most, self.number = most, 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Be one of them."""
        self.number += 1
        try:
            yield
        finally:
            self.number -= 1

    @property
    def full(self) -> bool:
        """Whether another one must wait."""
        return self.number >= self.most


def event(name: str, data: Any) -> bytes:
    """One event; JSON has no line breaks."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))


class Changes:
    """What one reader of a site has not been sent yet.

    A reader that is slow skips what came between: it is sent the newest state only.
    """

    def __init__(self, board: Board, site: str, current: Current) -> None:
        """The reader holds the meters of `current` as they stand in `described`."""
        self._board, self._site = board, site
        self._tags = current.meters
        self._state: bytes | None = None
        self._meters: meters.Readings | None = None

    @property
    def ended(self) -> bool:
        """Whether sites or meters are others than those that the reader knows."""
        return self._board.current.meters is not self._tags

    def take(self, now: int) -> Iterator[bytes]:
        """Events for what has changed up to a wall-clock time [ns]."""
        board, current = self._board, self._board.current
        if self.ended:
            return
        told = state(board, self._site, now)
        clock = told.pop("site_time")  # it alone is no change: readers have clocks
        body = orjson.dumps(told)
        if body != self._state:
            self._state = body
            yield event("state", {**told, "site_time": clock})
        last = meters.readings(board, current, self._site, now)
        rows = last.every() if self._meters is None else last.changed(self._meters)
        self._meters = last
        if rows:
            yield event("meters", {"rows": rows, "site_time": clock})


async def stream(
    board: Board,
    site: str,
    closing: asyncio.Event,
    readers: Readers,
    clock: Callable[[], int] = time.time_ns,
) -> AsyncIterator[bytes]:
    """Events of a site until the reader goes or the server closes."""
    with readers.one():
        yield RETRY
        changes = Changes(board, site, board.current)
        said = time.monotonic()
        while not closing.is_set() and not changes.ended:
            found = b"".join(changes.take(clock()))
            if not found and time.monotonic() - said >= ALIVE_EVERY:
                found = ALIVE
            if found:
                said = time.monotonic()
                yield found
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), EVERY)
        if changes.ended:
            yield event("layout", {})
