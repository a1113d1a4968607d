"""The one thread that owns the state: arrivals journalled, acknowledged, computed, committed."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import starmap

import numpy as np

from greendc import faults
from greendc.columns import lengths
from greendc.journal import Journal, Quarantined, Redelivery
from greendc.pipeline import Pipeline
from greendc.ports import Columns, Entry, Event, RawBatch
from greendc.profiles import LONGEST_PAYLOAD

log = logging.getLogger(__name__)

COMMIT_SECONDS = 10.0
TICK_SECONDS = 60.0
PRUNE_AT = 0.9  # of the journal's limit


@dataclass(slots=True)
class Counts:
    """What the run has seen, for its summary and logs."""

    messages: int = 0
    redelivered: int = 0
    set_aside: int = 0
    events: int = 0


@dataclass(slots=True)
class Worker:
    """Takes entries in the order in which they arrived; see `greendc.pipeline` for what follows."""

    journal: Journal
    pipeline: Pipeline
    redelivery: Redelivery
    clock: Callable[[], int] = time.time_ns
    counts: Counts = field(default_factory=Counts)
    _committed: float = field(default_factory=time.monotonic)
    _ticked: float = field(default_factory=time.monotonic)
    _oldest: int | None = None  # arrival of the first entry that is not committed
    _held: int = 0  # copies that need the journal as it is
    _told: bool = False  # something was counted that no journal entry would count again

    def take(
        self, entries: Sequence[Entry], acknowledge: Callable[[], None] = lambda: None
    ) -> None:
        """Journal, acknowledge, compute. What was redelivered is only acknowledged."""
        kept = [entry for e in entries if (entry := self._new(e)) is not None]
        faults.reached("before_journal_commit")
        numbers = self.journal.append(kept) if kept else []
        faults.reached("after_journal_commit")
        acknowledge()
        if kept:
            self._ticked = time.monotonic()
            if self._oldest is None:
                first = kept[0]
                self._oldest = first.arrivals[0] if isinstance(first, RawBatch) else first.arrival
        for number, entry in zip(numbers, kept, strict=True):
            columns = self.pipeline.handle(number, entry)
            if isinstance(entry, RawBatch) and columns is not None:
                self._set_aside_rejected(entry, columns)
        if self.pipeline.written or self._told:
            self.commit()
        self._show()

    def _show(self) -> None:
        if self.pipeline.watch is not None:
            self.pipeline.watch.show()

    def _new(self, entry: Entry) -> Entry | None:
        """What of an entry is to be journalled: neither redelivered, nor unbound, nor too long."""
        if isinstance(entry, Event):
            self.counts.events += 1
            return entry
        self.counts.messages += len(entry)
        fresh, again = self.redelivery.split(entry)
        self.counts.redelivered += len(again)
        self.pipeline.store.begin()
        self.pipeline.store.count("", {"redelivered": len(again)})
        self._told = self._told or bool(again)
        bound = self._bound(fresh)
        self.redelivery.note(bound)
        return bound if len(bound) else None

    def _bound(self, batch: RawBatch) -> RawBatch:
        """The messages of known topics and of tolerable length; the others are set aside."""
        unbound = self.pipeline.decoder.unbound(batch.topics)
        refused = unbound | (lengths(batch.payloads) > LONGEST_PAYLOAD)
        if not refused.any():
            return batch
        rows = np.flatnonzero(refused)
        reasons = ["unbound" if is_unbound else "too_long" for is_unbound in unbound[rows].tolist()]
        self._set_aside(batch.rows(rows), reasons)
        tally = Counter(f"rejected:{reason}" for reason in reasons)
        self.pipeline.store.count("", {"messages": len(rows), **tally})
        return batch.rows(np.flatnonzero(~refused))

    def _set_aside_rejected(self, batch: RawBatch, columns: Columns) -> None:
        if columns.rejected:
            rows, reasons = zip(*columns.rejected, strict=True)
            self._set_aside(batch.rows(rows), reasons)

    def _set_aside(self, batch: RawBatch, reasons: Sequence[str]) -> None:
        """Keep what was refused where a person can look at it, in bounded room."""
        self.counts.set_aside += len(batch)
        found = zip(batch.arrivals, batch.topics, batch.payloads, reasons, strict=True)
        self.journal.quarantine(list(starmap(Quarantined, found)))

    # -- time --------------------------------------------------------------------------------

    def beat(self) -> None:
        """Called every second or so: a tick after a minute of silence, a commit every 10 s."""
        now = time.monotonic()
        if now - self._ticked >= TICK_SECONDS:
            self.take([Event("tick", self.clock())])
        if now - self._committed >= COMMIT_SECONDS:
            self.commit()
        self._show()
        if self.pipeline.watch is not None:
            self.pipeline.watch.expect(self.pipeline.provisional)

    def lag(self, now: int) -> int:
        """Age at `now` of the oldest entry that the committed ledger has not taken in [ns]."""
        return 0 if self._oldest is None else max(0, now - self._oldest)

    def commit(self) -> None:
        """Commit the ledger with its position; let go of journal beyond its limit."""
        self.pipeline.commit()
        self._committed, self._told, self._oldest = time.monotonic(), False, None
        if self.journal.size_bytes > self.journal.limit_bytes * PRUNE_AT:
            self.prune(self.pipeline.rebuild_from)

    def prune(self, before: int) -> None:
        """Let go of journal entries before one, but of none that a start needs."""
        if not self._held:
            self.journal.prune(min(before, self.pipeline.rebuild_from))

    def hold(self) -> None:
        """Let go of no journal entry until `release`."""
        self._held += 1

    def release(self) -> None:
        """End one `hold`."""
        self._held -= 1


Numbered = Iterable[tuple[int, Entry]]


def living(entries: Numbered, alive: Callable[[], None]) -> Iterator[tuple[int, Entry]]:
    """The same entries, with a sign of life at each."""
    for item in entries:
        alive()
        yield item


def resume(journal: Journal, pipeline: Pipeline, alive: Callable[[], None] = lambda: None) -> int:
    """Bring a pipeline up to the end of its journal; returns the entries taken newly."""
    rebuild_from, done_to = pipeline.start_at()
    pipeline.resume(living(journal.read(rebuild_from, done_to + 1), alive), done_to)
    taken = 0
    for number, entry in living(journal.read(done_to + 1), alive):
        faults.reached("during_start")
        pipeline.handle(number, entry)
        taken += 1
    if taken:
        log.info("took in %d journal entries that the last run had not committed", taken)
    pipeline.commit()
    return taken
