"""Energy reuse factor."""

import numpy.typing as npt

from greendc.core.metrics.metric import Metric
from greendc.core.ratio import FloatArray, ratio


def erf(e_reuse_j: npt.ArrayLike, e_dc_j: npt.ArrayLike) -> FloatArray:
    """Share of the data centre's energy that is used again outside its boundary.

    ``ERF = E_reuse / E_DC``, unit 1, range [0, 1]. Heat that serves the data centre
    itself is not reuse.

    Parameters
    ----------
    e_reuse_j
        Heat handed over at the boundary that replaces other energy, E_reuse. [J]
    e_dc_j
        Energy over the boundary of the data centre over the same time, E_DC. [J]

    Returns
    -------
    numpy.ndarray
        ERF; NaN where `e_dc_j` is not above zero or either input is NaN. [1]

    Raises
    ------
    ValueError
        If the inputs' shapes do not match.

    References
    ----------
    .. [1] Delegated Regulation (EU) 2024/1364, which names ERF among the
       indicators of sustainability of a data centre.

    Examples
    --------
    A greenhouse takes 1500 MWh of the 10 GWh that entered the site:

    >>> print(erf(e_reuse_j=1.5 * 3.6e12, e_dc_j=10 * 3.6e12))
    0.15
    """
    return ratio(e_reuse_j, e_dc_j)


ERF = Metric(
    name="erf",
    symbol="ERF",
    unit="1",
    suffix="ratio",
    formula="ERF = E_reuse / E_DC",
    source="Delegated Regulation (EU) 2024/1364",
    needs=("e_reuse_j", "e_dc_j"),
    numerator=(1.0, 0.0),
    denominator=(0.0, 1.0),
    compute=erf,
    bounds=(0.0, 1.0),
)
