"""A daemon without its network: a broker in memory that redelivers, kills and restarts."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from greendc import faults
from greendc.app import audited
from greendc.audit import Audit
from greendc.config import Config
from greendc.daemon.data import Data
from greendc.files import LEDGER
from greendc.journal import database
from greendc.ports import DUP, Entry, Event, RawBatch, Reception
from greendc.sinks import Sinks, Surroundings
from greendc.sources.inbox import Delivery
from greendc.store import StoredLedger, connect, file

Message = tuple[str, bytes, int]  # topic, payload, QoS


class Killed(BaseException):
    """The process is no more."""


def _without_sync(path: Path, **options: Any) -> sqlite3.Connection:
    db = connect(path, **options)
    db.execute("PRAGMA synchronous = OFF")
    return db


@dataclass
class Broker:
    """Keeps what is published until it is acknowledged, if its QoS is 1; one session."""

    waiting: list[Message] = field(default_factory=list)
    flying: dict[int, Message] = field(default_factory=dict)
    unsent: list[int] = field(default_factory=list)  # identifiers to be delivered once more
    mid: int = 0
    frozen: bool = False
    unheard: list[int] = field(default_factory=list)  # acknowledgements that came meanwhile
    left: bool = False  # whether the client has gone meanwhile

    def disconnected(self) -> None:
        """What is not acknowledged will come again, in its order; QoS 0 is lost."""
        if self.frozen:
            self.left = True
        else:
            self.unsent = list(self.flying)

    @property
    def ready(self) -> bool:
        """Whether it has something to deliver."""
        return not self.frozen and bool(self.waiting or self.unsent)

    def thaw(self, heard: int) -> None:
        """Go on; so many acknowledgements stood in the socket, the others were lost with it."""
        self.frozen = False
        self.acknowledged(self.unheard[:heard] if self.left else self.unheard)
        if self.left:
            self.disconnected()
        self.unheard, self.left = [], False

    def deliveries(self, arrival: int) -> RawBatch:
        """All that waits, what comes again first."""
        if self.frozen:
            return RawBatch((), (), (), (), (), session=1)
        rows = [(*self.flying[mid][:2], mid, 1 | DUP) for mid in self.unsent]
        self.unsent = []
        for topic, payload, qos in self.waiting:
            self.mid = self.mid % 65535 + qos
            rows.append((topic, payload, self.mid * qos, qos))
            if qos:
                self.flying[self.mid] = topic, payload, qos
        self.waiting = []
        topics, payloads, mids, flags = zip(*rows, strict=True) if rows else ((),) * 4
        return RawBatch([arrival] * len(rows), topics, payloads, mids, flags, session=1)

    def acknowledged(self, mids: Sequence[int]) -> None:
        if self.frozen:
            self.unheard += mids
            return
        for mid in mids:
            self.flying.pop(mid, None)


class Life:
    """A data folder over starts, clean stops and kills at named points."""

    def __init__(self, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
        self.config, self.broker = config, Broker()
        self.stack: ExitStack | None = None
        self.at = 0  # arrival
        self.kill_at: tuple[str, int] | None = None
        self.kills = 0
        self.read = [0, 0]
        monkeypatch.setattr(faults, "reached", self._reached)
        # A process that is killed loses nothing that it has handed to the system: be quick.
        quick = database.PRAGMAS.replace("FULL", "OFF")
        monkeypatch.setattr(database, "PRAGMAS", quick)
        monkeypatch.setattr(file, "connect", _without_sync)

    def _reached(self, point: str) -> None:
        if self.kill_at is None or self.kill_at[0] != point:
            return
        if threading.current_thread() is not threading.main_thread():
            return  # a sink's: what it has not told is lost with the process that `sink` kills
        self.kill_at = self.kill_at[0], self.kill_at[1] - 1
        if not self.kill_at[1]:
            self.kill_at = None
            raise Killed

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.stack is not None:
            self.stack.close()

    def _start(self) -> None:
        while self.stack is None:
            self.stack = ExitStack()
            self.connection, self.read = 1, [0, 0]
            try:
                self.data = Data(self.config, self.config.data, self.stack)
            except Killed:
                self._died()

    def _died(self) -> None:
        assert self.stack is not None
        self.stack.close()  # SQLite gives up what is not committed, as after SIGKILL
        self.stack = None
        self.kills += 1
        self.broker.disconnected()

    def kill(self) -> None:
        """The process dies between two messages."""
        self._died()
        self._start()

    def _reception(self, ending: str | None = None) -> Reception:
        return Reception(self.connection, 1, self.at, self.at, (self.read[0], self.read[1]), ending)

    def _survived(self, deed: Callable[[], object]) -> bool:
        """Whether the process lives on after a deed; if not, another one is started."""
        try:
            deed()
        except Killed:
            self._died()
            self._start()
            return False
        return True

    def publish(self, messages: Sequence[Message]) -> None:
        self.broker.waiting += messages

    def receive(self) -> None:
        """Take what the broker has to deliver, through whatever kills there are."""
        while self.broker.ready:
            self._survived(self._take)

    def _take(self) -> None:
        batch = self._delivered()
        self.data.worker.take(
            [batch], lambda: self.broker.acknowledged(batch.mids), self._reception()
        )

    def _delivered(self, came: int | None = None) -> RawBatch:
        """What the broker sends, or so much of it as comes through."""
        batch = self.broker.deliveries(self.at)
        batch = batch if came is None else batch.between(0, min(came, len(batch)))
        some = sum(flag & 3 > 0 for flag in batch.flags)
        self.read = [self.read[0] + len(batch) - some, self.read[1] + some]
        return batch

    def cut(self, came: int | None = None, heard: int = 0) -> None:
        """A connection ends with the messages that came, all if None; the next one begins.

        The broker hears of so many acknowledgements.
        """
        batch = self._delivered(came)

        def ended() -> None:
            self.data.worker.take([batch], reception=self._reception())
            self.data.worker.take([], reception=self._reception("lost"))

        if self._survived(ended):
            self.broker.acknowledged(batch.mids[:heard])
            self.broker.disconnected()
            self.connection, self.read = self.connection + 1, [0, 0]

    def event(self, event: Event) -> None:
        self._survived(lambda: self.data.worker.take([event]))

    def commit(self) -> None:
        self._survived(self.data.worker.commit)

    def stop(self, *, unread: bool = False) -> None:
        """A clean stop; with `unread` there is no time for what has been read last."""
        left: list[Entry] = [self._delivered()] if unread else []

        def ended() -> None:
            self.data.worker.leave([Delivery(1, left, self._reception("stopped"))])
            self.data.worker.commit()

        if self._survived(ended):
            assert self.stack is not None
            self.stack.close()
            self.stack = None
            self.broker.disconnected()
            self._start()

    def sink(self) -> None:
        """The sinks write what there is; a kill may come between their write and their cursor."""
        path = self.config.data / LEDGER
        sinks = Sinks(self.config.sinks, Surroundings.of(self.config), lambda: StoredLedger(path))
        sinks.start()
        sinks.finish(20.0)

        def told() -> None:
            for name, passed in sinks.passed():
                faults.reached("after_sink_write")
                self.data.store.begin()
                self.data.store.move_cursor(name, passed.position, passed.counts)
                self.data.worker.commit()
                faults.reached("after_sink_cursor")

        try:
            self._survived(told)
        finally:
            sinks.stop()

    def audit(self) -> Audit:
        """As another process sees it, beside the one that writes."""
        self.data.worker.commit()
        return audited(self.config)


def failed(found: Audit) -> Iterator[str]:
    """Equations that do not hold, with their numbers."""
    for one in found.equations:
        if not one.holds:
            yield f"{one.name} {one.about}: {one.number} = {dict(one.terms)} {list(one.faults)}"
