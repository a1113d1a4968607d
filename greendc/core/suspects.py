"""What may be wrong with a meter, and how likely it is by what is known of the meters."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from greendc.core.balance import BoolArray, FloatArray, Windows
from greendc.core.directions import Directions
from greendc.core.mistakes import Mistake
from greendc.core.plausible import Total
from greendc.core.slopes import Slope

ALIKE = 0.35  # how near another explanation must come to be named beside the best one
OVERLOAD = 1.2  # of a rating
UNLIKE = 1.5  # for each decade that a meter is from others like it, beyond
ALIKE_DECADES = 0.5


class Apart(IntEnum):
    """How well a mistake is told from something that has no meter."""

    NOT = 0
    EXCESS = 1  # so much comes out that nobody overlooks the feed of it
    SURELY = 2


@dataclass(frozen=True, slots=True)
class Explanation:
    """One mistake of one meter (a column), what it puts right, and how well: less is better.

    `at` is the only node where it is made, None for all; `nodes` are those put right. `apart` is
    how well it is told from something that has no meter. `both` is the meter of the other direction
    and how both are put right, where the mistake is of both.
    """

    meter: int
    mistake: Mistake
    nodes: tuple[str, ...]
    score: float
    at: str | None = None
    apart: Apart = Apart.SURELY
    both: tuple[int, Directions] | None = None


def righted(found: Windows, one: Explanation) -> Windows:
    """Windows with a mistake that is made at all nodes put right."""
    if one.both is None:
        return found.scaled(one.meter, one.mistake.gain)
    other, directions = one.both
    return directions.righted(found, (one.meter, other))


@dataclass(frozen=True, slots=True)
class Finding:
    """Nodes out of balance and what explains it best; `explanations` may be none, or several.

    The first one is the most likely; those after it explain it about as well. With `slope` the
    first node's other side follows the meter in a way that only this mistake explains. `missing` is
    the power behind `before`. [W]
    """

    nodes: tuple[str, ...]
    explanations: tuple[Explanation, ...]
    rows: BoolArray
    before: float
    after: float | None
    spread: float
    missing: float
    slope: Slope | None = None

    @property
    def undecided(self) -> bool:
        """Whether something without a meter explains it as well as any meter that is named."""
        return any(one.apart is Apart.NOT for one in self.explanations)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the meters of the columns beside what they counted.

    `rated` are their ratings, NaN where there is none [W]; `points` where they sit; `doubted` are
    those whose readings are left out of all figures. `totals` are what the site's rating bounds.
    """

    rated: FloatArray
    points: Sequence[str]
    doubted: BoolArray
    totals: Sequence[Total] = ()

    def is_odd(self, found: Windows, meter: int, rows: BoolArray) -> bool:
        """Whether a meter's readings are by themselves not to be believed."""
        energy = found.energy[rows, meter]
        backwards = np.isfinite(energy).any() and float(np.nanmedian(energy)) < 0
        return bool(self.doubted[meter] or backwards)

    def unlike(self, found: Windows, meter: int, gain: float, row: BoolArray) -> float:
        """How far a meter's power would be from that of others at such a point, by ratings."""
        same = [i for i, p in enumerate(self.points) if p == self.points[meter]]
        others = [i for i in same if i != meter]
        if not others:
            return 0.0
        usual = np.array([_median(found.energy[row, i]) for i in (meter, *others)])
        rated = self.rated[[meter, *others]]
        if np.isfinite(rated).all():
            usual = usual / rated
        peers = usual[1:][usual[1:] > 0]
        mine = gain * usual[0]
        if not len(peers) or not mine > 0:
            return 0.0
        decades = abs(float(np.log10(mine / np.median(peers))))
        return UNLIKE * max(0.0, decades - ALIKE_DECADES)

    def is_impossible(self, found: Windows, meter: int, gain: float, row: BoolArray) -> bool:
        """Whether the meter would be beyond its rating, or run backwards."""
        with np.errstate(invalid="ignore"):
            power = gain * found.energy[row, meter] / found.seconds[row]
        usual = float(np.nanmedian(power)) if np.isfinite(power).any() else np.nan
        return usual > OVERLOAD * self.rated[meter] or usual < 0


def _median(energy: FloatArray) -> float:
    known = energy[np.isfinite(energy)]
    return float(np.median(known)) if len(known) else float("nan")
