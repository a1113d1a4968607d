"""What the ledger says: counters of energy and emissions, and the newest KPIs."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from greendc import series
from greendc.core.accounts import Account, Book
from greendc.core.facility import EVER, SECOND
from greendc.core.figure import Figure
from greendc.core.quantities import POINTS
from greendc.series import WINDOWS, Series, kpi_of
from greendc.sinks.prometheus.families import (
    Families,
    Labels,
    total_labels,
)
from greendc.sinks.prometheus.known import MEMORY
from greendc.snapshots import Closed, Current, Key

MASS = "co2e_"  # what names of emissions begin with
SCOPE_1 = frozenset({"fuel"})  # carriers burnt on the site (STANDARDS 5.1)


def amounts(out: Families, current: Current, closed: Closed) -> None:
    """Energy and emissions since the start, and what was revised."""
    known = MEMORY.of(current.meters)
    for direction, sums in (("in", closed.energy_in), ("out", closed.energy_out)):
        of_meters = [sums.get(key, 0.0) for key in known.keys]
        out.extend(known.energy[direction], of_meters, [key in sums for key in known.keys])
        for key in sums:
            if key not in known.names:
                out.add(series.SITE_ENERGY, (*total_labels(key), direction), sums[key])
    for key, grams in closed.emitted.items():
        scope = _scope(current.books.get(key[0]), key[1])
        out.add(series.EMISSIONS, (key[0], scope, _method(key[1])), grams)
    for key, amount in closed.revised.items():
        _revised(out, key, amount, physical=key in known.names)


def _revised(out: Families, key: Key, amount: float, *, physical: bool) -> None:
    if physical:
        out.add(series.REVISED, key, amount)
    elif key[1].startswith(MASS):
        out.add(series.EMISSIONS_REVISED, (key[0], _method(key[1])), amount)
    else:
        out.add(series.SITE_REVISED, total_labels(key), amount)


def _method(mass: str) -> str:
    return mass.removeprefix(MASS)


def _scope(book: Book | None, mass: str) -> str:
    """Scopes that a mass holds: the ledger does not keep them apart."""
    accounts: Iterable[Account] = () if book is None else book.accounts
    found = {
        scope
        for account in accounts
        if account.name == mass and book is not None
        for scope in _scopes(book, account)
    }
    return "+".join(sorted(found))


def _scopes(book: Book, account: Account) -> Iterator[str]:
    term = account.terms[0]
    if term.members:
        yield "2"
    points = {number: meter.point for number, meter in enumerate(book.rules.meters)}
    for node, _ in term.fuels:
        yield "1" if POINTS[points[node]].carrier in SCOPE_1 else "2"


def figures(out: Families, current: Current, closed: Closed) -> None:
    """The newest KPI of each window with what defends it."""
    boundary = {tag.site: tag.boundary for tag in current.sites}
    ends: dict[Labels, int] = {}
    for (site, period, quantity), figure in closed.figures.items():
        window = WINDOWS.get(period)
        if window is not None:
            ends[site, window] = max(ends.get((site, window), -EVER), figure.end)
            if kpi_of(quantity) is not None:
                _kpi(out, (site, quantity, window), figure, boundary.get(site, ""))
    for where, end in ends.items():
        out.add(series.WINDOW_END, where, end / SECOND)


def undefined(out: Families, closed: Closed) -> None:
    """How often a KPI had no value, by reason."""
    for (site, quantity, period, reason), count in closed.undefined.items():
        if period in WINDOWS:
            out.add(series.KPI_UNDEFINED, (site, quantity, WINDOWS[period], reason), count)


def provisional(out: Families, closed: Closed) -> None:
    """What KPIs of the running hour and day would be."""
    for (site, period, quantity), figure in closed.provisional.items():
        found = kpi_of(quantity)
        ratio = found is not None and found[0].suffix == "ratio"
        if ratio and period in WINDOWS and figure.value is not None:
            out.add(series.KPI_PROVISIONAL, (site, quantity, WINDOWS[period]), figure.value)


def _kpi(out: Families, beside: Labels, figure: Figure, boundary: str) -> None:
    found = kpi_of(figure.quantity)
    if found is None:
        return
    out.add(series.KPI_COVERAGE, beside, figure.coverage)
    out.add(series.KPI_STATUS, (*beside, figure.status, figure.reason or ""), 1.0)
    if figure.value is None or figure.status == "invalid":
        return
    metric, own = found
    category = "" if figure.category is None else str(figure.category)
    given = {"site": beside[0], "window": beside[2], "category": category, "boundary": boundary}
    family = _family(metric.series)
    out.add(family, tuple((given | own)[name] for name in family.labels), figure.value)
    if figure.estimated is not None:
        out.add(series.KPI_ESTIMATED, beside, figure.estimated)
    if figure.distributed is not None:
        out.add(series.KPI_DISTRIBUTED, beside, figure.distributed)
    if figure.uncertainty is not None and figure.value:
        out.add(series.KPI_UNCERTAINTY, beside, figure.uncertainty / abs(figure.value))


@lru_cache
def _family(name: str) -> Series:
    return next(family for family in series.SERIES if family.name == name)
