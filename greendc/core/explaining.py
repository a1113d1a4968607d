"""The mistake that explains best why nodes are out of balance.

A mistake is constant: with one factor on one meter, all nodes that the meter is part of must
be in balance in nearly all windows, and those that were so must stay so. Of what is left the
one is named that leaves the losses nearest to usual and most alike over time. A mistake too
small for that is seen in how a node's other side follows the meter (`slopes`), where that leaves
no doubt.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from greendc.core.balance import BoolArray, Place, Sides, State, Windows
from greendc.core.corrections import (
    changed,
    is_output,
    missing,
    oddness,
    residual,
    shows,
    spread,
    without,
)
from greendc.core.courses import Courses, chained
from greendc.core.directions import DIRECTIONS, connections, runs_backwards
from greendc.core.exchanged import AS_GOOD, exchanged
from greendc.core.mistakes import COUNTED_TWICE, MISTAKES, Mistake
from greendc.core.off import ODD, Off, newest_off
from greendc.core.plausible import IMPOSSIBLE, Plausibility
from greendc.core.resting import resting
from greendc.core.slopes import Slope, clear, worth_of
from greendc.core.suspects import ALIKE, Apart, Explanation, Finding, Known, righted
from greendc.core.unmetered import is_excess, moves_in_proportion

TWICE_RARE = 0.1  # how much better leaving a meter out must explain than a factor


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

    def search(some: Windows) -> list[Finding]:
        return list(_Search(places, some, known).findings())

    told = search(found)
    return [*told, *resting(places, found, told, search)]


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
            exchanged = self._exchanged(off)
            if exchanged:
                yield self._finding(exchanged[0], exchanged, off)
                self._put_right(exchanged[0])
                continue
            best = Courses(self.places, self.found, self.known, self.followed).explained(off)
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
            self.found = righted(self.found, first)
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
            every = self._beside_both(every, list(self._of_both(off, names)), names)
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
        lossy = {p.node.name for p in chained(mine)}
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
                    or len([name for name in right if name in lossy]) > 1
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

    def _of_both(self, off: Sequence[Off], names: set[str]) -> Iterator[Explanation]:
        """Mistakes of import and export together, which are the same at all times."""
        rows = {one.place.node.name: one.rows for one in off}
        every = {pair for one in off for pair in connections(one.place, self.known.points)}
        for pair, directions in product(sorted(every), DIRECTIONS):
            found = directions.righted(self.found, pair)
            if runs_backwards(found, pair):
                continue
            mine = [p for p in self.places if np.isin(pair, p.columns).any()]
            tries = [(p, p.sides(found)) for p in mine]
            score = self._score(tries, self._always(names), names)
            if score is not None:
                right = tuple(p.node.name for p in mine if p.node.name in names)
                sure = runs_backwards(self.found, pair)
                apart = (
                    Apart.SURELY if sure else self._apart(pair[0], directions.mistake, tries, rows)
                )
                yield Explanation(
                    pair[0],
                    directions.mistake,
                    right,
                    score - sure * IMPOSSIBLE,
                    apart=apart,
                    both=(pair[1], directions),
                )

    def _exchanged(self, off: Sequence[Off]) -> list[Explanation]:
        """Two meters taken for each other, those first that put most nodes right."""
        mine = [one for one in off if one.place.node.usual is None]
        every = list(exchanged(self.places, self.found, self.known, mine, self._score))
        most = max((len(e.nodes) for e in every), default=0)
        ranked = sorted((e for e in every if len(e.nodes) == most), key=lambda e: e.score)
        return [e for e in ranked if e.score <= AS_GOOD * ranked[0].score]

    def _beside_both(
        self, every: list[Explanation], both: list[Explanation], names: set[str]
    ) -> list[Explanation]:
        """All of these, but for factors of the same meters that do not explain all windows."""
        if not both:
            return every
        theirs = {meter for e in both if e.both is not None for meter in (e.meter, e.both[0])}
        always = self._always(names)
        kept = []
        for one in every:
            mine = [
                p for p in self.places if one.meter in p.columns and one.at in {None, p.node.name}
            ]
            tries = [(p, changed(p, self.found, one.meter, one.mistake.gain)) for p in mine]
            if one.meter not in theirs or self._score(tries, always, names) is not None:
                kept.append(one)
        return kept + both

    def _always(self, names: set[str]) -> dict[str, BoolArray]:
        return dict.fromkeys(names, np.ones(len(self.found.start), np.bool_))

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

    # -- findings ------------------------------------------------------------------------------

    def _finding(
        self, first: Explanation, best: Sequence[Explanation], off: Sequence[Off]
    ) -> Finding:
        mine = [one for one in off if one.place.node.name in first.nodes]
        main = mine[0]
        before = main.place.sides(self.found)
        if first.at is None:
            after = main.place.sides(righted(self.found, first))
        else:
            after = without(main.place, first.meter).sides(self.found)
        return Finding(
            first.nodes,
            tuple(best),
            np.any([one.rows for one in mine], axis=0),
            residual(before, main.rows),
            residual(after, main.rows),
            spread(after, main.rows),
            missing(before, main.rows, self.found.seconds),
        )

    def _course(self, first: Explanation, best: Sequence[Explanation], slope: Slope) -> Finding:
        row = np.arange(len(self.found.start)) >= len(self.found.start) - slope.steps - 1
        (place,) = (p for p in self.places if p.node.name == first.nodes[0])
        before = place.sides(self.found)
        after = changed(place, self.found, first.meter, first.mistake.gain)
        return Finding(
            first.nodes,
            tuple(best),
            row,
            residual(before, row),
            residual(after, row),
            spread(after, row),
            missing(before, row, self.found.seconds),
            slope,
        )

    def _unexplained(self, one: Off) -> Finding:
        sides = one.place.sides(self.found)
        name, rows = one.place.node.name, one.rows
        power = missing(sides, rows, self.found.seconds)
        return Finding((name,), (), rows, residual(sides, rows), None, spread(sides, rows), power)
