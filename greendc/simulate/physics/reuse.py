"""Heat that is handed over."""

import numpy as np

from greendc.simulate.physics.grid import FloatArray
from greendc.simulate.physics.plant import KELVIN

WARM, COLD = 17.0, -10.0  # Cel; between them demand for heating rises; assumed


def heat_demand(outside: FloatArray, summer: float) -> FloatArray:
    """Demand for heat as a share of that in deep winter: 1 at -10 Cel, `summer` from 17 Cel on.

    >>> print(heat_demand(np.array([-20.0, 3.5, 25.0]), 0.1))
    [1.   0.55 0.1 ]
    """
    cold = np.clip((WARM - outside) / (WARM - COLD), 0.0, 1.0)
    return summer + (1.0 - summer) * cold


def heat_pump_power(heat: FloatArray, source: float, sink: float, share: float) -> FloatArray:
    """Power of a heat pump that takes a heat at its source: ``P = Q_source / (COP - 1)`` [W].

    ``COP = share x T_sink / (T_sink - T_source)`` of heating, in K; a large machine reaches about
    half of Carnot's (assumed). It hands over Q_source + P.

    >>> print(np.round(heat_pump_power(np.array([100e3]), 25.0, 65.0, 0.5)))
    [30990.]
    """
    cop = share * (sink + KELVIN) / (sink - source)
    return heat / (cop - 1.0)
