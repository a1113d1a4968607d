"""Emissions of the grid's electricity by the hour."""

import numpy as np

from greendc.simulate.physics.grid import DAY, HOUR, FloatArray, IntArray, rounded
from greendc.simulate.physics.noise import knots

_NOON = np.array([0.0] * 6 + [0.2, 0.5, 0.8, 1.0, 1.0, 1.0, 1.0, 0.9, 0.7, 0.4, 0.1] + [0.0] * 7)


def intensity(
    mean: float, noon: float, seed: int, hours: tuple[int, int], local: IntArray
) -> FloatArray:
    """Emissions of electricity in each hour, rounded to 0.1 [g/kWh].

    Less by day, as where the sun shines on panels; a wave over days of up to 15 % of the mean, as
    wind and demand make it (assumed). The day's course has the mean of the year.

    Parameters
    ----------
    mean
        Mean of the year. [g/kWh]
    noon
        How much less at noon, as a share of the mean.
    hours
        Number of the first hour and of the one after the last; hour 0 began 1970.
    local
        Local hour of the day of each.

    Examples
    --------
    >>> found = intensity(400.0, 0.0, 1, (0, 24), np.arange(24))
    >>> bool(np.all(np.abs(found - 400.0) <= 60.0))
    True
    """
    span = hours[0] * HOUR // DAY, (hours[1] * HOUR) // DAY + 2
    days = knots(seed, "grid", span)[0]
    index, rest = np.divmod(np.arange(*hours) * HOUR, DAY)
    low, high = days[index - span[0]], days[index - span[0] + 1]
    wave = 0.15 * (low + (high - low) * (rest / DAY))
    course = noon * (_NOON.mean() - _NOON[local])
    return rounded(mean * (1.0 + wave + course), 1)
