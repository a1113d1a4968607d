"""Fills the board: what the worker reads and writes, gathered and shown as frozen snapshots.

The worker tells a `Watch` of accepted readings, of figures as they are written, and of
commits; only what is committed is shown as closed. Nothing here changes a figure.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from greendc.config import Config
from greendc.core.accounts import Book
from greendc.core.facility import DAY, EVER, HOUR, IntArray
from greendc.core.figure import Figure
from greendc.core.readings import FloatArray, Readings
from greendc.core.site import meters_and_books
from greendc.ports import Plan
from greendc.snapshots import (
    Board,
    Closed,
    Current,
    FigureKey,
    Health,
    Key,
    Limits,
    MeterTag,
    SiteTag,
)
from greendc.store import Change, Store

T = TypeVar("T", bound=np.generic)

LOADED = {  # how far back from the newest figure of a period others are looked for at a start
    "cell": HOUR,
    "hour": 2 * DAY,
    "day": 3 * DAY,
    "month": 62 * DAY,
    "year": 731 * DAY,
    "24h": 2 * DAY,
    "7d": 2 * DAY,
    "30d": 2 * DAY,
    "12mo": 3 * DAY,
}
SHOWN_EVERY = 0.1  # s between two snapshots of readings
EXPECTED_EVERY = 2.0  # s between two looks at what is not closed
SPARING = 20  # times as long as such a look takes

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
        self._gathered = _Gathered()
        self._ledgers = _Figures()
        empty = self._gathered.snapshot()
        self.board = Board(empty, Closed(), NOTHING_YET, wall_clock)
        self._shown = self._expected = 0.0
        self._stale = True

    # -- what the pipeline tells -----------------------------------------------------------------

    def configured(self, config: Config, store: Store) -> None:
        """Another configuration holds: meters keep their readings by their names."""
        self._gathered.configured(config)
        self._ledgers.configured(config.plan(), store)
        self._stale = True

    def read(self, readings: Readings, site_time: Mapping[str, int], *, again: bool) -> None:
        """Accepted readings in journal order, and each site's largest event time after them.

        Meters are places in `Plan.meters`. Those that a start reads `again` are not counted.
        """
        self._gathered.read(readings, site_time)
        if not again:
            self._gathered.count(readings)
        self._stale = True

    def wrote(self, changes: Iterable[Change]) -> None:
        """Revisions written in the transaction that is open."""
        self._ledgers.wrote(changes)

    def committed(self) -> None:
        """What was written so far is committed."""
        closed = self._ledgers.snapshot(self.board.closed)
        if closed is not self.board.closed:
            self.board.closed = closed
            self.board.version += 1

    # -- what is shown ---------------------------------------------------------------------------

    def show(self, *, now: bool = False) -> None:
        """Show the newest readings, but not more often than people and scrapes can look."""
        moment = time.monotonic()
        if self._stale and (now or moment - self._shown >= SHOWN_EVERY):
            self.board.current = self._gathered.snapshot()
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


class _Gathered:
    """The latest accepted reading of each meter."""

    def __init__(self) -> None:
        self.sites: tuple[SiteTag, ...] = ()
        self.meters: tuple[MeterTag, ...] = ()
        self.books: dict[str, tuple[Book, ...]] = {}
        self.site_time: dict[str, int] = {}
        self.limits: Limits | None = None
        self._begin(0)

    def _begin(self, count: int) -> None:
        self.time: IntArray = np.full(count, -EVER, np.int64)
        self.value: FloatArray = np.full(count, np.nan)
        self.readings: IntArray = np.zeros(count, np.int64)

    def configured(self, config: Config) -> None:
        before = {(tag.site, tag.meter): i for i, tag in enumerate(self.meters)}
        old = self.time, self.value, self.readings
        plan = config.plan()
        self.sites = tuple(config.site_tags())
        self.limits = config.limits()
        self.meters = tuple(config.meter_tags())
        self.books = {site.id: meters_and_books(site)[1] for site in plan.sites}
        self._begin(len(self.meters))
        for place, tag in enumerate(self.meters):
            was = before.get((tag.site, tag.meter))
            if was is not None:
                self.time[place], self.value[place], self.readings[place] = (c[was] for c in old)

    def count(self, readings: Readings) -> None:
        self.readings += np.bincount(readings.meter, minlength=len(self.readings))

    def read(self, readings: Readings, site_time: Mapping[str, int]) -> None:
        self.site_time |= site_time
        if not len(readings):
            return
        order = np.lexsort((readings.seq, readings.time, readings.meter))
        meter = readings.meter[order]
        last = order[np.append(meter[1:] != meter[:-1], True)]
        newest = readings.where(last)
        newest = newest.where(newest.time >= self.time[newest.meter])
        self.time[newest.meter], self.value[newest.meter] = newest.time, newest.value

    def snapshot(self) -> Current:
        return Current(
            sites=self.sites,
            meters=self.meters,
            time=_frozen(self.time),
            value=_frozen(self.value),
            readings=_frozen(self.readings),
            site_time=dict(self.site_time),
            books={site: self._book(site, books) for site, books in self.books.items()},
            limits=self.limits,
        )

    def _book(self, site: str, books: Sequence[Book]) -> Book:
        """The layout in force at the site's time; the last one before any reading."""
        moment = self.site_time.get(site, EVER - 1)
        return next((b for b in books if b.epoch.start <= moment < b.epoch.end), books[-1])


def _frozen(column: npt.NDArray[T]) -> npt.NDArray[T]:
    out = column.copy()
    out.flags.writeable = False
    return out


class _Figures:
    """Newest figures of the ledger and sums of what was committed; shown at commits."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, str]] = {}
        self._pending: list[Change] = []
        self._loaded: Closed | None = None

    def configured(self, plan: Plan, store: Store) -> None:
        first = not self._kinds
        self._kinds = {
            site.id: {a.name: a.kind for book in meters_and_books(site)[1] for a in book.accounts}
            for site in plan.sites
        }
        if first:
            self._loaded = self._load(plan, store)

    def _load(self, plan: Plan, store: Store) -> Closed:
        figures: dict[FigureKey, Figure] = {}
        cells: dict[Key, Figure] = {}
        for site in plan.sites:
            for period, span in LOADED.items():
                newest = store.newest_start(site.id, period)
                if newest is not None:
                    for figure in store.figures(site.id, period, newest - span, EVER):
                        self._place(site.id, figure, figures, cells)
        return Closed(figures=figures, meter_cells=cells)

    def wrote(self, changes: Iterable[Change]) -> None:
        self._pending += changes

    def snapshot(self, before: Closed) -> Closed:
        """The next snapshot; the same one where nothing was written."""
        if self._loaded is not None:
            before, self._loaded = self._loaded, None
        pending, self._pending = self._pending, []
        if not pending:
            return before
        tally = _Tally(before)
        figures, cells = dict(before.figures), dict(before.meter_cells)
        for change in pending:
            figure = change.figure
            if change.revision:
                figure = replace(figure, revision=change.revision)
            self._place(change.site, figure, figures, cells)
            tally.count(change)
        expected = before.provisional
        return replace(tally.closed(), figures=figures, meter_cells=cells, provisional=expected)

    def _place(
        self,
        site: str,
        figure: Figure,
        figures: dict[FigureKey, Figure],
        cells: dict[Key, Figure],
    ) -> None:
        """Keep a figure where none that starts later is known."""
        if self._kinds.get(site, {}).get(figure.quantity) == "meter":
            known = cells.get((site, figure.quantity))
            if figure.period == "cell" and (known is None or figure.start >= known.start):
                cells[site, figure.quantity] = figure
            return
        key = site, figure.period, figure.quantity
        newest = figures.get(key)
        if newest is None or figure.start >= newest.start:
            figures[key] = figure


class _Tally:
    """Counters on the way from one snapshot to the next."""

    def __init__(self, before: Closed) -> None:
        self.into, self.out = dict(before.energy_in), dict(before.energy_out)
        self.emitted, self.revised = dict(before.emitted), dict(before.revised)
        self.undefined = dict(before.undefined)

    def count(self, change: Change) -> None:
        figure, key = change.figure, (change.site, change.figure.quantity)
        if figure.value is None and figure.unit not in {"J", "g"}:
            why = (*key, figure.period, figure.reason or "undefined")
            self.undefined[why] = self.undefined.get(why, 0) + 1
        if figure.period != "cell" or figure.unit not in {"J", "g"}:
            return
        value = figure.value or 0.0
        if change.revision:
            moved = value - (change.before or 0.0)
            self.revised[key] = self.revised.get(key, 0.0) + moved
        elif figure.value is not None:
            self._add(key, figure.unit, value)

    def _add(self, key: Key, unit: str, value: float) -> None:
        if unit == "g":
            self.emitted[key] = self.emitted.get(key, 0.0) + max(value, 0.0)
            return
        side = self.into if value >= 0 else self.out
        side[key] = side.get(key, 0.0) + abs(value)

    def closed(self) -> Closed:
        return Closed(
            energy_in=self.into,
            energy_out=self.out,
            emitted=self.emitted,
            revised=self.revised,
            undefined=self.undefined,
        )
