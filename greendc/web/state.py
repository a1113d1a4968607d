"""A site's state for page and API: figures, power now, what is missing and why."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from greendc import __version__
from greendc.calendars import rfc3339
from greendc.core.accounts import Account, Book
from greendc.core.facility import DAY, HOUR
from greendc.core.figure import Figure
from greendc.core.present import power
from greendc.lines import line
from greendc.snapshots import Board, Closed, Current, Health, SiteTag
from greendc.web import meters

SHOWN = ("hour", "24h", "7d", "30d", "12mo")
PARTS = ("e_it", *[f"subsystem_{s}" for s in ("cooling", "power", "lighting", "reuse", "other")])
LATE = 2 * HOUR  # figures end at full hours and close with the next reading but one
ENDS_EVERY = {"12mo": DAY}  # at local midnights

WHY = {meters.STALE: "silent", meters.SILENT: "silent", meters.NEVER: "no_data"}


def site_tag(current: Current, site: str | None) -> SiteTag | None:
    """The site asked for, the first one where none is; None where there is no such site."""
    return next((tag for tag in current.sites if site in (None, tag.site)), None)


def state(board: Board, site: str, now: int) -> dict[str, Any]:
    """Everything that is shown of a site at a wall-clock time [ns], except its meters."""
    current, closed, health = board.current, board.closed, board.health
    tag = site_tag(current, site)
    moment = board.site_times(now).get(site)
    if tag is None:
        raise KeyError(site)
    figures = dict(_figures(closed, current.books[site], tag, moment))
    return {
        "version": __version__,
        "site": {"id": tag.site, "name": tag.name, "zone": tag.zone, "boundary": tag.boundary},
        "sites": [{"id": other.site, "name": other.name} for other in current.sites],
        "wall_clock": board.wall_clock,
        "site_time": None if moment is None else rfc3339(moment),
        "figures": figures,
        "power": list(_powers(board, current, closed, tag, now)),
        "missing": list(_missing(tag, figures)),
        "health": told(health, tag.site),
    }


# -- figures --------------------------------------------------------------------------------------


def _figures(
    closed: Closed, book: Book, tag: SiteTag, moment: int | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Newest figures by period and name; provisional ones where the ledger has none."""
    accounts = {account.name: account for account in book.accounts}
    for period in SHOWN:
        yield (
            period,
            {
                figure.quantity: _entry(figure, accounts, moment, provisional=provisional)
                for figure, provisional in _newest(closed, tag.site, period)
            },
        )


def _newest(closed: Closed, site: str, period: str) -> Iterator[tuple[Figure, bool]]:
    for figures, provisional in ((closed.figures, False), (closed.provisional, True)):
        for key, figure in figures.items():
            if key[:2] == (site, period) and not (provisional and key in closed.figures):
                yield figure, provisional


def _entry(
    figure: Figure, accounts: Mapping[str, Account], moment: int | None, *, provisional: bool
) -> dict[str, Any]:
    account = accounts.get(figure.quantity)
    told = line("", figure)
    for key in ("site", "quantity", "period"):
        del told[key]
    if provisional:
        told["status"] = "provisional"
    late = ENDS_EVERY.get(figure.period, 0) + _late(account)
    return told | {"outdated": moment is not None and moment - figure.end > late}


def _late(account: Account | None) -> int:
    """How long after its end a figure of the moment may still be the newest one [ns]."""
    return LATE if account is None else LATE + 2 * account.resolution + account.grid


def _missing(tag: SiteTag, figures: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """What has no value and why: by configuration, or in the newest period of its kind."""
    for name, reason in tag.unavailable.items():
        yield {"name": name, "reason": reason, "periods": []}
    found: dict[tuple[str, str], list[str]] = {}
    for period, entries in figures.items():
        for name, entry in entries.items():
            if entry["value"] is None and name not in tag.unavailable:
                found.setdefault((name, entry["reason"] or "undefined"), []).append(period)
    for (name, reason), periods in found.items():
        yield {"name": name, "reason": reason, "periods": periods}


# -- power ----------------------------------------------------------------------------------------


def _powers(
    board: Board, current: Current, closed: Closed, tag: SiteTag, now: int
) -> Iterator[dict[str, Any]]:
    """Power of each total now, or why it is not known, beside its mean in the newest hour."""
    book = current.books[tag.site]
    last = meters.readings(board, current, tag.site, now)
    names = [current.meters[i].meter for i in last.place]
    quality = {name: meters.QUALITIES[q] for name, q in zip(names, last.quality, strict=True)}
    fresh = np.flatnonzero((last.quality == 0) & ~np.isnan(last.value))
    known = power(book, {names[i]: float(last.value[i]) for i in fresh})
    for account in book.accounts:
        if account.name in (*PARTS, "e_dc"):
            watts = known.get(account.name)
            yield {
                "name": account.name,
                "watts": watts,
                "reason": None if watts is not None else _why(book, account, quality),
                "hour_watts": _mean(closed.figures.get((tag.site, "hour", account.name))),
            }


def _why(book: Book, account: Account, quality: Mapping[str, str]) -> str:
    needed = [book.rules.meters[i] for i in account.needs]
    for meter in needed:
        if quality.get(meter.id, meters.NEVER) != meters.FRESH:
            return WHY[quality.get(meter.id, meters.NEVER)]
    return "register"


def _mean(figure: Figure | None) -> float | None:
    """Mean power over the known time of a figure [W]."""
    if figure is None or figure.value is None or figure.valid <= 0:
        return None
    return figure.value / (figure.valid / 1e9)


# -- health ---------------------------------------------------------------------------------------


def told(health: Health, site: str) -> dict[str, Any]:
    """How the daemon does, with the outcomes of one site's readings."""
    return {
        "started": rfc3339(health.started) if health.started else None,
        "broker": health.broker,
        "connected": health.connected,
        "connection_error": health.connection_error,
        "inbox": health.inbox,
        "journal_bytes": health.journal_bytes,
        "journal_limit": health.journal_limit,
        "journal_full": health.journal_full,
        "journal_lag_seconds": round(health.journal_lag_seconds, 1),
        "outcomes": dict(health.outcomes),
        "site_outcomes": dict(health.site_outcomes.get(site, {})),
        "sinks": [asdict(sink) for sink in health.sinks],
    }
