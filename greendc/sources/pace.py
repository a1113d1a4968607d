"""When to look at a socket, and when to let more come first."""

import fcntl
import select
import socket
import sys
import termios
import time
from typing import Any

LONGEST = 0.100  # s in which more is let to come: a block of messages costs 2 ms of CPU time
UNASKED = 0.150  # s, where nobody waits for an acknowledgement
FEW = 100  # messages on their way that may be all that a broker sends
STEP = 0.020  # s without a further byte, after which such a broker seems to be at its end
ENOUGH = 1500  # messages for which there is no need to wait so long
PRESSING = 2000  # messages of a read behind which a broker should not be kept waiting
PLENTY = 384 * 1024  # bytes that end a rest: large messages would fill the buffer before
ROOM = 2**20  # bytes that a broker may send while nobody reads, so that it drops none of QoS 0
SHARE = 0.8  # of what the broker may send without an acknowledgement
NEAR = 0.99  # of the most messages on their way: as many as the broker sends
FADE = 0.98  # of that number from one rest to the next


class Pace:
    """Lets messages gather before they are read, as long as the broker may send more.

    A rest is as long as `ENOUGH` messages take at the rate at which they came last, at most
    `LONGEST`, or `UNASKED` where none is to be acknowledged. A broker has only so many messages
    on their way that are not acknowledged: `limit` as it was told, or some twenty where it knows
    better. One that seems to have come to its limit is read as soon as all are acknowledged, and
    one that has few on their way as soon as no more come.
    """

    def __init__(self, limit: int) -> None:
        self._goal = min(ENOUGH, SHARE * limit)  # where there is something to acknowledge
        self._until = self._most = 0.0
        self._open = 0  # messages read and not acknowledged
        self._limited = False
        self._since = time.monotonic()
        self._came = self._numbered = 0  # messages read since then
        self._look, self._waiting = 0.0, 0  # when it is looked again whether bytes have come

    def took(self, messages: int, numbered: int) -> None:
        """So many messages have been read, of them `numbered` to be acknowledged."""
        self._came += messages
        self._numbered += numbered
        self._open += numbered

    def emptied(self) -> None:
        """What had come has been read."""
        now = time.monotonic()
        self._most = max(self._open, FADE * self._most)
        self._limited = self._open >= NEAR * self._most
        if 0 < self._came < PRESSING:
            goal, longest = (self._goal, LONGEST) if self._numbered else (ENOUGH, UNASKED)
            self._until = now + min(longest, (now - self._since) * goal / self._came)
            few = self._numbered and self._most < FEW
            self._look, self._waiting = now + (STEP if few else longest), 0
        self._since, self._came, self._numbered = now, 0, 0

    def acknowledged(self, messages: int) -> None:
        """So many have been acknowledged."""
        self._open -= messages
        if messages and self._limited and self._open <= 0:
            self._until = 0.0

    def rest(self, waiting: int) -> float:
        """How long reading should wait [s], 0 or less if not at all; so many bytes are there."""
        now = time.monotonic()
        if self._look <= now < self._until:
            if waiting <= self._waiting:
                self._until = 0.0
            self._look, self._waiting = now + STEP, waiting
        return min(self._until, self._look) - now


def waiting(sock: Any) -> int:
    """Bytes that have come and have not been read."""
    return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)


def readable_from(sock: Any, least: int) -> None:
    """Have a socket be readable once so many bytes have come, or its buffer is full.

    The system makes the buffer large enough for them (Linux `tcp_set_rcvlowat`).
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, least)


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
