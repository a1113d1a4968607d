"""How far each meter and account of a site is closed, and which cells are due."""

from collections.abc import Iterable, Iterator, Mapping
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
    ) -> list[Block]:
        """The cells, from what is known of the meters, and what was left out."""
        span = self.lo, self.hi
        return cell_blocks(self.layout, self.accounts, found, span, intensity, left)


@dataclass(frozen=True, slots=True)
class Known:
    """How far the readings of each meter go: the last one, and the last that can be believed.

    What one that is still to come may change lies after `decided`. `spans` are the intervals of
    registers that a power gives their shape to: meters, starts and ends [ns].
    """

    last: IntArray
    reached: IntArray
    decided: IntArray
    spans: tuple[IntArray, IntArray, IntArray]


class Progress:
    """Up to where each meter (`closed`) and each account (`accounts`) is closed.

    `origin` is where the site's first cell begins, None before any reading. `since`
    holds the accounts that came later and where they begin, `presence` the silences that
    have no cells.
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
        self.accounts: dict[str, int] = {}
        self.since: dict[str, int] = {}
        self._resting = [_resting(b.accounts) for b in books]

    def copy(self) -> "Progress":
        """One that can go on without this one."""
        twin = copy(self)
        twin.closed = self.closed.copy()
        twin.accounts, twin.since = dict(self.accounts), dict(self.since)
        twin.presence = replace(self.presence)
        return twin

    # -- state across runs -------------------------------------------------------------------

    def names(self) -> list[str]:
        """All accounts that there are, closed or not."""
        return sorted({a.name for layout in self.books for a in layout.accounts})

    def begin_new(self, known: Iterable[str], watermark: int) -> None:
        """Begin accounts that are not among the `known` ones at the watermark."""
        if self.origin is None:
            return
        old = frozenset(known)
        for layout in self.books:
            for account in layout.accounts:
                if account.name not in old:
                    begin = -(-watermark // account.grid) * account.grid
                    self.since[account.name] = begin
                    self.accounts.setdefault(account.name, begin)

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
        far as all are known. Beside others they count to the common end.
        """
        if at is not None:
            return min(at, self.presence.upto()) // self.border * self.border
        hold = np.where(self.rules.kind == MEAN_NEXT, self.rules.nominal, 0)
        there = (known.last > -EVER) & self.rules.energy
        last = int((known.last + hold)[there].max(initial=self.origin or 0))
        held = (known.last + self.rules.hold)[self.rules.energy]
        return max(last, int(held.min(initial=EVER)))

    def advance(self, watermark: int, known: Known, end: int | None) -> None:
        """Close each meter up to where nothing that may still come in time can change it."""
        if end is not None:
            grids = self._grids(np.full_like(self.closed, end))
            upto = -(-end // grids) * grids
        else:
            hold = np.where(known.reached > -EVER, self.rules.hold, 0)
            silent = watermark - self.rules.silent_after
            told = np.minimum(known.reached + hold, known.decided)
            upto = np.minimum(self._limit(watermark), np.maximum(told, silent))
            upto = self._floor(self._shaped(upto, known))
        self.closed = np.maximum(self.closed, upto)

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
        unfinished: set[str] = set()  # in an earlier epoch: later ones have to wait
        for layout in self.books:
            groups: dict[tuple[int, int, int], list[Account]] = {}
            for account in layout.accounts:
                if account.name in unfinished:
                    continue
                lo, hi = self._span(account, layout, self._closed(account), EVER)
                upto = min(hi, self._upto(account, watermark, end))
                if lo < upto:
                    for piece in self.presence.pieces(lo, upto):
                        groups.setdefault((account.grid, *piece), []).append(account)
                    self.accounts[account.name] = upto
                if upto < hi:
                    unfinished.add(account.name)
            for (_, lo, hi), accounts in groups.items():
                yield Due(layout, accounts, lo, hi)

    def _closed(self, account: Account) -> int:
        return self.accounts.get(account.name, self.origin or 0)

    def _upto(self, account: Account, watermark: int, end: int | None) -> int:
        if end is not None:
            return -(-end // account.grid) * account.grid
        if account.physical is not None:
            upto = int(self.closed[account.physical])
        else:
            needs = self.closed[account.needs]
            upto = int(needs.min()) if len(needs) else self._limit(watermark)
        return upto - upto % account.grid

    @staticmethod
    def _span(account: Account, layout: Book, lo: int, hi: int) -> Span:
        epoch = layout.epoch
        lo, hi = max(lo, epoch.start), min(hi, epoch.end)
        return lo - lo % account.grid, hi - hi % account.grid

    # -- closed cells again ------------------------------------------------------------------

    def opened(self, dirty: Iterable[Dirty], floor: int) -> list[Dirty]:
        """What of changed spans is closed.

        None begins before `floor`, from where on all readings are still kept.
        """
        found = []
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

    def again(self, lo: int, hi: int) -> Iterator[Due]:
        """The closed cells of all accounts in [lo, hi)."""
        for layout in self.books:
            groups: dict[tuple[int, int, int], list[Account]] = {}
            for account in layout.accounts:
                upto = min(hi, self.accounts.get(account.name, lo))
                first = max(lo, self.origin or 0, self.since.get(account.name, lo))
                begin, end = self._span(account, layout, first, upto)
                for piece in self.presence.pieces(begin, end):
                    groups.setdefault((account.grid, *piece), []).append(account)
            for (_, begin, end), accounts in groups.items():
                yield Due(layout, accounts, begin, end)

    # -- what rests on each meter ------------------------------------------------------------

    def floors(self) -> IntArray:
        """Up to where everything that rests on each meter is closed."""
        floor, begin = self.closed.copy(), self.origin or -EVER
        for places, names, others in self._resting:
            done = np.array([self.accounts.get(name, begin) for name in names], np.int64)
            floor[places] = np.minimum(floor[places], done)
            for account in others:
                upto = self.accounts.get(account.name, begin)
                floor[account.needs] = np.minimum(floor[account.needs], upto)
        return floor

    def furthest(self) -> int:
        """Up to where anything at all is closed."""
        return max([int(self.closed.max(initial=-EVER)), *self.accounts.values()])

    def sealed(self) -> IntArray:
        """Up to where anything that rests on each meter is closed."""
        sealed = self.closed.copy()
        for places, names, others in self._resting:
            done = np.array([self.accounts.get(name, -EVER) for name in names], np.int64)
            sealed[places] = np.maximum(sealed[places], done)
            for account in others:
                upto = self.accounts.get(account.name, -EVER)
                sealed[account.needs] = np.maximum(sealed[account.needs], upto)
        return sealed


def _resting(accounts: Iterable[Account]) -> tuple[IntArray, list[str], list[Account]]:
    """Places and names of accounts that rest on one meter each, and all others."""
    single: dict[int, str] = {}
    others: list[Account] = []
    for account in accounts:
        place = account.physical
        if place is None:
            others.append(account)
        else:
            single[place] = account.name
    return np.array(list(single), np.int64), list(single.values()), others


def _joined(spans: Iterable[Span]) -> list[Span]:
    out: list[Span] = []
    for lo, hi in sorted(spans):
        if out and lo <= out[-1][1]:
            out[-1] = (out[-1][0], max(hi, out[-1][1]))
        else:
            out.append((lo, hi))
    return out
