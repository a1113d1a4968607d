"""How the daemon itself does, put together once a second for page, Prometheus and alerts."""

import time
from dataclasses import dataclass, field

from greendc.core.facility import SECOND
from greendc.daemon.auditor import Auditor
from greendc.daemon.data import Data
from greendc.daemon.runs import Runs
from greendc.masking import masked
from greendc.outcomes import of_messages
from greendc.sinks import Sinks
from greendc.snapshots import Health
from greendc.sources.inbox import Inbox
from greendc.sources.mqtt import MqttSource

LOOK_EVERY = 1.0  # s
READING = frozenset({"connected", "holding"})


@dataclass(slots=True)
class Vitals:
    """Owned by the worker's thread."""

    data: Data
    source: MqttSource
    inbox: Inbox
    sinks: Sinks
    auditor: Auditor
    broker: str
    runs: Runs
    started: int = field(default_factory=time.time_ns)
    _looked: float = -LOOK_EVERY

    def look(self, *, now: bool = False) -> None:
        """Show the state of the daemon, once a second and where the broker comes or goes."""
        moment, shown = time.monotonic(), self.data.watch.board.health.connected
        turned = shown != (self.source.state.phase in READING)
        if now or turned or moment - self._looked >= LOOK_EVERY:
            self._looked = moment
            self.data.watch.feel(self.health(time.time_ns()))

    def health(self, at: int) -> Health:
        """Everything at one moment [ns]."""
        journal, store, state = self.data.journal, self.data.store, self.source.state
        sites = [site.id for site in self.data.worker.pipeline.plan.sites]
        size, limit = journal.size_bytes, journal.limit_bytes
        full = (
            f"the journal holds {size / 2**20:.0f} of {limit / 2**20:.0f} MiB, or the disk is full"
        )
        outcomes = of_messages(store.tally(""), journal.outcomes)
        if store.get("broker_dropped") is not None:  # the broker tells of what it drops
            outcomes.setdefault("broker_dropped", 0)
        return Health(
            started=self.started,
            at=at,
            broker=self.broker,
            connected=state.phase in READING,
            connection_error=_told(state.trouble),
            inbox=len(self.inbox),
            journal_bytes=size,
            journal_limit=limit,
            journal_full=full if journal.full() else None,
            journal_lag_seconds=self.data.worker.lag(at) / SECOND,
            outcomes=outcomes,
            site_outcomes={site: store.tally(site) for site in sites},
            sinks=self.sinks.health(),
            bulk_read=state.bulk_read,
            jobs=self.runs.health(),
            accounts=self.auditor.found,
            refusing=self.data.worker.pipeline.refusing(),
        )


def _told(error: str | None) -> str | None:
    return None if error is None else masked(error)
