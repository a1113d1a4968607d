"""A site's state for page and API: figures, power now, what is missing and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from greendc import __version__
from greendc.calendars import parse_rfc3339, rfc3339
from greendc.core.accounts import Account, Book
from greendc.core.facility import DAY, EVER, HOUR, SECOND
from greendc.core.feeds import Load, loads
from greendc.core.figure import Figure
from greendc.core.present import power
from greendc.findings import node_record, record
from greendc.lines import line
from greendc.outcomes import TO_DO
from greendc.snapshots import Accounts, Board, Closed, Current, FigureKey, Health, SiteTag
from greendc.web import meters

SHOWN = ("hour", "24h", "7d", "30d", "12mo")
RUNNING = ("hour", "day")  # provisional: what an end of input now would give
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
    book, at = current.books[site], -EVER if moment is None else moment
    figures = _figures(closed.figures, SHOWN, book, tag, at)
    return {
        "version": __version__,
        "site": {"id": tag.site, "name": tag.name, "zone": tag.zone, "boundary": tag.boundary},
        "sites": [{"id": other.site, "name": other.name} for other in current.sites],
        "wall_clock": board.wall_clock,
        "site_time": None if moment is None else rfc3339(max(moment, _closed_to(figures["hour"]))),
        "figures": figures,
        "running": _figures(closed.provisional, RUNNING, book, tag, at),
        "power": list(_powers(board, current, closed, tag, figures["hour"], now)),
        "redundancy": [_load(one) for one in loads(book, tag.redundant, _watts(board, tag, now))],
        "missing": list(_missing(tag, figures)),
        "balance": _balance(closed, tag.site),
        "health": told(health, tag.site),
    }


def _balance(closed: Closed, site: str) -> dict[str, Any] | None:
    """Whether what the meters counted in the newest hour adds up; None before there is one."""
    found = closed.balances.get(site)
    if found is None:
        return None
    return {
        "start": rfc3339(found.hour.start),
        "end": rfc3339(found.hour.end),
        "nodes": [node_record(node, found.hour) for node in found.hour.nodes],
        "findings": [record(one) for one in found.findings],
    }


# -- figures --------------------------------------------------------------------------------------


def _figures(
    found: Mapping[FigureKey, Figure], periods: Sequence[str], book: Book, tag: SiteTag, now: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """Figures of a site by period and name; `outdated` says that newer ones were to be expected."""
    accounts = {account.name: account for account in book.accounts}
    out: dict[str, dict[str, dict[str, Any]]] = {period: {} for period in periods}
    for (site, period, name), figure in found.items():
        if site == tag.site and period in out:
            told = line(site, figure)
            for key in ("site", "quantity", "period"):
                del told[key]
            late = ENDS_EVERY.get(period, 0) + tag.lateness + _late(accounts.get(name))
            out[period][name] = told | {"outdated": now - figure.end > late}
    return out


def _late(account: Account | None) -> int:
    """How long after its end a figure may still be the newest one, lateness aside [ns]."""
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


def _closed_to(hours: Mapping[str, Mapping[str, Any]]) -> int:
    """Where the newest hour ends [ns]: the clock shown is not behind it.

    Only where a log stands for the clock can that be later than the largest event time: its end
    closes the hours that means stamped with their beginning reach into.
    """
    return max((parse_rfc3339(entry["end"]) for entry in hours.values()), default=-EVER)


# -- power ----------------------------------------------------------------------------------------


def _powers(
    board: Board,
    current: Current,
    closed: Closed,
    tag: SiteTag,
    hours: Mapping[str, Mapping[str, Any]],
    now: int,
) -> Iterator[dict[str, Any]]:
    """Power of each total now, or why it is not known, beside its mean in the newest hour."""
    book = current.books[tag.site]
    last = meters.readings(board, current, tag.site, now)
    names = [current.meters[i].meter for i in last.place]
    quality = {
        name: WHY.get(meters.QUALITIES[place], why)
        for name, place, why in zip(names, last.quality, last.why, strict=True)
    }
    fresh = np.flatnonzero((last.quality == 0) & ~np.isnan(last.value))
    known = power(book, {names[i]: float(last.value[i]) for i in fresh})
    for account in book.accounts:
        if account.name in (*PARTS, "e_dc"):
            watts = known.get(account.name)
            yield {
                "name": account.name,
                "watts": watts,
                "reason": None if watts is not None else _why(book, account, quality),
                **_hour(
                    hours.get(account.name), closed.figures.get((tag.site, "hour", account.name))
                ),
            }


def _watts(board: Board, tag: SiteTag, now: int) -> dict[str, float]:
    """Power of the site's meters, derived meters and totals that is known [W]."""
    every = board.current.power(board.site_times(now)) if tag.redundant else {}
    return {name: watts for (site, name), watts in every.items() if site == tag.site}


def _load(one: Load) -> dict[str, Any]:
    return {**one._asdict(), "feeds": [feed._asdict() for feed in one.feeds]}


def _why(book: Book, account: Account, quality: Mapping[str, str | None]) -> str:
    """For want of which meter a total is not known now; those that are fresh have no word."""
    needed = [book.rules.meters[i] for i in account.needs]
    for meter in needed:
        why = quality.get(meter.id, WHY[meters.NEVER])
        if why is not None:
            return why
    return "register"


def _hour(entry: Mapping[str, Any] | None, figure: Figure | None) -> dict[str, Any]:
    """Mean power over the known time of the newest hour [W], if that is of the moment."""
    if entry is None or figure is None or entry["outdated"]:
        return {"hour_watts": None, "hour_reason": None}
    if figure.value is None or figure.valid <= 0:
        return {"hour_watts": None, "hour_reason": figure.reason}
    return {"hour_watts": figure.value / (figure.valid / SECOND), "hour_reason": None}


# -- health ---------------------------------------------------------------------------------------


def told(health: Health, site: str) -> dict[str, Any]:
    """How the daemon does, with the outcomes of one site's readings."""
    return {
        "started": _stamp(health.started or None),
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
        "jobs": [
            {"name": job.name, "succeeded": _stamp(job.succeeded), "error": job.error}
            for job in health.jobs
        ],
        "refusing": [
            {
                "meter": meter,
                "reason": one.word,
                "since": rfc3339(one.since),
                "last": rfc3339(one.last),
                "same_since": rfc3339(one.same) if one.word == "frozen" else None,
                "to_do": TO_DO[one.word],
            }
            for meter, one in sorted(health.refusing.get(site, {}).items())
        ],
        "accounts": None if health.accounts is None else _accounts(health.accounts),
    }


def _accounts(found: Accounts) -> dict[str, Any]:
    return {
        "audited": rfc3339(found.at // SECOND * SECOND),
        "failed": found.failed,
        "lost": {"qos_0": found.lost[0], "qos_1": found.lost[1]},
    }


def _stamp(moment: int | None) -> str | None:
    return None if moment is None else rfc3339(moment)
