"""Connections that do not come to the point are closed, so that they take no other's place."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle


class Patient(H11Protocol):
    """HTTP/1.1 in which the head of a request must be whole in time.

    A timer runs from the connection, or from a head's first bytes, until the head is there.
    """

    patience = 10.0  # s
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Wait on, or no longer."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        super().connection_lost(exc)
        self._rest()

    def _watch(self) -> None:
        if not self._waits():
            self._rest()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.patience, self._give_up)

    def _waits(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        return cycle is None or cycle.response_complete

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self._waits():
            self.transport.close()


def protocol(seconds: float) -> type[Patient]:
    """The same with another patience."""
    return type("Patient", (Patient,), {"patience": seconds})
