"""How far each meter and account of a site is closed, and which cells are due."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from greendc.core.accounts import Account, Book
from greendc.core.cells import Block, cell_blocks
from greendc.core.energy import Segments
from greendc.core.facility import EVER, IntArray, Intensity
from greendc.core.final_days import Spread
from greendc.core.leftout import LeftOut
from greendc.core.presence import Presence
from greendc.core.reopening import Dirty, Span
from greendc.core.rows import AccountRows, alike
from greendc.core.rules import MEAN_NEXT, Rules

EVERY = -1  # in place of a meter: whatever has cells in a span, or none yet


@dataclass(frozen=True, slots=True)
class Due:
    """Accounts of one epoch and grid whose cells in [lo, hi) are to be computed."""

    layout: Book
    accounts: list[Account]
    lo: int
    hi: int

    def among(self, gaps: Iterable[Spread]) -> list[Spread]:
        """Which gaps of meters reach into cells of theirs."""
        own = {account.physical for account in self.accounts} if gaps else set()
        return [gap for gap in gaps if gap.meter in own and gap.overlaps(self.lo, self.hi)]

    def blocks(
        self, found: Segments, intensity: Mapping[str, Intensity], left: LeftOut
    ) -> Iterator[Block]:
        """The cells, from what is known of the meters, and what was left out."""
        span = self.lo, self.hi
        return cell_blocks(self.layout, self.accounts, found, span, intensity, left)


@dataclass(frozen=True, slots=True)
class Known:
    """How far the readings of each meter go: the last one, and the last that can be believed.

    Cells after `awaited` wait for what one that is still to come may change. `spans` are the
    intervals of registers that a power gives their shape to: meters, starts and ends [ns].
    """

    last: IntArray
    reached: IntArray
    awaited: IntArray
    spans: tuple[IntArray, IntArray, IntArray]


class Progress:
    """Up to where each meter (`closed`) and each account is closed.

    `origin` is where the site's first cell begins, None before any reading; `presence` are the
    silences that have no cells.
    """

    def __init__(self, books: tuple[Book, ...]) -> None:
        """Begin with nothing closed."""
        self.books = books
        self.rules: Rules = books[0].rules
        self.presence = Presence.of(self.rules)
        self.step = min(b.epoch.cell for b in books)
        self.border = int(np.lcm.reduce([a.grid for b in books for a in b.accounts] or [1]))
        self.origin: int | None = None
        self.closed: IntArray = np.full(len(self.rules.meters), -EVER, np.int64)
        names = dict.fromkeys(a.name for layout in books for a in layout.accounts)
        self._numbers = {name: number for number, name in enumerate(names)}
        self._rows = [AccountRows(layout, self._numbers) for layout in books]
        self._upto: IntArray = np.full(len(names), -EVER, np.int64)  # -EVER: nothing is closed
        self._since = self._upto.copy()  # where accounts begin that came later
        self._gone: dict[str, int] = {}  # accounts that the configuration has no more

    def copy(self) -> "Progress":
        """One that can go on without this one."""
        twin = copy(self)
        twin.closed, twin._upto = self.closed.copy(), self._upto.copy()  # noqa: SLF001
        twin.presence = replace(self.presence)
        return twin

    # -- state across runs -------------------------------------------------------------------

    def names(self) -> list[str]:
        """All accounts that there are, closed or not."""
        return sorted(self._numbers)

    @property
    def accounts(self) -> dict[str, int]:
        """Up to where accounts are closed [ns]; those of which nothing is are not there."""
        return self._gone | self._told(self._upto)

    @property
    def since(self) -> dict[str, int]:
        """Where accounts begin that came later [ns]."""
        return self._told(self._since)

    def _told(self, column: IntArray) -> dict[str, int]:
        pairs = zip(self._numbers, column.tolist(), strict=True)
        return {name: at for name, at in pairs if at > -EVER}

    def restore(self, accounts: Mapping[str, int], since: Mapping[str, int]) -> None:
        """Go on from where accounts were."""
        self._gone = {name: at for name, at in accounts.items() if name not in self._numbers}
        for column, given in ((self._upto, accounts), (self._since, since)):
            column[:] = [given.get(name, -EVER) for name in self._numbers]

    def begin_new(self, known: Iterable[str], watermark: int) -> None:
        """Begin accounts that are not among the `known` ones at the watermark."""
        if self.origin is None:
            return
        old = frozenset(known)
        for layout in self.books:
            for account in layout.accounts:
                if account.name not in old:
                    number = self._numbers[account.name]
                    begin = -(-watermark // account.grid) * account.grid
                    self._since[number] = begin
                    if self._upto[number] == -EVER:
                        self._upto[number] = begin

    def closed_upto(self, names: Iterable[str]) -> int:
        """Up to where all of some accounts are closed; -EVER where one is not at all."""
        numbers = [self._numbers.get(name, -1) for name in names]
        known = bool(numbers) and min(numbers) >= 0
        return int(self._upto[numbers].min()) if known else -EVER

    # -- closing -----------------------------------------------------------------------------

    def seen(self, time: IntArray) -> list[Dirty]:
        """Take in when there were readings; returns what now has cells and had none."""
        return [(EVERY, span) for span in self.presence.seen(time)]

    def extend(self, begin: int) -> list[Dirty]:
        """Let the first cell begin no later than `begin`; returns what that opens again."""
        origin, before = begin - begin % self.step, self.origin
        if before is not None and origin >= before:
            return []
        self.origin = origin
        return [] if before is None else [(EVERY, (origin, before))]

    def end_of(self, known: Known, at: int | None) -> int:
        """Where the input ends: the last reading, an interval mean's in full, or `at`.

        Where all meters report by exception, their last values count in full as well: as
        far as all are known. Beside others they count to the common end. Meters without energy
        tell of an end where no others do.
        """
        if at is not None:
            return min(at, self.presence.upto()) // self.border * self.border
        hold = np.where(self.rules.kind == MEAN_NEXT, self.rules.nominal, 0)
        energy = self.rules.energy | (not self.rules.energy.any())
        last = int((known.last + hold)[energy].max(initial=self.origin or 0))
        held = (known.last + self.rules.hold)[energy]
        return max(last, int(held.min(initial=EVER)))

    def advance(self, watermark: int, known: Known, end: int | None) -> list[Dirty]:
        """Close each meter up to where nothing that may still come in time can change it.

        Returns where that gives a meter cells beneath closed ones that it is part of: an end of
        input closes long cells in full, and the short ones within as far as there are readings.
        Meters without energy have no cells: of them nothing stays open that has been read.
        """
        hold = np.where(known.reached > -EVER, self.rules.hold, 0)
        silent = watermark - self.rules.silent_after
        told = np.minimum(known.reached + hold, known.awaited)
        upto = np.minimum(self._limit(watermark), np.maximum(told, silent))
        upto = self._floor(self._shaped(upto, known))
        if end is not None:
            ends = np.where(self.rules.energy, end, np.maximum(end, known.last))
            grids = self._grids(ends)
            upto = np.maximum(upto, -(-ends // grids) * grids)
        if self.origin is None:  # meters that have no cells are judged all the same
            upto = np.where(self.rules.energy, -EVER, upto)
        before, sealed = self.closed, self.sealed()
        self.closed = np.maximum(before, upto)
        within = np.minimum(self.closed, sealed)
        late = np.flatnonzero(before < within)
        spans = zip(before[late].tolist(), within[late].tolist(), strict=True)
        return list(zip(late.tolist(), spans, strict=True))

    def _shaped(self, upto: IntArray, known: Known) -> IntArray:
        """No further than the power is known, and not into intervals that it is not known of."""
        power = upto.copy()
        registers = self.rules.registers
        power[registers] = upto[self.rules.powers]
        upto[registers] = np.minimum(upto, power)[registers]
        meter, start, end = known.spans
        waiting = end > power[meter]
        np.minimum.at(upto, meter[waiting], start[waiting])
        return upto

    def _limit(self, watermark: int) -> int:
        """Up to where cells can be closed: a silence only once it is known how long it was."""
        return min(watermark, self.presence.upto())

    def _floor(self, time: IntArray) -> IntArray:
        """Round down to each meter's grid in the epoch that the time falls into."""
        return time - time % self._grids(time)

    def _grids(self, time: IntArray) -> IntArray:
        """Each meter's grid in the epoch that its time falls into."""
        out = self.books[0].grids
        for later in self.books[1:]:
            out = np.where(time >= later.epoch.start, later.grids, out)
        return out

    def due(self, watermark: int, end: int | None) -> Iterator[Due]:
        """New cells of all accounts, as far as every meter that they need is closed."""
        unfinished = np.zeros(len(self._upto), np.bool_)  # in an earlier epoch: later ones wait
        for rows in self._rows:
            waits = unfinished[rows.number]
            lo, hi = rows.within(self._begun()[rows.number], EVER)
            upto = rows.known(self.closed, self._limit(watermark))
            if end is not None:
                upto = np.maximum(upto, -(-end // rows.grid) * rows.grid)
            upto = np.minimum(hi, upto)
            new = np.flatnonzero((lo < upto) & ~waits)
            self._upto[rows.number[new]] = upto[new]
            unfinished[rows.number[(upto < hi) & ~waits]] = True
            yield from self._pieces(rows, new, lo, upto)

    def _begun(self) -> IntArray:
        """Where the next cell of each account begins."""
        return np.where(self._upto > -EVER, self._upto, self.origin or 0)

    def _pieces(
        self, rows: AccountRows, some: IntArray, lo: IntArray, hi: IntArray
    ) -> Iterator[Due]:
        """Some accounts whose cells in [lo, hi) are due, those with the same ones together."""
        groups: dict[tuple[int, int, int], list[IntArray]] = {}
        for same in alike(lo[some], hi[some], rows.grid[some]):
            first = some[same[0]]
            for piece in self.presence.pieces(int(lo[first]), int(hi[first])):
                groups.setdefault((int(rows.grid[first]), *piece), []).append(some[same])
        for (_, begin, end), found in groups.items():
            yield Due(rows.book, rows.some(np.sort(np.concatenate(found))), begin, end)

    # -- closed cells again ------------------------------------------------------------------

    def opened(self, dirty: Sequence[Dirty], floor: int) -> list[Dirty]:
        """What of changed spans is closed.

        None begins before `floor`, from where on all readings are still kept.
        """
        found: list[Dirty] = []
        if not dirty:
            return found
        sealed = np.append(self.sealed(), self.furthest())
        least = max(-(-floor // self.border) * self.border, self.origin or 0)
        for meter, (begin, end) in dirty:
            lo, hi = max(begin, least), min(end, int(sealed[meter]))
            if lo < hi:
                found.append((meter, (lo, hi)))
        return found

    def whole(self, opened: Iterable[Dirty]) -> list[Span]:
        """Disjoint spans of closed cells to compute again, on borders of all grids."""
        border = self.border
        return _joined((lo - lo % border, -(-hi // border) * border) for _, (lo, hi) in opened)

    def again(self, lo: int, hi: int, opened: Iterable[Dirty]) -> Iterator[Due]:
        """The closed cells in [lo, hi) of accounts that rest on what is `opened` there."""
        meters = {meter for meter, (begin, end) in opened if begin < hi and end > lo}
        marked = np.zeros(len(self.closed), np.bool_)
        marked[sorted(meters - {EVERY})] = True
        for rows in self._rows:
            resting = rows.resting(marked) | (EVERY in meters)
            upto, since = self._upto[rows.number], self._since[rows.number]
            first = np.maximum(max(lo, self.origin or 0), since)
            begin, end = rows.within(first, np.where(upto > -EVER, np.minimum(hi, upto), lo))
            yield from self._pieces(rows, np.flatnonzero((begin < end) & resting), begin, end)

    # -- what rests on each meter ------------------------------------------------------------

    def floors(self) -> IntArray:
        """Up to where everything that rests on each meter is closed."""
        floor = self.closed.copy()
        done = np.where(self._upto > -EVER, self._upto, self.origin or -EVER)
        for rows in self._rows:
            rows.spread(np.minimum, done, floor)
        return floor

    def furthest(self) -> int:
        """Up to where anything at all is closed."""
        upto = max(self._gone.values(), default=-EVER)
        return max(int(self.closed.max(initial=upto)), int(self._upto.max(initial=-EVER)))

    def sealed(self) -> IntArray:
        """Up to where anything that rests on each meter is closed."""
        sealed = self.closed.copy()
        for rows in self._rows:
            rows.spread(np.maximum, self._upto, sealed)
        return sealed


def _joined(spans: Iterable[Span]) -> list[Span]:
    out: list[Span] = []
    for lo, hi in sorted(spans):
        if out and lo <= out[-1][1]:
            out[-1] = (out[-1][0], max(hi, out[-1][1]))
        else:
            out.append((lo, hi))
    return out
