"""The newest figures of the ledger, and sums of what was committed; shown at commits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from greendc.core.accounts import Book
from greendc.core.facility import DAY, EVER, HOUR
from greendc.core.figure import Figure
from greendc.findings import lasting
from greendc.snapshots import Balance, Closed, FigureKey, Key, Taken
from greendc.store import Change, Store

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
TOLD_BACK = 30 * DAY  # how far back the beginning of a finding is looked for


class Newest:
    """Newest figures of the ledger and sums of what was committed; shown at commits."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, str]] = {}
        self._pending: list[Change] = []
        self._loaded: Closed | None = None
        self._store: Store | None = None
        self._words = -1  # the version of the judgements that is shown
        self._sites: list[str] = []

    def configured(self, books: Mapping[str, Sequence[Book]], store: Store) -> None:
        """Know what the accounts are; the first time also what the ledger holds."""
        first = not self._kinds
        self._kinds = {
            site: {a.name: a.kind for book in layouts for a in book.accounts}
            for site, layouts in books.items()
        }
        self._store, self._sites = store, list(books)
        if first:
            self._loaded = self._load(books, store)

    def _load(self, sites: Iterable[str], store: Store) -> Closed:
        figures: dict[FigureKey, Figure] = {}
        cells: dict[Key, Figure] = {}
        for site in sites:
            for period, span in LOADED.items():
                newest = store.newest_start(site, period)
                if newest is not None:
                    for figure in store.figures(site, period, newest - span, EVER):
                        self._place(site, figure, figures, cells)
        return Closed(figures=figures, meter_cells=cells, balances=self._balances({}))

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

    def wrote(self, changes: Iterable[Change]) -> None:
        """Note revisions that are not committed yet."""
        self._pending += changes

    def snapshot(self, before: Closed) -> Closed:
        """The next snapshot; the same one where nothing was written."""
        if self._loaded is not None:
            before, self._loaded = self._loaded, None
        before = self._worded(before)
        pending, self._pending = self._pending, []
        if not pending:
            return before
        tally = Tally(before)
        figures, cells = dict(before.figures), dict(before.meter_cells)
        for change in pending:
            figure = change.figure
            if change.revision:
                figure = figure._replace(revision=change.revision)
            self._place(change.site, figure, figures, cells)
            tally.count(change)
        expected = before.provisional
        return replace(
            tally.closed(),
            figures=figures,
            meter_cells=cells,
            provisional=expected,
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

    def _place(
        self,
        site: str,
        figure: Figure,
        figures: dict[FigureKey, Figure],
        cells: dict[Key, Figure],
    ) -> None:
        """Keep a figure where none that starts later is known."""
        if self._kinds.get(site, {}).get(figure.quantity) == "meter":
            known = cells.get((site, figure.quantity))
            if figure.period == "cell" and (known is None or figure.start >= known.start):
                cells[site, figure.quantity] = figure
            return
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

    def count(self, change: Change) -> None:
        """Count one committed revision."""
        figure, key = change.figure, (change.site, change.figure.quantity)
        period = change.site, figure.period
        self.written[period] = self.written.get(period, 0) + 1
        if figure.value is None and figure.unit not in {"J", "g"}:
            why = (*key, figure.period, figure.reason or "undefined")
            self.undefined[why] = self.undefined.get(why, 0) + 1
        if figure.period != "cell" or figure.unit not in {"J", "g"}:
            return
        value = figure.value or 0.0
        if change.revision:
            moved = value - (change.before or 0.0)
            self.revised[key] = self.revised.get(key, 0.0) + moved
        elif figure.value is not None:
            self._add(key, figure.unit, value)

    def _add(self, key: Key, unit: str, value: float) -> None:
        if unit == "g":
            self.emitted[key] = self.emitted.get(key, 0.0) + max(value, 0.0)
            return
        side = self.into if value >= 0 else self.out
        side[key] = side.get(key, 0.0) + abs(value)

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
