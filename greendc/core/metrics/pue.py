"""Power usage effectiveness."""

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
