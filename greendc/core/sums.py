"""Correctly rounded sums: the order of their terms does not matter."""

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


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
    rows = rows[np.any(rows != 0.0, axis=1)]
    if len(rows) > 2:
        return np.array([math.fsum(column) for column in rows.T.tolist()]) + 0.0
    # + 0.0 makes every zero a positive one, whichever way it came about
    return sum(rows, np.zeros(columns))


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
