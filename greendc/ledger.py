"""One site's way from readings to the ledger: the core's results written as they fall."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from greendc.calendars import LocalCalendar
from greendc.core.accounts import book_meters
from greendc.core.checking import BalanceCheck
from greendc.core.claims import KEPT as CLAIMS_KEPT
from greendc.core.claims import Claims
from greendc.core.evaluate import Evaluator
from greendc.core.facility import EVER, HOUR, IntArray, Site
from greendc.core.figure import Figure, FigureColumns
from greendc.core.final_days import IT_LOAD, Hours, Spread
from greendc.core.gaps import Gaps
from greendc.core.levels import FloatArray
from greendc.core.periods import PeriodBlock, Periods, StoredRow
from greendc.core.preview import open_cells, running
from greendc.core.readings import Readings
from greendc.core.reconciling import Reconciliation
from greendc.core.refusing import Refusing
from greendc.core.rules import REGISTER
from greendc.core.settled import FILLED, Cause, Settled
from greendc.core.site import SiteBook
from greendc.core.words import Before
from greendc.judged import keep_judged
from greendc.measured import measured_hours
from greendc.ports import Event
from greendc.store import Changes, Store

WRITTEN = "written"  # key of the ledger's: see `SiteLedger.written`
PORTION_ROWS = 120_000  # evaluated and written at a time
PORTION_BLOCKS = 1024  # of accounts, likewise
CAUSES = 20  # of a revision that are noted one by one


class SiteLedger:
    """Owns a site's state machine and writes what it settles into the store's transaction."""

    def __init__(
        self,
        site: Site,
        store: Store,
        wrote: Callable[[Changes], None] | None = None,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin with an empty state; see `restore`.

        `wrote` is told of every revision, `pause` is called between pieces of long work.
        """
        self.site, self.store, self.wrote, self.pause = site, store, wrote, pause
        # Figures that start before here may be there though nothing that is known says so: they
        # had been written before the state was changed to one that has come less far.
        self.written: int = (store.get(WRITTEN) or {}).get(site.id, -EVER)
        self.meters = [meter.id for meter in book_meters(site)]
        calendar = LocalCalendar(site.zone)
        days = self._hours, calendar.days
        self.book = SiteBook(site, store.history(site.id, self.meters), pause, days)
        gaps = Gaps(self.book.books)
        self.periods = Periods(self.book.books, self.meters, calendar, self._stored, gaps)
        self.evaluator = Evaluator(site, self.book.books, gaps)
        self.claims = Claims()
        self.spread: set[Spread] = set()
        near = self.periods.held.near
        twins = Reconciliation(self.book.rules, near["day"], calendar.days)
        self.balance = BalanceCheck(self.book.books, near["hour"], self._claimed, twins)

    def _stored(self, period: str, lo: int, hi: int) -> Iterable[StoredRow]:
        for name, start, valid, terms, end, lost in self.store.sums(self.site.id, period, lo, hi):
            yield StoredRow(name, start, valid, np.frombuffer(terms, np.float64), end, lost)

    def _hours(self, meters: Sequence[int], lo: int, hi: int) -> Hours:
        """Hours of some meters that start in [lo, hi) and of which all was measured."""
        places = {"e_it" if m == IT_LOAD else self.meters[m]: m for m in meters}
        return measured_hours(self.store.newest(self.site.id, "hour", lo, hi, list(places)), places)

    def add(self, readings: Readings, arrival_of: Callable[[int], int]) -> int:
        """Take readings in journal order; returns how many figures were written.

        `arrival_of` tells when the journal entry of a number arrived [ns].
        """
        late = self.book.late_rows(readings)
        self.store.count(self.site.id, {"readings": len(readings), "late": int(late.sum())})
        return sum(
            self._apply(settled, arrival_of(self.book.settled_seq))
            for settled in self.book.add(readings)
        )

    def end(self, seq: int, arrival: int, at: int | None = None) -> int:
        """Close what there are readings for (or all before `at`); returns the figures written."""
        return self._apply(self.book.end(seq, at), arrival)

    def _apply(self, settled: Settled, arrival: int) -> int:
        progress = self.book.progress
        found = self.periods.roll(
            settled.blocks,
            progress.accounts,
            final=settled.final,
            left_out=progress.presence.left_out(),
        )
        before, revised = self.store.last(), list[FigureColumns]()
        for part in _portions(found):
            changed = self._put(part).revised()
            revised += [changed] if len(changed) else []
            self.pause()
        after = self.store.last()
        if revised:
            self._explain(settled.causes, revised, (before + 1, after), arrival)
        self._check()
        self._tell_spread(settled)
        for readings in settled.archived:
            self.store.archive(self.site.id, self.meters, readings)
        if settled.archived:
            self.store.forget(self.site.id, self.book.watermark - self.book.remembers)
        self.store.count(self.site.id, settled.counts)
        keep_judged(self.store, self.site.id, self.meters, settled.judged, arrival)
        return after - before

    def _tell_spread(self, settled: Settled) -> None:
        """Keep which final days gaps were spread by, once for each as long as it stands."""
        stands = {g for g in self.spread if not any(g.overlaps(*s) for s in settled.reopened)}
        told = set(settled.spread) - stands
        if told or settled.reopened:
            gaps = [(self.meters[g.meter], (g.start, g.end), g.days) for g in told]
            self.store.spread(self.site.id, gaps, settled.reopened)
        oldest = self.book.watermark - self.book.reopens
        self.spread = {gap for gap in stands | told if gap.end > oldest}

    def _explain(
        self,
        causes: Sequence[Cause],
        revised: Sequence[FigureColumns],
        rows: tuple[int, int],
        arrival: int,
    ) -> None:
        """Note why figures were revised, with the rows that they are among."""
        starts = [cause.span[0] for cause in causes] or [int(some.start.min()) for some in revised]
        ends = [cause.span[1] for cause in causes] or [int(some.end.max()) for some in revised]
        data = {
            "site": self.site.id,
            "rows": rows,
            "figures": sum(map(len, revised)),
            "from": min(starts),
            "to": max(ends),
            "causes": [self._told(cause) for cause in causes[:CAUSES]],
            "more": len(causes[CAUSES:]),
        }
        self.store.note(Event("revised", arrival, data))

    def _told(self, cause: Cause) -> dict[str, object]:
        told: dict[str, object] = {"kind": cause.kind, "from": cause.span[0], "to": cause.span[1]}
        if cause.kind == FILLED:
            told["meter"] = self.meters[cause.meter]
        if cause.readings:
            told |= {
                "meter": self.meters[cause.meter],
                "readings": cause.readings,
                "corrected": cause.corrected,
                "first": cause.first,
                "last": cause.last,
            }
        return told

    def claim(self, readings: Readings) -> None:
        """Take note of readings that were refused as out of range: no figure rests on them."""
        power = readings.where(readings.meter >= 0)
        rules = self.book.rules
        power = power.where((rules.energy & (rules.kind != REGISTER))[power.meter])
        if len(power):
            self.claims.take(power.meter, power.time, power.value)
            hours = power.time - power.time % HOUR
            self.balance.again(hours[hours >= self.balance.upto - CLAIMS_KEPT])

    def leave(self, readings: Readings) -> None:
        """Take note of readings that were refused at a time of their own, before those `add`ed.

        In place of a value they have their word, as a place in `figure.WORDS`.
        """
        mine = readings.where(readings.meter >= 0)
        if len(mine):
            mine = self.book.leave(mine)
            self.store.leave(self.site.id, self.meters, mine)

    def refusing(self) -> dict[str, Refusing]:
        """Meters of which no reading has been believed for long, though they report."""
        return {self.meters[place]: found for place, found in self.book.refusing.items()}

    def _claimed(self, starts: IntArray) -> FloatArray:
        return self.claims.energies(starts, self.book.rules.meters, self.book.hot)

    def _check(self) -> None:
        """Compare energy in and out of the hours that are closed or changed."""
        if not self.balance.touched:
            return
        progress = self.book.progress
        closed = progress.closed_upto(self.balance.names)
        if progress.origin is not None and closed > self.balance.begin:
            self.store.balances(self.site.id, list(self.balance.due(closed, progress.origin)))
            self.claims.forget(closed - CLAIMS_KEPT)

    def _put(self, found: Sequence[PeriodBlock]) -> Changes:
        figures, places = self.evaluator.columns(found)
        fresh = np.array([one.block.fresh for one in found], np.bool_)[places]
        changes = self.store.put(self.site.id, figures, fresh & (figures.start >= self.written))
        self.balance.touched |= any(
            one.period == "hour" and one.block.account.name in self.balance.names for one in found
        )
        self.balance.touch(changes.figures)
        if self.wrote is not None:
            self.wrote(changes)
        return changes

    def provisional(self) -> list[Figure]:
        """Figures of the running hour and day, should no more be heard; never written."""
        every: list[Figure] = []
        for part in _portions(running(open_cells(self.book, self.periods))):
            every += [figure for some in self.evaluator.every(part) for figure in some]
            self.pause()
        return [f._replace(status="provisional") if f.value is not None else f for f in every]

    # -- carry-over --------------------------------------------------------------------------

    def state(self, rebuild_from: int) -> dict[str, Any]:
        """What must be kept to begin again; what came since `rebuild_from` is in the journal."""
        self.book.forget(rebuild_from)
        book, progress, carried = self.book, self.book.progress, self.book.carried()
        before = book.before
        return {
            "newest": book.newest,
            "watermark": book.watermark,
            "settled_seq": book.settled_seq,
            "ended_seq": book.ended_seq,
            "base_seq": book.base_seq,
            "open": book.open,
            "origin": progress.origin,
            "lives": progress.presence.lives,
            "meters": self.meters,
            "closed": progress.closed.tobytes(),
            "names": progress.names(),
            "since": progress.since,
            "accounts": progress.accounts,
            "fills_from": None if book.profile is None else book.fills_from,
            "written": self.periods.marks.written,
            "balanced": self.balance.begin,
            "claims": self.claims.rows(),
            "carried": _columns(carried),
            "beyond": _columns(book.beyond),
            "left": [*_columns(book.refused.rows), book.refused.upto],
            "before": [c.tobytes() for c in (before.time, before.word, before.since, before.moved)],
        }

    def whole_state(self, done_to: int) -> dict[str, Any]:
        """What must be kept to begin behind an entry without any before it."""
        book = self.book
        as_is = book.base_seq, book.beyond
        book.base_seq = done_to
        try:
            return self.state(done_to + 1)
        finally:
            book.base_seq, book.beyond = as_is

    def restore(self, state: dict[str, Any]) -> None:
        """Begin where `state` was taken; meters may have come or gone since."""
        book, progress = self.book, self.book.progress
        for key in ("newest", "watermark", "settled_seq", "ended_seq", "base_seq"):
            setattr(book, key, state[key])
        places = {name: i for i, name in enumerate(self.meters)}
        mine = np.array([places.get(name, -1) for name in state["meters"]], np.int64)
        kept = mine >= 0
        # where nothing was to be filled readings of days before were not kept as long
        known = state.get("fills_from")
        book.fills_from = book.watermark if known is None else known
        progress.origin = state["origin"]
        progress.presence.lives = [(first, last) for first, last in state["lives"]]
        progress.closed[mine[kept]] = as_ints(state["closed"])[kept]
        progress.restore(state["accounts"], state["since"])
        progress.begin_new(state["names"], book.watermark)
        self.periods.marks.written = {p: dict(names) for p, names in state["written"].items()}
        self.balance.upto = state.get("balanced", -EVER)
        for hour, number, count, total in state.get("claims", ()):
            if kept[number]:
                self.claims.sums[hour, int(mine[number])] = count, total
        book.carry(_rows(state["carried"], mine))
        if "beyond" in state:
            book.beyond = _rows(state["beyond"], mine)
        *columns, book.refused.upto = state.get("left", [*_columns(Readings.none()), -EVER])
        left = _rows(columns, mine)
        book.refused.rows = left.where(left.meter >= 0)
        if "before" in state:
            book.before = _before(state).of(self._were(state["meters"]))

    def _were(self, meters: Sequence[str]) -> IntArray:
        """Places that the meters had among others; -1 for those that were not there."""
        places = {name: i for i, name in enumerate(meters)}
        return np.array([places.get(name, -1) for name in self.meters], np.int64)


def _columns(rows: Readings) -> list[bytes]:
    """Readings as they stand in the carry-over."""
    return [column.tobytes() for column in (rows.seq, rows.meter, rows.time, rows.value)]


def _before(state: dict[str, Any]) -> Before:
    """What a carry-over says of readings before the first ones held."""
    time, word, since, *moved = state["before"]
    never = np.full(len(state["meters"]), -EVER, np.int64)
    return Before(
        as_ints(time),
        np.frombuffer(word, np.int8),
        as_ints(since),
        as_ints(moved[0]) if moved else never,
    )


def _rows(columns: Sequence[bytes], places: IntArray) -> Readings:
    """Readings of a carry-over, whose meters have other places by now; -1 is none."""
    seq, meter, time = map(as_ints, columns[:3])
    return Readings(seq, np.append(places, -1)[meter], time, np.frombuffer(columns[3], np.float64))


def as_ints(body: bytes) -> IntArray:
    """An integer column as it stands in the carry-over."""
    return np.frombuffer(body, np.int64).copy()


def _portions(found: Iterable[PeriodBlock]) -> Iterator[list[PeriodBlock]]:
    """Blocks in portions of bounded size."""
    part: list[PeriodBlock] = []
    rows = 0
    for one in found:
        part.append(one)
        rows += len(one.block.start)
        if rows >= PORTION_ROWS or len(part) >= PORTION_BLOCKS:
            yield part
            part, rows = [], 0
    if part:
        yield part
