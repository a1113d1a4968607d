"""Mistakes of meters that are too small for the balance, seen in their course."""

from dataclasses import replace

import numpy as np
import pytest

from greendc.core.mistakes import MISTAKES
from tests.balance.kit import Hall

COMMON = [mistake.gain for mistake in MISTAKES if not mistake.rare]
SMALL = "rack-07"


@pytest.mark.parametrize("seed", range(20))
def test_a_sound_hall_gives_no_finding(seed: int) -> None:
    hall = Hall.of(48, seed=seed)
    assert [hall.named(upto) for upto in range(12, 49)] == [[]] * 37


@pytest.mark.parametrize("gain", COMMON)
def test_a_small_meter_is_named(gain: float) -> None:
    assert Hall.of().scaled(SMALL, 1 / gain).named() == [(SMALL, gain)]


def test_the_course_is_told_as_evidence() -> None:
    """Of a missing phase the node is in balance: a hundredth is within classes and losses."""
    (found,) = Hall.of().scaled(SMALL, 2 / 3).told()
    slope = found.slope
    assert slope is not None
    assert abs(found.before) < 0.03
    assert abs(slope.worth - 1.5) < 3 * slope.doubt
    assert (slope.doubt < 0.05, slope.steps) == (True, 23)


def test_two_at_one_node_are_both_named() -> None:
    hall = Hall.of().scaled(SMALL, 2 / 3).scaled("rack-15", 0.1)
    assert set(hall.named()) == {(SMALL, 1.5), ("rack-15", 10.0)}


def test_of_meters_that_move_alike_the_one_is_named() -> None:
    hall = Hall.of()
    twin = hall.counted[SMALL].copy()
    more = hall.counted["pdu"] + twin - hall.counted["rack-08"]
    hall = hall.showing("rack-08", twin).showing("pdu", more)
    assert hall.named() == []
    assert hall.scaled("rack-08", 2 / 3).named() == [("rack-08", 1.5)]


def test_it_begins_and_ends_once() -> None:
    """A phase is lost at hour 30, and is back from hour 66 on."""
    hours = np.arange(96)
    lost = np.where((hours >= 30) & (hours < 66), 2 / 3, 1.0)
    hall = Hall.of(96).scaled(SMALL, lost)
    told = [upto for upto in range(12, 97) if hall.named(upto)]
    assert all(hall.named(upto) == [(SMALL, 1.5)] for upto in told)
    assert told == list(range(told[0], told[-1] + 1))
    assert 42 <= told[0] <= 54
    assert 66 <= told[-1] <= 70


def test_a_coarse_register_is_no_mistake() -> None:
    """Its steps of 1 kWh are in no other meter, as if it were not fed there."""
    hall = Hall.of()
    counter = np.floor(np.cumsum(hall.counted[SMALL]))
    shown = np.diff(counter, prepend=0.0)
    assert hall.showing(SMALL, shown).named() == []


def test_a_meter_that_is_read_too_seldom_is_no_mistake() -> None:
    """What chance makes of it nothing else has seen, as if it were not fed there."""
    hall = Hall.of()
    chance = np.random.default_rng(4).normal(1, 0.4, 24)
    assert hall.scaled(SMALL, chance).named() == []


def test_a_meter_that_is_counted_above_its_node_as_well_is_named() -> None:
    """A fiftieth of what the UPS gives, which losses would allow."""
    hall = Hall.of()
    hall = hall.showing("ups", 1.005 * hall.counted["pdu"] + 40).showing("other", np.full(24, 40.0))
    assert replace(hall, above=("pdu", "other")).named() == []
    (found,) = replace(hall, above=("pdu", "other", SMALL)).told()
    assert found.explanations[0].mistake.kind == "twice"
    assert (found.nodes, found.explanations[0].at) == (("ups",), "ups")


def test_a_load_without_a_meter_is_no_mistake() -> None:
    """It moves as it likes, a hundredth of the node, within what may be lost."""
    hall = Hall.of()
    own = 0.01 * hall.counted["pdu"].mean() * np.random.default_rng(5).uniform(0, 2, 24)
    assert hall.showing("pdu", hall.counted["pdu"] + own).named() == []


def test_missing_hours_are_no_mistake() -> None:
    hall = Hall.of()
    counted = hall.counted[SMALL].copy()
    counted[10:14] = np.nan
    assert hall.showing(SMALL, counted).named() == []
    missing = hall.scaled(SMALL, 2 / 3).counted[SMALL]
    missing[3:5] = np.nan
    assert hall.showing(SMALL, missing).named() == [(SMALL, 1.5)]


def test_losses_that_change_are_no_mistake() -> None:
    """As of a UPS that goes to bypass and back."""
    hall = Hall.of()
    losses = np.where((np.arange(24) > 8) & (np.arange(24) < 15), 1.0, 1.02)
    assert hall.scaled("pdu", losses).named() == []


def test_a_load_without_a_meter_is_not_blamed_on_what_moves_as_it_should() -> None:
    """One of 24 racks has no meter: those whose own course shows that they are read rightly."""
    hall = Hall.of()
    counted = {name: amount for name, amount in hall.counted.items() if name != SMALL}
    steady = hall.counted["pdu"] + 3.0 - hall.counted[SMALL]  # what has no meter does not change
    (found,) = replace(hall, counted=counted | {"pdu": steady}).told()
    assert (found.nodes, found.explanations) == (("pdu",), ())


@pytest.mark.parametrize("seed", [6, 7])
def test_a_finding_that_is_hardly_certain_does_not_flicker(seed: int) -> None:
    """A hundredth of the node, that lacks a phase."""
    hall = Hall.of(30, racks=60, seed=seed).scaled(SMALL, 2 / 3)
    told = [bool(hall.named(upto)) for upto in range(12, 31)]
    assert told == sorted(told)
    assert any(told)


@pytest.mark.parametrize("seed", [1, 14, 18])
def test_a_load_without_a_meter_that_goes_with_a_rack_is_no_mistake(seed: int) -> None:
    """About half of what the rack takes, 48 to 52 %: a missing phase would be 50 % at all times."""
    hall = Hall.of(seed=seed)
    share = np.random.default_rng(seed).uniform(0.48, 0.52, 24)
    more = hall.counted["pdu"] + share * hall.counted[SMALL]
    assert hall.showing("pdu", more).named() == []
