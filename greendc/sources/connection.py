"""One connection to the broker: a paho client driven by hand, on one thread."""

import logging
import os
import selectors
import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, error_string
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.exception import MQTTException
from paho.mqtt.reasoncodes import ReasonCode

from greendc import faults
from greendc.ports import IntArray, RawBatch
from greendc.sources.bounded import BoundedClient
from greendc.sources.bulk import BulkClient
from greendc.sources.client import connect, new_client, option
from greendc.sources.collecting import Collector
from greendc.sources.pace import PLENTY, ROOM, Pace, buffered, looked, readable_from, waiting
from greendc.sources.settings import MqttSettings

log = logging.getLogger(__name__)

# What the network, a broker out of its mind or paho's reader of packets may raise.
FAULTS = (OSError, ValueError, LookupError, struct.error, MQTTException)

REFUSED = "the broker refuses the subscription %r: %s (see its rules for reading, for %s)"
PINGREQ = b"\xc0\x00"  # MQTT 3.1.1, 3.12
FILTERS_A_PACKET = 100
PACKETS_A_READ = 256  # where paho reads them one by one
BYTES_A_READ = 2**20


class Connected(Protocol):
    """What is called when the broker has accepted the connection."""

    def __call__(self, connection: "Connection", /, *, session_present: bool) -> None:
        """Subscribe what is wanted; runs on the network thread, inside paho's callback."""


class Connection:
    """A paho client that lives as long as one connection, so that none inherits from another.

    Nothing here waits except `open`, `wait` and `leave`.

    Raises
    ------
    OSError, ValueError, LookupError, struct.error, MQTTException
        From all methods (`FAULTS`): the connection is of no use any more.
    """

    def __init__(
        self, settings: MqttSettings, connected: Connected, clock: Callable[[], int]
    ) -> None:
        self.established = False
        self.refused: tuple[str, ...] = ()
        self._settings, self._connected = settings, connected
        self._read = Collector(clock)
        self._pace = Pace(settings.receive_maximum)
        self._asked: dict[int | None, list[str]] = {}
        self._ask_delay, self._ask_at = settings.retry_first, 0.0
        self._reason = "closed by the broker before it let greendc in"
        self._opened = self._heard = self._pinged = time.monotonic()
        self._client = self._new_client()

    # -- opening and closing -----------------------------------------------------------------

    def _new_client(self) -> BoundedClient:
        client = new_client(self._settings)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._bulk = client if isinstance(client, BulkClient) else None
        if self._bulk:
            self._bulk.on_messages = self._read.many
        return client

    def open(self) -> None:
        """Connect the socket and send CONNECT; at most `connect_timeout` per step."""
        try:
            self._check(connect(self._client, self._settings))
        except ConnectionResetError as error:
            raise ConnectionError(self._reason) from error
        readable_from(self._socket(), ROOM)
        self._opened = self._heard = self._pinged = time.monotonic()
        self.write()

    def leave(self, seconds: float) -> None:
        """Send what waits, then DISCONNECT, and see the broker hang up, within so many seconds.

        Until it hangs up it may not have read the acknowledgements: a socket closed before
        would let it drop them, as would a new connection of the same client.
        """
        deadline = time.monotonic() + seconds
        self._flush(deadline)
        sock = self._client.socket()
        if sock is None:
            return
        # paho closes its socket with the DISCONNECT; the twin keeps the connection.
        with socket.socket(fileno=os.dup(sock.fileno())) as twin:
            self._client.disconnect()
            self._flush(deadline)
            twin.shutdown(socket.SHUT_WR)
            while (left := deadline - time.monotonic()) > 0:
                twin.settimeout(left)
                if not twin.recv(BYTES_A_READ):
                    return

    def _flush(self, deadline: float) -> None:
        while self._client.want_write() and (left := deadline - time.monotonic()) > 0:
            sock = self._client.socket()
            if sock is None:
                return
            with selectors.DefaultSelector() as selector:
                selector.register(sock, selectors.EVENT_WRITE)
                selector.select(left)
            self._client.loop_write()

    def close(self) -> None:
        """Let the socket go, whatever its state."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    # -- one round ---------------------------------------------------------------------------

    def wait(self, ear: socket.socket, *, reading: bool, timeout: float) -> tuple[bool, bool]:
        """Wait until there is something to do: (bytes to read, rung at `ear`)."""
        sock = self._socket()
        if reading and self._at_hand(sock):
            return True, True
        rest = self._pace.rest(waiting(sock))
        if rest > 0:
            timeout = min(rest, timeout)
        readable_from(sock, PLENTY if rest > 0 else 1)
        writing = self._client.want_write()
        return looked(sock, ear, timeout, reading=reading, writing=writing)

    @property
    def unread(self) -> bool:
        """Whether something has come that is not read yet."""
        sock = self._socket()
        return self._at_hand(sock) or waiting(sock) > 0

    def _at_hand(self, sock: Any) -> bool:
        """Whether something has been read off the socket, and not yet from there."""
        return buffered(sock) or bool(self._bulk and self._bulk.surplus)

    def read(self, messages: int) -> None:
        """Read at most so many messages of what has come."""
        self._heard = time.monotonic()
        if self._bulk:
            count, numbered = self._read.count, self._read.numbered
            self._check(self._bulk.loop_read(messages))
            if self._settings.persistent:
                self._pace.took(self._read.count - count, self._read.numbered - numbered)
                if not (self._bulk.surplus or self._bulk.hungry or self._bulk.full):
                    self._pace.emptied()
            return
        for _ in range(min(messages, PACKETS_A_READ)):
            before = self._read.count
            self._check(self._client.loop_read())
            if self._read.count == before or self._read.bytes >= BYTES_A_READ:
                return

    def collected(self, session: int) -> RawBatch:
        """What was read since the last call, as a batch of a session."""
        return self._read.take(session)

    @property
    def messages(self) -> tuple[int, int]:
        """How many were read so far, of QoS 0 and of QoS > 0."""
        return self._read.count - self._read.numbered, self._read.numbered

    def acknowledge(self, mids: IntArray) -> None:
        """Queue acknowledgements in this order."""
        if self._bulk:
            self._check(self._bulk.acknowledge(mids))
            self._pace.acknowledged(len(mids))
        else:
            for mid in mids.tolist():
                self._check(self._client.ack(mid, qos=1))
        if len(mids):
            self.write()
            faults.reached("after_acknowledgement")

    def write(self) -> None:
        """Send what is queued, as far as the network takes it."""
        if self._client.want_write():
            self._check(self._client.loop_write())

    def keep_alive(self, *, reading: bool) -> None:
        """Ask for a sign of life in time; give up a connection that gives none.

        paho's own keep-alive would end a connection whose answers wait unread behind
        messages, that is exactly while the inbox is full.
        """
        now = time.monotonic()
        if not self.established:
            if now - self._opened > self._settings.connect_timeout:
                raise TimeoutError("the broker does not answer CONNECT")
            return
        interval = self._interval()
        if not reading:
            self._heard = now
        if now - self._heard > 2 * interval:
            raise TimeoutError(f"no sign of the broker for {now - self._heard:.0f} s")
        if now - self._pinged >= interval and not self._client.want_write():
            self._ping()
            self._pinged = now

    def _interval(self) -> float:
        """Seconds between pings; a broker of MQTT 5 may want them more often than we said."""
        told = self._client.keepalive
        own = self._settings.ping_interval
        return min(own, told / 2) if told else own

    def _ping(self) -> None:
        try:
            sent = self._socket().send(PINGREQ)
        except BlockingIOError:
            return
        if sent != len(PINGREQ):
            raise ConnectionError("the network took half a packet")

    def subscribe(self, filters: Sequence[str], removed: Sequence[str]) -> None:
        """Subscribe topic filters at QoS 1; then unsubscribe those no longer wanted.

        In this order a topic that both kinds match is never without a subscription.
        """
        for lo in range(0, len(filters), FILTERS_A_PACKET):
            some = list(filters[lo : lo + FILTERS_A_PACKET])
            code, mid = self._client.subscribe([(topic, option(self._settings)) for topic in some])
            self._check(code)
            self._asked[mid] = some
        for lo in range(0, len(removed), FILTERS_A_PACKET):
            self._check(self._client.unsubscribe(list(removed[lo : lo + FILTERS_A_PACKET]))[0])

    def ask_again(self) -> None:
        """Subscribe what was refused once more, ever less often: the broker's rules can change."""
        if self.refused and self.established and time.monotonic() >= self._ask_at:
            self._ask_delay = min(2 * self._ask_delay, self._settings.retry_limit)
            refused, self.refused = self.refused, ()
            self.subscribe(refused, ())

    @property
    def subscribed(self) -> bool:
        """Whether the broker has answered every subscription."""
        return self.established and not self._asked

    # -- paho's callbacks --------------------------------------------------------------------

    def _on_connect(
        self, _client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode, *_: object
    ) -> None:
        if reason.is_failure:
            self._reason = f"refused: {reason}"
            return
        self.established = True
        self._reason = "closed by the broker"
        self._connected(self, session_present=flags.session_present)

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode, *_: object
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._reason = f"the broker disconnects: {reason}"

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, codes: list[ReasonCode], *_: object
    ) -> None:
        asked = self._asked.pop(mid, [])
        for topic, code in zip(asked, codes, strict=False):
            if code.is_failure:
                self.refused = (*self.refused, topic)
                self._ask_at = time.monotonic() + self._ask_delay
                log.error(REFUSED, topic, code, self._settings.username or "anyone")

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if size := self._client.oversize:
            log.warning("%r: a packet of %d bytes; its beginning is kept", message.topic, size)
        self._read.one(message)

    # -- helpers -----------------------------------------------------------------------------

    def _socket(self) -> Any:
        sock = self._client.socket()
        if sock is None:
            raise ConnectionError(self._reason)
        return sock

    def _check(self, code: MQTTErrorCode) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self.close()
            failure = self._client.failure
            if failure is not None and (self.established or isinstance(failure, ssl.SSLError)):
                raise failure
            raise ConnectionError(
                self._reason if not self.established else f"{error_string(code)} ({self._reason})"
            )
