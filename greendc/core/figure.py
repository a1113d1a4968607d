"""A line of the ledger, and many of them as columns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from greendc.core.facility import IntArray
from greendc.core.tables import chained, some_of

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PERIODS = ("cell", "hour", "day", "month", "year", "24h", "7d", "30d", "12mo")
SPELT = (*PERIODS, "log")  # also what is summed up of a whole ledger and never written
OF_REFUSED = (
    "frozen",
    "implausible",
    "out_of_range",
    "rate",
    "spike",
    "sentinel",
    "not_finite",
    "bad_unit",
    "no_value",
    "not_a_number",
    "not_json",
    "not_utf8",
)  # why readings that came are left out; as reasons: nothing else tells of the time around them
WORDS = (
    None,
    "ok",
    "partial",
    "estimated",
    "undefined",
    "invalid",
    "silent",
    "coverage",
    "no_intensity",
    "resolution",
    "twelve_months",
    "negative_total",
    "undefined_denominator",
    "unknown_amount",
    "out_of_bounds",
    "declared_share",
    "no_accuracy",
    "filled",
    "withdrawn",
    "gaps",
    *OF_REFUSED,
)  # for status, reason and doubt; ledgers hold places in it, so that more come at the end
CODES = {word: code for code, word in enumerate(WORDS)}
NO_CATEGORY = -1


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
    (terms, 3), the amount, what of it is estimated and what is distributed. `lost` is the word
    of readings that came and were left out, where most of the time not known is for want of them.
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
    lost: str | None = None

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


@dataclass(frozen=True, slots=True)
class FigureColumns:
    """Figures as columns, see `Figure`. NaN stands for None, and `NO_CATEGORY` for no category.

    `quantity` are places in `names` and `units`, `period` in `SPELT`, `doubt`, `status`,
    `reason` and `lost` in `words`. `terms` are those of all rows, one row after the other;
    `width` is how many numbers a row has there.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    words: Sequence[str | None]
    quantity: IntArray
    period: IntArray
    start: IntArray
    end: IntArray
    valid: IntArray
    value: FloatArray
    estimated: FloatArray
    distributed: FloatArray
    uncertainty: FloatArray
    doubt: IntArray
    status: IntArray
    reason: IntArray
    category: IntArray
    width: IntArray
    terms: FloatArray
    revision: IntArray
    config: IntArray
    lost: IntArray

    def __len__(self) -> int:
        """How many figures."""
        return len(self.start)

    @property
    def ends(self) -> IntArray:
        """Up to where the terms of each row go."""
        return np.cumsum(self.width)

    def at(self, rows: IntArray) -> "FigureColumns":
        """Some of the figures, by their places."""
        columns: dict[str, Any] = {name: some_of(getattr(self, name), rows) for name in COLUMNS}
        return replace(self, **columns, terms=self.terms_at(rows))

    def terms_at(self, rows: IntArray) -> FloatArray:
        """The terms of some of the figures, one row after the other."""
        width = self.width[rows]
        if len(width) and (self.width == width[0]).all():
            same: FloatArray = self.terms.reshape(len(self), -1)[rows].ravel()
            return same
        shift = (self.ends - self.width)[rows] - (np.cumsum(width) - width)
        places: IntArray = np.arange(int(width.sum())) + np.repeat(shift, width)
        return self.terms[places]

    def between(self, lo: int, hi: int) -> "FigureColumns":
        """The figures from one place to another; nothing is copied."""
        columns: dict[str, Any] = {name: getattr(self, name)[lo:hi] for name in COLUMNS}
        first = int(self.width[:lo].sum())
        return replace(
            self, **columns, terms=self.terms[first : first + int(columns["width"].sum())]
        )

    @classmethod
    def joined(
        cls, parts: Sequence["FigureColumns"], pieces: Sequence[tuple[int, int, int]] | None = None
    ) -> "FigureColumns":
        """One after the other; all with the same `words`.

        With `pieces` only these, in their order: the place of a part, and its rows from one place
        to another.
        """
        if pieces is None:
            if len(parts) == 1:
                return parts[0]
            pieces = [(number, 0, len(part)) for number, part in enumerate(parts)]
        before = [np.append(0, part.ends) for part in parts]
        columns: dict[str, Any] = {
            name: chained([getattr(parts[number], name)[lo:hi] for number, lo, hi in pieces])
            for name in COLUMNS
        }
        terms = [parts[n].terms[before[n][lo] : before[n][hi]] for n, lo, hi in pieces]
        columns["terms"] = np.concatenate(terms)
        if all(part.names is parts[0].names for part in parts):
            return replace(parts[0], **columns)
        more = np.cumsum([0, *[len(part.names) for part in parts]])
        columns["quantity"] = columns["quantity"] + np.repeat(
            more[[number for number, _, _ in pieces]], [hi - lo for _, lo, hi in pieces]
        )
        names = tuple(name for part in parts for name in part.names)
        units = tuple(unit for part in parts for unit in part.units)
        return replace(parts[0], names=names, units=units, **columns)

    @classmethod
    def of(cls, figures: Iterable[Figure]) -> "FigureColumns":
        """Figures of a table; words that this greendc does not use come last in `words`."""
        rows = list(figures)
        said = {word for r in rows for word in (r.doubt, r.status, r.reason, r.lost)} - CODES.keys()
        words = (*WORDS, *sorted(map(str, said))) if said else WORDS
        code = {word: number for number, word in enumerate(words)}
        place = {pair: n for n, pair in enumerate({(r.quantity, r.unit): None for r in rows})}
        table: dict[str, list[Any]] = {
            "quantity": [place[r.quantity, r.unit] for r in rows],
            "period": [SPELT.index(r.period) for r in rows],
            "doubt": [code[r.doubt] for r in rows],
            "status": [code[r.status] for r in rows],
            "reason": [code[r.reason] for r in rows],
            "lost": [code[r.lost] for r in rows],
            "category": [NO_CATEGORY if r.category is None else r.category for r in rows],
            "width": [len(r.terms) // 8 for r in rows],
        }
        same = ("start", "end", "valid", "revision", "config")
        table |= {name: [getattr(r, name) for r in rows] for name in same}
        columns: dict[str, Any] = {name: np.array(c, np.int64) for name, c in table.items()}
        columns |= {n: np.array([getattr(r, n) for r in rows], np.float64) for n in NUMBERS}
        return cls(
            names=tuple(name for name, _ in place),
            units=tuple(unit for _, unit in place),
            words=words,
            terms=np.frombuffer(b"".join(r.terms for r in rows), np.float64),
            **columns,
        )

    def rows(self) -> Iterator[Figure]:
        """The figures one by one."""
        body, ends = self.terms.tobytes(), (self.ends * 8).tolist()
        quantity = self.quantity.tolist()
        words = np.array(self.words, object)
        columns = zip(
            [self.names[q] for q in quantity],
            [self.units[q] for q in quantity],
            [SPELT[p] for p in self.period.tolist()],
            self.start.tolist(),
            self.end.tolist(),
            self.valid.tolist(),
            *[known(getattr(self, name)) for name in NUMBERS],
            *[words[getattr(self, name)].tolist() for name in ("doubt", "status", "reason")],
            [None if c == NO_CATEGORY else c for c in self.category.tolist()],
            [body[lo:hi] for lo, hi in zip([0, *ends], ends, strict=False)],
            self.revision.tolist(),
            self.config.tolist(),
            words[self.lost].tolist(),
            strict=True,
        )
        return (Figure(*row) for row in columns)


NUMBERS = ("value", "estimated", "distributed", "uncertainty")
COLUMNS = tuple(
    field.name
    for field in fields(FigureColumns)
    if field.name not in {"names", "units", "words", "terms"}
)
