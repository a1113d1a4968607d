"""Quality of single readings: values that a device sends in place of a reading, and range."""

import numpy as np

from greendc.core.readings import BoolArray, FloatArray

_WORDS = (2.0**31 - 1, 2.0**31, 2.0**32 - 1, 2.0**32, 2.0**63, 2.0**64, float(np.finfo("f4").max))
_ALL_BITS = np.sort([word * 10.0**scale for word in _WORDS for scale in range(-6, 7)])
_LEAST, _MOST = _ALL_BITS * (1 - 1e-14), _ALL_BITS * (1 + 1e-14)  # a product may be off by an ulp


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


def is_all_bits(raw: FloatArray) -> BoolArray:
    """Where a number is the largest, or the least, of 32 or 64 bits, or of a float.

    Devices send it in place of a value that they do not have; gateways have made other units of
    it, so it is known at each power of ten from 10^-6 to 10^6. Counters come by such numbers.

    Parameters
    ----------
    raw
        Values as they stand in the payload.

    References
    ----------
    SunSpec Device Information Model Specification, "not implemented": 0xFFFFFFFF of uint32,
    0x80000000 of int32.

    Examples
    --------
    >>> print(is_all_bits(np.array([4294967295.0, 4294967.295, -2147483648.0, 4294967294.0])))
    [ True  True  True False]
    """
    size, found = np.abs(raw), np.zeros(len(raw), np.bool_)
    large = np.flatnonzero((size >= _LEAST[0]) & (size <= _MOST[-1]))
    near = np.searchsorted(_LEAST, size[large], "right") - 1
    found[large] = size[large] <= _MOST[near]
    return found


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
