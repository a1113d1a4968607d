"""When a read waits for more to come, and when that would keep the broker from sending."""

import socket
from collections.abc import Iterator

import pytest

from greendc.sources.pace import COALESCE, DENSE, ENOUGH, LONGER, Pace, looked
from tests.sources.listening import Listener
from tests.sources.wire import Broker, publish, read_packet


def test_a_read_of_few_messages_lets_more_come_and_one_of_many_does_not() -> None:
    pace = Pace()
    assert pace.rest() <= 0
    pace.took(3, 0)
    assert pace.rest() > 0
    pace = Pace()
    pace.took(ENOUGH, 0)
    assert pace.rest() <= 0


def test_more_is_let_to_come_where_much_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 0.0)
    pace = Pace()
    pace.took(DENSE - 1, 0)
    assert pace.rest() == COALESCE
    pace.took(DENSE, 0)
    assert pace.rest() == LONGER
    pace.took(DENSE, DENSE)
    pace.acknowledged(DENSE)  # all that the broker has ever sent without an acknowledgement
    assert pace.rest() <= 0


def test_a_broker_at_its_limit_is_read_as_soon_as_all_is_acknowledged() -> None:
    pace = Pace()
    for _ in range(3):
        pace.took(20, 20)
        pace.acknowledged(12)
        assert pace.rest() > 0
        pace.acknowledged(8)
        assert pace.rest() <= 0


def test_a_broker_that_has_sent_more_before_is_waited_for() -> None:
    pace = Pace()
    pace.took(90, 90)
    pace.acknowledged(90)
    pace.took(20, 20)
    pace.acknowledged(20)
    assert pace.rest() > 0


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
