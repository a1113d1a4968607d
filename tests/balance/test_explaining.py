"""What is found in hours of a small chain, and what is not."""

import numpy as np
import pytest

from greendc.core import nodes
from greendc.core.facility import Derived, Node, Op
from greendc.core.mistakes import MISTAKES
from tests.balance.kit import FEEDS, POINTS, chain, first, hours, told, windows

COMMON = [mistake.gain for mistake in MISTAKES if not mistake.rare]


@pytest.mark.parametrize("seed", range(20))
def test_a_sound_chain_gives_no_finding(seed: int) -> None:
    assert told(hours(seed=seed)) == []


@pytest.mark.parametrize("meter", POINTS)
@pytest.mark.parametrize("gain", COMMON)
def test_one_mistake_is_named(meter: str, gain: float) -> None:
    counted = hours()
    counted[meter] = counted[meter] / gain
    found = [first(one) for one in told(counted)]
    assert found == [(meter, gain)]


@pytest.mark.parametrize("count", [2, 3])
def test_it_takes_three_hours_in_a_row(count: int) -> None:
    counted = hours(12)
    counted["ups_out"][-count:] *= 10
    assert bool(told(counted)) == (count >= 3)


@pytest.mark.parametrize("count", [2, 3])
def test_it_ends_when_the_balance_is_back_for_three_hours(count: int) -> None:
    counted = hours(12)
    counted["ups_out"][:-count] *= 10
    assert bool(told(counted)) == (count < 3)


def test_an_hour_in_balance_now_and_then_does_not_hide_it() -> None:
    counted = hours(12)
    counted["ups_out"] = counted["ups_out"] * np.where(np.arange(12) % 4 == 3, 1, 10)
    assert [first(one) for one in told(counted)] == [("ups_out", 0.1)]


def test_a_missing_hour_says_nothing() -> None:
    counted = hours(12)
    counted["ups_out"][-4:] *= 10
    counted["ups_out"][-2] = np.nan
    found = told(counted)
    assert first(found[0]) == ("ups_out", 0.1)
    assert found[0].rows.sum() == 3


def test_an_hour_in_which_the_fault_began_does_not_hide_it() -> None:
    counted = hours(12)
    counted["ups_out"][-4:] *= 10
    counted["ups_out"][-4] *= 0.5
    assert first(told(counted)[0]) == ("ups_out", 0.1)


def test_a_meter_that_is_counted_twice_is_named_at_its_node() -> None:
    found = told(hours(), chain(FEEDS | {"rack_b": ("ups_out",)}))
    twice = [e for f in found for e in f.explanations if e.mistake.kind == "twice"]
    assert [(tuple(POINTS)[e.meter], e.at) for e in twice] == [("rack_b", "ups_out")]


def test_two_mistakes_are_both_named() -> None:
    counted = hours()
    counted["rack_c"] = counted["rack_c"] * 10
    counted["chiller"] = counted["chiller"] * 100
    assert {first(one) for one in told(counted)} == {("rack_c", 0.1), ("chiller", 0.01)}


@pytest.mark.parametrize(("meter", "gain"), [("rack_a", 0.1), ("rack_a", 3.0), ("pdu", 100.0)])
def test_a_meter_that_a_difference_is_made_of_is_named(meter: str, gain: float) -> None:
    """`net` is what the PDU gives beside rack A, and is no meter that anybody could mend."""
    net = Derived("net", "pdu_out", Op.DIFFERENCE, ("pdu", "rack_a"))
    node = nodes.taken_apart(Node("ups_out", (("ups_out", 1.0),), (("net", 0.95),)), [net])
    counted = hours()
    counted["ups_out"] = 1.005 * (counted["pdu"] - counted["rack_a"])
    assert told(counted, [node]) == []
    counted[meter] = counted[meter] / gain
    (found,) = told(counted, [node])
    assert first(found) == (meter, gain)
    assert not found.undecided


def test_what_cannot_be_told_apart_is_said() -> None:
    """At one node with one meter on either side, either may be wrong."""
    alone = [node for node in chain({"ups_out": ("ups_in",)}) if node.name == "ups_in"]
    counted = hours()
    counted["ups_out"] = counted["ups_out"] / 10
    (found,) = told(counted, alone)
    named = {(tuple(POINTS)[e.meter], e.mistake.gain) for e in found.explanations}
    assert {("ups_out", 10.0), ("ups_in", 0.1)} <= named


def test_a_loss_that_no_mistake_explains_is_told_all_the_same() -> None:
    counted = hours()
    random = np.random.default_rng(3)
    counted["ups_out"] *= random.uniform(0.2, 0.7, 24)
    found = told(counted)
    assert {name for one in found for name in one.nodes} == {"ups_in", "ups_out"}
    assert all(not one.explanations for one in found)


def test_nothing_flows_is_no_finding() -> None:
    counted = {name: 0.0001 * amount for name, amount in hours().items()}
    counted["ups_out"] = counted["ups_out"] * 3
    assert told(counted) == []


def test_the_evidence_is_told() -> None:
    counted = hours()
    counted["pdu"] = counted["pdu"] * 2 / 3
    (found,) = told(counted)
    assert set(found.nodes) == {"pdu", "ups_out"}
    assert abs(found.before) == pytest.approx(1 / 3, abs=0.02)
    assert found.after is not None
    assert abs(found.after) < 0.02
    assert found.spread < 0.01
    assert found.rows.sum() == len(windows(counted).start)
