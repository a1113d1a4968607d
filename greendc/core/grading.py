"""What may be published of rows: value, status and reason."""

from dataclasses import dataclass

import numpy as np

from greendc.core.accounts import Account
from greendc.core.cells import Block
from greendc.core.facility import IntArray
from greendc.core.figure import CODES, SPELT, BoolArray, FloatArray
from greendc.core.metrics import VERDICTS

ENOUGH = 0.95  # coverage below which a figure is `partial` (STANDARDS 6.5)
NEVER_NEGATIVE = ("e_dc", "e_it")
TOO_LITTLE = "coverage"
OK, PARTIAL = CODES["ok"], CODES["partial"]
LACKING = np.array([CODES["silent"], CODES[TOO_LITTLE]])
CELL = SPELT.index("cell")
VERDICT_CODES = np.array([[CODES[word] for word in verdict] for verdict in VERDICTS], np.int64).T


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be published of each row; NaN, status and reason where something may not."""

    value: FloatArray
    status: IntArray
    reason: IntArray

    @classmethod
    def of(cls, value: FloatArray, code: IntArray) -> "Verdict":
        """Of places in `VERDICTS`."""
        return cls(value, *VERDICT_CODES[:, code])

    def refuse(self, rows: BoolArray | slice, status: str, reason: str) -> None:
        """Take the values of some rows away."""
        if not isinstance(rows, slice) and not rows.any():
            return
        self.value[rows] = np.nan
        self.status[rows], self.reason[rows] = CODES[status], CODES[reason]


def total(account: Account, amounts: FloatArray) -> Verdict:
    """What may be published of a sum: anything, and a negative one says that it cannot be."""
    none = np.zeros(len(amounts), np.int64)
    verdict = Verdict(amounts[:, 0].copy(), none + OK, none + CODES[None])
    if account.name.startswith(NEVER_NEGATIVE) and account.kind == "total":
        negative = verdict.value < 0
        verdict.status[negative] = CODES["invalid"]
        verdict.reason[negative] = CODES["negative_total"]
    return verdict


def grade(
    period: IntArray,
    block: Block,
    shares: tuple[FloatArray, FloatArray],
    verdict: Verdict,
    gappy: BoolArray,
) -> None:
    """Say of the values that stand what they lack.

    Parameters
    ----------
    period, block
        The rows.
    shares
        What of each is estimated, and what was filled in.
    verdict
        What has been said of them.
    gappy
        Months of which too much is missing or filled in.
    """
    estimated, filled = shares
    stands = np.isfinite(verdict.value) & (verdict.status == OK)
    partial = stands & (block.valid / (block.end - block.start) < ENOUGH)
    silent, little = CODES["silent"], CODES[TOO_LITTLE]
    verdict.status[partial] = PARTIAL
    verdict.reason[partial] = np.where(period == CELL, silent, little)[partial]
    gappy = gappy & stands & ~partial
    verdict.status[gappy], verdict.reason[gappy] = PARTIAL, CODES["gaps"]
    shared = stands & ~partial & ~gappy & (estimated > 0)
    why = np.where(filled > 0, CODES["filled"], CODES["declared_share"])
    verdict.status[shared], verdict.reason[shared] = CODES["estimated"], why[shared]


def name_lost(block: Block, verdict: Verdict) -> None:
    """Where time is not known for want of readings that were left out, say their word."""
    if block.lost is not None:
        named = (block.lost > 0) & np.isin(verdict.reason, LACKING)
        verdict.reason[named] = block.lost[named]
