"""Laws of the ledger through the real pipeline and file: sums, order, batches, runs, restarts."""

import math
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.calendars import LocalCalendar, parse_rfc3339
from greendc.config import Config
from greendc.core.facility import HOUR, MINUTE, SECOND
from greendc.core.figure import OF_REFUSED, Figure
from greendc.ports import Entry
from tests import runs
from tests.runs import Key, Reading

ZONE = "Asia/Kolkata"
BEGIN = parse_rfc3339("2025-03-31T16:40:00Z")  # 80 minutes before a local month begins
NOTHING = -999.0  # a device's word for no value
REGISTER = f"quantity: energy, unit: Wh, kind: register, sentinels: [{NOTHING}]"
POWER = f"unit: W, nominal: 5min, class: 1, sentinels: [{NOTHING}]"
FROZEN = "spike: 200, frozen_after: 20min, siblings: row"
HEAT = "nominal: 15min, frozen_after: 46min, rate_per_min: 30, siblings: air"
FILL = "fill: linear"
ROOM = "quantity: temperature, unit: degC, nominal: 5min, siblings: air"
FAN = "silent_after: 10min, spike: 150, siblings: row"
METERS = (
    f"{{id: feed, point: util, {REGISTER}, nominal: 5min, rating_w: 30}}",
    f"{{id: it, point: pdu_out, kind: instant, {POWER}, {FILL}, spike: 250, rate_per_min: 60}}",
    f"{{id: pump, point: cool_pump, kind: mean_prev, {POWER}, {FILL}, {FROZEN}}}",
    f"{{id: fan, point: cool_crah_fan, kind: on_change, {POWER}, {FAN}}}",
    f"{{id: heat, point: q_reuse, unit: W, kind: mean_next, class: 2, {HEAT}}}",
    f"{{id: cold, point: cool_chiller, {REGISTER}, nominal: 15min, shape: drawn}}",
    "{id: drawn, point: none, quantity: power, unit: W, kind: mean_prev, nominal: 10min}",
    f"{{id: room, point: t_supply, {ROOM}, spike: 3, frozen_after: 16min}}",
)
MORE = """
cell: 5min
lateness: 20min
horizon: 30d
derived:
  - {id: loss, point: loss_power, share: 0.05, of: it, uncertainty: 0.005}
  - {id: light, point: aux_light, constant_w: 100, uncertainty_w: 10}
emissions:
  location: {factor: 400, year: 2024, source: made up}
"""
NOMINAL = {"feed": 5, "it": 5, "pump": 5, "fan": 5, "heat": 15, "room": 5, "cold": 15, "drawn": 10}
REFUSED = {"feed", "it", "pump", "fan"}  # meters that have nothing to tell at times
SPAN = 180  # minutes of a log


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return runs.configured(tmp_path_factory.mktemp("config"), METERS, MORE, ZONE)


@contextmanager
def ledger(
    config: Config,
    log: Sequence[Entry],
    *,
    commits: Collection[int] = (),
    kills: Collection[int] = (),
) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield runs.played(Path(folder) / "ledger", config, log, commits=commits, kills=kills)


@st.composite
def logs(draw: st.DrawFn) -> list[Reading]:
    """Three hours of all meters in the order of time, with silences, jumps, resets, repetition."""
    out: list[Reading] = []
    for name, minutes in NOMINAL.items():
        phase = draw(st.integers(0, 60 * minutes - 1))
        count = SPAN // minutes
        gone = draw(st.sets(st.integers(0, count - 1), max_size=count // 2))
        value = draw(st.integers(0, 1000)) / 8
        for i in range(count):
            same = value + 1.0 if name in {"feed", "cold"} else value
            value = draw(st.sampled_from([same, same, value + 1.0, value + 3.125, 0.5]))
            if i not in gone:
                shown = value if name in {"feed", "room", "cold"} else 100 * value
                refused = name in REFUSED and not draw(st.integers(0, 5))
                shown = NOTHING if refused else shown
                out.append((name, BEGIN + (60 * minutes * i + phase) * SECOND, shown))
    return sorted(out, key=lambda r: (r[1], r[0]))


def of(log: Sequence[Reading], cuts: Collection[int] = ()) -> list[Entry]:
    return [*runs.entries(log, cuts), runs.end()]


# -- sums -----------------------------------------------------------------------------------------

Spans = Callable[[Figure], tuple[str, Sequence[int]]]


def parts(figure: Figure, cell: int, calendar: LocalCalendar) -> tuple[str, Sequence[int]]:
    """The period that a figure is summed from, and where its parts begin."""
    lo, hi = figure.start, figure.end
    if figure.period in {"month", "12mo"}:
        return "day", [d for d in calendar.days(lo, hi) if lo <= d < hi]
    if figure.period == "year":
        return "month", [m for m in calendar.months(lo, hi) if lo <= m < hi]
    if figure.period == "hour" or lo % HOUR or hi % HOUR:
        return "cell", range(lo, hi, cell)
    return "hour", range(lo, hi, HOUR)


def lost(figure: Figure, inner: Sequence[Figure]) -> str | None:
    """The word to which most of the time that is not known is lost, the first listed of equals."""
    times: dict[str | None, int] = dict.fromkeys(OF_REFUSED, 0)
    for one in inner:
        if one.lost is not None:
            times[one.lost] += one.end - one.start - one.valid
    times[None] = figure.end - figure.start - figure.valid - sum(times.values())
    return max(times, key=lambda word: times[word]) if any(times.values()) else None


def assert_sums(rows: dict[Key, Figure], zone: str, cell: int = 5 * MINUTE) -> int:
    """Every longer period is the sum of the newest rows that it is made of; counts them."""
    calendar, checked = LocalCalendar(zone), 0
    for (period, name, start), figure in rows.items():
        if period == "cell":
            continue
        below, starts = parts(figure, cell, calendar)
        kept = "ipue" if name == "pue" else name
        assert min(figure.shares) >= 0, (period, name, start)
        assert math.fsum(figure.shares) == pytest.approx(1.0, abs=1e-12), (period, name, start)
        inner = [rows[below, kept, s] for s in starts if (below, kept, s) in rows]
        assert inner, (period, name, start)
        terms = np.stack([np.frombuffer(f.terms) for f in inner])
        exact = [math.fsum(column) for column in terms.T.tolist()]
        assert np.frombuffer(figure.terms).tolist() == exact, (period, name, start)
        assert figure.valid == sum(f.valid for f in inner), (period, name, start)
        assert figure.lost == lost(figure, inner), (period, name, start)
        checked += 1
    return checked


def assert_same(found: Sequence[Figure], wanted: Sequence[Figure]) -> None:
    """As ==, but says only which figures differ first."""
    strange = sorted(set(found) ^ set(wanted), key=lambda f: (f.period, f.start, f.quantity))
    assert not strange, strange[:2]
    assert list(found) == list(wanted)


# -- the newest figures depend on the readings alone -----------------------------------------------


def judged(path: Path) -> list[tuple[object, ...]]:
    """What readings were taken for; those refused count each time that they come."""
    return [row for row in runs.judged(path) if "sentinel" not in row]


@given(logs(), st.data())
@settings(max_examples=4)
def test_order_repetition_and_runs_leave_no_trace(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    """However a log comes, and whether its input ends now and then, beside the log as it is.

    Every period is the sum of its parts, whatever came late.
    """
    shuffled = data.draw(st.permutations(log + log))
    cuts = data.draw(st.lists(st.integers(0, len(shuffled)), max_size=6))
    ends = sorted(data.draw(st.sets(st.integers(1, len(log) - 1), min_size=1, max_size=3)))
    split = [part for entry in runs.entries(log, ends) for part in (entry, runs.end())]
    every = range(len(split))
    with ledger(config, of(log)) as ordered:
        wanted, words = list(runs.newest(ordered).values()), judged(ordered)
    with ledger(config, of(shuffled, cuts)) as path:
        found = runs.newest(path)
        assert_same(list(found.values()), wanted)
        assert judged(path) == words
        assert assert_sums(found, ZONE) > 0
    with ledger(config, split, commits=every, kills=every) as path:
        assert_same(list(runs.newest(path).values()), wanted)


def test_cells_of_meters_closed_beneath_one_that_an_end_closed_are_in_its_uncertainty(
    config: Config,
) -> None:
    """An end of input closes 15 minutes of a total, of the pump the 5 that there are readings of.

    What comes behind it makes all of them known before the watermark lets the pump's own be closed.
    """
    begun = [at("cold", 24, 0.5)]
    inside = [at("pump", 67, 362.5), at("fan", 71, 875.0)]
    behind = [at("pump", 82, 987.5), at("cold", 84, 0.5), at("drawn", 113, 250.0)]
    split = [entry for part in (begun, inside, behind) for entry in (runs.batch(part), runs.end())]
    with ledger(config, of([*begun, *inside, *behind])) as whole, ledger(config, split) as path:
        assert_same(list(runs.newest(path).values()), list(runs.newest(whole).values()))


def at(meter: str, minute: int, value: float) -> Reading:
    return meter, BEGIN + minute * MINUTE, value


# -- batches and restarts leave no trace in the revisions either -----------------------------------


@given(logs(), st.data())
@settings(max_examples=6)
def test_batches_and_kills_leave_no_trace_in_the_revisions(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(log)) if data.draw(st.booleans()) else log
    cuts = data.draw(st.lists(st.integers(0, len(log)), max_size=12))
    entries = of(order, cuts)
    numbers = st.sets(st.integers(0, len(entries) - 1))
    with ledger(config, entries, commits=data.draw(numbers), kills=data.draw(numbers)) as path:
        found, judged = runs.revisions(path), runs.judged(path)
    with ledger(config, of(order)) as path:
        assert_same(found, runs.revisions(path))
        assert judged == runs.judged(path)


@given(logs(), st.data())
@settings(max_examples=4)
def test_order_within_the_lateness_leaves_no_trace_in_the_revisions(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    delays = st.integers(0, 20 * 60 - 1)
    delayed = sorted((r[1] + data.draw(delays) * SECOND, n, r) for n, r in enumerate(log))
    shuffled = [r for _, _, r in delayed]
    cuts = data.draw(st.lists(st.integers(0, len(log)), max_size=6))
    with ledger(config, of(shuffled, cuts)) as path, ledger(config, of(log)) as ordered:
        assert_same(runs.revisions(path), runs.revisions(ordered))


def test_silence_is_told_in_the_same_way_whatever_reading_came_first(tmp_path: Path) -> None:
    """The first minute is closed as silent before 150 s is known, then corrected: both times."""
    meter = f"{{id: feed, point: util, {REGISTER}, nominal: 60s, silent_after: 60s}}"
    used = runs.configured(tmp_path, [meter], "cell: 60s\nlateness: 2min")
    log = [("feed", BEGIN + runs.at(second), 1.0 + second) for second in (0, 150, 250, 330)]
    with ledger(used, of(log)) as path, ledger(used, of([*log[:2], log[3], log[2]])) as other:
        found = runs.revisions(path)
        assert_same(found, runs.revisions(other))
    first = [f for f in found if f.period == "cell" and f.start == BEGIN and f.quantity == "feed"]
    assert [f.status for f in first] == ["undefined", "ok"]
