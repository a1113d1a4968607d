"""Quality of single readings: values that a device sends in place of a reading, and range."""

import numpy as np

from greendc.core.readings import BoolArray, FloatArray


def is_sentinel(raw: FloatArray, sentinels: FloatArray) -> BoolArray:
    """Where a value is one by which the device says that it has none.

    Parameters
    ----------
    raw
        Values as they stand in the payload.
    sentinels
        Sentinels of each value's meter, a row for each value; NaN fills up the
        rows of meters with fewer of them.

    Raises
    ------
    ValueError
        If there is not a row for each value.

    Examples
    --------
    All bits of a 32-bit register set, which 4294967294 has not:

    >>> of_meter = np.array([[2.0**32 - 1]] * 2)
    >>> print(is_sentinel(np.array([4294967295.0, 4294967294.0]), of_meter))
    [ True False]
    """
    if len(raw) != len(sentinels):
        raise ValueError(f"{len(sentinels)} rows of sentinels for {len(raw)} values")
    return np.asarray((raw[:, np.newaxis] == sentinels).any(axis=1))


def is_out_of_range(value: FloatArray, low: FloatArray, high: FloatArray) -> BoolArray:
    """Where a value is none that the meter can measure; NaN is never in range.

    Parameters
    ----------
    value
        Readings in base units.
    low, high
        Range of each reading's meter in the same units, the limits included;
        infinite where there is none.

    Examples
    --------
    A 100 kW feed, good from -0.1 % to 120 % of its rating:

    >>> print(is_out_of_range(np.array([-100.0, 125e3]), np.array(-100.0), np.array(120e3)))
    [False  True]
    """
    return np.asarray(~((value >= low) & (value <= high)))


def padded(rows: list[tuple[float, ...]]) -> FloatArray:
    """Rows of different lengths as a table, NaN where a row is shorter.

    Examples
    --------
    >>> print(padded([(1.0, 2.0), ()]))
    [[ 1.  2.]
     [nan nan]]
    """
    table = np.full((len(rows), max(map(len, rows), default=0)), np.nan)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    return table
