"""Energy is conserved at every node of any site, to the millijoule."""

import numpy as np
from hypothesis import given, settings

from greendc.core.quantities import POINTS
from greendc.simulate.account import Account
from greendc.simulate.scenario import Scenario
from greendc.simulate.site import chunks, points
from greendc.simulate.truth import Chunk
from tests.simulate.sites import WINTER, scenario, scenarios, site

LOADS = ("it_in", "cool_", "aux_", "loss_power", "reuse_hp")


def whole(built: Scenario) -> Chunk:
    return next(chunks(built, built.sites[0]))


@settings(max_examples=60, deadline=None)
@given(scenarios())
def test_what_goes_in_comes_out(built: Scenario) -> None:
    chunk = whole(built)
    for inputs, outputs in chunk.balances:
        gap = sum(chunk.powers[n] for n in inputs) - sum(chunk.powers[n] for n in outputs)
        assert not np.any(gap), (inputs, outputs)


@settings(max_examples=40, deadline=None)
@given(scenarios())
def test_all_that_enters_is_used_somewhere(built: Scenario) -> None:
    """The whole site as one node: no balance is needed for this one."""
    chunk = whole(built)
    signs = {"util": 1, "genset_out": 1, "onsite_re": 1, "export": -1}
    gap = np.zeros(chunk.count, np.int64)
    for name, power in chunk.powers.items():
        place, point = name.split(".")
        gap += signs.get(point, 0) * power
        if point.startswith(LOADS) or place.startswith("battery-"):
            gap -= power
    assert not np.any(gap)


@settings(max_examples=40, deadline=None)
@given(scenarios())
def test_all_heat_leaves_the_halls(built: Scenario) -> None:
    """What IT, fans and lamps of the halls draw is what the halls give, and no less."""
    chunk = whole(built)
    inside = sum(p for n, p in chunk.powers.items() if n.endswith((".it_in", ".aux_light")))
    removed = sum(p for n, p in chunk.powers.items() if n.endswith(".q_removed"))
    assert np.all(np.asarray(removed) >= np.asarray(inside))


@settings(max_examples=40, deadline=None)
@given(scenarios())
def test_no_power_is_negative_but_a_batterys_and_a_transformers(built: Scenario) -> None:
    for name, power in whole(built).powers.items():
        place, point = name.split(".")
        if not place.startswith("battery-") and point != "tx_out":
            assert power.min() >= 0, name


@settings(max_examples=40, deadline=None)
@given(scenarios())
def test_an_account_holds_what_the_chunks_hold(built: Scenario) -> None:
    account, chunk = Account(built, built.sites[0]), whole(built)
    account.add(chunk)
    totals = account.totals(chunk.begin, chunk.end)
    for name, energy in totals.energy.items():
        assert energy == sum(chunk.powers[name].tolist()) * (chunk.step // 10**9)
    parts = [totals.e_it(3), *(totals.subsystem(name) for name in _subsystems())]
    stored = sum(e for name, e in totals.energy.items() if name.startswith("battery-"))
    assert totals.e_dc == sum(parts) + stored


EVERYTHING: tuple[tuple[str, str], ...] = (
    ("utility_lost", "feed-a"),
    ("ups_bypass", "ups-b"),
    ("chiller_failed", "chiller-1"),
    ("damper_stuck", "economiser"),
    ("filter_blocked", "*"),
    ("hot_aisle_leak", "hall"),
)


def test_energy_is_conserved_while_all_goes_wrong_at_once() -> None:
    faults = [
        {"kind": kind, "what": what, "from": WINTER, "for": f"{hours}h"}
        for hours, (kind, what) in enumerate(EVERYTHING, 1)
    ]
    solar, reuse = {"peak_w": 200e3}, {"source_w": 20e3}
    built = scenario(site(faults=faults, solar=solar, reuse=reuse), WINTER, step="10s")
    assert points(built, built.sites[0])
    chunk = whole(built)
    assert chunk.powers["genset-a.genset_out"].any()
    for inputs, outputs in chunk.balances:
        gap = sum(chunk.powers[n] for n in inputs) - sum(chunk.powers[n] for n in outputs)
        assert not np.any(gap), (inputs, outputs)


def _subsystems() -> set[str]:
    return {point.subsystem for point in POINTS.values() if point.subsystem is not None}
