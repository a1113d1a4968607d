"""A case's site on a real broker: `greendc run` in processes that can be killed, and its ledger.

The processes are forks of this one, so that a rule switched off here is off there, and no time
goes into importing. Nothing here starts a thread before it forks.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from greendc import app
from greendc.config import load
from greendc.exports import Request, export
from greendc.journal import read_journal
from greendc.ports import RawBatch
from greendc.sources.recording import open_entries
from greendc.store import StoredLedger
from tests.cases.case import Case
from tests.faults.plant import subscribed
from tests.servers.support import Mosquitto
from tests.sources.wire import Publisher

FORK = multiprocessing.get_context("fork")
PATIENCE = 60.0  # seconds until what does not happen counts as failed
IDLE = 0.5  # seconds without a message after which all is there
Message = tuple[str, bytes]


class NotTheSameError(AssertionError):
    """What the case is about is not as it has to be."""


def same(found: object, wanted: object, what: str) -> None:
    """Fail where the case's own claim does not hold."""
    if found != wanted:
        raise NotTheSameError(f"{what}:\n{found}\n is not\n{wanted}")


class Stage:
    """One run of a case with the running daemon."""

    def __init__(self, case: Case, folder: Path, broker: Mosquitto, more: str = "") -> None:
        self.case, self.folder, self.broker, self.more = case, folder, broker, more
        self.config, self.data = folder / "site.yaml", folder / "data"
        self.said_in = folder / "daemon.log"
        self._running: list[multiprocessing.process.BaseProcess] = []
        self.use("site.yaml")

    def use(self, site: str) -> None:
        """Have one of the case's site files be the daemon's."""
        head = f"data: {self.data}\nhttp: {{enabled: false}}\n{self.more}\n"
        text = (self.case.folder / site).read_text(encoding="utf-8")
        self.config.write_text(head + text, encoding="utf-8")

    def messages(self, log: str = "log.jsonl") -> list[Message]:
        """Messages of one of the case's logs."""
        return [(topic, bytes(payload)) for topic, payload, _ in self._rows(log)]

    def arrivals(self, log: str = "log.jsonl") -> list[int]:
        """When they arrived. [ns]"""
        return [arrival for _, _, arrival in self._rows(log)]

    def _rows(self, log: str) -> Iterator[tuple[str, bytes, int]]:
        for entry in open_entries(self.case.folder / log):
            if isinstance(entry, RawBatch):
                yield from zip(entry.topics, entry.payloads, entry.arrivals, strict=True)

    # -- the daemon --------------------------------------------------------------------------

    def start(
        self, *, until_idle: float | None = None, port: int | None = None
    ) -> multiprocessing.process.BaseProcess:
        """`greendc run`.

        Returns when it is connected, or at once where it ends by itself or has another port than
        the broker's.
        """
        connections = self.log.count("connected to")
        process = FORK.Process(
            target=self._run, args=(port or self.broker.port, until_idle), daemon=True
        )
        process.start()
        self._running.append(process)
        if until_idle is None and port is None:
            self.connected(connections + 1)
        return process

    def connected(self, times: int) -> None:
        """Wait until the daemons have been connected so often in all, and are subscribed."""
        self.until(lambda: self.log.count("connected to") >= times, "no connection")
        self.until(lambda: subscribed(self.data), "no subscription")

    def reload(self, process: multiprocessing.process.BaseProcess, site: str) -> None:
        """Have a running daemon take another site file."""
        self.use(site)
        before = self.log.count("in effect now")
        os.kill(process.pid or 0, signal.SIGHUP)
        self.until(lambda: self.log.count("in effect now") > before, "no reload")
        time.sleep(0.2)  # the broker takes the subscriptions

    def beside(self, target: Callable[..., None], *arguments: object) -> None:
        """Have something else run in a process of its own until the play is over."""
        process = FORK.Process(target=target, args=arguments, daemon=True)
        process.start()
        self._running.append(process)

    def _run(self, port: int, until_idle: float | None) -> None:
        sys.stderr = self.said_in.open("a", buffering=1)
        os.environ["GREENDC_MQTT_PORT"] = str(port)
        code = app.run(load(self.config), until_idle=until_idle)
        os._exit(code)

    @property
    def log(self) -> str:
        """What the daemons have said."""
        return self.said_in.read_text() if self.said_in.exists() else ""

    def until(self, happened: Callable[[], bool], what: str, pause: float = 0.02) -> None:
        """Wait until something has happened, and look for it after each pause [s]."""
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < deadline, f"{what}\n{self.log}"
            time.sleep(pause)

    def end(
        self, process: multiprocessing.process.BaseProcess, number: int = signal.SIGTERM
    ) -> None:
        """Send a signal and see the daemon end."""
        os.kill(process.pid or 0, number)
        self.gone(process, -number if number == signal.SIGKILL else 0)

    def gone(self, process: multiprocessing.process.BaseProcess, code: int = 0) -> None:
        """See the daemon end with this code."""
        assert self.ended(process) == code, self.log

    @staticmethod
    def ended(process: multiprocessing.process.BaseProcess) -> int | None:
        """Exit code of a daemon that ends by itself."""
        process.join(PATIENCE)
        return process.exitcode

    def finish(self) -> None:
        """Take what the broker still has, and end the input."""
        self.gone(self.start(until_idle=IDLE))

    # -- what comes in and what stands there ---------------------------------------------------

    def publish(self, messages: Sequence[Message]) -> None:
        """At QoS 1; returns when the broker has acknowledged all."""
        with Publisher(self.broker.port) as publisher:
            publisher.send(messages)

    def publish_to_new_session(self) -> None:
        """Publish the case's log, for the next daemon to find it in its session."""
        self.end(self.start())
        self.publish(self.messages())

    def assert_ledger(self, data: Path | None = None, expected: str = "expected.csv") -> None:
        """The ledger, whole, is that of the case."""
        out = self.folder / "ledger.csv"
        export(load(self.config), Request("csv", data=data or self.data, out=out, shares=False))
        wanted = (self.case.folder / expected).read_text(encoding="utf-8")
        same(out.read_text(encoding="utf-8"), wanted, "ledger")

    def journalled(self) -> int:
        """How many messages the journal has."""
        return sum(map(len, self.batches()))

    def batches(self) -> list[RawBatch]:
        """The messages of the journal."""
        entries = read_journal(self.data / "journal.db")
        return [entry for _, entry in entries if isinstance(entry, RawBatch)]

    @contextmanager
    def ledger(self) -> Iterator[StoredLedger]:
        ledger = StoredLedger(self.data / "ledger.db")
        try:
            yield ledger
        finally:
            ledger.close()

    def close(self) -> None:
        """Leave no daemon behind, whatever has failed."""
        for process in self._running:
            process.kill()
            process.join()
