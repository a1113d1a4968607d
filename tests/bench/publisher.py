"""Publishes rounds of a load over a plain socket, in a process of its own.

`python -m tests.bench.publisher JSON`; see `Order`. It encodes everything, connects, says "ready",
and starts when a line comes in. At the end it says what it did, as JSON.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import accumulate

from tests.bench.load import Load, connect
from tests.servers.support import HOST, PROJECT
from tests.sources.wire import read_packet

AT_ONCE = 200  # messages of a call
WINDOW = 4000  # QoS 1 messages that the broker has not acknowledged: it never waits for them
ACK = 4  # bytes of a PUBACK
TICK = 0.002  # s between two looks whether a message is due


@dataclass(frozen=True)
class Order:
    """Rounds [first, first + rounds) at so many messages a second; rate 0 is as fast as it goes."""

    port: int
    load: Load
    first: int
    rounds: int
    rate: float
    qos: int

    @property
    def count(self) -> int:
        """How many messages that is."""
        return self.rounds * self.load.points


@dataclass(frozen=True)
class Sent:
    """When messages were handed to the broker's socket.

    `sent` holds (number of messages, time) after each call; times are of the monotonic clock,
    which all processes of a machine share. With QoS 1 the broker has acknowledged all of them by
    `ended`. `cpu` is the publisher's own. [s]
    """

    began: float
    ended: float
    cpu: float
    sent: list[tuple[int, float]]


class Publisher:
    """A publisher that has connected and waits for the word."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._told("ready")

    def _told(self, expected: str = "") -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line or (expected and line.strip() != expected):
            raise RuntimeError(f"the publisher said {line!r}")
        return line

    def go(self) -> None:
        """Have it begin."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def wait(self) -> Sent:
        """What it did, when it has done it."""
        found = json.loads(self._told())
        return Sent(**{**found, "sent": [(int(n), at) for n, at in found["sent"]]})


@contextmanager
def publisher(order: Order) -> Iterator[Publisher]:
    """A publisher in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.publisher", json.dumps(asdict(order))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Publisher(process)
        finally:
            process.kill()


def publish(order: Order) -> Sent:
    """Publish, and return when it is done."""
    with publisher(order) as other:
        other.go()
        return other.wait()


# -- the process itself ------------------------------------------------------------------------


class _Wire:
    """All packets in one piece, and where each begins."""

    def __init__(self, order: Order) -> None:
        turns = range(order.first, order.first + order.rounds)
        packets = [one for turn in turns for one in order.load.packets(turn, order.qos)]
        self._all = memoryview(b"".join(packets))
        self._begin = [0, *accumulate(map(len, packets))]

    def part(self, lo: int, hi: int) -> memoryview:
        return self._all[self._begin[lo] : self._begin[hi]]


def _send(stream: socket.socket, wire: _Wire, order: Order) -> Sent:
    began, cpu = time.monotonic(), time.process_time()
    done, acks, sent = 0, 0, []
    while done < order.count:
        due = int((time.monotonic() - began) * order.rate) + 1 if order.rate else order.count
        upto = min(order.count, due, done + AT_ONCE)
        if upto == done:
            time.sleep(TICK)
            continue
        stream.sendall(wire.part(done, upto))
        done = upto
        sent.append((done, time.monotonic()))
        while order.qos and done - acks // ACK > WINDOW:
            acks += len(stream.recv(65536))
    while order.qos and acks < ACK * done:
        acks += len(stream.recv(65536))
    return Sent(began, time.monotonic(), time.process_time() - cpu, sent)


def main() -> None:
    """Publish what the argument orders."""
    told = json.loads(sys.argv[1])
    order = Order(**{**told, "load": Load(**told["load"])})
    wire = _Wire(order)
    with socket.create_connection((HOST, order.port), timeout=120) as stream:
        stream.sendall(connect(b"bench"))
        read_packet(stream)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        done = _send(stream, wire, order)
        stream.sendall(b"\xe0\0")
    sys.stdout.write(json.dumps(asdict(done)) + "\n")


if __name__ == "__main__":
    main()
