"""Machines that move heat, by lift and load."""

import numpy as np
import numpy.typing as npt

from greendc.simulate.physics.grid import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]

KELVIN = 273.15
WATER = 4.186e6  # J/(m3 K), at 1 kg/l (STANDARDS F-4.6)


def carnot(cold: FloatArray, warm: FloatArray, least_lift: float = 10.0) -> FloatArray:
    """Best possible COP of cooling: ``COP = T_cold / (T_warm - T_cold)``, in K.

    Parameters
    ----------
    cold, warm
        Evaporation and condensation. [Cel]
    least_lift
        A compressor needs a lift: where the temperatures ask for less, this one. [K]

    Examples
    --------
    >>> print(np.round(carnot(np.array([6.85]), np.array([34.85])), 6))
    [10.]
    """
    return (cold + KELVIN) / np.maximum(warm - cold, least_lift)


def part_load(load: FloatArray) -> FloatArray:
    """Share of its best efficiency that a compressor reaches at a share of its capacity.

    ``f = 1 - 0.6 (p - 0.7)^2 - 0.1 (1 - p)^4``: best near 70 %, as machines with variable speed
    are; the shape of the part-load curves of DOE-2 and EnergyPlus, numbers assumed.

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


def running(heat: FloatArray, capacity: float, sound: BoolArray, most: float = 0.9) -> BoolArray:
    """Which machines run: as many as keep each below `most` of its capacity, the first ones first.

    Parameters
    ----------
    heat
        Heat to be taken at each step. [W]
    capacity
        Heat that a machine can take. [W]
    sound
        Which machines could run, shape (machines, steps).

    Examples
    --------
    The first has failed in the second step:

    >>> sound = np.array([[True, False], [True, True], [True, True]])
    >>> print(running(np.array([150e3, 150e3]), 100e3, sound).T)
    [[ True  True False]
     [False  True  True]]
    """
    needed = np.ceil(heat / (most * capacity))
    return sound & (np.cumsum(sound, axis=0) <= needed)


def free_share(back: FloatArray, supply: FloatArray, free: FloatArray) -> FloatArray:
    """Share of a heat that an economiser takes: ``(T_back - T_free) / (T_back - T_supply)``.

    Parameters
    ----------
    back, supply
        What comes back from the load and what must go to it. [Cel]
    free
        What the economiser can cool it to. [Cel]

    Examples
    --------
    Half way, all the way, and not at all (STANDARDS F-7.22, F-7.24):

    >>> print(free_share(np.full(3, 22.0), np.full(3, 16.0), np.array([19.0, 10.0, 25.0])))
    [0.5 1.  0. ]
    """
    return np.clip((back - free) / (back - supply), 0.0, 1.0)


def water_flow(heat: FloatArray, rise: float) -> FloatArray:
    """Water that carries a heat at a rise: ``V = Q / (rho c_p dT)`` [m3/s] (STANDARDS F-7.13).

    >>> print(np.round(water_flow(np.array([753.48e3]), 6.0), 6))
    [0.03]
    """
    return heat / (WATER * rise)


def shared(whole: IntArray, between: BoolArray) -> list[IntArray]:
    """A power in equal shares among those that run, exact to the last mW.

    >>> on = np.array([[True], [False], [True]])
    >>> [int(part[0]) for part in shared(np.array([7]), on)]
    [4, 0, 3]
    """
    count = np.maximum(between.sum(axis=0), 1)
    each, rest = np.divmod(whole, count)
    turn = np.cumsum(between, axis=0)
    return [np.where(on, each + (nth <= rest), 0) for on, nth in zip(between, turn, strict=True)]
