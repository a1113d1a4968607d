"""What feeds what: from the site file to nodes."""

import re
from pathlib import Path

import pytest

from greendc.core import nodes
from greendc.core.facility import Node
from greendc.ports import GreendcError
from tests.config.kit import epochs, loaded, site

FEED = "{id: feed, point: util, unit: kW, kind: instant}"
UPS = "{id: ups_in, point: ups_in, unit: kW, kind: instant%s}"
OUT = "{id: ups, point: ups_out, unit: kW, kind: instant, rating_w: 1e5%s}"
RACK = "{id: %s, point: it_in, unit: kW, kind: instant%s}"
IT = "e_it: {3: [r1, r2]}"


def found(folder: Path, *meters: str) -> dict[str, Node]:
    nodes = epochs(folder, site(*meters, more=IT))[0].nodes
    return {node.name: node for node in nodes}


def test_declared_nodes(tmp_path: Path) -> None:
    racks = [RACK % (name, ", fed_by: ups") for name in ("r1", "r2")]
    out = found(tmp_path, FEED, UPS % ", fed_by: feed", OUT % ", fed_by: ups_in", *racks)
    assert list(out) == ["feed", "ups_in", "ups", "E_DC to E_IT"]
    assert out["ups"].members == ("ups", "r1", "r2")
    assert [share for _, share in out["ups"].outputs] == [pytest.approx(0.95 * 0.97)] * 2
    assert out["ups"].idle == pytest.approx(0.005 * 1e5)


def test_without_a_declaration_the_points_are_a_chain(tmp_path: Path) -> None:
    out = found(tmp_path, FEED, UPS % "", OUT % "", RACK % ("r1", ""), RACK % ("r2", ""))
    assert list(out) == ["util to ups_in", "ups_in to ups_out", "ups_out to it_in", "E_DC to E_IT"]
    assert out["ups_in to ups_out"].outputs == (("ups", 0.8),)
    assert out["ups_out to it_in"].outputs == (("r1", 0.0), ("r2", 0.0))


def test_a_meter_with_two_feeds_joins_them() -> None:
    fed = {"a1": ["a"], "x": ["a", "b"], "b1": ["b"], "c1": ["c"]}
    points = dict.fromkeys("abc", "pdu_out")
    out = {n.name: n.members for n in nodes.declared(fed, points, {})}
    assert out == {"a + b": ("a", "b", "a1", "x", "b1"), "c": ("c", "c1")}


def test_a_change_of_the_wiring_begins_another_epoch(tmp_path: Path) -> None:
    dated = ", fed_by: [{value: feed}, {from: 2025-03-01T00:00:00Z, value: ups}]"
    meters = (FEED, OUT % ", fed_by: feed", RACK % ("r1", dated), RACK % ("r2", ", fed_by: ups"))
    first, second = epochs(tmp_path, site(*meters, more=IT))
    assert [n.members for n in first.nodes[:2]] == [("feed", "ups", "r1"), ("ups", "r2")]
    assert [n.members for n in second.nodes[:2]] == [("feed", "ups"), ("ups", "r1", "r2")]


@pytest.mark.parametrize(
    ("fed", "text"),
    [
        (", fed_by: fead", 'no meter "fead"; did you mean "feed"?'),
        (", fed_by: room", '"room" is no electric meter'),
        (", fed_by: r1", "fed_by goes round in a circle: "),
    ],
)
def test_what_cannot_feed(tmp_path: Path, fed: str, text: str) -> None:
    room = "{id: room, point: t_inlet, unit: Cel}"
    meters = (FEED, room, RACK % ("r1", fed), RACK % ("r2", ""))
    with pytest.raises(GreendcError, match=re.escape(text)):
        loaded(tmp_path, site(*meters, more=IT))
