"""The latest accepted reading of each meter."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from greendc.config import Config
from greendc.core.accounts import Book
from greendc.core.facility import EVER, IntArray, Meter
from greendc.core.readings import FloatArray, Readings
from greendc.ports import Plan
from greendc.snapshots import Current, Limits, MeterTag, SiteTag
from greendc.watch.screen import Screen

T = TypeVar("T", bound=np.generic)


class Latest:
    """The latest accepted reading of each meter."""

    def __init__(self) -> None:
        self.sites: tuple[SiteTag, ...] = ()
        self.meters: tuple[MeterTag, ...] = ()
        self.books: dict[str, tuple[Book, ...]] = {}
        self.site_time: dict[str, int] = {}
        self.limits: Limits | None = None
        self.screen = Screen(())
        self._begin(0)

    def _begin(self, count: int) -> None:
        self.time: IntArray = np.full(count, -EVER, np.int64)
        self.value: FloatArray = np.full(count, np.nan)
        self.readings: IntArray = np.zeros(count, np.int64)

    def configured(self, config: Config, books: Mapping[str, tuple[Book, ...]]) -> None:
        """Take other meters; those that stay keep what they said. `books` are each site's."""
        before = {(tag.site, tag.meter): i for i, tag in enumerate(self.meters)}
        old = self.time, self.value, self.readings
        self.sites = config.site_tags()
        self.limits = config.limits()
        self.meters = config.meter_tags()
        self.books = dict(books)
        self._begin(len(self.meters))
        self.screen = Screen(_meters(config.plan(), self.meters))
        for place, tag in enumerate(self.meters):
            was = before.get((tag.site, tag.meter))
            if was is not None:
                self.time[place], self.value[place], self.readings[place] = (c[was] for c in old)

    def forget(self) -> None:
        """Know no reading any more; how many there were stays."""
        self.time, self.value = np.full_like(self.time, -EVER), np.full_like(self.value, np.nan)

    def count(self, readings: Readings) -> None:
        """Count readings as accepted."""
        self.readings += np.bincount(readings.meter, minlength=len(self.readings))

    def read(self, readings: Readings, site_time: Mapping[str, int]) -> None:
        """Keep the latest of each meter that stands; of equal times the later in the journal."""
        self.site_time |= site_time
        readings = self.screen.passed(readings)
        if not len(readings):
            return
        order = np.lexsort((readings.seq, readings.time, readings.meter))
        meter = readings.meter[order]
        last = order[np.append(meter[1:] != meter[:-1], True)]
        newest = readings.where(last)
        newest = newest.where(newest.time >= self.time[newest.meter])
        self.time[newest.meter], self.value[newest.meter] = newest.time, newest.value

    def snapshot(self) -> Current:
        """All of it, frozen."""
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


def _meters(plan: Plan, tags: Sequence[MeterTag]) -> list[Meter]:
    """The meters as the core sees them, in the order of their tags."""
    every = {(site.id, m.id): m for site in plan.sites for e in site.epochs for m in e.meters}
    return [_apart(every[tag.site, tag.meter], tag.site) for tag in tags]


def _apart(meter: Meter, site: str) -> Meter:
    """With siblings of its own site alone."""
    named = meter.siblings
    return meter if named is None else replace(meter, siblings=f"{site}/{named}")


def _frozen(column: npt.NDArray[T]) -> npt.NDArray[T]:
    out = column.copy()
    out.flags.writeable = False
    return out
