"""A node whose input is silent, seen from the node before it."""

from pathlib import Path

import numpy as np
import pytest

from greendc.config import load
from greendc.core import past
from greendc.core.balance import FloatArray, Place
from greendc.core.past import seen_past
from greendc.core.suspects import Finding, Known
from greendc.replay import Options, replay
from tests.balance.kit import POINTS, chain, hours, windows
from tests.balance.sites import simulated

NAMES = tuple(POINTS)


def silent(counted: dict[str, FloatArray], *meters: str, since: int = 0) -> dict[str, FloatArray]:
    lost = np.arange(24) >= since
    return counted | {name: np.where(lost, np.nan, counted[name]) for name in meters}


def places(counted: dict[str, FloatArray]) -> list[Place]:
    """The nodes as they are looked at."""
    return list(seen_past([Place.of(node, NAMES) for node in chain()], windows(counted)))


def told(counted: dict[str, FloatArray]) -> list[Finding]:
    none = np.full(len(NAMES), np.nan)
    known = Known(none, list(POINTS.values()), np.zeros(len(NAMES), np.bool_))
    nodes = [Place.of(node, NAMES) for node in chain()]
    found = windows(counted)
    states = np.array([node.states(found) for node in nodes])
    return past.told(nodes, found, known, states)


def named(counted: dict[str, FloatArray]) -> list[tuple[str, float]]:
    firsts = [f.explanations[0] for f in told(counted) if f.explanations and not f.undecided]
    return [(NAMES[one.meter], one.mistake.gain) for one in firsts]


@pytest.mark.parametrize("since", [0, 12, 21, 23])
@pytest.mark.parametrize("meters", [("pdu",), ("ups_out", "pdu"), ("ups_in", "rack_c")])
def test_a_sound_site_has_no_finding(meters: tuple[str, ...], since: int) -> None:
    assert told(silent(hours(), *meters, since=since)) == []


@pytest.mark.parametrize("meters", [("pdu",), ("ups_out", "pdu")])
@pytest.mark.parametrize("gain", [10.0, 0.1, -1.0])
def test_a_meter_behind_silent_ones_is_named(gain: float, meters: tuple[str, ...]) -> None:
    counted = hours()
    counted |= {"rack_b": counted["rack_b"] / gain}
    assert named(silent(counted, *meters)) == [("rack_b", gain)]


def test_a_node_is_named_by_both_and_losses_of_both_are_allowed() -> None:
    (joined,) = (p.node for p in places(silent(hours(), "pdu")) if "past" in p.node.name)
    (ups,) = (n for n in chain() if n.name == "ups_out")
    (pdu,) = (n for n in chain() if n.name == "pdu")
    assert joined.name == "ups_out past pdu"
    share = dict(ups.outputs)["pdu"] * dict(pdu.outputs)["rack_a"]
    assert dict(joined.outputs) == {f"rack_{i}": pytest.approx(share) for i in "abc"}


def test_a_load_without_a_meter_is_blamed_on_none() -> None:
    """A rack of a third of what the silent PDU gives."""
    counted = hours()
    counted["ups_out"] = counted["ups_out"] + 60.0
    counted["ups_in"] = 4.0 + 1.04 * counted["ups_out"]
    counted["feed"] = 1.01 * (counted["ups_in"] + counted["chiller"])
    (found,) = told(silent(counted, "pdu"))
    assert found.nodes == ("ups_out past pdu",)
    assert found.undecided or not found.explanations


@pytest.mark.parametrize("since", [6, 18])
def test_what_a_node_tells_by_itself_stays(since: int) -> None:
    """The PDU shows a tenth, and then nothing."""
    counted = hours()
    assert named(silent(counted | {"pdu": counted["pdu"] / 10}, "pdu", since=since)) == [
        ("pdu", 10.0)
    ]


def test_a_name_stays_when_the_meter_comes_back() -> None:
    counted = hours()
    counted |= {"rack_b": counted["rack_b"] / 10}
    for until in (21, 22, 23):
        back = (np.arange(24) < 10) | (np.arange(24) >= until)
        late = np.where(np.arange(24) >= 10, counted["rack_b"], 10 * counted["rack_b"])
        found = counted | {"rack_b": late, "pdu": np.where(back, counted["pdu"], np.nan)}
        assert named(found) == [("rack_b", 10.0)]


def test_messages_of_a_rack_behind_a_silent_pdu_tell(tmp_path: Path) -> None:
    rack, pdu = "room-rack-02-a.it_in", "pdu-room-a"
    fault = ("watt_for_kilowatt", rack, None)
    config, log = simulated(tmp_path, "edge-room", hours=4, fault=fault)
    lines = [line for line in log.read_text().splitlines(keepends=True) if pdu not in line]
    log.write_text("".join(lines), encoding="utf-8")
    (found,) = replay([log], load(config), Options()).findings
    assert (found.told.suspects[0].meter, found.told.suspects[0].gain) == (rack, 1e-3)
    assert found.told.nodes[0] == f"ups-a.ups_out past {pdu}.pdu_out"
