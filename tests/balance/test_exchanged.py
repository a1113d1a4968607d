"""Two meters that show each other's readings."""

import numpy as np
import pytest

from greendc.core.balance import FloatArray, Place
from greendc.core.checking import Suspect, Told
from greendc.core.exchanged import BOTH, crossings
from greendc.core.facility import Node
from greendc.core.mistakes import EXCHANGED
from greendc.core.suspects import Finding
from greendc.findings import Lasting, record
from tests.balance.kit import POINTS, chain, hours, told, windows

PAIRS = [("chiller", "rack_b"), ("chiller", "ups_out"), ("rack_b", "ups_in"), ("pdu", "chiller")]


def crossed(one: str, other: str, count: int = 24) -> dict[str, FloatArray]:
    counted = hours(count)
    return counted | {one: counted[other], other: counted[one]}


def pair(found: Finding) -> set[str]:
    first = found.explanations[0]
    assert first.both is not None
    return {tuple(POINTS)[first.meter], tuple(POINTS)[first.both[0]]}


@pytest.mark.parametrize("count", [3, 6, 24])
@pytest.mark.parametrize("names", PAIRS)
def test_a_pair_is_named(names: tuple[str, str], count: int) -> None:
    (found,) = told(crossed(*names, count))
    assert [one.mistake for one in found.explanations] == [BOTH.mistake]
    assert pair(found) == set(names)
    assert not found.undecided


def test_a_pair_is_named_from_when_on_it_is_crossed() -> None:
    counted, sound = crossed("chiller", "rack_b"), hours()
    late = {name: np.where(np.arange(24) < 17, sound[name], counted[name]) for name in POINTS}
    (found,) = told(late)
    assert pair(found) == {"chiller", "rack_b"}
    assert np.flatnonzero(found.rows).tolist() == list(range(17, 24))


def by_chance() -> dict[str, FloatArray]:
    """The chiller shows 20 kWh too much, and as much behind the PDU has no meter."""
    counted, random = hours(), np.random.default_rng(4)
    counted |= {name: 60 + random.normal(0, 0.3, 24) for name in ("chiller", "rack_b")}
    racks = counted["rack_a"] + counted["rack_b"] + counted["rack_c"]
    counted["pdu"] = 1.004 * racks + 20
    counted["ups_out"] = 1.005 * counted["pdu"]
    counted["ups_in"] = 4.0 + 1.04 * counted["ups_out"]
    counted["feed"] = 1.01 * (counted["ups_in"] + counted["chiller"])
    return counted | {"chiller": counted["chiller"] + 20}


def test_what_fits_by_its_size_alone_is_no_pair() -> None:
    """The chiller has a course of its own, and so has the rack."""
    counted, nodes = by_chance(), chain()
    names = tuple(POINTS)
    off = [Place.of(n, names) for n in nodes if n.name in {"feed", "pdu"}]
    fits = crossings(off, windows(counted), np.ones(24, np.bool_))
    assert {"chiller", "rack_b"} in [{names[a], names[b]} for a, b in fits]
    found = told(counted)
    assert found
    assert all(one.mistake.kind != EXCHANGED for two in found for one in two.explanations)


def test_a_meter_that_rights_two_nodes_alone_is_named_alone() -> None:
    counted = hours()
    (found,) = told(counted | {"pdu": counted["pdu"] / 10})
    assert found.nodes == ("ups_out", "pdu")
    assert {(tuple(POINTS)[e.meter], e.both) for e in found.explanations} == {("pdu", None)}


def test_inputs_of_one_node_that_are_exchanged_move_nothing() -> None:
    """They have the same sum: no balance can tell."""
    counted = hours()
    half = {"feed": 0.3 * counted["feed"], "ups_in": 0.7 * counted["feed"]}
    feeds = [("feed", 1.0), ("ups_in", 1.0)]
    node = [Node("feeds", tuple(feeds), (("ups_out", 0.8), ("chiller", 0.97)))]
    for one, other in (("feed", "ups_in"), ("ups_in", "feed")):
        assert told(counted | {"feed": half[one], "ups_in": half[other]}, node) == []


def test_it_is_told_of_both_meters() -> None:
    suspect = Suspect("chiller", EXCHANGED, 1.0, BOTH.mistake.meaning, None, "rack_b")
    one = record(Lasting("dc", 0, None, Told(("feed", "pdu"), (suspect,), 0, 3, 0.5, 0.01, None)))
    assert (one["kind"], one["suspects"][0]["other"]) == (EXCHANGED, "rack_b")
    assert one["suspects"][0]["multiplier"] is None
    assert "dc: most likely chiller and rack_b: show each other's readings" in one["text"]
