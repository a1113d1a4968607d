"""A node with a child that is not known, of which is seen all the same that too much comes out."""

import numpy as np
import pytest

from greendc.core.balance import FloatArray, Place, State
from greendc.core.corrections import oddness
from greendc.core.suspects import Finding
from tests.balance.kit import POINTS, chain, first, hours, told, windows

NAMES = tuple(POINTS)


def silent(counted: dict[str, FloatArray], *meters: str, since: int = 0) -> dict[str, FloatArray]:
    """The same with meters that say nothing from an hour on."""
    lost = np.arange(24) >= since
    return counted | {name: np.where(lost, np.nan, counted[name]) for name in meters}


def named(found: list[Finding]) -> list[tuple[str, float]]:
    return [first(one) for one in found if one.explanations and not one.undecided]


@pytest.mark.parametrize("since", [0, 12, 22])
def test_a_sound_site_has_no_finding(since: int) -> None:
    assert told(silent(hours(), "rack_c", "chiller", since=since)) == []


def test_a_node_is_not_called_balanced() -> None:
    """What is not known may be more than the node is given."""
    found = windows(silent(hours(), "rack_c", since=20))
    (pdu,) = (Place.of(node, NAMES) for node in chain() if node.name == "pdu")
    assert pdu.states(found).tolist() == [State.BALANCED] * 20 + [State.UNKNOWN] * 4


@pytest.mark.parametrize(("gain", "since"), [(0.1, 21), (0.01, 0), (0.01, 21), (1e-3, 0)])
def test_a_meter_that_shows_too_much_is_named(gain: float, since: int) -> None:
    counted = hours()
    counted |= {"rack_a": counted["rack_a"] / gain}
    assert named(told(silent(counted, "rack_c", since=since))) == [("rack_a", gain)]


def test_a_mistake_that_begins_meanwhile_is_seen() -> None:
    counted = hours()
    late = np.where(np.arange(24) < 20, 1.0, 100.0)
    counted |= {"rack_a": counted["rack_a"] * late}
    (found,) = told(silent(counted, "rack_c", since=10))
    assert first(found) == ("rack_a", 0.01)
    assert np.flatnonzero(found.rows).tolist() == [20, 21, 22, 23]


def test_a_feed_that_shows_too_little_is_seen() -> None:
    """As long as the chiller is not known no hour tells that from a feed without a meter."""
    counted = hours()
    counted |= {"chiller": counted["chiller"] / 100, "feed": 1.01 * counted["ups_in"]}
    (node,) = (one for one in chain() if one.name == "feed")
    (found,) = told(silent(counted | {"feed": counted["feed"] / 3}, "chiller"), [node])
    assert found.undecided
    assert ("feed", 3.0) in [(NAMES[e.meter], e.mistake.gain) for e in found.explanations]


def test_what_is_missing_is_not_blamed_on_anyone() -> None:
    counted = hours()
    assert told(silent(counted | {"rack_a": counted["rack_a"] / 10}, "rack_c")) == []


def test_a_name_stays_when_another_child_falls_silent() -> None:
    """A node in balance that is not judged denies nothing."""
    counted = hours()
    counted |= {"rack_a": counted["rack_a"] / 10}
    assert named(told(silent(counted, "rack_c", since=18))) == [("rack_a", 10.0)]


def test_losses_are_held_against_the_same_bounds() -> None:
    """Of a hall with a PUE of 1.35 a fifth of IT is not known: 1.7, which many have."""
    found = windows(silent(hours(), "rack_c"))
    (site,) = (Place.of(node, NAMES) for node in chain() if node.usual is not None)
    assert oddness(site, site.sides(found), np.ones(24, np.bool_)) < 0.5


def test_a_node_without_any_output_is_not_judged() -> None:
    """Whatever its input claims: nothing stands against that."""
    counted = hours()
    lost = silent(counted | {"pdu": -counted["pdu"]}, "rack_a", "rack_b", "rack_c")
    (pdu,) = (Place.of(node, NAMES) for node in chain() if node.name == "pdu")
    assert set(pdu.states(windows(lost)).tolist()) == {State.UNKNOWN}
