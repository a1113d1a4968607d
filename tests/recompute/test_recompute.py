"""Recomputed figures are those of a configuration that had always been so, and no other changes."""

from pathlib import Path

import pytest

from greendc.config import Config
from greendc.core.facility import HOUR, MINUTE
from tests import runs
from tests.recompute.kit import BEGIN, CHANGE, FROM, HOURS, Played
from tests.runs import Reading

METERS = (
    "{id: it_a, point: pdu_out, unit: W, kind: mean_next, nominal: 10min, class: 1}",
    "{id: it_b, point: pdu_out, unit: W, kind: mean_next, nominal: 10min, class: 1}",
    "{id: pump, point: cool_pump, unit: W, kind: instant, nominal: 10min, class: 1}",
    "{id: heat, quantity: energy, point: aux_other, unit: kWh, kind: register, nominal: 10min}",
)
MORE = """
cell: 10min
e_dc: bottom_up
lateness: 20min
emissions: {location: {factor: %s, year: 2025, source: made up}}
derived: [{id: loss, point: loss_power, share: %s, of: it_a}]
"""


def site(folder: Path, *meters: str, factor: str = "400", share: str = "0.1") -> Config:
    return runs.configured(folder, meters or METERS, MORE % (factor, share))


def dated(key: str, meter: str, old: object, new: object) -> str:
    """A meter with a value that changes at `CHANGE`."""
    return f"{meter[:-1]}, {key}: [{{value: {old}}}, {{{FROM}, value: {new}}}]}}"


def log(lo: float = 0, hi: float = HOURS) -> list[Reading]:
    found = []
    for time in range(int(BEGIN + lo * HOUR), int(BEGIN + hi * HOUR), 10 * MINUTE):
        step = (time - BEGIN) // (10 * MINUTE)
        found += [("it_a", time, 1000.0 + step % 7), ("it_b", time, 500.0 + step % 5)]
        found += [("pump", time, 300.0 + step % 3), ("heat", time, 5.0 + 0.1 * step)]
    return found


CHANGES = {
    "multiplier": {0: dated("multiplier", METERS[0], 1, 10)},
    "register": {3: dated("multiplier", METERS[3], 1, 10)},
    "unit": {2: METERS[2].replace("unit: W", f"unit: [{{value: W}}, {{{FROM}, value: kW}}]")},
    "point": {
        1: METERS[1].replace("point: pdu_out", f"point: [{{value: pdu_out}}, {{{FROM}, value: none}}]"
        ", quantity: power")
    },
}


def changed_meters(change: str) -> tuple[str, ...]:
    return tuple(CHANGES[change].get(i, meter) for i, meter in enumerate(METERS))


@pytest.mark.parametrize("change", CHANGES)
def test_as_if_it_had_always_been_so(change: str, tmp_path: Path) -> None:
    config = site(tmp_path)
    (tmp_path / "new").mkdir()
    wanted = site(tmp_path / "new", *changed_meters(change))
    run = Played(tmp_path / "ledger", config)
    run.take(runs.batch(log(0, 28)))
    run.commit()
    before = {(f.period, f.quantity, f.start): f for f in runs.revisions(run.path)}
    run.recompute(wanted)
    run.take(runs.batch(log(28)))
    run.take(runs.end())
    path = run.close()
    fresh = runs.played(tmp_path / "fresh", wanted, [runs.batch(log()), runs.end()])
    assert runs.newest(path) == runs.newest(fresh)
