"""The division under every KPI: the one place that says what an undefined ratio is."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> FloatArray:
    """Quotient of two amounts over the same time, NaN where it means nothing.

    Parameters
    ----------
    numerator, denominator
        Amounts of shapes that broadcast. [any, any]

    Returns
    -------
    numpy.ndarray
        Numerator over denominator; NaN where the denominator is not above zero,
        where either is NaN or infinite, and where the quotient exceeds float64.

    Raises
    ------
    ValueError
        If the shapes do not match.

    Examples
    --------
    >>> print(ratio([3.0, 3.0, 0.0], [2.0, 0.0, 2.0]))
    [1.5 nan 0. ]
    """
    above, below = np.broadcast_arrays(
        np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    )
    quotient: FloatArray = np.full(above.shape, np.nan)
    defined = np.isfinite(above) & np.isfinite(below) & (below > 0)
    with np.errstate(over="ignore", under="ignore"):
        np.divide(above, below, out=quotient, where=defined)
    quotient[np.isinf(quotient)] = np.nan
    return quotient
