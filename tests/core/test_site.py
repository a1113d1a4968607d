"""The state machine: the newest ledger depends on the readings alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.core.facility import MINUTE
from tests.core.kit import METERS, played, site

reading = st.tuples(
    st.integers(0, len(METERS) - 1),
    st.integers(0, 3600),
    st.floats(0, 1e5).map(lambda x: round(x, 3)),
)
sparse = st.lists(reading, min_size=1, max_size=60, unique_by=lambda r: (r[0], r[1]))


@st.composite
def dense(draw: st.DrawFn) -> list[tuple[int, int, float]]:
    """Every meter once a minute for half an hour, with silences; registers jump and reset."""
    out = []
    for number in range(len(METERS)):
        phase, value = draw(st.integers(0, 59)), 0.0
        gone = draw(st.sets(st.integers(0, 29), max_size=10))
        for minute in range(30):
            value = (
                draw(st.sampled_from([value + 7.5, 100.0 * minute, value, value - 3.0]))
                if minute % 5 == 0
                else value + 1.0
            )
            if minute not in gone:
                out.append((number, 60 * minute + phase, value))
    return out


logs = sparse | dense()


def in_time(readings: list[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
    return sorted(readings, key=lambda r: (r[1], r[0]))


@given(logs, st.data())
@settings(max_examples=20)
def test_batches_leave_no_trace(
    readings: list[tuple[int, int, float]], data: st.DataObject
) -> None:
    ordered = in_time(readings)
    cuts = data.draw(st.lists(st.integers(0, len(ordered))))
    assert played(site(), ordered, cuts) == played(site(), ordered, [])


@given(logs, st.data())
@settings(max_examples=20)
def test_order_within_the_lateness_leaves_no_trace(
    readings: list[tuple[int, int, float]], data: st.DataObject
) -> None:
    ordered = in_time(readings)
    delayed = [(r, r[1] + data.draw(st.integers(0, 599))) for r in ordered]
    shuffled = [r for r, _ in sorted(delayed, key=lambda pair: pair[1])]
    cuts = data.draw(st.lists(st.integers(0, len(ordered)), max_size=5))
    assert played(site(), shuffled, cuts) == played(site(), ordered, [])


@given(logs, st.data())
@settings(max_examples=20)
def test_late_and_repeated_readings_end_in_the_same_ledger(
    readings: list[tuple[int, int, float]], data: st.DataObject
) -> None:
    ordered = in_time(readings)
    shuffled = data.draw(st.permutations(ordered + ordered))
    cuts = data.draw(st.lists(st.integers(0, len(shuffled)), max_size=5))
    late = site(lateness=2 * MINUTE)
    assert played(late, list(shuffled), cuts) == played(late, ordered, [])
