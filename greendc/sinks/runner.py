"""One sink on its own thread: reads the ledger from its cursor, tries again, tells how it does."""

import logging
import queue
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from greendc import faults
from greendc.masking import masked
from greendc.ports import LedgerReader, LedgerRow
from greendc.sinks.confirming import BEHIND, Confirming, Passed
from greendc.sinks.errors import PartlyRefused, Refused, Unanswered
from greendc.snapshots import SinkHealth

log = logging.getLogger(__name__)

BATCH = 5000
LEAST = 100  # figures that are tried at a time after failures
POLL_SECONDS = 0.5
RETRY_FIRST = 1.0
RETRY_LIMIT = 60.0
RETRY_AFTER_LIMIT = 3600.0  # what a target may ask for [s]
REFUSALS_TOLD = 20  # and every thousandth
MARKS = 512


class Sink(Protocol):
    """Takes ledger rows in their order; may be handed the same rows again after a crash."""

    def write(self, rows: Sequence[LedgerRow], ledger: LedgerReader) -> None:
        """Write rows so that they stay written; OSError if that cannot be done now.

        Raises
        ------
        Refused, PartlyRefused
            For rows that will never be taken.
        """
        ...

    def close(self) -> None:
        """Let go of the target, within a second."""
        ...


@runtime_checkable
class Standing(Protocol):
    """A sink whose target is to see at any time that it is there, not only with new figures."""

    def stand(self, ledger: LedgerReader) -> None:
        """See to it that the target holds what was written; OSError if that cannot be done now."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """What a runner is told: where it keeps its place, and which figures it hands over."""

    name: str
    kind: str
    periods: Collection[str] | None = None
    batch: int = BATCH


class Runner:
    """Owns a sink. All methods but the thread's own may be called from any thread."""

    def __init__(
        self,
        job: Job,
        sink: Sink,
        ledger: Callable[[], LedgerReader],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is opened before `start`; `clock` tells for how long figures have stood [s]."""
        self.name, self.sink = job.name, sink
        self.passed: queue.SimpleQueue[Passed] = queue.SimpleQueue()
        self._job, self._ledger = job, ledger
        self._limit = job.batch
        self._failures = 0
        self._progress = Progress(job.name, job.kind, clock)
        self._confirming = Confirming(sink, clock)
        self._confirmed = 0  # the position that is passed for good
        self._stop = threading.Event()
        self._finish = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sink-{job.name}", daemon=True)

    def start(self) -> None:
        """Begin at the cursor that the ledger holds."""
        self._thread.start()

    def health(self, last: int) -> SinkHealth:
        """How the sink does, when the ledger's newest row is `last`."""
        return self._progress.health(last)

    def finish(self) -> None:
        """Write what there is and end; a sink that fails ends at once."""
        self._finish.set()

    def stop(self) -> None:
        """End after the write that is under way."""
        self._stop.set()
        self._finish.set()

    def join(self, seconds: float) -> None:
        """Wait for the end, no longer than so long: what hangs in a write is left behind."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    # -- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and self._opened():
                pass
        finally:
            self.sink.close()

    def _opened(self) -> bool:
        """Open the ledger and work on it; False where nothing more is to be done."""
        try:
            with closing(self._ledger()) as ledger:
                self._begin(ledger)
                while not self._stop.is_set() and self._round(ledger):
                    pass
        except Exception as error:  # noqa: BLE001 - a sink must not end unseen
            return not self._finish.wait(self._failed(error))
        return False

    def _begin(self, ledger: LedgerReader) -> None:
        """Take up the work where the ledger says that the sink is."""
        last = ledger.last()
        self._confirmed = max(self._confirmed, ledger.cursor(self.name))
        self._progress.begin(self._confirmed, last)
        if self._confirmed < last:
            self._confirming.behind()

    def _round(self, ledger: LedgerReader) -> bool:
        """One batch, or a wait for one; False where nothing more is to be done."""
        ending = self._finish.is_set()
        try:
            busy = self._batch(ledger)
            self._confirm()
            if not busy and not ending:
                self._stand(ledger)
        except Exception as error:  # noqa: BLE001 - the one supervised loop; nothing is lost
            # An end that was asked for does not wait for what fails.
            return not self._finish.wait(self._failed(error))
        if not busy:
            self._finish.wait(POLL_SECONDS)
        return busy or not ending

    def _confirm(self) -> None:
        """Pass rows for good that their target will not lose any more, or send them again."""
        found = self._confirming.passed()
        if isinstance(found, str):
            level = logging.INFO if found is BEHIND else logging.WARNING
            told = "sink %s: %s: the last %d figures are sent again"
            log.log(level, told, self.name, found, self._again())
            return
        for passed in found:
            self._confirmed = passed.position
            self.passed.put(passed)

    def _again(self) -> int:
        """Go back to what is passed for good; returns how many figures will be sent again."""
        held = self._confirming.forget()
        if held:
            self._progress.back(self._confirmed)
        return sum(passed.written for passed in held)

    def _batch(self, ledger: LedgerReader) -> bool:
        """Hand the next rows over; False where there are none."""
        rows = list(ledger.rows_after(self._progress.position, self._limit))
        if not rows:
            return False
        self._progress.saw(rows[-1].id)
        periods = self._job.periods
        wanted = [r for r in rows if periods is None or r.figure.period in periods]
        try:
            if wanted:
                self._confirming.sending()
                self.sink.write(wanted, ledger)
        except PartlyRefused as error:
            self._refused(error.refused)
            refused = {row.id for row, _ in error.refused}
            self._written(rows, wanted, sum(row.id in refused for row in wanted))
        except Refused as error:
            self._isolate(rows, wanted, str(error))
        else:
            self._written(rows, wanted)
        return True

    def _stand(self, ledger: LedgerReader) -> None:
        if isinstance(self.sink, Standing):
            try:
                self.sink.stand(ledger)
            except PartlyRefused as error:
                self._refused(error.refused)
            self._well(self._progress.position, 0)

    def _written(
        self, rows: Sequence[LedgerRow], wanted: Sequence[LedgerRow], refused: int = 0
    ) -> None:
        """Of rows that are passed those wanted are written, but for so many that are refused."""
        faults.reached("after_sink_write")
        self._limit = min(self._job.batch, 2 * self._limit)
        written, left_out = len(wanted) - refused, len(rows) - len(wanted)
        self._well(rows[-1].id, written)
        self._confirming.sent(Passed(rows[-1].id, written, left_out, refused))

    def _well(self, position: int, count: int) -> None:
        if self._failures:
            log.info("sink %s writes again", self.name)
        self._failures = 0
        self._progress.advance(position, count)

    def _isolate(self, rows: Sequence[LedgerRow], wanted: Sequence[LedgerRow], reason: str) -> None:
        """Of rows that are refused together try half as many, down to a single one."""
        if len(wanted) > 1:
            self._limit = max(1, len(rows) // 2)
            return
        self._refused([(row, reason) for row in wanted])
        self._written(rows, wanted, len(wanted))

    def _refused(self, refused: Sequence[tuple[LedgerRow, str]]) -> None:
        for row, reason in refused:
            number = self._progress.refuse()
            if number <= REFUSALS_TOLD or number % 1000 == 0:
                figure = row.figure
                log.error(
                    "sink %s: figure %d (%s %s %s, start %d) is refused and left out: %s",
                    self.name,
                    row.id,
                    row.site,
                    figure.quantity,
                    figure.period,
                    figure.start,
                    reason,
                )

    def _failed(self, error: Exception) -> float:
        self._failures += 1
        if isinstance(error, Unanswered):
            self._confirming.unanswered()
        self._again()
        # A target that is only slow may manage less.
        self._limit = min(self._limit, max(LEAST, self._limit // 2))
        self._progress.fail(masked(str(error) or type(error).__name__))
        if not isinstance(error, OSError):
            log.error("sink %s failed; trying again", self.name, exc_info=error)
        else:
            log.warning("sink %s cannot write (%s); trying again", self.name, error)
        asked = getattr(error, "retry_after", None) or 0.0
        backoff = min(RETRY_LIMIT, RETRY_FIRST * 2.0 ** min(self._failures - 1, 16))
        # Many daemons that lost the same store must not come back in step.
        spread = backoff * random.uniform(0.75, 1.0)  # noqa: S311 - no secret
        return max(spread, min(asked, RETRY_AFTER_LIMIT))


class Progress:
    """How far a sink is, kept for everyone under a lock."""

    def __init__(self, name: str, kind: str, clock: Callable[[], float]) -> None:
        self._name, self._kind, self._clock = name, kind, clock
        self._lock = threading.Lock()
        self._marks: list[tuple[int, float]] = []  # when which row was the newest
        self._position: int | None = None
        self._error: str | None = None
        self._sent = self._refused = 0

    @property
    def position(self) -> int:
        """Id of the last row that has been dealt with."""
        with self._lock:
            return self._position or 0

    def begin(self, position: int, last: int) -> None:
        """Where the ledger says that the sink is, which may not know of the last rows yet."""
        with self._lock:
            self._position = max(position, self._position or 0)
            self._saw(last)

    def saw(self, last: int) -> None:
        """So many rows there are by now."""
        with self._lock:
            self._saw(last)

    def advance(self, position: int, sent: int) -> None:
        """Rows up to here are dealt with; the target has taken so many that it was sent."""
        with self._lock:
            self._position = position
            self._sent += sent
            self._error = None
            while self._marks and self._marks[0][0] <= position:
                self._marks.pop(0)

    def back(self, position: int) -> None:
        """Rows behind here are to be dealt with again."""
        with self._lock:
            self._position = position

    def refuse(self) -> int:
        """Count a row that is not taken; returns how many there are."""
        with self._lock:
            self._refused += 1
            return self._refused

    def fail(self, error: str) -> None:
        """Keep what the last try ended in."""
        with self._lock:
            self._error = error

    def health(self, last: int) -> SinkHealth:
        """The state of things, when the ledger's newest row is `last`."""
        with self._lock:
            position = last if self._position is None else self._position
            self._saw(last)
            waiting = [since for number, since in self._marks if number > position]
            return SinkHealth(
                name=self._name,
                kind=self._kind,
                pending=max(0, last - position),
                lag_seconds=self._clock() - waiting[0] if waiting else 0.0,
                error=self._error,
                sent=self._sent,
                refused=self._refused,
            )

    def _saw(self, last: int) -> None:
        known = self._marks[-1][0] if self._marks else (self._position or 0)
        if last > known:
            self._marks.append((last, self._clock()))
        if len(self._marks) > MARKS:
            del self._marks[1::2]  # the oldest one decides the lag, the others only its steps
