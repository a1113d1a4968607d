"""Why a figure is what it is: meters, energies, the formula with its numbers, coverage, factors."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.config import Config
from greendc.core.accounts import Account, Book, Term
from greendc.core.cells import SHARES
from greendc.core.facility import EVER, Op, Site
from greendc.core.figure import Figure
from greendc.core.site import meters_and_books
from greendc.lines import PUBLISHED, published
from greendc.ports import GreendcError
from greendc.queries import LOG, Ledger, unavailable, whole_log

LEDGER = "ledger.db"
ROLLING = ("24h", "7d", "30d", "12mo")


def explain(
    config: Config, metric: str, at: str | None, period: str, site: str | None, data: Path | None
) -> str:
    """Text that takes one figure of the ledger apart.

    Raises
    ------
    GreendcError
        If there is no such site, figure or time; it names what there is.
    """
    place = _site(config, site)
    moment = None if at is None else parse_rfc3339(at)
    with Ledger((data or config.data) / LEDGER) as ledger:
        figures = _figures(ledger, place, metric, period, moment)
        chosen = figures.get(metric)
        if chosen is None:
            reason = unavailable(place).get(metric)
            known = ", ".join(sorted(figures)) or "nothing in this period"
            message = f"{metric}: {reason or 'no such figure'}; there is {known}"
            raise GreendcError(message)
        return "\n".join(_Explanation(config, place, figures, chosen).lines())


def _site(config: Config, name: str | None) -> Site:
    sites = {site.id: site for site in config.plan().sites}
    if name is None and len(sites) == 1:
        return next(iter(sites.values()))
    if name not in sites:
        message = f"which site? --site {' | '.join(sites)}"
        raise GreendcError(message)
    return sites[name]


def _figures(
    ledger: Ledger, site: Site, metric: str, period: str, moment: int | None
) -> Mapping[str, Figure]:
    """All figures of the period that holds the moment, or of the newest one with this metric."""
    if period == LOG:
        return whole_log(ledger, site).figures
    newest: Figure | None = None
    for figure in ledger.figures(site.id, period):
        inside = moment is None or figure.start <= moment < figure.end
        if figure.quantity == metric and inside:
            newest = figure
    if newest is None:
        when = "in the ledger" if moment is None else f"around {rfc3339(moment)}"
        message = f"{metric}: no figure of period {period} {when}"
        raise GreendcError(message)
    found = {
        f.quantity: f
        for f in ledger.figures(site.id, period, newest.start, newest.start + 1)
        if f.end == newest.end
    }
    if period in ROLLING:
        found = {**_over_hours(ledger, site, newest), **found}
    return found


def _over_hours(ledger: Ledger, site: Site, whole: Figure) -> dict[str, Figure]:
    """Meters' energies in a rolling window, which the ledger keeps for totals only."""
    rows: dict[str, list[Figure]] = {}
    for figure in ledger.figures(site.id, "hour", whole.start, whole.end):
        rows.setdefault(figure.quantity, []).append(figure)
    return {name: _added(name, part, whole) for name, part in rows.items()}


def _added(name: str, rows: list[Figure], whole: Figure) -> Figure:
    values = [row.value for row in rows if row.value is not None]
    first = rows[0]
    return Figure(
        name, first.unit, whole.period, whole.start, whole.end, sum(r.valid for r in rows),
        math.fsum(values) if values else None, None, None, None, None, first.status, None,
        first.category, first.terms,
    )  # fmt: skip


class _Explanation:
    def __init__(
        self, config: Config, site: Site, figures: Mapping[str, Figure], chosen: Figure
    ) -> None:
        self.config, self.site, self.figures, self.chosen = config, site, figures, chosen
        _, books = meters_and_books(site)
        self.book: Book = next(b for b in reversed(books) if b.epoch.start < chosen.end)
        self.names = {number: name for name, number in self.book.nodes.items()}
        by_name = {account.name: account for account in self.book.accounts}
        base = chosen.quantity if chosen.quantity in by_name else f"i{chosen.quantity}"
        self.account: Account = by_name[base]
        self.meters = {m.id: m for m in self.book.epoch.meters}
        self.derived = {d.id: d for d in self.book.epoch.derived}

    def lines(self) -> Iterator[str]:
        figure = self.chosen
        yield f"{figure.quantity} of {self.site.id} ({self.site.name})"
        yield f"{figure.period} from {rfc3339(figure.start)} to {rfc3339(figure.end)}, zone {self.site.zone}"
        yield f"  value        {_amount(figure)}"
        yield from self._qualities()
        yield from self._formula()
        for need, term in zip(self._needs(), self.account.terms, strict=True):
            yield from self._term(need, term)
        yield from self._factors()
        yield from self._gaps()

    def _qualities(self) -> Iterator[str]:
        figure = self.chosen
        yield f"  status       {figure.status}{f' ({figure.reason})' if figure.reason else ''}"
        known = figure.valid / 3.6e12
        yield f"  coverage     {figure.coverage:.6g} ({known:,.6g} h of {(figure.end - figure.start) / 3.6e12:,.6g} h)"
        if figure.estimated is not None:
            yield f"  estimated    {figure.estimated:.6g} of the most affected term"
        if figure.distributed:
            yield f"  distributed  {figure.distributed:.6g} (exact sum, shape in time not known)"
        doubt = published(figure, figure.uncertainty)
        word = figure.doubt or "not evaluated"
        yield f"  uncertainty  {'± ' + format(doubt, '.6g') + ' (k = 2)' if doubt is not None else 'unknown: ' + word}"
        if figure.category is not None:
            yield f"  category     {figure.category} (where E_IT is measured)"
        yield f"  revision     {figure.revision}"

    def _formula(self) -> Iterator[str]:
        metric = self.account.metric
        if metric is None:
            return
        yield f"\n{metric.formula}   [{metric.source}]"
        amounts = dict(zip(metric.needs, self._amounts(), strict=True))
        top = _spelled(amounts, metric.numerator)
        bottom = _spelled(amounts, metric.denominator)
        unit = "" if metric.unit == "1" else f" {metric.unit}"
        value = self.chosen.value
        yield f"  = ({top}) / ({bottom}) = {'undefined' if value is None else f'{value!r}{unit}'}"
        if self.chosen.coverage < 1:
            yield "  both sums over the time in which everything needed was known"

    def _amounts(self) -> list[float]:
        terms = np.frombuffer(self.chosen.terms, np.float64).reshape(-1, SHARES)
        return [float(amount) for amount in terms[:, 0]]

    def _needs(self) -> tuple[str, ...]:
        metric = self.account.metric
        return metric.needs if metric is not None else (self.account.name,)

    def _term(self, need: str, term: Term) -> Iterator[str]:
        boundary = f" ({self.book.epoch.boundary})" if need.startswith("e_dc") else ""
        yield f"\n{need.removesuffix('_j')}{boundary}"
        for node, weight in sorted(term.members, key=lambda m: self.names[m[0]]):
            yield self._member(self.names[node], weight)
        for node, factor in term.fuels:
            yield self._member(self.names[node], 1.0) + f"  x {factor:g} g/kWh"

    def _member(self, name: str, weight: float) -> str:
        figure = self.figures.get(name)
        value = None if figure is None else published(figure, figure.value)
        shown = f"{value * weight:>18,.6f} kWh" if value is not None else f"{'unknown':>18}    "
        coverage = f"coverage {figure.coverage:.4g}" if figure is not None else "no row"
        times = "" if weight == 1 else f" x {weight:g}"
        return f"  {shown}  {name}{times}  {self._nature(name)}  {coverage}"

    def _nature(self, name: str) -> str:
        if name in self.meters:
            meter = self.meters[name]
            grade = "no class" if meter.accuracy is None else f"class {meter.accuracy * 100:g}"
            return f"[{meter.point}, {meter.kind}, {grade}]"
        derived = self.derived[name]
        if derived.op is Op.CONSTANT:
            return f"[{derived.point}, constant {derived.value:g} W: an estimate]"
        if derived.op is Op.SHARE:
            return f"[{derived.point}, {derived.value:g} x {derived.inputs[0]}: an estimate]"
        sign = " - " if derived.op is Op.DIFFERENCE else " + "
        return f"[{derived.point}, {sign.join(derived.inputs)}]"

    def _factors(self) -> Iterator[str]:
        for method in sorted({t.method for t in self.account.terms if t.method is not None}):
            factor = self.site.intensity[method]
            inside = (factor.end > self.chosen.start) & (factor.start < self.chosen.end)
            values = factor.value[inside]
            low, high = float(values.min(initial=EVER)), float(values.max(initial=-EVER))
            shown = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            year = f", {factor.year}" if factor.year else ""
            yield f"\n{method}: {shown} g/kWh, {factor.zone}{year}, {factor.accounting}, {factor.source}"
        if any(t.method for t in self.account.terms):
            span = self.chosen.start, self.chosen.end
            yield from (f"  warning: {text}" for text in self.config.warnings(span))

    def _gaps(self) -> Iterator[str]:
        """Meters that were not known all the time."""
        needed = [self.book.rules.meters[i].id for i in self.account.needs]
        bad = [n for n in needed if n in self.figures and self.figures[n].valid < self._length(n)]
        if bad:
            yield "\nnot known all the time"
            yield from (f"  {name}  coverage {self.figures[name].coverage:.6g}" for name in bad)

    def _length(self, name: str) -> int:
        return self.figures[name].end - self.figures[name].start


def _spelled(amounts: Mapping[str, float], weights: tuple[float, ...]) -> str:
    parts = []
    for (need, amount), weight in zip(amounts.items(), weights, strict=True):
        if weight:
            unit, size = PUBLISHED["g" if need.endswith("_g") else "J"]
            sign = "- " if weight < 0 else "+ " if parts else ""
            parts.append(f"{sign}{amount / size:,.6f} {unit}")
    return " ".join(parts)


def _amount(figure: Figure) -> str:
    value = published(figure, figure.value)
    unit = PUBLISHED.get(figure.unit, (figure.unit, 1.0))[0]
    return "unknown" if value is None else f"{value!r} {unit if unit != '1' else ''}".rstrip()
