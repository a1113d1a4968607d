"""Gaps between readings, filled where a meter's configuration asks for it (STANDARDS 6.5)."""

import numpy as np

from greendc.core.facility import IntArray
from greendc.core.rules import INSTANT, LONGEST_FILLED, MEAN_PREV, NO_KIND, REGISTER, Rules
from greendc.core.segments import Segments, seconds
from greendc.core.words import FloatArray


def between(
    rules: Rules, kind: IntArray, meter: IntArray, time: IntArray, value: FloatArray
) -> Segments:
    """What lies between readings of meters that ask for `linear`: the straight line of power.

    Parameters
    ----------
    rules
        The meters' rules; `meter` holds places in them.
    kind, meter, time, value
        Readings sorted by (meter, time) [ns, W]; the kind is `NO_KIND` where nothing rests on one.

    Returns
    -------
    Segments
        `estimated`: the time between two readings that neither of them tells of, where that is
        one hour at most.

    References
    ----------
    STANDARDS 6.5: beyond `max_gap` energy is missing, filled only where it is asked for.

    Examples
    --------
    Means of a minute, 100 W and, half an hour later, 160 W; 29 minutes at 130 W on average:

    >>> from greendc.core.facility import MINUTE, SECOND, Kind, Meter
    >>> one = Meter("m", "util", "power", Kind.MEAN_NEXT, MINUTE, MINUTE, MINUTE, fill="linear")
    >>> readings = np.zeros(2, int), np.array([0, 30]) * MINUTE, np.array([100.0, 160])
    >>> found = between(Rules.of((one,)), np.array([2, 2]), *readings)
    >>> print(found.start // SECOND, found.end // SECOND, found.energy / (29 * 60))
    [60] [1800] [130.]
    """
    pick = rules.linear[meter] & (kind != NO_KIND) & (kind != REGISTER)
    kind, meter, time, value = kind[pick], meter[pick], time[pick], value[pick]
    told = np.where(kind == MEAN_PREV, rules.nominal[meter], 0)  # of the time before a reading
    start, end = (time + rules.hold[meter])[:-1], (time - told)[1:]
    gap = (meter[1:] == meter[:-1]) & (end > start) & (end - start <= LONGEST_FILLED)
    gap &= (kind[1:] != INSTANT) | (end - start > rules.max_gap[meter[1:]])
    start, end, first, last = start[gap], end[gap], value[:-1][gap], value[1:][gap]
    energy = (first + last) / 2 * seconds(end - start)
    none = np.zeros(len(start), np.bool_)
    return Segments(meter[1:][gap], start, end, first, last, energy, none, ~none)
