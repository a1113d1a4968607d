"""A table without room for zeros holds what any other one holds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from greendc.core.tables import Sparse, chained, evenly, put, same, some_of, taken

WIDTH = 9
numbers = st.sampled_from([0.0, 0.0, 1.5, -2.0, float("nan")])
columns = st.lists(st.integers(0, WIDTH - 1), min_size=1, max_size=WIDTH, unique=True)


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, Any, Any, Any]]:
    """Things done to a table that begins with three rows."""
    out: list[tuple[str, Any, Any, Any]] = []
    rows = 3
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["put", "put", "scatter", "clear", "lengthen"]))
        of = np.array(draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=3, unique=True)))
        across = np.array(draw(columns))
        if kind == "scatter":
            across = np.array(draw(st.permutations(range(WIDTH))))[: len(of)]
            of = of[: len(across)]
        shape = (len(of),) if kind == "scatter" else (len(of), len(across))
        count = int(np.prod(shape))
        values = np.array(draw(st.lists(numbers, min_size=count, max_size=count)))
        rows += kind == "lengthen"
        out.append((kind, of, across, values.reshape(shape)))
    return out


@given(steps(), columns)
def test_it_holds_what_a_dense_table_holds(done: list[tuple[str, Any, Any, Any]], of: Any) -> None:
    table, dense = Sparse(3, WIDTH), np.zeros((3, WIDTH))
    ever = np.zeros(WIDTH, np.bool_)
    for kind, rows, across, values in done:
        if kind == "put":
            table.put(rows, across, values)
            dense[np.ix_(rows, across)] = values
        elif kind == "scatter":
            table.scatter(rows, across, values)
            dense[rows, across] = values
        elif kind == "clear":
            table.clear(rows)
            dense[rows] = 0.0
        else:
            table.lengthen(1)
            dense = np.vstack([dense, np.zeros(WIDTH)])
        ever |= (dense != 0).any(axis=0)
        every = np.arange(len(dense))
        assert len(table) == len(dense)
        assert_array_equal(table.take(every, np.arange(WIDTH)), dense)
        assert_array_equal(table.take(every[::-1], np.array(of)), dense[::-1][:, of])
        assert_array_equal(table.lasting(np.arange(WIDTH)), np.flatnonzero(ever))


def test_room_that_is_made_at_once_is_not_made_again() -> None:
    table = Sparse(2, 4)
    table.have(np.arange(4))
    table.put(np.array([1]), np.array([2]), np.array([[5.0]]))
    assert table.take(np.array([0, 1]), np.arange(4)).tolist() == [[0.0] * 4, [0.0, 0.0, 5.0, 0.0]]
    assert table.lasting(np.arange(4)).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("places", [[1, 2, 3], [0, 3, 6], [5], [], [3, 2, 1], [1, 2, 4], [2, 2]])
def test_columns_are_the_same_as_a_slice(places: list[int]) -> None:
    table, of = np.arange(28).reshape(4, 7), np.array(places, np.int64)
    assert_array_equal(np.arange(7)[evenly(of)], np.arange(7)[of])
    rows = np.array([3, 0])
    assert_array_equal(taken(table, rows, of), table[np.ix_(rows, of)])
    other = table.copy()
    put(other, rows, of, -taken(table, rows, of))
    table[np.ix_(rows, of)] *= -1
    assert_array_equal(other, table)


def test_columns_of_one_number_stay_so_as_long_as_they_can() -> None:
    assert some_of(same(3, 5), np.array([1, 4])).strides == (0,)
    assert chained([same(3, 2), same(3, 0), same(3, 1)]).strides == (0,)
    assert chained([same(3, 2), same(4, 1)]).tolist() == [3, 3, 4]
    assert chained([same(3, 1), np.array([3, 5])]).tolist() == [3, 3, 5]
    assert chained([same(3, 0), same(4, 0)]).tolist() == []
