"""Uncertainty: cancellation, declared values, absence."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.core.facility import Derived, Kind, Meter, Op
from greendc.core.uncertainty import (
    Exposures,
    Sensitivity,
    expand,
    expanded_uncertainty,
    meter_uncertainty,
    sums_of,
)
from greendc.core.units import J_PER_KWH

ROOT3 = math.sqrt(3.0)
joules = st.floats(1e3, 1e15)
classes = st.floats(1e-4, 0.05)


def meter(name: str, accuracy: float | None) -> Meter:
    return Meter(name, "none", "power", Kind.MEAN_NEXT, 1, 1, 1, accuracy=accuracy)


def metered(util: float | None, it: float | None) -> Sensitivity:
    """PUE of one meter at the utility feed (node 0) and one of IT (node 1)."""
    return expand([meter("util", util), meter("it", it)], []).sensitivity([(0, 1.0)], [(1, 1.0)])


def bottom_up(it: float | None, aux: float | None, share: float | None = None) -> Sensitivity:
    """PUE of E_DC = E_IT + E_aux + 10 % of E_IT."""
    loss = Derived("loss", "loss_power", Op.SHARE, ("it",), 0.1, share)
    expansion = expand([meter("it", it), meter("aux", aux)], [loss])
    return expansion.sensitivity([(0, 1.0), (1, 1.0), (2, 1.0)], [(0, 1.0)])


def stated(
    form: Sensitivity, energies: list[float], num: float, den: float, seconds: float = 1.0
) -> float:
    found = expanded_uncertainty(form, [energies], seconds, form.scale * num / den, den)
    assert found.reason == [None]
    return float(found.value[0])


def reason(form: Sensitivity, energies: list[float], num: float, den: float) -> str | None:
    found = expanded_uncertainty(form, [energies], 1.0, form.scale * num / den, den)
    assert np.isnan(found.value[0]) == (found.reason[0] is not None)
    return found.reason[0]


@given(joules, st.floats(1.0, 3.0), classes, classes)
def test_separate_meters_add_in_quadrature(
    e_it: float, pue: float, u_dc: float, u_it: float
) -> None:
    found = stated(metered(u_dc, u_it), [pue * e_it, e_it], pue * e_it, e_it)
    assert found == pytest.approx(2 * pue * math.hypot(u_dc, u_it) / ROOT3, rel=1e-9)


@given(joules, joules, classes)
def test_from_below_the_error_of_the_it_meter_cancels(it: float, aux: float, u_it: float) -> None:
    num = 1.1 * it + aux
    found = stated(bottom_up(u_it, 0.0, 0.0), [it, aux], num, it)
    assert found == pytest.approx(2 * u_it / ROOT3 * aux / it, rel=1e-6, abs=1e-12)


def test_a_pue_of_it_alone_has_no_error_at_all() -> None:
    only_it = expand([meter("it", 0.02)], []).sensitivity([(0, 1.0)], [(0, 1.0)])
    assert stated(only_it, [5e9], 5e9, 5e9) == 0.0


@given(joules, joules, st.floats(1e-3, 1e3))
def test_scale_of_energy_does_not_matter(it: float, aux: float, factor: float) -> None:
    form = bottom_up(0.01, 0.02, 0.005)
    one = stated(form, [it, aux], 1.1 * it + aux, it)
    other = stated(form, [factor * it, factor * aux], factor * (1.1 * it + aux), factor * it)
    assert other == pytest.approx(one, rel=1e-9)


@given(joules, joules)
def test_perfect_meters_leave_no_doubt(it: float, aux: float) -> None:
    assert stated(bottom_up(0.0, 0.0, 0.0), [it, aux], 1.1 * it + aux, it) == 0.0


@given(st.lists(st.tuples(st.floats(-1e12, 1e12), classes), min_size=1, max_size=8))
def test_a_sum_of_independent_meters(rows: list[tuple[float, float]]) -> None:
    energies, limits = zip(*rows, strict=True)
    meters = [meter(f"m{i}", limit) for i, limit in enumerate(limits)]
    form = expand(meters, []).sensitivity([(i, 1.0) for i in range(len(meters))])
    expected = 2 / ROOT3 * math.hypot(*(e * u for e, u in rows))
    assert stated(form, list(energies), math.fsum(energies), 1.0) == pytest.approx(expected)


def test_a_meter_in_a_difference_and_beside_it_is_one_meter() -> None:
    rest = Derived("rest", "none", Op.DIFFERENCE, ("all", "part"))
    expansion = expand([meter("all", 0.01), meter("part", 0.05)], [rest])
    form = expansion.sensitivity([(2, 1.0), (1, 1.0)])  # (all - part) + part
    assert stated(form, [1000.0, 400.0], 1000.0, 1.0) == pytest.approx(20.0 / ROOT3)


def test_a_share_of_a_sum_of_shares_is_differentiated_through() -> None:
    derived = [
        Derived("loss", "none", Op.SHARE, ("it",), 0.1, 0.01),
        Derived("base", "none", Op.CONSTANT, (), 50.0, 5.0),
        Derived("all", "none", Op.SUM, ("it", "loss", "base")),
        Derived("over", "none", Op.SHARE, ("all",), 0.2, 0.02),
    ]
    expansion = expand([meter("it", 0.03)], derived)
    form = expansion.sensitivity([(4, 1.0)])
    it, seconds = 1000.0, 4.0

    def energy(it: float, loss: float, watts: float, over: float) -> float:
        return over * (it * (1 + loss) + watts * seconds)

    at = (it, 0.1, 50.0, 0.2)
    limits = (0.03 * it, 0.01, 5.0, 0.02)
    moved = [tuple(v + u * (i == k) for i, (v, u) in enumerate(zip(at, limits, strict=True)))
             for k in range(4)]  # fmt: skip
    parts = [energy(*m) - energy(*at) for m in moved]  # exact: linear in each value on its own
    found = stated(form, [it], energy(*at), 1.0, seconds)
    assert found == pytest.approx(2 / ROOT3 * math.hypot(*parts))


def test_a_constant_weighs_by_time_not_by_energy() -> None:
    pump = Derived("pump", "none", Op.CONSTANT, (), 2670.0, 267.0)
    form = expand([meter("it", 0.0)], [pump]).sensitivity([(0, 1.0), (1, 1.0)], [(0, 1.0)])
    it, seconds = 3.6e9, 3600.0
    found = stated(form, [it], it + 2670 * seconds, it, seconds)
    assert found == pytest.approx(2 / ROOT3 * 267 * seconds / it)


def test_mass_and_cue_follow_the_intensity_of_each_period() -> None:
    oil, grid, it = 0, 1, 2
    expansion = expand([meter("oil", 0.02), meter("grid", 0.01), meter("it", 0.0)], [])
    form = expansion.sensitivity(
        [(oil, 267.0 / J_PER_KWH)], [(it, 1.0)], carried=[(grid, 1.0)], scale=3600.0
    )
    kwh = np.array([[10.0, 100.0, 50.0], [10.0, 100.0, 50.0]])
    intensity = np.array([400.0, 100.0])
    cue = (10 * 267 + 100 * intensity) / 1000 / 50
    found = expanded_uncertainty(form, kwh * J_PER_KWH, 1.0, cue, 50 * J_PER_KWH, intensity)
    kg = [math.hypot(10 * 0.267 * 0.02, 100 * ci / 1000 * 0.01) for ci in intensity]
    np.testing.assert_allclose(found.value, [2 / ROOT3 * m / 50 for m in kg])


def test_one_meter_may_emit_by_its_fuel_and_by_what_it_carries() -> None:
    """2 g/kWh of its own and 3 of the grid, of 1 kWh."""
    expansion = expand([meter("both", 0.01)], [])
    form = expansion.sensitivity([(0, 2.0 / J_PER_KWH)], carried=[(0, 1.0)])
    found = expanded_uncertainty(form, [[J_PER_KWH]], 1.0, 5.0, g_per_kwh=3.0)
    assert found.value == pytest.approx(2 / ROOT3 * 0.01 * 5)


def test_figures_in_other_units_have_the_doubt_of_both_sums() -> None:
    form = expand([meter("all", 0.01), meter("it", 0.02)], [])
    cue = form.sensitivity([(0, 1.0)], [(1, 1.0)], scale=3600.0)
    found = stated(cue, [100.0, 50.0], 100.0, 50.0)
    assert found == pytest.approx(2 / ROOT3 * 7200 * math.hypot(0.01, 0.02))


def test_a_share_of_a_share_is_in_doubt_by_what_it_is_taken_of() -> None:
    loss = Derived("loss", "none", Op.SHARE, ("it",), 0.1, 0.0)
    over = Derived("over", "none", Op.SHARE, ("loss",), 0.2, 0.02)
    form = expand([meter("it", 0.0)], [loss, over]).sensitivity([(2, 1.0)])
    assert stated(form, [1000.0], 20.0, 1.0) == pytest.approx(2 / ROOT3 * 0.02 * 100)


def test_what_is_exposed_to_time_is_worked_out_for_each_account() -> None:
    """A share of two meters is the same in all accounts, one of a constant is not."""
    derived = [
        Derived("pump", "none", Op.CONSTANT, (), 50.0, 0.0),
        Derived("all", "none", Op.SUM, ("a", "b")),
        Derived("more", "none", Op.SUM, ("all", "pump")),
        Derived("loss", "none", Op.SHARE, ("all",), 0.1, 0.01),
        Derived("over", "none", Op.SHARE, ("more",), 0.1, 0.02),
    ]
    expansion = expand([meter("a", 0.0), meter("b", 0.0)], derived)
    forms = [expansion.sensitivity([(node, 1.0)]) for node in (5, 6)]
    exposures = Exposures([[600.0, 400.0]])
    for form, limit, watts in ((forms[0], 0.01, 0.0), (forms[1], 0.02, 50.0)):
        for seconds in (4.0, 4.0, 8.0):
            found = expanded_uncertainty(form, exposures, seconds, 1.0).value
            assert found == pytest.approx(2 / ROOT3 * limit * (1000 + watts * seconds))


def test_what_is_filled_in_is_counted_once_and_doubted_beside_its_meter() -> None:
    form = expand([meter("a", 0.01)], [], [(0, 0.2)]).sensitivity([(0, 1.0)], [(0, 2.0)])
    sums = sums_of(form, [[1000.0, 100.0]], 1.0)
    assert np.concatenate([sums.numerator, sums.carried, sums.denominator]).tolist() == [
        1e3,
        0,
        2e3,
    ]
    alone = expand([meter("a", 0.01)], [], [(0, 0.2)]).sensitivity([(0, 1.0)])
    wanted = 2 / ROOT3 * math.hypot(0.01 * 1000, 0.2 * 100)
    assert stated(alone, [1000.0, 100.0], 1000.0, 1.0) == pytest.approx(wanted)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("limit", "fill", "filled", "value", "reason"),
    [
        (0.01, 0.0, 0.0, 1.0, None),
        (0.01, math.nan, 9.9, 1.0, None),
        (0.01, math.nan, 10.0, 1.0, None),
        (0.01, math.nan, 10.1, 1.0, "no_accuracy"),
        (0.01, 0.2, 900.0, 1.0, None),
        (math.nan, 0.0, 0.0, 1.0, "no_accuracy"),
        (0.01, math.nan, 10.1, math.nan, "undefined"),
    ],
)
def test_a_single_meter_may_have_filled_one_percent_without_stated_doubt(
    sign: float, limit: float, fill: float, filled: float, value: float, reason: str | None
) -> None:
    found = meter_uncertainty([limit], [sign * 1000.0], [value], fill, [filled])
    assert found.reason == [reason]
    parts = 0.01 * 1000, 0.0 if math.isnan(fill) else fill * filled
    wanted = math.nan if reason else 2 / ROOT3 * math.hypot(*parts)
    assert found.value == pytest.approx(wanted, nan_ok=True)


def test_without_an_intensity_there_is_no_doubt_to_state() -> None:
    form = expand([meter("grid", None)], []).sensitivity([], carried=[(0, 1.0)])
    found = expanded_uncertainty(form, [[1.0]], 1.0, 1.0, g_per_kwh=math.nan)
    assert found.reason == ["undefined"]
    empty = expand([], []).sensitivity([])
    found = expanded_uncertainty(empty, np.empty((1, 0)), 1.0, 0.0, g_per_kwh=math.nan)
    assert found.value.tolist() == [0.0]


# -- absence --------------------------------------------------------------------------------------


def test_a_meter_without_class_may_hold_one_percent() -> None:
    form = bottom_up(0.01, None, 0.005)
    it = 1000.0
    for aux, word in ((11.0, None), (11.2, "no_accuracy"), (-11.2, "no_accuracy")):
        assert reason(form, [it, aux], 1.1 * it + aux, it) == word
    assert form.unstated == 1


@pytest.mark.parametrize("place", [0, 7, 8, 20])
def test_any_of_many_meters_without_class_may_be_the_one_that_holds_too_much(place: int) -> None:
    form = expand([meter(f"m{i}", None) for i in range(21)], []).sensitivity(
        [(i, 1.0) for i in range(21)], [(20, 1.0)]
    )
    rows = np.full((2, 21), 10.0)
    rows[1, place] = 200.0
    found = expanded_uncertainty(form, rows, 1.0, [1.0, 1.0], [10_000.0, 10_000.0])
    assert found.reason == [None, "no_accuracy"]


@pytest.mark.parametrize(
    ("weights", "energies", "word"),
    [
        ([1.0, 0.001], [1000.0, 900.0], None),  # by what it moves the sum, not by what it counts
        ([1.0, -1.0], [1000.0, 400.0], "no_accuracy"),
        ([-1.0, 1.0], [1000.0, 5.0], None),
        ([-1.0, 1.0], [1000.0, 50.0], "no_accuracy"),
    ],
)
@pytest.mark.parametrize("below", [False, True])
def test_what_a_meter_without_class_holds_goes_by_its_weight_in_either_sum(
    *, weights: list[float], energies: list[float], word: str | None, below: bool
) -> None:
    members = list(enumerate(weights))
    total = math.fsum(w * e for w, e in zip(weights, energies, strict=True))
    expansion = expand([meter("a", 0.01), meter("b", None)], [])
    form = expansion.sensitivity([(0, 1.0)] if below else members, members if below else [])
    num, den = (1000.0, total) if below else (total, 1.0)
    assert reason(form, energies, num, den) == word


def test_a_small_share_without_stated_doubt_may_be_of_much() -> None:
    for share, word in ((0.005, None), (0.02, "no_accuracy")):
        loss = Derived("loss", "none", Op.SHARE, ("it",), share)
        form = expand([meter("it", 0.01)], [loss]).sensitivity([(0, 1.0), (1, 1.0)])
        assert reason(form, [1000.0], 1000.0 * (1 + share), 1.0) == word


def test_a_sum_of_nothing_is_exact_only_where_its_meters_say_how_exact_they_are() -> None:
    for accuracy, filled, word in (
        (None, [], "no_accuracy"),
        (None, [(0, None)], "no_accuracy"),
        (0.01, [], None),
        (0.01, [(0, None)], None),  # and nothing is filled
    ):
        form = expand([meter("a", accuracy)], [], filled).sensitivity([(0, 1.0)])
        assert reason(form, [0.0] * (1 + len(filled)), 0.0, 1.0) == word


def test_it_counts_in_the_denominator_too() -> None:
    assert reason(metered(0.01, None), [1500.0, 1000.0], 1500.0, 1000.0) == "no_accuracy"


@pytest.mark.parametrize("it", [1000.0, -1000.0])
def test_a_declared_share_without_stated_doubt(it: float) -> None:
    assert reason(bottom_up(0.01, 0.01, None), [it, 50.0], 1.1 * it + 50, it) == "no_accuracy"


def test_a_constant_without_stated_doubt() -> None:
    pump = Derived("pump", "none", Op.CONSTANT, (), 1.0)
    form = expand([meter("it", 0.01)], [pump]).sensitivity([(0, 1.0), (1, 1.0)], [(0, 1.0)])
    for seconds, word in ((1.0, None), (20.0, "no_accuracy")):
        found = expanded_uncertainty(form, [[1000.0]], seconds, (1000 + seconds) / 1000, 1000.0)
        assert found.reason == [word]


def test_a_figure_that_is_unknown_has_no_uncertainty() -> None:
    form = metered(0.01, 0.01)
    found = expanded_uncertainty(
        form, [[1.5, 1.0]] * 3, 1.0, [math.nan, 1.5, 1.5], [1.0, 0.0, math.nan]
    )
    assert np.isnan(found.value).all()
    assert found.reason == ["undefined"] * 3
    alone = expand([meter("a", 0.01)], []).sensitivity([(0, 1.0)])
    assert np.isnan(expanded_uncertainty(alone, [[1.0]], 1.0, math.nan).value[0])


def test_a_meter_that_is_not_needed_may_be_unknown() -> None:
    form = expand([meter("a", 0.01), meter("b", None)], []).sensitivity([(0, 1.0)])
    assert stated(form, [100.0, math.nan], 100.0, 1.0) == pytest.approx(2 / ROOT3)
    assert form.unstated == 0


def test_absurd_energies_do_not_raise() -> None:
    form = expand([meter("a", 0.5), meter("b", 0.5)], []).sensitivity([(0, 1.0), (1, 1.0)])
    found = stated(form, [1e200, 1e200], 2e200, 1.0)
    assert found == pytest.approx(2 / ROOT3 * 0.5e200 * math.sqrt(2))


def test_nothing_to_doubt_and_no_periods() -> None:
    empty = expand([], []).sensitivity([])
    assert expanded_uncertainty(empty, np.empty((2, 0)), 1.0, 0.0).value.tolist() == [0.0, 0.0]
    assert expanded_uncertainty(metered(0.1, 0.1), np.empty((0, 2)), 1.0, 1.0).reason == []


@given(st.lists(st.tuples(joules, joules), min_size=2, max_size=6))
def test_each_period_is_on_its_own(rows: list[tuple[float, float]]) -> None:
    form = bottom_up(0.01, 0.02, 0.005)
    energies = np.array(rows)
    it, aux = energies.T
    value = (1.1 * it + aux) / it
    together = expanded_uncertainty(form, energies, 1.0, value, it).value
    alone = [
        expanded_uncertainty(form, energies[i:j], 1.0, value[i:j], it[i:j]).value[0]
        for i, j in pairwise(range(len(rows) + 1))
    ]
    np.testing.assert_array_equal(together, alone)


def test_columns_of_other_lengths_are_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        expanded_uncertainty(metered(0.1, 0.1), np.ones((3, 2)), 1.0, np.ones(2))


def test_an_input_must_come_before() -> None:
    late = Derived("d", "none", Op.SUM, ("later",))
    with pytest.raises(ValueError, match="d: later is no meter that comes before it"):
        expand([], [late])
