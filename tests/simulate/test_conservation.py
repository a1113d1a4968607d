"""Energy is conserved at every node of any site, to the millijoule."""

import numpy as np
from hypothesis import given, settings

from greendc.core.quantities import POINTS
from greendc.simulate.account import Account
from greendc.simulate.scenario import Scenario
from greendc.simulate.site import chunks
from greendc.simulate.truth import Chunk
from tests.simulate.sites import scenarios

LOADS = ("it_in", "cool_", "aux_", "loss_power", "reuse_hp")


def whole(scenario: Scenario) -> Chunk:
    return next(chunks(scenario, scenario.sites[0]))


@settings(max_examples=60, deadline=None)
@given(scenarios())
def test_what_goes_in_comes_out(scenario: Scenario) -> None:
    chunk = whole(scenario)
    for inputs, outputs in chunk.balances:
        gap = sum(chunk.powers[n] for n in inputs) - sum(chunk.powers[n] for n in outputs)
        assert not np.any(gap), (inputs, outputs)


@settings(max_examples=40, deadline=None)
@given(scenarios())
def test_all_that_enters_is_used_somewhere(scenario: Scenario) -> None:
    """The whole site as one node: no balance is needed for this one."""
    chunk = whole(scenario)
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
def test_all_heat_leaves_the_halls(scenario: Scenario) -> None:
    """What IT, fans and lamps of the halls draw is what the halls give, and no less."""
    chunk = whole(scenario)
    inside = sum(p for n, p in chunk.powers.items() if n.endswith((".it_in", ".aux_light")))
    removed = sum(p for n, p in chunk.powers.items() if n.endswith(".q_removed"))
    assert np.all(np.asarray(removed) >= np.asarray(inside))


@settings(max_examples=40, deadline=None)
@given(scenarios())
def test_no_power_is_negative_but_a_batterys_and_a_transformers(scenario: Scenario) -> None:
    for name, power in whole(scenario).powers.items():
        place, point = name.split(".")
        if not place.startswith("battery-") and point != "tx_out":
            assert power.min() >= 0, name


@settings(max_examples=40, deadline=None)
@given(scenarios())
def test_an_account_holds_what_the_chunks_hold(scenario: Scenario) -> None:
    site = scenario.sites[0]
    account, chunk = Account(scenario, site), whole(scenario)
    account.add(chunk)
    totals = account.totals(chunk.begin, chunk.end)
    for name, energy in totals.energy.items():
        assert energy == sum(chunk.powers[name].tolist()) * (chunk.step // 10**9)
    parts = [totals.e_it(3), *(totals.subsystem(name) for name in _subsystems())]
    stored = sum(e for name, e in totals.energy.items() if name.startswith("battery-"))
    assert totals.e_dc == sum(parts) + stored


def _subsystems() -> set[str]:
    return {point.subsystem for point in POINTS.values() if point.subsystem is not None}
