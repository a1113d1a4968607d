"""Reads of the ledger: totals over everything, export lines."""

import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from greendc.core.accounts import Account, missing
from greendc.core.checking import Checked
from greendc.core.evaluate import Evaluator
from greendc.core.facility import EVER, HOUR, Site
from greendc.core.figure import Figure, FigureColumns
from greendc.core.gaps import Gaps
from greendc.core.periods import PeriodBlock
from greendc.core.site import meters_and_books
from greendc.core.touched import runs
from greendc.findings import Lasting, lasting
from greendc.lines import PUBLISHED, line
from greendc.ports import GreendcError, LedgerRow
from greendc.store import (
    PERIODS,
    connect,
    last_row,
    read_balances,
    read_changes,
    read_figures,
    read_known,
    read_loose,
    read_newest_balance,
    read_newest_start,
    read_revisions,
    read_starts,
    readable,
)
from greendc.summing import Sum, by_quantity, stretches

Judgements = dict[str, int]  # number of readings by word

EXPORTED = ("cell", "hour", "day", "month")
LOG = "log"


class Ledger:
    """A ledger file opened for reading; a daemon may be writing it."""

    def __init__(self, path: Path) -> None:
        """Open the file; a missing one is an error that names it."""
        if not path.exists():
            raise GreendcError(f"{path}: no ledger here yet: run greendc, or replay --keep, first")
        self._path = path
        self._db = connect(path, readonly=True)
        with self._reading():
            known = readable(path, self._db)
        if not known:
            self.close()
            raise GreendcError(f"{path}: not a ledger that this greendc reads")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Tell of a file that is no ledger, or a damaged one, by its name."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            self.close()
            raise GreendcError(f"{self._path}: cannot read this ledger: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        """Use as a context."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def figures(
        self,
        site: str,
        period: str,
        lo: int = -EVER,
        hi: int = EVER,
        names: Sequence[str] | None = None,
    ) -> Iterator[Figure]:
        """Newest figures of a site and period that start in [lo, hi), by start and name."""
        with self._reading():
            yield from read_figures(self._db, site, period, lo, hi, names)

    def columns(
        self, site: str, period: str, lo: int = -EVER, hi: int = EVER
    ) -> Iterator[FigureColumns]:
        """The same as columns, in pieces and in no order."""
        with self._reading():
            yield from read_loose(self._db, site, period, lo, hi)

    def revisions(
        self, site: str, period: str, lo: int = -EVER, hi: int = EVER
    ) -> Iterator[Figure]:
        """Every revision of every figure, the first one first."""
        with self._reading():
            yield from read_revisions(self._db, site, period, lo, hi)

    def changes(self) -> Iterator[tuple[LedgerRow, Figure]]:
        """Every revision but first ones as it was written, and the figure that it follows."""
        with self._reading():
            yield from read_changes(self._db)

    def tally(self, site: str) -> dict[str, int]:
        """Counts by outcome of a site, or of the daemon (site "")."""
        rows = self._db.execute("SELECT outcome, number FROM tally WHERE site = ?", (site,))
        return dict(rows.fetchall())

    def get(self, key: str) -> Any:
        """A plain value that the ledger keeps under a key; None if there is none."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else msgspec.msgpack.decode(row[0])

    @contextmanager
    def still(self) -> Iterator[None]:
        """See the ledger as it is committed at this moment, whatever is written meanwhile."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def last(self) -> int:
        """Id of the newest row."""
        return last_row(self._db)

    def newest_start(self, site: str, period: str) -> int | None:
        """Start of the latest figure of a site and period; None where there is none."""
        return read_newest_start(self._db, site, period)

    def names(self) -> list[str]:
        """Names of all figures and meters that it has had, of any site."""
        rows = self._db.execute("SELECT DISTINCT name FROM quantity ORDER BY name")
        return [name for (name,) in rows]

    def stranger(self, site: str) -> str:
        """In words, that a site is none of the ledger's; nothing where it is one."""
        rows = self._db.execute("SELECT DISTINCT site FROM quantity ORDER BY site").fetchall()
        sites = [name for (name,) in rows]
        known = f"which is of {', '.join(sites)}" if sites else "which is empty"
        return "" if site in sites else f"{site} has none in this ledger, {known}"

    def starts(self, site: str, period: str) -> tuple[int, int] | None:
        """Starts of the first and the last figure of a site and period; None without any."""
        return read_starts(self._db, site, period)

    def judged(self, site: str, meters: Iterable[str], lo: int, hi: int) -> dict[str, Judgements]:
        """How many readings of meters were taken for what, in the full hours around [lo, hi)."""
        wanted = frozenset(meters)
        rows = self._db.execute(
            "SELECT meter, word, sum(number) FROM judged WHERE site = ? AND hour > ? AND hour < ? "
            "AND number > 0 GROUP BY meter, word ORDER BY meter, word",
            (site, lo - HOUR, hi),
        )
        found: dict[str, Judgements] = {}
        for meter, word, number in (row for row in rows if row[0] in wanted):
            found.setdefault(meter, {})[word] = number
        return found

    def told(self, site: str, word: str) -> dict[str, tuple[int, int]]:
        """How many readings of each meter were taken for this, and when the last one was [ns]."""
        rows = self._db.execute(
            "SELECT meter, number, last FROM told WHERE site = ? AND word = ? AND number > 0 "
            "ORDER BY meter",
            (site, word),
        )
        return {meter: (number, last) for meter, number, last in rows}

    def spread(
        self, site: str, meters: Iterable[str], lo: int, hi: int
    ) -> list[tuple[str, int, int, list[int]]]:
        """Gaps of registers in [lo, hi): meter, start, end, midnights of days that shaped them."""
        wanted = frozenset(meters)
        told = "SELECT 1 FROM sqlite_master WHERE name = 'spread'"  # younger than some ledgers
        if self._db.execute(told).fetchone() is None:
            return []
        rows = self._db.execute(
            'SELECT meter, start, "end", days FROM spread '
            'WHERE site = ? AND start < ? AND "end" > ? ORDER BY meter, start',
            (site, hi, lo),
        )
        return [(*row[:3], msgspec.json.decode(row[3])) for row in rows if row[0] in wanted]

    def config_of(self, number: int) -> tuple[str, bytes]:
        """Hash and body of a configuration that figures name."""
        row = self._db.execute("SELECT hash, body FROM config WHERE id = ?", (number,)).fetchone()
        return str(row[0]), bytes(row[1])

    def config_bodies(self) -> list[bytes]:
        """Every configuration that there has been, the first one first."""
        rows = self._db.execute("SELECT body FROM config ORDER BY id").fetchall()
        return [bytes(body) for (body,) in rows]

    def config_hash(self, number: int) -> str | None:
        """Hash of a configuration that figures name; None if there is none of that number."""
        row = self._db.execute("SELECT hash FROM config WHERE id = ?", (number,)).fetchone()
        return None if row is None else str(row[0])

    def balances(self, site: str, lo: int = -EVER, *, told: bool = False) -> Iterator[Checked]:
        """Hours of a site that were checked and end after `lo`; with `told` only with findings."""
        with self._reading():
            yield from read_balances(self._db, site, lo, told=told)

    def count_balances(self, site: str) -> dict[str, dict[str, int]]:
        """Of each node of a site in how many hours it had which verdict."""
        found: dict[str, dict[str, int]] = {}
        for hour in self.balances(site):
            for node in hour.nodes:
                states = found.setdefault(node.name, {})
                states[node.state] = states.get(node.state, 0) + 1
        return found

    def lacking(self, site: str) -> dict[str, dict[str, int]]:
        """Of each node for want of which meters it was not judged, and in how many hours."""
        found: dict[str, dict[str, int]] = {}
        for hour in self.balances(site):
            for node in (node for node in hour.nodes if node.lacking and node.inside is None):
                counts = found.setdefault(node.name, {})
                for name in node.lacking:
                    counts[name] = counts.get(name, 0) + 1
        return found

    def left_out(self, site: str) -> dict[str, dict[str, int]]:
        """Of meters for want of which a node was not judged the words, and in how many hours each.

        Of an hour that of which most of the readings that are missing in it were left out.
        """
        hours: dict[str, set[int]] = {}
        for hour in self.balances(site):
            for name in {name for node in hour.nodes for name in node.lacking}:
                hours.setdefault(name, set()).add(hour.start)
        if not hours:
            return {}
        every = set[int]().union(*hours.values())
        found: dict[str, dict[str, int]] = {}
        for figure in self.figures(site, "hour", min(every), max(every) + 1, list(hours)):
            if figure.lost is not None and figure.start in hours[figure.quantity]:
                words = found.setdefault(figure.quantity, {})
                words[figure.lost] = words.get(figure.lost, 0) + 1
        return found

    def newest_balance(self, site: str) -> Checked | None:
        """The newest hour of a site that was checked."""
        with self._reading():
            return read_newest_balance(self._db, site)

    def findings(self, site: str, lo: int = -EVER) -> list[Lasting]:
        """What did not add up in the hours that end after `lo`."""
        newest = self.newest_balance(site)
        return lasting(site, self.balances(site, lo, told=True), newest.end) if newest else []

    def known(
        self, site: str, period: str, lo: int, hi: int, most: int
    ) -> tuple[dict[int, str], list[tuple[int, int, int, int]]] | None:
        """Time known of a site's accounts: see `read_known`."""
        with self._reading():
            return read_known(self._db, site, period, lo, hi, most)

    def last_event(self) -> int:
        """Number of the newest event; 0 before any."""
        return int(self._db.execute("SELECT max(id) FROM event").fetchone()[0] or 0)

    def events(self, last: int | None = None) -> list[tuple[int, str, Any]]:
        """Events kept for people, all or the last ones: (arrival, kind, data)."""
        rows = self._db.execute(
            "SELECT arrival, kind, data FROM event ORDER BY id DESC LIMIT ?",
            (-1 if last is None else last,),
        ).fetchall()
        return [(arrival, kind, msgspec.json.decode(data)) for arrival, kind, data in rows[::-1]]


# -- the whole log --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Whole:
    """A site's figures over all its cells; `start` and `end` are None without any cell.

    `spans` are the stretches of time with cells: long silences have none.
    """

    start: int | None
    end: int | None
    accounts: Mapping[str, Account]
    figures: Mapping[str, Figure]
    published: Mapping[str, float]  # sums of the cells' values as they are published
    spans: Sequence[tuple[int, int]]

    def value(self, name: str) -> float | None:
        """A figure as it is published: of an energy or a mass the sum of its published cells."""
        figure = self.figures.get(name)
        if figure is None or figure.value is None:
            return None
        return self.published[name] if figure.unit in PUBLISHED else figure.value


def whole_log(ledger: Ledger, site: Site, lo: int = -EVER, hi: int = EVER) -> Whole:
    """Sum a site's cells from the first to the last one."""
    physical, books = meters_and_books(site)
    accounts = {a.name: a for layout in reversed(books) for a in layout.accounts}
    sums = {name: Sum(account.unit) for name, account in accounts.items()}
    spans: tuple[tuple[int, int], ...] = ()
    for cells in ledger.columns(site.id, "cell", lo, hi):
        spans = runs([*spans, *stretches(cells)], apart=0)
        for name, some in by_quantity(cells):
            if name in sums:
                sums[name].add(some)
    if not spans:
        return Whole(None, None, accounts, {}, {}, spans)
    start, end = spans[0][0], spans[-1][1]
    gaps = Gaps(books)
    counted = [sums[m.id].amount() if m.id in sums else 0.0 for m in physical]
    found = [sums[name].block(account, start, end) for name, account in accounts.items()]
    terms = {block.account.name: block.terms for block in found}
    filled = [physical[place].id for place in gaps.filled.tolist()]
    counted += [float(terms[name][0, 0, 1]) if name in terms else 0.0 for name in filled]
    blocks = [PeriodBlock(LOG, block, np.array([counted])) for block in found]
    every = Evaluator(site, books, gaps).every(blocks)
    figures = dict(zip(accounts, (figures[0] for figures in every), strict=True))
    totals = {name: math.fsum(s.values) for name, s in sums.items()}
    return Whole(start, end, accounts, figures, totals, spans)


def lines(
    ledger: Ledger,
    sites: Sequence[Site],
    *,
    span: tuple[int, int] = (-EVER, EVER),
    periods: Sequence[str] = (*EXPORTED, LOG),
    revisions: bool = False,
) -> Iterator[dict[str, Any]]:
    """All newest figures (or all revisions) by site, period, start and quantity."""
    for site in sites:
        for period in periods:
            if period == LOG:
                whole = whole_log(ledger, site, *span)
                for name in sorted(whole.figures):
                    yield line(site.id, whole.figures[name]) | {"value": whole.value(name)}
            elif revisions:
                for figure in ledger.revisions(site.id, period, *span):
                    yield {**line(site.id, figure), "revision": figure.revision}
            else:
                for figure in ledger.figures(site.id, period, *span):
                    yield line(site.id, figure)


def unavailable(site: Site) -> dict[str, str]:
    """Names that the site's present configuration has no figures for, and why."""
    return missing(site.epochs[-1], frozenset(site.intensity))


KNOWN_PERIODS = (*PERIODS, LOG)
