"""Energy reuse effectiveness."""

import numpy as np
import numpy.typing as npt

from greendc.core.metrics.metric import Metric
from greendc.core.ratio import FloatArray, ratio


def ere(e_dc_j: npt.ArrayLike, e_reuse_j: npt.ArrayLike, e_it_j: npt.ArrayLike) -> FloatArray:
    """Energy of the data centre less what is used again outside, per unit of IT energy.

    ``ERE = (E_DC - E_reuse) / E_IT``, unit 1, range [0, inf): equal to
    (1 - ERF) x PUE, below 1 where much heat is reused, 0 where all is. A negative
    value would be more heat handed over than energy taken in: invalid.

    Parameters
    ----------
    e_dc_j
        Energy over the boundary of the data centre, E_DC. [J]
    e_reuse_j
        Heat handed over at the boundary that replaces other energy, E_reuse. [J]
    e_it_j
        Energy delivered to IT equipment over the same time, E_IT. [J]

    Returns
    -------
    numpy.ndarray
        ERE; NaN where `e_it_j` is not above zero or any input is NaN. [1]

    Raises
    ------
    ValueError
        If the inputs' shapes do not match.

    References
    ----------
    .. [1] The Green Grid, White Paper #29, "ERE: A Metric for Measuring the
       Benefit of Reuse Energy from a Data Center", 2010.

    Examples
    --------
    PUE 1.5, and heat worth a fifth of E_DC warms a neighbour:

    >>> print(ere(e_dc_j=1500 * 3.6e6, e_reuse_j=300 * 3.6e6, e_it_j=1000 * 3.6e6))
    1.2
    """
    return ratio(np.asarray(e_dc_j, np.float64) - np.asarray(e_reuse_j, np.float64), e_it_j)


ERE = Metric(
    name="ere",
    symbol="ERE",
    unit="1",
    suffix="ratio",
    formula="ERE = (E_DC - E_reuse) / E_IT",
    source="The Green Grid, White Paper #29",
    needs=("e_dc_j", "e_reuse_j", "e_it_j"),
    numerator=(1.0, -1.0, 0.0),
    denominator=(0.0, 0.0, 1.0),
    compute=ere,
    bounds=(0.0, float("inf")),
)
