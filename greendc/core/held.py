"""The rows that the next ones are made of: few of single meters, many of totals and KPIs.

A meter's cells, hours and days are asked for until the longer period that they fall into is
over, a total's until the last rolling window that holds them. Beside those only what each
meter counted is needed, for the uncertainty. Whatever is older is read from the ledger again.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from greendc.core.accounts import Account
from greendc.core.facility import DAY, HOUR, IntArray
from greendc.core.levels import FloatArray, Level, Reader, Runs, Shape
from greendc.core.touched import Span, runs

KEPT = {"cell": HOUR, "hour": 26 * HOUR, "day": 35 * DAY, "month": 400 * DAY}
SLACK = {"cell": HOUR, "hour": 0, "day": 0, "month": 0}  # for what some accounts are ahead
KEPT_FAR = {"hour": 30 * DAY + 3 * HOUR, "day": 369 * DAY}


class Held:
    """Levels by period: `near` with all accounts, `far` for rolling windows alone."""

    def __init__(
        self,
        accounts: Sequence[Account],
        meters: Sequence[str],
        reader: Reader,
        step: int,
        filled: Sequence[str] = (),
    ) -> None:
        """Begin with nothing; `meters` are the physical ones, `step` is the shortest cell.

        `filled` are those of the meters for which something may be filled in.
        """
        whole, lean = Shape.of(accounts), _lean(accounts, meters, frozenset(filled))
        every = {"cell": step, "hour": HOUR, "day": DAY, "month": 28 * DAY}
        room = {p: 4 + (KEPT[p] + SLACK[p]) // length for p, length in every.items()}
        self.near = {p: Level(p, whole, reader, room[p]) for p in KEPT}
        far = {p: 4 + span // every[p] for p, span in KEPT_FAR.items()}
        # hardly a column of these stays zero, and to make room for it later would move all of them
        self.far = {p: Level(p, lean, reader, rows, dense=True) for p, rows in far.items()}
        self._whole, self._columns = whole, _counted(whole, meters, filled)
        self._lean_columns = _counted(lean, meters, filled)

    def of(self, period: str) -> list[Level]:
        """The levels that keep rows of a period."""
        return [levels[period] for levels in (self.near, self.far) if period in levels]

    def counted(self, level: Level, runs: Runs) -> FloatArray:
        """What each physical meter counted in stretches of rows; shape (stretches, meters) [J].

        Behind that stands, of those for which something may be filled in, how much was.
        """
        columns = self._columns if level.shape is self._whole else self._lean_columns
        out = np.zeros((len(runs.first), len(columns)))
        there = np.flatnonzero(columns >= 0)
        out[:, there] = level.amounts(runs, columns[there])
        return out

    def trim(self, closed: int, day: int) -> None:
        """Let go of rows that are not asked for any more.

        Parameters
        ----------
        closed
            Up to where all accounts are closed. [ns]
        day
            The local midnight before that. [ns]
        """
        for period, span in KEPT.items():
            # a day that does not begin on a full hour is made of its cells
            begun = day if period == "cell" and day % HOUR else closed
            self.near[period].trim(min(begun, closed - span))
        for period, span in KEPT_FAR.items():
            self.far[period].trim(closed - span)


def have(levels: Iterable[Level], spans: Iterable[Span]) -> None:
    """Have the rows of spans in memory, and what lies between neighbouring ones."""
    near = runs(spans)
    for level in levels:
        for span in near:
            level.ensure(*span)


def _lean(accounts: Sequence[Account], meters: Sequence[str], filled: frozenset[str]) -> Shape:
    """All of sums and KPIs; of physical meters what they counted, and what of it is filled in."""
    single = frozenset(meters)
    needed = [a for a in accounts if a.kind != "meter" or a.name in single]
    own = [a.name for a in needed if a.kind == "meter"]
    return Shape.of(needed, {name: 2 if name in filled else 1 for name in own})


def _counted(shape: Shape, meters: Sequence[str], filled: Sequence[str]) -> IntArray:
    """Columns of what meters counted and of what was filled in; -1 where there are none."""
    amounts, estimated = shape.firsts(meters), shape.firsts(filled)
    return np.concatenate([amounts, np.where(estimated >= 0, estimated + 1, -1)])
