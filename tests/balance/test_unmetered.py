"""What has no meter is blamed on none, and a meter that is read wrongly is named all the same."""

from dataclasses import replace

import numpy as np
import pytest

from greendc.core.balance import FloatArray
from greendc.core.facility import Node
from greendc.core.suspects import Finding
from tests.balance.kit import POINTS, Hall, chain, hours, told

SOME = 8  # racks, an eighth of the node each


def first_hours(hall: Hall, count: int) -> Hall:
    return replace(hall, counted={name: e[:count] for name, e in hall.counted.items()})


def unmetered(hall: Hall, rack: str) -> Hall:
    return replace(hall, counted={n: e for n, e in hall.counted.items() if n != rack})


def lone_pair(feed: FloatArray, gain: float) -> list[Finding]:
    """What is told of one meter on each side of one node, the output read wrongly."""
    (node,) = (one for one in chain({"ups_out": ("ups_in",)}) if one.name == "ups_in")
    counted = hours(len(feed)) | {"ups_in": feed, "ups_out": feed / 1.05 / gain}
    return told(counted, [node])


@pytest.mark.parametrize("count", [4, 6, 12, 24])
def test_a_rack_without_a_meter_is_blamed_on_none(count: int) -> None:
    undecided = 0
    for seed in range(6):
        hall = first_hours(Hall.of(racks=SOME, seed=seed), count)
        for number in range(0, SOME, 3):
            found = unmetered(hall, f"rack-{number:02}").told()
            assert all(one.undecided or not one.explanations for one in found)
            undecided += sum(one.undecided for one in found)
    assert undecided > 2


@pytest.mark.parametrize("share", [0.15, 0.3, 0.6])
@pytest.mark.parametrize("count", [3, 6, 24])
def test_a_feed_without_a_meter_is_blamed_on_none(count: int, share: float) -> None:
    """Of three: as much more comes out as one output shows, or nine tenths of it."""
    counted = hours(count)
    load = counted["rack_a"] + counted["rack_b"] + counted["rack_c"] + counted["chiller"]
    counted |= {"feed": 0.2 * load, "ups_in": (0.8 - share) * load}
    places = [("feed", 1.0), ("ups_in", 1.0)]
    outputs = [(name, 0.95) for name in ("rack_a", "rack_b", "rack_c", "chiller")]
    (found,) = told(counted, [Node("feeds", tuple(places), tuple(outputs))])
    assert found.undecided or not found.explanations


def test_more_than_any_feed_gives_is_of_an_output() -> None:
    counted = hours(3) | {"chiller": hours(3)["chiller"] * 1000}
    (found,) = told(counted)
    assert {tuple(POINTS)[e.meter] for e in found.explanations} == {"chiller"}
    assert not found.undecided


@pytest.mark.parametrize(("count", "undecided"), [(4, True), (8, False), (24, False)])
def test_a_meter_is_named_once_what_is_missing_moves_as_it_does(
    count: int, *, undecided: bool
) -> None:
    hall = first_hours(Hall.of(racks=SOME).scaled("rack-02", 0.1), count)
    (found,) = hall.told()
    meters = [tuple(hall.counted)[e.meter] for e in found.explanations]
    assert (found.undecided, "rack-02" in meters) == (undecided, True)
    assert undecided or hall.named() == [("rack-02", 10.0)]


@pytest.mark.parametrize(("swing", "undecided"), [(0.2, False), (0.0, True)])
def test_a_meter_alone_is_named_where_both_sides_move_in_proportion(
    swing: float, *, undecided: bool
) -> None:
    """Where nothing moves a load of nine tenths without a meter looks the same."""
    feed = 100.0 * (1 + swing * np.sin(np.arange(12)))
    (found,) = lone_pair(feed, 10.0)
    assert found.undecided == undecided
    assert {e.mistake.gain for e in found.explanations} == {10.0, 0.1}


def test_a_constant_load_beside_a_meter_alone_is_not_blamed_on_it() -> None:
    feed = 100.0 * (1 + 0.1 * np.sin(np.arange(12)))
    (node,) = (one for one in chain({"ups_out": ("ups_in",)}) if one.name == "ups_in")
    counted = hours(12) | {"ups_in": feed + 205.0, "ups_out": feed / 1.05}
    found = told(counted, [node])
    assert found
    assert all(one.undecided or not one.explanations for one in found)


def test_a_meter_that_rests_is_not_blamed() -> None:
    """No factor moves it; of 3600 its step would be as much as is missing, and allow anything."""
    counted = hours() | {"chiller": np.zeros(24)}
    counted["feed"] = 0.86 * counted["ups_in"]
    found = told(counted, step=0.007)
    assert found
    assert all(tuple(POINTS)[e.meter] != "chiller" for one in found for e in one.explanations)


def test_factors_of_a_meter_that_are_as_good_are_all_told() -> None:
    """A hundredth of what it shows is nothing beside the node, nor is a thousandth."""
    (found,) = first_hours(Hall.of().scaled("rack-07", 100.0), 4).told()
    gains = {e.mistake.gain for e in found.explanations}
    assert {0.01, 0.001, 1e-6, 1 / 3600} <= gains
    assert {e.meter for e in found.explanations} == {found.explanations[0].meter}
