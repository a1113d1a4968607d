"""Carbon usage effectiveness."""

import numpy as np
import numpy.typing as npt

from greendc.core.metrics.metric import Metric
from greendc.core.ratio import FloatArray, ratio
from greendc.core.units import G_PER_KG, J_PER_KWH


def cue(co2e_g: npt.ArrayLike, e_it_j: npt.ArrayLike) -> FloatArray:
    """Greenhouse gas emitted for the energy of the whole data centre per kWh of IT energy.

    ``CUE = CO2e_DC / E_IT``, in kgCO2e/kWh, range [0, inf): 0 takes a supply without
    emissions; energy exported earns no negative value. With one emission factor
    for all energy it equals that factor times PUE. Location-based and
    market-based figures are two series (`method`) and are never mixed.

    Parameters
    ----------
    co2e_g
        Emissions of the energy used by the data centre, CO2e_DC. [g]
    e_it_j
        Energy delivered to IT equipment over the same time, E_IT. [J]

    Returns
    -------
    numpy.ndarray
        CUE; NaN where `e_it_j` is not above zero or either input is NaN. [kgCO2e/kWh]

    Raises
    ------
    ValueError
        If the inputs' shapes do not match.

    References
    ----------
    .. [1] The Green Grid, White Paper #32, "Carbon Usage Effectiveness (CUE): A
       Green Grid Data Center Sustainability Metric", 2010.

    Examples
    --------
    1000 kWh reach the servers at PUE 1.5 from a grid at 400 g/kWh:

    >>> print(cue(co2e_g=1500 * 400.0, e_it_j=1000 * 3.6e6))
    0.6
    """
    return ratio(np.asarray(co2e_g) / G_PER_KG, np.asarray(e_it_j) / J_PER_KWH)


CUE = Metric(
    name="cue",
    symbol="CUE",
    unit="kgCO2e/kWh",
    suffix="kilograms_per_kilowatt_hour",
    formula="CUE = CO2e_DC / E_IT",
    source="The Green Grid, White Paper #32",
    needs=("co2e_g", "e_it_j"),
    numerator=(1.0, 0.0),
    denominator=(0.0, 1.0),
    compute=cue,
    over="method",
    scale=J_PER_KWH / G_PER_KG,
    bounds=(0.0, float("inf")),
    labels=("site", "method", "window"),
)
