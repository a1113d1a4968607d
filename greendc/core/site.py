"""The ledger's state machine of one site: event time, watermark, closing, late readings.

Everything here follows from the journal's order alone. The watermark is looked at
in *steps*: whenever it passes a border of the site's cell. At a step the readings
before the watermark become known, cells are closed, and closed cells that a late
reading touches are computed again. A reading that is not late cannot be before the
watermark, so what is closed at a step does not depend on the order within the
lateness, nor on how the journal is cut into batches.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from greendc.core.accounts import Account, Book, book, energy_meters
from greendc.core.cells import Block, cell_blocks
from greendc.core.energy import MEAN_NEXT, MEAN_PREV, REGISTER, Segments, segments
from greendc.core.facility import EVER, IntArray, Meter, Site
from greendc.core.readings import BoolArray, Readings, joined, merged
from greendc.core.register import register_steps

Span = tuple[int, int]


class History(Protocol):
    """Known readings that a site no longer holds in memory; meters by their place."""

    def readings(self, lo: int, hi: int) -> Readings:
        """All with `lo` <= time < `hi`."""
        ...

    def around(self, meter: int, lo: int, hi: int, count: int) -> Readings:
        """The nearest `count` of a meter before `lo` and as many from `hi` on."""
        ...


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
    """A site's physical energy meters in the order of their places, and the layout of each epoch."""
    return energy_meters(site), tuple(book(site, epoch) for epoch in site.epochs)


class SiteBook:
    """One site's open readings and how far each meter and account is closed."""

    def __init__(self, site: Site, history: History) -> None:
        self.site, self.history = site, history
        _, self.books = meters_and_books(site)
        self.rules = self.books[0].rules
        count = len(self.rules.meters)
        self.step_ns = min(b.epoch.cell for b in self.books)
        self.border = int(np.lcm.reduce([a.grid for b in self.books for a in b.accounts] or [1]))
        slack = 2 * (int(self.rules.silent_after.max(initial=0)) + self.border)
        self.horizon = max(site.horizon, site.lateness + slack)
        self.newest = -EVER
        self.watermark = -EVER
        self.origin: int | None = None
        self.settled_seq = 0
        self.base_seq = 0  # readings up to here are carried over, not read from the journal again
        self.bridge_until = -EVER
        self.closed: IntArray = np.full(count, -EVER, np.int64)
        self.account_closed: dict[str, int] = {}
        self.heard: IntArray = np.full(count, -EVER, np.int64)  # newest arrived reading of each
        self.hot = Readings.none()
        self.waiting: list[Readings] = []

    # -- state across runs -------------------------------------------------------------------

    def open_rows(self) -> BoolArray:
        """Which of the readings held rest in cells that are still open."""
        later = self.hot.seq > self.base_seq
        mask: BoolArray = later & (self.hot.time > self.floors()[self.hot.meter])
        return mask

    def carried(self) -> Readings:
        """Readings that must be kept beside the journal to begin again."""
        based = [part.where(part.seq <= self.base_seq) for part in self.waiting]
        return joined([self.hot.where(~self.open_rows()), *based])

    def carry(self, rows: Readings) -> None:
        """Begin again with the readings that `carried` gave."""
        rows = rows.where(rows.meter >= 0)
        ahead = (rows.time >= self.watermark) | (rows.seq > self.settled_seq)
        self.hot = merged([rows.where(~ahead)]).readings
        self.waiting = [rows.where(ahead)]

    def rebuild_from(self, done_to: int) -> int:
        """The oldest journal entry that is needed to begin again after `done_to`."""
        waiting = [part.seq[part.seq > self.base_seq] for part in self.waiting]
        held = [self.hot.seq[self.open_rows()], *waiting]
        return min([int(seq.min()) for seq in held if len(seq)], default=done_to + 1)

    def refill(self, readings: Readings) -> None:
        """Take readings again that the journal held when the state was kept (see `rebuild_from`)."""
        readings = readings.where(readings.meter >= 0)
        unsettled = readings.seq > self.settled_seq
        settled = readings.where(~unsettled)
        settled = settled.where(settled.time > self.floors()[settled.meter])
        ahead = settled.time >= self.watermark
        self.waiting.append(joined([settled.where(ahead), readings.where(unsettled)]))
        self.hot = merged([self.hot, settled.where(~ahead)]).readings

    # -- readings in -------------------------------------------------------------------------

    def add(self, readings: Readings) -> Iterator[Settled]:
        """Take readings in journal order; yields what each step settles.

        Readings of meters that carry no energy have meter -1: they move the
        watermark and nothing else.
        """
        if not len(readings):
            return
        newest = np.maximum.accumulate(np.append(self.newest, readings.time))
        mark = newest - self.site.lateness
        late = readings.time < mark[:-1]
        step = mark // self.step_ns
        moved = np.flatnonzero(step[1:] > np.maximum.accumulate(step)[:-1])
        careful = self._disturbed(readings, int(mark[0])) or bool(late.any())
        stops = moved if careful else moved[-1:]
        if not careful and len(moved):  # the last step alone: find where it began
            self._push(readings, 0, len(readings))
            yield self._advance(int(mark[moved[-1] + 1]), int(readings.seq[moved[-1]]))
        elif careful:
            begin = 0
            for stop in stops:
                self._push(readings, begin, int(stop) + 1)
                settled = self._advance(int(mark[stop + 1]), int(readings.seq[stop]))
                yield settled
                begin = int(stop) + 1
            self._push(readings, begin, len(readings))
        else:
            self._push(readings, 0, len(readings))
        self.newest = int(newest[-1])

    def late_rows(self, readings: Readings) -> BoolArray:
        """Which of the readings to be added are late: behind the watermark as they arrive."""
        newest = np.maximum.accumulate(np.append(self.newest, readings.time))
        late: BoolArray = readings.time < newest[:-1] - self.site.lateness
        return late

    def _disturbed(self, readings: Readings, mark: int) -> bool:
        """Whether some reading may touch cells that are closed, so that every step counts."""
        mine = readings.meter >= 0
        meter, time = readings.meter[mine], readings.time[mine]
        register = self.rules.kind[meter] == REGISTER
        if register.any():
            self._note_bridges(meter[register], time[register])
        np.maximum.at(self.heard, meter, time)
        sealed = max(self.bridge_until, int(self.closed.max(initial=-EVER)))
        return self.origin is not None and mark < sealed

    def _note_bridges(self, meter: IntArray, time: IntArray) -> None:
        order = np.lexsort((time, meter))
        meter, time = meter[order], time[order]
        before = self.heard[meter]
        before[1:] = np.where(meter[1:] == meter[:-1], time[:-1], before[1:])
        far = (before > -EVER) & (time - before > self.rules.silent_after[meter])
        if far.any():
            self.bridge_until = max(self.bridge_until, int(time[far].max()) + self.step_ns)

    def _push(self, readings: Readings, begin: int, end: int) -> None:
        part = Readings(
            readings.seq[begin:end],
            readings.meter[begin:end],
            readings.time[begin:end],
            readings.value[begin:end],
        )
        part = part.where(part.meter >= 0)
        if len(part):
            self.waiting.append(part)

    # -- settling ----------------------------------------------------------------------------

    def end(self, seq: int, at: int | None = None) -> Settled:
        """Close everything that there are readings for, or everything before `at`.

        The last value of an interval mean counts in full: cells run to its end.
        """
        return self._settle(self.watermark, seq, final=True, at=at)

    def _advance(self, watermark: int, seq: int) -> Settled:
        return self._settle(watermark, seq, final=False, at=None)

    def _settle(self, watermark: int, seq: int, *, final: bool, at: int | None) -> Settled:
        settled = Settled(final=final)
        fresh = self._known(watermark, settled, final=final)
        self.watermark, self.settled_seq = watermark, seq
        old, dirty = self._take_in(fresh, settled)
        if self.origin is None:
            return settled
        settled.reopened = self._reopened(dirty)
        settled.blocks += self._again(settled.reopened, old)
        end = self._end(at) if final else None
        self.closed = np.maximum(self.closed, self._closable(watermark, end))
        settled.blocks += self._close(dict(self._targets(watermark, end)))
        settled.archived = [part for part in (old, self._evicted()) if len(part)]
        return settled

    def _known(self, watermark: int, settled: Settled, *, final: bool) -> Readings:
        arrived = joined(self.waiting)
        now = np.ones(len(arrived), np.bool_) if final else arrived.time < watermark
        self.waiting = [arrived.where(~now)] if not now.all() else []
        fresh = arrived.where(now)
        beyond = fresh.time < self.watermark - self.horizon
        settled.count("late_beyond_horizon", int(beyond.sum()))
        return fresh.where(~beyond)

    def _take_in(
        self, fresh: Readings, settled: Settled
    ) -> tuple[Readings, list[tuple[int, Span]]]:
        """Merge into the readings held; returns older ones and (meter, span) that may change."""
        start = np.full(len(self.rules.meters), -EVER, np.int64)
        start[self.hot.meter[::-1]] = self.hot.time[::-1]  # the first of each meter is written last
        # without a reading held before its open cells a meter has none archived either
        behind = (fresh.time < start[fresh.meter]) & (start <= self.floors())[fresh.meter]
        old, fresh = fresh.where(behind), fresh.where(~behind)
        dirty = self._reached(old)
        held = self.hot
        result = merged([held, fresh])
        settled.count("duplicate", result.duplicates)
        settled.count("conflict", result.conflicts)
        self.hot = result.readings
        dirty += self._touching(fresh, held)
        dirty += self._extend_origin(joined([old, fresh]))
        return old, dirty

    def _reached(self, old: Readings) -> list[tuple[int, Span]]:
        """Spans that readings older than those held may change."""
        register = self.rules.kind[old.meter] == REGISTER
        plain = old.where(~register)
        reach = self.rules.reach[plain.meter]
        lo, hi = (plain.time - reach).tolist(), (plain.time + reach).tolist()
        spans = list(zip(plain.meter.tolist(), zip(lo, hi, strict=True), strict=True))
        for meter in np.unique(old.meter[register]):
            time = old.time[old.meter == meter]
            near = self.history.around(int(meter), int(time.min()), int(time.max()), 3).time
            span = int(min(time.min(), near.min(initial=EVER))), EVER
            spans.append((int(meter), span))
        return spans

    def _touching(self, fresh: Readings, held: Readings) -> list[tuple[int, Span]]:
        """Spans before `closed` whose energy the new readings may change (usually none)."""
        hot = self.hot
        new = np.isin(hot.seq, fresh.seq) if len(fresh) else np.zeros(len(hot), np.bool_)
        place = np.flatnonzero(new)
        meter, time = hot.meter[place], hot.time[place]
        kind, reach = self.rules.kind[meter], self.rules.reach[meter]
        before = self._neighbour(place, -1, -EVER)
        after = self._neighbour(place, +1, EVER)
        lo = np.maximum(before, np.maximum(time, reach - EVER) - reach)
        lo = np.where(self.rules.causal[meter], time, lo)
        lo = np.where((before == -EVER) & (kind != MEAN_PREV), time, lo)
        register = kind == REGISTER
        if register.any():
            lo = np.where(register, np.minimum(lo, self._anchors(held)[meter]), lo)
        hi = np.where(register, EVER, np.minimum(after, np.minimum(time, EVER - reach) + reach))
        hit = lo < self.sealed()[meter]
        return [
            (int(m), (int(a), int(b))) for m, a, b in zip(meter[hit], lo[hit], hi[hit], strict=True)
        ]

    def _neighbour(self, place: IntArray, step: int, default: int) -> IntArray:
        hot = self.hot
        other = place + step
        inside = (other >= 0) & (other < len(hot))
        other = np.where(inside, other, place)
        same = inside & (hot.meter[other] == hot.meter[place])
        return np.where(same, hot.time[other], default)

    def _anchors(self, held: Readings) -> IntArray:
        """The last believed reading of each register among those held before; EVER without one."""
        anchor = np.full(len(self.rules.meters), EVER, np.int64)
        believed = self._believed(held)
        anchor[held.meter[believed]] = held.time[believed]
        return anchor

    def _believed(self, readings: Readings) -> BoolArray:
        """Readings that can begin an interval: all but registers' rejected ones and dips."""
        register = self.rules.kind[readings.meter] == REGISTER
        good = ~register
        if register.any():
            part = readings.where(register)
            anchor, _ = register_steps(self.rules.meters, part.meter, part.time, part.value)
            first = np.append(True, part.meter[1:] != part.meter[:-1])
            good[register] = (anchor >= 0) | first
        return good

    def _extend_origin(self, fresh: Readings) -> list[tuple[int, Span]]:
        if not len(fresh):
            return []
        back = np.where(self.rules.kind == MEAN_PREV, self.rules.nominal, 0)[fresh.meter]
        begin = int((fresh.time - back).min())
        origin = begin - begin % self.step_ns
        before = self.origin
        if before is None:
            self.origin = origin
            self.closed[:] = self._floor(np.full_like(self.closed, origin))
            return []
        if origin >= before:
            return []
        self.origin = origin
        return [(m, (origin, before)) for m in range(len(self.rules.meters))]

    # -- closing -----------------------------------------------------------------------------

    def _last(self, readings: Readings) -> IntArray:
        last = np.full(len(self.rules.meters), -EVER, np.int64)
        last[readings.meter] = readings.time  # sorted by time within a meter: the last one stays
        return last

    def _end(self, at: int | None) -> int:
        """Where the input ends: the last reading, an interval mean's in full, or `at`."""
        if at is not None:
            return at - at % self.border
        last = self._last(self.hot)
        hold = np.where(self.rules.kind == MEAN_NEXT, self.rules.nominal, 0)
        return int((last + hold)[last > -EVER].max(initial=self.origin or 0))

    def _closable(self, watermark: int, end: int | None) -> IntArray:
        """Up to where nothing that is still to come in time can change each meter's cells."""
        if end is not None:
            return self._floor(end + self.books[-1].grids - 1)
        last = self._last(self.hot)
        reached = np.where(last > -EVER, last + self.rules.hold, -EVER)
        until = np.minimum(watermark, np.maximum(reached, watermark - self.rules.silent_after))
        return self._floor(until)

    def _floor(self, time: IntArray) -> IntArray:
        """Round down to each meter's grid in the epoch that the time falls into."""
        out = time - time % self.books[0].grids
        for later in self.books[1:]:
            out = np.where(time >= later.epoch.start, time - time % later.grids, out)
        return out

    def _targets(self, watermark: int, end: int | None) -> Iterator[tuple[str, int]]:
        """How far each account can be closed: as far as every meter that it needs."""
        for layout in self.books:
            for account in layout.accounts:
                upto = int(self.closed[account.needs].min()) if len(account.needs) else watermark
                if end is not None:
                    upto = -(-end // account.grid) * account.grid
                yield account.name, upto

    def _spans(self, account: Account, layout: Book, lo: int, hi: int) -> Span:
        epoch = layout.epoch
        lo, hi = max(lo, epoch.start), min(hi, epoch.end)
        return lo - lo % account.grid, hi - hi % account.grid

    def _close(self, targets: Mapping[str, int]) -> list[Block]:
        """New cells of all accounts, those with the same span together."""
        origin = self.origin or 0
        closed = dict(self.account_closed)
        found = segments(self.rules, self.hot.meter, self.hot.time, self.hot.value)
        blocks: list[Block] = []
        for layout in self.books:
            groups: dict[tuple[int, int, int], list[Account]] = {}
            for account in layout.accounts:
                begin = closed.get(account.name, origin)
                lo, hi = self._spans(account, layout, begin, targets[account.name])
                if lo < hi:
                    groups.setdefault((account.grid, lo, hi), []).append(account)
                    self.account_closed[account.name] = hi
            for (_, lo, hi), accounts in groups.items():
                blocks += cell_blocks(layout, accounts, found, lo, hi, self.site.intensity)
        return [Block(b.account, b.start, b.end, b.valid, b.terms, fresh=True) for b in blocks]

    # -- closed cells again ------------------------------------------------------------------

    def _reopened(self, dirty: list[tuple[int, Span]]) -> list[Span]:
        """Disjoint spans of closed cells to compute again, on borders of all grids."""
        spans = []
        sealed = self.sealed()
        for meter, (begin, end) in dirty:
            lo, hi = max(begin, self.origin or 0), min(end, int(sealed[meter]))
            if lo < hi:
                spans.append((lo - lo % self.border, -(-hi // self.border) * self.border))
        out: list[Span] = []
        for lo, hi in sorted(spans):
            if out and lo <= out[-1][1]:
                out[-1] = (out[-1][0], max(hi, out[-1][1]))
            else:
                out.append((lo, hi))
        return out

    def _again(self, spans: list[Span], old: Readings) -> list[Block]:
        blocks: list[Block] = []
        for lo, hi in spans:
            rows = merged([*self._gathered(lo, hi), old, self.hot]).readings
            found = segments(self.rules, rows.meter, rows.time, rows.value)
            for layout in self.books:
                blocks += self._recomputed(layout, found, lo, hi)
        return blocks

    def _recomputed(self, layout: Book, found: Segments, lo: int, hi: int) -> list[Block]:
        groups: dict[tuple[int, int, int], list[Account]] = {}
        for account in layout.accounts:
            upto = min(hi, self.account_closed.get(account.name, lo))
            begin, end = self._spans(account, layout, max(lo, self.origin or 0), upto)
            if begin < end:
                groups.setdefault((account.grid, begin, end), []).append(account)
        blocks: list[Block] = []
        for (_, begin, end), accounts in groups.items():
            blocks += cell_blocks(layout, accounts, found, begin, end, self.site.intensity)
        return blocks

    def _gathered(self, lo: int, hi: int) -> Iterable[Readings]:
        """Readings no longer held that the cells of [lo, hi) rest on."""
        register = self.rules.kind == REGISTER
        reach = int(self.rules.reach[~register].max(initial=0))
        yield self.history.readings(lo - reach, hi + reach)
        for meter in np.flatnonzero(register):
            yield self.history.around(int(meter), lo - reach, hi + reach, 3)

    # -- what need not be held ---------------------------------------------------------------

    def floors(self) -> IntArray:
        """Up to where everything that rests on each meter is closed."""
        floor = self.closed.copy()
        for layout in self.books:
            for account in layout.accounts:
                done = self.account_closed.get(account.name, self.origin or -EVER)
                floor[account.needs] = np.minimum(floor[account.needs], done)
        return floor

    def sealed(self) -> IntArray:
        """Up to where anything that rests on each meter is closed."""
        sealed = self.closed.copy()
        for layout in self.books:
            for account in layout.accounts:
                done = self.account_closed.get(account.name)
                if done is not None:
                    sealed[account.needs] = np.maximum(sealed[account.needs], done)
        return sealed

    def _evicted(self) -> Readings:
        """Let go of readings before the last one that open cells can rest on."""
        hot = self.hot
        anchors = (hot.time <= self.floors()[hot.meter]) & self._believed(hot)
        last = np.full(len(self.rules.meters), -1, np.int64)
        place = np.flatnonzero(anchors)
        last[hot.meter[place]] = place
        gone = np.arange(len(hot)) < last[hot.meter]
        self.hot = hot.where(~gone)
        return hot.where(gone)
