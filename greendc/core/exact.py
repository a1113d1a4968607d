"""Sums of many stretches of rows at once, rounded once: to the bit what `math.fsum` gives.

A float64 is a whole number of units of some power of two. Columns are cut into 32-bit limbs
of a unit of their own, added up as integers, and rounded to float64 when all is added.
"""

import math

import numpy as np
import numpy.typing as npt

from greendc.core.facility import IntArray
from greendc.core.sums import fsum_rows

FloatArray = npt.NDArray[np.float64]

BITS = 32  # of a limb; 64-bit integers hold sums of 2**30 of them
MASK = (1 << BITS) - 1
MANTISSA = 52
BIAS = 1075  # of the exponent of a float64's last bit
LARGE = 2.0**990  # sums of anything larger may leave float64
FEW = 8  # stretches that are not worth the limbs


def fsum_runs(rows: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
    """Sum of each column over rows [first, last) of each stretch, correctly rounded.

    Parameters
    ----------
    rows
        Shape (rows, columns); finite, or NaN, which gives NaN.
    first, last
        Bounds of the stretches, which may overlap. A sum over none is 0.

    Returns
    -------
    numpy.ndarray
        Shape (stretches, columns); every zero is a positive one.

    Examples
    --------
    >>> rows = np.array([[1e16], [1.0], [-1e16], [2.0]])
    >>> print(fsum_runs(rows, np.array([0, 0, 1]), np.array([3, 4, 4])).T)
    [[ 1.e+00  3.e+00 -1.e+16]]
    """
    out = np.zeros((len(first), rows.shape[1]))
    done: dict[bytes, int] = {}
    some = np.flatnonzero(rows.any(axis=0))
    columns = np.ascontiguousarray(rows.T[some])
    same = np.array([done.setdefault(c.tobytes(), i) for i, c in enumerate(columns)], np.int64)
    chosen = np.unique(same)
    if len(chosen) and len(first):
        columns = columns[chosen]
        add = _by_limbs if len(first) > FEW and bool((abs(columns) < LARGE).all()) else _by_column
        out[:, some] = add(columns, first, last)[:, np.searchsorted(chosen, same)]
    return out


def _by_column(columns: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
    lists = columns.tolist()
    spans = list(zip(first.tolist(), last.tolist(), strict=True))
    return np.array([[_fsum(values[lo:hi]) for values in lists] for lo, hi in spans])


def _fsum(values: list[float]) -> float:
    try:
        return math.fsum(values) + 0.0
    except (OverflowError, ValueError):  # of one or two terms a sum is what it is
        return float(fsum_rows(np.array(values)[:, None])[0])


def _by_limbs(columns: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
    limbs, unit = _limbs(columns)
    sums = np.zeros((*limbs.shape[:2], limbs.shape[2] + 1), np.int64)
    np.cumsum(limbs, axis=2, out=sums[:, :, 1:])
    return _rounded(list(sums[:, :, last] - sums[:, :, first]), unit[:, None]).T


def _limbs(columns: FloatArray) -> tuple[IntArray, IntArray]:
    """Limbs, lowest first, of shape (limbs, columns, rows), and each column's unit as a power."""
    bits = columns.view(np.int64)
    power = (bits >> MANTISSA) & 0x7FF
    whole = (bits & ((1 << MANTISSA) - 1)) | (np.minimum(power, 1) << MANTISSA)
    power = np.maximum(power, 1) - BIAS
    unit = np.where(whole == 0, 2 * BIAS, power).min(axis=1)
    shift = np.where(whole == 0, 0, power - unit[:, None])
    place, shift = shift // BITS, shift % BITS
    low, high = (whole & MASK) << shift, (whole >> BITS) << shift
    parts = [low & MASK, (low >> BITS) + (high & MASK), high >> BITS]
    negative = bits < 0
    parts = [np.where(negative, -part, part) for part in parts]
    most = int(place.max())
    if most == 0:
        return np.stack(parts), unit
    out = np.zeros((most + len(parts), *columns.shape), np.int64)
    for number in range(most + 1):
        here = place == number
        for more, part in enumerate(parts):
            out[number + more] += np.where(here, part, 0)
    return out, unit


def _rounded(limbs: list[IntArray], unit: IntArray) -> FloatArray:
    """The float64 that is nearest to what limbs add up to; of two the even one."""
    limbs = _carried(limbs)
    negative = limbs[-1] < 0
    if negative.any():
        limbs = _carried([np.where(negative, -limb, limb) for limb in limbs])
    *lower, low, middle, top = limbs
    power = np.full(top.shape, BITS * len(lower) + BITS, np.int64)
    below = [np.zeros(top.shape, np.bool_)]  # whether anything is left below a limb
    for limb in lower:
        below.append(below[-1] | (limb != 0))
    left = below[-1]
    for number, limb in reversed(list(enumerate(lower))):
        down = top == 0
        top, middle, low = (
            np.where(down, after, before)
            for before, after in ((top, middle), (middle, low), (low, limb))
        )
        left = np.where(down, below[number], left)
        power -= BITS * down
    # what is left below three limbs only tells which way to round: an odd last bit tells it too
    low |= left
    high, more = np.ldexp(top.astype(np.float64), BITS), middle.astype(np.float64)
    nearly = high + more
    error = more - (nearly - high)
    total = nearly + (error + np.ldexp(low.astype(np.float64), -BITS))
    found: FloatArray = np.ldexp(np.where(negative, -total, total), power + unit) + 0.0
    return found


def _carried(limbs: list[IntArray]) -> list[IntArray]:
    """The same number with one limb more, all but that from 0 to `MASK`."""
    out, carry = [], np.zeros((), np.int64)
    for limb in limbs:
        total = limb + carry
        out.append(total & MASK)
        carry = total >> BITS
    return [*out, carry]
