"""How settings become a paho client, for either version of the protocol."""

from typing import Any

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from greendc.sources.bounded import LONGEST_PACKET, BoundedClient
from greendc.sources.bulk import BulkClient, supported
from greendc.sources.settings import MqttSettings


def new_client(settings: MqttSettings) -> BoundedClient:
    """A client that connects once, queues what it sends and acknowledges as it is told."""
    five = settings.protocol == "5"
    client = (BulkClient if supported() else BoundedClient)(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=None if five else not settings.persistent,
        protocol=MQTTv5 if five else MQTTv311,
        reconnect_on_failure=False,
        manual_ack=settings.persistent,
    )
    client.connect_timeout = settings.connect_timeout
    if settings.username is not None:
        client.username_pw_set(settings.username, settings.password)
    if settings.tls is not None:
        client.tls_set_context(settings.tls.context())
    # With this set paho leaves the sending to `loop_write`, and does not send from callbacks.
    client.on_socket_register_write = _nothing
    return client


def connect(client: Client, settings: MqttSettings) -> MQTTErrorCode:
    """Connect the socket and queue CONNECT."""
    if settings.protocol != "5":
        return client.connect(settings.host, settings.port, settings.keepalive)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = settings.receive_maximum
    properties.MaximumPacketSize = LONGEST_PACKET
    if settings.persistent:
        properties.SessionExpiryInterval = settings.session_expiry
    return client.connect(
        settings.host,
        settings.port,
        settings.keepalive,
        clean_start=not settings.persistent,
        properties=properties,
    )


def option(settings: MqttSettings) -> Any:
    """What is subscribed beside the topic filter: QoS 1, in paho's form for the protocol."""
    if settings.protocol != "5":
        return 1
    # Under a kept session retained messages would come again at each connection.
    return SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)


def _nothing(_client: Client, _data: object, _sock: object) -> None:
    """Tell paho that somebody else sends."""
