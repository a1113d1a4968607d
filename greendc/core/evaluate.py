"""From sums to published figures: value, coverage, estimated share, uncertainty, status, reason."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from greendc.core.accounts import Account, Book
from greendc.core.carbon import cell_intensity
from greendc.core.cells import Block
from greendc.core.facility import SECOND, Op, Site
from greendc.core.figure import Figure, bodies, known
from greendc.core.forms import sensitivity
from greendc.core.metrics import judge
from greendc.core.periods import PeriodBlock
from greendc.core.sums import fsum_rows
from greendc.core.uncertainty import (
    NEGLIGIBLE,
    Sensitivity,
    Uncertainty,
    expand,
    expanded_uncertainty,
    meter_uncertainty,
    with_filled,
)

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

ENOUGH = 0.95  # coverage below which a figure is `partial` (STANDARDS 6.5)
YEARS = ("year", "12mo")
IT = "e_it_j"
NEVER_NEGATIVE = ("e_dc", "e_it")
SILENT, TOO_LITTLE = "silent", "coverage"


class _Part(NamedTuple):
    """Rows of one block, account and epoch; `place` is that of the block among those given.

    `masked` says in a word for each row why it is published under another name; empty: none is.
    """

    place: int
    number: int
    account: Account
    name: str
    period: str
    block: Block
    meters: FloatArray
    masked: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What may be published of each row; NaN, status and reason where something may not."""

    value: FloatArray
    status: list[str]
    reason: list[str | None]

    def refuse(self, row: int, status: str, reason: str) -> None:
        """Take a row's value away."""
        self.value[row], self.status[row], self.reason[row] = np.nan, status, reason


class Evaluator:
    """Evaluates rows of a site's accounts. Pure: the same rows give the same figures."""

    def __init__(self, site: Site, books: Sequence[Book]) -> None:
        """Prepare each epoch's sensitivities to its physical meters."""
        self.site, self.books = site, books
        self._starts = np.array([book.epoch.start for book in books], np.int64)
        self._accounts = [{a.name: a for a in book.accounts} for book in books]
        self._expansions = [expand(book.rules.meters, book.epoch.derived) for book in books]
        self._limits = [
            np.array([np.nan if m.accuracy is None else m.accuracy for m in book.rules.meters])
            for book in books
        ]
        self._fill_limits = [book.rules.fill_limits for book in books]
        self._declared = [_declared(book) for book in books]
        self._forms: dict[tuple[int, str], Sensitivity] = {}

    def figures(self, found: PeriodBlock) -> list[Figure]:
        """The figures of one account and period."""
        return self.every([found])[0]

    def every(self, found: Sequence[PeriodBlock]) -> list[list[Figure]]:
        """The figures of each block; what can be evaluated in one go is."""
        groups: dict[tuple[int, str], list[_Part]] = {}
        for place, one in enumerate(found):
            for part in self._parts(place, one):
                shared = "" if part.account.physical is not None else part.account.name
                groups.setdefault((part.number, shared), []).append(part)
        out: list[list[Figure]] = [[] for _ in found]
        for parts in groups.values():
            self._evaluate(parts, out)
        return out

    # -- rows that are alike -------------------------------------------------------------------

    def _parts(self, place: int, found: PeriodBlock) -> Iterator[_Part]:
        """The block's rows by the epoch in force at the end of each."""
        for number, some in self._by_epoch(found):
            account = self._account(number, found.block.account)
            own = account.physical
            meters = some.meters if own is None else some.meters[:, own]
            for name, masked in _names(account, some):
                yield _Part(place, number, account, name, some.period, some.block, meters, masked)

    def _by_epoch(self, found: PeriodBlock) -> Iterator[tuple[int, PeriodBlock]]:
        if len(self.books) == 1:
            yield 0, found
            return
        last = np.searchsorted(self._starts, found.block.end, "left") - 1
        numbers = np.maximum(last, 0)
        for number in range(int(numbers.min()), int(numbers.max()) + 1):
            rows = np.flatnonzero(numbers == number)
            yield number, found if len(rows) == len(numbers) else found.at(rows)

    def _account(self, number: int, account: Account) -> Account:
        """The account as it is in an epoch; where it is not, as it was or will be next to it."""
        if account.name in self._accounts[number]:
            return self._accounts[number][account.name]
        order = (*range(number, -1, -1), *range(number + 1, len(self.books)))
        return next(
            (self._accounts[i][account.name] for i in order if account.name in self._accounts[i]),
            account,
        )

    def _evaluate(self, parts: Sequence[_Part], out: list[list[Figure]]) -> None:
        block = Block.stacked([part.block for part in parts])
        meters = np.concatenate([part.meters for part in parts])
        verdict = self._judged(parts[0], block)
        self._mask(parts, block, verdict)
        doubts = self._doubts(parts, block, meters, verdict.value)
        estimated, distributed = _shares(block.terms, 1), _shares(block.terms, 2)
        _grade(_periods(parts), block, estimated, verdict, self._why_estimated(parts[0]))
        unknown = block.valid == 0
        estimated[unknown], distributed[unknown] = np.nan, np.nan
        value = known(verdict.value)
        owners = [part for part in parts for _ in range(len(part.block.start))]
        columns = zip(
            [part.name for part in owners],
            [part.account.unit for part in owners],
            [part.period for part in owners],
            block.start.tolist(),
            block.end.tolist(),
            block.valid.tolist(),
            value,
            known(estimated),
            known(distributed),
            known(doubts.value),
            [None if v is None else r for v, r in zip(value, doubts.reason, strict=True)],
            verdict.status,
            verdict.reason,
            [part.account.category for part in owners],
            bodies(block.terms),
            strict=True,
        )
        for part, row in zip(owners, columns, strict=True):
            out[part.place].append(Figure(*row))

    # -- value -------------------------------------------------------------------------------

    def _judged(self, part: _Part, block: Block) -> _Verdict:
        account, amounts = part.account, block.terms[:, :, 0]
        metric = account.metric
        if metric is None:
            return _total(account, amounts)
        denominator = _weighted(amounts, metric.denominator)
        least = np.zeros(len(amounts))
        if metric.needs[metric.denominator.index(1.0)] == IT:
            least = self.books[part.number].epoch.min_it_power * block.valid / SECOND
        verdict = _Verdict(*judge(metric, metric.compute(*amounts.T), denominator, least))
        negative = (amounts < 0) & np.isin(metric.needs, ("e_dc_j", IT))
        for i in np.flatnonzero(negative.any(axis=1)).tolist():
            verdict.refuse(i, "invalid", "negative_total")
        return verdict

    def _mask(self, parts: Sequence[_Part], block: Block, verdict: _Verdict) -> None:
        """Take away values of rows in which nothing is known, or that are too short for it."""
        lengths = [len(part.block.start) for part in parts]
        resolution = np.repeat([part.account.resolution for part in parts], lengths)
        coarse = (block.end - block.start) < resolution
        unknown = block.valid == 0
        blind = self._without_intensity(parts[0].account, block)
        periods = _periods(parts)
        for i in np.flatnonzero(unknown | coarse).tolist():
            silent = "no_intensity" if blind[i] else SILENT
            missing = silent if periods[i] == "cell" else TOO_LITTLE
            verdict.refuse(i, "undefined", missing if unknown[i] else "resolution")
        begin = 0
        for part, length in zip(parts, lengths, strict=True):
            for i, masked in enumerate(part.masked):
                if masked is not None:
                    verdict.refuse(begin + i, "undefined", masked)
            begin += length

    def _without_intensity(self, account: Account, block: Block) -> npt.NDArray[np.bool_]:
        """Rows in which the emission intensity is not known."""
        blind = np.zeros(len(block.start), np.bool_)
        for method in {t.method for t in account.terms if t.method is not None and t.members}:
            found = cell_intensity(block.start, block.end, self.site.intensity[method])
            blind |= np.isnan(found)
        return blind

    # -- uncertainty ---------------------------------------------------------------------------

    def _doubts(
        self, parts: Sequence[_Part], block: Block, meters: FloatArray, value: FloatArray
    ) -> Uncertainty:
        """Expanded uncertainty of each row (F-6.6), NaN with a word where it is not known."""
        found = self._of_meters(parts, block, meters, value)
        limits = [self._filled_limit(part) for part in parts]
        if not any(limits) or not block.terms[:, :, 1].any():  # NaN is true
            return found
        amounts, filled = block.terms[:, :, 0], block.terms[:, :, 1]
        shift = np.zeros(len(amounts))
        for i, metric in enumerate([parts[0].account.metric] * amounts.shape[1]):
            moved = amounts.copy()
            moved[:, i] += filled[:, i]
            figure = moved[:, 0] if metric is None else metric.compute(*moved.T)
            shift += np.abs(np.nan_to_num(figure - value))
        much: BoolArray = np.any(filled > NEGLIGIBLE * np.abs(amounts), axis=1)
        rows = [len(part.block.start) for part in parts]
        return with_filled(found, np.repeat(limits, rows), shift, much)

    def _filled_limit(self, part: _Part) -> float:
        """Limit of error of what may be filled in for the meters of an account; 0: nothing is."""
        needs = part.account.needs
        return float(self._fill_limits[part.number][needs].max(initial=0.0))

    def _of_meters(
        self, parts: Sequence[_Part], block: Block, meters: FloatArray, value: FloatArray
    ) -> Uncertainty:
        part = parts[0]
        if part.account.physical is not None:
            lengths = [len(p.block.start) for p in parts]
            place = np.repeat([p.account.terms[0].members[0][0] for p in parts], lengths)
            return meter_uncertainty(self._limits[part.number][place], meters, value)
        metric = part.account.metric
        denominator: FloatArray | float = 1.0
        if metric is not None:
            denominator = _weighted(block.terms[:, :, 0], metric.denominator)
        intensity: FloatArray | float = 0.0
        for method in {t.method for t in part.account.terms if t.method is not None}:
            intensity = cell_intensity(block.start, block.end, self.site.intensity[method])
        seconds = block.valid / SECOND
        return expanded_uncertainty(
            self._form(part), meters, seconds, value, denominator, intensity
        )

    def _form(self, part: _Part) -> Sensitivity:
        key = part.number, part.account.name
        if key not in self._forms:
            expansion = self._expansions[self._home(part)]
            self._forms[key] = sensitivity(expansion, part.account)
        return self._forms[key]

    def _why_estimated(self, part: _Part) -> str:
        """Whether estimates in it are declared ones, or what was filled in for readings."""
        home = self._home(part)
        return "declared_share" if part.account.name in self._declared[home] else "filled"

    def _home(self, part: _Part) -> int:
        """The epoch whose nodes the account's terms name."""
        name = part.account.name
        homes = (i for i, known in enumerate(self._accounts) if known.get(name) is part.account)
        return next(homes)


# -- rows ------------------------------------------------------------------------------------------


def _periods(parts: Sequence[_Part]) -> list[str]:
    return [part.period for part in parts for _ in range(len(part.block.start))]


def _names(account: Account, found: PeriodBlock) -> Iterator[tuple[str, Sequence[str | None]]]:
    """`ipue`; over twelve months `pue` where every month is covered (G4)."""
    annual = account.metric is not None and account.metric.name == "pue" and found.period in YEARS
    if not annual:
        yield account.name, ()
        return
    slices = found.slices if found.slices is not None else np.zeros((len(found.meters), 1))
    whole: list[bool] = [bool(row.all()) for row in slices >= ENOUGH]
    yield account.name, ["twelve_months" if w else None for w in whole]
    yield account.name.removeprefix("i"), [None if w else TOO_LITTLE for w in whole]


def _total(account: Account, amounts: FloatArray) -> _Verdict:
    rows = len(amounts)
    verdict = _Verdict(amounts[:, 0].copy(), ["ok"] * rows, [None] * rows)
    if account.name.startswith(NEVER_NEGATIVE) and account.kind == "total":
        for i in np.flatnonzero(verdict.value < 0).tolist():
            verdict.status[i], verdict.reason[i] = "invalid", "negative_total"
    return verdict


def _declared(book: Book) -> frozenset[str]:
    """Accounts that hold declared shares or constants."""
    nodes: set[int] = set()
    for step in book.derivations:
        if step.op in {Op.SHARE, Op.CONSTANT} or nodes.intersection(step.inputs):
            nodes.add(step.node)
    return frozenset(
        account.name
        for account in book.accounts
        if any(n in nodes for term in account.terms for n, _ in (*term.members, *term.fuels))
    )


def _grade(
    periods: Sequence[str],
    block: Block,
    estimated: FloatArray,
    verdict: _Verdict,
    why_estimated: str,
) -> None:
    """Say of the values that stand what they lack."""
    coverage = block.valid / (block.end - block.start)
    lacking = (coverage < ENOUGH) | (estimated > 0)
    for i in np.flatnonzero(np.isfinite(verdict.value) & lacking).tolist():
        if verdict.status[i] != "ok":
            continue
        if coverage[i] < ENOUGH:
            verdict.status[i] = "partial"
            verdict.reason[i] = SILENT if periods[i] == "cell" else TOO_LITTLE
        else:
            verdict.status[i], verdict.reason[i] = "estimated", why_estimated


def _weighted(amounts: FloatArray, weights: Sequence[float]) -> FloatArray:
    return fsum_rows((amounts * np.array(weights)).T)


def _shares(terms: FloatArray, which: int) -> FloatArray:
    """Share of the amount that is estimated or distributed, of the most affected term."""
    amount = np.abs(terms[:, :, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(terms[:, :, which] > 0, terms[:, :, which] / amount, 0.0)
    worst: FloatArray = np.minimum(share.max(axis=1), 1.0)
    return worst
