"""Publishes messages to a broker at QoS 1."""

import threading
from types import TracebackType
from typing import Self

from paho.mqtt.client import Client, ConnectFlags, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from greendc.files import why
from greendc.ports import RETAIN, GreendcError, RawBatch
from greendc.sources.settings import MqttSettings

IN_FLIGHT = 200  # messages that wait for their acknowledgement at once
PATIENCE = 10.0  # s


class Publisher:
    """A connection for publishing, for as long as the block lasts.

    Raises
    ------
    GreendcError
        Where the broker cannot be reached, refuses, or stops acknowledging.
    """

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings
        self._accepted = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, settings.client_id)
        if settings.username is not None:
            self._client.username_pw_set(settings.username, settings.password)
        if settings.tls is not None:
            self._client.tls_set_context(settings.tls.context())
        self._client.max_inflight_messages_set(IN_FLIGHT)
        self._client.on_connect = self._on_connect

    def __enter__(self) -> Self:
        address = self._settings.address
        try:
            self._client.connect(self._settings.host, self._settings.port)
        except OSError as error:
            raise GreendcError(f"mqtt://{address}: no broker there: {why(error)}") from error
        self._client.loop_start()
        if not self._accepted.wait(PATIENCE):
            self._client.loop_stop()
            raise GreendcError(f"mqtt://{address}: the broker does not let the publisher in")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, batch: RawBatch) -> None:
        """Send messages in their order; returns when the broker has acknowledged them all."""
        rows = zip(batch.topics, batch.payloads, batch.flags, strict=True)
        sent = [
            self._client.publish(topic, payload, qos=1, retain=bool(flags & RETAIN))
            for topic, payload, flags in rows
        ]
        for info in sent:
            self._await(info)

    def _await(self, info: MQTTMessageInfo) -> None:
        if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            info.wait_for_publish(PATIENCE)
        if not info.is_published():
            raise GreendcError("the broker does not acknowledge what is published")

    def _on_connect(
        self,
        _client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if not reason.is_failure:
            self._accepted.set()
