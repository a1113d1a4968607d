"""The rounds of the thread that owns the state: what came, what is asked, what sinks wrote."""

import logging
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial

from greendc import faults
from greendc.columns import joined
from greendc.daemon.data import Data
from greendc.daemon.errands import Errands
from greendc.daemon.systemd import Notifier
from greendc.daemon.vitals import Vitals
from greendc.ports import RawBatch
from greendc.sinks import Sinks
from greendc.sources.inbox import Delivery, Inbox
from greendc.sources.mqtt import MqttSource

log = logging.getLogger(__name__)

DRAIN_WITHIN = 1.0  # s; what is left in the inbox then is not acknowledged, so it comes again
STATUS_EVERY = 10.0  # s
AHEAD = 20_000  # messages of a round that may be journalled before the ledger is through
AHEAD_EVERY = 0.020  # s between two looks at what has come meanwhile
MEASURE_EVERY = 0.2  # s between two looks at the journal's size and the disk


@dataclass(slots=True)
class Rounds:
    """What one round needs, and the last one."""

    data: Data
    source: MqttSource
    inbox: Inbox
    sinks: Sinks
    vitals: Vitals
    errands: Errands
    notifier: Notifier
    _full: bool = False
    _told: float = 0.0
    _measured: float = 0.0
    _ahead: int = 0  # messages that may still be taken while the ledger is at work
    _looked: float = 0.0
    _due: deque[Delivery] = field(default_factory=deque)  # off the inbox, not journalled yet

    def __post_init__(self) -> None:
        self.data.worker.pipeline.meanwhile = self.meanwhile

    def work(self, timeout: float) -> bool:
        """One round; tells whether messages came."""
        self.notifier.alive()
        self._ahead = AHEAD
        self.data.worker.beat()
        busy, self._ahead = self._ahead < AHEAD, 0
        self.vitals.look()
        self._tell()
        self._move_cursors()
        self._ahead = AHEAD
        self.errands.do()
        self._ahead = 0
        if self._journal_full():
            time.sleep(timeout)
            return False
        self._due.extend(self.inbox.take(timeout))
        self._ahead = AHEAD
        while self._due:
            busy |= self._receive(self._due.popleft()) > 0
            self.data.worker.work_off()
        busy, self._ahead = busy or self._ahead < AHEAD, 0
        return busy

    def _receive(self, delivery: Delivery) -> int:
        """Journal, acknowledge and show a delivery; returns the messages in it."""
        connection, entries, reception = delivery
        batches = [entry for entry in entries if isinstance(entry, RawBatch)]
        mids = joined([batch.mids for batch in batches])
        acknowledge = partial(self.source.acknowledge, connection, mids)
        self.data.worker.receive(entries, acknowledge, reception)
        return sum(map(len, batches))

    def meanwhile(self) -> None:
        """Called between pieces of the ledger's work: what has come is not kept waiting for it.

        Only for what a round itself takes, so that no command or cursor comes between, and only
        so much that a round ends.
        """
        now = time.monotonic()
        if self._ahead <= 0 or now - self._looked < AHEAD_EVERY:
            return
        self._looked = now
        self.notifier.alive()
        if (self._due or self.inbox.waiting) and not self._journal_full():
            self._due.extend(self.inbox.take(0.0, linger=False))
            while self._due:
                self._ahead -= self._receive(self._due.popleft())

    def _tell(self) -> None:
        """Tell the service manager how it goes, now and then."""
        now = time.monotonic()
        if now - self._told >= STATUS_EVERY:
            self._told = now
            self.notifier.status(self.status())

    def status(self) -> str:
        """How it goes, in a line."""
        health, counts = self.data.watch.board.health, self.data.worker.counts
        broker = "connected to" if health.connected else "not connected to"
        return (
            f"{broker} {health.broker}, {counts.messages} messages, {health.inbox} waiting, "
            f"journal {health.journal_bytes / 2**20:.1f} MiB"
        )

    def _move_cursors(self) -> None:
        for sink, passed in self.sinks.passed():
            self.data.store.begin()
            self.data.store.move_cursor(sink, passed.position, passed.counts)
            self.data.worker.commit()
            faults.reached("after_sink_cursor")

    def _journal_full(self) -> bool:
        """Back-pressure instead of loss: nothing is taken, so nothing is acknowledged."""
        now = time.monotonic()
        if now - self._measured < MEASURE_EVERY:
            return self._full
        self._measured = now
        full = self.data.journal.full()
        if full != self._full:
            log.error("journal_full: %s", full) if full else log.info("journal has room again")
        self._full = bool(full)
        return self._full

    def drain(self, sinks_within: float) -> None:
        """What has been taken off the wire is journalled and acknowledged; nothing is closed."""
        self.source.pause()
        deadline = time.monotonic() + DRAIN_WITHIN
        while self.inbox.waiting and not self._full and time.monotonic() < deadline:
            self.work(0.0)
        self.source.stop()
        if not self._full:
            self.data.worker.leave(self.inbox.take(0.0))
        self.data.worker.commit()
        self.sinks.finish(sinks_within)
        self._move_cursors()
        self.data.worker.commit()
