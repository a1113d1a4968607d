"""Which accounts and spans a step has touched, and what has been written of them before."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from greendc.core.facility import DAY, EVER, HOUR

Span = tuple[int, int]
Borders = Callable[[int, int], Sequence[int]]  # around [lo, hi)

APART = DAY  # changes further apart are rolled up by themselves


@dataclass(slots=True)
class Marks:
    """Up to which end each account's rows of each period have been written."""

    written: dict[str, dict[str, int]] = field(default_factory=dict)

    def upto(self, period: str, name: str) -> int:
        """End of the last row written; before all time if there is none."""
        return self.written.get(period, {}).get(name, -EVER)

    def fresh(self, period: str, name: str, least: int, most: int) -> bool:
        """Whether no end from `least` to `most` can have been written; notes them as written."""
        before = self.upto(period, name)
        self.written.setdefault(period, {})[name] = max(before, most)
        return least > before


@dataclass(frozen=True, slots=True)
class Touched:
    """Accounts whose cells in some spans are new or changed, and that are closed up to `upto`.

    `final`: the input has ended, so that periods that are not over are written as they are.
    """

    names: list[str]
    spans: tuple[Span, ...]
    upto: int
    final: bool

    def complete(self, borders: Borders) -> list[Span]:
        """Spans between borders that are touched and are over, or, at the end, begun."""
        found = {
            (begin, end)
            for lo, hi in self.spans
            for begin, end in pairwise(borders(lo, hi))
            if begin < hi and (end <= self.upto or self.final)
        }
        return sorted(found)

    def hours(self) -> list[Span]:
        """The hours that the cells complete or change."""
        return self.complete(lambda lo, hi: range(lo // HOUR * HOUR, hi + HOUR, HOUR))


def runs(spans: Iterable[Span], apart: int = APART) -> tuple[Span, ...]:
    """Spans at most `apart` from each other as one; between the others nothing is touched."""
    out: list[Span] = []
    for lo, hi in sorted(spans):
        if out and lo - out[-1][1] <= apart:
            out[-1] = out[-1][0], max(out[-1][1], hi)
        else:
            out.append((lo, hi))
    return tuple(out)
