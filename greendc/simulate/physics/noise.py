"""Chance with a name: each value belongs to a seed, a stream and a time, whatever is asked first.

Only the raw integers of PCG64 are used, which numpy keeps the same in all versions (NEP 19);
all else is exact arithmetic.
"""

from functools import lru_cache

import numpy as np

from greendc.simulate.physics.grid import FloatArray, Grid

_BITS = 52  # of the fraction of a float: uniform values are exact
_BLOCK = 256  # knots that are made at once


@lru_cache(maxsize=32)
def _raw(seed: int, stream: str, block: int, count: int) -> FloatArray:
    bits = np.random.PCG64(np.random.SeedSequence([seed, block, *stream.encode()]))
    raw = np.asarray(bits.random_raw(count), np.uint64)
    values = (raw >> np.uint64(64 - _BITS)).astype(np.float64) * 2.0 ** (1 - _BITS) - 1.0
    values.flags.writeable = False
    return values


def constants(seed: int, stream: str, count: int) -> FloatArray:
    """Values uniform in [-1, 1) that hold for all time; more of them leave the first as they are.

    >>> print(constants(1, "racks", 3)[:2] == constants(1, "racks", 2))
    [ True  True]
    """
    return _raw(seed, stream, 0, count)


def knots(seed: int, stream: str, span: tuple[int, int], rows: int = 1) -> FloatArray:
    """Values uniform in [-1, 1) at the knots numbered `span`, shape (rows, knots).

    Parameters
    ----------
    span
        Number of the first knot and of the one after the last.

    Examples
    --------
    >>> whole = knots(1, "racks", (250, 262), rows=2)
    >>> print(np.array_equal(whole[:, 4:7], knots(1, "racks", (254, 257), rows=2)))
    True
    """
    blocks = range(span[0] // _BLOCK, (span[1] - 1) // _BLOCK + 1)
    found = [_raw(seed, stream, block, rows * _BLOCK).reshape(rows, _BLOCK) for block in blocks]
    skipped = span[0] - blocks[0] * _BLOCK
    return np.concatenate(found, axis=1)[:, skipped : skipped + span[1] - span[0]]


def wander(seed: int, stream: str, grid: Grid, spacing: int, rows: int = 1) -> FloatArray:
    """Continuous chance in [-1, 1): linear between values at knots. Shape (rows, steps).

    The variance at a knot is 1/3, half way between two knots 1/6.

    >>> found = wander(1, "racks", Grid(0, 10, 6), 30, rows=2)
    >>> found.shape, bool(np.allclose(found[:, 1] * 2, found[:, 0] + found[:, 2]))
    ((2, 6), True)
    """
    span = grid.covering(spacing)
    found = knots(seed, stream, span, rows)
    return grid.between(span[0] * spacing, spacing, found)


def jumps(seed: int, stream: str, grid: Grid, spacing: int, rows: int = 1) -> FloatArray:
    """Chance in [-1, 1) that holds for a spacing and then jumps, each row at its own time.

    Shape (rows, steps).

    >>> found = jumps(1, "racks", Grid(0, 10, 60), 200)
    >>> len(np.unique(found))
    4
    """
    first, last = grid.covering(spacing)
    found = knots(seed, stream, (first, last + 1), rows)
    own = constants(seed, f"{stream}/when", rows)[:, np.newaxis]
    shift = ((own + 1.0) * (spacing / 2)).astype(np.int64)
    index = (grid.times + shift) // spacing - first
    return np.take_along_axis(found, index, axis=1)
