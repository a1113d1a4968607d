"""Laws of registers with a power: order, batches, restarts, and no energy won or lost by shape."""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.calendars import parse_rfc3339
from greendc.config import Config
from greendc.core.facility import MINUTE, SECOND
from greendc.ports import Entry
from tests import runs
from tests.runs import Reading
from tests.test_ledger_laws import assert_same, ledger, of

BEGIN = parse_rfc3339("2025-03-31T16:40:00Z")
REGISTER = "point: none, quantity: energy, unit: Wh, kind: register"
POWER = "point: none, quantity: power, unit: W"
SILENT = "silent_after: 20min"
PAIRS = {  # power: kind and interval in min, of the register another interval
    "a": (f"kind: instant, nominal: 6min, max_gap: 20min, {SILENT}, spike: 250", 6, 15),
    "b": ("kind: mean_next, nominal: 10min, frozen_after: 40min", 10, 5),
    "c": (f"kind: on_change, nominal: 10min, {SILENT}, spike: 150, fill: linear", 10, 40),
    "d": ("kind: mean_prev, nominal: 15min, rate_per_min: 20", 15, 25),
}
MORE = "cell: 5min\nlateness: 20min\nhorizon: 30d"
SPAN = 180  # minutes of a log


def meters(shape: str) -> list[str]:
    found = []
    for name, (power, _, minutes) in PAIRS.items():
        rule = f"{REGISTER}, nominal: {minutes}min"
        found.append(f"{{id: {name}, {rule}, {shape.format(name)}}}")
        found.append(f"{{id: p{name}, {POWER}, {power}}}")
    return found


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return runs.configured(tmp_path_factory.mktemp("config"), meters("shape: p{}"), MORE)


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return runs.configured(tmp_path_factory.mktemp("config"), meters("class: 1"), MORE)


@st.composite
def logs(draw: st.DrawFn) -> list[Reading]:
    """Three hours of all meters in the order of time, with silences, jumps and resets."""
    out: list[Reading] = []
    for name, (_, often, seldom) in PAIRS.items():
        for meter, minutes in ((name, seldom), (f"p{name}", often)):
            phase = draw(st.integers(0, 60 * minutes - 1))
            count = SPAN // minutes
            gone = draw(st.sets(st.integers(0, count - 1), max_size=count // 2))
            value = draw(st.integers(0, 1000)) / 8
            for i in range(count):
                same = value + 1.0 if meter == name else value
                value = draw(st.sampled_from([same, same, value + 1.0, value + 3.125, 0.5]))
                if i not in gone:
                    at = BEGIN + (60 * minutes * i + phase) * SECOND
                    out.append((meter, at, value))
    return sorted(out, key=lambda r: (r[1], r[0]))


@given(logs(), st.data())
@settings(max_examples=4)
def test_order_and_repetition_leave_no_trace(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(log + log))
    cuts = data.draw(st.lists(st.integers(0, len(shuffled)), max_size=6))
    with ledger(config, of(shuffled, cuts)) as path, ledger(config, of(log)) as ordered:
        assert_same(list(runs.newest(path).values()), list(runs.newest(ordered).values()))
        assert runs.judged(path) == runs.judged(ordered)


@given(logs(), st.data())
@settings(max_examples=6)
def test_batches_and_kills_leave_no_trace_in_the_revisions(
    config: Config, log: list[Reading], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(log)) if data.draw(st.booleans()) else log
    entries = of(order, data.draw(st.lists(st.integers(0, len(log)), max_size=12)))
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


def energies(config: Config, log: Sequence[Reading]) -> dict[str, tuple[float, float]]:
    """What each meter counted in all its cells, without and with what is estimated in it [J]."""
    cells: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with ledger(config, of(log)) as path:
        for figure in runs.newest(path, "cell").values():
            value, guessed, spread = np.frombuffer(figure.terms)
            assert guessed + spread <= abs(value) * (1 + 1e-12)
            cells[figure.quantity].append((value - guessed, value))
    return {
        name: (math.fsum(counted for counted, _ in each), math.fsum(value for _, value in each))
        for name, each in cells.items()
    }


@given(logs())
@settings(max_examples=6)
def test_shape_neither_adds_energy_nor_takes_it_away(
    config: Config, apart: Config, log: list[Reading]
) -> None:
    """What is counted is what the register alone counts; estimates are beside it."""
    found, wanted = energies(config, log), energies(apart, log)
    for name in wanted:
        assert found[name][0] == pytest.approx(wanted[name][0], rel=1e-9), name
        assert found[name][1] >= wanted[name][1] * (1 - 1e-12), name


def test_a_register_that_comes_back_takes_the_shape_of_the_time_it_was_away(
    tmp_path: Path,
) -> None:
    """Three hours of silence are closed with estimates; then the register tells of them.

    3 kWh in three hours in which the power was 0.5, 2 and 0.5 kW: 0.5, 2 and 0.5 kWh.
    """
    twins = [
        f"{{id: feed, {REGISTER}, nominal: 5min, shape: main}}",
        f"{{id: main, {POWER}, kind: mean_next, nominal: 5min}}",
    ]
    used = runs.configured(tmp_path, twins, MORE)
    hour = parse_rfc3339("2025-03-31T17:00:00Z")
    power = [500.0 if minute < 60 or minute >= 120 else 2000.0 for minute in range(0, 180, 5)]
    log = [("main", hour + 5 * i * MINUTE, value) for i, value in enumerate(power)]
    log += [("feed", hour, 1000.0), ("feed", hour + 180 * MINUTE, 4000.0)]
    log += [("main", hour + 180 * MINUTE, 500.0)]
    with ledger(used, of(sorted(log, key=lambda r: r[1]), range(len(log)))) as path:
        found = runs.newest(path, "hour")
        revisions = runs.revisions(path)
    kwh = [(found["hour", "feed", hour + 60 * n * MINUTE].value or 0) / 3.6e6 for n in range(3)]
    assert kwh == pytest.approx([0.5, 2.0, 0.5], rel=1e-12)
    first = [f for f in revisions if (f.period, f.quantity, f.start) == ("hour", "feed", hour)]
    assert [f.status for f in first] == ["estimated", "ok"]


@pytest.mark.parametrize("wh", [9.1, 10.6, 12.8])
def test_a_power_that_goes_on_behind_an_end_leaves_no_trace_in_a_bit(
    tmp_path: Path, wh: float
) -> None:
    """A stretch of the same power in two pieces: each has what its register counted, rounded."""
    kinds = f"nominal: 60s, {SILENT}"
    rules = f"id: wh, {REGISTER}, {kinds}, shape: w", f"id: w, {POWER}, kind: on_change, {kinds}"
    config = runs.configured(tmp_path, [f"{{{rule}}}" for rule in rules], "cell: 5min")
    first, after = ("w", BEGIN + 2100 * SECOND + 2, 250.0), ("w", BEGIN + 2400 * SECOND, 250.0)
    counted = [("wh", BEGIN + 1, 0.0), ("wh", BEGIN + 2813 * SECOND, wh)]
    plain: list[Entry] = [runs.batch([counted[0], first, after, counted[1]]), runs.end()]
    late: list[Entry] = [runs.batch([first, *counted]), runs.end(), runs.batch([after]), runs.end()]
    found = [
        runs.newest(runs.played(tmp_path / str(len(log)), config, log)) for log in (plain, late)
    ]
    assert found[0] == found[1]
