"""Wakes a thread that waits in a selector."""

import selectors
import socket
from contextlib import suppress


class Bell:
    """A pair of sockets: any thread rings, one thread hears."""

    def __init__(self) -> None:
        self.ear, self._rope = socket.socketpair()
        for end in (self.ear, self._rope):
            end.settimeout(0.0)

    def ring(self) -> None:
        """Wake the thread, or let it not fall asleep the next time."""
        # It may have been rung often enough already, or nobody may be there any more.
        with suppress(OSError):
            self._rope.send(b"\0")

    def wait(self, seconds: float, *beside: socket.socket) -> None:
        """Wait for so long, or until it rings or there is something to read beside."""
        with selectors.DefaultSelector() as selector:
            for sock in (self.ear, *beside):
                selector.register(sock, selectors.EVENT_READ)
            if selector.select(seconds):
                self.heard()

    def heard(self) -> None:
        """Forget the rings so far."""
        with suppress(BlockingIOError):
            while len(self.ear.recv(4096)) == 4096:
                pass

    def close(self) -> None:
        """Let both sockets go."""
        self.ear.close()
        self._rope.close()
