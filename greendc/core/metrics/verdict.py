"""Which values of a metric may be published (G2, G6)."""

import numpy as np
import numpy.typing as npt

from greendc.core.facility import IntArray
from greendc.core.metrics.metric import Metric
from greendc.core.ratio import FloatArray

VERDICTS: tuple[tuple[str, str | None], ...] = (
    ("ok", None),
    ("undefined", "undefined_denominator"),
    ("undefined", "unknown_amount"),
    ("invalid", "out_of_bounds"),
)
OK, NO_DENOMINATOR, UNKNOWN, OUTSIDE = range(len(VERDICTS))


def judge(
    metric: Metric,
    value: npt.ArrayLike,
    denominator: npt.ArrayLike,
    min_denominator: npt.ArrayLike = 0.0,
) -> tuple[FloatArray, list[str], list[str | None]]:
    """Value, status and reason of each row; a value that may not be published becomes NaN.

    Parameters
    ----------
    metric
        The metric that the values are of; a value outside its bounds is `invalid`.
    value
        Values as computed, one a row. [unit of the metric]
    denominator, min_denominator
        The ratio's denominator, and what it must reach to carry one. [J]

    Returns
    -------
    value
        NaN where the status is not `ok`. [unit of the metric]
    status, reason
        `ok` (None); `undefined` (`undefined_denominator` where it is NaN, not above
        zero or below its minimum; `unknown_amount` where the value is NaN all the
        same); `invalid` (`out_of_bounds`).

    Raises
    ------
    ValueError
        If the shapes do not match.

    Examples
    --------
    E_DC below E_IT is a fault of the metering, not a record:

    >>> from greendc.core.metrics.pue import PUE
    >>> value, status, reason = judge(PUE, [0.9, 1.2], [100.0, 100.0])
    >>> print(value, status, reason)
    [nan 1.2] ['invalid', 'ok'] ['out_of_bounds', None]
    """
    shown, code = verdicts(metric, value, denominator, min_denominator)
    words = [VERDICTS[c] for c in code.tolist()]
    return shown, [status for status, _ in words], [reason for _, reason in words]


def verdicts(
    metric: Metric,
    value: npt.ArrayLike,
    denominator: npt.ArrayLike,
    min_denominator: npt.ArrayLike = 0.0,
) -> tuple[FloatArray, IntArray]:
    """`judge`, with places in `VERDICTS` in place of words."""
    found, below, least = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(a, np.float64)) for a in (value, denominator, min_denominator))
    )
    low, high = metric.bounds
    code = np.select(
        [~((below > 0) & (below >= least)), np.isnan(found), ~((found >= low) & (found <= high))],
        [NO_DENOMINATOR, UNKNOWN, OUTSIDE],
        OK,
    )
    shown: FloatArray = np.where(code == OK, found, np.nan)
    return shown, code
