"""The newest figures of the ledger, and sums of what was committed; shown at commits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from greendc.core.accounts import Book
from greendc.core.facility import DAY, EVER, HOUR, IntArray
from greendc.core.figure import SPELT, Figure, FigureColumns
from greendc.findings import lasting
from greendc.snapshots import Balance, Closed, FigureKey, Key, Taken
from greendc.store import Changes, Store, totals

LOADED = {  # how far back from the newest figure of a period others are looked for at a start
    "cell": HOUR,
    "hour": 2 * DAY,
    "day": 3 * DAY,
    "month": 62 * DAY,
    "year": 731 * DAY,
    "24h": 2 * DAY,
    "7d": 2 * DAY,
    "30d": 2 * DAY,
    "12mo": 3 * DAY,
}
SUMS = {"J", "g"}  # units of what is counted
CELL = SPELT.index("cell")
TOLD_BACK = 30 * DAY  # how far back the beginning of a finding is looked for


class Newest:
    """Newest figures of the ledger and sums of what was committed; shown at commits."""

    def __init__(self) -> None:
        self._pending: list[Changes] = []
        self._loaded: Closed | None = None
        self._store: Store | None = None
        self._words = -1  # the version of the judgements that is shown
        self._sites: list[str] = []

    def configured(self, books: Mapping[str, Sequence[Book]], store: Store) -> None:
        """Know what the accounts are; the first time also what the ledger holds."""
        first = self._store is None
        self._store, self._sites = store, list(books)
        if first:
            self._loaded = self._load(books, store)

    def _load(self, sites: Iterable[str], store: Store) -> Closed:
        figures: dict[FigureKey, Figure] = {}
        for site in sites:
            for period, span in LOADED.items():
                newest = store.newest_start(site, period)
                if newest is not None:
                    found = store.figures(site, period, newest - span, EVER, totals())
                    _place(site, found, figures)
        return Closed(figures=figures, balances=self._balances({}))

    def _balances(self, before: Mapping[str, Balance]) -> dict[str, Balance]:
        """The newest hour of each site in which energy in and out were compared."""
        found: dict[str, Balance] = {}
        if self._store is None:
            return found
        for site in self._sites:
            hour, known = self._store.balance(site), before.get(site)
            if known is not None and known.hour == hour:
                found[site] = known
            elif hour is not None:
                hours = self._store.findings(site, hour.end - TOLD_BACK)
                lasts = [one for one in lasting(site, hours, hour.end) if one.until is None]
                found[site] = Balance(hour, tuple(lasts))
        return found

    def wrote(self, changes: Changes) -> None:
        """Note revisions that are not committed yet."""
        self._pending.append(changes)

    def snapshot(self, before: Closed) -> Closed:
        """The next snapshot; the same one where nothing was written."""
        if self._loaded is not None:
            before, self._loaded = self._loaded, None
        before = self._worded(before)
        pending, self._pending = self._pending, []
        if not pending:
            return before
        tally, figures = Tally(before), dict(before.figures)
        for changes in pending:
            _place(changes.site, _no_meters(changes.figures), figures)
            tally.take(changes)
        return replace(
            tally.closed(),
            figures=figures,
            provisional=before.provisional,
            balances=self._balances(before.balances),
            words=before.words,
        )

    def _worded(self, before: Closed) -> Closed:
        """With what the ledger holds of single readings; the same where that has not changed."""
        if self._store is None or self._store.judgements.version == self._words:
            return before
        self._words = self._store.judgements.version
        found: dict[Key, dict[str, Taken]] = {}
        for told in self._store.judgements.every():
            found.setdefault((told.site, told.meter), {})[told.word] = Taken(*told[3:])
        return replace(before, words=found)


def _no_meters(figures: FigureColumns) -> Iterable[Figure]:
    """Of figures those that are no single meter's."""
    numbers = [n for n in np.unique(figures.quantity).tolist() if figures.names[n] in totals()]
    return figures.at(np.flatnonzero(np.isin(figures.quantity, numbers))).rows()


def _place(site: str, found: Iterable[Figure], figures: dict[FigureKey, Figure]) -> None:
    """Keep each figure where none that starts later is known."""
    for figure in found:
        key = site, figure.period, figure.quantity
        newest = figures.get(key)
        if newest is None or figure.start >= newest.start:
            figures[key] = figure


class Tally:
    """Counters on the way from one snapshot to the next."""

    def __init__(self, before: Closed) -> None:
        self.into, self.out = dict(before.energy_in), dict(before.energy_out)
        self.emitted, self.revised = dict(before.emitted), dict(before.revised)
        self.undefined, self.written = dict(before.undefined), dict(before.written)

    def take(self, changes: Changes) -> None:
        """Count committed revisions."""
        site, figures = changes.site, changes.figures
        for place, count in enumerate(np.bincount(figures.period).tolist()):
            if count:
                period = site, SPELT[place]
                self.written[period] = self.written.get(period, 0) + count
        counted = [n for n in np.unique(figures.quantity).tolist() if figures.units[n] in SUMS]
        sums = np.isin(figures.quantity, counted)
        unknown, cells = np.isnan(figures.value), sums & (figures.period == CELL)
        rows = np.flatnonzero(unknown & ~sums)
        for figure in figures.at(rows).rows():
            why = site, figure.quantity, figure.period, figure.reason or "undefined"
            self.undefined[why] = self.undefined.get(why, 0) + 1
        fresh = figures.revision == 0
        self._add(changes, np.flatnonzero(cells & fresh & ~unknown))
        self._move(changes, np.flatnonzero(cells & ~fresh))

    def _add(self, changes: Changes, rows: IntArray) -> None:
        """Add the amounts of first revisions."""
        figures, site = changes.figures, changes.site
        pairs = zip(figures.quantity[rows].tolist(), figures.value[rows].tolist(), strict=True)
        for quantity, value in pairs:
            key = site, figures.names[quantity]
            if figures.units[quantity] == "g":
                self.emitted[key] = self.emitted.get(key, 0.0) + max(value, 0.0)
                continue
            side = self.into if value >= 0 else self.out
            side[key] = side.get(key, 0.0) + abs(value)

    def _move(self, changes: Changes, rows: IntArray) -> None:
        """Add how far revisions differ from what they follow; nothing known counts as 0."""
        figures = changes.figures
        moved = np.nan_to_num(figures.value[rows]) - np.nan_to_num(changes.before[rows])
        for quantity, by in zip(figures.quantity[rows].tolist(), moved.tolist(), strict=True):
            key = changes.site, figures.names[quantity]
            self.revised[key] = self.revised.get(key, 0.0) + by

    def closed(self) -> Closed:
        """The counters, frozen."""
        return Closed(
            energy_in=self.into,
            energy_out=self.out,
            emitted=self.emitted,
            revised=self.revised,
            undefined=self.undefined,
            written=self.written,
        )
