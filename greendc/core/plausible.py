"""What a site's totals can be by its rating, where nothing else tells two meters apart.

With one meter on each side of a node either of them may be read with the wrong factor; a hall rated
at 200 kW does not draw 100 MW, nor 100 W.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from greendc.core.balance import BoolArray, FloatArray, Windows
from greendc.core.facility import Epoch, IntArray
from greendc.core.nodes import LEAST_IT

OVER = 1.2  # of the rating
IDLE = 0.1  # of the rating of IT, with less of which halls are seldom run; assumed
IMPOSSIBLE, RARE = 1.0, 0.3  # how much better than others a mistake must explain that leaves one so


@dataclass(frozen=True, slots=True)
class Total:
    """A weighted sum of meters (columns) that lies between two powers, in W."""

    columns: IntArray
    weights: FloatArray
    least: float
    most: float

    def doubt(self, power: float) -> float:
        """How little a power in W fits.

        >>> hall = Total(np.zeros(1, int), np.ones(1), 20e3, 240e3)
        >>> hall.doubt(100e3), hall.doubt(1e8), hall.doubt(100.0)
        (0.0, 1.0, 0.3)
        """
        return IMPOSSIBLE if power > self.most else RARE if power < self.least else 0.0


def totals(epoch: Epoch, meters: Sequence[str]) -> tuple[Total, ...]:
    """E_IT of each category and E_DC, of which all meters are among the columns."""
    column = {name: place for place, name in enumerate(meters)}
    rated = epoch.rated_it
    sums = [([(name, 1.0) for name in names], IDLE, OVER) for names in epoch.e_it.values()]
    sums.append((list(epoch.e_dc), 0.0, OVER / LEAST_IT))
    return tuple(
        Total(
            np.array([column[name] for name, _ in pairs], np.int64),
            np.array([weight for _, weight in pairs]),
            least * rated,
            most * rated,
        )
        for pairs, least, most in sums
        if pairs and np.isfinite(rated) and all(name in column for name, _ in pairs)
    )


@dataclass
class Plausibility:
    """How little the totals of some windows would fit with one meter put right."""

    totals: Sequence[Total]
    known: dict[bytes, FloatArray] = field(default_factory=dict)

    def doubt(self, found: Windows, rows: BoolArray, meter: int, gain: float) -> float:
        """Sum of the totals' doubts, by the median power of each meter."""
        if not self.totals:
            return 0.0
        usual = self._usual(found, rows)
        doubts = []
        for total in self.totals:
            parts = total.weights * usual[total.columns]
            parts = np.where(total.columns == meter, gain * parts, parts)
            doubts.append(total.doubt(float(parts.sum())))
        return sum(doubts)

    def _usual(self, found: Windows, rows: BoolArray) -> FloatArray:
        key = rows.tobytes()
        if key not in self.known:
            power = found.energy[rows] / found.seconds[rows, np.newaxis]
            self.known[key] = np.array([_median(column) for column in power.T])
        return self.known[key]


def _median(power: FloatArray) -> float:
    known = power[np.isfinite(power)]
    return float(np.median(known)) if len(known) else float("nan")
