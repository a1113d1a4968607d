from collections import deque
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from greendc.journal import Redelivery
from greendc.ports import DUP, QOS_MASK, Event, RawBatch

Row = tuple[str, bytes, int, int]

rows = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from([b"1", b"2"]),
    st.integers(1, 4),
    st.sampled_from([0, 1, 1 | DUP]),
)
runs = st.lists(st.tuples(st.integers(1, 2), st.lists(rows, max_size=6)), max_size=12)


def batch_of(found: list[Row], session: int) -> RawBatch:
    topics, payloads, mids, flags = zip(*found, strict=True) if found else ((),) * 4
    return RawBatch(
        range(len(found)), list(topics), list(payloads), list(mids), list(flags), session
    )


class Slowly:
    """The rule of the architecture, word for word, one message at a time."""

    def __init__(self, limit: int) -> None:
        self.session = 0
        self.entries: deque[Row] = deque(maxlen=limit)

    def again(self, row: Row, session: int) -> bool:
        topic, payload, mid, flags = row
        if not flags & QOS_MASK:
            return False
        if session != self.session:
            self.session = session
            self.entries.clear()
        latest = next((e for e in reversed(self.entries) if e[2] == mid), None)
        if flags & DUP and latest is not None and latest[:2] == (topic, payload):
            return True
        self.entries.append(row)
        return False


@given(runs=runs, limit=st.integers(1, 6))
def test_columns_say_what_the_rule_says(runs: list[tuple[int, list[Row]]], limit: int) -> None:
    fast, slow = Redelivery(limit, window=limit), Slowly(limit)
    for session, found in runs:
        expected = [row for row, values in enumerate(found) if slow.again(values, session)]
        fresh, again = fast.split(batch_of(found, session))
        assert again == expected
        kept = [values for row, values in enumerate(found) if row not in expected]
        assert list(zip(fresh.topics, fresh.payloads, fresh.mids, fresh.flags, strict=True)) == kept
        fast.note(fresh)


@given(runs=runs, limit=st.integers(1, 6))
def test_reading_the_journals_tail_again_gives_the_same_answers(
    runs: list[tuple[int, list[Row]]], limit: int
) -> None:
    lived, restarted = (Redelivery(limit, window=limit) for _ in range(2))
    journal = [batch_of(found, session) for session, found in runs]
    for batch in journal:
        lived.note(batch)
    start, needed = len(journal), limit
    while start and needed > 0:
        start -= 1
        needed -= sum(flags & QOS_MASK != 0 for flags in journal[start].flags)
    restarted.refill([(0, Event("tick", 0)), *((0, batch) for batch in journal[start:])])
    for values in product("ab", (b"1", b"2"), range(1, 5), (1 | DUP,)):
        probe = batch_of([values], 2)
        assert lived.split(probe) == restarted.split(probe)


def test_what_was_journalled_before_a_restart_is_known_after_it() -> None:
    restarted = Redelivery(10)
    restarted.refill([(1, batch_of([("a", b"1", 3, 1)], session=1))])
    assert restarted.split(batch_of([("a", b"1", 3, 1 | DUP)], session=1))[1] == [0]


def test_a_lost_session_forgets_its_identifiers() -> None:
    seen = Redelivery(10)
    seen.note(batch_of([("a", b"1", 1, 1)], session=1))
    fresh, again = seen.split(batch_of([("a", b"1", 1, 1 | DUP)], session=2))
    assert (len(fresh), again) == (1, [])


def test_the_same_value_under_an_identifier_used_again_is_new_without_dup() -> None:
    seen = Redelivery(10)
    seen.note(batch_of([("a", b"1", 1, 1)], session=1))
    assert seen.split(batch_of([("a", b"1", 1, 1)], session=1))[1] == []


def test_more_is_remembered_than_a_broker_should_leave_unacknowledged() -> None:
    """Mosquitto 2.0.11 releases a whole window of its backlog for each acknowledgement."""
    seen = Redelivery(receive_maximum=10)
    for lo in range(1, 20_001, 100):
        seen.note(batch_of([("a", b"%d" % mid, mid, 1) for mid in range(lo, lo + 100)], session=1))
    again = batch_of([("a", b"%d" % mid, mid, 1 | DUP) for mid in (1, 777, 20_000, 20_001)], 1)
    assert seen.split(again)[1] == [0, 1, 2]


def test_an_identifier_that_has_come_round_stands_for_another_message() -> None:
    """A broker gives 1 to 65535 in turn; what is delivered again need not have been seen before."""
    seen = Redelivery(10)
    for lo in range(1, 65_536, 4369):
        seen.note(batch_of([("a", b"7 kW", mid, 1) for mid in range(lo, lo + 4369)], session=1))
    again = batch_of([("a", b"7 kW", mid, 1 | DUP) for mid in (1, 65_535)], 1)
    assert seen.split(again)[1] == [1]
