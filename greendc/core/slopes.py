"""What a kWh that a meter counts is worth at a node, from how the node's other side moves with it.

A mistake that moves a node by less than its meters' classes allow is not seen in how much is
missing, but in its course: what is missing rises and falls as one meter does. From each window to
the next ``dI = c (sum dO_j + sum (w_m - 1) dO_m)``: what comes in follows what goes out, c is what
losses make of it, and ``w_m`` the worth of meters that are read wrongly: 1.5 where one of three
phases is missing, 10 where a factor of ten is, 0 where a meter does not belong there. A meter that
is an input beside others is looked at the other way round.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from greendc.core.balance import FloatArray, Place, Windows
from greendc.core.facility import IntArray
from greendc.core.uncertainty import RECTANGULAR

LENGTHS = (23, 17, 11)  # steps from window to window, the newest ones; the first that tell count
FEWEST = 5  # steps where a node is out of balance
MOST = 3  # meters of a side that are wrong at once
FOR_EACH = 5  # steps more for each beyond the first
BLOCKS = 6  # stretches that are left out in turn, to see how much the worth rests on each
WORTHWHILE = 1 / MOST  # of what is left, for each meter
AS_WELL = 2.0  # times what the best meter leaves
REMEMBERED = 18  # windows in which what was certain only has to stay likely: all that are there
NEAR = 0.03  # of a worth: marginal losses, and what linear says of them
ROOM = 0.05  # beyond plausible losses
OWN = 1e-6  # of a meter's squares that are not those of the sum; less is none


class _Demand(NamedTuple):
    """`explained`: least share of the squares of what the other side moves beside the sum.

    `apart`: least distance of a worth from 1; `sure`: the same in doubts.
    """

    explained: float
    apart: float
    sure: float


CLEAR = _Demand(0.97, 0.2, 10.0)
CERTAIN = _Demand(0.9, 0.2, 10.0)
LIKELY = _Demand(0.75, 0.2, 5.0)
ANY = _Demand(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Slope:
    """A meter (a column) whose kWh is `worth` so many at a node, but for `doubt` (k = 1).

    Seen in `steps` from one window to the next; `side` is 1 for an input, -1 for an output, `of`
    how many meters there must be wrong at once.
    """

    meter: int
    side: int
    worth: float
    doubt: float
    steps: int
    of: int = 1

    def allows(self, gain: float) -> bool:
        """Whether a meter that has to be multiplied by `gain` would look like this.

        >>> found = Slope(3, -1, 1.52, 0.02, 23)
        >>> found.allows(1.5), found.allows(3.0), found.allows(1.0)
        (True, False, False)
        """
        return abs(self.worth - gain) <= 3.0 * self.doubt + NEAR * abs(gain)

    def denies(self, gain: float) -> bool:
        """Whether a meter is read rightly by how it looks, and not with this factor.

        >>> Slope(3, -1, 1.02, 0.03, 23).denies(1.5), Slope(3, -1, 1.2, 0.2, 23).denies(1.5)
        (True, False)
        """
        right, wrong = abs(self.worth - 1.0), abs(self.worth - gain)
        return right <= 3.0 * self.doubt + NEAR and wrong > 5.0 * self.doubt + NEAR * abs(gain)


@dataclass(frozen=True, slots=True)
class _Side:
    """Steps of a side's meters (columns), shape (steps, meters), and of the other side's sum [J].

    `bounds` are those of what the other side moves by for each J of the sum.
    """

    side: int
    columns: IntArray
    moves: FloatArray
    far: FloatArray
    bounds: tuple[float, float]

    def between(self, first: int, last: int) -> "_Side":
        """Some of the steps."""
        rows = slice(max(0, first), last)
        return replace(self, moves=self.moves[rows], far=self.far[rows])


def slopes(place: Place, found: Windows) -> list[Slope]:
    """Meters of a node whose worth is certainly not 1, seen in its newest windows; best first.

    Of meters that move alike either may be the one. There are none where nothing is certain: where
    the other side moves for reasons that no meter tells, where too little moves, and where a meter
    was read rightly for a part of the time.
    """
    for seen in _sides(place, found):
        likely = _newest(seen, found, LIKELY)
        certain = _was_certain(seen, found) if likely else frozenset()
        if told := [one for one in likely if one.meter in certain]:
            return told
    return []


def clear(place: Place, found: Windows) -> list[Slope]:
    """Meters that what is missing moves with, at a node that is out of balance in all windows.

    Fewer windows tell than where a node is in balance, if they explain nearly all; a name stays
    as long as it is likely.
    """
    told: list[Slope] = []
    for seen in _sides(place, found, FEWEST):
        likely = _of(seen, found, LIKELY, FEWEST)
        upto = (seen.between(0, len(seen.far) - n) for n in range(REMEMBERED if likely else 0))
        were = {one.meter for part in upto for one in _of(part, found, CLEAR, FEWEST)}
        told += [one for one in likely if one.meter in were]
    return told


def worth_of(place: Place, found: Windows, meter: int) -> Slope | None:
    """A meter's worth at a node, whatever it is; None where the node cannot tell."""
    for seen in _sides(place, found):
        if meter in seen.columns:
            chosen = np.flatnonzero(seen.columns == meter)[:1].tolist()
            return next(iter(_worths(seen, found, chosen)), None)
    return None


def _sides(place: Place, found: Windows, least: int = LENGTHS[-1]) -> Iterator[_Side]:
    """The sides of a node that have several meters, where enough windows are known."""
    ways = [(-1, place.out, place.into)]
    if place.bounded:  # otherwise what comes out need not follow what goes in
        ways.append((1, place.into, place.out))
    several = [(*way, np.flatnonzero(way[1])) for way in ways if way[2].any()]
    several = [one for one in several if len(one[3]) > 1]
    if not several or len(found.start) <= least:
        return
    energy = found.energy[:, place.columns]
    known = np.isfinite(energy.sum(axis=1))
    moves = (energy[1:] - energy[:-1])[known[1:] & known[:-1] & (found.start[1:] == found.end[:-1])]
    if len(moves) >= least:
        for side, weight, other, members in several:
            columns = place.columns[members]
            own, far = moves[:, members] * weight[members], (moves * other).sum(axis=1)
            yield _Side(side, columns, own, far, _bounds(place, side))


def _bounds(place: Place, side: int) -> tuple[float, float]:
    """What the other side may move by for each kWh of this one."""
    least = min(share for _, share in place.node.outputs)
    if side > 0:
        return least - ROOM, 1.0 + ROOM
    return 1.0 - ROOM, 1.0 / least + ROOM if place.bounded else np.inf


def _was_certain(seen: _Side, found: Windows) -> frozenset[int]:
    """Meters that were certain in one of the newest windows, so that findings do not flicker."""
    upto = (seen.between(0, len(seen.far) - before) for before in range(REMEMBERED))
    return frozenset(one.meter for part in upto for one in _newest(part, found, CERTAIN))


def _newest(seen: _Side, found: Windows, demand: _Demand) -> list[Slope]:
    """What the longest of the newest stretches tells that tells anything."""
    count = len(seen.far)
    stretches = (seen.between(count - n, count) for n in LENGTHS if n <= count)
    return next((told for one in stretches if (told := _of(one, found, demand))), [])


def _of(seen: _Side, found: Windows, demand: _Demand, steps: int = LENGTHS[-1]) -> list[Slope]:
    """As few meters as explain what the other side does, and those that do it as well."""
    chosen: list[int] = []
    total = seen.moves.sum(axis=1)
    least = OWN * (seen.moves**2).sum(axis=0)
    own, left = _beside(total, seen.moves), _beside(total, seen.far[:, None])[:, 0]
    whole = rest = float((left**2).sum())
    while len(chosen) < MOST and len(left) >= steps + FOR_EACH * len(chosen):
        size = (own**2).sum(axis=0)
        gain = np.where(size > least, _along(left, own) ** 2 / np.maximum(size, least + 1e-9), 0.0)
        best = int(np.argmax(gain))
        if gain[best] <= WORTHWHILE * rest:
            break
        as_well = AS_WELL * (rest - gain[best]) + OWN * whole
        enough = rest - gain <= min((1 - demand.explained) * whole, as_well)
        if enough[best]:
            alike = sorted(np.flatnonzero(enough).tolist(), key=lambda m: -gain[m])
            told: dict[int, Slope] = {}
            for last in alike:
                for one in _worths(seen, found, [*chosen, last], demand):
                    told.setdefault(one.meter, one)
            return list(told.values())
        chosen.append(best)
        way = own[:, best].copy()
        own, left = _beside(way, own), _beside(way, left[:, None])[:, 0]
        own[:, best] = 0.0
        rest = float((left**2).sum())
    return []


def _along(way: FloatArray, columns: FloatArray) -> FloatArray:
    """Products of a column with others, added up in order as everywhere in the core."""
    found: FloatArray = (way[:, None] * columns).sum(axis=0)
    return found


def _beside(way: FloatArray, columns: FloatArray) -> FloatArray:
    """Columns without what of them goes in the direction of `way`."""
    size = float((way**2).sum())
    found: FloatArray = columns - way[:, None] * (_along(way, columns) / size) if size else columns
    return found


def _solved(basis: FloatArray) -> FloatArray:
    """Rows that give the least squares' weight of each column; NaN where others make it up."""
    rows = []
    for i in range(basis.shape[1]):
        turned = np.roll(basis, -1 - i, axis=1)
        for j in range(basis.shape[1] - 1):
            turned = _beside(turned[:, j].copy(), turned)
        own = turned[:, -1]
        rows.append(own / ((own * basis[:, i]).sum() or np.nan))
    return np.array(rows)


def _worths(
    seen: _Side, found: Windows, chosen: Sequence[int], demand: _Demand = ANY
) -> Iterator[Slope]:
    """What some meters are worth, where that is not 1.

    Doubts are of courses, by a jackknife over stretches, and of classes. None where the rest of the
    node moves by what no losses make of it.
    """
    basis = np.column_stack([seen.moves.sum(axis=1), seen.moves[:, chosen]])
    weights, (low, high) = _solved(basis), seen.bounds
    ratio, worth = _fitted(weights, seen.far)
    apart = np.abs(worth - 1.0)
    if not low <= ratio <= high or not (apart >= demand.apart).any():
        return
    blocks = min(BLOCKS, len(seen.far))
    block = np.arange(len(seen.far)) * blocks // len(seen.far)
    parts = ((_solved(basis[block != b]), seen.far[block != b]) for b in range(blocks))
    ratios, several = map(np.array, zip(*(_fitted(*one) for one in parts), strict=True))
    if not ((low <= ratios) & (ratios <= high)).all():
        return
    courses = (blocks - 1) * several.var(axis=0)
    classes = _classes(found, seen.columns) / RECTANGULAR
    shares = np.array([_along(row, seen.moves) for row in weights[1:]])
    doubt = np.sqrt(courses + ((shares * classes) ** 2).sum(axis=1))
    certain = (apart >= demand.apart) & (apart >= demand.sure * doubt)
    for i in np.flatnonzero(certain).tolist():
        meter, steps = int(seen.columns[chosen[i]]), len(seen.far)
        yield Slope(meter, seen.side, float(worth[i]), float(doubt[i]), steps, len(chosen))


def _fitted(weights: FloatArray, far: FloatArray) -> tuple[float, FloatArray]:
    """What losses make of the sum, and each meter's worth."""
    ratio, *more = (weights * far).sum(axis=1).tolist()
    return ratio, 1.0 + np.array(more) / (ratio or np.nan)


def _classes(found: Windows, columns: IntArray) -> FloatArray:
    """How far each meter may be off, as a share of what it counted."""
    size = np.abs(found.energy[:, columns])
    known = np.isfinite(size.sum(axis=1))
    share = found.limit[known][:, columns] / np.maximum(size[known], 1e-9)
    classes: FloatArray = np.minimum(np.median(share, axis=0), 1.0)
    return classes
