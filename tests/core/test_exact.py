"""Sums of stretches are what `math.fsum` gives, to the bit, however they are come by."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.core import exact, sums
from greendc.core.exact import fsum_runs
from greendc.core.sums import fsum_rows

numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e290, max_value=1e290),
    st.floats(-1e6, 1e12),
    st.integers(-9, 9).map(float),
    st.integers(-40, 40).map(lambda power: 2.0**power),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.0**53, 2.0**53 + 2, 1e16, -1e16]),
)


@st.composite
def stretches(draw: st.DrawFn) -> tuple[list[list[float]], list[tuple[int, int]]]:
    width, count = draw(st.integers(1, 3)), draw(st.integers(0, 9))
    rows = draw(st.lists(st.lists(numbers, min_size=width, max_size=width), max_size=12))
    bound = st.integers(0, len(rows))
    spans = [tuple(sorted((draw(bound), draw(bound)))) for _ in range(count)]
    return rows or [[0.0] * width], spans  # type: ignore[return-value]


def bits(values: npt.ArrayLike) -> list[int]:
    found: list[int] = np.asarray(values, np.float64).view(np.int64).ravel().tolist()
    return found


@pytest.mark.parametrize("few", [0, 100])
@given(given_=stretches())
def test_sums_are_those_of_fsum(few: int, given_: tuple[Any, Any]) -> None:
    rows, spans = given_
    first, last = np.array(spans, np.int64).reshape(-1, 2).T
    columns = list(zip(*rows, strict=True))
    wanted = [[math.fsum(column[a:b]) + 0.0 for column in columns] for a, b in spans]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "FEW", few)
        assert bits(fsum_runs(np.array(rows), first, last)) == bits(wanted)


@pytest.mark.parametrize("many", [0, 100])
@given(
    rows=st.integers(1, 5).flatmap(
        lambda width: st.lists(
            st.lists(numbers, min_size=width, max_size=width), min_size=1, max_size=40
        )
    )
)
def test_sums_of_columns_are_those_of_fsum(many: int, rows: list[list[float]]) -> None:
    wanted = [math.fsum(column) + 0.0 for column in zip(*rows, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums, "MANY", many)
        assert bits(fsum_rows(np.array(rows))) == bits(wanted)


@pytest.mark.parametrize("rest", [0.0, 2.0**-60, -(2.0**-60), 1.0, 2.0**-1000, -(2.0**-1000)])
def test_halves_are_rounded_by_what_is_lost(rest: float) -> None:
    for first in (2.0**53, 2.0**53 + 2, -(2.0**53)):
        column = [first, 1.0, rest, -1.0, 1.0]
        rows = np.array([column] * sums.MANY).T
        assert fsum_rows(rows).tolist() == [math.fsum(column)] * sums.MANY


def test_a_tie_is_rounded_to_even_unless_something_is_below_it() -> None:
    for rest, wanted in ((0.0, 2.0**53), (2.0**-200, 2.0**53 + 2), (-(2.0**-200), 2.0**53)):
        rows = np.array([[2.0**53], [1.0], [rest]])
        first = np.zeros(exact.FEW + 1, np.int64)
        assert fsum_runs(rows, first, first + 3)[:, 0].tolist() == [wanted] * len(first)


@pytest.mark.parametrize("count", [1, exact.FEW + 1])
def test_what_is_not_a_number_stays_it(count: int) -> None:
    rows = np.array([[1.0, np.nan], [2.0, 3.0], [1.0, 1.0]])
    first = np.zeros(count, np.int64)
    found = fsum_runs(rows, first, first + 3)
    assert found[:, 0].tolist() == [4.0] * count
    assert np.isnan(found[:, 1]).all()


def test_a_long_column_of_real_size() -> None:
    chance = np.random.default_rng(7)
    rows = chance.normal(1e9, 1e8, (3000, 2)) * chance.choice([1.0, 1e-9, -1.0], (3000, 2))
    first = np.arange(0, 2200, 7)
    found = fsum_runs(rows, first, first + 720)
    wanted = [[math.fsum(c[a : a + 720]) for c in rows.T.tolist()] for a in first.tolist()]
    assert bits(found) == bits(wanted)
