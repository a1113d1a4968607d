"""Emissions of the electricity that a site imports, by the hour."""

from dataclasses import dataclass

import numpy as np

from greendc.simulate.models import Scenario, Site
from greendc.simulate.parts.outside import local_clock
from greendc.simulate.physics import carbon
from greendc.simulate.physics.grid import DAY, HOUR, FloatArray, Grid


@dataclass(frozen=True)
class Intensity:
    """Emissions of electricity, each value for the hour that begins at its time."""

    begin: int
    """First hour. [ns UTC]"""
    values: FloatArray
    """In tenths of a g/kWh, whole numbers. [0.1 g/kWh]"""

    @property
    def g_per_kwh(self) -> FloatArray:
        """The values in g/kWh."""
        return self.values / 10


def intensity(scenario: Scenario, site: Site, begin: int, end: int) -> Intensity:
    """True intensity of a site's grid from `begin` to `end`, full hours [ns].

    Examples
    --------
    >>> from greendc.core.facility import HOUR
    >>> from greendc.simulate import ready
    >>> scenario = ready.scenario("edge-room")
    >>> intensity(scenario, scenario.sites[0], 0, 24 * HOUR).values.shape
    (24,)
    """
    grid = Grid(begin, HOUR, (end - begin) // HOUR)
    local = local_clock(site.zone, grid) % DAY // HOUR
    given, span = site.grid, (begin // HOUR, end // HOUR)
    found = carbon.intensity(given.mean_g_per_kwh, given.noon, scenario.seed, span, local)
    return Intensity(begin, np.rint(found * 10))
