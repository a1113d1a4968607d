"""The rounds of the thread that owns the state: what came, what is asked, what sinks wrote."""

import logging
import time
from dataclasses import dataclass

from greendc import faults
from greendc.columns import joined
from greendc.daemon.data import Data
from greendc.daemon.errands import Errands
from greendc.daemon.systemd import Notifier
from greendc.daemon.vitals import Vitals
from greendc.ports import RawBatch
from greendc.sinks import Sinks
from greendc.sources.inbox import Inbox
from greendc.sources.mqtt import MqttSource

log = logging.getLogger(__name__)

DRAIN_WITHIN = 1.0  # s; what is left in the inbox then is not acknowledged, so it comes again
STATUS_EVERY = 10.0  # s
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

    def work(self, timeout: float) -> bool:
        """One round; tells whether messages came."""
        self.notifier.alive()
        self.data.worker.beat()
        self.vitals.look()
        self._tell()
        self._move_cursors()
        self.errands.do()
        if self._journal_full():
            time.sleep(timeout)
            return False
        busy = False
        for connection, entries, reception in self.inbox.take(timeout):
            mids = joined([entry.mids for entry in entries if isinstance(entry, RawBatch)])
            self.data.worker.take(
                entries,
                lambda c=connection, m=mids: self.source.acknowledge(c, m),  # type: ignore[misc]
                reception,
            )
            busy = busy or any(isinstance(e, RawBatch) for e in entries)
        return busy

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
