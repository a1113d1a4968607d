"""The mistakes that a node's course leaves no doubt of, however small they are."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from greendc.core.balance import BoolArray, Place, Windows
from greendc.core.corrections import changed
from greendc.core.directions import counted_off
from greendc.core.mistakes import COUNTED_TWICE, MISTAKES
from greendc.core.off import ODD, Off, count
from greendc.core.slopes import Slope, slopes, worth_of
from greendc.core.suspects import ALIKE, Explanation, Known

FAINT = 0.5  # worths below are what chance makes of a meter that is read too seldom


def is_followed(places: Sequence[Place], found: Windows) -> bool:
    """Whether any node moves with a meter by more or less than that shows."""
    return any(slopes(place, found) for place in chained(places))


def chained(places: Iterable[Place]) -> Iterator[Place]:
    """Nodes whose sides follow each other; between E_DC and E_IT is more than losses."""
    return (place for place in places if place.node.usual is None)


@dataclass(frozen=True)
class Courses:
    """Nodes, what was counted, and the meters with the node for which a course has been told."""

    places: Sequence[Place]
    found: Windows
    known: Known
    followed: Collection[tuple[int, str | None]]

    def explained(self, off: Sequence[Off]) -> list[tuple[Explanation, Slope]]:
        """What the course of a node leaves no doubt of, best first, and what is as good."""
        every = [
            (one, slope)
            for place in chained(self.places)
            for slope in slopes(place, self.found)
            if slope.meter not in counted_off(place, self.found, self.known.points)
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
        others = [p for p in chained(self.places) if p is not place and meter in p.columns]
        seen = [worth_of(p, self.found, meter) for p in others]
        return any(one is not None and one.doubt < FAINT / 5 and one.allows(1.0) for one in seen)

    def _stays(self, place: Place, meter: int, gain: float, row: BoolArray, *, alone: bool) -> bool:
        """Whether a correction leaves a node in balance; if not alone, as far from it as before."""
        quiet = place.quiet(self.found)
        after = changed(place, self.found, meter, gain).states(quiet)[row]
        before = 0 if alone else count(place.states(self.found)[row])
        return count(after) <= max(1, int(ODD * len(after)), before)
