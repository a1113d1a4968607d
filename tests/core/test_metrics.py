"""What every metric gets for free, and the identities between them."""

import inspect
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.core.metrics import METRICS, Metric, judge, names, reference
from greendc.core.metrics.cue import CUE, cue
from greendc.core.metrics.dcie import DCIE, dcie
from greendc.core.metrics.ere import ERE, ere
from greendc.core.metrics.erf import ERF, erf
from greendc.core.metrics.ppue import PPUE, ppue
from greendc.core.metrics.pue import PUE, pue
from greendc.core.ratio import ratio
from greendc.core.units import G_PER_KG, J_PER_KWH

PAGE = Path(__file__).parents[2] / "dashboards" / "METRICS.md"

amounts = st.floats(-1e15, 1e15) | st.just(math.nan)
joules = st.floats(1.0, 1e18)
each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)


@each_metric
def test_the_docstring_says_what_the_record_says(metric: Metric) -> None:
    doc = metric.compute.__doc__ or ""
    for fact in (f"``{metric.formula}``", f"[{metric.unit}]", metric.source, *metric.needs):
        assert fact in doc
    assert ">>>" in doc
    assert "NaN where" in doc
    assert tuple(inspect.signature(metric.compute).parameters) == metric.needs


@each_metric
def test_the_record_fits_together(metric: Metric) -> None:
    assert len(metric.needs) == len(metric.numerator) == len(metric.denominator)
    assert sorted(metric.denominator, reverse=True) == [1.0] + [0.0] * (len(metric.needs) - 1)
    assert metric.bounds[0] < metric.bounds[1]
    assert {"site", "window"} <= set(metric.labels)
    assert metric.over is None or metric.over in metric.labels


def test_names_and_series_are_unique() -> None:
    assert len({m.name for m in METRICS}) == len({m.series for m in METRICS}) == len(METRICS)


@each_metric
@given(data=st.data())
def test_a_vector_is_its_scalars(metric: Metric, data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.tuples(*[amounts] * len(metric.needs)), min_size=1))
    vector = metric.compute(*np.array(columns).T)
    np.testing.assert_array_equal(vector, [metric.compute(*row) for row in columns])


@each_metric
@given(data=st.data())
def test_the_linear_form_is_the_formula(metric: Metric, data: st.DataObject) -> None:
    needs = [data.draw(joules) for _ in metric.needs]
    above = math.fsum(a * n for a, n in zip(metric.numerator, needs, strict=True))
    below = needs[metric.denominator.index(1.0)]
    size = metric.scale * max(needs) / below  # of the terms, which may cancel
    assert metric.compute(*needs) == pytest.approx(
        metric.scale * above / below, rel=1e-12, abs=1e-12 * size
    )


@each_metric
@pytest.mark.parametrize("empty", [0.0, -0.0, -1.0, math.nan, math.inf])
def test_without_a_denominator_it_is_undefined(metric: Metric, empty: float) -> None:
    needs = [empty if weight else 5.0 for weight in metric.denominator]
    assert np.isnan(metric.compute(*needs))


@each_metric
def test_what_is_unknown_leaves_it_unknown(metric: Metric) -> None:
    for place in range(len(metric.needs)):
        needs = [math.nan if i == place else 5.0 for i in range(len(metric.needs))]
        assert np.isnan(metric.compute(*needs))


@each_metric
def test_shapes_that_do_not_match_are_the_callers_fault(metric: Metric) -> None:
    needs = [np.ones(2 + (i == 0)) for i in range(len(metric.needs))]
    with pytest.raises(ValueError, match="shape"):
        metric.compute(*needs)


@given(a=st.floats(), b=st.floats())
def test_a_ratio_is_finite_or_absent(a: float, b: float) -> None:
    found = float(ratio(a, b))
    assert not math.isinf(found)
    means_something = math.isfinite(a) and math.isfinite(b) and b > 0
    assert math.isnan(found) != (means_something and math.isfinite(a / b))


@given(e_it=joules, parts=st.lists(st.floats(-1e3, 1e18), max_size=6))
def test_pue_is_one_and_what_each_subsystem_adds(e_it: float, parts: list[float]) -> None:
    e_dc = math.fsum([e_it, *parts])
    whole = 1 + math.fsum(float(ppue(part, e_it)) - 1 for part in parts)
    assert pue(e_dc, e_it) == pytest.approx(whole, rel=1e-9)


@given(e_dc=joules, e_it=joules, share=st.floats(0.0, 1.0))
def test_ere_is_what_erf_leaves_of_pue(e_dc: float, e_it: float, share: float) -> None:
    e_reuse = e_dc * share
    left = (1 - erf(e_reuse, e_dc)) * pue(e_dc, e_it)
    size = float(pue(e_dc, e_it))
    assert ere(e_dc, e_reuse, e_it) == pytest.approx(left, rel=1e-12, abs=1e-12 * size)


@given(e_dc=joules, e_it=joules)
def test_dcie_is_the_reciprocal_of_pue(e_dc: float, e_it: float) -> None:
    assert dcie(e_it, e_dc) * pue(e_dc, e_it) == pytest.approx(1.0)


@given(e_dc=joules, e_it=joules, g_per_kwh=st.floats(0.0, 2000.0))
def test_cue_is_emission_factor_times_pue(e_dc: float, e_it: float, g_per_kwh: float) -> None:
    emitted = e_dc / J_PER_KWH * g_per_kwh
    expected = g_per_kwh / G_PER_KG * pue(e_dc, e_it)
    assert cue(emitted, e_it) == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_a_site_is_the_sum_of_its_halls_not_the_mean_of_their_ratios() -> None:
    e_it = np.array([10.0, 1.0])
    e_dc = np.array([12.0, 2.0])
    assert pue(e_dc.sum(), e_it.sum()) == pytest.approx(14 / 11)


# -- G2 and G6 ------------------------------------------------------------------------------------


def test_a_denominator_below_its_minimum_carries_no_ratio() -> None:
    value, status, reason = judge(PUE, [1.2, 1.2, 1.2], [9.0, 10.0, 11.0], 10.0)
    np.testing.assert_array_equal(value, [np.nan, 1.2, 1.2])
    assert status == ["undefined", "ok", "ok"]
    assert reason == ["undefined_denominator", None, None]


@pytest.mark.parametrize("below", [0.0, -1.0, math.nan])
def test_no_denominator_is_undefined_whatever_the_value(below: float) -> None:
    value, status, reason = judge(PUE, 1.2, below)
    assert np.isnan(value).all()
    assert (status, reason) == (["undefined"], ["undefined_denominator"])


def test_an_unknown_amount_is_undefined_not_invalid() -> None:
    assert judge(PUE, math.nan, 5.0)[1:] == (["undefined"], ["unknown_amount"])


@pytest.mark.parametrize(
    ("metric", "good", "bad"),
    [
        (PUE, [1.0, 3.0], [0.999, -1.0]),
        (DCIE, [1.0, 0.3], [1.001, 0.0, -0.1]),
        (PPUE, [1.0, 0.9, -3.0], []),
        (ERF, [0.0, 0.4, 1.0], [1.001, -0.001]),
        (ERE, [0.0, 0.4, 2.0], [-0.001]),
        (CUE, [0.0, 0.4], [-0.001]),
    ],
)
def test_outside_its_range_a_value_is_invalid_and_not_clamped(
    metric: Metric, good: list[float], bad: list[float]
) -> None:
    value, status, reason = judge(metric, good + bad, np.ones(len(good) + len(bad)))
    np.testing.assert_array_equal(value, good + [np.nan] * len(bad))
    assert status == ["ok"] * len(good) + ["invalid"] * len(bad)
    assert reason == [None] * len(good) + ["out_of_bounds"] * len(bad)


def test_words_are_plain_strings() -> None:
    _, status, reason = judge(PUE, [1.2, 0.5], [1.0, 1.0])
    assert [type(word) for word in (*status, reason[1])] == [str, str, str]


# -- names and the generated page -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "key"), [(DCIE, 1), (PPUE, None), (CUE, None), (CUE, 1), (PUE, "cooling")]
)
def test_a_key_that_a_metric_has_not_is_refused(metric: Metric, key: int | str | None) -> None:
    with pytest.raises(ValueError, match=metric.name):
        names(metric, key)


def test_metrics_md_begins_with_the_metrics() -> None:
    assert PAGE.read_text(encoding="utf-8").startswith(reference())


@each_metric
def test_every_metric_is_in_metrics_md(metric: Metric) -> None:
    assert f"`{metric.series}`" in reference()
    assert metric.meaning.endswith(".")
