"""Machines that move heat, by lift and load."""

import numpy as np

from greendc.simulate.physics.grid import FloatArray

KELVIN = 273.15


def carnot(cold: FloatArray, warm: FloatArray, least_lift: float = 10.0) -> FloatArray:
    """Best possible COP of cooling: ``COP = T_cold / (T_warm - T_cold)``, in K.

    Parameters
    ----------
    cold, warm
        Evaporation and condensation. [Cel]
    least_lift
        Lift below which no compressor runs, so that the lift is never less. [K]

    Examples
    --------
    >>> print(np.round(carnot(np.array([6.85]), np.array([34.85])), 6))
    [10.]
    """
    return (cold + KELVIN) / np.maximum(warm - cold, least_lift)


def part_load(load: FloatArray) -> FloatArray:
    """Share of its best efficiency that a compressor reaches at a share of its capacity.

    ``f = 1 - 0.6 (p - 0.7)^2 - 0.1 (1 - p)^4``: best near 70 %, as centrifugal machines with
    variable speed are; the shape of part-load curves in DOE-2 and EnergyPlus, numbers assumed.

    >>> print(np.round(part_load(np.array([0.2, 0.7, 1.0])), 3))
    [0.809 0.999 0.946]
    """
    low = 1.0 - load
    off = load - 0.7
    return 1.0 - 0.6 * off * off - 0.1 * (low * low) * (low * low)


def compressor_power(heat: FloatArray, capacity: float, cop: FloatArray) -> FloatArray:
    """Power of a compressor that takes a heat: ``P = Q / (COP f(Q / capacity))`` [W].

    Parameters
    ----------
    heat
        Heat taken. [W]
    capacity
        Heat that it can take. [W]
    cop
        COP at its best load.

    Examples
    --------
    >>> print(np.round(compressor_power(np.array([70e3]), 100e3, np.array([5.0]))))
    [14011.]
    """
    share = np.minimum(heat / capacity, 1.0)
    return heat / (cop * part_load(share))
