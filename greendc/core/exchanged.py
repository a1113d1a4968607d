"""Two meters that show each other's readings: clamps, addresses or topics that are crossed.

A node has too much or too little, and no factor on one meter tells why. Which pairs of meters can
right that is seen in sums over the windows and in what nodes move by from one to the next: two
nodes or more, each of which moves far less once the pair is exchanged. Those few are looked at
window by window. Of topics that are crossed one may be in kW and the other in W.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from greendc.core.balance import IN_STEP, BoolArray, FloatArray, Place, Sides, Windows
from greendc.core.directions import Directions
from greendc.core.facility import IntArray
from greendc.core.mistakes import EXCHANGED, Mistake
from greendc.core.off import Off
from greendc.core.suspects import Explanation, Known
from greendc.core.uncertainty import COVERAGE_FACTOR, RECTANGULAR

SHOW = "show each other's readings"


def _of(gain: float, meaning: str) -> tuple[float, Directions]:
    return gain, Directions(Mistake(EXCHANGED, 1.0, meaning), (0.0, gain), (1.0 / gain, 0.0))


CROSSED = (
    _of(1.0, f"{SHOW}, as of crossed clamps, addresses or topics"),
    _of(1e3, f"{SHOW}, the first as W taken for kW, as of crossed topics in W and kW"),
    _of(1e-3, f"{SHOW}, the first as kW taken for W, as of crossed topics in W and kW"),
)
"""What the second meter shows has to be multiplied by to be what the first should show;
and how both are put right."""

NODES = 2  # that must move less once a pair is exchanged
STEPS = 2  # from one window to the next, where two nodes are out of balance
ALONE = 5
LEFT = 0.5  # of what each node moves by, at most; true pairs leave less than 0.4
AS_GOOD = 4.0  # times the squares that the best pair leaves


Score = Callable[[list[tuple[Place, Sides]], dict[str, BoolArray], set[str]], float | None]


def exchanged(
    places: Sequence[Place], found: Windows, known: Known, off: Sequence[Off], score: Score
) -> Iterator[Explanation]:
    """Pairs of meters that put right what is out of balance by being exchanged.

    Parameters
    ----------
    places, found, known
        All nodes, what was counted, and what is known of the meters.
    off
        The nodes that are out of balance.
    score
        None where nodes are not in balance, of both sides, windows to look at and names.
    """
    if not off:
        return
    names = {one.place.node.name for one in off}
    rows: BoolArray = np.any([one.rows for one in off], axis=0)
    since: BoolArray = np.arange(len(rows)) >= np.argmax(rows)
    chained = [place for place in places if place.node.usual is None]
    for meter, other, gain, directions in crossings(chained, names, found, rows):
        pair = meter, other
        shown = directions.righted(found, pair)
        if any(known.is_impossible(shown, one, 1.0, rows) for one in pair):
            continue
        tries = [(p, p.sides(shown)) for p in places if np.isin(pair, p.columns).any()]
        if score(tries, dict.fromkeys(names, since), names) is None:
            continue
        same_unit = found.scaled(meter, 1.0 / gain).scaled(other, gain)
        right = [(p, after) for p, after in tries if p.node.name in names]
        much = sum(left(p.sides(same_unit), after, since) for p, after in right)
        if np.isfinite(much):
            put = tuple(p.node.name for p, _ in right)
            yield Explanation(meter, directions.mistake, put, much, both=(other, directions))


def crossings(
    places: Sequence[Place], off: Collection[str], found: Windows, rows: BoolArray
) -> Iterator[tuple[int, int, float, Directions]]:
    """Pairs of meters (columns) that may right what is out of balance, and how.

    Parameters
    ----------
    places
        Nodes whose sides follow each other.
    off
        The names of those that are out of balance.
    found
        Windows in order.
    rows
        The windows in which they are.
    """
    members = np.unique(np.concatenate([place.columns for place in places]))
    wrong = np.zeros(len(members), np.bool_)
    for place in places:
        wrong[np.searchsorted(members, place.columns)] |= place.node.name in off
    firsts, others = np.flatnonzero(wrong), np.arange(len(members))
    nodes = [(place.node.name in off, Sums(place, members, found, rows)) for place in places]
    nodes = [(is_off, node) for is_off, node in nodes if is_off or node.is_known]
    for gain, directions in CROSSED:
        good = ~wrong | (others > firsts[:, None])
        seen, seen_off, steps = np.zeros((3, *good.shape), np.int64)
        steps += len(rows)
        for is_off, node in nodes:
            tried = node.exchanged(firsts[:, None], others, gain)
            good &= tried.right & (tried.calm | ~tried.touched)
            seen += tried.touched
            seen_off += tried.touched & is_off
            steps = np.where(tried.touched, np.minimum(steps, node.steps), steps)
        good &= (seen >= NODES) & (seen_off > 0)
        good &= steps >= np.where(seen_off >= NODES, STEPS, ALONE)
        for a, b in np.argwhere(good).tolist():
            yield int(members[firsts[a]]), int(members[b]), gain, directions


def left(before: Sides, after: Sides, rows: BoolArray) -> float:
    """What a node moves by without its losses once a pair is exchanged, as a share of its size.

    Infinite where that is not much less than before: what fits by its size alone does so by chance.
    """
    known = rows & np.isfinite(before.inside + before.outside + after.inside + after.outside)
    size = float(after.inside[known].sum())
    k = size / (float(after.outside[known].sum()) or np.nan)
    steps = known[1:] & known[:-1]
    was, is_ = (
        float((np.diff(side.inside - k * side.outside)[steps] ** 2).sum())
        for side in (before, after)
    )
    if steps.sum() < STEPS or not is_ <= LEFT**2 * was:
        return np.inf
    return is_ / size**2


class _Tried(NamedTuple):
    """Of pairs of meters whether a node sees them exchanged, is in balance then, and moves less."""

    touched: BoolArray
    right: BoolArray
    calm: BoolArray


class Sums:
    """A node's sides over all windows together [J], and what they move by, with some meters."""

    def __init__(self, place: Place, members: IntArray, found: Windows, rows: BoolArray) -> None:
        own = np.searchsorted(members, place.columns)
        parts = np.zeros((3, len(members)))
        for part, more in zip(parts, (place.into, place.out, place.need), strict=True):
            np.add.at(part, own, more)
        self.into, self.out, self.need = parts
        energy, limit = found.energy[:, members], found.limit[:, members]
        there = np.isfinite(found.energy[:, place.columns].sum(axis=1))
        known = there & rows
        self.is_known = bool(known.any())
        self.energy, self.limit = energy[known].sum(axis=0), limit[known].sum(axis=0)
        seconds = float(found.seconds[known].sum())
        self.idle = place.node.idle * seconds if place.bounded else np.inf
        there &= np.arange(len(rows)) >= np.argmax(rows)
        self.since = energy[there].sum(axis=0)
        moves = np.diff(energy, axis=0)[there[1:] & there[:-1]]
        self.steps = len(moves)
        into, out = (_total(moves, part) for part in (self.into, self.out))
        ways = np.column_stack([into, out, moves])
        # products of what goes in, what comes out and each meter with one another
        self.products = np.array([(way[:, None] * ways).sum(axis=0) for way in ways.T])

    def exchanged(self, a: IntArray, b: IntArray, gain: float) -> _Tried:
        """What follows where meters `a` (a column) are exchanged with meters `b` (a row).

        What `b` show has to be multiplied by `gain` to be of `a`. A node has to move less than with
        the units alone put right.
        """
        inside, outside, needed = (
            _summed(part, self.energy, (a, b), gain) for part in (self.into, self.out, self.need)
        )
        part, size = self.into - self.out, (self.limit / RECTANGULAR) ** 2
        variance = _summed(part**2, size, (a, b), gain**2)
        tolerance = COVERAGE_FACTOR * np.sqrt(np.maximum(variance, 0.0))
        tolerance += IN_STEP * np.maximum(np.abs(inside), np.abs(outside))
        right = (outside - inside <= tolerance) & (inside - (needed + self.idle) <= tolerance)
        apart = (part[a] == 0) & (part[b] == 0)
        return _Tried(part[a] != part[b], (right & self.is_known) | apart, self._calm(a, b, gain))

    def _calm(self, a: IntArray, b: IntArray, gain: float) -> BoolArray:
        inside, outside = (
            _summed(part, self.since, (a, b), gain) for part in (self.into, self.out)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            k = inside / outside
            of_a, of_b = (self.into[i] - k * self.out[i] for i in (a, b))
            was = self._squares(k, (a, (1 / gain - 1) * of_a), (b, (gain - 1) * of_b))
            is_ = self._squares(k, (a, of_b / gain - of_a), (b, gain * of_a - of_b))
            calm: BoolArray = is_ <= LEFT**2 * was
        return calm

    def _squares(
        self, k: FloatArray, one: tuple[IntArray, FloatArray], other: tuple[IntArray, FloatArray]
    ) -> FloatArray:
        """Squares of what the inside less `k` times the outside moves by, with two meters added.

        Each comes with how much of it is added.
        """
        into, out, *_ = self.products
        (a, p), (b, q) = one, other
        own = into[0] - 2 * k * into[1] + k**2 * out[1]
        beside = sum(2 * n * (into[2 + i] - k * out[2 + i]) for i, n in (one, other))
        meters = self.products[2:, 2:]
        total: FloatArray = (
            own + beside + p**2 * meters[a, a] + 2 * p * q * meters[a, b] + q**2 * meters[b, b]
        )
        return total


def _total(moves: FloatArray, part: FloatArray) -> FloatArray:
    """A weighted sum of meters; those that have no part may be unknown."""
    total: FloatArray = (moves[:, part != 0] * part[part != 0]).sum(axis=1)
    return total


def _summed(
    part: FloatArray, energy: FloatArray, pair: tuple[IntArray, IntArray], gain: float
) -> FloatArray:
    """A side with what two meters counted exchanged."""
    a, b = pair
    own = float((energy * part)[part != 0].sum())
    summed: FloatArray = (
        own + part[a] * (gain * energy[b] - energy[a]) + part[b] * (energy[a] / gain - energy[b])
    )
    return summed
