"""Hours of single accounts, from memory or from the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from greendc.core.facility import HOUR, IntArray
from greendc.core.levels import FloatArray, Level


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of some accounts: share known, and share of the amount that is not measured in it.

    Shape (hours, accounts); amounts of the first term [J, g].
    """

    start: IntArray
    coverage: FloatArray
    amount: FloatArray
    loose: FloatArray

    def with_claims(self, claimed: FloatArray) -> "Hours":
        """The same with amounts that count as fully known, where there is a number."""
        there = np.isfinite(claimed)
        return Hours(
            self.start,
            np.where(there, 1.0, self.coverage),
            np.where(there, claimed, self.amount),
            np.where(there, 0.0, self.loose),
        )


def hours_of(level: Level, names: Sequence[str], lo: int, hi: int) -> Hours:
    """The hours that there are among those that begin in [lo, hi), full hours.

    Parameters
    ----------
    level
        Hours of all accounts.
    names
        The accounts.
    """
    level.ensure(lo, hi)
    starts = [start for start in range(lo, hi, HOUR) if start in level.index]
    rows = level.rows(starts)
    first = level.shape.firsts(names)
    places = np.array([level.shape.place[name] for name in names], np.int64)
    amount, estimated, distributed = (level.terms.take(rows, first + i) for i in range(3))
    vague = np.abs(estimated) + np.abs(distributed)
    # where nothing was counted nothing was estimated either
    loose = np.divide(vague, np.abs(amount), out=np.zeros_like(vague), where=amount != 0)
    return Hours(
        np.array(starts, np.int64), level.valid[rows[:, None], places] / HOUR, amount, loose
    )
