"""Power usage effectiveness."""

import math

import numpy as np
import numpy.typing as npt

from greendc.core.metrics.metric import Metric
from greendc.core.ratio import FloatArray, ratio


def pue(e_dc_j: npt.ArrayLike, e_it_j: npt.ArrayLike) -> FloatArray:
    """Energy of the whole data centre per unit of energy that its IT equipment receives.

    ``PUE = E_DC / E_IT``, unit 1, range [1, inf): 1 would be a site without cooling,
    losses and lighting. Over less than twelve months it is an interim figure,
    iPUE. Where E_IT is measured (UPS output, PDU output, IT input) is the
    category; figures of different categories must not be compared.

    Parameters
    ----------
    e_dc_j
        Energy over the boundary of the data centre, all carriers, E_DC. [J]
    e_it_j
        Energy delivered to IT equipment over the same time, E_IT. [J]

    Returns
    -------
    numpy.ndarray
        PUE; NaN where `e_it_j` is not above zero or either input is NaN. [1]

    Raises
    ------
    ValueError
        If the inputs' shapes do not match.

    References
    ----------
    .. [1] ISO/IEC 30134-2:2026, "Data centres key performance indicators,
       Part 2: Power usage effectiveness (PUE)".

    Examples
    --------
    A site that draws 1500 MWh, of which 1000 MWh reach the servers:

    >>> print(pue(e_dc_j=1500 * 3.6e9, e_it_j=1000 * 3.6e9))
    1.5
    """
    return ratio(e_dc_j, e_it_j)


def eu_mean(pue_each: npt.ArrayLike, e_dc_j: npt.ArrayLike) -> float:
    """PUE of several sites as the statistics of the European Union state it (F-3.8).

    ``sum(PUE_i x E_DC,i) / sum(E_DC,i)``: a mean of ratios weighted by what each site
    draws in all. It is never below the PUE of all sites together, E_DC over E_IT, and is of
    use for nothing but comparing with those statistics.

    Parameters
    ----------
    pue_each
        PUE of each site. [1]
    e_dc_j
        E_DC of each site over the same time. [J]

    Returns
    -------
    float
        The mean; NaN where the sum of `e_dc_j` is not above zero or any value is NaN. [1]

    Raises
    ------
    ValueError
        If the inputs' shapes do not match.

    References
    ----------
    .. [1] Commission Delegated Regulation (EU) 2024/1364, Annex IV.

    Examples
    --------
    Two sites that draw 2000 and 300 MWh:

    >>> print(round(eu_mean([1.25, 2.0], [2000 * 3.6e9, 300 * 3.6e9]), 4))
    1.3478
    """
    each, energy = np.broadcast_arrays(
        np.asarray(pue_each, np.float64), np.asarray(e_dc_j, np.float64)
    )
    weighted = math.fsum((each * energy).ravel())
    return float(ratio(weighted, math.fsum(energy.ravel())))


PUE = Metric(
    name="pue",
    symbol="PUE",
    unit="1",
    suffix="ratio",
    formula="PUE = E_DC / E_IT",
    source="ISO/IEC 30134-2:2026",
    needs=("e_dc_j", "e_it_j"),
    numerator=(1.0, 0.0),
    denominator=(0.0, 1.0),
    compute=pue,
    over="category",
    bounds=(1.0, float("inf")),
    labels=("site", "category", "window", "kind", "boundary"),
)
