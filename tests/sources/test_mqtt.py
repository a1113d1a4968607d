"""The source against a real Mosquitto."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from greendc.journal import Journal, Redelivery
from greendc.ports import DUP, QOS_MASK, RETAIN, Event, RawBatch
from greendc.sources.mqtt import Inbox, MqttSettings
from greendc.sources.observing import observe
from tests.servers.support import Mosquitto
from tests.sources.listening import Listener, eventually
from tests.sources.wire import Proxy, Publisher

both = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """One broker for the tests that leave it alone; each uses its own client id and topics."""
    with Mosquitto(tmp_path_factory.mktemp("shared")) as broker:
        yield broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as broker:
        yield broker


def send(port: int, *payloads: bytes, topic: str = "t/1") -> None:
    with Publisher(port) as publisher:
        publisher.send([(topic, payload) for payload in payloads])


def numbers(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


@both
def test_messages_arrive_once_in_order_with_all_that_belongs_to_them(
    shared: Mosquitto, protocol: str
) -> None:
    name = f"all-{protocol}"
    with Publisher(shared.port) as publisher:
        publisher.send([(f"{name}/old", b"kept")], retain=True)
    options: dict[str, Any] = {"protocol": protocol, "client_id": name}
    with Listener(shared.port, [f"{name}/#"], **options) as listener:
        listener.until(1)
        send(shared.port, *numbers(2500), topic=f"{name}/é")
        listener.until(2501)
        listener.acknowledged(2501)
    assert listener.payloads == [b"kept", *numbers(2500)]
    (topic, _, mid, flags, session, connection), *others = listener.rows
    assert (topic, flags) == (f"{name}/old", 1 | RETAIN)
    assert mid > 0
    assert (session, connection) == (1, 1)
    assert {(row[0], row[3]) for row in others} == {(f"{name}/é", 1)}
    assert len(set(listener.arrivals)) == len(listener.arrivals)
    assert listener.events == []
    with Listener(shared.port, [f"{name}/#"], session=1, **options) as again:
        again.connected()
        send(shared.port, b"end", topic=f"{name}/new")
        again.until_payload(b"end")
    kept = [row for row in again.rows if not row[3] & RETAIN]
    assert [row[:2] for row in kept] == [(f"{name}/new", b"end")]
    assert again.rows[-1][4] == 1
    assert again.events == []


@both
def test_what_is_not_acknowledged_comes_again_after_a_cut(shared: Mosquitto, protocol: str) -> None:
    name = f"cut-{protocol}"
    with (
        Proxy(shared.port) as proxy,
        Listener(proxy.port, [f"{name}/#"], protocol=protocol, client_id=name) as listener,
    ):
        listener.connected()
        send(shared.port, *numbers(4), topic=f"{name}/1")
        listener.until(4, acknowledge=False)
        listener.source.acknowledge(1, [row[2] for row in listener.rows[:2]])
        listener.acknowledged(2)
        send(shared.port, b"reached", topic=f"{name}/1")  # behind the two acknowledgements
        listener.until(5, acknowledge=False)
        proxy.cut()
        # What belonged to the old connection must not be acknowledged on the new one.
        listener.connected(2)
        listener.source.acknowledge(1, [row[2] for row in listener.rows[2:]])
        eventually(lambda: listener.source.state.outdated_acks == 3)
        listener.until(8, acknowledge=False)
        proxy.cut()
        listener.connected(3)
        listener.until(11)
    second = [row for row in listener.rows if row[5] == 2]
    third = [row for row in listener.rows if row[5] == 3]
    assert [row[1] for row in second] == [b"2", b"3", b"reached"]
    assert [row[1] for row in third] == [b"2", b"3", b"reached"]
    assert all(row[3] & DUP for row in second + third)
    assert [row[2] for row in second] == [row[2] for row in listener.rows[2:5]]
    assert {row[4] for row in listener.rows} == {1}
    assert listener.events == []


class Journalling:
    """Journals, then acknowledges, and has the network fail in between now and then."""

    def __init__(self, listener: Listener, journal: Journal, proxy: Proxy) -> None:
        self._listener, self._journal, self._proxy = listener, journal, proxy
        self._redelivery = Redelivery(receive_maximum=1000)
        self._rounds = self.redelivered = 0

    def work(self) -> None:
        for connection, entries, _ in self._listener.inbox.take(timeout=20):
            if not entries:  # the end of a connection
                continue
            (batch,) = entries
            assert isinstance(batch, RawBatch)
            fresh, again = self._redelivery.split(batch)
            self._journal.append([fresh])
            self._redelivery.note(fresh)
            self.redelivered += len(again)
            self._rounds += 1
            if self._rounds in {2, 3, 5, 8, 13, 21}:
                self._proxy.cut()
            self._listener.source.acknowledge(connection, batch.mids)


@both
def test_cuts_at_any_moment_leave_each_message_in_the_journal_once(
    shared: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    name, count = f"once-{protocol}", 3000
    options: dict[str, Any] = {"protocol": protocol, "client_id": name}
    with (
        closing(Journal(tmp_path / "journal.db")) as journal,
        Proxy(shared.port) as proxy,
        Listener(proxy.port, [f"{name}/#"], **options) as listener,
    ):
        worker = Journalling(listener, journal, proxy)
        listener.connected()
        messages = [(f"{name}/1", payload) for payload in numbers(count)]
        with Publisher(shared.port) as publisher:
            sender = threading.Thread(target=publisher.send, args=[messages])
            sender.start()
            while journal.last < count or not worker.redelivered:
                worker.work()
            sender.join()
        blocks = [entry for _, entry in journal.read() if isinstance(entry, RawBatch)]
    assert [payload for block in blocks for payload in block.payloads] == numbers(count)
    assert listener.source.state.connection > 1
    assert listener.source.state.sessions_lost == 0


@both
def test_a_clean_stop_sends_the_acknowledgements_that_wait(
    shared: Mosquitto, protocol: str
) -> None:
    name = f"stop-{protocol}"
    options: dict[str, Any] = {"protocol": protocol, "client_id": name}
    with Listener(shared.port, [f"{name}/#"], **options) as listener:
        listener.connected()
        send(shared.port, *numbers(500), topic=f"{name}/1")
        listener.until(500, acknowledge=False)
        listener.source.pause()
        send(shared.port, b"late", topic=f"{name}/1")
        listener.source.acknowledge(1, [row[2] for row in listener.rows])
    with Listener(shared.port, [f"{name}/#"], session=1, **options) as again:
        again.until(1)
        again.take()
    assert again.payloads == [b"late"]


@both
def test_a_restarted_broker_resumes_the_session(broker: Mosquitto, protocol: str) -> None:
    with Listener(broker.port, protocol=protocol) as listener:
        listener.connected()
        send(broker.port, *numbers(3))
        listener.until(3, acknowledge=False)
        broker.stop()
        eventually(lambda: listener.source.state.phase in {"waiting", "connecting"})
        assert listener.source.state.last_error
        broker.start()
        listener.connected(2)
        send(broker.port, b"after")
        listener.until(7)
    again = [row for row in listener.rows if row[5] > 1]
    assert [row[1] for row in again] == [*numbers(3), b"after"]
    assert [bool(row[3] & DUP) for row in again] == [True, True, True, False]
    assert listener.events == []


@both
def test_a_lost_session_is_an_event_and_is_subscribed_again(
    broker: Mosquitto, protocol: str
) -> None:
    with Listener(broker.port, protocol=protocol) as listener:
        listener.connected()
        send(broker.port, b"before")
        listener.until(1)
        listener.acknowledged(1)
        broker.kill()
        broker.store.unlink(missing_ok=True)
        broker.start()
        listener.connected(2)
        send(broker.port, b"after")
        listener.until(2)
    (lost,) = listener.events
    assert lost.kind == "session_lost"
    assert lost.data == {"from": listener.arrivals[0], "to": lost.arrival, "session": 1}
    assert [row[4] for row in listener.rows] == [1, 2]
    assert listener.source.state.sessions_lost == 1


def test_a_session_lost_between_two_runs_is_an_event_too(shared: Mosquitto) -> None:
    with Listener(
        shared.port, ["lost/#"], client_id="lost", session=7, last_arrival=123
    ) as listener:
        listener.connected()
        send(shared.port, b"1", topic="lost/1")
        listener.until(1)
    (lost,) = listener.events
    assert lost.data == {"from": 123, "to": lost.arrival, "session": 7}
    assert listener.rows[0][4] == 8


@both
def test_a_frozen_broker_is_noticed_and_found_again(broker: Mosquitto, protocol: str) -> None:
    with Listener(broker.port, protocol=protocol, keepalive=1, connect_timeout=0.5) as listener:
        listener.connected()
        broker.freeze()
        eventually(lambda: "no sign of the broker" in (listener.source.state.last_error or ""))
        eventually(lambda: "CONNECT" in (listener.source.state.last_error or ""))
        broker.thaw()
        listener.connected(3)
        send(broker.port, b"after")
        listener.until(1)
    assert listener.payloads == [b"after"]
    assert listener.events == []


@both
def test_a_full_inbox_stops_the_reading_and_loses_nothing(shared: Mosquitto, protocol: str) -> None:
    name = f"full-{protocol}"
    with Listener(
        shared.port,
        [f"{name}/#"],
        inbox=Inbox(capacity=20),
        protocol=protocol,
        client_id=name,
        receive_maximum=20,
        keepalive=1,
    ) as listener:
        listener.connected()
        send(shared.port, *numbers(3000), topic=f"{name}/1")
        eventually(lambda: listener.source.state.phase == "holding")
        held_since = listener.source.state.since
        ended = threading.Event()
        assert not ended.wait(2.5)  # more than the broker's 1.5 keep-alives
        assert listener.source.state.phase == "holding"
        assert listener.source.state.since == held_since
        assert len(listener.inbox) == 20
        while len(listener.rows) < 3000:
            listener.take(timeout=20)
        assert listener.source.state.connection == 1
    assert listener.payloads == numbers(3000)


def test_payloads_of_any_bytes_and_sizes_arrive_whole(shared: Mosquitto) -> None:
    large = bytes(range(256)) * 20_000  # 5 MB
    payloads = [b"", b"\xff\xfe\x00", large, b"{\xc3\x28}", b"next"]
    with Listener(
        shared.port, ["odd/#"], client_id="odd", inbox=Inbox(2000, limit_bytes=2**20)
    ) as listener:
        listener.connected()
        send(shared.port, *payloads, topic="odd/1")
        listener.until(len(payloads))
    assert listener.payloads == payloads
    assert listener.source.state.connection == 1


def test_a_flood_of_topics_fills_no_more_than_the_inbox(shared: Mosquitto) -> None:
    count = 20_000
    inbox = Inbox(capacity=1000)
    with Listener(
        shared.port, ["flood/#"], client_id="flood", inbox=inbox, receive_maximum=1000
    ) as listener:
        listener.connected()
        flood = [(f"flood/{number:x}", b"1") for number in range(count)]
        with Publisher(shared.port) as publisher:
            sender = threading.Thread(target=publisher.send, args=[flood])
            sender.start()
            while len(listener.rows) < count:
                assert len(inbox) <= 1000
                listener.take(timeout=20)
            sender.join()
    assert len({row[0] for row in listener.rows}) == count


@both
def test_topics_are_added_and_removed_under_the_same_session(
    shared: Mosquitto, protocol: str
) -> None:
    name = f"topics-{protocol}"
    options: dict[str, Any] = {"protocol": protocol, "client_id": name}

    def heard(listener: Listener) -> set[str]:
        listener.rows.clear()
        for topic in "abc":
            send(shared.port, b"1", topic=f"{name}/{topic}")
        send(shared.port, b"1", topic=f"{name}/end")
        while not listener.rows or listener.rows[-1][0] != f"{name}/end":
            listener.take(timeout=20)
        return {row[0][-1] for row in listener.rows[:-1]}

    with Listener(shared.port, [f"{name}/a", f"{name}/end"], **options) as listener:
        listener.connected()
        assert heard(listener) == {"a"}
        listener.source.resubscribe([f"{name}/b", f"{name}/end"], removed=[f"{name}/a"])
        eventually(lambda: heard(listener) == {"b"})
    kept = [f"{name}/c", f"{name}/end"]
    with Listener(shared.port, kept, session=1, removed=[f"{name}/b"], **options) as listener:
        listener.connected()
        eventually(lambda: heard(listener) == {"c"})
        assert listener.events == []


@both
def test_an_observer_disturbs_no_session_and_leaves_none(shared: Mosquitto, protocol: str) -> None:
    name = f"seen-{protocol}"
    settings = MqttSettings(port=shared.port, protocol=protocol, client_id=name)
    with Listener(shared.port, [f"{name}/#"], protocol=protocol, client_id=name) as listener:
        listener.connected()
        for run in (b"first", b"second"):
            stop = threading.Event()
            found: list[bytes] = []
            sender = threading.Timer(0.2, send, [shared.port, run], {"topic": f"{name}/1"})
            sender.start()
            for entry in observe(settings, [f"{name}/#"], stop):
                assert isinstance(entry, RawBatch)
                found += entry.payloads
                stop.set()
            sender.join()
            assert found == [run]
        listener.until(2)
        assert listener.source.state.connection == 1
    assert [row[3] & QOS_MASK for row in listener.rows] == [1, 1]


def test_an_observer_says_where_its_record_has_a_hole(shared: Mosquitto) -> None:
    with Proxy(shared.port) as proxy:
        settings = MqttSettings(port=proxy.port, client_id="hole", retry_first=0.02)
        stop = threading.Event()
        cut = threading.Timer(0.3, proxy.cut)
        cut.start()
        for entry in observe(settings, ["hole/#"], stop):
            assert isinstance(entry, Event)
            assert entry.kind == "session_lost"
            stop.set()
        cut.join()


def test_the_inbox_must_hold_what_the_broker_may_send() -> None:
    with pytest.raises(ValueError, match="receive_maximum"):
        Listener(1, inbox=Inbox(capacity=999), receive_maximum=1000)
