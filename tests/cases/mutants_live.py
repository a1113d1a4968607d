"""What takes the place of rules of the daemon: each takes what stands there."""

import select
import time
from typing import Any

from greendc.columns import numbers
from greendc.ports import RawBatch
from greendc.sinks import Passed
from greendc.sources.pace import readable_from


class _Whole(float):
    """A number that goes over the wire as an integer of InfluxDB."""

    def __repr__(self) -> str:
        return f"{int(self)}i"


def whole_numbers(fields: Any) -> Any:
    """Send whole numbers as integers."""

    def typed(figure: Any) -> dict[str, float]:
        found = fields(figure)
        return {key: _Whole(v) if v.is_integer() else v for key, v in found.items()}

    return typed


def dropped(failed: Any) -> Any:
    """Give up what a store does not take."""

    def failing(self: Any, error: Exception) -> float:
        last = self._ledger().last()
        self._progress.advance(last, 0)
        self.passed.put(Passed(last))
        return float(failed(self, error))

    return failing


def all_or_nothing(move_cursors: Any) -> Any:
    """Let a store that fails be a failure of the daemon."""

    def failing(self: Any) -> None:
        for health in self.sinks.health():
            if health.error is not None:
                raise OSError(health.error)
        move_cursors(self)

    return failing


def buffered(take: Any) -> Any:
    """Acknowledge at once and journal a batch when the next one comes."""
    held: list[Any] = []

    def later(
        self: Any, entries: Any, acknowledge: Any = lambda: None, reception: Any = None
    ) -> None:
        acknowledge()
        if not any(isinstance(entry, RawBatch) for entry in entries):
            take(self, entries, reception=reception)
            return
        if held:
            take(self, *held.pop())
        held.append((entries, lambda: None, reception))

    return later


def deaf_acknowledgement(leave: Any) -> Any:
    """Acknowledge what comes while the connection is being left."""

    def hearing(self: Any, seconds: float) -> None:
        deadline = time.monotonic() + 0.5
        readable_from(self._socket(), 1)
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._socket()], [], [], left)[0]:
                self.read(1000)
                self.acknowledge(numbers(self.collected(0).mids))
                self.write()
        leave(self, seconds)

    return hearing


def subscribed_once(connected: Any) -> Any:
    """Trust the broker to remember what was subscribed."""

    def again(self: Any, connection: Any, *, session_present: bool) -> None:
        if self.state.connection > 1:
            self._subscribe = lambda _connection: None
        connected(self, connection, session_present=session_present)

    return again


def first_revisions(newest_of: Any) -> Any:
    """Tell stores of no revision."""
    return lambda rows: [row for row in newest_of(rows) if not row.figure.revision]


def backwards(rows_after: Any) -> Any:
    """Tell stores of the last figure first."""
    return lambda *asked: iter(list(rows_after(*asked))[::-1])


def unless_refused(receive: Any) -> Any:
    """Acknowledge nothing that holds what is too long."""

    def receiving(
        self: Any, entries: Any, acknowledge: Any = lambda: None, reception: Any = None
    ) -> None:
        before = self.counts.set_aside
        receive(self, entries, lambda: None, reception)
        if self.counts.set_aside == before:
            acknowledge()

    return receiving
