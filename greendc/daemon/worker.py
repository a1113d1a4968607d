"""The one thread that owns the state: arrivals journalled, acknowledged, computed, committed."""

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import NamedTuple

import numpy as np

from greendc import faults
from greendc.clocks import OwnClock
from greendc.columns import lengths, numbers
from greendc.core.figure import Figure
from greendc.daemon.flood import Flood
from greendc.daemon.memory import trim
from greendc.journal import Journal, Kind, Quarantined, Redelivery, by_qos
from greendc.outcomes import LEFT, REDELIVERED, TOO_LONG, UNBOUND
from greendc.pipeline import Pipeline
from greendc.ports import Columns, Entry, Event, RawBatch, Reception
from greendc.profiles import LONGEST_PAYLOAD
from greendc.sources.inbox import Delivery

log = logging.getLogger(__name__)

COMMIT_SECONDS = 10.0
TICK_SECONDS = 60.0
FIRST_SECONDS = (
    1.0  # of a start, which belong to the broker: what is not closed is worked out later
)
PRUNE_AT = 0.9  # of the journal's limit


@dataclass(slots=True)
class Counts:
    """What the run has seen, for its summary and logs."""

    messages: int = 0
    redelivered: int = 0
    set_aside: int = 0
    events: int = 0


@dataclass(slots=True)
class Aside:
    """What of a delivery is not to be journalled: copies for the ring, counts, what to tell."""

    rows: list[Quarantined] = field(default_factory=list)
    counts: Counter[Kind] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)


class Waiting(NamedTuple):
    """A journalled entry that the ledger has not taken in; `columns` where it was looked at."""

    number: int
    entry: Entry
    columns: Columns | None


@dataclass(slots=True)
class Worker:
    """Takes entries in the order in which they arrived; see `greendc.pipeline` for what follows.

    Journalling, acknowledging and showing comes first (`receive`), also while the ledger is
    busy with entries of before; it takes them in one after the other (`work_off`), and what
    happens between two of them finds it whole.
    """

    journal: Journal
    pipeline: Pipeline
    redelivery: Redelivery
    clock: Callable[[], int] = time.time_ns
    counts: Counts = field(default_factory=Counts)
    _committed: float = field(default_factory=time.monotonic)
    _ticked: float = field(default_factory=time.monotonic)
    _began: float = field(default_factory=time.monotonic)
    _oldest: int | None = None  # arrival of the first entry that is not committed
    _flood: Flood = field(default_factory=Flood)
    _let_go_of: bool = False  # something, for the journal's limit
    _held: int = 0  # copies that need the journal as it is
    _waiting: deque[Waiting] = field(default_factory=deque)
    _own_clock: OwnClock = field(default_factory=OwnClock)
    _received: int | None = None  # by the clock that nobody sets [ns]

    def __post_init__(self) -> None:
        self._own_clock = OwnClock.after(self.journal.last_messages)

    def take(
        self,
        entries: Sequence[Entry],
        acknowledge: Callable[[], None] = lambda: None,
        reception: Reception | None = None,
    ) -> None:
        """Journal, acknowledge, compute: `receive` and `work_off`."""
        self.receive(entries, acknowledge, reception)
        self.work_off()

    def receive(
        self,
        entries: Sequence[Entry],
        acknowledge: Callable[[], None] = lambda: None,
        reception: Reception | None = None,
    ) -> None:
        """Journal, acknowledge, show. What was redelivered is only counted and acknowledged.

        `reception` is how the connection stands from which the entries are.
        """
        aside = Aside()
        kept = [entry for e in entries if (entry := self._new(e, aside)) is not None]
        kept = self._by_own_clock([*kept, *aside.events])
        faults.reached("before_journal_commit")
        numbers: list[int] = []
        if kept or aside.counts or reception is not None:
            numbers = self.journal.append(kept, aside.rows, reception, aside.counts)
        faults.reached("after_journal_commit")
        acknowledge()
        if kept:
            self._ticked = time.monotonic()
            if self._oldest is None:
                self._oldest = _arrival(kept[0])
        for number, entry in zip(numbers, kept, strict=True):
            self._waiting.append(Waiting(number, entry, self._looked_at(number, entry)))
        self._show()

    def _by_own_clock(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries, with how far our own clock was behind; see `greendc.clocks`."""
        now = time.monotonic_ns()
        passed = 0 if self._received is None else now - self._received
        if entries:
            self._received = now
        return [self._own_clock.told(e, 0 if at else passed) for at, e in enumerate(entries)]

    def _looked_at(self, number: int, entry: Entry) -> Columns | None:
        """What a batch says, where no event that may change how it is read comes before it."""
        if isinstance(entry, Event) or any(isinstance(w.entry, Event) for w in self._waiting):
            return None
        return self.pipeline.look(number, entry)

    def work_off(self) -> None:
        """Have the ledger take in what has been journalled, commit where it has written."""
        while self._waiting:
            number, entry, columns = self._waiting[0]
            columns = self.pipeline.handle(number, entry, columns)
            self._waiting.popleft()  # only then: what it is to be read by may depend on it
            if isinstance(entry, RawBatch) and columns is not None:
                self._set_aside_rejected(entry, columns)
            if self.pipeline.written:
                self.commit()
        self._show()

    def leave(self, deliveries: Iterable[Delivery]) -> None:
        """Take down what there is no time for: events, and of messages how many there were.

        They were not acknowledged, so those of QoS 1 come again.
        """
        for _, entries, reception in deliveries:
            counts: Counter[Kind] = Counter()
            for entry in entries:
                if isinstance(entry, RawBatch):
                    counts += by_qos(entry, LEFT)
                else:
                    self.take([entry])
            self.journal.append((), (), reception, counts)

    def _show(self) -> None:
        if self.pipeline.watch is not None:
            self.pipeline.watch.show()

    def _new(self, entry: Entry, aside: Aside) -> Entry | None:
        """What of an entry is to be journalled: neither redelivered, nor unbound, nor too long."""
        if isinstance(entry, Event):
            self.counts.events += 1
            return entry
        self.counts.messages += len(entry)
        fresh, again = self.redelivery.split(entry)
        self.counts.redelivered += len(again)
        aside.counts[1, REDELIVERED] += len(again)
        bound = self._bound(fresh, aside)
        self.redelivery.note(bound)
        return bound if len(bound) else None

    def _bound(self, batch: RawBatch, aside: Aside) -> RawBatch:
        """The messages of known topics and of tolerable length; the others are set aside."""
        unbound = self.pipeline.decoder.unbound(batch.topics)
        too_long = (lengths(batch.payloads) > LONGEST_PAYLOAD) & ~unbound
        if not (unbound | too_long).any():
            return batch
        if unbound.any():
            arrivals = numbers(batch.arrivals)[unbound].tolist()
            told = self._flood.due(arrivals, self.pipeline.decoder.forgotten)
            aside.events += [] if told is None else [told]
        for refused, reason in ((unbound, UNBOUND), (too_long, TOO_LONG)):
            part = batch.rows(np.flatnonzero(refused))
            aside.rows += _quarantined(part, [reason] * len(part))
            aside.counts += by_qos(part, reason)
            self.counts.set_aside += len(part)
        return batch.rows(np.flatnonzero(~(unbound | too_long)))

    def _set_aside_rejected(self, batch: RawBatch, columns: Columns) -> None:
        """Keep copies of what was refused where a person can look at it, in bounded room."""
        if columns.rejected:
            rows, reasons = zip(*columns.rejected, strict=True)
            self.counts.set_aside += len(rows)
            self.journal.quarantine(_quarantined(batch.rows(rows), reasons))

    # -- time --------------------------------------------------------------------------------

    def beat(self) -> None:
        """Called every second or so: a tick after a minute of silence, a commit every 10 s."""
        now = time.monotonic()
        if now - self._ticked >= TICK_SECONDS:
            self.take([Event("tick", self.clock())])
        if now - self._committed >= COMMIT_SECONDS:
            self.commit()
        self._show()
        if self.pipeline.watch is not None and now - self._began >= FIRST_SECONDS:
            self.pipeline.watch.expect(self._provisional)
        self.work_off()

    def _provisional(self) -> dict[str, list[Figure]]:
        """Figures of what is not closed, which of a large site need the most memory at a time."""
        trim()
        return self.pipeline.provisional()

    def lag(self, now: int) -> int:
        """Age at `now` of the oldest entry that the committed ledger has not taken in [ns]."""
        return 0 if self._oldest is None else max(0, now - self._oldest)

    def commit(self) -> None:
        """Commit the ledger with its position; let go of journal beyond its limit."""
        self.pipeline.commit()
        self._committed = time.monotonic()
        self._oldest = _arrival(self._waiting[0].entry) if self._waiting else None
        excess = self.journal.size_bytes - int(self.journal.limit_bytes * PRUNE_AT)
        if excess > 0:
            self._let_go(excess)

    def _let_go(self, excess: int) -> None:
        """Let go of the oldest entries, as many as are too much for the journal's limit."""
        self.prune(self.journal.number_behind(excess))
        if not self._let_go_of:
            log.warning(
                "the journal lets go of its oldest entries, to stay below journal.limit_gib: "
                "what has left it can be neither replayed nor recomputed"
            )
        self._let_go_of = True

    def prune(self, before: int) -> None:
        """Let go of journal entries before one, but of none that a start needs."""
        if not self._held:
            self.journal.prune(min(before, self.pipeline.rebuild_from))
            self.pipeline.store.begin()
            self.pipeline.store.checkpoints.drop(self.journal.first)

    def hold(self) -> None:
        """Let go of no journal entry until `release`."""
        self._held += 1

    def release(self) -> None:
        """End one `hold`."""
        self._held -= 1


def _arrival(entry: Entry) -> int:
    return entry.arrivals[0] if isinstance(entry, RawBatch) else entry.arrival


def _quarantined(batch: RawBatch, reasons: Sequence[str]) -> list[Quarantined]:
    found = zip(batch.arrivals, batch.topics, batch.payloads, reasons, strict=True)
    return list(starmap(Quarantined, found))


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
