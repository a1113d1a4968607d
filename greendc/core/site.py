"""The ledger's state machine of one site: event time, watermark, steps, late readings.

Everything here follows from the journal's order alone. The watermark is looked at
in *steps*: whenever it passes a border of the site's cell. At a step the readings
before that border become known, cells are closed, and closed cells that a late
reading touches are computed again. A reading that is not late cannot be before the
watermark, so what is closed at a step does not depend on the order within the
lateness, nor on how the journal is cut into batches. Where the watermark passes
several borders at once there is a step for each, as far as it can make a difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from greendc.core.accounts import Book, book, energy_meters
from greendc.core.cells import Block
from greendc.core.closing import Known, Progress
from greendc.core.energy import MEAN_PREV, REGISTER, Segments, segments
from greendc.core.facility import EVER, IntArray, Meter, Site
from greendc.core.readings import BoolArray, Readings, joined, merged, without
from greendc.core.reopening import (
    Dirty,
    History,
    Span,
    believed,
    changed,
    gathered,
    reached,
    recalled,
    unsettled_upto,
)

__all__ = ["History", "Settled", "SiteBook", "meters_and_books"]


@dataclass(slots=True)
class Settled:
    """What a step gave: ledger rows, readings no longer held, counts by outcome."""

    blocks: list[Block] = field(default_factory=list)
    archived: list[Readings] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    reopened: list[Span] = field(default_factory=list)
    final: bool = False

    def count(self, outcome: str, number: int) -> None:
        """Add to a count."""
        if number:
            self.counts[outcome] = self.counts.get(outcome, 0) + number


def meters_and_books(site: Site) -> tuple[tuple[Meter, ...], tuple[Book, ...]]:
    """A site's physical energy meters in the order of their places, and each epoch's layout."""
    return energy_meters(site), tuple(book(site, epoch) for epoch in site.epochs)


class SiteBook:
    """One site's open readings: `hot` are known, `waiting` are not before the watermark yet."""

    def __init__(self, site: Site, history: History) -> None:
        self.site, self.history = site, history
        _, self.books = meters_and_books(site)
        self.rules = self.books[0].rules
        self.progress = Progress(self.books)
        slack = 2 * (int(self.rules.silent_after.max(initial=0)) + self.progress.border)
        self.horizon = max(site.horizon, site.lateness + slack)
        # a late reading changes cells back to the one that it is counted from, at most
        reach = int(self.rules.reach.max(initial=0))
        self.reopens = self.horizon + slack + reach
        self.remembers = self.reopens + reach
        self.newest = -EVER
        self.watermark = -EVER
        self.settled_seq = 0  # what arrived up to here is known where it is before the watermark
        self.ended_seq = 0  # what arrived up to here is known: the input had ended
        self.base_seq = 0  # readings up to here are carried over, not read from the journal again
        self.hot = Readings.none()
        self.waiting: list[Readings] = []

    # -- state across runs -------------------------------------------------------------------

    def open_rows(self) -> BoolArray:
        """Which of the readings held rest in cells that are still open."""
        later = self.hot.seq > self.base_seq
        mask: BoolArray = later & (self.hot.time > self.progress.floors()[self.hot.meter])
        return mask

    def carried(self) -> Readings:
        """Readings that must be kept beside the journal to begin again."""
        based = [part.where(part.seq <= self.base_seq) for part in self.waiting]
        return joined([self.hot.where(~self.open_rows()), *based])

    def carry(self, rows: Readings) -> None:
        """Begin again with the readings that `carried` gave."""
        known = self._is_known(rows)
        self.hot = merged([rows.where(known & (rows.meter >= 0))]).readings
        self.waiting = [rows.where(~known)]

    def _is_known(self, rows: Readings) -> BoolArray:
        stepped = (rows.time < self.watermark) & (rows.seq <= self.settled_seq)
        known: BoolArray = stepped | (rows.seq <= self.ended_seq)
        return known

    def rebuild_from(self, done_to: int) -> int:
        """The oldest journal entry that is needed to begin again after `done_to`."""
        waiting = [part.seq[part.seq > self.base_seq] for part in self.waiting]
        held = [self.hot.seq[self.open_rows()], *waiting]
        return min([int(seq.min()) for seq in held if len(seq)], default=done_to + 1)

    def refill(self, readings: Readings) -> None:
        """Take readings again that the journal held when the state was kept."""
        known = self._is_known(readings)
        self.waiting.append(readings.where(~known))
        known &= readings.meter >= 0
        known &= readings.time > np.append(self.progress.floors(), EVER)[readings.meter]
        self.hot = merged([self.hot, readings.where(known)]).readings

    # -- readings in -------------------------------------------------------------------------

    def add(self, readings: Readings) -> Iterator[Settled]:
        """Take readings in journal order; yields what each step settles.

        Readings of meters that carry no energy have meter -1: they move the
        watermark and tell that the site is not silent, nothing else.
        """
        if not len(readings):
            return
        mark = self._marks(readings)
        late = bool((readings.time < mark[:-1]).any())
        border = mark - mark % self.progress.step
        moved = np.flatnonzero(border[1:] > border[:-1])
        if len(moved) and not (late or self._disturbed(readings, int(mark[0]))):
            moved = moved[-1:]  # one step more or less is no matter: take the last one alone
            self._wait(readings, 0, len(readings))
            yield self._step(int(border[moved[0] + 1]), int(readings.seq[moved[0]]))
        else:
            begin = 0
            for stop in moved.tolist():
                self._wait(readings, begin, stop + 1)
                yield from self._steps(int(border[stop + 1]), int(readings.seq[stop]))
                begin = stop + 1
            self._wait(readings, begin, len(readings))
        self.newest = int(mark[-1]) + self.site.lateness

    def late_rows(self, readings: Readings) -> BoolArray:
        """Which of the readings to be added are late: behind the watermark as they arrive."""
        late: BoolArray = readings.time < self._marks(readings)[:-1]
        return late

    def _marks(self, readings: Readings) -> IntArray:
        """The watermark before each reading, and after the last."""
        newest: IntArray = np.maximum.accumulate(np.append(self.newest, readings.time))
        return newest - self.site.lateness

    def _disturbed(self, readings: Readings, mark: int) -> bool:
        """Whether some reading may touch cells that are closed, so that every step counts."""
        upto = unsettled_upto(self.rules, [self.hot, *self.waiting, readings])
        if upto > -EVER and mark < upto + self.progress.step:
            return True
        return self.progress.origin is not None and mark < self.progress.furthest()

    def _wait(self, readings: Readings, begin: int, end: int) -> None:
        self.waiting.append(readings.between(begin, end))

    # -- settling ----------------------------------------------------------------------------

    def end(self, seq: int, at: int | None = None) -> Settled:
        """Close everything that there are readings for, or everything before `at`.

        The last value of an interval mean counts in full: cells run to its end.
        """
        settled = Settled(final=True)
        self.ended_seq = seq
        return self._settle(self.watermark, seq, settled, at)

    def _steps(self, watermark: int, seq: int) -> Iterator[Settled]:
        """One step for each border behind which readings become known, as if all came in order."""
        time = joined(self.waiting).time
        between = time[(time >= self.watermark) & (time < watermark)]
        borders = np.unique(between - between % self.progress.step)
        for border in borders[borders > self.watermark].tolist():
            yield self._step(border, seq)
        yield self._step(watermark, seq)

    def _step(self, watermark: int, seq: int) -> Settled:
        return self._settle(watermark, seq, Settled())

    def _settle(self, watermark: int, seq: int, settled: Settled, at: int | None = None) -> Settled:
        fresh = self._known(watermark, settled)
        kept_from = self.watermark - self.reopens
        self.watermark, self.settled_seq = watermark, seq
        filled = self.progress.seen(fresh.time)
        fresh = fresh.where(fresh.meter >= 0)
        again = self._recall(fresh)
        old, dirty = self._take_in(fresh, settled)
        if self.progress.origin is None:
            return settled
        settled.reopened = self.progress.reopened(filled + dirty, kept_from)
        for lo, hi in settled.reopened:
            settled.blocks += self._again(lo, hi, old)
        settled.blocks += self._close(watermark, final=settled.final, at=at)
        settled.archived = [part for part in (old, without(self._evicted(), again)) if len(part)]
        return settled

    def _known(self, watermark: int, settled: Settled) -> Readings:
        """Readings that are before the watermark now, or all at the end."""
        parts = [
            (part, part.seq >= 0 if settled.final else part.time < watermark)
            for part in self.waiting
        ]
        fresh = joined([part.where(now) for part, now in parts])
        self.waiting = [p if not now.any() else p.where(~now) for p, now in parts if not now.all()]
        beyond = fresh.time < self.watermark - self.horizon
        settled.count("late_beyond_horizon", int(beyond.sum()))
        return fresh.where(~beyond)

    def _recall(self, fresh: Readings) -> Readings:
        """Hold registers' archived readings again where late ones lie among them."""
        behind = self._behind(fresh) & (self.rules.kind == REGISTER)[fresh.meter]
        again = recalled(self.history, fresh.where(behind), self._first(self.hot))
        if len(again):
            self.hot = merged([self.hot, again]).readings
        return again

    def _behind(self, fresh: Readings) -> BoolArray:
        """Which readings are older than all that is held of their meters."""
        start = self._first(self.hot)
        # without a reading held before its open cells a meter has none archived either
        has_archived = start <= self.progress.floors()
        behind: BoolArray = (fresh.time < start[fresh.meter]) & has_archived[fresh.meter]
        return behind

    def _take_in(self, fresh: Readings, settled: Settled) -> tuple[Readings, list[Dirty]]:
        """Merge into the readings held; returns older ones and what may have to be reopened."""
        behind = self._behind(fresh) & (self.rules.kind != REGISTER)[fresh.meter]
        old, fresh = fresh.where(behind), fresh.where(~behind)
        dirty = reached(self.rules, old)
        result = merged([self.hot, fresh])
        settled.count("duplicate", result.duplicates)
        settled.count("conflict", result.conflicts)
        if len(fresh):
            before, after = self._segments(self.hot), self._segments(result.readings)
            dirty += changed(before, after, self.progress.sealed())
        self.hot = result.readings
        return old, dirty + self._extended(joined([old, fresh]))

    def _extended(self, fresh: Readings) -> list[Dirty]:
        if not len(fresh):
            return []
        back = np.where(self.rules.kind == MEAN_PREV, self.rules.nominal, 0)[fresh.meter]
        return self.progress.extend(int((fresh.time - back).min()))

    def _segments(self, readings: Readings) -> Segments:
        return segments(self.rules, readings.meter, readings.time, readings.value)

    def _again(self, lo: int, hi: int, old: Readings) -> Iterator[Block]:
        """Closed cells of [lo, hi), computed from archived and held readings together."""
        archived = gathered(self.rules, self.history, lo, hi)
        found = self._segments(merged([*archived, old, self.hot]).readings)
        for due in self.progress.again(lo, hi):
            yield from due.blocks(found, self.site.intensity)

    def _close(self, watermark: int, *, final: bool, at: int | None) -> Iterator[Block]:
        known = Known(self._last(self.hot), self._last(self.hot.where(self._believed())))
        end = self.progress.end_of(known, at) if final else None
        self.progress.advance(watermark, known, end)
        found = self._segments(self.hot)
        for due in self.progress.due(watermark, end):
            for b in due.blocks(found, self.site.intensity):
                yield Block(b.account, b.start, b.end, b.valid, b.terms, fresh=True)

    def _believed(self) -> BoolArray:
        return believed(self.rules, self.hot)

    def _first(self, readings: Readings) -> IntArray:
        first = np.full(len(self.rules.meters), -EVER, np.int64)
        first[readings.meter[::-1]] = readings.time[::-1]  # the first of each is written last
        return first

    def _last(self, readings: Readings) -> IntArray:
        last = np.full(len(self.rules.meters), -EVER, np.int64)
        last[readings.meter] = readings.time  # sorted by time within a meter: the last one stays
        return last

    def _evicted(self) -> Readings:
        """Let go of readings before the last one that open cells can rest on."""
        hot = self.hot
        anchors = (hot.time <= self.progress.floors()[hot.meter]) & self._believed()
        last = np.full(len(self.rules.meters), -1, np.int64)
        place = np.flatnonzero(anchors)
        last[hot.meter[place]] = place
        gone = np.arange(len(hot)) < last[hot.meter]
        self.hot = hot.where(~gone)
        return hot.where(gone)
