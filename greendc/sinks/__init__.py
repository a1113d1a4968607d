"""Where the ledger goes from here: each sink reads it from its own cursor.

A new kind of sink is a model in `greendc.config.sinks`, a file here, and a line in `SINKS`.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Protocol, runtime_checkable

from greendc.config.sinks import Influx1Sink, InfluxSink, JsonlSink, MqttSink
from greendc.config.sinks import Sink as SinkConfig
from greendc.ports import LedgerReader
from greendc.sinks.confirming import Passed
from greendc.sinks.holding import CountedLedger, emptied, holes
from greendc.sinks.jsonl import JsonlFile
from greendc.sinks.runner import BATCH, Job, Runner, Sink
from greendc.sinks.surroundings import Surroundings
from greendc.snapshots import SinkHealth

__all__ = [
    "SINKS",
    "Job",
    "Passed",
    "Runner",
    "Sink",
    "Sinks",
    "Surroundings",
    "lacking",
    "new_sink",
    "remarks",
]

LEAVE_WITHIN = 0.5  # s that a stop waits for all sinks


def jsonl(config: JsonlSink, around: Surroundings) -> Sink:
    """A file under the data folder, or where an absolute path says."""
    return JsonlFile(around.data / config.path)


def influx(config: InfluxSink, around: Surroundings) -> Sink:
    """See `greendc.sinks.influx`; only who uses it pays for its client."""
    from greendc.sinks.influx import influx as made  # noqa: PLC0415

    return made(config, around)


def influx1(config: Influx1Sink, around: Surroundings) -> Sink:
    """See `greendc.sinks.influx1`; the same."""
    from greendc.sinks.influx1 import influx1 as made  # noqa: PLC0415

    return made(config, around)


def mqtt(config: MqttSink, around: Surroundings) -> Sink:
    """See `greendc.sinks.mqtt`; the same."""
    from greendc.sinks.mqtt import mqtt as made  # noqa: PLC0415

    return made(config, around)


SINKS: Mapping[str, Callable[[Any, Surroundings], Sink]] = {
    "jsonl": jsonl,
    "influx": influx,
    "influx1": influx1,
    "mqtt": mqtt,
}


def new_sink(config: SinkConfig, around: Surroundings) -> Sink:
    """A sink as it is configured; connects to nothing yet.

    Raises
    ------
    GreendcError
        Where a file with a secret or a certificate cannot be read.
    """
    return SINKS[config.kind](config, around)


@runtime_checkable
class Remarks(Protocol):
    """A sink that can say what is wrong with the way its target is run."""

    def remarks(self) -> Iterator[str]:
        """A line for each; asks the target."""
        ...


def remarks(configured: Sequence[SinkConfig], around: Surroundings) -> Iterator[str]:
    """What is wrong with the targets of sinks, each with the sink's name.

    Raises
    ------
    GreendcError
        Where a file with a secret or a certificate cannot be read.
    """
    for config in configured:
        sink = new_sink(config, around)
        try:
            if isinstance(sink, Remarks):
                yield from (f"sink {config.label}: {told}" for told in sink.remarks())
        finally:
            sink.close()


def lacking(
    configured: Sequence[SinkConfig],
    around: Surroundings,
    ledger: CountedLedger,
    refused: Mapping[str, int],
) -> dict[str, str]:
    """What is wrong with stores that lack figures which they took, by sink; asks them.

    They hold nothing of what came last, or fewer of some day, but for what they have `refused`.

    Raises
    ------
    GreendcError
        Where a file with a secret or a certificate cannot be read.
    """
    found = {}
    for config in configured:
        with closing(new_sink(config, around)) as sink:
            cursor = ledger.cursor(config.label)
            periods = getattr(config, "periods", None)
            told = emptied(sink, ledger.latest(), cursor, periods) or holes(
                sink, ledger, cursor, periods, refused.get(config.label, 0)
            )
        if told is not None:
            found[config.label] = told
    return found


class Sinks:
    """All configured sinks; a part of the daemon."""

    def __init__(
        self,
        configured: Sequence[SinkConfig],
        around: Surroundings,
        ledger: Callable[[], LedgerReader],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ledger` opens the ledger for reading, once for each sink and once for `health`."""
        self._runners = [
            Runner(_job(config), new_sink(config, around), ledger, clock) for config in configured
        ]
        self._ledger = ledger
        self._lock = threading.Lock()
        self._watched: LedgerReader | None = None

    def start(self) -> None:
        """Start every sink."""
        for runner in self._runners:
            runner.start()

    def passed(self) -> Iterator[tuple[str, Passed]]:
        """What each sink has passed since the last call: its cursor and counts to be committed."""
        for runner in self._runners:
            found = None
            while not runner.passed.empty():
                one = runner.passed.get()
                found = one if found is None else found + one
            if found is not None:
                yield runner.name, found

    def health(self) -> tuple[SinkHealth, ...]:
        """How each sink does; may be called from any thread."""
        if not self._runners:
            return ()
        with self._lock:
            if self._watched is None:
                self._watched = self._ledger()
            last = self._watched.last()
        return tuple(runner.health(last) for runner in self._runners)

    def finish(self, seconds: float) -> None:
        """Let every sink write what there is, but all no longer than so long."""
        for runner in self._runners:
            runner.finish()
        self._join(seconds)
        for runner in self._runners:
            runner.stop()

    def stop(self) -> None:
        """Stop every sink; one that hangs in a write is left behind: its cursor stands."""
        for runner in self._runners:
            runner.stop()
        self._join(LEAVE_WITHIN)
        with self._lock:
            if self._watched is not None:
                self._watched.close()
                self._watched = None

    def _join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for runner in self._runners:
            runner.join(max(0.0, deadline - time.monotonic()))


def _job(config: SinkConfig) -> Job:
    return Job(
        config.label,
        config.kind,
        getattr(config, "periods", None),
        getattr(config, "batch", BATCH),
    )
