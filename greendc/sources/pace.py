"""When to look at a socket, and when to let more come first."""

import select
import socket
import time
from typing import Any

COALESCE = 0.020  # s in which more is let to come, so that a read is worth its calls
DENSE = 80  # messages of a read after which it pays to let more come for longer
LONGER = 0.050  # s, then: a block of messages costs 2 ms of CPU time whatever its size
ENOUGH = 1000  # messages that were worth it
NEAR = 0.99  # of the most messages on their way: as many as the broker sends
FADE = 0.98  # of that number from one read to the next


class Pace:
    """Lets messages gather before they are read, as long as the broker may send more.

    A broker has only so many messages on their way that are not acknowledged, some no more than
    twenty. One that seems to have come to its limit is read as soon as all are acknowledged.
    """

    def __init__(self) -> None:
        self._until = self._most = 0.0
        self._open = 0  # messages read and not acknowledged
        self._limited = False

    def took(self, messages: int, numbered: int) -> None:
        """So many messages have been read, of them `numbered` to be acknowledged; no more wait."""
        self._open += numbered
        self._most = max(self._open, FADE * self._most)
        self._limited = self._open >= NEAR * self._most
        if messages < ENOUGH:
            self._until = time.monotonic() + (COALESCE if messages < DENSE else LONGER)

    def acknowledged(self, messages: int) -> None:
        """So many have been acknowledged."""
        self._open -= messages
        if messages and self._limited and self._open <= 0:
            self._until = 0.0

    def rest(self) -> float:
        """How long reading should wait [s], 0 or less if not at all."""
        return self._until - time.monotonic()


def looked(
    sock: socket.socket, ear: socket.socket, timeout: float, *, reading: bool, writing: bool
) -> tuple[bool, bool]:
    """Wait for a socket or a bell: (bytes to read, rung); to be able to write ends it too."""
    poll = select.poll()  # a selector costs as much as a read
    poll.register(ear, select.POLLIN)
    if reading or writing:
        poll.register(sock, select.POLLIN * reading | select.POLLOUT * writing)
    # Rounded up: a wait of less than a millisecond is none, and would be repeated at once.
    found = dict(poll.poll(int(timeout * 1000) + 1))
    heard = found.get(sock.fileno(), 0) & ~select.POLLOUT
    return reading and bool(heard), ear.fileno() in found


def buffered(sock: Any) -> bool:
    """Whether TLS holds decrypted bytes, of which no selector knows."""
    pending = getattr(sock, "pending", None)
    return pending is not None and pending() > 0
