import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.core.quality import is_all_bits, is_out_of_range, is_sentinel, padded

numbers = st.floats(allow_nan=False)


@given(st.lists(st.tuples(numbers, st.lists(numbers, max_size=3).map(tuple)), max_size=8))
def test_sentinels_of_a_column_are_those_of_its_rows(
    rows: list[tuple[float, tuple[float, ...]]],
) -> None:
    found = is_sentinel(np.array([raw for raw, _ in rows]), padded([of for _, of in rows]))
    assert found.tolist() == [raw in sentinels for raw, sentinels in rows]


def test_sentinels_need_a_row_for_each_value() -> None:
    with pytest.raises(ValueError, match="1 rows of sentinels for 2 values"):
        is_sentinel(np.zeros(2), np.zeros((1, 1)))


@pytest.mark.parametrize("scale", range(-6, 7))
@pytest.mark.parametrize("word", [2**31 - 1, -(2**31), 2**32 - 1, -(2**63), 2**64 - 1])
def test_all_bits_are_told_in_any_decimal_unit(word: int, scale: int) -> None:
    raw = float(f"{word}e{scale}")
    assert is_all_bits(np.array([raw, float(word) * 10.0**scale, raw * (1 + 1e-9)])).tolist() == [
        True,
        True,
        False,
    ]


def test_numbers_that_meters_show_are_not_all_bits() -> None:
    usual = [0.0, -1.0, 65535.0, 32767.0, 230.5, 1e6, 4294967290.0, 1e39, np.nan, np.inf]
    assert not is_all_bits(np.array(usual)).any()
    assert is_all_bits(np.zeros(0)).tolist() == []


@given(value=numbers, low=numbers, high=numbers)
def test_the_limits_are_in_range(value: float, low: float, high: float) -> None:
    out = is_out_of_range(np.array([value]), np.array([low]), np.array([high]))
    assert out.tolist() == [value < low or value > high]


def test_not_a_number_is_never_in_range() -> None:
    assert is_out_of_range(np.array([np.nan]), np.array(-np.inf), np.array(np.inf)).all()
