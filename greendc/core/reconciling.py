"""Registers and the powers that they count, compared day by day (STANDARDS 6.1)."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from greendc.core.balance import COVERED, LOOSE
from greendc.core.facility import DAY
from greendc.core.levels import FloatArray, Level
from greendc.core.rules import Rules

LIMIT = 0.02  # of what the register has counted
ROUNDING = 1e-9  # of LIMIT: what a difference of just 2 % may come out above it

Days = Callable[[int, int], Sequence[int]]


class Mismatch(NamedTuple):
    """A local day in which a register and its power differ by more than 2 %.

    `excess` is what the power makes beyond the register, as a share of what that has counted.
    """

    register: str
    power: str
    start: int
    end: int
    excess: float


class Reconciliation:
    """What registers and their powers have counted in local days; `days` gives the borders."""

    def __init__(self, rules: Rules, held: Level, days: Days) -> None:
        """Read from `held` days what both have counted."""
        self.held, self.days = held, days
        ids = [meter.id for meter in rules.meters]
        pairs = zip(rules.registers.tolist(), rules.powers.tolist(), strict=True)
        named = [(ids[register], ids[power]) for register, power in pairs]
        self.pairs = [pair for pair in named if all(name in held.shape.place for name in pair)]
        self.names = frozenset(name for pair in self.pairs for name in pair)

    def at(self, ends: Sequence[int]) -> list[list[Mismatch]]:
        """Of each of some times in order [ns] the mismatches of the last day that was over."""
        if not self.pairs or not len(ends):
            return [[] for _ in ends]
        borders = list(self.days(ends[0] - 2 * DAY, ends[-1]))
        self.held.ensure(borders[0], borders[-1])
        by_day = [self._of(start, end) for start, end in pairwise(borders)]
        last = [bisect_right(borders, end) - 2 for end in ends]
        return [by_day[place] for place in last]

    def _of(self, start: int, end: int) -> list[Mismatch]:
        if start not in self.held.index:
            return []
        excess = self._excess(start, end)
        far = np.flatnonzero(np.abs(excess) > LIMIT * (1 + ROUNDING)).tolist()
        return [Mismatch(*self.pairs[i], start, end, float(excess[i])) for i in far]

    def _excess(self, start: int, end: int) -> FloatArray:
        """Share by which each power is above what its register has counted; NaN: not known.

        ``P / R - 1`` of the mean powers while each was known, where both were for 95 % of the
        day and the register has hardly been estimated.
        """
        held, row = self.held, self.held.index[start]
        rows = np.array([row])
        registers, powers = zip(*self.pairs, strict=True)
        mean = []
        for names in (registers, powers):
            known = held.valid[row, [held.shape.place[name] for name in names]]
            amount = held.terms.take(rows, held.shape.firsts(names))[0]
            mean.append(
                np.where(known >= COVERED * (end - start), amount / np.maximum(known, 1), np.nan)
            )
        first = held.shape.firsts(registers)
        counted, estimated = (held.terms.take(rows, first + i)[0] for i in range(2))
        vague = estimated > LOOSE * np.abs(counted)
        with np.errstate(divide="ignore", invalid="ignore"):
            excess: FloatArray = np.where(vague, np.nan, mean[1] / mean[0] - 1)
        return np.where(np.isfinite(excess), excess, np.nan)
