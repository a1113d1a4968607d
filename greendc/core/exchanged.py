"""Two meters that show each other's readings: clamps, addresses or topics that are crossed.

One node has too much and another too little, by the same amount at the same time, and no factor on
one meter rights both. Which pairs of meters can right them is seen in sums over the windows; those
few are looked at window by window, and must take away what the nodes move by from one to the next.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from greendc.core.balance import IN_STEP, BoolArray, FloatArray, Place, Sides, Windows
from greendc.core.directions import Directions
from greendc.core.facility import IntArray
from greendc.core.mistakes import EXCHANGED, Mistake
from greendc.core.off import Off
from greendc.core.suspects import Explanation, Known
from greendc.core.uncertainty import COVERAGE_FACTOR, RECTANGULAR

BOTH = Directions(
    Mistake(
        EXCHANGED, 1.0, "show each other's readings, as of crossed clamps, addresses or topics"
    ),
    (0.0, 1.0),
    (1.0, 0.0),
)
NODES = 2  # that a pair must put right, and more than one meter alone does
STEPS = 2  # from one window to the next, that must be known
LEFT = 0.5  # of what each node moves by, at most; true pairs leave less than 0.4
AS_GOOD = 4.0  # times the squares that the best pair leaves


Score = Callable[[list[tuple[Place, Sides]], dict[str, BoolArray], set[str]], float | None]


def exchanged(
    places: Sequence[Place], found: Windows, known: Known, off: Sequence[Off], score: Score
) -> Iterator[Explanation]:
    """Pairs of meters that put right two nodes or more by being exchanged.

    Parameters
    ----------
    places, found, known
        All nodes, what was counted, and what is known of the meters.
    off
        The nodes that are out of balance.
    score
        None where nodes are not in balance, of both sides, windows to look at and names.
    """
    if len(off) < NODES:
        return
    names = {one.place.node.name for one in off}
    rows: BoolArray = np.any([one.rows for one in off], axis=0)
    since: BoolArray = np.arange(len(rows)) >= np.argmax(rows)
    for pair in crossings([one.place for one in off], found, rows):
        shown = BOTH.righted(found, pair)
        if any(known.is_impossible(shown, meter, 1.0, rows) for meter in pair):
            continue
        tries = [(p, p.sides(shown)) for p in places if np.isin(pair, p.columns).any()]
        if score(tries, dict.fromkeys(names, since), names) is None:
            continue
        right = [(p, after) for p, after in tries if p.node.name in names]
        much = sum(left(p.sides(found), after, since) for p, after in right)
        if np.isfinite(much):
            put = tuple(p.node.name for p, _ in right)
            yield Explanation(pair[0], BOTH.mistake, put, much, both=(pair[1], BOTH))


def crossings(off: Sequence[Place], found: Windows, rows: BoolArray) -> Iterator[tuple[int, int]]:
    """Pairs of meters (columns) that may put right two nodes or more by being exchanged.

    Parameters
    ----------
    off
        The nodes that are out of balance.
    found
        Windows in order.
    rows
        The windows in which they are.
    """
    members = np.unique(np.concatenate([place.columns for place in off]))
    known = rows & np.isfinite(found.energy[:, members].sum(axis=1))
    if not known.any():
        return
    energy = found.energy[known][:, members].sum(axis=0)
    limit = found.limit[known][:, members].sum(axis=0)
    seconds = float(found.seconds[known].sum())
    nodes = [_Sums(place, members, energy, limit, seconds) for place in off]
    for number, meter in enumerate(members.tolist()):
        later = slice(number + 1, None)
        touched, right = zip(*(node.exchanged(number, later) for node in nodes), strict=True)
        good = np.all(right, axis=0) & (np.sum(touched, axis=0) >= NODES)
        yield from ((meter, other) for other in members[later][good].tolist())


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


class _Sums:
    """A node's sides over all windows together [J], with some meters and their parts in them."""

    def __init__(
        self,
        place: Place,
        members: IntArray,
        energy: FloatArray,
        limit: FloatArray,
        seconds: float,
    ) -> None:
        self.energy, self.limit = energy, limit
        self.into, self.out, self.need = (
            np.bincount(np.searchsorted(members, place.columns), part, len(members))
            for part in (place.into, place.out, place.need)
        )
        self.idle = place.node.idle * seconds if place.bounded else np.inf

    def exchanged(self, meter: int, others: slice) -> tuple[BoolArray, BoolArray]:
        """Whether the node sees a meter exchanged with each of others, and is not off then."""
        moved = self.energy[others] - self.energy[meter]
        inside, outside, needed = (
            (part * self.energy).sum() + (part[meter] - part[others]) * moved
            for part in (self.into, self.out, self.need)
        )
        part, size = self.into - self.out, (self.limit / RECTANGULAR) ** 2
        variance = (part**2 * size).sum() + (part[meter] ** 2 - part[others] ** 2) * (
            size[others] - size[meter]
        )
        tolerance = COVERAGE_FACTOR * np.sqrt(np.maximum(variance, 0.0))
        tolerance += IN_STEP * np.maximum(np.abs(inside), np.abs(outside))
        right = outside - inside <= tolerance
        right &= inside - (needed + self.idle) <= tolerance
        return part[meter] != part[others], right
