"""The source against brokers that do what none should."""

import socket
import threading
import time
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.sources.connection import FAULTS, Connection
from greendc.sources.mqtt import MqttSettings
from tests.sources.listening import Listener, eventually
from tests.sources.wire import ACCEPTED, RESUMED, Broker, packet, publish, read_packet

OPTIONS: dict[str, Any] = {"protocol": "3.1.1", "connect_timeout": 0.3}


def until_left(broker: Broker, stream: socket.socket) -> None:
    broker.expect(stream, 0xE0)


def test_a_topic_that_is_no_utf8_is_passed_on_readable() -> None:
    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        stream.sendall(publish(b"t/\xff\xfe", b"1", 1) + publish(b"t/2", b"2", 2))
        until_left(broker, stream)

    with Broker(script) as broker, Listener(broker.port, **OPTIONS) as listener:
        listener.until(2)
    assert [row[:3] for row in listener.rows] == [("t/\ufffd\ufffd", b"1", 1), ("t/2", b"2", 2)]


def test_acknowledgements_leave_in_the_order_given_and_only_for_what_was_committed() -> None:
    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        for mid in (5, 3, 9, 7):
            stream.sendall(publish(b"t/1", b"x", mid))
        until_left(broker, stream)

    with Broker(script) as broker, Listener(broker.port, **OPTIONS) as listener:
        listener.until(4, acknowledge=False)
        listener.source.acknowledge(2, [7])  # a connection that there never was
        listener.source.acknowledge(1, [5, 3])
        listener.source.acknowledge(1, [0, 9])
        listener.acknowledged(3)
    acks = [body for first, body in broker.received if first == 0x40]
    assert acks == [b"\0\5", b"\0\3", b"\0\x09"]
    assert listener.source.state.outdated_acks == 1


def test_a_refused_subscription_is_reported_and_the_others_go_on() -> None:
    def script(broker: Broker, stream: socket.socket) -> None:
        broker.expect(stream, 0x10)
        stream.sendall(ACCEPTED)
        body = broker.expect(stream, 0x82)
        stream.sendall(packet(0x90, body[:2] + b"\1\x80") + publish(b"t/1", b"x", 1))
        until_left(broker, stream)

    with Broker(script) as broker, Listener(broker.port, ["t/#", "secret"], **OPTIONS) as listener:
        listener.until(1)
        eventually(lambda: listener.source.state.refused == ("secret",))


def test_a_refused_connection_is_tried_again_with_the_reason_to_be_seen() -> None:
    def script(broker: Broker, stream: socket.socket) -> None:
        broker.expect(stream, 0x10)
        if broker.accepted < 3:
            stream.sendall(bytes([0x20, 2, 0, 5]))
            return
        stream.sendall(ACCEPTED)
        stream.sendall(packet(0x90, broker.expect(stream, 0x82)[:2] + b"\1"))
        until_left(broker, stream)

    with Broker(script) as broker, Listener(broker.port, **OPTIONS) as listener:
        listener.connected(3)
        assert "Not authorized" in (listener.source.state.last_error or "")
        assert listener.source.state.session == 1


def test_a_session_that_comes_back_without_our_asking_keeps_its_number() -> None:
    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream, RESUMED)
        stream.sendall(publish(b"t/1", b"x", 1, flags=2 | 8))
        until_left(broker, stream)

    with Broker(script) as broker, Listener(broker.port, session=4, **OPTIONS) as listener:
        listener.until(1)
    assert listener.events == []
    assert listener.rows[0][3:5] == (1 | 8, 4)


def test_what_was_read_before_a_broken_packet_is_not_thrown_away() -> None:
    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        if broker.accepted == 1:
            stream.sendall(publish(b"t/1", b"1", 1) + b"\x30\xff\xff\xff\xff\xff\x01")
        else:
            stream.sendall(publish(b"t/1", b"2", 2))
        until_left(broker, stream)

    with Broker(script) as broker, Listener(broker.port, **OPTIONS) as listener:
        listener.until(2)
    assert listener.payloads == [b"1", b"2"]


def test_a_broker_that_accepts_and_says_nothing_is_left_again() -> None:
    def script(_broker: Broker, stream: socket.socket) -> None:
        while stream.recv(4096):
            pass

    with Broker(script) as broker, Listener(broker.port, **OPTIONS) as listener:
        eventually(lambda: broker.accepted >= 3)
        assert "CONNECT" in (listener.source.state.last_error or "")


def test_stopping_does_not_wait_for_a_broker_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with Listener(port, retry_first=60.0, retry_limit=60.0) as listener:
        eventually(lambda: listener.source.state.phase == "waiting")
        assert "Connection refused" in (listener.source.state.last_error or "")
        began = time.monotonic()
        listener.source.stop()
        assert time.monotonic() - began < 5  # the promise of `stop`, not a speed


def test_a_message_cut_anywhere_on_its_way_arrives_whole() -> None:
    stream_of = publish(b"t/1", b"first", 1) + publish(b"t/2", b"second", 2)

    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(len(stream_of)):
            stream.sendall(stream_of[place : place + 1])
            time.sleep(0.001)
        until_left(broker, stream)

    with Broker(script) as broker, Listener(broker.port, **OPTIONS) as listener:
        listener.until(2)
    assert [row[:2] for row in listener.rows] == [("t/1", b"first"), ("t/2", b"second")]


def test_pings_keep_an_idle_connection() -> None:
    pings: list[float] = []

    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        while read_packet(stream)[0] == 0xC0:
            pings.append(time.monotonic())
            stream.sendall(b"\xd0\0")

    options = {**OPTIONS, "keepalive": 1}
    with Broker(script) as broker, Listener(broker.port, **options) as listener:
        eventually(lambda: len(pings) >= 4)
        assert listener.source.state.connection == 1


@settings(max_examples=60, deadline=None)
@given(noise=st.binary(min_size=1, max_size=60), five=st.booleans(), greeted=st.booleans())
def test_any_bytes_from_the_broker_end_in_a_fault_that_is_caught(
    noise: bytes, *, five: bool, greeted: bool
) -> None:
    accepted = threading.Event()

    def connected(_connection: Connection, *, session_present: bool) -> None:
        assert session_present in {True, False}
        accepted.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        own = MqttSettings(port=port, protocol="5" if five else "3.1.1")
        connection = Connection(own, connected, time.time_ns)
        try:
            connection.open()
            stream, _ = server.accept()
            with stream, suppress(*FAULTS):
                connack = b"\x20\x03\0\0\0" if five else ACCEPTED
                stream.sendall((connack if greeted else b"") + noise)
                stream.shutdown(socket.SHUT_WR)
                while True:  # until the end of the stream, which is a fault as well
                    connection.read(100)
                    connection.collected(1)
        finally:
            connection.close()
    assert not greeted or accepted.is_set()


def test_what_has_come_when_reading_is_to_end_is_read() -> None:
    """At QoS 0 nobody sends again what rests in the socket's buffer."""
    sending, all_sent = threading.Event(), threading.Event()

    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        stream.sendall(b"".join(publish(b"t/1", b"%d" % row, flags=0) for row in range(30)))
        sending.wait()
        stream.sendall(b"".join(publish(b"t/1", b"%d" % row, flags=0) for row in range(30, 900)))
        all_sent.set()
        until_left(broker, stream)

    with Broker(script) as broker, Listener(broker.port, **OPTIONS) as listener:
        listener.until(30)  # from now on reads rest
        sending.set()
        all_sent.wait()
        listener.source.pause()
        listener.take()
    assert listener.payloads == [b"%d" % row for row in range(900)]


def test_what_is_wanted_is_subscribed_before_anything_is_unsubscribed() -> None:
    """Else messages that come between, of topics that both match, are for nobody."""
    resubscribed = threading.Event()

    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        resubscribed.wait()
        broker.expect(stream, 0xA2)
        until_left(broker, stream)

    with Broker(script) as broker, Listener(broker.port, ["t/1"], **OPTIONS) as listener:
        listener.connected()
        listener.source.resubscribe(["t/+"], ["t/1"])
        resubscribed.set()
    told = [(first, body[4:7]) for first, body in broker.received if first in {0x82, 0xA2}]
    assert told == [(0x82, b"t/1"), (0x82, b"t/+"), (0xA2, b"t/1")]
