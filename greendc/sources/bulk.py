"""A paho client whose messages are cut out of the stream in bulk.

paho reads a packet with three calls of `recv` and makes an object of each message. Here
one `recv` fills a buffer; plain messages are taken out of it all at once, and everything
else goes through paho's own reader, which is given the same buffer for a socket.
"""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import paho.mqtt
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import MQTTErrorCode

from greendc.ports import QOS_MASK, IntArray
from greendc.sources.bounded import BoundedClient
from greendc.sources.cutting import Cut, Messages, Names, packets

log = logging.getLogger(__name__)

PINNED = "2.2."  # the versions of paho whose inner methods are known
VERSION: str = paho.mqtt.__version__
INNER = ("_sock_recv", "_packet_read", "_packet_queue", "_loop_rc_handle")
READ = 256 * 1024
PUBACK = 0x40
RESERVED = 0x0F  # and below: no packet begins so (MQTT 5, 2.1.2)

GOOD, AGAIN = MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_AGAIN
BROKEN = MQTTErrorCode.MQTT_ERR_PROTOCOL
LOST = MQTTErrorCode.MQTT_ERR_CONN_LOST


def supported() -> bool:
    """Whether the installed paho is one that this module knows from within."""
    return VERSION.startswith(PINNED) and all(hasattr(Client, name) for name in INNER)


class BulkClient(BoundedClient):
    """Hands plain messages to `on_messages` in bulk, all others to `on_message` as ever.

    `surplus` says that the buffer may hold further packets, of which no selector knows, `full`
    that more may have come than was read at once.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.on_messages: Callable[[Messages], None] = lambda _: None
        self.surplus = self.full = False
        self._held, self._place, self._room = b"", 0, 0
        self._ended = False  # there is nothing behind what is held
        self._inside = False  # paho has taken a part of a long packet
        self._names = Names()
        super().__init__(*arguments, **options)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Take at most so many packets of what is held and has come."""
        if self._sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        self._room = max_packets
        code = self._take()
        if code <= GOOD and self._room and self._sock is not None:
            self._receive()
            code = self._take()
            if code <= GOOD and self._room and self._ended and self._sock is not None:
                code = LOST
        self.surplus = not self._room
        return self._loop_rc_handle(code) if code > GOOD else GOOD

    def acknowledge(self, mids: IntArray) -> MQTTErrorCode:
        """Queue acknowledgements of QoS 1, in this order, as one piece."""
        if not len(mids):
            return GOOD
        acks = np.full((len(mids), 2), PUBACK << 8 | 2, ">u2")  # type, length, identifier
        acks[:, 1] = mids
        return self._packet_queue(PUBACK, acks.tobytes(), int(mids[-1]), 1)

    @property
    def hungry(self) -> bool:
        """Whether paho waits for the rest of a long packet."""
        return self._inside

    # -- from the network into the buffer ----------------------------------------------------

    def _receive(self) -> None:
        """Read what has come, in one go; TLS gives it record by record."""
        parts = [self._held[self._place :]]
        left = READ
        try:
            while left > 0:
                part = super()._sock_recv(left)
                parts.append(part)
                left -= len(part)
                if not part:
                    self._ended = True
                if not part or not hasattr(self._sock, "pending"):
                    break
        except BlockingIOError:
            pass
        except OSError as error:
            log.debug("receiving: %s", error)
            self._ended = True
        self._held, self._place = b"".join(parts), 0
        self.full = not left

    def _sock_recv(self, bufsize: int) -> bytes:
        """What paho's reader reads: the buffer."""
        piece = self._held[self._place : self._place + bufsize]
        if not piece and not self._ended:
            raise BlockingIOError
        self._place += len(piece)
        return piece

    # -- from the buffer to messages ---------------------------------------------------------

    def _take(self) -> MQTTErrorCode:
        """Take packets out of the buffer, as many as there is room for."""
        code = self._by_paho() if self._inside else GOOD
        while code == GOOD and self._room > 0 and self._sock is not None:
            found = packets(self._held, self._place, self._room)
            if found.starts:
                cut = Cut(self._held, found, five=self._protocol == MQTTv5)
                code = self._follow(cut)
            elif found.long:
                # paho takes a packet of type 0 that comes in parts for one not begun.
                code = self._by_paho() if self._held[self._place] > RESERVED else BROKEN
            else:
                return GOOD
        return code

    def _follow(self, cut: Cut) -> MQTTErrorCode:
        """Take the packets of a cut in their order."""
        done = 0
        for odd in cut.odd:
            code = self._in_bulk(cut, done, odd)
            if code == GOOD:
                code = self._by_paho()
            if code != GOOD or self._sock is None:
                return code
            done = odd + 1
        return self._in_bulk(cut, done, len(cut.start))

    def _in_bulk(self, cut: Cut, lo: int, hi: int) -> MQTTErrorCode:
        if lo == hi:
            return GOOD
        messages = cut.messages(lo, hi, self._names)
        self._place = int(cut.stop[hi - 1])
        self._room -= hi - lo
        self.on_messages(messages)
        if self._manual_ack:
            return GOOD
        return self.acknowledge(messages.mids[messages.flags & QOS_MASK != 0])

    def _by_paho(self) -> MQTTErrorCode:
        code = self._packet_read()
        self._inside = code == AGAIN
        self._room -= not self._inside
        return code
