"""From sums to published figures: value, coverage, estimated share, uncertainty, status, reason."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from greendc.core.accounts import Account, Book, Term
from greendc.core.carbon import cell_intensity
from greendc.core.cells import Block
from greendc.core.facility import SECOND, Site
from greendc.core.figure import Figure
from greendc.core.metrics import judge
from greendc.core.periods import PeriodBlock
from greendc.core.sums import fsum_rows
from greendc.core.uncertainty import (
    Expansion,
    Sensitivity,
    Sums,
    expand,
    expanded_uncertainty,
    sums_of,
)
from greendc.core.units import J_PER_KWH

FloatArray = npt.NDArray[np.float64]

ENOUGH = 0.95  # coverage below which a figure is `partial` (STANDARDS 6.5)
YEARS = ("year", "12mo")
IT = "e_it_j"
NEVER_NEGATIVE = ("e_dc", "e_it")
MASKED = "silent"


class Evaluator:
    """Evaluates rows of a site's accounts. Pure: the same rows give the same figures."""

    def __init__(self, site: Site, books: Sequence[Book]) -> None:
        """Prepare each epoch's sensitivities to its physical meters."""
        self.site, self.books = site, books
        self._expansions = [expand(book.rules.meters, book.epoch.derived) for book in books]
        self._forms: dict[tuple[int, str], Sensitivity] = {}

    def figures(self, found: PeriodBlock) -> list[Figure]:
        """The figures of one account and period."""
        account = found.block.account
        if account.kind == "kpi" and account.metric is not None and account.metric.name == "pue":
            return self._pue(found)
        return self._figures(found, account.name)

    def _figures(
        self, found: PeriodBlock, name: str, masked: Mapping[int, str] | None = None
    ) -> list[Figure]:
        block, account = found.block, found.block.account
        value, status, reason = self._judged(block)
        self._mask(found, value, status, reason, masked or {})
        doubt_value, doubt = self._doubts(found, value)
        estimated = _shares(block.terms, 1)
        distributed = np.maximum(_shares(block.terms, 2), _cut_share(block))
        self._grade(block, value, estimated, status, reason, found.period)
        return [
            Figure(
                name,
                account.unit,
                found.period,
                int(block.start[i]),
                int(block.end[i]),
                int(block.valid[i]),
                _known(value[i]),
                _known(estimated[i]) if block.valid[i] else None,
                _known(distributed[i]) if block.valid[i] else None,
                _known(doubt_value[i]),
                doubt[i] if np.isfinite(value[i]) else None,
                status[i],
                reason[i],
                account.category,
                np.ascontiguousarray(block.terms[i]).tobytes(),
            )
            for i in range(len(block.start))
        ]

    # -- value -------------------------------------------------------------------------------

    def _judged(self, block: Block) -> tuple[FloatArray, list[str], list[str | None]]:
        account, amounts = block.account, block.terms[:, :, 0]
        rows = len(block.start)
        if account.metric is None:
            value = amounts[:, 0].copy()
            status: list[str] = ["ok"] * rows
            reason: list[str | None] = [None] * rows
            if account.name.startswith(NEVER_NEGATIVE) and account.kind == "total":
                for i in np.flatnonzero(value < 0):
                    status[i], reason[i] = "invalid", "negative_total"
            return value, status, reason
        metric = account.metric
        least = np.zeros(rows)
        if metric.needs[metric.denominator.index(1.0)] == IT:
            least = self._layout(block)[1].epoch.min_it_power * block.valid / SECOND
        denominator = _denominator(block)
        value, words, why = judge(metric, metric.compute(*amounts.T), denominator, least)
        status, reason = list(words), list(why)
        negative = (amounts < 0) & np.isin(metric.needs, ("e_dc_j", IT))
        for i in np.flatnonzero(negative.any(axis=1)):
            value[i], status[i], reason[i] = np.nan, "invalid", "negative_total"
        return value, status, reason

    def _layout(self, block: Block) -> tuple[int, Book]:
        """The epoch in force at the end of the block."""
        last = int(block.end[-1]) - 1
        number = max(n for n, book in enumerate(self.books) if book.epoch.start <= last)
        return number, self.books[number]

    def _mask(
        self,
        found: PeriodBlock,
        value: FloatArray,
        status: list[str],
        reason: list[str | None],
        masked: Mapping[int, str],
    ) -> None:
        """Take away values of rows in which nothing is known, or that are too short to be known."""
        block = found.block
        missing = self._missing_word(block) if found.period == "cell" else "coverage"
        coarse = (block.end - block.start) < block.account.resolution
        for i in np.flatnonzero((block.valid == 0) | coarse):
            value[i], status[i] = np.nan, "undefined"
            reason[i] = missing if block.valid[i] == 0 else "resolution"
        for row, word in masked.items():
            value[row], status[row], reason[row] = np.nan, "undefined", word

    def _missing_word(self, block: Block) -> str:
        for term in block.account.terms:
            if term.method is not None and term.members:
                intensity = self.site.intensity[term.method]
                if np.isnan(cell_intensity(block.start, block.end, intensity)).any():
                    return "no_intensity"
        return MASKED

    def _grade(
        self,
        block: Block,
        value: FloatArray,
        estimated: FloatArray,
        status: list[str],
        reason: list[str | None],
        period: str,
    ) -> None:
        coverage = block.valid / (block.end - block.start)
        for i in np.flatnonzero(np.isfinite(value)):
            if status[i] != "ok":
                continue
            if coverage[i] < ENOUGH:
                status[i], reason[i] = "partial", MASKED if period == "cell" else "coverage"
            elif estimated[i] > 0:
                status[i], reason[i] = "estimated", "declared_share"

    # -- uncertainty ---------------------------------------------------------------------------

    def _doubts(self, found: PeriodBlock, value: FloatArray) -> tuple[FloatArray, list[str | None]]:
        """Expanded uncertainty of each row (F-6.6), NaN with a word where it is not known."""
        block, form = found.block, self._form(found.block)
        time = block.valid / SECOND
        sums = sums_of(form, found.meters, time)
        denominator = _denominator(block)
        share = _common_share(block, sums, value, denominator)
        doubt = expanded_uncertainty(
            form,
            found.meters * share[:, None],
            time,
            value,
            denominator,
            _mean_intensity(block, sums, share),
        )
        return doubt.value, doubt.reason

    def _form(self, block: Block) -> Sensitivity:
        number, _ = self._layout(block)
        key = number, block.account.name
        if key not in self._forms:
            self._forms[key] = self._sensitivity(self._expansions[number], block.account)
        return self._forms[key]

    @staticmethod
    def _sensitivity(expansion: Expansion, account: Account) -> Sensitivity:
        metric, ones = account.metric, (1.0,) * len(account.terms)
        above, carried = _members(account.terms, ones if metric is None else metric.numerator)
        below, _ = _members(
            account.terms, (0.0,) * len(ones) if metric is None else metric.denominator
        )
        scale = 1.0 if metric is None else metric.scale
        return expansion.sensitivity(above, below, carried=carried, scale=scale)

    # -- twelve months -------------------------------------------------------------------------

    def _pue(self, found: PeriodBlock) -> list[Figure]:
        """`ipue`; over twelve months `pue` where every month is covered (G4)."""
        name = found.block.account.name
        if found.period not in YEARS:
            return self._figures(found, name)
        slices = found.slices if found.slices is not None else np.zeros((len(found.block.start), 1))
        whole = (slices >= ENOUGH).all(axis=1)
        interim = {int(i): "twelve_months" for i in np.flatnonzero(whole)}
        full = {int(i): "coverage" for i in np.flatnonzero(~whole)}
        annual = name.removeprefix("i")
        return self._figures(found, name, interim) + self._figures(found, annual, full)


def _members(
    terms: Sequence[Term], weights: Sequence[float]
) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """Nodes of a weighted sum of terms: those that count as they are, those that emit."""
    plain: list[tuple[int, float]] = []
    carried: list[tuple[int, float]] = []
    for term, weight in zip(terms, weights, strict=True):
        members = [(node, weight * w) for node, w in term.members if weight]
        (plain if term.method is None else carried).extend(members)
        plain += [(node, weight * factor / J_PER_KWH) for node, factor in term.fuels if weight]
    return plain, carried


def _denominator(block: Block) -> FloatArray:
    """The ratio's denominator [J]; 1 for a sum. Plain additions: BLAS may round as it likes."""
    metric = block.account.metric
    if metric is None:
        return np.ones(len(block.start))
    amounts = block.terms[:, :, 0] * np.array(metric.denominator)
    return fsum_rows(amounts.T)


def _common_share(
    block: Block, sums: Sums, value: FloatArray, denominator: FloatArray
) -> FloatArray:
    """Which share of what the meters counted lies in the time that the figure rests on."""
    metric = block.account.metric
    if block.account.kind == "mass":  # the mean intensity brings energy and mass together
        return np.ones(len(value))
    counted, used = (sums.numerator, value) if metric is None else (sums.denominator, denominator)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(used / counted, 0.0, 1.0)
    whole = (block.valid == block.end - block.start) | ~np.isfinite(share)
    return np.where(whole, 1.0, share)


def _mean_intensity(block: Block, sums: Sums, share: FloatArray) -> FloatArray:
    """Energy-weighted mean intensity [g/kWh] of the energy that carries emissions."""
    found = [i for i, term in enumerate(block.account.terms) if term.method is not None]
    if not found:
        return np.zeros(len(block.start))
    mass = block.terms[:, found[0], 0] - sums.numerator * share
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = mass / (sums.carried * share / J_PER_KWH)
    return np.where(np.isfinite(mean), mean, 0.0)


def _cut_share(block: Block) -> FloatArray:
    """Share of the time in intervals of the meters that a border of the period cuts in two.

    Hourly means in a zone with a half hour: its local days begin inside an hour.
    """
    account, length = block.account, block.end - block.start
    if account.resolution <= account.grid:
        return np.zeros(len(length))
    cut = -block.start % account.resolution + block.end % account.resolution
    return np.minimum(cut / length, 1.0)


def _shares(terms: FloatArray, which: int) -> FloatArray:
    """Share of the amount that is estimated or distributed, of the most affected term."""
    amount = np.abs(terms[:, :, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(terms[:, :, which] > 0, terms[:, :, which] / amount, 0.0)
    worst: FloatArray = np.minimum(share.max(axis=1), 1.0)
    return worst


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
