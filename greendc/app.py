"""Composition root: configuration in, wired objects out; start, stop, signals."""

import logging
import signal
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from greendc import __version__, faults
from greendc.audit import Audit, audit, with_stores
from greendc.config import Config
from greendc.daemon import backup, requests
from greendc.daemon.auditor import Auditor
from greendc.daemon.commands import Commands, close_input, refuse_unknown
from greendc.daemon.control import Control, ask
from greendc.daemon.data import Data, locked
from greendc.daemon.errands import Errands
from greendc.daemon.jobs import Calendar
from greendc.daemon.lifecycle import Part, running
from greendc.daemon.logs import set_up
from greendc.daemon.memory import give_back, starting
from greendc.daemon.reload import Reload, recomputed
from greendc.daemon.rounds import Rounds
from greendc.daemon.runs import Runs
from greendc.daemon.systemd import Notifier
from greendc.daemon.vitals import Vitals
from greendc.files import JOURNAL, LEDGER
from greendc.ports import Event, GreendcError
from greendc.sinks import Sinks, Surroundings, lacking
from greendc.snapshots import Board
from greendc.sources.inbox import Inbox
from greendc.sources.mqtt import MqttSource
from greendc.sources.settings import settings_of
from greendc.store import StoredLedger
from greendc.watch import Watch

if TYPE_CHECKING:
    from greendc.recompute.preparing import Preparation
    from greendc.web.server import WebServer

log = logging.getLogger(__name__)

ROUND_SECONDS = 0.2  # that a round waits for messages
FINISH_WITHIN = 3.0  # s that sinks have to write the rest where the input has ended
STOP_WITHIN = 0.7  # s that they have where greendc was told to stop


class Stopped(Exception):  # noqa: N818 - no error
    """A signal came while greendc was starting."""


@dataclass(slots=True)
class Signals:
    """What signal handlers leave behind: plain values, since a handler must take no lock."""

    stopping: bool = False
    reloading: bool = False

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """SIGTERM, SIGINT: a clean stop."""
        self.stopping = True

    def reload(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """SIGHUP: the configuration file anew."""
        self.reloading = True


class Daemon:
    """A list of parts around the worker, from start to a clean stop."""

    def __init__(
        self,
        config: Config,
        *,
        until_idle: float | None,
        stack: ExitStack,
        watch: Watch | None = None,
        signals: Signals | None = None,
        elsewhere: bool = False,
    ) -> None:
        """Answer over HTTP and open the data folder; `run` starts what runs beside the worker.

        `elsewhere` lets the page take another port where the configured one is in use.

        Raises
        ------
        Stopped
            Where `signals` say so meanwhile.
        """
        self.until_idle = until_idle
        self.signals = Signals() if signals is None else signals
        self.notifier = Notifier.from_environment()
        watch = Watch() if watch is None else watch
        self.web = _page(config, watch.board, elsewhere=elsewhere)
        if self.web is not None:  # before the data, so that it can say that greendc is starting
            self.web.start()
            stack.callback(self.web.stop)
        self.data = Data(config, config.data, stack, watch, self._starting)
        self.worker = self.data.worker
        self.inbox = Inbox(capacity=max(2 * config.mqtt.receive_maximum, 1000))
        self.errands = Errands(self.inbox.wake)
        self.source = MqttSource(
            settings_of(config.mqtt),
            self.worker.pipeline.decoder.subscriptions(),
            self.inbox,
            session=self.data.journal.last_session,
            last_arrival=self.data.journal.last_arrival,
            removed=self.data.removed,
        )
        self.sinks = Sinks(
            config.sinks, Surroundings.of(config), lambda: StoredLedger(config.data / LEDGER)
        )
        runs, broker = Runs(), f"{config.mqtt.host}:{config.mqtt.port}"
        self.auditor = Auditor(self.data, self.errands, lambda whole: audited(config, whole=whole))
        self.vitals = Vitals(
            self.data, self.source, self.inbox, self.sinks, self.auditor, broker, runs
        )
        self.rounds = Rounds(
            self.data,
            self.source,
            self.inbox,
            self.sinks,
            self.vitals,
            self.errands,
            self.notifier,
        )
        self.reload = Reload(self.data, self.source, self.notifier, self.rounds.status)
        self.commands = Commands(
            self.data,
            self.errands,
            lambda: self.vitals.health(time.time_ns()),
            self.reload.reload,
            self.reload.recompute,
        )
        self.control = Control(config.data, self.commands.submit)
        self.calendar = Calendar(config, self.commands.submit, runs)
        self.reload.listeners.append(self.calendar.use)
        self.parts: list[Part] = [
            self.control,
            self.calendar,
            self.commands,
            self.errands,
            self.auditor,
            self.sinks,
            self.source,
        ]

    def _starting(self) -> None:
        """A sign of life while the journal is read again."""
        self.notifier.alive()
        if self.signals.stopping:
            raise Stopped

    def run(self) -> None:
        """Work until stopped, or until the input has been idle for so long."""
        # After a failure nothing is committed: the next start takes it from the journal.
        self.data.recomputer.alive = self.notifier.alive
        with running(self.parts):
            self.vitals.look(now=True)
            self.notifier.ready(self.rounds.status())
            self._work_until_stopped()
            self.notifier.stopping()
            self.rounds.drain(STOP_WITHIN if self.signals.stopping else FINISH_WITHIN)

    def _work_until_stopped(self) -> None:
        heard = time.monotonic()
        while not self.signals.stopping:
            if self.signals.reloading:
                self.signals.reloading = False
                self.reload.on_signal()
            if self.rounds.work(ROUND_SECONDS) or self.source.state.phase == "connecting":
                heard = time.monotonic()  # a broker that is slow to answer is not idle
            elif self.until_idle is not None and time.monotonic() - heard >= self.until_idle:
                self.worker.take([Event("end", time.time_ns())])
                break

    def stop(self) -> None:
        """Ask for a clean stop."""
        self.signals.stop()


def _page(config: Config, board: Board, *, elsewhere: bool) -> "WebServer | None":
    """The page and its server, which no other command pays for."""
    from greendc.web import web_server  # noqa: PLC0415

    return web_server(config, board, elsewhere=elsewhere)


def run(config: Config, *, until_idle: float | None = None, log_format: str | None = None) -> int:
    """Run the daemon; returns the exit code."""
    give_back()
    set_up(config.log, log_format)
    signals = Signals()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signals.stop)
    signal.signal(signal.SIGHUP, signals.reload)
    with ExitStack() as stack:
        broker = f"{config.mqtt.host}:{config.mqtt.port}"
        log.info("greendc %s on %s; broker %s", __version__, config.data, broker)
        try:
            with starting():
                config.settle()
                daemon = Daemon(config, until_idle=until_idle, stack=stack, signals=signals)
        except Stopped:
            log.info("stopped while starting; nothing was changed")
            return 0
        daemon.reload.listeners.append(lambda config: set_up(config.log, log_format))
        daemon.run()
        counts = daemon.worker.counts
        log.info(
            "stopped: %d messages, %d redelivered, %d set aside",
            counts.messages,
            counts.redelivered,
            counts.set_aside,
        )
    return 0


# -- commands beside a daemon, or without one ------------------------------------------------------


def close(config: Config, site: str, at: int) -> str:
    """Declare the end of a site's input up to a time."""
    told = ask(config.data, requests.Close(site, at))
    if told is not None:
        return told
    refuse_unknown(site, config)
    if not (config.data / JOURNAL).exists():
        raise GreendcError(f"{config.data}: nothing has been read here yet that could be closed")
    with ExitStack() as stack:
        return close_input(Data(config, config.data, stack), site, at)


def recompute(config: Config, prepared: "Preparation") -> str:
    """Have closed figures computed anew, as prepared."""
    prepared.catch_up()
    rules = prepared.rules
    told = ask(config.data, requests.Recompute(config.figures_hash(), rules))
    if told is not None:
        return told
    with ExitStack() as stack:
        data = Data(prepared.known, config.data, stack)
        before = data.store.last()
        data.worker.take([data.recompute(config, rules=rules)])
        data.worker.commit()
        faults.reached("recompute_committed")
        return recomputed(data.store.last() - before)


def back_up(config: Config, target: Path) -> str:
    """Copy the data folder and the configuration into a new folder."""
    told = ask(config.data, requests.Backup(str(target.absolute())))
    if told is not None:
        return told
    with locked(config.data):
        return backup.back_up(config, config.data, target)


def audited(
    config: Config, data: Path | None = None, *, whole: bool = True, noted: str | None = None
) -> Audit:
    """Whether what the data folder has counted adds up; a daemon may be working on it.

    The `whole` of its files is read and its stores are asked, or only what the files have counted.
    A seal that was `noted` before is held against the ledger.

    Raises
    ------
    GreendcError
        If there is no ledger, or a file cannot be read.
    """
    folder = config.data if data is None else data
    sinks = [sink.label for sink in config.sinks]
    found = audit(folder / LEDGER, folder / JOURNAL, sinks, whole=whole, noted=noted)
    if not whole or "ledger file" in found.failed:
        return found
    with closing(StoredLedger(folder / LEDGER)) as ledger:
        refused = {e.about: e.terms["refused"] for e in found.equations if e.name == "sink"}
        return with_stores(found, lacking(config.sinks, Surroundings.of(config), ledger, refused))


def reload(config: Config) -> str:
    """Have the daemon load its configuration file anew.

    Raises
    ------
    GreendcError
        If none runs, or the file is not good.
    """
    return _asked(config, requests.Reload())


def status(config: Config) -> str:
    """How the daemon does.

    Raises
    ------
    GreendcError
        If none runs.
    """
    return _asked(config, requests.Status())


def _asked(config: Config, request: requests.Request) -> str:
    told = ask(config.data, request)
    if told is None:
        raise GreendcError(f"{config.data}: no greendc runs on this folder")
    return told
