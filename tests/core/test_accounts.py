"""Identities between the accounts of one ledger, and its totals' indifference to order."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.calendars import parse_rfc3339
from greendc.core.accounts import meter_grid
from greendc.core.facility import HOUR, MINUTE
from greendc.core.figure import Figure
from tests import runs
from tests.runs import Reading

BEGIN = parse_rfc3339("2025-03-01T00:00:00Z")
MEAN = "unit: W, kind: mean_next, nominal: 5min, class: 1"
METERS = (
    f"{{id: feed, point: util, {MEAN}}}",
    f"{{id: it_a, point: pdu_out, {MEAN}}}",
    f"{{id: it_b, point: pdu_out, {MEAN}}}",
    f"{{id: it_c, point: pdu_out, {MEAN}}}",
    f"{{id: pump, point: cool_pump, {MEAN}}}",
    f"{{id: fan, point: cool_crah_fan, {MEAN}}}",
    f"{{id: light, point: aux_light, {MEAN}}}",
    f"{{id: heat, point: q_reuse, {MEAN}}}",
)
NAMES = ("feed", "it_a", "it_b", "it_c", "pump", "fan", "light", "heat")
MORE = "cell: 5min\nlateness: 10min\nhorizon: 30d"
SUBSYSTEMS = ("cooling", "lighting", "other")
powers = st.tuples(
    st.floats(2000.0, 9000.0), *[st.floats(100.0, 500.0)] * 3, *[st.floats(-5.0, 100.0)] * 4
)


def log(samples: list[tuple[float, ...]]) -> list[Reading]:
    """Rows of power, one every five minutes, in the order of `NAMES`."""
    return [
        (name, BEGIN + i * 5 * MINUTE, watt)
        for i, row in enumerate(samples)
        for name, watt in zip(NAMES, row, strict=True)
    ]


def hour(path: Path) -> dict[str, Figure]:
    found = runs.newest(path, "hour")
    return {name: f for (_, name, start), f in found.items() if start == BEGIN}


def value(rows: dict[str, Figure], name: str) -> float:
    found = rows[name].value
    assert found is not None, rows[name]
    return found


@given(st.lists(powers, min_size=12, max_size=12))
@settings(max_examples=15)
def test_parents_are_children_and_residual(
    tmp_path_factory: pytest.TempPathFactory, samples: list[tuple[float, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("identities")
    used = runs.configured(folder, METERS, MORE)
    rows = hour(runs.played(folder / "l", used, [*runs.entries(log(samples)), runs.end()]))
    parts = [value(rows, f"subsystem_{name}") for name in SUBSYSTEMS]
    assert value(rows, "e_dc") == pytest.approx(value(rows, "e_it") + sum(parts), rel=1e-12)
    partial = [value(rows, f"ppue_{name}") for name in SUBSYSTEMS]
    pue = value(rows, "ipue")
    assert pue == pytest.approx(1 + sum(p - 1 for p in partial), rel=1e-12)
    assert value(rows, "ere") == pytest.approx((1 - value(rows, "erf")) * pue, rel=1e-12)
    assert value(rows, "dcie") == pytest.approx(1 / pue, rel=1e-12)


def test_the_order_of_meters_in_the_file_changes_no_figure(tmp_path: Path) -> None:
    rng = random.Random(7)
    samples = [(5000.0, *[10.0 ** rng.uniform(-3, 3) for _ in range(7)]) for _ in range(12)]
    found = []
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        shuffled = rng.sample(METERS, len(METERS))
        used = runs.configured(folder, shuffled, MORE)
        path = runs.played(folder / "l", used, [*runs.entries(log(samples)), runs.end()])
        totals = ("e_dc", "e_it", "subsystem_cooling", "subsystem_other", "ipue", "ere")
        found.append({name: value(hour(path), name) for name in totals})
    assert found[1:] == found[:-1]


def test_a_slow_meter_does_not_hold_back_a_correction_of_a_fast_one(tmp_path: Path) -> None:
    """Accounts that are closed to different times share the cells that a late reading reopens."""
    slow = "unit: W, kind: mean_next, silent_after: 9h"
    meters = (
        f"{{id: it, point: pdu_out, {slow}, nominal: 5min}}",
        f"{{id: heat, point: q_reuse, {slow}, nominal: 30min}}",
        "{id: air, point: t_oa, unit: degC, kind: instant, nominal: 5min}",
    )
    run = runs.Run(tmp_path / "l", runs.configured(tmp_path, meters, f"{MORE}\ne_dc: bottom_up"))
    log = [("it", BEGIN + i * 5 * MINUTE, 100.0) for i in range(36) if i != 2]
    run.take(runs.batch([("heat", BEGIN, 50.0), *log, ("air", BEGIN + 4 * HOUR, 9.0)]))
    run.take(runs.batch([("it", BEGIN + 10 * MINUTE, 700.0)]))
    run.take(runs.batch([("air", BEGIN + 5 * HOUR, 9.0)]))
    rows = hour(run.close())
    assert "heat" not in rows
    assert value(rows, "it") == (11 * 100.0 + 700.0) * 300
    assert rows["it"].coverage == 1.0


@pytest.mark.parametrize(
    ("nominal", "cell", "limit", "grid"),
    [(60, 60, 3600, 60), (90, 60, 3600, 120), (420, 60, 3600, 600), (3600, 60, 1800, 1800),
     (7200, 60, 3600, 3600), (900, 300, 900, 900)],
)  # fmt: skip
def test_grids_divide_what_they_must(nominal: int, cell: int, limit: int, grid: int) -> None:
    second = HOUR // 3600
    assert meter_grid(nominal * second, cell * second, limit * second) == grid * second
