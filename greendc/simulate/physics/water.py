"""Water that cooling uses."""

import numpy as np

from greendc.simulate.physics.grid import FloatArray, IntArray

LATENT = 2.45e6  # J/kg at 20 Cel (FAO Irrigation and Drainage Paper 56, annex 3)
MM3_PER_KG = 1e6  # at 1 kg/l


def evaporated(power: FloatArray) -> FloatArray:
    """Water that takes a heat by evaporating: ``m = Q / h`` [kg/s].

    >>> print(evaporated(np.array([2.45e6])))
    [1.]
    """
    return power / LATENT


def blown_down(evaporation: FloatArray, concentration: float) -> FloatArray:
    """Water let off so that salts concentrate no further: ``B = E / (CoC - 1)`` [kg/s].

    The balance of salts of a tower without drift (ASHRAE Handbook, HVAC Systems and Equipment).

    >>> print(blown_down(np.array([3.0]), 4.0))
    [1.]
    """
    return evaporation / (concentration - 1.0)


def cubic_mm(mass: FloatArray, seconds: int) -> IntArray:
    """Volume of a flow of water [kg/s] in a step, rounded to whole mm3.

    >>> print(cubic_mm(np.array([0.5]), 10))
    [5000000]
    """
    whole: IntArray = np.rint(mass * (seconds * MM3_PER_KG)).astype(np.int64)
    return whole
