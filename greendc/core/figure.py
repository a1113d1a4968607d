"""A line of the ledger."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Shares(NamedTuple):
    """What a figure rests on, as shares of it; they add up to 1.

    `missing` is the share of the time in which something that is needed was not known; the others
    share the rest of it as they share the amount.
    """

    measured: float
    distributed: float
    estimated: float
    missing: float


class Figure(NamedTuple):
    """One revision of one line of the ledger.

    `quantity` is a meter's id, `e_dc`, `e_it`, `co2e_location`, `ipue` …; `value` in `unit`
    (J, g or that of the KPI), None where unknown. `valid` is the time known [ns] of
    [start, end). `estimated` and `distributed` are shares of the amount (of a KPI: of its most
    affected term). `uncertainty` is expanded (k = 2) in the unit of the value; where it is
    None, `doubt` says why. `terms` are the float64 sums that longer periods are made from:
    (terms, 3), the amount, what of it is estimated and what is distributed.
    """

    quantity: str
    unit: str
    period: str
    start: int
    end: int
    valid: int
    value: float | None
    estimated: float | None
    distributed: float | None
    uncertainty: float | None
    doubt: str | None
    status: str
    reason: str | None
    category: int | None
    terms: bytes
    revision: int = 0
    config: int = 0

    @property
    def coverage(self) -> float:
        """Share of the time from start to end in which all that is needed was known."""
        return self.valid / (self.end - self.start)

    @property
    def shares(self) -> Shares:
        """What it rests on; where a KPI's terms differ, at least so much is not measured.

        >>> figure = Figure("e_dc", "J", "hour", 0, 8, 6, 1.0, 0.25, 0.5, *[None] * 2, "ok",
        ...     *[None] * 2, b"")
        >>> print(*figure.shares)
        0.1875 0.375 0.1875 0.25
        """
        known = self.coverage
        estimated = self.estimated or 0.0
        distributed = min(self.distributed or 0.0, 1.0 - estimated)
        rest = 1.0 - estimated - distributed
        return Shares(known * rest, known * distributed, known * estimated, 1.0 - known)


def known(column: FloatArray) -> list[float | None]:
    """Numbers of a column; None for what is not one.

    >>> known(np.array([1.0, np.nan]))
    [1.0, None]
    """
    found: list[float | None] = column.tolist()
    for row in np.flatnonzero(~np.isfinite(column)).tolist():
        found[row] = None
    return found


def bodies(terms: FloatArray) -> list[bytes]:
    """The bytes of each row."""
    body = terms.tobytes()
    width = terms[0].nbytes
    return [body[at : at + width] for at in range(0, len(body), width)]
