"""The ledger's state machine of one site: event time, watermark, steps, late readings.

Everything here follows from the journal's order alone. The watermark is looked at
in *steps*: whenever it passes a border of the site's cell. At a step the readings
before that border become known, cells are closed, and closed cells that a late
reading touches are computed again. A reading that is not late cannot be before the
watermark, so what is closed at a step does not depend on the order within the
lateness, nor on how the journal is cut into batches. Where the watermark passes
several borders at once there is a step for each, as far as it can make a difference.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from greendc.core.accounts import Book, book, book_meters, rounded_up
from greendc.core.cells import Block
from greendc.core.closing import EVERY, Known, Progress
from greendc.core.energy import Segments, segments
from greendc.core.facility import DAY, EVER, HOUR, IntArray, Meter, Site
from greendc.core.final_days import Days, FinalDays, HoursReader, Spread
from greendc.core.judging import judge, rests_on
from greendc.core.leftout import LeftOut
from greendc.core.profile import Fills, filled, profile
from greendc.core.readings import (
    BoolArray,
    Readings,
    among,
    firsts,
    joined,
    lasts,
    merged,
    without,
)
from greendc.core.refused import Refused
from greendc.core.refusing import Refusing, refusing
from greendc.core.reopening import (
    Dirty,
    History,
    Span,
    amid,
    changed,
    gathered,
    reached,
    recalled,
    stood_at,
    told_otherwise,
    unsettled_upto,
)
from greendc.core.rules import MEAN_PREV
from greendc.core.settled import FILLED, Cause, Settled, causes
from greendc.core.siblings import held_from, spread
from greendc.core.words import LEFT_OUT, Before, Verdict, Word, WordArray

Told = tuple[Segments, list[Spread]]  # what readings tell, and gaps that are spread

__all__ = ["History", "Settled", "SiteBook", "meters_and_books"]


def meters_and_books(site: Site) -> tuple[tuple[Meter, ...], tuple[Book, ...]]:
    """A site's physical energy meters in the order of their places, and each epoch's layout."""
    return book_meters(site), tuple(book(site, epoch) for epoch in site.epochs)


class SiteBook:
    """One site's open readings: `hot` are known, `waiting` are not before the watermark yet."""

    def __init__(
        self,
        site: Site,
        history: History,
        pause: Callable[[], None] = lambda: None,
        days: tuple[HoursReader, Days] | None = None,
    ) -> None:
        """Begin with nothing read; `pause` is called between pieces of long work.

        `days` tells what meters counted in hours of the ledger, and local midnights; without it
        what registers count in gaps is spread evenly, and no gap of a power has a profile.
        """
        self.site, self.history, self.pause = site, history, pause
        _, self.books = meters_and_books(site)
        self.rules = self.books[0].rules
        self.progress = Progress(self.books)
        slack = 2 * (int(self.rules.silent_after.max(initial=0)) + self.progress.border)
        self.horizon = max(site.horizon, site.lateness + slack)
        # a late reading changes cells back to the one that it is counted from, at most
        reach = int(self.rules.reach.max(initial=0))
        self.reopens = self.horizon + slack + reach
        self.remembers = self.reopens + reach + self.rules.memory
        self.final_days = None if days is None else FinalDays(*days, self.reopens)
        self.profile = None if days is None else profile(self.books, *days, self.reopens)
        self.remembers += 0 if self.profile is None else 2 * DAY  # that is filled once final
        self.fills_from = -EVER  # days that begin before are not filled: they may not be kept
        self.newest = self.watermark = -EVER
        self.settled_seq = 0  # what arrived up to here is known where it is before the watermark
        self.ended_seq = 0  # what arrived up to here is known: the input had ended
        self.base_seq = 0  # readings up to here are carried over, not read from the journal again
        self.hot = Readings.none()
        self.before = Before.nothing(len(self.rules.meters))
        self._judged: tuple[Readings, Verdict] | None = None
        self.waiting: list[Readings] = []
        self.beyond = Readings.none()  # too late: not to be taken in by a later start either
        self.refused = Refused(self.books)
        self.refusing: dict[int, Refusing] = {}

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

    def forget(self, before: int) -> None:
        """Let go of what a start that reads from a journal entry on would not meet."""
        late = self.beyond
        floors = np.append(self.progress.floors(), EVER)
        self.beyond = late.where((late.seq >= before) & (late.time > floors[late.meter]))

    def refill(self, readings: Readings) -> None:
        """Take readings again that the journal held when the state was kept."""
        readings = without(readings, self.beyond)
        known = self._is_known(readings)
        self.waiting.append(readings.where(~known))
        known &= readings.meter >= 0
        known &= readings.time > np.append(self.progress.floors(), EVER)[readings.meter]
        self.hot = merged([self.hot, readings.where(known)]).readings

    @property
    def open(self) -> int:
        """How many readings are held: those not known yet, and those that cells to come need."""
        return len(self.hot) + sum(map(len, self.waiting))

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
        late |= self.refused.behind(readings.seq, mark)
        every = late or (len(moved) > 0 and self._disturbed(readings, int(mark[0])))
        if every and len(moved) > 1:  # where batches end is no matter; most may be undisturbed
            half = int(moved[len(moved) // 2 - 1]) + 1
            yield from self.add(readings.between(0, half))
            yield from self.add(readings.between(half, len(readings)))
            return
        begin = 0
        for stop in self._needed(moved, border):
            self._wait(readings, begin, stop + 1)
            yield from self._steps(int(border[stop + 1]), int(readings.seq[stop]), every)
            begin = stop + 1
        self._wait(readings, begin, len(readings))
        self.newest = int(mark[-1]) + self.site.lateness

    def leave(self, left: Readings) -> Readings:
        """Take note of refused readings before those that the same entries give.

        Returns what of them is to be kept for `History`.
        """
        # what was refused where nothing is closed needs no cell to be opened again
        least = max(self.newest - self.site.lateness, self.progress.furthest())
        return self.refused.take(left, least)

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
        parts = [self.hot, *self.waiting, readings]
        upto = unsettled_upto(self.rules, parts, self.progress.sealed(), self.before)
        if upto > -EVER and mark < upto + self.progress.step:
            return True
        return self.progress.origin is not None and mark < self.progress.furthest()

    def _needed(self, moved: IntArray, border: IntArray) -> list[int]:
        """Which of the moves of the watermark need a step where nothing is late.

        One step more or less is no matter: the last one, and those at which days become final,
        which are filled before later cells are closed.
        """
        found = {*moved[-1:].tolist()}
        if self.profile is not None and len(moved):
            begin = int(border[0])
            if self.progress.origin is None:
                found.add(int(moved[0]))
                begin = int(border[moved[0] + 1])
            days = [at for at, _ in self._final(begin, int(border[-1]))]
            found.update(np.searchsorted(border[1:], np.array(days, np.int64)).tolist())
        return sorted(found)

    def _wait(self, readings: Readings, begin: int, end: int) -> None:
        self.waiting.append(readings.between(begin, end))

    # -- settling ----------------------------------------------------------------------------

    def end(self, seq: int, at: int | None = None, into: Settled | None = None) -> Settled:
        """Close everything that there are readings for, or everything before `at`.

        The last value of an interval mean counts in full: cells run to its end. `into` is what
        takes them.
        """
        settled = into or Settled()
        settled.final = True
        self.ended_seq = seq
        return self._settle(self.watermark, seq, settled, at)

    def _steps(self, watermark: int, seq: int, every: bool) -> Iterator[Settled]:
        """One step for each border behind which readings become known, as if all came in order.

        Not `every` one: where the watermark stops, and where days become final.
        """
        borders = {watermark}
        if every:
            time = joined(self.waiting).time
            between = time[(time >= self.watermark) & (time < watermark)]
            borders.update((between - between % self.progress.step).tolist())
        borders.update(at for at, _ in self._final(self.watermark, watermark))
        for border in sorted(b for b in borders if b > self.watermark):
            days = self._final(self.watermark, border)
            yield self._step(border, seq)
            for _, day in days:
                yield from self._fill(day)

    def _final(self, mark: int, watermark: int) -> list[tuple[int, Span]]:
        """Days that become final as the watermark moves on, each with the step at which it does."""
        begin = max(mark, self.progress.origin or -EVER)
        if self.profile is None or begin == -EVER:
            return []
        step = self.progress.step
        days = self.profile.final(begin - step, watermark)
        found = [(rounded_up(self.profile.at(day), step), day) for day in days]
        found = [(at, day) for at, day in found if mark < at <= watermark]
        return [(at, day) for at, day in found if day[0] >= self.fills_from]

    def _fill(self, day: Span) -> Iterator[Settled]:
        """Hours of a day that has become final again, with what they lack filled in."""
        fills = Fills.none() if self.profile is None else self.profile.of(day)
        if not len(fills):
            return
        settled = Settled()
        hours = [(EVERY, (hour, hour + HOUR)) for hour in np.unique(fills.start).tolist()]
        settled.reopened = self.progress.whole(hours)
        for lo, hi in settled.reopened:
            settled.take(
                self._again(lo, hi, hours, Readings.none(), settled, fills.between(lo, hi))
            )
            self.pause()
        spans: dict[int, Span] = {}
        for gap in settled.spread:
            if self.rules.meters[gap.meter].fill == "profile":
                first, _ = spans.get(gap.meter, (gap.start, 0))
                spans[gap.meter] = first, gap.end
        settled.causes = [Cause(FILLED, m, 0, 0, *span, span) for m, span in sorted(spans.items())]
        yield settled

    def _step(self, watermark: int, seq: int) -> Settled:
        return self._settle(watermark, seq, Settled())

    def _settle(self, watermark: int, seq: int, settled: Settled, at: int | None = None) -> Settled:
        fresh = self._known(watermark, settled)
        mark, kept_from = self.watermark, self.watermark - self.reopens
        self.watermark, self.settled_seq = watermark, seq
        filled = self.progress.seen(fresh.time)
        settled.count("not_energy", int((fresh.meter < 0).sum()))
        fresh = fresh.where(fresh.meter >= 0)
        again = self._recall(fresh, settled)
        before = self.hot
        self.pause()
        old, stood, dirty, told = self._take_in(fresh, settled)
        left, cells = self.refused.known(EVER if settled.final else seq)
        if self.progress.origin is None:  # no meter of energy has said anything
            self.progress.advance(watermark, self._how_far(), -EVER if settled.final else None)
            return self._let_go(settled, old, again)
        opened = self.progress.opened(filled + dirty + cells, kept_from)
        known = self._how_far()
        end = self.progress.end_of(known, at) if settled.final else None
        opened += self.progress.opened(self.progress.advance(watermark, known, end), kept_from)
        settled.causes = causes(opened, fresh, [stood, before], mark, left)
        del fresh, before  # of many readings not held twice while cells are made of them
        settled.reopened = self.progress.whole(opened)
        for lo, hi in settled.reopened:
            self.pause()
            settled.take(self._again(lo, hi, opened, old, settled))
        self.pause()
        settled.take(self._close(watermark, end, settled, told))
        self.pause()
        return self._let_go(settled, old, again)

    def _known(self, watermark: int, settled: Settled) -> Readings:
        """Readings that are before the watermark now, or all at the end."""
        parts = [
            (part, part.seq >= 0 if settled.final else part.time < watermark)
            for part in self.waiting
        ]
        fresh = joined([part.where(now) for part, now in parts])
        self.waiting = [p if not now.any() else p.where(~now) for p, now in parts if not now.all()]
        beyond = fresh.time < self.watermark - self.horizon
        if beyond.any():
            settled.count("late_beyond_horizon", int(beyond.sum()))
            self.beyond = joined([self.beyond, fresh.where(beyond)])
        return fresh.where(~beyond)

    def _recall(self, fresh: Readings, settled: Settled) -> Readings:
        """Hold archived readings again where late ones lie among those that judge them."""
        behind = self._behind(fresh) | self._corrects(fresh)
        believable = self.hot.where(self._verdict(self.hot).word != Word.OUT_OF_RANGE)
        behind |= amid(self.rules, believable, fresh) & self._archived()[fresh.meter]
        behind &= self.rules.among[fresh.meter]
        behind |= self._follows(fresh) | self._rests_on_none(fresh)
        held = firsts(self.hot, len(self.rules.meters))
        since = np.full(len(held), EVER, np.int64)
        np.minimum.at(since, fresh.meter[behind], fresh.time[behind])
        since = spread(self.rules, fresh, since, np.where(self._archived(), held, -EVER))
        again = recalled(self.rules, self.history, since, held)
        again = again.where(again.time < held[again.meter])  # others are held
        if len(again):
            self.hot = merged([self.hot, again]).readings
            settled.judge(*self._of_hot(among(self.hot, again)), -1)
        return again

    def _behind(self, fresh: Readings) -> BoolArray:
        """Which readings are older than all that is held of their meters."""
        start, archived = firsts(self.hot, len(self.rules.meters)), self._archived()
        # a register and its power are looked at together where either of them changes
        registers, powers = self.rules.registers, self.rules.powers
        latest = np.maximum(start[registers], start[powers])
        shaped = start[registers] + self.rules.reach[powers] + 1
        start[registers], start[powers] = latest, np.maximum(latest, shaped)
        archived[registers] = archived[powers] = archived[registers] | archived[powers]
        behind: BoolArray = (fresh.time < start[fresh.meter]) & archived[fresh.meter]
        return behind

    def _corrects(self, fresh: Readings) -> BoolArray:
        """Which readings give the first one held another value: what lies before it changes."""
        count = len(self.rules.meters)
        start, value = firsts(self.hot, count), np.full(count, np.nan)
        value[self.hot.meter[::-1]] = self.hot.value[::-1]  # the first of each is written last
        found: BoolArray = (fresh.time == start[fresh.meter]) & (fresh.value != value[fresh.meter])
        return found & self._archived()[fresh.meter]

    def _follows(self, fresh: Readings) -> BoolArray:
        """Which readings come between those held, the first of which was judged without them."""
        last = np.where(self._archived(), lasts(self.hot, len(self.rules.meters)), -EVER)
        found: BoolArray = (fresh.time < last[fresh.meter]) & self.rules.waits[fresh.meter]
        return found

    def _rests_on_none(self, fresh: Readings) -> BoolArray:
        """Which readings come soon after the first one held, which was left out itself.

        The last one believed, which may speak against them, is no longer held.
        """
        start = firsts(self.hot, len(self.rules.meters))
        none = (self.before.time == start) & (self.before.word >= LEFT_OUT)
        none &= np.isfinite(self.rules.rate) & self._archived()
        soon = fresh.time <= (start + self.rules.silent_after)[fresh.meter]
        found: BoolArray = soon & none[fresh.meter]
        return found

    def _archived(self) -> BoolArray:
        """Which meters have readings that are no longer held."""
        # without a reading held before its open cells a meter has none archived either, and none
        # where its open cells begin with the first one
        floors, origin = self.progress.floors(), self.progress.origin
        found: BoolArray = firsts(self.hot, len(self.rules.meters)) <= floors
        begin = np.where(self.rules.energy, EVER, -EVER) if origin is None else origin
        return found & (floors > begin)

    def _take_in(
        self, fresh: Readings, settled: Settled
    ) -> tuple[Readings, Readings, list[Dirty], Told | None]:
        """Merge into the readings held.

        Returns older ones, what the archive held of their times, what may be opened again, and
        what all that are held then tell, where that was asked.
        """
        told = None
        behind = self._behind(fresh) & ~self.rules.among[fresh.meter]
        corrected = self._corrects(fresh) & ~self.rules.among[fresh.meter]
        dirty = reached(self.rules, fresh.where(behind | corrected))
        old, fresh = fresh.where(behind), fresh.where(~behind)
        stood = stood_at(self.history, old)
        settled.count("used", settled.tell(merged([stood, old])) - len(stood))
        old = merged([old]).readings
        result = merged([self.hot, fresh])
        settled.tell(result)
        if len(fresh):
            (before, _), then = self._spread(self.hot), self._judged_bad(self.hot)
            told, now = self._spread(result.readings), self._judged_bad(result.readings)
            sealed = self.progress.sealed()
            dirty += changed(before, told[0], sealed)
            dirty += told_otherwise(then, now, sealed)
        self.hot = result.readings
        return old, stood, dirty + self._extended(joined([old, fresh])), told

    def _extended(self, fresh: Readings) -> list[Dirty]:
        if self.rules.energy.any():  # a site without energy still judges, and lets go
            fresh = fresh.where(self.rules.energy[fresh.meter])
        if not len(fresh):
            return []
        back = np.where(self.rules.kind == MEAN_PREV, self.rules.nominal, 0)[fresh.meter]
        return self.progress.extend(int((fresh.time - back).min()))

    def _spread(self, readings: Readings) -> Told:
        """What readings tell, and which gaps of registers are spread as on final days."""
        verdict = self._verdict(readings)
        found = segments(self.rules, readings.meter, readings.time, readings.value, verdict)
        return (found, []) if self.final_days is None else self.final_days.over(self.rules, found)

    def _verdict(self, readings: Readings) -> Verdict:
        """What is made of readings; known already where they are those judged last."""
        if self._judged is None or self._judged[0] is not readings:
            columns = readings.meter, readings.time, readings.value
            found = judge(self.rules, *columns, self.before)
            self._judged = readings, found
        return self._judged[1]

    def _of_hot(self, mask: BoolArray) -> tuple[Readings, WordArray]:
        """Some of the readings held, and their words."""
        return self.hot.where(mask), self._verdict(self.hot).word[mask]

    def _again(
        self,
        lo: int,
        hi: int,
        opened: Sequence[Dirty],
        old: Readings,
        settled: Settled,
        fills: Fills | None = None,
    ) -> Iterator[Block]:
        """Closed cells of [lo, hi) that rest on what is `opened`, from all readings together."""
        held = joined([old, self.hot])
        archived = gathered(self.rules, self.history, held, lo, hi)
        rows = merged([*archived, held]).readings
        found, spread = self._spread(rows)
        settled.spread += [gap for gap in spread if gap.overlaps(lo, hi)]
        found, gaps = (found, []) if fills is None else filled(found, fills)
        left = self._left_out(self._judged_bad(rows), lo, hi)
        for due in self.progress.again(lo, hi, opened):
            settled.spread += due.among(gaps)
            yield from due.blocks(found, self.site.intensity, left)

    def _close(
        self, watermark: int, end: int | None, settled: Settled, told: Told | None
    ) -> Iterator[Block]:
        found, spread = self._spread(self.hot) if told is None else told
        bad = self._judged_bad(self.hot)
        if settled.passing:
            self.hot, self._judged = Readings.none(), None
        for due in self.progress.due(watermark, end):
            self.pause()
            settled.spread += due.among(spread)
            left = self._left_out(bad, due.lo, due.hi)
            for block in due.blocks(found, self.site.intensity, left):
                yield block._replace(fresh=True)

    def _left_out(self, bad: LeftOut, lo: int, hi: int) -> LeftOut:
        """Readings of [lo, hi) that were refused, or that a rule speaks against (`bad`)."""
        own = bad.between(lo, hi)
        if self.refused.upto < lo:
            return own
        return LeftOut.joined([own, self.history.left_out(lo, hi, self.settled_seq)])

    def _judged_bad(self, rows: Readings) -> LeftOut:
        return LeftOut.judged(rows, self._verdict(rows))

    def _how_far(self) -> Known:
        """How far the readings held go."""
        count, verdict = len(self.rules.meters), self._verdict(self.hot)
        reached = lasts(self.hot.where(verdict.believed), count)
        return Known(lasts(self.hot, count), reached, verdict.awaited, self._intervals(verdict))

    def _intervals(self, verdict: Verdict) -> tuple[IntArray, IntArray, IntArray]:
        """Meters, starts and ends of what registers with a power have counted."""
        mine = verdict.believed & np.isin(self.hot.meter, self.rules.registers)
        own = np.flatnonzero(mine)
        own = own[verdict.anchor[own] < own]
        return self.hot.meter[own], self.hot.time[verdict.anchor[own]], self.hot.time[own]

    def _let_go(self, settled: Settled, old: Readings, again: Readings) -> Settled:
        evicted, words = self._evicted()
        settled.judge(evicted, words)
        settled.archived = [part for part in (old, without(evicted, again)) if len(part)]
        return settled

    def _evicted(self) -> tuple[Readings, WordArray]:
        """Let go of readings before the last one that open cells can rest on; with their words."""
        hot, verdict = self.hot, self._verdict(self.hot)
        self.refusing = refusing(self.rules, hot, verdict, self.refusing)
        first = rests_on(self.rules, hot, verdict, self.progress.floors())
        first = held_from(self.rules, hot, verdict, first, self.progress.floors())
        gone = np.arange(len(hot)) < first[hot.meter]
        self.before = self.before.told(hot.time, verdict, first)
        self.hot = hot.where(~gone)
        return hot.where(gone), verdict.word[gone]
