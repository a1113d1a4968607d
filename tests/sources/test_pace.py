"""When a read waits for more to come, and when that would keep the broker from sending."""

import socket
import time
from collections.abc import Iterator

import pytest

from greendc.sources import bulk, pace
from greendc.sources.pace import (
    ENOUGH,
    LONGEST,
    PLENTY,
    PRESSING,
    SHARE,
    STEP,
    UNASKED,
    Pace,
    looked,
    readable_from,
    waiting,
)
from tests.sources.listening import Listener, eventually
from tests.sources.wire import Broker, publish, read_packet


class Clock:
    """Time as the test has it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def read(pace: Pace, messages: int, numbered: int = 0) -> None:
    pace.took(messages, numbered)
    pace.emptied()


def test_a_rest_brings_enough_messages_at_the_rate_at_which_they_came(clock: Clock) -> None:
    pace = Pace(limit=1000)
    assert pace.rest(0) <= 0
    clock.now = 0.01
    read(pace, ENOUGH // 5)
    assert pace.rest(0) == pytest.approx(0.05)
    clock.now += 0.05
    assert pace.rest(1) <= 0
    read(pace, 100, 100)
    assert pace.rest(0) == pytest.approx(LONGEST)
    clock.now += LONGEST
    read(pace, 10)  # for these nobody waits
    assert pace.rest(0) == pytest.approx(UNASKED)
    clock.now += UNASKED
    read(pace, PRESSING)  # as much as comes: the broker is not kept waiting
    assert pace.rest(0) <= 0


def test_a_rest_does_not_bring_more_than_may_be_unacknowledged(clock: Clock) -> None:
    pace = Pace(limit=500)
    clock.now = 0.01
    read(pace, 200, 200)
    assert pace.rest(0) == pytest.approx(0.01 * SHARE * 500 / 200)


def test_a_read_in_parts_is_one(clock: Clock) -> None:
    pace = Pace(limit=1000)
    clock.now = 0.1
    pace.took(60, 60)
    pace.took(60, 60)  # behind the first part the inbox was full
    pace.acknowledged(60)
    pace.took(480, 480)
    pace.emptied()
    assert pace.rest(0) == pytest.approx(LONGEST)
    pace.acknowledged(500)
    assert pace.rest(0) > 0
    pace.acknowledged(40)  # all that the broker has ever sent without an acknowledgement
    assert pace.rest(0) <= 0


def test_a_broker_at_its_limit_is_read_as_soon_as_all_is_acknowledged() -> None:
    pace = Pace(limit=1000)
    for _ in range(3):
        read(pace, 20, 20)
        pace.acknowledged(12)
        assert pace.rest(0) > 0
        pace.acknowledged(8)
        assert pace.rest(0) <= 0


def test_a_broker_that_has_sent_more_before_is_waited_for() -> None:
    pace = Pace(limit=1000)
    read(pace, 90, 90)
    pace.acknowledged(90)
    read(pace, 20, 20)
    pace.acknowledged(20)
    assert pace.rest(0) > 0


def test_few_messages_of_which_no_more_come_are_read(clock: Clock) -> None:
    pace = Pace(limit=1000)
    clock.now = 10.0
    read(pace, 30, 30)
    pace.acknowledged(30)
    clock.now += 0.005
    read(pace, 2, 2)  # the first of the next thirty, all that the broker sends
    pace.acknowledged(2)
    assert pace.rest(500) == pytest.approx(STEP)
    clock.now += STEP
    assert pace.rest(900) == pytest.approx(STEP)
    clock.now += STEP / 2
    assert pace.rest(900) == pytest.approx(STEP / 2)
    clock.now += STEP / 2
    assert pace.rest(900) <= 0


def test_messages_without_acknowledgement_are_waited_for_to_the_end(clock: Clock) -> None:
    pace = Pace(limit=1000)
    clock.now = 10.0
    read(pace, 2)
    clock.now += UNASKED / 2
    assert pace.rest(0) == pytest.approx(UNASKED / 2)


def test_bytes_that_wait_are_counted() -> None:
    here, there = socket.socketpair()
    with here, there:
        assert waiting(there) == 0
        here.sendall(bytes(700))
        assert waiting(there) == 700
        assert len(there.recv(1000)) == 700
        assert waiting(there) == 0


def test_a_broker_that_keeps_few_messages_on_their_way_is_served_to_the_end() -> None:
    rounds, window = 30, 20

    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        for _ in range(rounds):
            stream.sendall(b"".join(publish(b"t/1", b"x", mid) for mid in range(1, window + 1)))
            for _ in range(window):
                while read_packet(stream)[0] != 0x40:
                    pass
        broker.expect(stream, 0xE0)

    with Broker(script) as broker, Listener(broker.port, protocol="3.1.1") as listener:
        listener.until(rounds * window)
        listener.acknowledged(rounds * window)
    assert [row[2] for row in listener.rows] == [*range(1, window + 1)] * rounds


@pytest.fixture
def pairs() -> Iterator[tuple[socket.socket, ...]]:
    found = (*socket.socketpair(), *socket.socketpair())
    yield found
    for sock in found:
        sock.close()


def test_a_socket_and_a_bell_are_told_apart(pairs: tuple[socket.socket, ...]) -> None:
    sock, broker, ear, rope = pairs
    assert looked(sock, ear, 0.0, reading=True, writing=True) == (False, False)
    broker.send(b"1")
    assert looked(sock, ear, 20.0, reading=True, writing=False) == (True, False)
    assert looked(sock, ear, 0.0, reading=False, writing=True) == (False, False)
    rope.send(b"1")
    assert looked(sock, ear, 20.0, reading=True, writing=False) == (True, True)
    assert looked(sock, ear, 20.0, reading=False, writing=False) == (False, True)
    broker.close()  # the end is to be read, too
    assert looked(sock, ear, 20.0, reading=True, writing=False)[0]


def test_a_socket_is_readable_from_some_bytes_on(pairs: tuple[socket.socket, ...]) -> None:
    ear = pairs[2]
    with socket.create_server(("127.0.0.1", 0)) as server:
        sock = socket.create_connection(server.getsockname())
        broker, _ = server.accept()
        with sock, broker:
            readable_from(sock, 1000)
            broker.sendall(bytes(999))
            eventually(lambda: waiting(sock) == 999)
            assert looked(sock, ear, 0.0, reading=True, writing=False) == (False, False)
            broker.sendall(b"1")
            assert looked(sock, ear, 20.0, reading=True, writing=False) == (True, False)
            readable_from(sock, 2000)
            assert looked(sock, ear, 0.0, reading=True, writing=False) == (False, False)
            broker.shutdown(socket.SHUT_WR)  # there will be no more
            assert looked(sock, ear, 20.0, reading=True, writing=False) == (True, False)


def test_large_messages_end_a_rest_before_the_buffer_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "UNASKED", 1e6)
    monkeypatch.setattr(pace, "ENOUGH", 1e12)

    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        stream.sendall(publish(b"t/1", b"x"))
        time.sleep(0.3)  # it is read, and behind it there is a rest
        stream.sendall(publish(b"t/1", b"y"))
        time.sleep(0.3)
        stream.sendall(publish(b"t/1", bytes(1000)) * (PLENTY // 1000))
        broker.expect(stream, 0xE0)

    with Broker(script) as broker, Listener(broker.port, protocol="3.1.1") as listener:
        listener.until(2)
        assert len(listener.rows) > PLENTY // 2000
        assert listener.rows[1][1] == b"y"


def test_behind_a_read_that_may_have_left_something_there_is_no_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "READ", 600)
    monkeypatch.setattr(pace, "UNASKED", 1e6)
    monkeypatch.setattr(pace, "ENOUGH", 1e12)

    def script(broker: Broker, stream: socket.socket) -> None:
        broker.greet(stream)
        stream.sendall(publish(b"t/1", bytes(292)) * 400)  # two of them are read at once
        broker.expect(stream, 0xE0)

    with Broker(script) as broker, Listener(broker.port, protocol="3.1.1") as listener:
        listener.until(400)
