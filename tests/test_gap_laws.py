"""Laws of what registers count in gaps: exact, shaped by final days, whatever came when."""

import json
import math
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.config import Config
from greendc.core.facility import HOUR, SECOND
from greendc.explain import explain
from greendc.files import LEDGER
from greendc.ports import Entry
from greendc.store import connect
from tests import runs
from tests.recompute.kit import Played
from tests.runs import Reading
from tests.test_ledger_laws import assert_same, ledger, of

BEGIN = parse_rfc3339("2025-03-23T23:00:00Z")  # a Monday in Berlin; the clocks change on Sunday
HOURS = 10 * 24 + 2
FIRST = 9 * 24  # hour from which on something may be missing
REGISTER = "point: none, quantity: energy, unit: Wh, kind: register, nominal: 1h"
MORE = "cell: 1h\nlateness: 20min\nhorizon: 8h"
METERS = (
    f"{{id: a, {REGISTER}, max_gap: 90min}}",
    f"{{id: b, {REGISTER}, max_gap: 2h, shape: w}}",
    "{id: w, point: none, quantity: power, unit: W, kind: mean_prev, nominal: 1h}",
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return runs.configured(tmp_path_factory.mktemp("config"), METERS, MORE, "Europe/Berlin")


def usual(hour: int) -> int:
    """What is counted in an hour of a day [Wh]."""
    return 10 + 7 * (hour % 24 % 5) + hour % 24


def every(phase: int = 0, more: Sequence[int] = ()) -> list[Reading]:
    """All readings; in the hours of `more` twice as much is counted."""
    out: list[Reading] = []
    count = 0.0
    for hour in range(HOURS):
        time = BEGIN + hour * HOUR + phase * SECOND
        out += [("a", time, count), ("b", time, 2 * count), ("w", time, 2.0 * usual(hour - 1))]
        count += usual(hour) * (2 if hour in more else 1)
    return out


def without(log: Sequence[Reading], gone: dict[str, range], phase: int = 0) -> list[Reading]:
    lost = {(m, BEGIN + h * HOUR + phase * SECOND) for m, hours in gone.items() for h in hours}
    return [reading for reading in log if reading[:2] not in lost]


def spread(path: Path) -> list[tuple[str, int, int, list[int]]]:
    with closing(connect(path, readonly=True)) as db:
        rows = db.execute('SELECT meter, start, "end", days FROM spread ORDER BY meter, start')
        return [(meter, lo, hi, json.loads(days)) for meter, lo, hi, days in rows]


def played(log: Sequence[Reading], cuts: Sequence[int] = ()) -> list[Entry]:
    """The log with a cut where nothing is missing yet; before that one step is enough."""
    return of(log, [3 * FIRST, *cuts])


@st.composite
def logs(draw: st.DrawFn) -> list[Reading]:
    """Ten days, of the last one of which each meter may lack up to nine hours."""
    phase = draw(st.sampled_from([0, 0, 1, 1234]))
    more = draw(st.sets(st.integers(FIRST, HOURS - 1), max_size=4))
    gone = {}
    for name in ("a", "b", "w"):
        first = draw(st.integers(FIRST, HOURS - 5))
        gone[name] = range(first, min(first + draw(st.integers(0, 9)), HOURS - 1))
    return without(every(phase, sorted(more)), gone, phase)


def delayed(data: st.DataObject, log: Sequence[Reading], most: int) -> list[Reading]:
    """The log in another order: the last readings up to `most` seconds late."""
    late = BEGIN + FIRST * HOUR
    delays = st.integers(0, most)
    found = [
        (t + (data.draw(delays) * SECOND if t > late else 0), n) for n, (_, t, _) in enumerate(log)
    ]
    return [log[number] for _, number in sorted(found)]


def assert_same_newest(config: Config, entries: Sequence[Entry], others: Sequence[Entry]) -> None:
    """Both leave the same newest figures, and the same days for each gap."""
    with ledger(config, entries) as path:
        found, told = list(runs.newest(path).values()), spread(path)
    with ledger(config, others) as path:
        assert_same(found, list(runs.newest(path).values()))
        assert told == spread(path)


@given(logs(), st.data())
@settings(max_examples=4)
def test_order_within_the_horizon_leaves_no_trace(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    shuffled = delayed(data, log, 6 * 3600)
    cuts = data.draw(st.lists(st.integers(3 * FIRST, len(log)), max_size=6))
    assert_same_newest(config, played([*shuffled, *log[-9:]], cuts), played(log))


@given(logs(), st.data())
@settings(max_examples=4)
def test_batches_and_kills_leave_no_trace_in_the_revisions(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    order = delayed(data, log, 6 * 3600) if data.draw(st.booleans()) else log
    near = st.integers(3 * FIRST, len(log))
    entries = played(order, data.draw(st.lists(near, max_size=12)))
    numbers = st.sets(st.integers(0, len(entries) - 1))
    with ledger(config, entries, commits=data.draw(numbers), kills=data.draw(numbers)) as path:
        found, told = runs.revisions(path), spread(path)
    with ledger(config, played(order)) as path:
        assert_same(found, runs.revisions(path))
        assert told == spread(path)


@given(logs(), st.data())
@settings(max_examples=3)
def test_order_within_the_lateness_leaves_no_trace_in_the_revisions(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    shuffled = delayed(data, log, 20 * 60 - 1)
    cuts = data.draw(st.lists(st.integers(3 * FIRST, len(log)), max_size=6))
    with ledger(config, played(shuffled, cuts)) as path, ledger(config, played(log)) as ordered:
        assert_same(runs.revisions(path), runs.revisions(ordered))


@given(logs())
@settings(max_examples=4)
def test_what_is_counted_is_the_difference(config: Config, log: list[Reading]) -> None:
    with ledger(config, played(log)) as path:
        rows = runs.newest(path, "cell", "hour", "day")
    shown = [value for name, _, value in log if name == "a"]
    known = [t for name, t, _ in log if name == "a"]
    longest = max(b - a for a, b in pairwise(known))
    for period in ("cell", "hour", "day"):
        values = [f.value or 0.0 for key, f in rows.items() if key[:2] == (period, "a")]
        if longest <= 8 * HOUR:  # beyond it counting begins anew
            assert math.fsum(values) == pytest.approx((shown[-1] - shown[0]) * 3600, rel=1e-12)


def test_a_gap_has_the_shape_of_the_same_weekday(config: Config, tmp_path: Path) -> None:
    """Six hours of the second Wednesday, in which twice as much is counted as on the first.

    The days before the last one are too near to be final, and by the sun the hours are others:
    summer time has begun.
    """
    hours = range(9 * 24 + 8, 9 * 24 + 13)  # five readings, from 07:00 to 13:00 UTC of day 9
    gap = range(9 * 24 + 7, 9 * 24 + 13)
    log = without(every(more=gap), {"a": hours, "b": hours, "w": hours})
    path = runs.played(tmp_path / LEDGER, config, of(log))
    with ledger(config, played(log)) as other:
        assert_same(runs.revisions(path), runs.revisions(other))
    rows = runs.newest(path, "hour")
    counted = sum(2 * usual(hour) for hour in gap)
    model = [usual(hour + 1) for hour in gap]  # local time is an hour later than it was
    for hour, part in zip(gap, model, strict=True):
        figure = rows["hour", "a", BEGIN + hour * HOUR]
        assert figure.value == pytest.approx(3600 * counted * part / sum(model))
        assert (figure.distributed, figure.estimated, figure.coverage) == (1.0, 0.0, 1.0)
    # the power of the other one is back for the last hour
    rest = 2 * counted - 2 * usual(gap[-1])
    for hour, part in zip(gap[:-1], model, strict=False):
        twin = rows["hour", "b", BEGIN + hour * HOUR]
        assert twin.value == pytest.approx(3600 * rest * part / sum(model[:-1]))
    text = explain(config, "a", BEGIN + gap[1] * HOUR, "hour", None, tmp_path)
    assert "a  2025-04-02T06:00:00Z to 2025-04-02T12:00:00Z: 2025-03-26\n" in text + "\n"
    wednesday = BEGIN + 2 * 24 * HOUR
    start, end = BEGIN + gap[0] * HOUR, BEGIN + (gap[-1] + 1) * HOUR
    assert ("a", start, end, [wednesday]) in spread(path)


def test_without_such_a_day_a_gap_is_flat(config: Config, tmp_path: Path) -> None:
    hours = range(3 * 24 + 8, 3 * 24 + 13)
    log = [r for r in without(every(), {"a": hours}) if r[1] < BEGIN + 5 * 24 * HOUR]
    path = runs.played(tmp_path / "l", config, of(log))
    rows = runs.newest(path, "hour")
    values = [rows["hour", "a", BEGIN + h * HOUR].value for h in range(3 * 24 + 7, 3 * 24 + 13)]
    assert values == pytest.approx([values[0]] * 6)
    assert [row[3] for row in spread(path)] == [[]]


def test_a_late_reading_gives_each_part_its_own_shape(config: Config, tmp_path: Path) -> None:
    hours = range(9 * 24 + 8, 9 * 24 + 13)
    gone = without(every(), {"a": hours})
    late = [r for r in every() if r[:2] == ("a", BEGIN + (9 * 24 + 10) * HOUR)]
    at = next(n for n, r in enumerate(gone) if r[1] == BEGIN + (9 * 24 + 15) * HOUR)
    path = runs.played(tmp_path / "l", config, of([*gone[:at], *late, *gone[at:]], [at]))
    told = [(lo - BEGIN, hi - BEGIN) for meter, lo, hi, _ in spread(path) if meter == "a"]
    assert told == [
        ((9 * 24 + 7) * HOUR, (9 * 24 + 10) * HOUR),
        ((9 * 24 + 10) * HOUR, (9 * 24 + 13) * HOUR),
    ]
    whole = sorted([*gone, *late], key=lambda r: r[1])
    with ledger(config, of(whole)) as other:
        assert_same(list(runs.newest(path).values()), list(runs.newest(other).values()))
        assert spread(path) == spread(other)
    assert runs.newest(path, "hour")["hour", "a", BEGIN + (9 * 24 + 8) * HOUR].distributed == 1.0


@pytest.mark.parametrize("known", [FIRST + 6, HOURS - 6])
def test_recomputed_days_give_gaps_their_new_shape(
    config: Config, known: int, tmp_path: Path
) -> None:
    """From 10:00 on the first Wednesday on ten times as much was counted, as is found out later.

    That is before the gap of the second one, or behind it.
    """
    factor = f"[{{value: 1}}, {{from: {rfc3339(BEGIN + 58 * HOUR)}, value: 10}}]"
    (tmp_path / "wanted").mkdir()
    meters = (f"{METERS[0][:-1]}, multiplier: {factor}}}", *METERS[1:])
    wanted = runs.configured(tmp_path / "wanted", meters, MORE, "Europe/Berlin")
    log = without(every(), {"a": range(FIRST + 8, FIRST + 13)})
    at = next(n for n, reading in enumerate(log) if reading[1] == BEGIN + known * HOUR)
    run = Played(tmp_path / "ledger", config)
    for entry in runs.entries(log[:at], [3 * FIRST]):
        run.take(entry)
    run.recompute(wanted)
    for entry in of(log[at:]):
        run.take(entry)
    path = run.close()
    with ledger(wanted, of(log, [3 * FIRST, at])) as fresh:
        assert runs.newest(path) == runs.newest(fresh)
        assert spread(path) == spread(fresh)
    rows = runs.newest(path, "hour")
    values = [
        rows["hour", "a", BEGIN + hour * HOUR].value or 0.0 for hour in (FIRST + 8, FIRST + 9)
    ]
    assert values[1] / values[0] == pytest.approx(10 * usual(10) / usual(9))
