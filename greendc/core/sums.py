"""Correctly rounded sums: the order of their terms does not matter."""

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MANY = 128  # columns that are worth it to add up terms side by side
DOUBT = 2.0**-51  # of what additions lost, for each of them: four times what rounding may take


def fsum_rows(rows: FloatArray) -> FloatArray:
    """Sum of each column, correctly rounded (`math.fsum`). NaN in a column gives NaN.

    Parameters
    ----------
    rows
        Shape (terms, columns); finite or NaN.

    Examples
    --------
    >>> print(fsum_rows(np.array([[1e16], [1.0], [-1e16]])))
    [1.]
    """
    columns = rows.shape[1]
    counting = (rows != 0.0).any(axis=1)
    rows = rows if counting.all() else rows[counting]
    if len(rows) > 2:
        total, unsure = np.zeros(columns), np.arange(columns)
        if columns >= MANY:
            total, sure = _rounded_once(rows)
            unsure = np.flatnonzero(~sure)
        total[unsure] = [math.fsum(column.tolist()) for column in rows.T[unsure]]
        return total + 0.0
    # + 0.0 makes every zero a positive one, whichever way it came about
    return sum(rows, np.zeros(columns))


def _rounded_once(rows: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Sums with what each addition lost added at the end, and where they are surely right.

    What is lost by an addition is a number itself [1]_; what is lost by adding up these is at
    most a known part of their sizes. Where the total and that much more or less round to the
    same number, it is the nearest one.

    References
    ----------
    .. [1] D. E. Knuth, The Art of Computer Programming, vol. 2, 4.2.2, theorem B.
    """
    total, lost, size = rows[0].copy(), np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for row in rows[1:]:
            total, rest = _two_sum(total, row)
            lost += rest
            size += np.abs(rest)
        total, rest = _two_sum(total, lost)
        doubt = len(rows) * DOUBT * size
        sure = (total + (rest + doubt) == total) & (total + (rest - doubt) == total)
    return total, sure


def _two_sum(one: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A sum and what rounding took from it."""
    total = one + other
    added = total - one
    return total, (one - (total - added)) + (other - added)


def fsum_groups(values: FloatArray, size: int) -> FloatArray:
    """Sum of each run of `size` values along the last axis, correctly rounded.

    >>> print(fsum_groups(np.array([[1.0, 2.0, 3.0, 4.0]]), 2))
    [[3. 7.]]
    """
    if size == 1:
        return values
    *lead, length = values.shape
    folded = np.moveaxis(values.reshape(-1, size), 1, 0)
    return fsum_rows(folded).reshape(*lead, length // size)
