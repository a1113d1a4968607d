"""Data centre infrastructure efficiency."""

import math

import numpy.typing as npt

from greendc.core.metrics.metric import Metric
from greendc.core.ratio import FloatArray, ratio


def dcie(e_it_j: npt.ArrayLike, e_dc_j: npt.ArrayLike) -> FloatArray:
    """Share of the data centre's energy that reaches its IT equipment.

    ``DCiE = E_IT / E_DC``, unit 1, range (0, 1]: the reciprocal of PUE. It is often
    printed in percent; here it stays a share.

    Parameters
    ----------
    e_it_j
        Energy delivered to IT equipment, E_IT. [J]
    e_dc_j
        Energy over the boundary of the data centre over the same time, E_DC. [J]

    Returns
    -------
    numpy.ndarray
        DCiE; NaN where `e_dc_j` is not above zero or either input is NaN. [1]

    Raises
    ------
    ValueError
        If the inputs' shapes do not match.

    References
    ----------
    .. [1] The Green Grid, White Paper #49, "PUE: A Comprehensive Examination of
       the Metric", 2012.

    Examples
    --------
    Of 10 GWh that enter the site, 8 GWh reach the servers:

    >>> print(dcie(e_it_j=8 * 3.6e12, e_dc_j=10 * 3.6e12))
    0.8
    """
    return ratio(e_it_j, e_dc_j)


DCIE = Metric(
    name="dcie",
    symbol="DCiE",
    unit="1",
    suffix="ratio",
    formula="DCiE = E_IT / E_DC",
    source="The Green Grid, White Paper #49",
    needs=("e_it_j", "e_dc_j"),
    numerator=(1.0, 0.0),
    denominator=(0.0, 1.0),
    compute=dcie,
    bounds=(math.ulp(0.0), 1.0),  # the range is open at 0; bounds are not
    labels=("site", "category", "window", "kind", "boundary"),
)
