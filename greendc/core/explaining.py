"""The mistake that explains best why nodes are out of balance.

A mistake is constant: with one factor on one meter, all nodes that the meter is part of must
be in balance in nearly all windows, and those that were so must stay so. Of what is left the
one is named that leaves the losses nearest to usual and most alike over time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from greendc.core.balance import BoolArray, FloatArray, Place, Sides, State, StateArray, Windows
from greendc.core.mistakes import COUNTED_TWICE, MISTAKES, Mistake

PERSISTENT = 3  # windows in a row before anything is said
ODD = 0.1  # of the windows that may be out of balance after a correction; one always
ALIKE = 0.35  # how near another explanation must come to be named beside the best one
LEAST_WIDTH = 0.02  # of the bounds of a node, as a ratio
OVERLOAD = 1.2  # of a rating
UNLIKE = 1.5  # for each decade that a meter is from others like it, beyond
ALIKE_DECADES = 0.5
TWICE_RARE = 0.1  # how much better leaving a meter out must explain than a factor


@dataclass(frozen=True, slots=True)
class Off:
    """A node out of balance in its newest windows, `rows` of them."""

    place: Place
    rows: BoolArray


@dataclass(frozen=True, slots=True)
class Explanation:
    """One mistake of one meter (a column), what it puts right, and how well: less is better.

    `at` is the only node where it is made, None for all; `nodes` are those put right.
    """

    meter: int
    mistake: Mistake
    nodes: tuple[str, ...]
    score: float
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Nodes out of balance and what explains it best; `explanations` may be none, or several.

    The first one is the most likely; those after it explain it about as well.
    """

    nodes: tuple[str, ...]
    explanations: tuple[Explanation, ...]
    rows: BoolArray
    before: float
    after: float | None
    spread: float


def newest_off(place: Place, states: StateArray) -> Off | None:
    """A node's newest windows in a row that are out of balance, where they are enough."""
    known = np.flatnonzero(states != State.UNKNOWN)
    bad = states[known] != State.BALANCED
    good = np.flatnonzero(~bad)
    row = known[good[-1] + 1 :] if len(good) else known
    if len(row) < PERSISTENT:
        return None
    rows = np.zeros(len(states), np.bool_)
    rows[row] = True
    return Off(place, rows)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the meters of the columns beside what they counted.

    `rated` are their ratings, NaN where there is none [W]; `points` where they sit; `doubted` are
    those whose readings are left out of all figures.
    """

    rated: FloatArray
    points: Sequence[str]
    doubted: BoolArray


def findings(places: Sequence[Place], found: Windows, known: Known) -> list[Finding]:
    """All that is out of balance in the newest windows, one mistake after the other.

    Parameters
    ----------
    places
        The nodes.
    found
        Windows in order, the newest last.
    known
        Of the meters.
    """
    return list(_Search(places, found, known).findings())


@dataclass
class _Search:
    places: Sequence[Place]
    found: Windows
    known: Known
    told: set[str] = field(default_factory=set)

    def findings(self) -> Iterator[Finding]:
        """One mistake at a time; what it explains is put right for the search for others."""
        while off := [one for one in self._off() if one.place.node.name not in self.told]:
            best = self._explained(off)
            if not best:
                yield from (self._unexplained(one) for one in off)
                return
            first = best[0]
            yield self._finding(first, best, off)
            self._put_right(first)

    def _off(self) -> list[Off]:
        each = (newest_off(p, p.states(self.found)) for p in self.places)
        return [one for one in each if one is not None]

    def _put_right(self, first: Explanation) -> None:
        if first.at is None:
            self.found = self.found.scaled(first.meter, first.mistake.gain)
        else:
            self.places = [
                _without(p, first.meter) if p.node.name == first.at else p for p in self.places
            ]
        self.told |= set(first.nodes)

    # -- explanations --------------------------------------------------------------------------

    def _explained(self, off: Sequence[Off]) -> list[Explanation]:
        """What explains most nodes, best first, and what is as good."""
        names = {one.place.node.name for one in off}
        meters = sorted({int(c) for one in off for c in one.place.columns})
        rows: BoolArray = np.any([one.rows for one in off], axis=0)
        odd = [meter for meter in meters if self._is_odd(meter, rows)]
        every = [e for meter in odd for e in self._of_meter(meter, off, names)]
        if not every:
            every = [e for meter in meters for e in self._of_meter(meter, off, names)]
        if not every:
            return []
        most = max(len(e.nodes) for e in every)
        ranked = sorted((e for e in every if len(e.nodes) == most), key=lambda e: e.score)
        best = ranked[0]
        return [e for e in ranked if e.score <= best.score + ALIKE and e.nodes == best.nodes]

    def _is_odd(self, meter: int, rows: BoolArray) -> bool:
        """Whether a meter's readings are by themselves not to be believed."""
        energy = self.found.energy[rows, meter]
        backwards = np.isfinite(energy).any() and float(np.nanmedian(energy)) < 0
        return bool(self.known.doubted[meter] or backwards)

    def _of_meter(self, meter: int, off: Sequence[Off], names: set[str]) -> Iterator[Explanation]:
        mine = [p for p in self.places if meter in p.columns]
        rows = {one.place.node.name: one.rows for one in off}
        for mistake in MISTAKES:
            if self._impossible(meter, mistake.gain, rows, mine):
                continue
            tries = [(p, _changed(p, self.found, meter, mistake.gain)) for p in mine]
            score = self._score(tries, rows, names)
            if score is not None:
                right = tuple(p.node.name for p in mine if p.node.name in names)
                unlike = self._unlike(meter, mistake.gain, rows)
                yield Explanation(meter, mistake, right, score + mistake.rare + unlike)
        for place in mine:
            name = place.node.name
            if name not in names or not _is_output(place, meter) or len(place.node.outputs) < 2:
                continue
            tries = [(place, _changed(place, self.found, meter, 0.0))]
            score = self._score(tries, rows, names)
            if score is not None:
                unlike = TWICE_RARE + self._unlike(meter, 1.0, rows)
                yield Explanation(meter, COUNTED_TWICE, (name,), score + unlike, name)

    def _unlike(self, meter: int, gain: float, rows: dict[str, BoolArray]) -> float:
        """How far a meter's power would be from that of others at such a point, by ratings."""
        same = [i for i, p in enumerate(self.known.points) if p == self.known.points[meter]]
        others = [i for i in same if i != meter]
        if not others:
            return 0.0
        row: BoolArray = np.any(list(rows.values()), axis=0)
        usual = np.array([_median(self.found.energy[row, i]) for i in (meter, *others)])
        rated = self.known.rated[[meter, *others]]
        if np.isfinite(rated).all():
            usual = usual / rated
        peers = usual[1:][usual[1:] > 0]
        mine = gain * usual[0]
        if not len(peers) or not mine > 0:
            return 0.0
        decades = abs(float(np.log10(mine / np.median(peers))))
        return UNLIKE * max(0.0, decades - ALIKE_DECADES)

    def _impossible(
        self, meter: int, gain: float, rows: dict[str, BoolArray], mine: Sequence[Place]
    ) -> bool:
        """Whether the meter would be beyond its rating, or run backwards."""
        spans = [rows[p.node.name] for p in mine if p.node.name in rows]
        row = np.any(spans, axis=0)
        with np.errstate(invalid="ignore"):
            power = gain * self.found.energy[row, meter] / self.found.seconds[row]
        usual = float(np.nanmedian(power)) if np.isfinite(power).any() else np.nan
        return usual > OVERLOAD * self.known.rated[meter] or usual < 0

    def _score(
        self,
        tries: Iterable[tuple[Place, Sides]],
        rows: dict[str, BoolArray],
        names: set[str],
    ) -> float | None:
        """How far from usual losses are and how much they change; None where balance is not back.

        Nodes that the meter is part of and that were in balance must stay so.
        """
        scores = []
        span: BoolArray = np.any([rows[name] for name in names], axis=0)
        for place, sides in tries:
            row: BoolArray = rows.get(place.node.name, span)
            states = sides.states(place.quiet(self.found))[row]
            known = states != State.UNKNOWN
            if not known.any():
                continue
            if (states[known] != State.BALANCED).sum() > max(1, ODD * known.sum()):
                return None
            if place.node.name in names:
                scores.append(_oddness(place, sides, row))
        return max(scores, default=None)

    # -- findings ------------------------------------------------------------------------------

    def _finding(
        self, first: Explanation, best: Sequence[Explanation], off: Sequence[Off]
    ) -> Finding:
        mine = [one for one in off if one.place.node.name in first.nodes]
        main = mine[0]
        before = main.place.sides(self.found)
        gain = first.mistake.gain
        after = _changed(main.place, self.found, first.meter, gain)
        return Finding(
            first.nodes,
            tuple(best),
            np.any([one.rows for one in mine], axis=0),
            _residual(before, main.rows),
            _residual(after, main.rows),
            _spread(after, main.rows),
        )

    def _unexplained(self, one: Off) -> Finding:
        sides = one.place.sides(self.found)
        spread = _spread(sides, one.rows)
        return Finding(
            (one.place.node.name,), (), one.rows, _residual(sides, one.rows), None, spread
        )


def _median(energy: FloatArray) -> float:
    known = energy[np.isfinite(energy)]
    return float(np.median(known)) if len(known) else float("nan")


def _is_output(place: Place, meter: int) -> bool:
    return bool((place.out[place.columns == meter] > 0).any())


def _without(place: Place, meter: int) -> Place:
    """A node without one of its outputs."""
    kept = np.where((place.columns == meter) & (place.out > 0), 0.0, 1.0)
    return Place(
        place.node,
        place.columns,
        place.into,
        place.out * kept,
        place.need * kept,
        place.bounded,
        place.rating,
    )


def _changed(place: Place, found: Windows, meter: int, gain: float) -> Sides:
    """Both sides with what one meter counted multiplied."""
    sides = place.sides(found)
    mine = place.columns == meter
    more = (gain - 1.0) * found.energy[:, meter]
    limit = found.limit[:, meter]
    own = ((place.into - place.out)[mine] ** 2).sum() / 3.0
    return Sides(
        sides.inside + place.into[mine].sum() * more,
        sides.outside + place.out[mine].sum() * more,
        sides.needed + place.need[mine].sum() * more,
        sides.variance + own * limit**2 * (gain**2 - 1.0),
    )


def _ratio(sides: Sides, row: BoolArray) -> FloatArray:
    """Input over output in the windows where both are positive."""
    inside, outside = sides.inside[row], sides.outside[row]
    good = np.isfinite(inside + outside) & (inside > 0) & (outside > 0)
    found: FloatArray = inside[good] / outside[good]
    return found


def _oddness(place: Place, sides: Sides, row: BoolArray) -> float:
    """How far the ratio of input to output is from usual, in widths of its bounds, and its spread.

    The spread counts more: a mistake is constant, and losses hardly change from hour to hour.
    """
    ratio = np.log(np.maximum(_ratio(sides, row), 1e-9))
    if not len(ratio):
        return np.inf
    width = LEAST_WIDTH
    usual = 0.0
    if place.bounded:
        with np.errstate(divide="ignore", invalid="ignore"):
            most = np.log(sides.needed[row] / sides.outside[row])
        width = max(LEAST_WIDTH, float(np.nanmedian(most)))
        usual = width / 2 if place.node.usual is None else float(np.log(place.node.usual))
    away = abs(float(np.median(ratio)) - usual) / width
    return away + 2.0 * float(ratio.std()) / width


def _residual(sides: Sides, row: BoolArray) -> float:
    """Median over windows of what is missing behind the inputs, as a share of the larger side."""
    inside, outside = sides.inside[row], sides.outside[row]
    larger = np.maximum(np.maximum(np.abs(inside), np.abs(outside)), 1e-9)
    return float(np.nanmedian((inside - outside) / larger))


def _spread(sides: Sides, row: BoolArray) -> float:
    """Standard deviation of the ratio of input to output, relative to its mean."""
    ratio = _ratio(sides, row)
    return float(ratio.std() / ratio.mean()) if len(ratio) else float("nan")
