"""Server-sent events: what has changed, at most once a second, for a bounded number of readers."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from greendc.core.facility import SECOND
from greendc.snapshots import Board
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


@dataclass(frozen=True, slots=True)
class Look:
    """A site at a moment: its state as it is sent, that without the clock, and its meters."""

    state: dict[str, Any]
    body: bytes
    meters: meters.Readings


class Looks:
    """Looks that all readers of a site share: rendered once, however many there are."""

    def __init__(self, board: Board) -> None:
        """Nothing is rendered before somebody reads."""
        self.board = board
        self._kept: dict[str, tuple[tuple[int, int], Look]] = {}

    def at(self, site: str, now: int) -> Look:
        """The site at a wall-clock time [ns]; at most a second old."""
        key = self.board.version, now // SECOND
        known = self._kept.get(site)
        if known is not None and known[0] == key:
            return known[1]
        told = state(self.board, site, now)
        # time alone is no change: readers have clocks
        body = orjson.dumps({**told, "site_time": None})
        last = meters.readings(self.board, self.board.current, site, now)
        self._kept[site] = key, Look(told, body, last)
        return self._kept[site][1]


class Changes:
    """What one reader of a site has not been sent yet.

    A reader that is slow skips what came between: it is sent the newest state only.
    """

    def __init__(self, looks: Looks, site: str) -> None:
        """Nothing has been sent yet; the reader's meters are those of the moment."""
        self._looks, self._board, self._site = looks, looks.board, site
        self._tags = looks.board.current.meters
        self._layout = meters.layout(looks.board.current, site)
        self._state: bytes | None = None
        self._meters: meters.Readings | None = None

    @property
    def ended(self) -> bool:
        """Whether sites or meters are others than those that the reader knows."""
        return self._board.current.meters is not self._tags

    def take(self, now: int) -> Iterator[bytes]:
        """Events for what has changed up to a wall-clock time [ns]."""
        if self.ended:
            return
        look = self._looks.at(self._site, now)
        if look.body != self._state:
            self._state = look.body
            yield event("state", look.state)
        before, self._meters = self._meters, look.meters
        rows = look.meters.every() if before is None else look.meters.changed(before)
        if rows:
            clock = look.state["site_time"]
            yield event("meters", {"layout": self._layout, "rows": rows, "site_time": clock})


async def stream(
    looks: Looks,
    site: str,
    closing: asyncio.Event,
    readers: Readers,
    clock: Callable[[], int] = time.time_ns,
) -> AsyncIterator[bytes]:
    """Events of a site until the reader goes or the server closes."""
    with readers.one():
        yield RETRY
        changes = Changes(looks, site)
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
