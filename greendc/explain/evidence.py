"""All that the ledger and the configuration say about one figure."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from greendc.calendars import rfc3339
from greendc.core.accounts import Account, Book
from greendc.core.facility import DAY, HOUR, Derived, Site
from greendc.core.figure import Figure
from greendc.core.site import meters_and_books
from greendc.lines import published
from greendc.ports import GreendcError
from greendc.queries import LOG, Judgements, Ledger, whole_log
from greendc.store import PERIODS

Span = tuple[int, int]
ROLLING = {"24h": HOUR, "7d": HOUR, "30d": HOUR, "12mo": DAY + HOUR}  # between their ends [ns]
LONGEST_BY_HOURS = 100 * DAY  # beyond it gaps are looked for by days


@dataclass(frozen=True, slots=True)
class Evidence:
    """One figure, the account behind it and the other figures of its period by name.

    `value` is the figure's as it is published. `gaps` are the spans in which a meter that is
    needed was not known all the time, to the length `step`; `earlier` are the revisions before;
    `events` (arrival, kind, data) touch the period; `judged` says by meter what readings were taken
    for in its hours; `spread` has gaps of registers: meter, start, end, and the midnights of the
    final days that gave them their shape; `config` is the hash of the configuration, None for sums
    over the whole log.
    """

    site: Site
    book: Book
    account: Account
    chosen: Figure
    value: float | None
    figures: Mapping[str, Figure]
    gaps: Mapping[str, Sequence[Span]]
    step: str
    earlier: Sequence[Figure]
    events: Sequence[tuple[int, str, Any]]
    judged: Mapping[str, Judgements]
    spread: Sequence[tuple[str, int, int, Sequence[int]]]
    config: str | None


def gather(
    ledger: Ledger, site: Site, metric: str, period: str, moment: int | None
) -> Evidence | None:
    """What there is about a figure of the period that holds the moment, or of the newest one.

    None where the ledger has no such figure.
    """
    chosen, value, figures = _figures(ledger, site, metric, period, moment)
    if chosen is None:
        return None
    book, account = _account(site, chosen)
    gaps, step = _gaps(ledger, site, book, account, figures, chosen)
    return Evidence(
        site,
        book,
        account,
        chosen,
        value,
        figures,
        gaps,
        step,
        [] if period == LOG else _earlier(ledger, site, chosen),
        [e for e in ledger.events() if _touches(e[2], site, (chosen.start, chosen.end))],
        ledger.judged(site.id, _needed(book, account), chosen.start, chosen.end),
        ledger.spread(site.id, _needed(book, account), chosen.start, chosen.end),
        ledger.config_hash(chosen.config),
    )


def nearest(ledger: Ledger, site: Site, metric: str, period: str) -> GreendcError:
    """The error that says what there is instead of a figure."""
    accounts = {a.name: a.kind for book in meters_and_books(site)[1] for a in book.accounts}
    if metric not in accounts and f"i{metric}" not in accounts:
        close = get_close_matches(metric, accounts, 3)
        known = [name for name, kind in accounts.items() if kind != "meter"]
        hint = f"did you mean {', '.join(close)}?" if close else f"there is {', '.join(known)}"
        return GreendcError(f"{metric}: no such figure or meter; {hint}")
    spans = [] if period == LOG else _spans(ledger, site, metric, period)
    if spans:
        first, last = rfc3339(spans[0][0]), rfc3339(spans[-1][1])
        there = f"the ledger has it from {first} to {last}"
        if period in ROLLING:
            there = f"the ledger has windows that end from {rfc3339(spans[0][1])} to {last}"
        return GreendcError(f"{metric}: none of period {period} at that time; {there}")
    periods = [p for p in PERIODS if _spans(ledger, site, metric, p)]
    there = f"ask for it with --period {' or '.join(periods)}"
    if not periods:
        there = ledger.stranger(site.id) or "nor of any other"
    return GreendcError(f"{metric}: no figure of period {period} in the ledger; {there}")


def _spans(ledger: Ledger, site: Site, metric: str, period: str) -> list[Span]:
    found = ledger.figures(site.id, period)
    return [(figure.start, figure.end) for figure in found if figure.quantity == metric]


# -- figures --------------------------------------------------------------------------------------


def _figures(
    ledger: Ledger, site: Site, metric: str, period: str, moment: int | None
) -> tuple[Figure | None, float | None, Mapping[str, Figure]]:
    if period == LOG:
        whole = whole_log(ledger, site)
        return whole.figures.get(metric), whole.value(metric), whole.figures
    chosen: Figure | None = None
    for figure in ledger.figures(site.id, period):
        if figure.quantity == metric and (moment is None or _holds(figure, moment)):
            chosen = figure
    if chosen is None:
        return None, None, {}
    beside = ledger.figures(site.id, period, chosen.start, chosen.start + 1)
    found = {f.quantity: f for f in beside if f.end == chosen.end}
    return chosen, published(chosen, chosen.value), {**_over_hours(ledger, site, chosen), **found}


def _holds(figure: Figure, moment: int) -> bool:
    """Whether a moment lies in a period; a rolling window has those until the next one ends."""
    if figure.period not in ROLLING:
        return figure.start <= moment < figure.end
    return figure.end <= moment < figure.end + ROLLING[figure.period]


def _over_hours(ledger: Ledger, site: Site, whole: Figure) -> dict[str, Figure]:
    """Meters' energies in a rolling window, which the ledger keeps for totals only."""
    if whole.period not in ROLLING:
        return {}
    rows: dict[str, list[Figure]] = {}
    for figure in ledger.figures(site.id, "hour", whole.start, whole.end):
        rows.setdefault(figure.quantity, []).append(figure)
    return {name: _added(name, part, whole) for name, part in rows.items()}


def _added(name: str, rows: Sequence[Figure], whole: Figure) -> Figure:
    values = [row.value for row in rows if row.value is not None]
    return Figure(
        quantity=name,
        unit=rows[0].unit,
        period=whole.period,
        start=whole.start,
        end=whole.end,
        valid=sum(row.valid for row in rows),
        value=math.fsum(values) if values else None,
        estimated=None,
        distributed=None,
        uncertainty=None,
        doubt=None,
        status="ok",
        reason=None,
        category=rows[0].category,
        terms=b"",
    )


def _account(site: Site, chosen: Figure) -> tuple[Book, Account]:
    """The account by the rules in force at the end of the period, or the last that had it."""
    _, books = meters_and_books(site)
    name = chosen.quantity
    for book in reversed([b for b in books if b.epoch.start < chosen.end]):
        accounts = {account.name: account for account in book.accounts}
        for base in (name, f"i{name}"):  # the account of `pue` is `ipue`
            if base in accounts:
                return book, accounts[base]
    raise GreendcError(f"{name}: the configuration given has no such figure in this period")


def _earlier(ledger: Ledger, site: Site, chosen: Figure) -> list[Figure]:
    if not chosen.revision:
        return []
    rows = ledger.revisions(site.id, chosen.period, chosen.start, chosen.start + 1)
    return [f for f in rows if f.quantity == chosen.quantity and f.revision < chosen.revision]


# -- gaps and events ------------------------------------------------------------------------------


def _gaps(
    ledger: Ledger,
    site: Site,
    book: Book,
    account: Account,
    figures: Mapping[str, Figure],
    chosen: Figure,
) -> tuple[dict[str, list[Span]], str]:
    step, margin = _step(chosen)
    needed = _needed(book, account)
    lacking = {
        n for n in needed if n not in figures or figures[n].valid < chosen.end - chosen.start
    }
    known: dict[str, list[Span]] = {name: [] for name in sorted(lacking)}
    if lacking:
        for row in ledger.figures(site.id, step, chosen.start - margin, chosen.end):
            if row.quantity in lacking and row.valid == row.end - row.start:
                known[row.quantity].append((row.start, row.end))
    whole = chosen.start, chosen.end
    return {name: list(without(whole, spans)) for name, spans in known.items()}, step


def _needed(book: Book, account: Account) -> set[str]:
    """Physical meters that the account's figures rest on."""
    return {book.rules.meters[i].id for i in account.needs}


def _step(chosen: Figure) -> tuple[str, int]:
    """The period by which gaps are told, and its length [ns]."""
    length = chosen.end - chosen.start
    if length <= DAY + HOUR:
        return "cell", 0
    return ("hour", HOUR) if length <= LONGEST_BY_HOURS else ("day", DAY + HOUR)


def without(whole: Span, spans: Iterable[Span]) -> Iterator[Span]:
    """What is left of a span without others, which are sorted.

    >>> list(without((0, 10), [(1, 3), (3, 5), (8, 12)]))
    [(0, 1), (5, 8)]
    """
    at, end = whole
    for lo, hi in spans:
        if lo > at:
            yield at, min(lo, end)
        at = max(at, hi)
    if at < end:
        yield at, end


def _touches(data: Any, site: Site, span: Span) -> bool:
    """Whether an event tells of a time in the span; without any time it tells of none."""
    lo, hi = data.get("from"), data.get("to")
    return (
        data.get("site", site.id) == site.id
        and isinstance(lo, int)
        and isinstance(hi, int)
        and lo < span[1]
        and hi >= span[0]
    )


# -- derived meters -------------------------------------------------------------------------------


def behind(by_name: Mapping[str, Derived], wanted: set[str]) -> Iterator[Derived]:
    """Derived meters that are wanted, and those that they are made from, outermost first."""
    needed = set(wanted)
    for name in reversed(list(by_name)):
        if name in needed:
            needed.update(by_name[name].inputs)
            yield by_name[name]
