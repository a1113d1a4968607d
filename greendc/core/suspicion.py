"""Readings that cannot be: single spikes, values that are frozen, changes that are too fast."""

import numpy as np

from greendc.core.facility import EVER, SECOND, IntArray
from greendc.core.words import BoolArray, FloatArray


def near(meter: IntArray, time: IntArray, silent_after: IntArray) -> BoolArray:
    """Which readings follow one of their meter that is not older than its `silent_after`."""
    found = np.zeros(len(meter), np.bool_)
    found[1:] = (meter[1:] == meter[:-1]) & (np.diff(time) <= silent_after[meter[1:]])
    return found


def spikes(follows: BoolArray, value: FloatArray, limit: FloatArray) -> BoolArray:
    """Single readings further than a limit from both neighbours, which agree to within it.

    Parameters
    ----------
    follows
        Which readings have a neighbour before them.
    value
        Readings of a meter, one after the other.
    limit
        For each reading, in the value's unit.

    Examples
    --------
    >>> watts = np.array([200.0, 210.0, 25450.0, 205.0, 400.0, 410.0])
    >>> print(spikes(np.arange(6) > 0, watts, np.full(6, 100.0)))
    [False False  True False False False]
    """
    found = np.zeros(len(value), np.bool_)
    step = np.abs(np.diff(value))
    across = np.abs(value[2:] - value[:-2])
    inner = follows[1:-1] & follows[2:] & (step[:-1] > limit[1:-1])
    found[1:-1] = inner & (step[1:] > limit[1:-1]) & (across <= limit[1:-1])
    return found


def unchanged_since(
    follows: BoolArray, time: IntArray, value: FloatArray, first: IntArray, since: IntArray
) -> IntArray:
    """From when on each value has been exactly the same, without a silence in between [ns].

    Parameters
    ----------
    follows, time, value
        As in `spikes`; time in ns.
    first, since
        Places of readings of which is known from when on their values had been the same [ns].

    Examples
    --------
    >>> time = np.array([0, 60, 120, 180])
    >>> value = np.array([21.5, 21.5, 22.0, 22.0])
    >>> none = np.zeros(0, np.int64)
    >>> print(unchanged_since(time > 0, time, value, none, none))
    [  0   0 120 120]
    """
    same = follows.copy()
    same[1:] &= value[1:] == value[:-1]
    begin = np.maximum.accumulate(np.where(same, 0, np.arange(len(time))))
    start = time.copy()
    start[first] = since
    return start[begin]


def too_fast(
    good: BoolArray, time: IntArray, value: FloatArray, rate: float, silent_after: int
) -> BoolArray:
    """Readings of one meter further from the last believed one than a rate of change allows.

    After `silent_after` without one that is believed the next one is.

    Parameters
    ----------
    good
        Readings that nothing else speaks against.
    time, value
        ns and the value's unit.
    rate
        Largest change in a second.
    silent_after
        Of the meter [ns].

    Examples
    --------
    5 kW/min, and a load that cannot have risen by 20 kW in a minute, nor has:

    >>> time, value = np.arange(4) * 60 * SECOND, np.array([10e3, 30e3, 30e3, 11e3])
    >>> print(too_fast(time >= 0, time, value, 5e3 / 60, 600 * SECOND))
    [False  True  True False]
    """
    found = np.zeros(len(time), np.bool_)
    place = np.flatnonzero(good)
    allowed = rate * np.diff(time[place]) / SECOND
    if (np.abs(np.diff(value[place])) <= allowed).all():
        return found
    last, level = -EVER, 0.0
    for at in place.tolist():
        span = int(time[at]) - last
        if span <= silent_after and abs(value[at] - level) > rate * span / SECOND:
            found[at] = True
        else:
            last, level = int(time[at]), float(value[at])
    return found
