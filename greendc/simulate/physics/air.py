"""Air through a hall: fans, flows and temperatures."""

from dataclasses import dataclass

import numpy as np

from greendc.simulate.physics.grid import FloatArray

DENSITY = 1.2  # kg/m3, dry air at 20 Cel and 101 325 Pa, rounded (STANDARDS F-7.14)
HEAT_CAPACITY = 1005.0  # J/(kg K), as above
PER_M3 = DENSITY * HEAT_CAPACITY  # J/(m3 K)


def flow_for(power: FloatArray, rise: float) -> FloatArray:
    """Air that carries a power at a rise: ``V = P / (rho c_p dT)`` [m3/s] (STANDARDS F-7.14).

    >>> print(np.round(flow_for(np.array([100e3]), 12.0), 2))
    [6.91]
    """
    return power / (PER_M3 * rise)


def fan_power(full: float, speed: FloatArray) -> FloatArray:
    """Power of a fan at a share of its full speed: ``P = P_full n^3`` [W].

    The affinity laws (ASHRAE Handbook, HVAC Systems and Equipment, Fans), with a drive whose
    efficiency is the same at all speeds.

    >>> print(fan_power(3000.0, np.array([0.5])))
    [375.]
    """
    return full * speed * speed * speed


@dataclass(frozen=True)
class Flows:
    """Air of a hall at each step."""

    speed: FloatArray
    """Speed of the fans, as a share of full. [1]"""
    supplied: FloatArray
    """What the fans blow. [m3/s]"""
    wanting: FloatArray
    """What the IT equipment draws beyond that, as a share of it: its own exhaust. [1]"""


def flows(needed: FloatArray, excess: float, full: float, least: float) -> Flows:
    """Flows of a hall whose fans follow the load, within their range.

    Parameters
    ----------
    needed
        Air that the IT equipment draws. [m3/s]
    excess
        Air beyond that, as a share of it: what passes the equipment by.
    full
        Flow of all fans at full speed. [m3/s]
    least
        Slowest speed, as a share.

    Examples
    --------
    Fans that could blow 20 m3/s: they follow, and then they are at their end.

    >>> found = flows(np.array([7.0, 25.0]), 0.1, 20.0, 0.3)
    >>> print(np.round(found.speed, 3), np.round(found.wanting, 3))
    [0.385 1.   ] [0.   0.25]
    """
    speed = np.clip(needed * (1.0 + excess) / full, least, 1.0)
    supplied = full * speed
    return Flows(speed, supplied, np.maximum(needed / supplied - 1.0, 0.0))
