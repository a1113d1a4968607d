"""Packets larger than any should be: bounded memory, counted, and nothing behind them lost."""

import socket
import tracemalloc
from pathlib import Path

import pytest

from greendc.profiles import LONGEST_PAYLOAD
from greendc.sources.bounded import CHUNK, KEPT, LONGEST_PACKET
from tests.servers.support import Mosquitto
from tests.sources.listening import Listener, eventually
from tests.sources.wire import Broker, length, publish, text

HUGE = 64 * 2**20


def send_huge(stream: socket.socket, size: int) -> None:
    """A PUBLISH at QoS 1 on t/huge with so many zeros, mid 7."""
    head = text(b"t/huge") + b"\0\7"
    stream.sendall(b"\x32" + length(len(head) + size) + head)
    part = bytes(2**20)
    for _ in range(size // len(part)):
        stream.sendall(part)


def test_a_huge_packet_is_cut_acknowledged_and_passed(caplog: pytest.LogCaptureFixture) -> None:
    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        send_huge(stream, HUGE)
        stream.sendall(publish(b"t/1", b"next", 8))
        broker.expect(stream, 0xE0)

    tracemalloc.start()
    try:
        with Broker(script) as broker, Listener(broker.port, protocol="3.1.1") as listener:
            listener.until(2)
            listener.acknowledged(2)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [(row[0], row[2]) for row in listener.rows] == [("t/huge", 7), ("t/1", 8)]
    assert LONGEST_PAYLOAD < len(listener.payloads[0]) <= KEPT + CHUNK
    assert [body for first, body in broker.received if first == 0x40] == [b"\0\7", b"\0\x08"]
    assert peak < HUGE / 4
    assert f"'t/huge': a packet of {HUGE + 10} bytes" in caplog.text


def test_a_broker_of_mqtt_5_is_told_and_sends_nothing_larger(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path, {"message_size_limit": "0"}) as broker,
        Listener(broker.port, protocol="5") as listener,
        Listener(broker.port, protocol="3.1.1", client_id="old") as old,
    ):
        listener.connected()
        old.connected()
        with socket.create_connection(("127.0.0.1", broker.port)) as stream:
            connect = text(b"MQTT") + b"\4\2\0\0" + text(b"publisher")
            stream.sendall(b"\x10" + length(len(connect)) + connect)
            assert stream.recv(4)[3] == 0
            send_huge(stream, LONGEST_PACKET + 2**20)
            stream.sendall(publish(b"t/1", b"next", 8))
            listener.until(1)
            old.until(2)
        assert listener.payloads == [b"next"]
        assert [row[0] for row in old.rows] == ["t/huge", "t/1"]
        eventually(lambda: listener.source.state.connection == 1)
