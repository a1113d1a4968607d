"""Which figures were revised: from what to what, when, and why."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from greendc.calendars import rfc3339
from greendc.config import Config
from greendc.config.words import nearest
from greendc.core.facility import EVER, Site
from greendc.core.figure import Figure
from greendc.core.site import meters_and_books
from greendc.files import LEDGER
from greendc.lines import change, key, state
from greendc.ports import GreendcError
from greendc.queries import Ledger

WORDS = {
    "late": "late",
    "refused": "late, and left out",
    "returned": "in time, but after cells had been closed without them",
    "silence": "the site was heard of in a time that had no cells",
    "filled": "the day has become final, and what it lacks is filled in",
    "recompute": "the configuration was changed for closed time",
    "continued": "the input went on after it had been declared ended",
    "unknown": "made by a greendc that kept no reasons",
}

Cause = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which figures: None is any; their start lies in [start, end) [ns]."""

    site: str | None = None
    quantity: str | None = None
    period: str | None = None
    start: int = -EVER
    end: int = EVER

    def has(self, site: str, figure: Figure) -> bool:
        """Whether a figure is one of them."""
        return (
            self.site in {None, site}
            and self.quantity in {None, figure.quantity}
            and self.period in {None, figure.period}
            and self.start <= figure.start < self.end
        )


@dataclass(frozen=True, slots=True)
class Revision:
    """A figure as it was revised, and `before`.

    `arrived` is when what changed it arrived [ns], None where nobody knows; `step` tells
    revisions of one moment from others. `causes` are those that touch the figure.
    """

    site: str
    figure: Figure
    before: Figure
    step: int
    arrived: int | None
    causes: Sequence[Cause]

    @property
    def why(self) -> str:
        """The causes in words."""
        return "; ".join(worded(cause) for cause in self.causes)


def revisions(config: Config, wanted: Wanted, data: Path | None = None) -> Iterator[Revision]:
    """Revisions in the order in which they were written.

    Raises
    ------
    GreendcError
        If there is no ledger, no such site or figure, or no time asked for.
    """
    if wanted.start >= wanted.end:
        raise GreendcError("--from must lie before --to")
    sites = {site.id: site for site in config.plan().sites}
    if wanted.site is not None and wanted.site not in sites:
        told = ", ".join(sites)
        raise GreendcError(f"{wanted.site}: no such site; the configuration has {told}")
    with Ledger((data or config.data) / LEDGER) as ledger:
        if wanted.quantity is not None and wanted.quantity not in (known := ledger.names()):
            hint = nearest(wanted.quantity, known)
            raise GreendcError(f"{wanted.quantity}: no such figure or meter in the ledger{hint}")
        steps = [(arrival, found) for arrival, kind, found in ledger.events() if kind == "revised"]
        firsts = [found["rows"][0] for _, found in steps]
        needs = {name: _needs(site) for name, site in sites.items()}
        for row, before in ledger.changes():
            if not wanted.has(row.site, row.figure):
                continue
            place = bisect_right(firsts, row.id) - 1
            if place < 0 or row.id > steps[place][1]["rows"][1]:
                yield Revision(row.site, row.figure, before, -1, None, [{"kind": "unknown"}])
                continue
            arrival, step = steps[place]
            mine = needs.get(row.site, {}).get(row.figure.quantity)
            causes = list(_touching(step["causes"], row.figure, mine))
            yield Revision(row.site, row.figure, before, place, arrival, causes)


def _needs(site: Site) -> dict[str, frozenset[str]]:
    """The meters that each figure rests on, in any epoch."""
    meters, books = meters_and_books(site)
    found: dict[str, frozenset[str]] = {}
    for book in books:
        for account in book.accounts:
            needed = frozenset(meters[place].id for place in account.needs)
            found[account.name] = found.get(account.name, frozenset()) | needed
    found["pue"] = found.get("ipue", frozenset())
    return found


def _touching(
    causes: Sequence[Cause], figure: Figure, needed: frozenset[str] | None
) -> Iterator[Cause]:
    """The causes that can have changed a figure; the end of an end where there is none."""
    found = [
        cause
        for cause in causes
        if cause["from"] < figure.end and figure.start < cause["to"]
        if needed is None or cause.get("meter") in {None, *needed}
    ]
    yield from found or [{"kind": "continued"}]


def worded(cause: Cause) -> str:
    """A cause in words.

    >>> print(worded({"kind": "late", "meter": "ups", "readings": 2, "corrected": 1,
    ...     "first": 0, "last": 60_000_000_000}))
    2 readings of ups (1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z), 1 of them another value: late
    """
    word = WORDS[cause["kind"]]
    if "keys" in cause:
        return f"{word}: {', '.join(cause['keys'])}"
    if "meter" not in cause:
        return word
    if "readings" not in cause:
        return f"{cause['meter']}: {word}"
    span = f"{rfc3339(cause['first'])} to {rfc3339(cause['last'])}"
    corrected = f", {cause['corrected']} of them another value" if cause["corrected"] else ""
    number = cause["readings"]
    readings = "1 reading" if number == 1 else f"{number} readings"
    return f"{readings} of {cause['meter']} ({span}){corrected}: {word}"


# -- for people and programs ----------------------------------------------------------------------


def as_text(found: Iterable[Revision]) -> Iterator[str]:
    """When something arrived, what it was, and each figure that it has changed."""
    count = 0
    for (_, arrived), together in groupby(found, lambda one: (one.step, one.arrived)):
        rows = list(together)
        count += len(rows)
        yield "at a time unknown" if arrived is None else f"arrived {rfc3339(arrived)}"
        causes = dict.fromkeys(worded(cause) for one in rows for cause in one.causes)
        yield from (f"  {cause}" for cause in causes)
        yield from (f"    {_line(one)}" for one in rows)
    yield f"figures revised: {count}"


def _line(one: Revision) -> str:
    return f"{change(one.site, one.before, one.figure)}, revision {one.figure.revision}"


def as_lines(found: Iterable[Revision]) -> Iterator[str]:
    """One JSON object for each revision."""
    for one in found:
        figure = one.figure
        told = {
            **key(one.site, figure),
            "revision": figure.revision,
            "before": state(one.before),
            "after": state(figure),
            "arrived": None if one.arrived is None else rfc3339(one.arrived),
            "causes": [_cause(cause) for cause in one.causes],
            "why": one.why,
        }
        yield orjson.dumps(told).decode()


def _cause(cause: Cause) -> dict[str, Any]:
    stamps = {"from", "to", "first", "last"}
    return {name: rfc3339(v) if name in stamps else v for name, v in cause.items()}
