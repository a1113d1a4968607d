"""One connection to a broker for publishing: paho on its own thread, acknowledgements counted."""

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from greendc.sinks.errors import Unavailable
from greendc.sinks.topics import OFFLINE, ONLINE, Message

LEAVING_SECONDS = 0.5
INFLIGHT = 20  # messages on their way at a time
FAULTS = (OSError, ValueError)  # what paho raises where it cannot connect


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is and who greendc is there; `timeout` [s]."""

    host: str
    port: int
    protocol: str
    client_id: str
    username: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None
    timeout: float

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return f"{self.host}:{self.port}"


class Session:
    """Lives as long as one connection; its will says that it is gone.

    Raises
    ------
    Unavailable
        From `open` and `publish`: the session is of no use any more.
    """

    def __init__(self, broker: Broker, state: str) -> None:
        """`state` is the topic on which the session says whether it is there."""
        self._broker, self._state = broker, state
        self._changed = threading.Condition()
        self._connected = False
        self._lost: str | None = None
        self._window = INFLIGHT
        self._done: dict[int, int] = {}  # packet identifier: reason code
        self._client = self._new_client()

    def _new_client(self) -> Client:
        broker, five = self._broker, self._broker.protocol == "5"
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=broker.client_id,
            clean_session=None if five else True,
            protocol=MQTTv5 if five else MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = broker.timeout
        if broker.username is not None:
            client.username_pw_set(broker.username, broker.password)
        if broker.tls is not None:
            client.tls_set_context(broker.tls)
        client.will_set(self._state, OFFLINE, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        return client

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self._lost is not None

    def open(self) -> None:
        """Connect, and say so to everyone."""
        try:
            self._client.connect(self._broker.host, self._broker.port, keepalive=30)
        except FAULTS as error:
            raise Unavailable(f"{self._broker.address}: {error}") from error
        self._client.loop_start()
        with self._changed:
            self._wait(lambda: self._connected)
        self.publish([(self._state, ONLINE)])

    def publish(self, messages: Sequence[Message]) -> dict[int, str]:
        """Publish retained messages at QoS 1 and wait until the broker has them all.

        Returns those that it refuses, by their places, each with the reason.
        """
        mids: dict[int, int] = {}
        refused: dict[int, str] = {}
        self._done.clear()
        for place, (topic, payload) in enumerate(messages):
            try:
                info = self._client.publish(topic, payload, qos=1, retain=True)
            except ValueError as error:  # no topic for MQTT
                refused[place] = str(error)
                continue
            if info.rc not in {MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_QUEUE_SIZE}:
                raise Unavailable(f"{self._broker.address}: {self._lost or 'not connected'}")
            mids[info.mid] = place
            with self._changed:
                self._wait(lambda: len(mids) - len(self._done) < self._window)
        with self._changed:
            self._wait(lambda: mids.keys() <= self._done.keys())
            codes = {place: self._done[mid] for mid, place in mids.items()}
        bad = {place: code for place, code in codes.items() if code >= 0x80}
        return refused | {place: f"the broker answers 0x{code:02x}" for place, code in bad.items()}

    def close(self) -> None:
        """Say that greendc leaves, and leave."""
        if self._connected and not self.lost:
            info = self._client.publish(self._state, OFFLINE, qos=1, retain=True)
            with self._changed:
                self._changed.wait_for(lambda: info.mid in self._done or self.lost, LEAVING_SECONDS)
        self._client.disconnect()
        self._client.loop_stop()
        # It closes its last sockets as it goes: no callback may keep it, and with it this session.
        self._client.on_connect = self._client.on_disconnect = self._client.on_publish = None

    def _wait(self, ready: Callable[[], bool]) -> None:
        """Wait while the broker makes progress."""
        while not ready():
            before = len(self._done)
            began = time.monotonic()
            moved = self._changed.wait_for(
                lambda n=before: ready() or self.lost or len(self._done) > n,  # type: ignore[misc]
                self._broker.timeout,
            )
            if self.lost and not ready():
                raise Unavailable(f"{self._broker.address}: {self._lost}")
            if not moved:
                waited = time.monotonic() - began
                raise Unavailable(f"{self._broker.address}: no answer within {waited:.0f} s")

    # -- paho's callbacks, on its thread -----------------------------------------------------

    def _on_connect(
        self, _client: Client, _data: object, _flags: object, reason: ReasonCode, told: object
    ) -> None:
        with self._changed:
            # paho does not heed it, and a broker hangs up on whoever sends more.
            self._window = min(INFLIGHT, getattr(told, "ReceiveMaximum", INFLIGHT))
            if reason.is_failure:
                self._lost = f"refused: {reason}"
            else:
                self._connected = True
            self._changed.notify_all()

    def _on_disconnect(
        self, _client: Client, _data: object, _flags: object, reason: ReasonCode, *_: object
    ) -> None:
        with self._changed:
            self._lost = self._lost or f"connection lost: {reason}"
            self._changed.notify_all()

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, *_: object
    ) -> None:
        with self._changed:
            self._done[mid] = reason.value
            self._changed.notify_all()
