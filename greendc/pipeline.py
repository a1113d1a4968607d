"""The way of one batch: journal entries in, ledger rows out."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from greendc import checkpoints, faults, noting
from greendc.arriving import Arriving
from greendc.clocks import unset
from greendc.columns import numbers
from greendc.config import Config
from greendc.core.facility import EVER
from greendc.core.figure import Figure
from greendc.core.readings import Readings, joined
from greendc.core.refusing import Refusing
from greendc.judged import keep_refused
from greendc.ledger import SiteLedger
from greendc.outcomes import READINGS
from greendc.placing import Places, believable, left_out, outcomes, placed, too_large
from greendc.ports import Columns, Entry, Event, GreendcError, RawBatch
from greendc.profiles import Decoder
from greendc.store import Store
from greendc.watch import Watch

Recompute = Callable[["Pipeline", int, Event], None]

AT_ONCE = 50_000  # readings that a start takes again together


class Pipeline:
    """Turns journal entries, in their order, into the ledger. One thread owns it.

    What it writes depends on the entries alone. `commit` makes everything since the
    last one durable, with the position from which to begin again. `meanwhile` is called
    between pieces of long work: it may `look` at further entries, and do nothing else here.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        pinned: bool = False,
        watch: Watch | None = None,
        recompute: Recompute | None = None,
    ) -> None:
        """Start from the store's state; `pinned` keeps `config` whatever the journal says.

        `recompute` does what an entry of that name asks for: see `greendc.recompute`.
        """
        self.store, self.pinned, self.watch = store, pinned, watch
        self.recompute = recompute or _impossible
        self.meanwhile: Callable[[], None] = lambda: None
        self.done_to = 0
        self.written = 0
        self.last_arrival: int | None = None
        self.states: dict[str, dict[str, Any]] = {}
        state = store.get("state")
        self._rebuild_from = 1
        if state is not None:
            self.done_to, self.states = state["done_to"], state["sites"]
            self._rebuild_from = state["rebuild_from"]
            self.last_arrival = state.get("last_arrival")
        self.use(config)

    def use(self, config: Config) -> None:
        """Decode and compute by this configuration from here on."""
        self.config, self.plan = config, config.plan()
        self.decoder = Decoder(self.plan)
        self.store.begin()
        self.store.use_config(config.figures_hash(), config.body())
        wrote = None if self.watch is None else self.watch.wrote
        self.ledgers = {
            site.id: SiteLedger(site, self.store, wrote, self._pause) for site in self.plan.sites
        }
        for name, ledger in self.ledgers.items():
            if name in self.states:
                ledger.restore(self.states[name])
        self._arriving = {
            name: Arriving(self.store, ledger.book, ledger.meters)
            for name, ledger in self.ledgers.items()
        }
        self._places = Places(self.plan, [ledger.meters for ledger in self.ledgers.values()])
        # the largest event time that was looked at, of each site
        self._seen = np.array([ledger.book.newest for ledger in self.ledgers.values()], np.int64)
        self._tell_watch(config)

    def _pause(self) -> None:
        self.meanwhile()

    def _tell_watch(self, config: Config) -> None:
        if self.watch is not None:
            books = {name: ledger.book.books for name, ledger in self.ledgers.items()}
            self.watch.configured(config, self.store, books)

    # -- entries -----------------------------------------------------------------------------

    def look(self, first: int, batch: RawBatch) -> Columns:
        """Decode a batch whose turn has not come yet, and show its readings; see `handle`.

        No entry that may change how messages are read stands between.
        """
        columns = self.decoder.decode(batch)
        self._show(placed(first, columns, believable(columns)))
        return columns

    def handle(self, first: int, entry: Entry, columns: Columns | None = None) -> Columns | None:
        """Take one journal entry, whose first sequence number is `first`.

        `columns` is what `look` gave, where it has been asked before.
        """
        self.store.begin()
        if isinstance(entry, Event):
            self.store.count("", {"entries:event": 1})
            self._event(first, entry)
            self.done_to = first
        else:
            columns = self.look(first, entry) if columns is None else columns
            self._messages(first, entry, columns)
            self.done_to = first + len(entry) - 1
        return columns

    def _messages(self, first: int, batch: RawBatch, columns: Columns) -> None:
        huge = ~believable(columns)
        self.store.count("", outcomes(batch, columns, huge))
        refused = [columns.refused, too_large(columns, huge)]
        for part in refused:
            keep_refused(self.store, self.plan.meters, part)
        left = joined([left_out(first, part) for part in refused])
        if len(batch):
            noting.clock(self.store, self.last_arrival, numbers(batch.arrivals))
            self.last_arrival = batch.arrivals[-1]
        for number, ledger in enumerate(self.ledgers.values()):
            ledger.claim(self._places.own(number, columns.outlying))
            ledger.leave(self._places.own(number, left))
            mine = (self._places.site[columns.meter] == number) & ~huge
            readings = self._places.within(placed(first, columns, mine))
            if len(readings):
                late = readings.time[ledger.book.late_rows(readings)]
                noting.late(self.store, ledger.site.id, late, self.last_arrival or 0)
                arrival = unset(batch)[columns.row[mine]]
                self._arriving[ledger.site.id].take(readings, arrival)
                self.written += ledger.add(readings, lambda seq: batch.arrivals[seq - first])

    def _show(self, readings: Readings, *, again: bool = False) -> None:
        """Tell whoever watches of readings, and how far each site's time has come."""
        if self.watch is not None:
            np.maximum.at(self._seen, self._places.site[readings.meter], readings.time)
            newest = zip(self.ledgers, self._seen.tolist(), strict=True)
            times = {name: at for name, at in newest if at > -EVER}
            self.watch.read(readings, times, again=again)

    def _event(self, seq: int, event: Event) -> None:
        noting.clock(self.store, self.last_arrival, np.array([event.arrival]))
        self.last_arrival = event.arrival
        if event.kind == "end":
            self._end(seq, event)
        elif event.kind == "config" and not self.pinned:
            self._configure(seq, event.data)
        elif event.kind == "recompute" and not self.pinned:
            self.recompute(self, seq, event)
        elif event.kind == "broker_dropped":
            noting.dropped(self.store, event)
        if event.kind not in {"tick", "config", "recompute", "end", "broker_dropped"}:
            self.store.note(event)

    def _end(self, seq: int, event: Event) -> None:
        for name, ledger in self.ledgers.items():
            if event.data.get("site") in {None, name}:
                self.written += ledger.end(seq, event.arrival, event.data.get("at"))

    def _configure(self, seq: int, data: Mapping[str, Any]) -> None:
        if self.config.holds(data["effective"]):
            return  # every start journals one; as a rule it is what held before
        config = Config.from_effective(data["effective"])
        if config.figures_hash() != self.config.figures_hash():
            self.switch(seq, config)
        else:  # names, rooms and targets may be others
            self._tell_watch(config)

    def switch(self, seq: int, config: Config) -> None:
        """Go on by another configuration after an entry, with the readings that are held."""
        for ledger in self.ledgers.values():
            ledger.book.base_seq = seq
        self.states = {name: ledger.state(seq) for name, ledger in self.ledgers.items()}
        held = {name: ledger.book.open for name, ledger in self.ledgers.items()}
        self.use(config)
        for name, number in held.items():
            kept = self.ledgers[name].book.open if name in self.ledgers else 0
            self.store.count(name, {"meter_removed": number - kept})

    def provisional(self) -> dict[str, list[Figure]]:
        """Figures of each site's running hour and day, should no more be heard."""
        return {name: ledger.provisional() for name, ledger in self.ledgers.items()}

    # -- commit and start --------------------------------------------------------------------

    def refusing(self) -> dict[str, dict[str, Refusing]]:
        """Of each site its meters of which no reading has been believed for long."""
        return {name: ledger.refusing() for name, ledger in self.ledgers.items()}

    def commit(self) -> None:
        """Make the ledger, the state and the journal position durable together."""
        self.store.begin()
        noting.refusing(self.store, self.refusing(), self.last_arrival or 0)
        begin = self.rebuild_from
        states = {name: ledger.state(begin) for name, ledger in self.ledgers.items()}
        state = {"done_to": self.done_to, "rebuild_from": begin, "sites": states}
        state["last_arrival"] = self.last_arrival
        self.store.set("state", state)
        if self.checkpoint_due:
            self._keep(state)
        faults.reached("in_store_transaction")
        self.store.commit()
        self.written = 0
        if self.watch is not None:
            self.watch.committed()
        faults.reached("after_store_commit")

    def _keep(self, state: Mapping[str, Any]) -> None:
        """Keep a checkpoint of a state, with the readings of cells that are open."""
        sites = {name: ledger.whole_state(self.done_to) for name, ledger in self.ledgers.items()}
        whole = {**state, "rebuild_from": self.done_to + 1, "sites": sites}
        books = {name: (one.book, one.meters) for name, one in self.ledgers.items()}
        told = self.last_arrival or 0, self.config.figures_hash()
        checkpoints.keep(self.store, whole, *told, books)

    @property
    def rebuild_from(self) -> int:
        """The oldest journal entry that open cells still need."""
        books = [ledger.book for ledger in self.ledgers.values()]
        return min([book.rebuild_from(self.done_to) for book in books], default=self.done_to + 1)

    @property
    def checkpoint_due(self) -> bool:
        """Whether the next commit keeps a checkpoint."""
        return bool(self.done_to) and checkpoints.due(self.store, self.last_arrival)

    def start_at(self) -> tuple[int, int]:
        """(rebuild_from, done_to) as the store had them when this pipeline was made."""
        return self._rebuild_from, self.done_to

    def resume(self, entries: Iterable[tuple[int, Entry]], done_to: int) -> None:
        """Read entries from `rebuild_from` to `done_to` again: readings, not their effects."""
        found: list[Readings] = []
        for first, entry in entries:
            faults.reached("during_start")
            if isinstance(entry, RawBatch):
                columns = self.decoder.decode(entry)
                good = (columns.row <= done_to - first) & believable(columns)
                found.append(placed(first, columns, good))
                if sum(map(len, found)) >= AT_ONCE:
                    self._refill(joined(found))
                    found.clear()
        self._refill(joined(found))
        self._show_held()
        self._count_the_uncounted()

    def show_again(self, entries: Iterable[tuple[int, Entry]]) -> None:
        """Show entries by the configuration that holds now, as a start would, and nothing else."""
        if self.watch is None:
            return
        self.watch.forget()
        for first, entry in entries:
            if isinstance(entry, RawBatch):
                columns = self.decoder.decode(entry)
                self._show(placed(first, columns, believable(columns)), again=True)
        self._show_held()

    def _show_held(self) -> None:
        """Show the readings that cells to come need, the last one of each meter among them."""
        for number, ledger in enumerate(self.ledgers.values()):
            held = ledger.book.hot
            self._show(self._places.of_plan(number, held), again=True)

    def _count_the_uncounted(self) -> None:
        """What a ledger holds of a greendc that did not count: once, so that it adds up after."""
        if self.done_to and not any(k.startswith("entries:") for k in self.store.tally("")):
            self.store.begin()
            self.store.count("", {"entries:uncounted": self.done_to})
            self.store.count("", {"fields": self.store.tallies("readings")})
        for name, ledger in self.ledgers.items():
            if "open" not in self.states.get(name, {"open": 0}):
                told = self.store.tally(name)
                others = sum(told.get(outcome, 0) for outcome in READINGS)
                self.store.begin()
                rest = told.get("readings", 0) - others - ledger.book.open
                self.store.count(name, {"uncounted": rest})

    def _refill(self, readings: Readings) -> None:
        self._show(readings, again=True)
        for number, ledger in enumerate(self.ledgers.values()):
            ledger.book.refill(self._places.own(number, readings))


def _impossible(_pipeline: Pipeline, _seq: int, _event: Event) -> None:
    raise GreendcError("the journal asks to recompute, and what came before is not at hand")
