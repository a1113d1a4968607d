"""MQTT 3.1.1 by hand: a publisher that shares no code with the client under test, a proxy, a broker
that misbehaves on purpose."""

import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
ACCEPTED = bytes([0x20, 2, 0, 0])
RESUMED = bytes([0x20, 2, 1, 0])
Body = bytes | bytearray


def length(number: int) -> bytes:
    """A remaining length (MQTT 3.1.1, 2.2.3)."""
    found = bytearray()
    while True:
        number, digit = divmod(number, 128)
        found.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(found)


def text(value: bytes) -> bytes:
    return struct.pack("!H", len(value)) + value


def packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + length(len(body)) + body


def publish(topic: bytes, payload: bytes, mid: int = 0, flags: int = 2) -> bytes:
    """A PUBLISH; flags 2 is QoS 1, 8 DUP, 1 retain."""
    number = struct.pack("!H", mid) if flags & 6 else b""
    return packet(0x30 | flags, text(topic) + number + payload)


def read_packet(stream: socket.socket) -> tuple[int, bytes]:
    """The next packet: first byte and body. ConnectionError at the end of the stream."""
    first = exactly(stream, 1)[0]
    size = shift = 0
    while True:
        digit = exactly(stream, 1)[0]
        size |= (digit & 0x7F) << shift
        shift += 7
        if digit < 0x80:
            return first, exactly(stream, size)


def exactly(stream: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        part = stream.recv(count - len(found))
        if not part:
            raise ConnectionError
        found += part
    return bytes(found)


class Publisher:
    """Publishes over one connection and returns when the broker has acknowledged everything."""

    def __init__(self, port: int, client_id: bytes = b"publisher") -> None:
        self._stream = socket.create_connection((HOST, port), timeout=20)
        self._stream.sendall(
            packet(0x10, text(b"MQTT") + bytes([4, 2]) + struct.pack("!H", 0) + text(client_id))
        )
        assert read_packet(self._stream) == (0x20, b"\0\0")

    def send(self, messages: Iterable[tuple[str, bytes]], *, retain: bool = False) -> None:
        flags = 3 if retain else 2
        window = [
            publish(topic.encode(), payload, 1 + row % 60_000, flags)
            for row, (topic, payload) in enumerate(messages)
        ]
        for lo in range(0, len(window), 500):
            part = window[lo : lo + 500]
            self._stream.sendall(b"".join(part))
            for _ in part:
                first, _body = read_packet(self._stream)
                assert first == 0x40, "PUBACK"

    def close(self) -> None:
        self._stream.sendall(b"\xe0\0")
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


class Serving:
    """Accepts connections on a free port and hands each to a thread of its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._streams: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self.accepted = 0

    def serve(self, stream: socket.socket) -> None:
        raise NotImplementedError

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                stream, _ = self._listener.accept()
                self.accepted += 1
                self._streams.append(stream)
                thread = threading.Thread(target=self._serve, args=(stream,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, stream: socket.socket) -> None:
        with stream, suppress(OSError):
            self.serve(stream)

    def cut(self) -> None:
        """End all connections, as a network does that fails; new ones are accepted."""
        for stream in self._streams:
            with suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        self.cut()
        for thread in self._threads[1:]:
            thread.join()


class Proxy(Serving):
    """A TCP proxy in front of a broker whose connections can be cut.

    While `swallowing` it reads what comes from either side and passes nothing on, as a network does
    that drops every packet: whoever sends is not told. New connections are taken, and answered
    by nobody; one that has swallowed is of no use afterwards, so it swallows on.
    """

    def __init__(self, target: int) -> None:
        super().__init__()
        self._target = target
        self.swallowing = False
        self.swallowed = 0  # bytes

    def serve(self, stream: socket.socket) -> None:
        with (
            socket.create_connection((HOST, self._target)) as broker,
            selectors.DefaultSelector() as selector,
        ):
            selector.register(stream, selectors.EVENT_READ, broker)
            selector.register(broker, selectors.EVENT_READ, stream)
            black = False
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data:
                        return
                    black = black or self.swallowing
                    if black:
                        self.swallowed += len(data)
                    else:
                        key.data.sendall(data)


class Broker(Serving):
    """A broker of 3.1.1 whose answer to each connection is a script given by the test."""

    def __init__(self, script: Callable[["Broker", socket.socket], None]) -> None:
        super().__init__()
        self._script = script
        self.received: list[tuple[int, bytes]] = []

    def serve(self, stream: socket.socket) -> None:
        self._script(self, stream)

    def expect(self, stream: socket.socket, first: int) -> bytes:
        """Read packets up to one that begins with this byte; all are kept in `received`."""
        while True:
            found = read_packet(stream)
            self.received.append(found)
            if found[0] == first:
                return found[1]

    def greet(self, stream: socket.socket, connack: bytes = ACCEPTED) -> None:
        """Accept the connection and grant its subscription."""
        self.expect(stream, 0x10)
        stream.sendall(connack)
        body = self.expect(stream, 0x82)
        stream.sendall(packet(0x90, body[:2] + b"\1"))
