"""Which meters stand behind which: what an operator who knows the wiring would declare."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from greendc.core.nodes import STAGES, is_load
from greendc.simulate.books import Balance
from greendc.simulate.truth import Point

Points = Mapping[str, Point]


def fed_by(
    found: Iterable[Balance], points: Points, metered: AbstractSet[str]
) -> Mapping[str, dict[str, list[str]]]:
    """The key `fed_by` of each meter behind others: the nearest ones before it.

    Nothing is said of meters that have loads without one behind them: what is missing there would
    be taken for a loss.
    """
    wires = _Wires(found, points, metered)
    used = (name for name in points if name in metered and _is_fed(points[name]))
    named = {name: list(dict.fromkeys(wires.nearest(name))) for name in used}
    told = {name for before in named.values() for name in before if wires.whole(name)}
    while cut := {n for b in named.values() if not told.issuperset(b) for n in b} & told:
        told -= cut  # of what feeds a place together all or nothing is told
    return {n: {"fed_by": before} for n, before in named.items() if before and before[0] in told}


class _Wires:
    """Points before and behind each one, whether metered or not."""

    def __init__(self, found: Iterable[Balance], points: Points, metered: AbstractSet[str]) -> None:
        self._points, self._metered = points, metered
        self._above: dict[str, list[str]] = {}
        self._below: dict[str, list[str]] = {}
        for inputs, outputs in found:
            if all(_carries(points[name]) for name in inputs):
                fed = [name for name in outputs if _is_fed(points[name])]
                for name in fed:
                    self._above.setdefault(name, []).extend(inputs)
                for name in inputs:
                    self._below.setdefault(name, []).extend(fed)

    def nearest(self, name: str) -> Iterator[str]:
        """The first meters on the way up."""
        for before in self._above.get(name, ()):
            yield from (before,) if before in self._metered else self.nearest(before)

    def whole(self, name: str) -> bool:
        """Whether all loads behind a point have a meter somewhere."""
        behind = self._below.get(name, ())
        if not behind:  # a battery takes nothing for good
            return self._points[name].point == "none"
        return all(after in self._metered or self.whole(after) for after in behind)


def _carries(point: Point) -> bool:
    """Whether electricity goes through a point to others."""
    on_the_way = any(point.point in points for points in STAGES)
    return on_the_way or (point.point == "none" and point.quantity == "power")


def _is_fed(point: Point) -> bool:
    return _carries(point) or is_load(point.point) or point.point == "export"
