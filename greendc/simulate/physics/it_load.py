"""Power that IT equipment draws, by rack."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from greendc.simulate.physics.grid import HOUR, MINUTE, SECOND, FloatArray, Grid
from greendc.simulate.physics.noise import constants, jumps, wander

_OFFICE = (-1, -1, -1, -1, -1, -0.9, -0.6, 0, 0.6, 0.9, 1, 1, 0.8, 1, 1, 1, 0.9, 0.7, 0.3, 0)
_NIGHT = (0.2, -0.3, -0.7, -0.9, -1, -1, -0.9, -0.7, -0.5, -0.3, -0.2, -0.1)
SHAPES: Mapping[str, tuple[float, ...]] = {
    "flat": (0.0,) * 24,
    "office": (*_OFFICE, -0.3, -0.6, -0.8, -0.9),
    "evening": (*_NIGHT, 0, 0, 0, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1, 0.9, 0.6),
    "batch": (1, 1, 1, 0.9, 0.6, 0.2, -0.4, -0.8, *(-1,) * 10, -0.7, -0.3, 0.2, 0.6, 0.9, 1),
}
"""Course of a local day, by the hour; -1 the least, 1 the most. Assumed."""


FLICKER, FLICKER_SPACING = 0.02, 30 * SECOND
"""Utilisation that comes and goes within a minute: the most, and from knot to knot; assumed."""


@dataclass(frozen=True)
class Load:
    """Parameters of a hall's load; shares of the rating or of full utilisation."""

    idle: float
    mean: float
    swing: float
    shape: str
    weekend: float
    noise: float
    jobs: float


@dataclass(frozen=True)
class Racks:
    """Racks of a hall that share a load."""

    count: int
    rated: float
    """Rated power of each. [W]"""
    load: Load


def rack_power(
    racks: Racks, seed: int, stream: str, grid: Grid, local_hours: FloatArray
) -> FloatArray:
    """Power of each rack at each step [W], shape (racks, steps).

    ``P = rated x (idle + (1 - idle) u)``, linear in utilisation u between idle and full load (as
    measured on servers by Fan, Weber and Barroso [1]_). u is a mean by rack, plus the day's
    course, plus chance that wanders over hours and minutes, plus jobs that come and go.

    Parameters
    ----------
    stream
        Name of their chance, as the hall's.
    local_hours
        Local time of each step, in hours since a Monday's midnight; [0, 168).

    References
    ----------
    .. [1] X. Fan, W.-D. Weber, L. A. Barroso, "Power Provisioning for a Warehouse-sized Computer",
       ISCA 2007.

    Examples
    --------
    Idle racks without chance:

    >>> still = Load(0.4, 0.0, 0.0, "flat", 1.0, 0.0, 0.0)
    >>> print(rack_power(Racks(1, 5000.0, still), 1, "hall", Grid(0, MINUTE, 2), np.zeros(2)))
    [[2000. 2000.]]
    """
    load, count = racks.load, racks.count
    own = constants(seed, f"{stream}/own", count)[:, np.newaxis]
    course = load.swing * day_course(load.shape, load.weekend, local_hours)
    level = load.mean * (1.0 + 0.4 * own) + course
    slow = wander(seed, f"{stream}/hours", grid, 2 * HOUR, count)
    quick = wander(seed, f"{stream}/minutes", grid, 5 * MINUTE, count)
    job = jumps(seed, f"{stream}/jobs", grid, HOUR, count)
    chance = load.noise * (0.75 * slow + 0.25 * quick) + load.jobs * job
    if grid.step < FLICKER_SPACING:  # longer steps are means that it leaves as they are
        chance += FLICKER * wander(seed, f"{stream}/seconds", grid, FLICKER_SPACING, count)
    used: FloatArray = np.clip(level + chance, 0.0, 1.0)
    power: FloatArray = racks.rated * (load.idle + (1.0 - load.idle) * used)
    return power


def day_course(shape: str, weekend: float, local_hours: FloatArray) -> FloatArray:
    """Course of the local day at each step, in [-1, 1]; on the weekend less of it.

    >>> print(day_course("office", 0.5, np.array([11.0, 11.5, 5 * 24 + 11.0])))
    [1.  0.9 0.5]
    """
    table = np.array((*SHAPES[shape], SHAPES[shape][0]))
    hour = local_hours % 24
    low = hour.astype(np.int64)
    course = table[low] + (table[low + 1] - table[low]) * (hour - low)
    here: FloatArray = np.where(local_hours >= 5 * 24, weekend * course, course)
    return here
