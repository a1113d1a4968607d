"""What a correction makes of both sides of a node, by worked examples."""

import numpy as np
import pytest

from greendc.core.balance import FloatArray, Place, Sides, Windows
from greendc.core.corrections import (
    changed,
    is_output,
    oddness,
    residual,
    shows,
    spread,
    without,
)
from greendc.core.directions import (
    DIRECTIONS,
    Directions,
    connections,
    counted_off,
    runs_backwards,
)
from greendc.core.facility import HOUR, Node

NAMES = ("grid", "back", "panels", "hall")
POINTS = ("util", "export", "onsite_re", "it_in")
NODE = Node("node", (("grid", 1.0), ("panels", 0.5)), (("hall", 0.9), ("back", 0.8)), idle=1.0)
PLACE = Place.of(NODE, NAMES, 7.0)


def windows(energy: list[list[float]], limit: list[list[float]]) -> Windows:
    start = np.arange(len(energy)) * HOUR
    return Windows(NAMES, start, start + HOUR, np.array(energy), np.array(limit))


SHOWN = windows([[50, 5, 30, 60], [40, 7, 20, 35.5]], [[1, 0.5, 2, 3], [0.25, 1, 3, 2]])


def sides(inside: list[float], outside: list[float], needed: list[float] | None = None) -> Sides:
    into, out = np.array(inside), np.array(outside)
    return Sides(into, out, out if needed is None else np.array(needed), np.zeros(len(out)))


def rows(*there: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array(there, np.bool_)


@pytest.mark.parametrize("gain", [10.0, -1.0, 0.0, 1.5])
@pytest.mark.parametrize("meter", range(4))
def test_what_changes_is_what_would_have_been_counted(meter: int, gain: float) -> None:
    found = changed(PLACE, SHOWN, meter, gain)
    wanted = PLACE.sides(SHOWN.scaled(meter, gain))
    for name in ("inside", "outside", "needed", "variance"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), err_msg=name)


def test_a_node_without_an_output() -> None:
    assert [is_output(PLACE, meter) for meter in range(4)] == [False, True, False, True]
    found = without(PLACE, 3).sides(SHOWN)
    assert found.outside.tolist() == [5.0, 7.0]
    np.testing.assert_allclose(found.needed, [5 / 0.8 + 3600, 7 / 0.8 + 3600])
    assert found.inside.tolist() == PLACE.sides(SHOWN).inside.tolist() == [65.0, 50.0]
    both = Place.of(Node("twice", (("hall", 1.0),), (("hall", 0.9), ("back", 0.9))), NAMES)
    assert is_output(both, 3)
    assert without(both, 3).sides(SHOWN).inside.tolist() == [60.0, 35.5]
    kept = without(PLACE, 3)
    assert (kept.node, kept.bounded, kept.rating) == (NODE, True, 7.0)


@pytest.mark.parametrize(
    ("energy", "limit", "seen", "expected"),
    [
        pytest.param([-31, -31, 31], [10, 10, 10], rows(1, 1, 1), True, id="over three times"),
        pytest.param([30, -30, 30], [10, 10, 10], rows(1, 1, 1), False, id="three times"),
        pytest.param([31, 1, 31], [10, 10, 40], rows(1, 1, 1), True, id="in the middle"),
        pytest.param([31, 29, 29], [10, 10, 10], rows(1, 0, 0), True, id="of those rows"),
        pytest.param([31, np.nan, 29], [10, np.nan, 10], rows(1, 1, 0), True, id="of those known"),
        pytest.param([np.nan] * 3, [np.nan] * 3, rows(1, 1, 1), False, id="of nothing"),
    ],
)
def test_a_meter_shows_where_it_counts_more_than_its_doubt(
    energy: list[float],
    limit: list[float],
    seen: np.ndarray[tuple[int], np.dtype[np.bool_]],
    *,
    expected: bool,
) -> None:
    found = windows([[0, one, 0, 0] for one in energy], [[0, one, 0, 0] for one in limit])
    assert shows(found, 1, seen) == expected


def away(logs: list[float], most: float | None, place: Place) -> float:
    """How odd a node is whose inputs are such powers of e times its outputs, 2 J."""
    outside = np.full(len(logs), 2.0)
    needed = outside * (np.inf if most is None else np.exp(most))
    every = np.ones(len(logs), np.bool_)
    ratio = Sides(outside * np.exp(logs), outside, needed, np.zeros(len(logs)))
    return oddness(place, ratio, every)


def place(share: float, usual: float | None = None) -> Place:
    return Place.of(Node("n", (("grid", 1.0),), (("hall", share),), usual=usual), NAMES)


@pytest.mark.parametrize(
    ("logs", "most", "one", "expected"),
    [
        pytest.param([0.02], None, place(0), 1.0, id="of what is not bounded"),
        pytest.param([-0.02], None, place(0), 1.0, id="the other way"),
        pytest.param([0.0, 0.04], None, place(0), 3.0, id="its spread counts twice"),
        pytest.param([0.05], 0.1, place(0.9), 0.0, id="half way between its bounds"),
        pytest.param([0.15], 0.1, place(0.9), 1.0, id="a width further"),
        pytest.param([0.03], 0.01, place(0.9), 1.0, id="the least width"),
        pytest.param([0.13], 0.1, place(0.9, np.exp(0.03)), 1.0, id="from what is usual"),
        pytest.param([0.15], None, place(np.exp(-0.1)), 1.0, id="by its share"),
    ],
)
def test_how_odd_a_node_is(
    logs: list[float], most: float | None, one: Place, expected: float
) -> None:
    assert away(logs, most, one) == pytest.approx(expected)


def test_of_some_windows_the_middle_one_s_bounds_count() -> None:
    outside, ratio = np.full(3, 2.0), np.exp([0.05, 0.05, 0.05])
    needed = outside * np.exp([0.1, 0.9, 0.1])
    every = Sides(outside * ratio, outside, needed, np.zeros(3))
    assert oddness(place(0.9), every, rows(1, 1, 1)) == pytest.approx(0.0, abs=1e-9)
    several = Place.of(Node("n", (("grid", 1.0),), (("hall", np.exp(-0.1)), ("back", 1.0))), NAMES)
    assert away([0.15], None, several) == pytest.approx(1.0)


def test_only_windows_in_which_both_sides_are_positive_have_a_ratio() -> None:
    found = sides([2, -2, 0, 2, 4, 9, 3], [2, 2, 2, -2, 2, 1, 0])
    used = rows(1, 1, 1, 1, 1, 0, 1)
    assert spread(found, used) == pytest.approx(0.5 / 1.5)
    assert np.isnan(spread(found, rows(0, 1, 1, 1, 0, 0, 1)))
    assert oddness(place(0), found, rows(0, 1, 1, 1, 0, 0, 1)) == np.inf


def test_what_is_missing_is_told_as_a_share_of_the_larger_side() -> None:
    """A quarter, a third of what flows back, and half too much; one row is not looked at."""
    found = sides([4, -4, 2, 9], [3, -6, 4, 10])
    assert residual(found, rows(1, 1, 1, 0)) == pytest.approx(1 / 4)
    assert residual(found, rows(0, 1, 0, 0)) == pytest.approx(1 / 3)
    assert residual(found, rows(0, 0, 1, 0)) == pytest.approx(-1 / 2)
    assert residual(sides([-6], [-4]), rows(1)) == pytest.approx(-1 / 3)


@pytest.mark.parametrize(
    ("directions", "into", "back"),
    [
        (DIRECTIONS[0], [[5, 0.5], [7, 1]], [[50, 1], [40, 0.25]]),
        (DIRECTIONS[1], [[55, 1.25**0.5], [47, 1.0625**0.5]], [[5, 0.5], [7, 1]]),
        (DIRECTIONS[2], [[45, 1.25**0.5], [33, 1.0625**0.5]], [[5, 0.5], [7, 1]]),
    ],
)
def test_both_directions_put_right(
    directions: Directions, into: list[list[float]], back: list[list[float]]
) -> None:
    """What is shown and how far that may be off, in two hours."""
    found = directions.righted(SHOWN, (0, 1))
    for meter, wanted in ((0, into), (1, back)):
        shown: FloatArray = np.stack([found.energy[:, meter], found.limit[:, meter]], axis=1)
        np.testing.assert_allclose(shown, wanted)
    assert (found.energy[:, 2:] == SHOWN.energy[:, 2:]).all()
    assert SHOWN.energy[0, 0] == 50


@pytest.mark.parametrize(("shown", "expected"), [(-3.0, False), (-3.1, True), (np.nan, False)])
def test_one_direction_never_shows_less_than_nothing(shown: float, *, expected: bool) -> None:
    found = windows([[9, 0, 0, 0], [shown, 0, 0, 0]], [[1, 0, 0, 0], [1, 0, 0, 0]])
    assert runs_backwards(found, [0]) == expected
    assert runs_backwards(found, [1, 0]) == expected
    assert not runs_backwards(found, [1, 2])
    assert counted_off(PLACE, found, POINTS) == ({1} if expected else set())


def test_connections_are_of_import_and_export() -> None:
    assert list(connections(PLACE, POINTS)) == [(0, 1)]
    assert list(connections(PLACE, ("storage_out", "export", "it_in", "storage_in"))) == [(0, 3)]
    assert list(connections(PLACE, ("it_in",) * 4)) == []
