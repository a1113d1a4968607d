"""Two meters that show each other's readings."""

from dataclasses import replace

import numpy as np
import pytest

from greendc.core.balance import BoolArray, FloatArray, Place, Sides, Windows
from greendc.core.checking import Checked, Suspect, Told
from greendc.core.exchanged import ALONE, CROSSED, Sums, crossings, exchanged, left
from greendc.core.facility import HOUR, Node
from greendc.core.mistakes import EXCHANGED
from greendc.core.off import Off
from greendc.core.suspects import Finding, Known
from greendc.core.units import J_PER_KWH
from greendc.findings import Lasting, lasting, record
from tests.balance.kit import POINTS, RATED, chain, hours, told, windows

BOTH, *_ = (directions.mistake for _, directions in CROSSED)
PAIRS = [("chiller", "rack_b"), ("chiller", "ups_out"), ("rack_b", "ups_in"), ("pdu", "chiller")]


def crossed(one: str, other: str, count: int = 24, gain: float = 1.0) -> dict[str, FloatArray]:
    """Two meters that show each other's readings, the first `gain` times as much."""
    counted = hours(count)
    return counted | {one: gain * counted[other], other: counted[one] / gain}


def pair(found: Finding) -> set[str]:
    first = found.explanations[0]
    assert first.both is not None
    return {tuple(POINTS)[first.meter], tuple(POINTS)[first.both[0]]}


@pytest.mark.parametrize("count", [3, 6, 24])
@pytest.mark.parametrize("names", PAIRS)
def test_a_pair_is_named(names: tuple[str, str], count: int) -> None:
    (found,) = told(crossed(*names, count))
    assert [one.mistake for one in found.explanations] == [BOTH]
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
    rows, every = np.ones(24, np.bool_), np.arange(len(names))
    good = np.ones((len(names), len(names)), np.bool_)
    for place in off:
        node = Sums(place, every, windows(counted), rows)
        good &= node.exchanged(every[:, None], every, 1.0).right
    assert good[names.index("chiller"), names.index("rack_b")]
    assert list(crossings(off, {"feed", "pdu"}, windows(counted), rows)) == []
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
    suspect = Suspect("chiller", EXCHANGED, 1.0, BOTH.meaning, None, "rack_b")
    one = record(Lasting("dc", 0, None, Told(("feed", "pdu"), (suspect,), 0, 3, 0.5, 0.01, None)))
    assert (one["kind"], one["suspects"][0]["other"]) == (EXCHANGED, "rack_b")
    assert one["suspects"][0]["multiplier"] is None
    assert "dc: most likely chiller and rack_b: show each other's readings" in one["text"]


def some_node(random: np.random.Generator) -> tuple[Place, Windows]:
    """A node of a few of six meters, one of them on both sides at times, and a window of theirs."""
    names = tuple("abcdef")
    ins, outs = random.integers(1, 3), random.integers(1, 4)
    inputs = [(name, random.choice([1.0, -1.0, 1.0])) for name in names[:ins]]
    share = random.choice([0.0, 0.9])
    outputs = tuple((name, share) for name in names[ins : ins + outs])
    idle = random.choice([0.0, 3000.0])
    node = Node("node", tuple(inputs), outputs, idle=idle)
    energy = random.choice([40.0, 41.0, 45.0, 80.0], (1, 6)) * J_PER_KWH
    start = np.array([0])
    limit = random.choice([0.002, 0.02], (1, 6)) * energy
    return Place.of(node, names), Windows(names, start, start + HOUR, energy, limit)


def test_sums_tell_what_both_sides_do_of_a_pair_that_is_exchanged() -> None:
    random, seen = np.random.default_rng(5), set()
    for _ in range(150):
        place, found = some_node(random)
        members = np.arange(6)
        sums = Sums(place, members, found, np.ones(1, np.bool_))
        tried = sums.exchanged(np.array([[1]]), members[2:], 1.0)
        touched, right = tried.touched[0], tried.right[0]
        for other in range(2, 6):
            sides = place.sides(CROSSED[0][1].righted(found, (1, other)))
            parts = [(place.into - place.out)[place.columns == m].sum() for m in (1, other)]
            off = max(sides.outside - sides.inside, sides.inside - sides.needed)
            fits = bool(off <= sides.tolerance) or parts == [0, 0]
            assert (touched[other - 2], right[other - 2]) == (parts[0] != parts[1], fits)
            seen.add((parts[0] != parts[1], fits, place.bounded))
    assert len(seen) == 8


def one_to_one(*counted: float) -> tuple[Place, Windows]:
    """A node with an input and an output, of which any may be lost. [kWh]"""
    place = Place.of(Node("node", (("in", 1.0),), (("out", 0.0),)), ("in", "out"))
    energy = np.reshape(counted, (-1, 2)) * J_PER_KWH
    start = np.arange(len(energy)) * HOUR
    return place, Windows(("in", "out"), start, start + HOUR, energy, 0.005 * energy)


def test_what_rights_one_node_alone_is_no_pair() -> None:
    place, found = one_to_one(50, 100, 55, 110, 52, 104)
    rows = np.ones(3, np.bool_)

    def pairs(places: list[Place], rows: BoolArray) -> list[tuple[int, int]]:
        off = {place.node.name for place in places}
        return [(a, b) for a, b, gain, _ in crossings(places, off, found, rows) if gain == 1.0]

    assert pairs([place], rows) == []
    twice = replace(place, node=replace(place.node, name="other"))
    assert pairs([place, twice], rows) == [(0, 1)]
    assert pairs([place, twice], ~rows) == []
    bounded = Place.of(Node("third", (("in", 1.0),), (("out", 0.9),)), ("in", "out"))
    assert pairs([place, bounded], rows) == []


def sides(inside: list[float], outside: list[float]) -> Sides:
    """Both sides of a node, exact ones."""
    into, out = np.array(inside), np.array(outside)
    return Sides(into, out, out, np.zeros(len(out)))


AFTER = [10.0, 6, 14, 10], [8.0, 4, 12, 8]  # 40 J of 32 J: by 1.25 it moves by 1, -2 and 1 J
BEFORE = [5.0, 9, 10, 9], [4.0, 4, 8, 4]  # by as much by 4, -4 and 4 J
EVERY = np.ones(4, np.bool_)


def test_what_is_left_is_what_a_node_moves_by_without_its_losses() -> None:
    assert left(sides(*BEFORE), sides(*AFTER), EVERY) == pytest.approx(6 / 40**2)


@pytest.mark.parametrize(("last", "much"), [(8.0, 3 / 40**2), (9.0, np.inf)])
def test_half_of_what_it_moved_by_may_be_left(last: float, much: float) -> None:
    """By 1, -1 and -1 J after it, and by 2, -2 and -2 J before."""
    outside = [8.0] * 4
    after = sides([10, 11, 10, 9], outside)
    assert left(sides([10, 12, 10, last], outside), after, EVERY) == pytest.approx(much)


@pytest.mark.parametrize(
    ("gone", "much"), [((0,), 5 / 30**2), ((3,), 5 / 30**2), ((1,), np.inf), ((0, 3), np.inf)]
)
@pytest.mark.parametrize("missing", [False, True])
def test_two_steps_must_be_known(gone: tuple[int, ...], much: float, *, missing: bool) -> None:
    """Without the first or the last row it is 30 J of 24 J, and one step less."""
    before, after = sides(*BEFORE), sides(*AFTER)
    rows = ~np.isin(np.arange(4), gone)
    before.outside[list(gone)] = np.nan if missing else 0.0
    assert left(before, after, EVERY if missing else rows) == pytest.approx(much)


def test_where_nothing_comes_out_nothing_is_told() -> None:
    assert left(sides(*BEFORE), sides(AFTER[0], [0.0] * 4), EVERY) == np.inf


@pytest.mark.parametrize(
    ("rated", "kw", "named"), [("chiller", 20.0, False), ("rack_b", 55.0, True)]
)
def test_a_pair_is_named_where_ratings_allow_it(
    monkeypatch: pytest.MonkeyPatch, rated: str, kw: float, *, named: bool
) -> None:
    """The chiller takes 38 kW, and so it would once it is exchanged; the rack 60 kW."""
    monkeypatch.setitem(RATED, rated, kw * 1000)
    found = told(crossed("chiller", "rack_b"))
    assert any(e.mistake is BOTH for one in found for e in one.explanations) == named


@pytest.mark.parametrize("score", [None, 7.0])
def test_a_pair_must_bring_back_balance_from_when_on_one_node_was_off(score: float | None) -> None:
    """Outputs may be exchanged; of the inputs one feeds another node, which is in balance."""
    names = tuple("abcde")
    first, second = np.array([100.0, 110, 100, 120]), np.array([50.0, 60, 40, 50])
    energy = np.stack([first, second, second, first, first], axis=1) * J_PER_KWH
    start = np.arange(4) * HOUR
    found = Windows(names, start, start + HOUR, energy, 0.005 * energy)
    nodes = (("a", "b"), ("c", "d"), ("a", "e"))
    places = [Place.of(Node(x + y, ((x, 1.0),), ((y, 0.9),)), names) for x, y in nodes]
    off = [Off(place, np.arange(4) >= since) for place, since in zip(places, (2, 1), strict=False)]
    known = Known(np.full(5, np.nan), ["it_in"] * 5, np.zeros(5, np.bool_))
    asked = []

    def scored(
        tries: list[tuple[Place, Sides]], rows: dict[str, BoolArray], of: set[str]
    ) -> float | None:
        asked.append((len(tries), sorted(of), [row.tolist() for row in rows.values()]))
        return score

    explained = list(exchanged(places, found, known, off, scored))
    pairs_told = [(one.meter, one.both and one.both[0], one.nodes) for one in explained]
    of = ("ab", "cd")
    assert pairs_told == ([] if score is None else [(1, 3, of)])
    since = [[False, True, True, True]] * 2
    assert asked == [(2, [*of], since)]


@pytest.mark.parametrize("gain", [1000.0, 0.001])
@pytest.mark.parametrize("names", PAIRS)
def test_topics_with_other_units_are_told_as_crossed(names: tuple[str, str], gain: float) -> None:
    (found,) = told(crossed(*names, gain=gain))
    first = found.explanations[0]
    assert pair(found) == set(names)
    assert first.mistake.kind == EXCHANGED
    # what the first one shows is in the unit that is taken for the larger one
    is_first = tuple(POINTS)[first.meter] == names[0]
    assert ("the first as W taken for kW" in first.mistake.meaning) == (is_first == (gain > 1))


@pytest.mark.parametrize("gain", [1000.0, 0.001])
def test_a_unit_that_is_wrong_at_each_of_two_meters_is_no_exchange(gain: float) -> None:
    counted = hours()
    counted |= {"chiller": gain * counted["chiller"], "rack_b": counted["rack_b"] / gain}
    found = told(counted)
    assert {
        (tuple(POINTS)[e.meter], e.mistake.gain) for one in found for e in one.explanations[:1]
    } == {
        ("chiller", 1 / gain),
        ("rack_b", gain),
    }


def small_and_rack(count: int) -> dict[str, FloatArray]:
    """A light shows what a small rack takes, which shows what the light does: the PDU allows it."""
    counted, random = hours(count), np.random.default_rng(3)
    rack = 4.0 + random.normal(0, 1.0, count)
    counted |= {"rack_c": rack, "chiller": 0.5 + random.normal(0, 0.05, count)}
    counted["pdu"] = 1.004 * (counted["rack_a"] + counted["rack_b"] + rack)
    counted["ups_out"] = 1.005 * counted["pdu"]
    counted["ups_in"] = 4.0 + 1.04 * counted["ups_out"]
    counted["feed"] = 1.001 * (counted["ups_in"] + counted["chiller"])
    return counted | {"chiller": rack, "rack_c": counted["chiller"]}


def test_one_node_alone_is_out_of_balance_and_the_other_moves_less() -> None:
    """No factor is blamed on the meter that shows too much."""
    (found,) = told(small_and_rack(ALONE + 1))
    assert found.nodes == ("feed",)
    assert pair(found) == {"chiller", "rack_c"}


def test_a_pair_of_which_a_node_comes_back_into_balance_is_the_same_finding() -> None:
    suspect = Suspect("chiller", EXCHANGED, 1.0, "", None, "rack_b")
    both = Told(("feed", "pdu"), (suspect,), 0, 3, 0.5, 0.01, None)
    told_ = [both, replace(both, nodes=("feed",)), replace(both, nodes=("pdu",))]
    every = [Checked(n * HOUR, (n + 1) * HOUR, (), (one,)) for n, one in enumerate(told_, start=2)]
    assert [(one.since, one.until) for one in lasting("dc", every, 5 * HOUR)] == [(0, None)]
