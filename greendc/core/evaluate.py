"""From sums to published figures: value, coverage, estimated share, uncertainty, status, reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from greendc.core.accounts import Account, Book
from greendc.core.carbon import cell_intensity
from greendc.core.cells import Block
from greendc.core.facility import SECOND, IntArray, Site
from greendc.core.figure import CODES, NO_CATEGORY, SPELT, WORDS, Figure, FigureColumns
from greendc.core.forms import sensitivity
from greendc.core.gaps import Gaps, expanded, worst_share
from greendc.core.grading import CELL, ENOUGH, TOO_LITTLE, Verdict, grade, name_lost, total
from greendc.core.metrics import verdicts
from greendc.core.periods import PeriodBlock
from greendc.core.sums import fsum_rows
from greendc.core.tables import same
from greendc.core.uncertainty import (
    REASONS,
    Exposures,
    Sensitivity,
    Uncertainty,
    expanded_uncertainty,
    meter_uncertainty,
)

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

YEARS = ("year", "12mo")
IT = "e_it_j"
DOUBT_CODES = np.array([CODES[word] for word in REASONS], np.int64)


class _Part(NamedTuple):
    """Rows of one block, account and epoch; `place` is that of the block among those given.

    `masked` says in a word for each row why it is published under another name; empty: none is.
    `gappy` are months of which too much is missing or filled in.
    """

    place: int
    number: int
    account: Account
    name: str
    period: str
    block: Block
    meters: FloatArray
    masked: Sequence[str | None]
    gappy: BoolArray


class Evaluator:
    """Evaluates rows of a site's accounts. Pure: the same rows give the same figures."""

    def __init__(self, site: Site, books: Sequence[Book], gaps: Gaps) -> None:
        """Prepare each epoch's sensitivities to its physical meters."""
        self.site, self.books, self.gaps = site, books, gaps
        self._starts = np.array([book.epoch.start for book in books], np.int64)
        self._accounts = [{a.name: a for a in book.accounts} for book in books]
        self._expansions = [expanded(book) for book in books]
        self._limits = [
            np.array([np.nan if m.accuracy is None else m.accuracy for m in book.rules.meters])
            for book in books
        ]
        self._fill_limits = [book.rules.fill_limits for book in books]
        self._forms: dict[tuple[int, str], Sensitivity] = {}
        self._intensities: dict[tuple[str, bytes, bytes], FloatArray] = {}
        self._exposures: dict[tuple[int, ...], Exposures] = {}

    def every(self, found: Sequence[PeriodBlock]) -> list[list[Figure]]:
        """The figures of each block, one by one."""
        out: list[list[Figure]] = [[] for _ in found]
        if found:
            columns, places = self.columns(found)
            for place, figure in zip(places.tolist(), columns.rows(), strict=True):
                out[place].append(figure)
        return out

    def columns(self, found: Sequence[PeriodBlock]) -> tuple[FigureColumns, IntArray]:
        """The figures of blocks, and of each figure the place of its block.

        They are by period, sums and KPIs before meters, and those of one quantity in the order of
        their blocks.
        """
        groups: dict[tuple[int, str], list[_Part]] = {}
        again = _again(found)
        for place, one in enumerate(found):
            if place in again:
                continue
            for part in self._parts(place, one):
                shared = "" if part.account.physical is not None else part.account.name
                groups.setdefault((part.number, shared), []).append(part)
        found_in = [self._evaluate(parts) for parts in groups.values()]
        self._intensities.clear()
        self._exposures.clear()
        pieces = _in_order(list(groups.values()), again)
        figures = FigureColumns.joined(found_in, _in_a_row(pieces))
        parts = [part for *_, part in pieces]
        period = _spread([SPELT.index(part.period) for part in parts], parts)
        return replace(figures, period=period), _spread([part.place for part in parts], parts)

    # -- rows that are alike -------------------------------------------------------------------

    def _parts(self, place: int, found: PeriodBlock) -> Iterator[_Part]:
        """The block's rows by the epoch in force at the end of each."""
        for number, some in self._by_epoch(found):
            account = self._account(number, found.block.account)
            own, block = account.physical, some.block
            meters = some.meters if own is None else some.meters[:, own]
            gappy = _gappy(some)
            for name, masked in _names(account, some):
                yield _Part(place, number, account, name, some.period, block, meters, masked, gappy)

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

    def _evaluate(self, parts: Sequence[_Part]) -> FigureColumns:
        block = Block.stacked([part.block for part in parts])
        period = _spread([SPELT.index(part.period) for part in parts], parts)
        verdict = self._judged(parts[0], block)
        self._mask(parts, block, period, verdict)
        counted = self._counted(parts)
        doubts = self._doubts(parts, block, counted, verdict.value)
        estimated, distributed = (worst_share(block.terms, which) for which in (1, 2))
        filled = estimated
        if estimated.any():
            meters = np.ascontiguousarray(counted.energies)
            filled = self.gaps.share(parts[0].account, block.terms, meters, block.valid)
        gappy = np.concatenate([part.gappy for part in parts])
        grade(period, block, (estimated, filled), verdict, gappy)
        name_lost(block, verdict)
        unknown = block.valid == 0
        estimated[unknown], distributed[unknown] = np.nan, np.nan
        value = _finite(verdict.value)
        none = same(0, len(value))
        categories = [part.account.category for part in parts]
        return FigureColumns(
            names=tuple(part.name for part in parts),
            units=tuple(part.account.unit for part in parts),
            words=WORDS,
            quantity=_spread(list(range(len(parts))), parts),
            period=none,
            start=block.start,
            end=block.end,
            valid=block.valid,
            value=value,
            estimated=_finite(estimated),
            distributed=_finite(distributed),
            uncertainty=_finite(doubts.value),
            doubt=np.where(np.isnan(value), CODES[None], DOUBT_CODES[doubts.code]),
            status=verdict.status,
            reason=verdict.reason,
            category=_spread([NO_CATEGORY if c is None else c for c in categories], parts),
            width=same(block.terms.shape[1] * block.terms.shape[2], len(value)),
            terms=block.terms.ravel(),
            revision=none,
            config=none,
            lost=none if block.lost is None else block.lost,
        )

    def _counted(self, parts: Sequence[_Part]) -> Exposures:
        """What meters counted in each row; put together once for all accounts of the same rows."""
        if parts[0].account.physical is not None:
            return Exposures(np.concatenate([part.meters for part in parts]))
        key = tuple(id(part.meters) for part in parts)
        if key not in self._exposures:
            # a meter's own numbers side by side, since sums take them meter by meter
            counted = np.concatenate([part.meters.T for part in parts], axis=1).T
            self._exposures[key] = Exposures(counted)
        return self._exposures[key]

    # -- value -------------------------------------------------------------------------------

    def _judged(self, part: _Part, block: Block) -> Verdict:
        account, amounts = part.account, block.terms[:, :, 0]
        metric = account.metric
        if metric is None:
            return total(account, amounts)
        denominator = _weighted(amounts, metric.denominator)
        least = np.zeros(len(amounts))
        if metric.needs[metric.denominator.index(1.0)] == IT:
            least = self.books[part.number].epoch.min_it_power * block.valid / SECOND
        value, code = verdicts(metric, metric.compute(*amounts.T), denominator, least)
        verdict = Verdict.of(value, code)
        for place, need in enumerate(metric.needs):
            if need in {"e_dc_j", IT}:
                verdict.refuse(amounts[:, place] < 0, "invalid", "negative_total")
        return verdict

    def _mask(
        self, parts: Sequence[_Part], block: Block, period: IntArray, verdict: Verdict
    ) -> None:
        """Take away values of rows in which nothing is known, or that are too short for it."""
        unknown = block.valid == 0
        blind = self._without_intensity(parts[0].account, block)
        short = period == CELL
        resolution = _spread([part.account.resolution for part in parts], parts)
        verdict.refuse((block.end - block.start) < resolution, "undefined", "resolution")
        verdict.refuse(unknown, "undefined", TOO_LITTLE)
        verdict.refuse(unknown & short, "undefined", "silent")
        verdict.refuse(unknown & short & blind, "undefined", "no_intensity")
        begin = 0
        for part in parts:
            for i, masked in enumerate(part.masked):
                if masked is not None:
                    verdict.refuse(slice(begin + i, begin + i + 1), "undefined", masked)
            begin += len(part.block.start)

    def _without_intensity(self, account: Account, block: Block) -> BoolArray:
        """Rows in which the emission intensity is not known."""
        blind = np.zeros(len(block.start), np.bool_)
        for method in {t.method for t in account.terms if t.method is not None and t.members}:
            blind |= np.isnan(self._intensity(method, block))
        return blind

    def _intensity(self, method: str, block: Block) -> FloatArray:
        """Mean intensity in each row; looked up once for all accounts of the same rows."""
        key = method, block.start.tobytes(), block.end.tobytes()
        if key not in self._intensities:
            given = self.site.intensity[method]
            self._intensities[key] = cell_intensity(block.start, block.end, given)
        return self._intensities[key]

    # -- uncertainty ---------------------------------------------------------------------------

    def _doubts(
        self, parts: Sequence[_Part], block: Block, counted: Exposures, value: FloatArray
    ) -> Uncertainty:
        """Expanded uncertainty of each row (F-6.6), NaN with a word where it is not known."""
        part = parts[0]
        if part.account.physical is not None:
            place = _spread([p.account.terms[0].members[0][0] for p in parts], parts)
            filled = self._fill_limits[part.number][place], block.terms[:, 0, 1]
            limits = self._limits[part.number][place]
            return meter_uncertainty(limits, counted.energies, value, *filled)
        metric = part.account.metric
        denominator: FloatArray | float = 1.0
        if metric is not None:
            denominator = _weighted(block.terms[:, :, 0], metric.denominator)
        intensity: FloatArray | float = 0.0
        for method in {t.method for t in part.account.terms if t.method is not None}:
            intensity = self._intensity(method, block)
        seconds = block.valid / SECOND
        return expanded_uncertainty(
            self._form(part), counted, seconds, value, denominator, intensity
        )

    def _form(self, part: _Part) -> Sensitivity:
        key = part.number, part.account.name
        if key not in self._forms:
            expansion = self._expansions[self._home(part)]
            self._forms[key] = sensitivity(expansion, part.account)
        return self._forms[key]

    def _home(self, part: _Part) -> int:
        """The epoch whose nodes the account's terms name."""
        name = part.account.name
        homes = (i for i, known in enumerate(self._accounts) if known.get(name) is part.account)
        return next(homes)


# -- rows ------------------------------------------------------------------------------------------


def _spread(values: Sequence[int], parts: Sequence[_Part]) -> IntArray:
    """What holds for each part, for each of its rows."""
    if len(set(values)) == 1:
        return same(values[0], sum(len(part.block.start) for part in parts))
    return np.repeat(np.array(values, np.int64), [len(part.block.start) for part in parts])


def _again(found: Sequence[PeriodBlock]) -> dict[int, int]:
    """Hours that are cells, and the places of these: where all is known the figures are the same.

    Where something is not, an hour has another word for it.
    """
    cells = {id(one.block.terms): place for place, one in enumerate(found) if one.period == "cell"}
    return {
        place: cells[id(one.block.terms)]
        for place, one in enumerate(found)
        if one.period == "hour" and id(one.block.terms) in cells and _is_whole(one.block)
    }


def _is_whole(block: Block) -> bool:
    return bool((block.valid == block.end - block.start).all())


def _in_order(
    groups: Sequence[Sequence[_Part]], again: Mapping[int, int]
) -> list[tuple[int, int, int, _Part]]:
    """By period, sums before meters: each part with its group's place and its rows there.

    Rows of some blocks are those of others `again`.
    """
    twins = {cell: hour for hour, cell in again.items()}
    pieces = []
    for number, parts in enumerate(groups):
        lo = 0
        for part in parts:
            hi = lo + len(part.block.start)
            pieces.append((number, lo, hi, part))
            if part.place in twins:
                twin = part._replace(place=twins[part.place], period="hour")
                pieces.append((number, lo, hi, twin))
            lo = hi
    rank = {period: place for place, period in enumerate(SPELT)}
    return sorted(pieces, key=lambda p: (rank[p[3].period], p[3].account.kind == "meter"))


def _in_a_row(pieces: Sequence[tuple[int, int, int, _Part]]) -> list[tuple[int, int, int]]:
    """Places of groups and rows from one to another; what follows each other as one piece."""
    out: list[tuple[int, int, int]] = []
    for number, lo, hi, _ in pieces:
        if out and out[-1][0] == number and out[-1][2] == lo:
            out[-1] = number, out[-1][1], hi
        else:
            out.append((number, lo, hi))
    return out


def _finite(column: FloatArray) -> FloatArray:
    """The same with NaN for whatever is no number."""
    return np.where(np.isfinite(column), column, np.nan)


def _gappy(found: PeriodBlock) -> BoolArray:
    """Months of which too much is missing or filled in (STANDARDS 6.5)."""
    if found.period != "month" or found.slices is None:
        return np.zeros(len(found.block.start), np.bool_)
    return np.asarray(found.slices[:, 0] < ENOUGH)


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


def _weighted(amounts: FloatArray, weights: Sequence[float]) -> FloatArray:
    return fsum_rows((amounts * np.array(weights)).T)
