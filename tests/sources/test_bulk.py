"""Messages cut out of the stream in bulk, held against stock paho on the same bytes."""

import select
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import paho.mqtt.client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from greendc.ports import DUP, RETAIN
from greendc.sources import bulk
from greendc.sources.bulk import BulkClient, supported
from greendc.sources.connection import FAULTS
from greendc.sources.cutting import Messages, Names
from tests.sources.listening import Listener
from tests.sources.wire import Broker, packet, publish, text

Row = tuple[str, bytes, int, int]

both = pytest.mark.parametrize("five", [True, False], ids=["5", "3.1.1"])


def names(topic: bytes) -> str:
    return topic.decode(errors="replace")


@dataclass
class Reader:
    """A client on one end of a pair of sockets; what it makes of what the other end sends."""

    kind: type[Client]
    five: bool
    manual: bool = True
    rows: list[Row] = field(default_factory=list)
    subscribed: list[int] = field(default_factory=list)
    end: object = None

    def __post_init__(self) -> None:
        self.client = self.kind(
            CallbackAPIVersion.VERSION2,
            "reader",
            protocol=MQTTv5 if self.five else MQTTv311,
            manual_ack=self.manual,
            reconnect_on_failure=False,
        )
        self.client.on_socket_register_write = lambda *_: None
        self.client.on_message = lambda _client, _data, message: self._one(message)
        self.client.on_subscribe = lambda _client, _data, mid, *_: self.subscribed.append(mid)
        if isinstance(self.client, BulkClient):
            self.client.on_messages = self._many
        own, self.broker = socket.socketpair()
        own.settimeout(0.0)
        self.client._sock = own

    def _one(self, message: MQTTMessage) -> None:
        flags = message.qos | RETAIN * message.retain | DUP * message.dup
        self.rows.append((names(message._topic), bytes(message.payload), message.mid, flags))

    def _many(self, found: Messages) -> None:
        topics, payloads, mids, flags = found
        self.rows += zip(topics, payloads, mids.tolist(), flags.tolist(), strict=True)

    def send(self, part: bytes, room: int = 10**6) -> None:
        """Have the client read all of it, at most so many packets at a time."""
        self.broker.settimeout(0.0)
        while part and self.end is None:
            part = part[self.broker.send(part) :]
            self.read(room)

    def read(self, room: int = 10**6) -> None:
        while self.end is None and self._readable():
            had = len(self.rows)
            try:
                code = self.client.loop_read(room)
            except FAULTS as error:
                self.end = type(error)
                return
            assert len(self.rows) - had <= room
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self.end = code
            elif self.client.socket() is None:
                self.end = "disconnected"

    def _readable(self) -> bool:
        surplus = isinstance(self.client, BulkClient) and self.client.surplus
        return self.waiting() or (surplus and self.client.socket() is not None)

    def waiting(self) -> bool:
        """Whether there is something to be read from the socket."""
        sock = self.client.socket()
        return sock is not None and bool(select.select([sock], [], [], 0)[0])

    def finish(self, room: int = 10**6) -> bytes:
        """End the stream; returns what the client has sent."""
        self.broker.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            self.client.loop_write()
        self.read(room)
        sent = b""
        with suppress(OSError):  # nothing more, or the client has gone
            while part := self.broker.recv(65536):
                sent += part
        return sent

    def close(self) -> None:
        self.broker.close()
        if (sock := self.client.socket()) is not None:
            sock.close()


def outcome(reader: Reader, parts: Iterable[bytes], room: int = 10**6) -> tuple[Any, ...]:
    """Messages, granted subscriptions, how the connection ended, and what was sent."""
    try:
        for part in parts:
            reader.send(part, room)
        sent = reader.finish(room)
    finally:
        reader.close()
    return reader.rows, reader.subscribed, reader.end, sent


def stock(stream: bytes, *, five: bool, manual: bool = True) -> tuple[Any, ...]:
    return outcome(Reader(Client, five, manual), [stream])


def pieces(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    borders = [0, *sorted(cuts), len(stream)]
    return [stream[lo:hi] for lo, hi in pairwise(borders)]


@contextmanager
def reading(five: bool = False) -> Iterator[Reader]:
    reader = Reader(BulkClient, five)
    try:
        yield reader
    finally:
        reader.close()


# -- streams -----------------------------------------------------------------------------------

PROPERTIES = [
    b"\0",
    b"\3\x23\0\7",  # a topic alias
    b"\2\1\1",  # the payload is text
    b"\5\2\0\0\0\x3c",  # expires in a minute
    b"\x09\x26\0\1k\0\3abc",  # a property of the user's
    b"\x80\0",  # none, in two bytes
]


def message(
    topic: bytes, payload: bytes, mid: int, flags: int, *, five: bool, properties: bytes = b"\0"
) -> bytes:
    return publish(topic, (properties if five else b"") + payload, mid, flags)


def others(*, five: bool) -> list[bytes]:
    """Packets that are no messages, well formed."""
    none = b"\0" if five else b""
    return [
        b"\xd0\0",  # PINGRESP
        b"\xc0\0",  # PINGREQ, which paho answers
        packet(0x90, b"\0\7" + none + b"\1"),  # SUBACK
        packet(0xB0, b"\0\7" + none + (b"\0" if five else b"")),  # UNSUBACK
        packet(0x40, b"\0\7"),  # PUBACK
        packet(0x62, b"\0\5"),  # PUBREL
        b"\x20\x03\0\0\0" if five else b"\x20\x02\0\0",  # CONNACK
    ]


@st.composite
def packets(draw: st.DrawFn, *, five: bool) -> bytes:
    if draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(others(five=five)))
    topic = draw(
        st.sampled_from(
            [b"t", b"a/b/c", "é/1".encode(), b"\xff\xfe", b"x" * 300, b"x" * 512, b"x" * 513]
        )
    )
    size = draw(st.sampled_from([0, 1, 7, 70, 119, 120, 121, 127, 200, 16_360, 16_384, 70_000]))
    qos = draw(st.sampled_from([0, 0, 1, 1, 1, 2]))
    flags = qos << 1 | draw(st.sampled_from([0, 1])) | (8 if qos and draw(st.booleans()) else 0)
    payload = draw(st.binary(min_size=1, max_size=3)) * size
    properties = draw(st.sampled_from(PROPERTIES)) if draw(st.booleans()) else b"\0"
    mid = draw(st.integers(1, 9))
    return message(topic, payload, mid, flags, five=five, properties=properties)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bool, bytes]:
    five = draw(st.booleans())
    return five, b"".join(draw(st.lists(packets(five=five), max_size=12)))


CUTS = st.lists(st.integers(0, 10**6), max_size=8)


@given(found=streams(), cuts=CUTS, room=st.sampled_from([1, 2, 3, 10**6]), manual=st.booleans())
def test_streams_give_what_stock_paho_gives(
    found: tuple[bool, bytes], cuts: list[int], room: int, *, manual: bool
) -> None:
    five, stream = found
    parts = pieces(stream, [cut % (len(stream) + 1) for cut in cuts])
    got = outcome(Reader(BulkClient, five, manual), parts, room)
    assert got == stock(stream, five=five, manual=manual)


@both
def test_a_stream_cut_at_every_position_gives_the_same(*, five: bool) -> None:
    stream = b"".join(
        [
            message(b"t/1", b"1" * 70, 1, 2, five=five),
            *others(five=five),
            message(b"t/1", b"2" * 200, 2, 2 | 8 | 1, five=five),
            message(b"t/2", b"", 0, 0, five=five),
            message(b"t/2", b"3", 5, 4, five=five),
            message(b"t/2", b"4", 3, 2, five=five, properties=PROPERTIES[4]),
            packet(0x62, b"\0\5"),
            b"\x30\x84\0" + text(b"t") + (b"\0" if five else b"x"),  # a length with a byte too many
            message(b"t/1", b"5", 4, 2, five=five),
        ]
    )
    expected = stock(stream, five=five)
    assert len(expected[0]) == 7
    for cut in range(len(stream) + 1):
        assert outcome(Reader(BulkClient, five), pieces(stream, [cut])) == expected
    one_by_one = pieces(stream, range(1, len(stream)))
    assert outcome(Reader(BulkClient, five), one_by_one) == expected


@both
@pytest.mark.parametrize("size", [16_383, 16_384, 2_097_151, 2_097_152])
def test_remaining_lengths_of_three_and_four_bytes(size: int, *, five: bool) -> None:
    body = size - 3 - (2 if five else 1)  # topic and its length; the properties' length
    long = message(b"t", bytes(range(256)) * (body // 256) + b"x" * (body % 256), 0, 0, five=five)
    stream = message(b"a", b"1", 1, 2, five=five) + long + message(b"b", b"2", 2, 2, five=five)
    expected = stock(stream, five=five)
    assert [row[0] for row in expected[0]] == ["a", "t", "b"]
    for cut in (9, 10, 11, 12, 13, 14, 100, 300_000 % len(stream), len(stream) - 3):
        assert outcome(Reader(BulkClient, five), pieces(stream, [cut])) == expected


BROKEN = [
    b"\x00\x00",  # no type
    b"\xf0\x00",  # AUTH, which nobody asked for
    b"\x10\x00",  # CONNECT, from a broker
    b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
    b"\x30\x00",
    b"\x30\x01\x00",
    b"\x30\x02\x00\x05",  # a topic beyond the end
    b"\x30\x02\x00\x00",  # an empty topic
    b"\x30\x03\x00\x00\x00",
    b"\x32\x04\x00\x01t\x00",  # half a packet identifier
    b"\x32\x05\x00\x01t\x00\x01",  # no properties
    b"\x36\x06\x00\x01t\x00\x01\x00",  # QoS 3
    b"\x30\x05\x00\x01t\x01\xff",  # no such property
    b"\x30\x05\x00\x01t\x05\x02",  # properties beyond the end
    b"\x90\x01\x00",
    b"\xd0\x01\x00",
    b"\xe0\x00",  # DISCONNECT
    b"\xe0\x01\x8e",
]


@both
@pytest.mark.parametrize("broken", BROKEN, ids=bytes.hex)
def test_a_broken_packet_ends_the_connection_as_with_stock_paho(
    broken: bytes, *, five: bool
) -> None:
    good = message(b"t/1", b"1", 1, 2, five=five) * 3
    expected = stock(good + broken + good, five=five)
    for cut in range(len(good), len(good + broken) + 1):
        parts = pieces(good + broken + good, [cut])
        assert outcome(Reader(BulkClient, five), parts) == expected
    assert outcome(Reader(BulkClient, five), [good + broken]) == stock(good + broken, five=five)


def test_a_long_packet_of_no_type_ends_the_connection_at_once() -> None:
    good = publish(b"t/1", b"1", 1, 2)
    with reading() as reader:
        reader.send(good + b"\x00\x80\x80\x01")
        assert reader.end == MQTTErrorCode.MQTT_ERR_PROTOCOL
    assert len(reader.rows) == 1


@given(noise=st.binary(max_size=60), cuts=CUTS, five=st.booleans())
def test_noise_gives_the_same_messages_and_an_end(
    noise: bytes, cuts: list[int], *, five: bool
) -> None:
    stream = message(b"t/1", b"1", 1, 2, five=five) + noise
    parts = pieces(stream, [cut % (len(stream) + 1) for cut in cuts])
    rows, _, end, _ = outcome(Reader(BulkClient, five), parts)
    expected, _, expected_end, _ = stock(stream, five=five)
    assert rows == expected
    assert end is not None
    assert expected_end is not None


# -- what stock paho does not do ---------------------------------------------------------------


def test_what_there_is_no_room_for_waits_and_the_socket_with_it() -> None:
    stream = b"".join(publish(b"t", b"%d" % number, 1, 2) for number in range(100))
    with reading() as reader:
        client = reader.client
        assert isinstance(client, BulkClient)
        reader.broker.sendall(stream)
        client.loop_read(30)
        assert (len(reader.rows), client.surplus) == (30, True)
        reader.broker.sendall(publish(b"t", b"later", 1, 2))
        client.loop_read(30)
        assert (len(reader.rows), client.surplus) == (60, True)
        assert reader.waiting()  # in the socket
        reader.read(30)
        assert not client.surplus
    assert [row[1] for row in reader.rows] == [*(b"%d" % n for n in range(100)), b"later"]


def test_acknowledgements_of_a_batch_leave_as_one_piece() -> None:
    with reading() as reader:
        client = reader.client
        assert isinstance(client, BulkClient)
        client.acknowledge(np.array([7, 300, 65_535]))
        assert len(client._out_packet) == 1
        client.loop_write()
        assert reader.broker.recv(100) == bytes.fromhex("40020007 4002012c 4002ffff")
        client.acknowledge(np.zeros(0, np.int64))
        assert not client.want_write()


def test_a_table_of_topics_is_begun_anew_before_it_grows_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("greendc.sources.cutting.TOPICS", 10)
    known = Names()
    topics = [b"t/%d" % number for number in range(4)] + [b"\xff", "é".encode()]
    first, again = known.of(topics), known.of(topics[::-1])
    assert first.names is again.names
    others = known.of([b"u/%d" % number for number in range(6)])
    assert others.names is first.names
    more = known.of([b"v", b"t/1"])
    assert more.names == ["v", "t/1"]
    assert list(first) == list(again)[::-1] == [names(topic) for topic in topics]


def until_left(broker: Broker, stream: socket.socket) -> None:
    broker.greet(stream)
    stream.sendall(publish(b"t/1", b"x", 1) + publish(b"t/2", b"y", 2))
    broker.expect(stream, 0xE0)


@pytest.mark.parametrize(
    ("version", "missing"), [("2.1.0", ""), ("2.3.0", ""), ("2.2.0", "_packet_queue")]
)
def test_an_unknown_paho_is_used_as_it_is_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: str, missing: str
) -> None:
    monkeypatch.setattr(bulk, "VERSION", version)
    monkeypatch.setattr(bulk, "INNER", (*bulk.INNER, f"{missing}_moved"))
    assert not supported()
    with Broker(until_left) as broker, Listener(broker.port, protocol="3.1.1") as listener:
        assert not listener.source.state.bulk_read
        listener.until(2)
        listener.acknowledged(2)
    assert [row[:4] for row in listener.rows] == [("t/1", b"x", 1, 1), ("t/2", b"y", 2, 1)]
    assert [body for first, body in broker.received if first == 0x40] == [b"\0\1", b"\0\2"]
    assert "messages are read one by one: paho-mqtt 2.2.x is known" in caplog.text


def test_the_installed_paho_is_known() -> None:
    assert supported()
    assert paho.mqtt.__version__ == bulk.VERSION
