"""Composition root: configuration in, wired objects out; start, stop, signals."""

import logging
import signal
import threading
import time
from contextlib import ExitStack
from types import FrameType

from greendc import __version__, faults
from greendc.config import Config
from greendc.data import LEDGER, Data
from greendc.lifecycle import Part, running
from greendc.ports import Event, GreendcError, RawBatch
from greendc.sinks import Sinks
from greendc.sources.inbox import Inbox
from greendc.sources.mqtt import MqttSource
from greendc.sources.settings import settings_of
from greendc.store import StoredLedger
from greendc.vitals import Vitals
from greendc.watch import Watch

log = logging.getLogger(__name__)


class Daemon:
    """Source, worker and sinks, from start to a clean stop."""

    def __init__(
        self,
        config: Config,
        *,
        until_idle: float | None,
        stack: ExitStack,
        watch: Watch | None = None,
    ) -> None:
        """Open the data folder; `run` starts what runs beside the worker."""
        self.until_idle = until_idle
        self.stopping = threading.Event()
        self.data = Data(config, config.data, stack, watch)
        self.worker = self.data.worker
        self.inbox = Inbox(capacity=max(2 * config.mqtt.receive_maximum, 1000))
        self.source = MqttSource(
            settings_of(config.mqtt),
            self.worker.pipeline.decoder.subscriptions(),
            self.inbox,
            session=self.data.journal.last_session,
            last_arrival=self.data.journal.last_arrival,
            removed=self.data.removed,
        )
        targets = [(sink.kind, config.data / sink.path) for sink in config.sinks]
        self.sinks = Sinks(targets, lambda: StoredLedger(config.data / LEDGER))
        self.parts: list[Part] = [self.sinks, self.source]
        broker = f"{config.mqtt.host}:{config.mqtt.port}"
        self.vitals = Vitals(self.data, self.source, self.inbox, self.sinks, broker)
        self._full = False

    def run(self) -> None:
        """Work until stopped, or until the input has been idle for so long."""
        # After a failure nothing is committed: the next start takes it from the journal.
        with running(self.parts):
            self._work_until_stopped()
            self._drain()

    def _work_until_stopped(self) -> None:
        heard = time.monotonic()
        while not self.stopping.is_set():
            if self._work(0.2):
                heard = time.monotonic()
            elif self.until_idle is not None and time.monotonic() - heard >= self.until_idle:
                self.worker.take([Event("end", time.time_ns())])
                break

    def _work(self, timeout: float) -> bool:
        """One round; tells whether messages came."""
        self.worker.beat()
        self.vitals.look()
        for sink, position in self.sinks.positions():
            self.data.store.begin()
            self.data.store.move_cursor(sink, position)
            self.worker.commit()
            faults.reached("after_sink_cursor")
        if self._journal_full():
            self.stopping.wait(timeout)
            return False
        busy = False
        for connection, entries in self.inbox.take(timeout):
            mids = [mid for e in entries if isinstance(e, RawBatch) for mid in e.mids]
            self.worker.take(entries, lambda c=connection, m=mids: self.source.acknowledge(c, m))  # type: ignore[misc]
            busy = busy or any(isinstance(e, RawBatch) for e in entries)
        return busy

    def _journal_full(self) -> bool:
        """Back-pressure instead of loss: nothing is taken, so nothing is acknowledged."""
        full = self.data.journal.full()
        if full != self._full:
            log.error("journal_full: %s", full) if full else log.info("journal has room again")
        self._full = bool(full)
        return self._full

    def _drain(self) -> None:
        """What has been taken off the wire is journalled and acknowledged; nothing is closed."""
        self.source.pause()
        while len(self.inbox) and not self._full:
            self._work(0.0)
        self.source.stop()
        self.worker.commit()
        self.sinks.finish()
        for sink, position in self.sinks.positions():
            self.data.store.begin()
            self.data.store.move_cursor(sink, position)
        self.worker.commit()

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Ask for a clean stop."""
        self.stopping.set()


def run(config: Config, *, until_idle: float | None = None) -> int:
    """Run the daemon; returns the exit code."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    with ExitStack() as stack:
        daemon = Daemon(config, until_idle=until_idle, stack=stack)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, daemon.stop)
        log.info(
            "greendc %s on %s; broker %s:%d",
            __version__,
            config.data,
            config.mqtt.host,
            config.mqtt.port,
        )
        daemon.run()
        counts = daemon.worker.counts
        log.info(
            "stopped: %d messages, %d redelivered, %d set aside",
            counts.messages,
            counts.redelivered,
            counts.set_aside,
        )
    return 0


def close(config: Config, site: str, at: int) -> str:
    """Declare the end of a site's input up to a time."""
    if site not in {s.id for s in config.sites}:
        message = (
            f"{site}: no such site; the configuration has {', '.join(s.id for s in config.sites)}"
        )
        raise GreendcError(message)
    with ExitStack() as stack:
        data = Data(config, config.data, stack)
        data.worker.take([Event("end", time.time_ns(), {"site": site, "at": at})])
        data.worker.commit()
    return f"{site}: input closed; periods up to there are in the ledger"
