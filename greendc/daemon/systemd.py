"""What the service manager is told: sd_notify(3), in the few words of it that greendc needs."""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

STARTING_SECONDS = 60.0  # that a start may take beyond each sign of life
USEC = 1_000_000


class Notifier:
    """Says nothing where no service manager listens.

    Parameters
    ----------
    address
        Path of its datagram socket; with a leading @ its abstract name.
    watchdog
        How long greendc may be silent once it is ready [s]; None: as long as it wants.
    """

    def __init__(self, address: str | None = None, watchdog: float | None = None) -> None:
        self._address = "\0" + address[1:] if address and address[0] == "@" else address
        self._every = min(watchdog or STARTING_SECONDS, STARTING_SECONDS) / 4
        self._watched = watchdog is not None
        self._told = -STARTING_SECONDS
        self._ready = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Notifier":
        """The one that the service manager asks this process for."""
        mine = environment.get("WATCHDOG_PID") in {None, str(os.getpid())}
        usec = environment.get("WATCHDOG_USEC", "") if mine else ""
        watchdog = int(usec) / USEC if usec.isdecimal() and int(usec) else None
        return cls(environment.get("NOTIFY_SOCKET"), watchdog)

    def alive(self) -> None:
        """Called by the worker as it goes on, as often as it likes, also during a start."""
        now = time.monotonic()
        if self._address is None or now - self._told < self._every:
            return
        self._told = now
        if not self._ready:
            self.tell(f"EXTEND_TIMEOUT_USEC={int(STARTING_SECONDS * USEC)}")
        if self._watched:
            self.tell("WATCHDOG=1")

    def ready(self, status: str) -> None:
        """The start, or a reload, is over."""
        self._ready = True
        self.tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end begins."""
        self.tell("STOPPING=1", "STATUS=stopping")

    def status(self, text: str) -> None:
        """A line for `systemctl status`."""
        self.tell(f"STATUS={text}")

    def tell(self, *lines: str) -> None:
        """Send assignments as one datagram, or none where it cannot be sent at once."""
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.0)
            sock.sendto("\n".join(lines).encode(), self._address)
