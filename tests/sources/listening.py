"""A source with a worker of the simplest kind behind it."""

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from greendc.ports import Event, RawBatch
from greendc.sources.mqtt import Inbox, MqttSettings, MqttSource

PATIENCE = 20.0  # s until something that should happen counts as not happening


def eventually(holds: Callable[[], bool], what: str = "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what or "it never came to pass"
        time.sleep(0.005)


class Listener:
    """Keeps what arrives as rows (topic, payload, mid, flags, session, connection)."""

    def __init__(
        self,
        port: int,
        filters: Sequence[str] = ("t/#",),
        *,
        inbox: Inbox | None = None,
        session: int = 0,
        removed: Sequence[str] = (),
        last_arrival: int | None = None,
        **settings: Any,
    ) -> None:
        quick = {"retry_first": 0.02, "retry_limit": 0.2, "keepalive": 10, **settings}
        self.inbox = Inbox(capacity=2000) if inbox is None else inbox
        self.source = MqttSource(
            MqttSettings(port=port, **quick),
            filters,
            self.inbox,
            session=session,
            removed=removed,
            last_arrival=last_arrival,
        )
        self.rows: list[tuple[str, bytes, int, int, int, int]] = []
        self.arrivals: list[int] = []
        self.events: list[Event] = []

    @property
    def payloads(self) -> list[bytes]:
        return [row[1] for row in self.rows]

    def take(self, *, acknowledge: bool = True, timeout: float = 0.05) -> None:
        for connection, entries, _ in self.inbox.take(timeout):
            for entry in entries:
                if isinstance(entry, RawBatch):
                    self._keep(connection, entry)
                    if acknowledge:
                        self.source.acknowledge(connection, entry.mids)
                else:
                    self.events.append(entry)

    def _keep(self, connection: int, batch: RawBatch) -> None:
        columns = zip(batch.topics, batch.payloads, batch.mids, batch.flags, strict=True)
        self.rows += [(*row, batch.session, connection) for row in columns]
        self.arrivals += batch.arrivals

    def until(self, count: int, *, acknowledge: bool = True) -> None:
        deadline = time.monotonic() + PATIENCE
        while len(self.rows) < count:
            assert time.monotonic() < deadline, f"{len(self.rows)} of {count} messages"
            self.take(acknowledge=acknowledge)

    def until_payload(self, payload: bytes) -> None:
        while payload not in self.payloads:
            self.until(len(self.rows) + 1)

    def connected(self, number: int = 1) -> None:
        """Wait until the given connection, or a later one, stands."""
        eventually(
            lambda: (
                self.source.state.phase == "connected" and self.source.state.connection >= number
            ),
            f"not connected: {self.source.state}",
        )

    def acknowledged(self, count: int) -> None:
        eventually(lambda: self.source.state.acknowledged >= count)

    def __enter__(self) -> Self:
        self.source.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.source.stop()
        assert self.source.state.phase == "stopped"
