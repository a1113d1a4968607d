"""Emissions: intensity over cells, masses, decomposition."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.core.carbon import (
    Operation,
    cell_intensity,
    decomposition,
    effective_intensity,
    emissions_g,
)
from greendc.core.facility import HOUR, MINUTE, IntArray, Intensity

positive = st.floats(1e-3, 1e9)


def steps(*rows: tuple[int, int, float]) -> Intensity:
    start, end, value = zip(*rows, strict=True) if rows else ((), (), ())
    return Intensity(
        np.array(start, np.int64), np.array(end, np.int64), np.array(value), None, "XX", "test"
    )


def cells(*edges: int) -> tuple[IntArray, IntArray]:
    return np.array(edges[:-1], np.int64), np.array(edges[1:], np.int64)


def test_an_hourly_value_applies_to_the_hour_that_it_starts() -> None:
    hourly = steps((10 * HOUR, 11 * HOUR, 300.0), (11 * HOUR, 12 * HOUR, 200.0))
    quarters = cells(*range(10 * HOUR, 12 * HOUR + 1, 15 * MINUTE))
    np.testing.assert_array_equal(cell_intensity(*quarters, hourly), [300.0] * 4 + [200.0] * 4)


def test_a_long_cell_has_the_mean_over_time() -> None:
    series = steps((0, HOUR, 300.0), (HOUR, 4 * HOUR, 100.0))
    assert cell_intensity(*cells(0, 4 * HOUR), series) == pytest.approx(150.0)


def test_a_cell_with_any_part_unknown_is_unknown() -> None:
    gap = steps((0, HOUR, 300.0), (HOUR + 1, 2 * HOUR, 100.0))
    found = cell_intensity(*cells(-MINUTE, 0, 30 * MINUTE, 90 * MINUTE, 2 * HOUR, 3 * HOUR), gap)
    np.testing.assert_array_equal(found, [np.nan, 300.0, np.nan, 100.0, np.nan])


def test_a_value_of_zero_is_a_value() -> None:
    np.testing.assert_array_equal(cell_intensity(*cells(0, 1), steps((0, 1, 0.0))), [0.0])


def test_an_empty_series_knows_nothing() -> None:
    assert np.isnan(cell_intensity(*cells(0, 10, 20), steps())).all()


def test_no_cells_have_no_intensities() -> None:
    none = np.array([], np.int64)
    assert cell_intensity(none, none, steps((0, 1, 1.0))).shape == (0,)


def test_starts_and_ends_must_pair() -> None:
    with pytest.raises(ValueError, match="2 cell starts but 1 cell ends"):
        cell_intensity(np.array([0, 1]), np.array([1]), steps((0, 1, 1.0)))


@st.composite
def series_and_edges(draw: st.DrawFn) -> tuple[Intensity, list[int]]:
    bounds = sorted(draw(st.sets(st.integers(0, 60), min_size=2, max_size=12)))
    rows = [
        (lo, hi, draw(st.floats(0.0, 1e3)))
        for lo, hi in pairwise(bounds)
        if draw(st.booleans()) or draw(st.booleans())
    ]
    edges = sorted(draw(st.sets(st.integers(-5, 65), min_size=2, max_size=12)))
    return steps(*rows), edges


@given(series_and_edges())
def test_a_cell_is_the_mean_of_its_instants(given_: tuple[Intensity, list[int]]) -> None:
    series, edges = given_
    instants = [math.nan] * 70
    for lo, hi, value in zip(series.start, series.end, series.value, strict=True):
        instants[lo + 5 : hi + 5] = [float(value)] * int(hi - lo)
    expected = [math.fsum(instants[lo + 5 : hi + 5]) / (hi - lo) for lo, hi in pairwise(edges)]
    np.testing.assert_allclose(cell_intensity(*cells(*edges), series), expected, rtol=1e-12)


@given(series_and_edges())
def test_each_cell_is_on_its_own(given_: tuple[Intensity, list[int]]) -> None:
    series, edges = given_
    start, end = cells(*edges)
    alone = [cell_intensity(start[i : i + 1], end[i : i + 1], series)[0] for i in range(len(start))]
    np.testing.assert_array_equal(cell_intensity(start, end, series), alone)


def test_energy_exported_keeps_its_sign_and_the_unknown_stays_unknown() -> None:
    np.testing.assert_array_equal(
        emissions_g([3.6e6, -3.6e6, 3.6e6], [400.0, 400.0, math.nan]), [400.0, -400.0, math.nan]
    )


@given(st.lists(st.tuples(positive, st.floats(0.0, 2000.0)), min_size=1, max_size=20))
def test_effective_intensity_gives_the_mass_back(rows: list[tuple[float, float]]) -> None:
    energy, factor = np.array(rows).T
    mass = math.fsum(emissions_g(energy, factor))
    again = emissions_g(math.fsum(energy), effective_intensity(energy, factor))
    assert again == pytest.approx(mass, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("energy", [[], [0.0], [3.6e6, -3.6e6], [math.nan, 1.0]])
def test_without_energy_there_is_no_effective_intensity(energy: list[float]) -> None:
    assert math.isnan(effective_intensity(energy, np.full(len(energy), 400.0)))


operations = st.builds(Operation, positive, positive, positive)


@given(operations, operations)
def test_causes_of_a_change_leave_nothing_over(before: Operation, after: Operation) -> None:
    masses = [float(emissions_g(o.e_it_j * o.pue, o.g_per_kwh)) for o in (before, after)]
    change = decomposition(before, after)
    parts = (change.load_g, change.efficiency_g, change.grid_g)
    size = max(*masses, *map(abs, parts))
    assert change.total_g == pytest.approx(masses[1] - masses[0], abs=1e-12 * size)
