"""Laws of gaps that are filled as on the latest final days: whatever came when, in one revision."""

import statistics
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.config import Config
from greendc.core.facility import HOUR, MINUTE
from greendc.explain import explain
from greendc.files import LEDGER
from greendc.ports import Entry
from greendc.queries import Ledger
from greendc.revisions import worded
from tests import runs
from tests.recompute.kit import Played
from tests.runs import Reading
from tests.test_gap_laws import assert_same_newest, delayed, spread
from tests.test_ledger_laws import assert_same, ledger, of

BEGIN = parse_rfc3339("2025-03-20T23:00:00Z")  # a Friday in Berlin; the clocks change on day 9
HOURS = 12 * 24
FIRST = 8 * 24  # hour from which on something may be missing
LATE = 6 * 3600  # s, within the horizon
MORE = "cell: 1h\nlateness: 20min\nhorizon: 8h"
POWER = "unit: W, nominal: 1h, silent_after: 90min"
FILL = "fill: profile, fill_uncertainty: 10"
METERS = (
    f"{{id: it, point: pdu_out, kind: mean_next, {POWER}, class: 1, {FILL}}}",
    f"{{id: pump, point: cool_pump, kind: mean_prev, {POWER}, class: 1, {FILL}}}",
    f"{{id: feed, point: util, kind: mean_next, {POWER}, class: 1}}",
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return runs.configured(tmp_path_factory.mktemp("config"), METERS, MORE, "Europe/Berlin")


def load(hour: int) -> float:
    """IT [W] in an hour of the log."""
    return 100.0 + hour % 24 + 3 * (hour // 24 % 4)


def pump(hour: int) -> float:
    """What the pump takes [W]; the days differ."""
    return 10.0 + hour % 24 + 7 * (hour // 24 * 5 % 11)


def every() -> list[Reading]:
    out: list[Reading] = []
    for hour in range(HOURS):
        time = BEGIN + hour * HOUR
        out += [("it", time, load(hour)), ("pump", time, pump(hour - 1))]
        out.append(("feed", time, 200.0))
    return out


def without(log: Sequence[Reading], gone: dict[str, range]) -> list[Reading]:
    """The log without what tells of some hours."""
    later = {"pump": 1}
    lost = {(m, BEGIN + (h + later.get(m, 0)) * HOUR) for m, hours in gone.items() for h in hours}
    return [reading for reading in log if reading[:2] not in lost]


def played(log: Sequence[Reading], cuts: Sequence[int] = ()) -> list[Entry]:
    return of(log, [3 * FIRST, *cuts])


@st.composite
def logs(draw: st.DrawFn) -> list[Reading]:
    """Two days or less may lack up to thirty hours of each meter."""
    gone = {}
    for name in ("it", "pump"):
        first = draw(st.integers(FIRST, FIRST + 24))
        gone[name] = range(first, first + draw(st.integers(0, 24)))
    return without(every(), gone)


def near(data: st.DataObject, log: Sequence[Reading], most: int) -> list[int]:
    return data.draw(st.lists(st.integers(3 * FIRST, len(log)), max_size=most))


@given(logs(), st.data())
@settings(max_examples=4)
def test_order_within_the_horizon_leaves_no_trace(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    shuffled = [*delayed(data, log, LATE), *log[-9:]]
    assert_same_newest(config, played(shuffled, near(data, log, 6)), played(log))


@given(logs(), st.data())
@settings(max_examples=4)
def test_batches_and_kills_leave_no_trace_in_the_revisions(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    order = delayed(data, log, LATE) if data.draw(st.booleans()) else log
    entries = played(order, near(data, log, 12))
    numbers = st.sets(st.integers(0, len(entries) - 1))
    with ledger(config, entries, commits=data.draw(numbers), kills=data.draw(numbers)) as path:
        found, told = runs.revisions(path), spread(path)
    with ledger(config, of(order)) as path:
        assert_same(found, runs.revisions(path))
        assert told == spread(path)


def revised(path: Path) -> list[tuple[int, object]]:
    with Ledger(path) as held:
        return [(at, data["causes"]) for at, kind, data in held.events() if kind == "revised"]


def test_the_reason_names_the_reading_that_made_a_day_final(config: Config) -> None:
    log = without(every(), {"pump": range(8 * 24 + 5, 8 * 24 + 7)})
    with ledger(config, of(log)) as path, ledger(config, of(log, range(0, len(log), 7))) as other:
        found = revised(path)
        assert found == revised(other)
    start, end = BEGIN + (8 * 24 + 5) * HOUR, BEGIN + (8 * 24 + 7) * HOUR
    cause = {"kind": "filled", "meter": "pump", "from": start, "to": end}
    assert [causes for _, causes in found] == [[cause]]
    assert found[0][0] > BEGIN + (9 * 24 + 8) * HOUR
    assert worded(cause) == "pump: the day has become final, and what it lacks is filled in"


@given(logs(), st.data())
@settings(max_examples=3)
def test_order_within_the_lateness_leaves_no_trace_in_the_revisions(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    shuffled = delayed(data, log, 20 * 60 - 1)
    with (
        ledger(config, played(shuffled, near(data, log, 6))) as path,
        ledger(config, of(log)) as ordered,
    ):
        assert_same(runs.revisions(path), runs.revisions(ordered))


def test_a_day_is_filled_right_where_it_becomes_final(tmp_path: Path) -> None:
    """Before windows that end behind it are written, wherever the watermark stops next."""
    room = "{id: room, point: t_supply, quantity: temperature, unit: degC, nominal: 1h}"
    config = runs.configured(tmp_path, (*METERS, room), MORE, "Europe/Berlin")
    log = without(every(), {"it": range(8 * 24 + 20, 8 * 24 + 22)})
    with ledger(config, of(log)) as path:
        ((at, _),) = revised(path)
    before, behind = ([r for r in log if r[1] < at], [r for r in log if r[1] > at])
    rooms = [("room", at + 15 * MINUTE, 20.0), ("room", at + 25 * MINUTE, 20.0)]
    found = []
    for between in (rooms, rooms[::-1]):  # within the lateness; an hour's border lies between
        with ledger(config, of([*before, *between, *behind])) as path:
            found.append(runs.revisions(path))
    assert_same(*found)


def test_a_gap_is_the_median_of_seven_days_by_it_load(config: Config, tmp_path: Path) -> None:
    """Six hours before noon of day 8; the days before it are the seven from day 1 on."""
    gap = range(8 * 24 + 5, 8 * 24 + 11)
    path = runs.played(tmp_path / LEDGER, config, of(without(every(), {"pump": gap})))
    rows = runs.newest(path, "hour")
    for hour in gap:
        same = [24 * day + hour % 24 for day in range(1, 8)]
        usual = statistics.median(pump(h) for h in same)
        ratio = load(hour) / statistics.median(load(h) for h in same)
        figure = rows["hour", "pump", BEGIN + hour * HOUR]
        assert figure.value == pytest.approx(usual * ratio * 3600)
        assert (figure.coverage, figure.estimated, figure.reason) == (1.0, 1.0, "filled")
        assert figure.uncertainty == pytest.approx(2 / 3**0.5 * 0.1 * (figure.value or 0.0), 0.01)
    days = [BEGIN + 24 * day * HOUR for day in range(1, 8)]
    assert spread(path) == [("pump", BEGIN + gap[0] * HOUR, BEGIN + (gap[-1] + 1) * HOUR, days)]
    text = explain(config, "pump", BEGIN + gap[1] * HOUR, "hour", None, tmp_path)
    assert ": 2025-03-22, 2025-03-23, " in text
    told = [f for f in runs.revisions(path) if f.quantity == "pump" and f.period == "hour"]
    mine = [f for f in told if f.start == BEGIN + gap[0] * HOUR]
    assert [f.value is None for f in mine] == [True, False]


def test_it_load_itself_has_no_ratio(config: Config, tmp_path: Path) -> None:
    gap = range(8 * 24 + 5, 8 * 24 + 7)
    log = without(every(), {"it": gap, "pump": gap})
    rows = runs.newest(runs.played(tmp_path / "l", config, of(log)), "hour")
    for hour in gap:
        usual = statistics.median(load(24 * day + hour % 24) for day in range(1, 8))
        assert rows["hour", "it", BEGIN + hour * HOUR].value == pytest.approx(usual * 3600)
        # what IT was in these hours is an estimate itself
        assert rows["hour", "pump", BEGIN + hour * HOUR].value is None


def test_what_a_register_counted_over_hours_is_no_it_load_of_one(tmp_path: Path) -> None:
    """Of IT a register tells: what it counted in a gap is known, but not of its hours."""
    kind = "quantity: energy, unit: Wh, kind: register, nominal: 1h, silent_after: 90min"
    meters = (f"{{id: it, point: pdu_out, {kind}, max_gap: 90min}}", *METERS[1:])
    config = runs.configured(tmp_path, meters, MORE, "Europe/Berlin")
    gap = range(8 * 24 + 5, 8 * 24 + 8)
    log = [
        (meter, time, 100.0 * ((time - BEGIN) // HOUR) if meter == "it" else value)
        for meter, time, value in without(every(), {"it": gap, "pump": gap})
        if time < BEGIN + 10 * 24 * HOUR
    ]
    rows = runs.newest(runs.played(tmp_path / "l", config, of(log)), "hour")
    of_gap = [BEGIN + hour * HOUR for hour in (gap[0] - 1, *gap)]
    load = [rows["hour", "it", start] for start in of_gap]
    assert [f.value for f in load] == pytest.approx([100 * 3600] * 4)
    assert [f.distributed for f in load] == [1.0] * 4
    assert [rows["hour", "pump", start].value for start in of_gap[1:]] == [None] * 3


def test_part_of_an_hour_is_filled_in_part(tmp_path: Path) -> None:
    """With means of half an hour, one of which is gone."""
    meters = [meter.replace("nominal: 1h", "nominal: 30min") for meter in METERS]
    config = runs.configured(tmp_path, meters, MORE.replace("cell: 1h", "cell: 30min"))
    log: list[Reading] = []
    for half in range(24 * 2 * 12):
        time = BEGIN + half * HOUR // 2
        log += [("it", time, 100.0), ("pump", time, 30.0 if half % 2 else 10.0)]
    at = BEGIN + (8 * 24 + 5) * HOUR  # the mean of the half hour before it
    rows = runs.newest(
        runs.played(tmp_path / "l", config, of([r for r in log if r[:2] != ("pump", at)])), "hour"
    )
    figure = rows["hour", "pump", at - HOUR]
    # of 30 W in the first half nothing is lost, the other one is filled with the mean of both
    assert figure.value == pytest.approx((30 + 20) * 1800)
    assert figure.estimated == pytest.approx(20 / 50)


@pytest.mark.parametrize(("day", "known"), [(6, False), (7, True)])
def test_less_than_seven_days_fill_nothing(
    config: Config, day: int, known: bool, tmp_path: Path
) -> None:
    gap = range(day * 24 + 5, day * 24 + 7)
    log = without(every(), {"pump": gap})
    rows = runs.newest(runs.played(tmp_path / "l", config, of(log)), "hour")
    assert (rows["hour", "pump", BEGIN + gap[0] * HOUR].value is not None) == known


def test_what_was_filled_fills_nothing(config: Config, tmp_path: Path) -> None:
    """Of two days in a row the second one is filled from the days before the first one."""
    first, second = 8 * 24 + 5, 9 * 24 + 5
    log = without(every(), {"pump": range(first, second + 1)})
    path = runs.played(tmp_path / "l", config, of(log))
    told = [row for row in spread(path) if row[1] <= BEGIN + second * HOUR < row[2]]
    assert [row[3][-1] for row in told] == [BEGIN + 7 * 24 * HOUR]


def test_a_day_is_filled_once_it_is_final(config: Config) -> None:
    """Before that a late reading may still come, and the gap is missing."""
    log = without(every(), {"pump": range(8 * 24 + 5, 8 * 24 + 7)})
    early = [r for r in log if r[1] < BEGIN + (9 * 24 + 8) * HOUR]
    at = BEGIN + (8 * 24 + 5) * HOUR
    with ledger(config, of(early)[:-1]) as path:
        assert runs.newest(path, "hour")["hour", "pump", at].value is None
    # of an hour that is filled no reading is taken in any more
    late = [*log, ("pump", at + HOUR, 1.0)]
    with ledger(config, of(late)) as path, ledger(config, of(log)) as other:
        assert runs.newest(path) == runs.newest(other)


def test_recomputed_days_fill_gaps_anew(config: Config, tmp_path: Path) -> None:
    """From day 4 on the pump took ten times as much, as is found out when the gap is filled."""
    factor = f"[{{value: 1}}, {{from: {rfc3339(BEGIN + 4 * 24 * HOUR)}, value: 10}}]"
    (tmp_path / "wanted").mkdir()
    meters = (METERS[0], f"{METERS[1][:-1]}, multiplier: {factor}}}", METERS[2])
    wanted = runs.configured(tmp_path / "wanted", meters, MORE, "Europe/Berlin")
    gap = BEGIN + (8 * 24 + 5) * HOUR
    log = without(every(), {"pump": range(8 * 24 + 5, 8 * 24 + 7)})
    at = next(n for n, reading in enumerate(log) if reading[1] == BEGIN + (HOURS - 6) * HOUR)
    run = Played(tmp_path / "ledger", config)
    for entry in runs.entries(log[:at]):
        run.take(entry)
    run.commit()
    before = runs.newest(run.path, "hour")["hour", "pump", gap].value or 0.0
    run.recompute(wanted)
    for entry in of(log[at:]):
        run.take(entry)
    path = run.close()
    with ledger(wanted, of(log, [at])) as fresh:
        assert runs.newest(path) == runs.newest(fresh)
        assert spread(path) == spread(fresh)
    assert (runs.newest(path, "hour")["hour", "pump", gap].value or 0.0) > 1.5 * before > 0


def test_days_before_a_reload_are_not_filled(tmp_path: Path) -> None:
    """What was measured on them stands, though its readings are gone."""
    late = next(n for n, (_, time, _) in enumerate(every()) if time == BEGIN + (10 * 24 + 9) * HOUR)
    plain = [METERS[0].replace(f", {FILL}", ""), METERS[2]]
    (tmp_path / "b").mkdir()
    asking = runs.configured(tmp_path / "b", METERS, MORE, "Europe/Berlin")
    (tmp_path / "a").mkdir()
    before = runs.configured(tmp_path / "a", plain, MORE, "Europe/Berlin")
    log = without(every(), {"it": range(9 * 24 + 5, 9 * 24 + 7)})
    run = runs.Run(tmp_path / "l", before)
    for entry in runs.entries(log[:late]):
        run.take(entry)
    run.take(runs.config_event(asking))
    for entry in of(log[late:]):
        run.take(entry)
    path = run.close()
    assert spread(path) == []
    rows = runs.newest(path, "hour")
    gone = {f for key, f in rows.items() if key[1] == "feed" and f.value is None}
    assert gone == set()
