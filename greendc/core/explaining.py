"""The mistake that explains best why nodes are out of balance.

A mistake is constant: with one factor on one meter, all nodes that the meter is part of must
be in balance in nearly all windows, and those that were so must stay so. Of what is left the
one is named that leaves the losses nearest to usual and most alike over time. A mistake too
small for that is seen in how a node's other side follows the meter (`slopes`), where that leaves
no doubt.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from greendc.core.balance import BoolArray, FloatArray, Place, Sides, State, StateArray, Windows
from greendc.core.corrections import changed, is_output, oddness, residual, spread, without
from greendc.core.mistakes import COUNTED_TWICE, MISTAKES, Mistake
from greendc.core.slopes import Slope, slopes, worth_of

PERSISTENT = 3  # windows in a row before anything is said
ODD = 0.1  # of the windows that may be out of balance after a correction; one always
ALIKE = 0.35  # how near another explanation must come to be named beside the best one
OVERLOAD = 1.2  # of a rating
UNLIKE = 1.5  # for each decade that a meter is from others like it, beyond
ALIKE_DECADES = 0.5
TWICE_RARE = 0.1  # how much better leaving a meter out must explain than a factor
FAINT = 0.5  # worths below are what chance makes of a meter that is read too seldom


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

    The first one is the most likely; those after it explain it about as well. With `slope` the
    first node's other side follows the meter in a way that only this mistake explains.
    """

    nodes: tuple[str, ...]
    explanations: tuple[Explanation, ...]
    rows: BoolArray
    before: float
    after: float | None
    spread: float
    slope: Slope | None = None


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


def is_followed(places: Sequence[Place], found: Windows) -> bool:
    """Whether any node moves with a meter by more or less than that shows."""
    return any(slopes(place, found) for place in _chained(places))


def _chained(places: Iterable[Place]) -> Iterator[Place]:
    """Nodes whose sides follow each other; between E_DC and E_IT is more than losses."""
    return (place for place in places if place.node.usual is None)


@dataclass
class _Search:
    places: Sequence[Place]
    found: Windows
    known: Known
    told: set[str] = field(default_factory=set)
    followed: set[tuple[int, str | None]] = field(default_factory=set)

    def findings(self) -> Iterator[Finding]:
        """One mistake at a time; what it explains is put right for the search for others."""
        while True:
            off = [one for one in self._off() if one.place.node.name not in self.told]
            best = self._followed(off)
            if best:
                first, slope = best[0]
                self.followed.add((first.meter, first.at))
                yield self._course(first, [one for one, _ in best], slope)
            elif off:
                explained = self._explained(off)
                if not explained:
                    yield from (self._unexplained(one) for one in off)
                    return
                first = explained[0]
                yield self._finding(first, explained, off)
            else:
                return
            self._put_right(first)

    def _off(self) -> list[Off]:
        each = (newest_off(p, p.states(self.found)) for p in self.places)
        return [one for one in each if one is not None]

    def _put_right(self, first: Explanation) -> None:
        if first.at is None:
            self.found = self.found.scaled(first.meter, first.mistake.gain)
        else:
            self.places = [
                without(p, first.meter) if p.node.name == first.at else p for p in self.places
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
        span: BoolArray = np.any(list(rows.values()), axis=0)
        own: BoolArray = np.any([rows[p.node.name] for p in mine if p.node.name in rows], axis=0)
        for mistake in MISTAKES:
            if self._impossible(meter, mistake.gain, own):
                continue
            tries = [(p, changed(p, self.found, meter, mistake.gain)) for p in mine]
            score = self._score(tries, rows, names)
            if score is not None:
                right = tuple(p.node.name for p in mine if p.node.name in names)
                unlike = self._unlike(meter, mistake.gain, span)
                yield Explanation(meter, mistake, right, score + mistake.rare + unlike)
        for place in mine:
            name = place.node.name
            if name not in names or not is_output(place, meter) or len(place.node.outputs) < 2:
                continue
            tries = [(place, changed(place, self.found, meter, 0.0))]
            score = self._score(tries, rows, names)
            if score is not None:
                unlike = TWICE_RARE + self._unlike(meter, 1.0, span)
                yield Explanation(meter, COUNTED_TWICE, (name,), score + unlike, name)

    def _unlike(self, meter: int, gain: float, row: BoolArray) -> float:
        """How far a meter's power would be from that of others at such a point, by ratings."""
        same = [i for i, p in enumerate(self.known.points) if p == self.known.points[meter]]
        others = [i for i in same if i != meter]
        if not others:
            return 0.0
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

    def _impossible(self, meter: int, gain: float, row: BoolArray) -> bool:
        """Whether the meter would be beyond its rating, or run backwards."""
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
                scores.append(oddness(place, sides, row))
        return max(scores, default=None)

    # -- courses -------------------------------------------------------------------------------

    def _followed(self, off: Sequence[Off]) -> list[tuple[Explanation, Slope]]:
        """What the course of a node leaves no doubt of, best first, and what is as good."""
        every = [
            (one, slope)
            for place in _chained(self.places)
            for slope in slopes(place, self.found)
            for one in self._of_slope(place, slope, off)
            if (one.meter, one.at) not in self.followed
        ]
        newest = np.ones(len(self.found.start), np.bool_)
        odd = [pair for pair in every if self._is_odd(pair[0].meter, newest)]
        ranked = sorted(odd or every, key=lambda pair: pair[0].score)
        return [
            (one, slope)
            for one, slope in ranked
            if one.score <= ranked[0][0].score + ALIKE and one.nodes == ranked[0][0].nodes
        ]

    def _of_slope(self, place: Place, slope: Slope, off: Sequence[Off]) -> Iterator[Explanation]:
        meter, name = slope.meter, place.node.name
        row = np.arange(len(self.found.start)) >= len(self.found.start) - slope.steps - 1
        nodes = tuple(p.place.node.name for p in off if meter in p.place.columns) or (name,)
        sure = any(one.place is place for one in off) or self._is_seen_beside(place, meter)
        twice = [COUNTED_TWICE] if slope.side < 0 else []
        for mistake in (*MISTAKES, *twice):
            gain, at = mistake.gain, name if mistake is COUNTED_TWICE else None
            if not slope.allows(gain) or (abs(gain) < FAINT and not sure):
                continue
            mine = [p for p in self.places if meter in p.columns and at in {None, p.node.name}]
            kept = at is not None or not self._impossible(meter, gain, row)
            if kept and all(
                self._stays(p, meter, gain, row, alone=p is place and slope.of == 1) for p in mine
            ):
                away = abs(slope.worth - gain) / (3.0 * slope.doubt + abs(gain) / 100 + 1e-9)
                unlike = self._unlike(meter, 1.0 if at else gain, row)
                score = away + mistake.rare + unlike
                yield Explanation(meter, mistake, nodes if at is None else (name,), score, at)

    def _is_seen_beside(self, place: Place, meter: int) -> bool:
        """Whether the course of a meter is right elsewhere: then it is no noise of its own."""
        others = [p for p in _chained(self.places) if p is not place and meter in p.columns]
        seen = [worth_of(p, self.found, meter) for p in others]
        return any(one is not None and one.doubt < FAINT / 5 and one.allows(1.0) for one in seen)

    def _stays(self, place: Place, meter: int, gain: float, row: BoolArray, *, alone: bool) -> bool:
        """Whether a correction leaves a node in balance; if not alone, as far from it as before."""
        quiet = place.quiet(self.found)
        after = changed(place, self.found, meter, gain).states(quiet)[row]
        before = 0 if alone else _bad(place.states(self.found)[row])
        return _bad(after) <= max(1, int(ODD * len(after)), before)

    # -- findings ------------------------------------------------------------------------------

    def _finding(
        self, first: Explanation, best: Sequence[Explanation], off: Sequence[Off]
    ) -> Finding:
        mine = [one for one in off if one.place.node.name in first.nodes]
        main = mine[0]
        before = main.place.sides(self.found)
        gain = first.mistake.gain
        after = changed(main.place, self.found, first.meter, gain)
        return Finding(
            first.nodes,
            tuple(best),
            np.any([one.rows for one in mine], axis=0),
            residual(before, main.rows),
            residual(after, main.rows),
            spread(after, main.rows),
        )

    def _course(self, first: Explanation, best: Sequence[Explanation], slope: Slope) -> Finding:
        row = np.arange(len(self.found.start)) >= len(self.found.start) - slope.steps - 1
        (place,) = (p for p in self.places if p.node.name == first.nodes[0])
        after = changed(place, self.found, first.meter, first.mistake.gain)
        return Finding(
            first.nodes,
            tuple(best),
            row,
            residual(place.sides(self.found), row),
            residual(after, row),
            spread(after, row),
            slope,
        )

    def _unexplained(self, one: Off) -> Finding:
        sides = one.place.sides(self.found)
        name, rows = one.place.node.name, one.rows
        return Finding((name,), (), rows, residual(sides, rows), None, spread(sides, rows))


def _median(energy: FloatArray) -> float:
    known = energy[np.isfinite(energy)]
    return float(np.median(known)) if len(known) else float("nan")


def _bad(states: StateArray) -> int:
    return int(((states != State.BALANCED) & (states != State.UNKNOWN)).sum())
