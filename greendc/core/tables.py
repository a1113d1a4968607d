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
    count = len(places)
    if not count:
        return places
    first, last = int(places[0]), int(places[-1])
    step = int(places[1]) - first if count > 1 else 1
    if step < 1 or last - first != step * (count - 1):
        return places
    if count > 2 and bool((places[1:] - places[:-1] != step).any()):
        return places
    return slice(first, last + 1, step)


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


class Sparse:
    """A table of zeros at first, in which columns of nothing else take no room.

    >>> table = Sparse(2, 1000)
    >>> table.put(np.array([1]), np.array([3, 4]), np.array([[0.0, 7.0]]))
    >>> table.take(np.array([0, 1]), np.array([3, 4])).tolist()
    [[0.0, 0.0], [0.0, 7.0]]
    """

    def __init__(self, rows: int, width: int, kind: type = np.float64) -> None:
        """Rows of zeros cost no memory either before they are written."""
        self._body: npt.NDArray[Any] = np.zeros((rows, 1), kind)  # its first column stays zero
        self._used = 1
        self._place: IntArray = np.zeros(width, np.int64)

    def __len__(self) -> int:
        """How many rows."""
        return len(self._body)

    def lasting(self, columns: IntArray) -> IntArray:
        """Which of some columns have ever held anything but zero, by their places among these."""
        return np.flatnonzero(self._place[columns])

    def take(self, rows: IntArray, columns: IntArray) -> npt.NDArray[Any]:
        """A copy of some rows and columns."""
        place = self._place[columns]
        there = place.nonzero()[0]
        if len(there) == len(place):
            return taken(self._body, rows, place)
        out = np.zeros((len(rows), len(place)), self._body.dtype)
        out[:, evenly(there)] = taken(self._body, rows, place[there])
        return out

    def put(self, rows: IntArray, columns: IntArray, values: npt.NDArray[Any]) -> None:
        """Set some rows and columns."""
        new = (self._place[columns] == 0).nonzero()[0]
        if len(new):
            self.have(columns[new[values[:, evenly(new)].any(axis=0)]])
        place = self._place[columns]
        there = place.nonzero()[0]
        put(self._body, rows, place[there], values[:, evenly(there)])

    def scatter(self, rows: IntArray, columns: IntArray, values: npt.NDArray[Any]) -> None:
        """Set single numbers, each by its row and column."""
        self.have(np.unique(columns[(self._place[columns] == 0) & (values != 0)]))
        place = self._place[columns]
        there = place.nonzero()[0]
        self._body[rows[there], place[there]] = values[there]

    def have(self, columns: IntArray) -> None:
        """Give columns that have none yet their room."""
        upto = self._used + len(columns)
        if upto > self._body.shape[1]:
            wide = max(upto, self._used + self._used // 8)
            before, self._body = self._body, np.zeros((len(self), wide), self._body.dtype)
            for row in np.flatnonzero(before.any(axis=1)).tolist():
                self._body[row, : self._used] = before[row, : self._used]
        self._place[columns] = np.arange(self._used, upto)
        self._used = upto

    def clear(self, rows: IntArray) -> None:
        """Have some rows be zero."""
        self._body[rows] = 0

    def lengthen(self, more: int) -> None:
        """Add rows of zeros."""
        self._body = longer(self._body, more)


def longer(rows: Table, more: int) -> Table:
    """A copy with as many more rows of zeros, which take no memory until they are written."""
    out = np.zeros((len(rows) + more, rows.shape[1]), rows.dtype)
    out[: len(rows)] = rows
    return out


def same(number: int, count: int) -> IntArray:
    """A column of the same number in all rows, which takes no room.

    >>> print(same(7, 3), same(7, 1000).strides)
    [7 7 7] (0,)
    """
    return np.ndarray(count, np.int64, np.int64(number).tobytes(), strides=(0,))


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
