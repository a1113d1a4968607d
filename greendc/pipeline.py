"""The way of one batch: journal entries in, ledger rows out."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from greendc import faults
from greendc.config import Config
from greendc.core.readings import BoolArray, Readings
from greendc.ledger import SiteLedger
from greendc.ports import Columns, Entry, Event, RawBatch
from greendc.profiles import Decoder
from greendc.store import Store

MAGNITUDE = 1e24  # no meter on earth; beyond it sums of squares would overflow


class Pipeline:
    """Turns journal entries, in their order, into the ledger. One thread owns it.

    What it writes depends on the entries alone. `commit` makes everything since the
    last one durable, with the position from which to begin again.
    """

    def __init__(self, config: Config, store: Store, *, pinned: bool = False) -> None:
        """Start from the store's state; `pinned` keeps `config` whatever the journal says."""
        self.store, self.pinned = store, pinned
        self.done_to = 0
        self.written = 0
        self.last_arrival: int | None = None
        self.states: dict[str, dict[str, Any]] = {}
        state = store.get("state")
        self._rebuild_from = 1
        if state is not None:
            self.done_to, self.states = state["done_to"], state["sites"]
            self._rebuild_from = state["rebuild_from"]
        self.use(config)

    def use(self, config: Config) -> None:
        """Decode and compute by this configuration from here on."""
        self.config, self.plan = config, config.plan()
        self.decoder = Decoder(self.plan)
        self.store.begin()
        self.store.use_config(config.figures_hash(), config.body())
        self.ledgers = {site.id: SiteLedger(site, self.store) for site in self.plan.sites}
        for name, ledger in self.ledgers.items():
            if name in self.states:
                ledger.restore(self.states[name])
        self._places()

    def _places(self) -> None:
        sites = list(self.ledgers)
        self._site = np.array([sites.index(site) for site, _ in self.plan.meters], np.int64)
        self._local = np.full(len(self.plan.meters), -1, np.int64)
        for number, (site, name) in enumerate(self.plan.meters):
            meters = self.ledgers[site].meters
            if name in meters:
                self._local[number] = meters.index(name)

    # -- entries -----------------------------------------------------------------------------

    def handle(self, first: int, entry: Entry) -> Columns | None:
        """Take one journal entry, whose first sequence number is `first`."""
        self.store.begin()
        columns = None
        if isinstance(entry, Event):
            self._event(first, entry)
            self.done_to = first
        else:
            columns = self._messages(first, entry)
            self.done_to = first + len(entry) - 1
        return columns

    def _messages(self, first: int, batch: RawBatch) -> Columns:
        columns = self.decoder.decode(batch)
        rejected = Counter(reason for _, reason in columns.rejected)
        huge = ~(np.abs(columns.value) < MAGNITUDE)
        rejected["out_of_range"] += int(huge.sum())
        self.store.count(
            "", {"messages": len(batch), **{f"rejected:{r}": n for r, n in rejected.items()}}
        )
        if batch.arrivals:
            self.last_arrival = batch.arrivals[-1]
        for number, ledger in enumerate(self.ledgers.values()):
            mine = (self._site[columns.meter] == number) & ~huge
            readings = self._readings(first, columns, mine)
            if len(readings):
                self._note_late(ledger, readings)
                self.written += ledger.add(readings)
        return columns

    def _readings(self, first: int, columns: Columns, mine: BoolArray) -> Readings:
        return Readings(
            first + columns.row[mine],
            self._local[columns.meter[mine]],
            columns.time[mine],
            columns.value[mine],
        )

    def _note_late(self, ledger: SiteLedger, readings: Readings) -> None:
        late = ledger.book.late_rows(readings)
        if late.any():
            time = readings.time[late]
            data = {
                "site": ledger.site.id,
                "readings": int(late.sum()),
                "from": int(time.min()),
                "to": int(time.max()),
            }
            self.store.note(Event("late", self.last_arrival or 0, data))

    def _event(self, seq: int, event: Event) -> None:
        self.last_arrival = event.arrival
        if event.kind == "end":
            self._end(seq, event.data)
        elif event.kind == "config" and not self.pinned:
            self._configure(seq, event.data)
        if event.kind not in {"tick", "config", "end"}:
            self.store.note(event)

    def _end(self, seq: int, data: Mapping[str, Any]) -> None:
        for name, ledger in self.ledgers.items():
            if data.get("site") in {None, name}:
                self.written += ledger.end(seq, data.get("at"))

    def _configure(self, seq: int, data: Mapping[str, Any]) -> None:
        config = Config.from_effective(data["effective"])
        if config.figures_hash() != self.config.figures_hash():
            for ledger in self.ledgers.values():
                ledger.book.base_seq = seq
            self.states = {name: ledger.state() for name, ledger in self.ledgers.items()}
            self.use(config)

    # -- commit and start --------------------------------------------------------------------

    def commit(self) -> None:
        """Make the ledger, the state and the journal position durable together."""
        self.store.begin()
        states = {name: ledger.state() for name, ledger in self.ledgers.items()}
        state = {"done_to": self.done_to, "rebuild_from": self.rebuild_from, "sites": states}
        self.store.set("state", state)
        faults.reached("in_store_transaction")
        self.store.commit()
        self.written = 0
        faults.reached("after_store_commit")

    @property
    def rebuild_from(self) -> int:
        """The oldest journal entry that open cells still need."""
        books = [ledger.book for ledger in self.ledgers.values()]
        return min([book.rebuild_from(self.done_to) for book in books], default=self.done_to + 1)

    def start_at(self) -> tuple[int, int]:
        """(rebuild_from, done_to) as the store had them when this pipeline was made."""
        return self._rebuild_from, self.done_to

    def resume(self, entries: Iterable[tuple[int, Entry]], done_to: int) -> None:
        """Read entries from `rebuild_from` to `done_to` again: readings, not their effects."""
        for first, entry in entries:
            faults.reached("during_start")
            if isinstance(entry, RawBatch):
                count = done_to - first + 1
                self._refill(first, entry, count)

    def _refill(self, first: int, batch: RawBatch, count: int) -> None:
        columns = self.decoder.decode(batch)
        keep = (columns.row < count) & (np.abs(columns.value) < MAGNITUDE)
        for number, ledger in enumerate(self.ledgers.values()):
            mine = keep & (self._site[columns.meter] == number)
            ledger.book.refill(self._readings(first, columns, mine))
