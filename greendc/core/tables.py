"""Tables by places of rows and columns; columns that take no room."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from greendc.core.facility import IntArray

Table = TypeVar("Table", IntArray, npt.NDArray[np.float64])


def evenly(places: IntArray) -> IntArray | slice:
    """Places as a slice where they are evenly spaced, which numpy walks through many times faster.

    >>> print(evenly(np.array([3, 6, 9])), evenly(np.array([3, 6, 7])), evenly(np.array([4])))
    slice(3, 10, 3) [3 6 7] slice(4, 5, 1)
    """
    if not len(places):
        return places
    steps = np.diff(places)
    step = int(steps[0]) if len(steps) else 1
    if step < 1 or bool((steps != step).any()):
        return places
    return slice(int(places[0]), int(places[-1]) + 1, step)


def taken(table: Table, rows: IntArray, columns: IntArray) -> Table:
    """A copy of some rows and columns."""
    near = evenly(columns)
    found: Table = table[rows, near] if isinstance(near, slice) else table[rows[:, None], near]
    return found


def put(table: Table, rows: IntArray, columns: IntArray, values: Table) -> None:
    """Set some rows and columns."""
    near = evenly(columns)
    if isinstance(near, slice):
        table[rows, near] = values
    else:
        table[rows[:, None], near] = values


def same(number: int, count: int) -> IntArray:
    """A column of the same number in all rows, which takes no room.

    >>> print(same(7, 3), same(7, 1000).strides)
    [7 7 7] (0,)
    """
    return np.broadcast_to(np.int64(number), count)


def some_of(column: npt.NDArray[Any], rows: IntArray) -> npt.NDArray[Any]:
    """Some rows of a column."""
    if column.strides == (0,) and len(column):
        return np.broadcast_to(column[:1], len(rows))
    return column[rows]


def chained(columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Columns one after the other."""
    if all(column.strides == (0,) for column in columns):
        firsts = [column[:1] for column in columns if len(column)]
        if len({first.tobytes() for first in firsts}) == 1:
            return np.broadcast_to(firsts[0], sum(map(len, columns)))
    return np.concatenate(columns)
