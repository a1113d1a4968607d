"""Fills the board: what the worker reads and writes, gathered and shown as frozen snapshots.

The worker tells a `Watch` of accepted readings, of figures as they are written, and of
commits; only what is committed is shown as closed. Nothing here changes a figure.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from greendc.config import Config
from greendc.core.accounts import Book
from greendc.core.figure import Figure
from greendc.core.readings import Readings
from greendc.snapshots import (
    Board,
    Closed,
    Health,
)
from greendc.store import Changes, Store
from greendc.watch.latest import Latest
from greendc.watch.newest import Newest

SHOWN_EVERY = 0.05  # s between two snapshots of readings
EXPECTED_EVERY = 2.0  # s between two looks at what is not closed
SPARING = 300  # times as long as such a look takes, in which nothing else is seen

NOTHING_YET = Health(
    started=0,
    at=0,
    broker="",
    connected=False,
    connection_error=None,
    inbox=0,
    journal_bytes=0,
    journal_limit=0,
    journal_full=None,
    journal_lag_seconds=0.0,
    outcomes={},
    site_outcomes={},
    sinks=(),
)


class Watch:
    """Owned by the worker's thread; `board` is for everyone."""

    def __init__(self, *, wall_clock: bool = True) -> None:
        """Begin with an empty board."""
        self._latest = Latest()
        self._newest = Newest()
        empty = self._latest.snapshot()
        self.board = Board(empty, Closed(), NOTHING_YET, wall_clock)
        self._shown = self._expected = 0.0
        self._stale = True

    # -- what the pipeline tells -----------------------------------------------------------------

    def configured(
        self, config: Config, store: Store, books: Mapping[str, tuple[Book, ...]]
    ) -> None:
        """Another configuration holds, with each site's accounts.

        Meters keep their readings by their names.
        """
        self._latest.configured(config, books)
        self._newest.configured(books, store)
        self._stale = True

    def forget(self) -> None:
        """What meters said last was read by another configuration: wait for it to be read again."""
        self._latest.forget()
        self.board.closed = replace(self.board.closed, provisional={})
        self._expected, self._stale = 0.0, True

    def read(self, readings: Readings, site_time: Mapping[str, int], *, again: bool) -> None:
        """Accepted readings in journal order, and each site's largest event time after them.

        Meters are places in `Plan.meters`. Those that a start reads `again` are not counted.
        """
        self._latest.read(readings, site_time)
        if not again:
            self._latest.count(readings)
        self._stale = True

    def wrote(self, changes: Changes) -> None:
        """Revisions written in the transaction that is open."""
        self._newest.wrote(changes)

    def committed(self) -> None:
        """What was written so far is committed."""
        closed = self._newest.snapshot(self.board.closed)
        if closed is not self.board.closed:
            self.board.closed = closed
            self.board.version += 1

    # -- what is shown ---------------------------------------------------------------------------

    def show(self, *, now: bool = False) -> None:
        """Show the newest readings, but not more often than people and scrapes can look."""
        moment = time.monotonic()
        if self._stale and (now or moment - self._shown >= SHOWN_EVERY):
            self.board.current = self._latest.snapshot()
            self.board.version += 1
            self._shown, self._stale = moment, False

    def expect(self, provisional: Callable[[], Mapping[str, Sequence[Figure]]]) -> None:
        """Show figures of what is not closed yet, by site; never more than a little of the time."""
        began = time.monotonic()
        if began < self._expected:
            return
        figures = {
            (site, figure.period, figure.quantity): figure
            for site, found in provisional().items()
            for figure in found
        }
        self.board.closed = replace(self.board.closed, provisional=figures)
        self.board.version += 1
        now = time.monotonic()
        self._expected = now + max(EXPECTED_EVERY, SPARING * (now - began))

    def feel(self, health: Health) -> None:
        """Show how the daemon does."""
        self.board.health = health
        self.board.version += 1
