"""When a site gave signs of life, and the long silences in which it has no cells."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from greendc.core.facility import DAY, EVER, HOUR, IntArray
from greendc.core.rules import MEAN_PREV, Rules

Span = tuple[int, int]

SHORTEST = 7 * DAY  # shorter silences have all their cells, closed as silent


@dataclass(slots=True)
class Presence:
    """Spans from first to last reading without a silence longer than `longest` in between.

    No reading says anything across such a silence, so its cells would hold nothing: they
    are left out, but for the hours that the readings before and after it reach into
    (`hold` and `back`). What is left out depends on the set of readings alone.

    Examples
    --------
    A device whose clock had not been set, then readings of today, then a late one:

    >>> site = Presence(longest=10 * DAY, hold=HOUR, back=0)
    >>> site.seen(np.array([0, 400 * DAY, 401 * DAY]))
    []
    >>> [(lo // HOUR, hi // DAY) for lo, hi in site.left_out()]
    [(1, 400)]
    >>> [(lo // HOUR, hi // DAY) for lo, hi in site.seen(np.array([399 * DAY]))]
    [(1, 400)]
    >>> [(lo // HOUR, hi // DAY) for lo, hi in site.left_out()]
    [(1, 399)]
    >>> site.pieces(0, HOUR) == site.pieces(0, DAY) == [(0, HOUR)]
    True
    """

    longest: int
    hold: int
    back: int
    lives: list[Span] = field(default_factory=list)

    @classmethod
    def of(cls, rules: Rules) -> "Presence":
        """Silences that nothing the meters say can reach across."""
        reach = np.maximum(rules.reach, rules.silent_after)
        back = np.where(rules.kind == MEAN_PREV, rules.nominal, 0)
        held, before = int(rules.hold.max(initial=0)), int(back.max(initial=0))
        # so that what is left out is always longer than a day
        longest = max(SHORTEST, int(reach.max(initial=0)), held + before) + 2 * DAY
        return cls(longest, held, before)

    def seen(self, time: IntArray) -> list[Span]:
        """Take in times of readings; returns what was left out and in part no longer is."""
        if not len(time):
            return []
        before = self.left_out()
        ordered = np.unique(time)
        cut = np.flatnonzero(np.diff(ordered) > self.longest)
        first, last = ordered[np.append(0, cut + 1)], ordered[np.append(cut, -1)]
        self.lives = self._joined([*self.lives, *zip(first.tolist(), last.tolist(), strict=True)])
        now = set(self.left_out())
        return [span for span in before if span not in now]

    def _joined(self, lives: Iterable[Span]) -> list[Span]:
        out: list[Span] = []
        for first, last in sorted(lives):
            if out and first - out[-1][1] <= self.longest:
                out[-1] = (out[-1][0], max(last, out[-1][1]))
            else:
                out.append((first, last))
        return out

    def left_out(self) -> list[Span]:
        """Spans without cells, on full hours."""
        spans = [(self._after(a), self._before(b)) for (_, a), (b, _) in pairwise(self.lives)]
        return [(lo, hi) for lo, hi in spans if lo < hi]

    def upto(self) -> int:
        """Where cells stop for now: what comes after may turn out to be left out."""
        return self._after(self.lives[-1][1]) if self.lives else -EVER

    def pieces(self, lo: int, hi: int) -> list[Span]:
        """What [lo, hi) has of cells."""
        out: list[Span] = []
        for gone, back in self.left_out():
            if gone >= hi:
                break
            if lo < gone:
                out.append((lo, gone))
            lo = max(lo, back)
        return [*out, (lo, hi)] if lo < hi else out

    def _after(self, last: int) -> int:
        return -(-(last + self.hold) // HOUR) * HOUR

    def _before(self, first: int) -> int:
        return (first - self.back) // HOUR * HOUR
