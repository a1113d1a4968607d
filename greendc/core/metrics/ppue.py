"""Partial power usage effectiveness."""

import numpy as np
import numpy.typing as npt

from greendc.core.metrics.metric import Metric
from greendc.core.ratio import FloatArray, ratio


def ppue(e_subsystem_j: npt.ArrayLike, e_it_j: npt.ArrayLike) -> FloatArray:
    """Energy of IT equipment and one subsystem per unit of energy that the IT receives.

    ``pPUE = (E_k + E_IT) / E_IT``, unit 1, no bound: a recooler's meter may read
    below zero, and so may the residual `other`. What the subsystems add to 1
    makes up the whole: PUE = 1 + sum over k of (pPUE_k - 1).

    Parameters
    ----------
    e_subsystem_j
        Energy of the subsystem (cooling, power losses, lighting …), E_k. [J]
    e_it_j
        Energy delivered to IT equipment over the same time, E_IT. [J]

    Returns
    -------
    numpy.ndarray
        pPUE; NaN where `e_it_j` is not above zero or either input is NaN. [1]

    Raises
    ------
    ValueError
        If the inputs' shapes do not match.

    References
    ----------
    .. [1] EN 50600-4-2:2016, "Information technology, Data centre facilities and
       infrastructures, Part 4-2: Power Usage Effectiveness".

    Examples
    --------
    Cooling takes 350 kWh while the servers take 1000 kWh:

    >>> print(ppue(e_subsystem_j=350 * 3.6e6, e_it_j=1000 * 3.6e6))
    1.35
    """
    return ratio(np.asarray(e_subsystem_j, np.float64) + np.asarray(e_it_j, np.float64), e_it_j)


PPUE = Metric(
    name="ppue",
    symbol="pPUE",
    unit="1",
    suffix="ratio",
    formula="pPUE = (E_k + E_IT) / E_IT",
    source="EN 50600-4-2:2016",
    needs=("e_subsystem_j", "e_it_j"),
    numerator=(1.0, 1.0),
    denominator=(0.0, 1.0),
    compute=ppue,
    over="subsystem",
    stem="partial_pue",
    labels=("site", "subsystem", "window"),
)
