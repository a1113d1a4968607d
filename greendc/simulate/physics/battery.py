"""A battery that is empty by what it gave, and charged until it is full."""

import numpy as np

from greendc.simulate.physics.grid import IntArray


def deficit(before: int, change: IntArray) -> IntArray:
    """What is missing after each step: ``D_k = max(0, D_(k-1) + change_k)``.

    Solved for all steps at once: the running sum, less its least value so far where that is below
    what was missing before (Lindley's recursion). Exact in integers.

    Parameters
    ----------
    before
        What is missing before the first step. [mW x step]
    change
        What each step takes out (positive), or would put in (negative). [mW x step]

    Examples
    --------
    20 are taken, then 8 a step are put back:

    >>> print(deficit(0, np.array([20, -8, -8, -8, -8])))
    [20 12  4  0  0]
    """
    total = before + np.cumsum(change)
    lowest = np.minimum(np.minimum.accumulate(total), 0)
    return total - lowest
