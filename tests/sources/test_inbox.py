import threading
import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from greendc.ports import Event, RawBatch
from greendc.sources.inbox import HURRY, Inbox


def batch(*payloads: bytes, session: int = 1) -> RawBatch:
    count = len(payloads)
    return RawBatch(
        list(range(count)), ["t"] * count, list(payloads), [1] * count, [1] * count, session
    )


puts = st.lists(st.tuples(st.integers(1, 2), st.integers(1, 2), st.binary(max_size=3)), max_size=12)


@given(puts)
def test_batches_are_cut_where_connection_or_session_changes_and_nowhere_else(
    found: list[tuple[int, int, bytes]],
) -> None:
    inbox = Inbox()
    for connection, session, payload in found:
        inbox.put(connection, [batch(payload, session=session)])
    deliveries = inbox.take(0)
    rows = [
        (connection, entry.session, payload)
        for connection, entries, _ in deliveries
        for entry in entries
        if isinstance(entry, RawBatch)
        for payload in entry.payloads
    ]
    assert rows == found
    changes = sum(a[:2] != b[:2] for a, b in pairwise(found))
    assert sum(len(entries) for _, entries, _ in deliveries) == (changes + 1 if found else 0)


def test_events_keep_their_place_between_messages() -> None:
    inbox = Inbox()
    inbox.put(1, [batch(b"1")])
    inbox.put(1, [batch(b"2")])
    inbox.put(1, [Event("session_lost", 5), Event("tick", 6)])
    inbox.put(1, [batch(b"3")])
    ((_, entries, _),) = inbox.take(0)
    kinds = [entry.kind if isinstance(entry, Event) else len(entry) for entry in entries]
    assert kinds == [2, "session_lost", "tick", 1]


def test_room_ends_with_the_messages_or_their_bytes() -> None:
    inbox = Inbox(capacity=3, limit_bytes=100)
    assert inbox.room == 3
    inbox.put(1, [batch(b"1", b"2")])
    assert (inbox.room, len(inbox)) == (1, 2)
    inbox.take(0)
    inbox.put(1, [batch(b"x" * 100)])
    assert inbox.room == 0
    inbox.put(0, [Event("entry", 1)])  # what people and clocks say always fits
    (_, (nobody, entries, _)) = inbox.take(0)
    assert (nobody, entries) == (0, [Event("entry", 1)])
    assert inbox.room == 3


def test_whoever_waits_for_room_is_told_once_there_is_some() -> None:
    inbox = Inbox(capacity=1)
    told: list[int] = []
    inbox.on_room = lambda: told.append(inbox.room)
    inbox.take(0)
    inbox.put(1, [batch(b"1")])
    inbox.take(0)
    assert told == [1]


def test_take_waits_for_the_first_message_and_gives_up_without_one() -> None:
    inbox = Inbox()
    assert inbox.take(0.01) == []
    later = threading.Timer(0.05, inbox.put, [1, [batch(b"1")]])
    later.start()
    assert [len(entries) for _, entries, _ in inbox.take(20)] == [1]
    later.join()


def test_a_stream_without_a_pause_does_not_hold_the_commit_back() -> None:
    inbox = Inbox(capacity=10**6)
    ended = threading.Event()

    def stream() -> None:
        while not ended.is_set():
            inbox.put(1, [batch(b"1")])
            time.sleep(0.0005)

    thread = threading.Thread(target=stream)
    thread.start()
    taken = inbox.take(20)
    ended.set()
    thread.join()
    assert taken


def test_a_wake_up_call_ends_the_waiting_once() -> None:
    inbox = Inbox()
    threading.Timer(0.05, inbox.wake).start()
    assert inbox.take(timeout=60) == []
    inbox.wake()  # nobody waits: it is for the next time
    assert inbox.take(timeout=60) == []
    inbox.put(1, [batch(b"1")])
    assert len(inbox.take(0)) == 1


def test_waiting_that_brought_nothing_is_left_out_for_a_while() -> None:
    inbox = Inbox(capacity=1000)
    inbox.put(1, [batch(b"1")])
    inbox.take(0)
    for _ in range(HURRY):
        inbox.put(1, [batch(b"1")])
        assert inbox.hurried
        inbox.take(0)
    assert not inbox.hurried


def test_half_a_full_inbox_is_not_waited_with() -> None:
    inbox = Inbox(capacity=4)
    inbox.put(1, [batch(b"1", b"2")])
    inbox.take(0)
    assert not inbox.hurried  # nothing was waited for in vain
