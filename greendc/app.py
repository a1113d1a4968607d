"""Composition root: configuration in, wired objects out; start, stop, signals."""

import fcntl
import importlib.metadata
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import numpy as np

from greendc import __version__, faults
from greendc.config import Config
from greendc.core.facility import SECOND
from greendc.journal import Journal, Redelivery
from greendc.pipeline import Pipeline
from greendc.ports import Event, GreendcError, RawBatch
from greendc.sinks import Sinks
from greendc.sources.inbox import Inbox
from greendc.sources.mqtt import MqttSource
from greendc.sources.settings import MqttSettings, TlsSettings
from greendc.store import Store, StoredLedger
from greendc.worker import Worker, resume

log = logging.getLogger(__name__)

JOURNAL, LEDGER = "journal.db", "ledger.db"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a data folder for this process; a second one is refused."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            message = (
                f"{folder}: in use by another greendc (process {file.read().strip() or 'unknown'})"
            )
            raise GreendcError(message) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def config_event(config: Config, arrival: int) -> Event:
    """The journal entry that says by which configuration and which versions figures are made."""
    versions = {
        "greendc": __version__,
        "numpy": np.__version__,
        "tzdata": importlib.metadata.version("tzdata"),
    }
    data = {"effective": config.effective(), "hash": config.figures_hash(), "versions": versions}
    return Event("config", arrival, data)


class Data:
    """A data folder opened for writing: journal, ledger and the worker on them."""

    def __init__(self, config: Config, folder: Path, stack: ExitStack) -> None:
        """Open both files and bring the ledger up to the end of the journal."""
        stack.enter_context(locked(folder))
        self.journal = Journal(
            folder / JOURNAL,
            limit_bytes=int(config.journal.limit_gib * 2**30),
            free_bytes=int(config.journal.free_gib * 2**30),
        )
        stack.callback(self.journal.close)
        self.store = Store(folder / LEDGER)
        stack.callback(self.store.close)
        before = self.store.config_body()
        known = Config.from_body(before) if before is not None else config
        pipeline = Pipeline(known, self.store)
        before_now = set(pipeline.decoder.subscriptions())
        resume(self.journal, pipeline)
        self._refuse_changes_of_the_past(known, config)
        redelivery = Redelivery(config.mqtt.receive_maximum)
        tail = max(1, self.journal.last - 2 * redelivery.window)
        redelivery.refill(self.journal.read(tail))
        self.worker = Worker(self.journal, pipeline, redelivery)
        self.worker.take([config_event(config, time.time_ns())])
        self.removed = sorted(before_now - set(pipeline.decoder.subscriptions()))

    def _refuse_changes_of_the_past(self, known: Config, config: Config) -> None:
        state = self.store.get("state")
        if state is None:
            return
        before = {
            site: s["watermark"] for site, s in state["sites"].items() if s["origin"] is not None
        }
        changed = config.changed_past(known.effective(), config.effective(), before)
        if changed:
            message = "\n".join(["the configuration changes figures that are closed:", *changed])
            raise GreendcError(message)


def mqtt_settings(config: Config) -> MqttSettings:
    """The broker as the source wants it told."""
    mqtt = config.mqtt
    tls = None
    if mqtt.tls is not None:
        tls = TlsSettings(mqtt.tls.ca, mqtt.tls.cert, mqtt.tls.key_)
    return MqttSettings(
        host=mqtt.host,
        port=mqtt.port,
        protocol=mqtt.protocol,
        client_id=mqtt.client_id,
        keepalive=mqtt.keepalive // SECOND,
        receive_maximum=mqtt.receive_maximum,
        session_expiry=mqtt.session_expiry // SECOND,
        username=mqtt.username,
        password=mqtt.password(),
        tls=tls,
    )


# -- run ------------------------------------------------------------------------------------------


class Daemon:
    """Source, worker and sinks, from start to a clean stop."""

    def __init__(self, config: Config, *, until_idle: float | None, stack: ExitStack) -> None:
        """Open the data folder and start what runs beside the worker."""
        self.until_idle = until_idle
        self.stopping = threading.Event()
        self.data = Data(config, config.data, stack)
        self.worker = self.data.worker
        self.inbox = Inbox(capacity=max(2 * config.mqtt.receive_maximum, 1000))
        self.source = MqttSource(
            mqtt_settings(config),
            self.worker.pipeline.decoder.subscriptions(),
            self.inbox,
            session=self.data.journal.last_session,
            last_arrival=self.data.journal.last_arrival,
            removed=self.data.removed,
        )
        targets = [(sink.kind, config.data / sink.path) for sink in config.sinks]
        self.sinks = Sinks(targets, lambda: StoredLedger(config.data / LEDGER))
        stack.callback(self.sinks.stop)
        self._full = False

    def run(self) -> None:
        """Work until stopped, or until the input has been idle for so long."""
        self.source.start()
        self.sinks.start()
        heard = time.monotonic()
        try:
            while not self.stopping.is_set():
                if self._work(0.2):
                    heard = time.monotonic()
                elif self.until_idle is not None and time.monotonic() - heard >= self.until_idle:
                    self.worker.take([Event("end", time.time_ns())])
                    break
        except BaseException:
            self.source.stop()  # and commit nothing: the next start takes it from the journal
            raise
        self._drain()

    def _work(self, timeout: float) -> bool:
        """One round; tells whether messages came."""
        self.worker.beat()
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
