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

from greendc.core.balance import BoolArray, Place, Sides, State, StateArray, Windows
from greendc.core.corrections import (
    changed,
    is_output,
    oddness,
    residual,
    shows,
    spread,
    without,
)
from greendc.core.mistakes import COUNTED_TWICE, MISTAKES, Mistake
from greendc.core.plausible import Plausibility
from greendc.core.slopes import Slope, clear, slopes, worth_of
from greendc.core.suspects import Apart, Explanation, Finding, Known
from greendc.core.unmetered import is_excess, moves_in_proportion

PERSISTENT = 3  # windows in a row before anything is said, or no longer
ODD = 0.1  # of the windows that may be out of balance after a correction; one always
ALIKE = 0.35  # how near another explanation must come to be named beside the best one
TWICE_RARE = 0.1  # how much better leaving a meter out must explain than a factor
FAINT = 0.5  # worths below are what chance makes of a meter that is read too seldom


@dataclass(frozen=True, slots=True)
class Off:
    """A node out of balance in its newest windows, `rows` of them."""

    place: Place
    rows: BoolArray


def newest_off(place: Place, states: StateArray) -> Off | None:
    """A node's newest windows out of balance: it takes so many in a row to begin and to end."""
    known = np.flatnonzero(states != State.UNKNOWN)
    bad: BoolArray = states[known] != State.BALANCED
    begun, ended = _last_run(bad), _last_run(~bad)
    if begun <= ended:
        return None
    rows = np.zeros(len(states), np.bool_)
    rows[known[ended + 1 :][bad[ended + 1 :]]] = True
    return Off(place, rows)


def _last_run(there: BoolArray) -> int:
    """Where the last run that is long enough ends; -1 for none."""
    ends = np.flatnonzero(
        np.all([there[i : len(there) - PERSISTENT + 1 + i] for i in range(PERSISTENT)], axis=0)
    )
    return int(ends[-1]) + PERSISTENT - 1 if len(ends) else -1


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
    clear: dict[str, list[Slope]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with what was counted."""
        self.site = Plausibility(self.known.totals)

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
                if any(one.apart is Apart.NOT for one in explained):
                    self.told |= set(first.nodes)
                    continue
            else:
                return
            self._put_right(first)

    def _off(self) -> list[Off]:
        each = (newest_off(p, p.states(self.found)) for p in self.places)
        return [one for one in each if one is not None]

    def _put_right(self, first: Explanation) -> None:
        self.site, self.clear = Plausibility(self.known.totals), {}
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
        odd = [meter for meter in meters if self.known.is_odd(self.found, meter, rows)]
        every = [e for meter in odd for e in self._of_meter(meter, off, names)]
        if not every:
            every = [e for meter in meters for e in self._of_meter(meter, off, names)]
        if not every:
            return []
        most = max(len(e.nodes) for e in every)
        ranked = sorted((e for e in every if len(e.nodes) == most), key=lambda e: e.score)
        ranked = [e for e in ranked if e.apart is Apart.SURELY] or ranked
        best = ranked[0]
        return [
            e
            for e in ranked
            if e.nodes == best.nodes and (e.score <= best.score + ALIKE or e.meter == best.meter)
        ]

    def _of_meter(self, meter: int, off: Sequence[Off], names: set[str]) -> Iterator[Explanation]:
        mine = [p for p in self.places if meter in p.columns]
        rows = {one.place.node.name: one.rows for one in off}
        span: BoolArray = np.any(list(rows.values()), axis=0)
        own: BoolArray = np.any([rows[p.node.name] for p in mine if p.node.name in rows], axis=0)
        if not shows(self.found, meter, own):
            return
        seen = self._seen(meter, off)
        odd = self.known.is_odd(self.found, meter, own)
        # what has no meter is missing in E_DC or E_IT as well
        chained = {p.node.name for p in _chained(mine)}
        for mistake in (m for m in MISTAKES if not any(s.denies(m.gain) for s in seen.values())):
            if self.known.is_impossible(self.found, meter, mistake.gain, own):
                continue
            tries = [(p, changed(p, self.found, meter, mistake.gain)) for p in mine]
            score = self._score(tries, rows, names)
            if score is not None:
                right = tuple(p.node.name for p in mine if p.node.name in names)
                unlike = self.known.unlike(self.found, meter, mistake.gain, span)
                doubt = self.site.doubt(self.found, own, meter, mistake.gain)
                sure = (
                    odd
                    or len([name for name in right if name in chained]) > 1
                    or doubt < self.site.doubt(self.found, own, meter, 1.0)
                )
                apart = Apart.SURELY if sure else self._apart(meter, mistake, tries, rows)
                score += mistake.rare + unlike + doubt
                yield Explanation(meter, mistake, right, score, apart=apart)
        yield from self._of_twice(meter, mine, rows, seen)

    def _of_twice(
        self,
        meter: int,
        mine: Iterable[Place],
        rows: dict[str, BoolArray],
        seen: dict[str, Slope],
    ) -> Iterator[Explanation]:
        names = set(rows)
        span: BoolArray = np.any(list(rows.values()), axis=0)
        for place in (p for p in mine if is_output(p, meter) and len(p.node.outputs) > 1):
            name = place.node.name
            if name not in names or (name in seen and seen[name].denies(0.0)):
                continue
            tries = [(place, changed(place, self.found, meter, 0.0))]
            score = self._score(tries, rows, names)
            if score is not None:
                unlike = TWICE_RARE + self.known.unlike(self.found, meter, 1.0, span)
                apart = self._apart(meter, COUNTED_TWICE, tries, rows)
                yield Explanation(meter, COUNTED_TWICE, (name,), score + unlike, name, apart)

    def _apart(
        self,
        meter: int,
        mistake: Mistake,
        tries: Iterable[tuple[Place, Sides]],
        rows: dict[str, BoolArray],
    ) -> Apart:
        """How well the only node that a mistake puts right tells it from what has no meter."""
        for place, after in tries:
            row = rows.get(place.node.name)
            if row is not None:
                moved = (s for s in self._clear(place, row) if s.meter == meter)
                if any(one.allows(mistake.gain) for one in moved) or moves_in_proportion(
                    place, self.found, after, row, meter
                ):
                    return Apart.SURELY
                if is_excess(place.sides(self.found), row):
                    return Apart.EXCESS
        return Apart.NOT

    def _clear(self, place: Place, row: BoolArray) -> list[Slope]:
        name = place.node.name
        if name not in self.clear:
            since = self.found.between(slice(int(np.argmax(row)), None))
            self.clear[name] = clear(place, since)
        return self.clear[name]

    def _seen(self, meter: int, off: Sequence[Off]) -> dict[str, Slope]:
        """What the course of each node tells of a meter since it is out of balance."""
        mine = [(one.place, int(np.argmax(one.rows))) for one in off if meter in one.place.columns]
        seen = {
            p.node.name: worth_of(p, self.found.between(slice(first, None)), meter)
            for p, first in mine
        }
        return {name: slope for name, slope in seen.items() if slope is not None}

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
        odd = [pair for pair in every if self.known.is_odd(self.found, pair[0].meter, newest)]
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
            kept = at is not None or not self.known.is_impossible(self.found, meter, gain, row)
            if kept and all(
                self._stays(p, meter, gain, row, alone=p is place and slope.of == 1) for p in mine
            ):
                away = abs(slope.worth - gain) / (3.0 * slope.doubt + abs(gain) / 100 + 1e-9)
                unlike = self.known.unlike(self.found, meter, 1.0 if at else gain, row)
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


def _bad(states: StateArray) -> int:
    return int(((states != State.BALANCED) & (states != State.UNKNOWN)).sum())
