"""The balance check of a site, hour by hour: every node's verdict, and what explains it.

The verdict of an hour follows from the rows of the 24 hours before its end and of the last day
that was over alone, so it is the same whenever it is worked out, and is worked out again where a
late reading changes them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from greendc.core import past
from greendc.core.accounts import Book
from greendc.core.balance import (
    COVERED,
    QUIET,
    BoolArray,
    FloatArray,
    Place,
    Sides,
    State,
    StateArray,
    Windows,
    windows,
)
from greendc.core.corrections import changed, missing, residual
from greendc.core.facility import EVER, HOUR, IntArray
from greendc.core.figure import PERIODS, FigureColumns
from greendc.core.hours import hours_of
from greendc.core.levels import Level
from greendc.core.mistakes import BACKWARDS, MISMATCH
from greendc.core.nodes import rated
from greendc.core.off import PERSISTENT
from greendc.core.plausible import totals
from greendc.core.reconciling import Mismatch, Reconciliation
from greendc.core.slopes import Slope
from greendc.core.suspects import Finding, Known
from greendc.core.touched import Span, runs
from greendc.core.uncertainty import COVERAGE_FACTOR

LOOKED_BACK = 24  # hours
OF_HOURS = PERIODS.index("hour")

Claimed = Callable[[IntArray], FloatArray]


@dataclass(frozen=True, slots=True)
class NodeHour:
    """A node in an hour: both sides, the most that the outside may have taken [J], the verdict.

    `lacking` are meters that are not known. For want of them the node is not judged, and all
    amounts are None, unless more comes out by the other outputs alone than goes in. `needed` is
    None where nothing bounds the losses.
    """

    name: str
    inside: float | None
    outside: float | None
    needed: float | None
    tolerance: float | None
    state: str
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspect:
    """A mistake that explains a finding: a meter, what is wrong with it, the factor to right it.

    `at` is the node where the meter should not be counted, None where the factor is meant. Where
    the mistake is of import and export together, `other` is the meter of export.
    """

    meter: str
    kind: str
    gain: float
    meaning: str
    at: str | None
    other: str | None = None

    @property
    def multiplier(self) -> float | None:
        """What the meter has to be multiplied by; None where that is not what is wrong."""
        return self.gain if self.at is None and self.other is None else None


@dataclass(frozen=True, slots=True)
class Worth:
    """kWh at a node for each that a meter shows, expanded uncertainty (k = 2), and steps seen."""

    ratio: float
    uncertainty: float
    steps: int


@dataclass(frozen=True, slots=True)
class Told:
    """What does not add up at an hour's end, and the evidence.

    `before` is what is missing behind the inputs, as a share of the larger side (negative: more
    came out than went in), the median of `windows` hours from `since` on; `after` is the same with
    the first suspect put right, `spread` how much the ratio of both sides then varies. No suspect:
    no single mistake explains it. Several: they cannot be told apart. `left_out` are suspects whose
    readings are out of range or not believed, so that no figure rests on them. `worth` is what a
    kWh of the first suspect is worth at the first node by how that moves with it, where this tells.
    `until` is the end of the newest of the hours that show it; None: the hour that tells of it.
    Where it is `undecided`, something that has no meter explains it as well as any suspect.
    `missing` is the power behind `before`; `short` is what the first suspect shows too little,
    where a multiplier puts it right (negative: too much). [W]
    """

    nodes: tuple[str, ...]
    suspects: tuple[Suspect, ...]
    since: int
    windows: int
    before: float
    after: float | None
    spread: float | None
    left_out: tuple[str, ...] = ()
    worth: Worth | None = None
    until: int | None = None
    undecided: bool = False
    missing: float | None = None
    short: float | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """The balance of a site at the end of an hour."""

    start: int
    end: int
    nodes: tuple[NodeHour, ...]
    told: tuple[Told, ...]


class BalanceCheck:
    """Checks the hours of a site as they are closed; `upto` is how far."""

    def __init__(
        self, books: Sequence[Book], hours: Level, claimed: Claimed, twins: Reconciliation
    ) -> None:
        """Read `hours`, and where these say nothing what physical meters have `claimed`.

        `twins` compares registers with their power. Somebody sets `touched` where members' hours
        are rolled up, whether or not they come out as they were.
        """
        self.books, self.held, self.claimed, self.twins = books, hours, claimed, twins
        self.upto, self.touched = -EVER, False
        self._changed: set[int] = set()  # hours before `upto`
        members = frozenset(n for b in books for node in b.epoch.nodes for n in node.members)
        self.names = members | twins.names

    @property
    def begin(self) -> int:
        """Where the first hour begins whose verdict is still to come, or may have changed."""
        return min(self._changed, default=self.upto)

    def touch(self, written: FigureColumns) -> None:
        """Take note of figures that are new or changed: of members' hours among them."""
        hours = written.period == OF_HOURS
        used = np.unique(written.quantity[hours]).tolist()
        mine = [number for number in used if written.names[number] in self.names]
        self.again(written.start[hours & np.isin(written.quantity, mine)])

    def again(self, hours: IntArray) -> None:
        """Have hours, by their begin [ns], checked again, where they have been."""
        self._changed.update(hours[hours < self.upto].tolist())

    def due(self, closed: int, begin: int) -> Iterator[Checked]:
        """Hours that end after `upto` and not after `closed`, and those that rest on changed ones.

        None begins before `begin`.
        """
        self.touched = False
        if not self.names:
            return
        least, hi = begin - begin % HOUR, closed - closed % HOUR
        spans = [(max(lo, least), min(end, hi)) for lo, end in self._spans(hi)]
        for book in self.books:
            for lo, end in spans:
                first, last = max(lo, book.epoch.start), min(end, book.epoch.end)
                if (book.epoch.nodes or self.twins.pairs) and first < last:
                    yield from self._checked(book, first, last)
        self.upto = hi
        self._changed.clear()

    def _spans(self, upto: int) -> tuple[Span, ...]:
        """Spans of hours whose verdicts are new or may have changed."""
        again = [(hour, self._resting(hour)) for hour in self._changed]
        return runs([*again, (self.upto, upto)] if self.upto < upto else again, apart=0)

    def _resting(self, hour: int) -> int:
        """Up to where verdicts rest on an hour."""
        upto = hour + LOOKED_BACK * HOUR
        if not self.twins.pairs:
            return upto
        end = self.twins.days(hour, hour + HOUR)[-1]  # of the day that it is in
        last = self.twins.days(end, end + 1)[-1]
        return max(upto, (-(-last // HOUR) - 1) * HOUR)

    def _checked(self, book: Book, lo: int, hi: int) -> Iterator[Checked]:
        found = list(_Epoch(book, self.held, self.claimed).hours(lo, hi))
        apart = self.twins.at([hour.end for hour in found])
        for hour, days in zip(found, apart, strict=True):
            yield replace(hour, told=(*hour.told, *map(_mismatch, days)))


class _Epoch:
    def __init__(self, book: Book, held: Level, claimed: Claimed) -> None:
        epoch = book.epoch
        self.epoch, self.held, self.claimed = epoch, held, claimed
        self.meters = tuple(dict.fromkeys(n for node in epoch.nodes for n in node.members))
        physical = {meter.id: i for i, meter in enumerate(book.rules.meters)}
        self.physical = np.array([physical.get(name, -1) for name in self.meters], np.int64)
        points = {meter.id: meter.point for meter in epoch.meters}
        points |= {derived.id: derived.point for derived in epoch.derived}
        ratings = rated(epoch.meters, epoch.derived)
        self.known = Known(
            np.array([ratings.get(name) or np.nan for name in self.meters]),
            [points[name] for name in self.meters],
            np.zeros(len(self.meters), np.bool_),
            totals(epoch, self.meters),
        )
        self.places = [
            Place.of(node, self.meters, sum(ratings.get(n) or 0.0 for n, _ in node.inputs))
            for node in epoch.nodes
        ]

    def hours(self, lo: int, hi: int) -> Iterator[Checked]:
        first = max(self.epoch.start, lo - (LOOKED_BACK - 1) * HOUR)
        found, only_claimed = self._windows(first, hi)
        states = np.zeros((len(self.places), len(found.start)), np.int8)
        for i, place in enumerate(self.places):
            states[i] = place.states(found)
        sides = [place.sides(found) for place in self.places]
        for row in np.flatnonzero(found.start >= lo).tolist():
            begin = int(found.start[row]) - (LOOKED_BACK - 1) * HOUR
            span = slice(int(np.searchsorted(found.start, begin)), row + 1)
            part = found.between(span)
            left_out = np.logical_or.reduce(only_claimed[span], axis=0)
            known = replace(self.known, doubted=left_out)
            every = past.told(self.places, part, known, states[:, span])
            told = [self._told(one, part, left_out) for one in every]
            told += self._backwards(part, only_claimed[span], told)
            nodes = [
                _node(place, side, states[i], row, found)
                for i, (place, side) in enumerate(zip(self.places, sides, strict=True))
            ]
            start = int(found.start[row])
            yield Checked(start, start + HOUR, tuple(nodes), tuple(told))

    def _backwards(self, part: Windows, claimed: BoolArray, told: Sequence[Told]) -> Iterator[Told]:
        """Rated meters refused for readings below zero, that no node tells of."""
        newest, size = slice(-PERSISTENT, None), part.energy[-PERSISTENT:]
        rest = QUIET * self.known.rated * part.seconds[newest, np.newaxis]
        with np.errstate(invalid="ignore"):
            below = (claimed[newest] & (size < -rest)).all(axis=0)
        if len(size) < PERSISTENT:
            return
        named = {suspect.meter for one in told for suspect in one.suspects}
        rows = np.arange(len(part.start)) >= len(part.start) - PERSISTENT
        for meter in np.flatnonzero(below).tolist():
            mine = [place for place in self.places if meter in place.columns]
            if self.meters[meter] not in named and mine:
                gain, after = BACKWARDS.gain, changed(mine[0], part, meter, BACKWARDS.gain)
                name = self.meters[meter]
                yield Told(
                    tuple(place.node.name for place in mine),
                    (Suspect(name, BACKWARDS.kind, gain, BACKWARDS.meaning, None),),
                    int(part.start[-PERSISTENT]),
                    PERSISTENT,
                    _rounded(residual(mine[0].sides(part), rows)) or 0.0,
                    _rounded(residual(after, rows)),
                    None,
                    (name,),
                    until=int(part.end[-1]),
                    missing=_rounded(missing(mine[0].sides(part), rows, part.seconds)),
                    short=_short(part, rows, meter, gain),
                )

    def _windows(self, lo: int, hi: int) -> tuple[Windows, BoolArray]:
        """Windows, and where they hold what is only claimed."""
        found = hours_of(self.held, self.meters, lo, hi)
        only_claimed = (found.coverage < COVERED) & (self.physical >= 0)
        if only_claimed.any():
            said = self.claimed(found.start)[:, self.physical]
            only_claimed &= np.isfinite(said)
            found = found.with_claims(np.where(only_claimed, said, np.nan))
        counted = found.amount, found.coverage, found.loose
        span = found.start, found.start + HOUR
        return windows(self.meters, span, counted, self.epoch.meters), only_claimed

    def _told(self, finding: Finding, shown: Windows, left_out: BoolArray) -> Told:
        suspects = [
            Suspect(
                self.meters[one.meter],
                one.mistake.kind,
                one.mistake.gain,
                one.mistake.meaning,
                one.at,
                None if one.both is None else self.meters[one.both[0]],
            )
            for one in finding.explanations
        ]
        rows = np.flatnonzero(finding.rows)
        return Told(
            finding.nodes,
            tuple(suspects),
            int(shown.start[rows[0]]),
            len(rows),
            _rounded(finding.before) or 0.0,
            None if finding.after is None else _rounded(finding.after),
            _rounded(finding.spread),
            tuple(s.meter for s in suspects if left_out[self.meters.index(s.meter)]),
            _worth(finding.slope),
            int(shown.end[rows[-1]]),
            finding.undecided,
            _rounded(finding.missing),
            self._short(finding, shown),
        )

    def _short(self, finding: Finding, shown: Windows) -> float | None:
        if not finding.explanations or finding.undecided:
            return None
        first = finding.explanations[0]
        if first.at is not None or first.both is not None:
            return None
        return _short(shown, finding.rows, first.meter, first.mistake.gain)


def _short(shown: Windows, rows: BoolArray, meter: int, gain: float) -> float | None:
    """What a meter shows too little, in W; the median of some windows."""
    power = shown.energy[rows, meter] / shown.seconds[rows]
    power = power[np.isfinite(power)]
    return _rounded((gain - 1.0) * float(np.median(power))) if len(power) else None


def _worth(slope: Slope | None) -> Worth | None:
    if slope is None:
        return None
    uncertainty = _rounded(COVERAGE_FACTOR * slope.doubt) or 0.0
    return Worth(_rounded(slope.worth) or 0.0, uncertainty, slope.steps)


def _mismatch(day: Mismatch) -> Told:
    meaning = f"makes {100 * abs(day.excess):.3g} % {'more' if day.excess > 0 else 'less'}"
    gain = _rounded(1 / (1 + day.excess)) or 0.0
    suspect = Suspect(day.power, MISMATCH, gain, f"{meaning} than {day.register} counts", None)
    hours = (day.end - day.start) // HOUR
    missing = _rounded(-day.excess) or 0.0
    return Told((day.register,), (suspect,), day.start, hours, missing, None, None)


def _node(place: Place, side: Sides, states: StateArray, row: int, shown: Windows) -> NodeHour:
    columns = (side.inside, side.outside, side.needed, side.tolerance)
    amounts = [float(column[row]) for column in columns]
    known = np.isfinite(amounts[0] + amounts[1])
    lost = place.columns[~np.isfinite(shown.energy[row, place.columns])].tolist()
    known &= not lost or states[row] != State.UNKNOWN
    inside, outside, needed, tolerance = (
        amount if known and np.isfinite(amount) else None for amount in amounts
    )
    state = State(states[row]).name.lower()
    lacking = tuple(shown.meters[column] for column in lost)
    return NodeHour(place.node.name, inside, outside, needed, tolerance, state, lacking)


def _rounded(value: float) -> float | None:
    """Six digits, which is more than meters have; None for what is no number."""
    return float(f"{value:.6g}") if np.isfinite(value) else None
