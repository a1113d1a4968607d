"""Where the ledger goes from here: each sink reads it from its own cursor."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from greendc import faults
from greendc.ports import LedgerReader, LedgerRow
from greendc.sinks.jsonl import JsonlFile

log = logging.getLogger(__name__)

BATCH = 5000
POLL_SECONDS = 0.5
RETRY_SECONDS = 5.0
LEAVE_WITHIN = 0.5  # s that a stop waits for all sinks


class Sink(Protocol):
    """Takes ledger rows in their order; may be handed the same rows again after a crash."""

    def write(self, rows: Sequence[LedgerRow]) -> None:
        """Write rows so that they stay written; OSError if that cannot be done now."""
        ...


SINKS: dict[str, Callable[[Path], Sink]] = {"jsonl": JsonlFile}


class Runner:
    """One sink on its own thread: a slow or absent one only lags."""

    def __init__(self, name: str, sink: Sink, ledger: Callable[[], LedgerReader]) -> None:
        """Nothing is opened before `start`."""
        self.name, self.sink = name, sink
        self._ledger = ledger
        self.positions: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._finish = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sink-{name}", daemon=True)

    def start(self) -> None:
        """Begin at the cursor that the ledger holds."""
        self._thread.start()

    def finish(self) -> None:
        """Write what there is, and end."""
        self._finish.set()

    def stop(self) -> None:
        """End as soon as may be."""
        self._stop.set()
        self._finish.set()

    def join(self, seconds: float) -> None:
        """Wait for the end, no longer than so long."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, seconds))

    def _run(self) -> None:
        ledger = self._ledger()
        try:
            position = ledger.cursor(self.name)
            while not self._stop.is_set():
                ending = self._finish.is_set()
                rows = list(ledger.rows_after(position, BATCH))
                if rows and self._written(rows):
                    position = rows[-1].id
                    self.positions.put(position)
                elif ending:
                    return
                elif not rows:
                    self._finish.wait(POLL_SECONDS)
        finally:
            ledger.close()

    def _written(self, rows: Sequence[LedgerRow]) -> bool:
        try:
            self.sink.write(rows)
        except OSError as error:
            log.warning("sink %s cannot write (%s); trying again", self.name, error)
            self._stop.wait(RETRY_SECONDS)
            return False
        faults.reached("after_sink_write")
        return True


class Sinks:
    """All configured sinks."""

    def __init__(
        self, targets: Sequence[tuple[str, Path]], ledger: Callable[[], LedgerReader]
    ) -> None:
        """`targets` are (kind, file) pairs of the configuration."""
        self._runners = [
            Runner(f"{kind}:{path}", SINKS[kind](path), ledger) for kind, path in targets
        ]

    def start(self) -> None:
        """Start every sink."""
        for runner in self._runners:
            runner.start()

    def positions(self) -> Iterator[tuple[str, int]]:
        """Cursor positions to be committed, the newest of each sink."""
        for runner in self._runners:
            newest = None
            while not runner.positions.empty():
                newest = runner.positions.get()
            if newest is not None:
                yield runner.name, newest

    def finish(self, seconds: float) -> None:
        """Let every sink write what there is, but all no longer than so long."""
        for runner in self._runners:
            runner.finish()
        self._join(seconds)
        for runner in self._runners:
            runner.stop()

    def stop(self) -> None:
        """Stop every sink; one that hangs is left behind."""
        for runner in self._runners:
            runner.stop()
        self._join(LEAVE_WITHIN)

    def _join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for runner in self._runners:
            runner.join(deadline - time.monotonic())
