"""Emissions: intensity over cells, masses, and why a mass has changed.

An emission factor that is not known stays unknown: there is no default, and no
value is carried from one hour into the next.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from greendc.core.facility import IntArray, Intensity
from greendc.core.ratio import FloatArray
from greendc.core.units import G_PER_KG, J_PER_KWH


def cell_intensity(start: IntArray, end: IntArray, intensity: Intensity) -> FloatArray:
    """Mean emission intensity over each cell, weighted by time.

    Parameters
    ----------
    start, end
        Cells [start, end). [ns UTC]
    intensity
        Steps in time, sorted and disjoint. [g/kWh]

    Returns
    -------
    numpy.ndarray
        The mean; NaN where any part of the cell has no value. A cell within one
        step has that step's value to the bit. [g/kWh]

    Raises
    ------
    ValueError
        If the shapes of `start` and `end` differ.

    Examples
    --------
    A quarter of the first cell at 500 and the rest at 400 g/kWh; the second cell
    outlasts the series:

    >>> steps = Intensity(
    ...     np.array([0, 25]), np.array([25, 100]), np.array([500.0, 400.0]), None, "DE", "example"
    ... )
    >>> print(cell_intensity(np.array([0, 50]), np.array([100, 150]), steps))
    [425.  nan]
    """
    if start.shape != end.shape:
        raise ValueError(f"{len(start)} cell starts but {len(end)} cell ends")
    first = np.searchsorted(intensity.end, start, side="right")
    touched = np.maximum(np.searchsorted(intensity.start, end, side="left") - first, 0)
    cell = np.repeat(np.arange(len(start)), touched)
    # the n-th of a cell's pairs belongs to the n-th step that touches the cell
    step = np.arange(len(cell)) + np.repeat(first - (np.cumsum(touched) - touched), touched)
    shared = np.minimum(end[cell], intensity.end[step]) - np.maximum(
        start[cell], intensity.start[step]
    )
    length = (end - start)[cell]
    mean = np.bincount(cell, intensity.value[step] * (shared / length), len(start))
    covered = np.zeros(len(start), np.int64)
    np.add.at(covered, cell, shared)
    known: FloatArray = np.where((covered == end - start) & (end > start), mean, np.nan)
    return known


def emissions_g(energy_j: npt.ArrayLike, g_per_kwh: npt.ArrayLike) -> FloatArray:
    """Mass emitted for energy at an intensity: location- or market-based alike (F-5.1, F-5.2).

    ``m = E x CI``; energy exported is negative and keeps its sign.

    Parameters
    ----------
    energy_j
        Energy that carries the factor, of each cell. [J]
    g_per_kwh
        Emission intensity in the same cell. [g/kWh]

    Returns
    -------
    numpy.ndarray
        Mass of CO2e; NaN where either is NaN. [g]

    Examples
    --------
    >>> print(emissions_g(energy_j=100 * 3.6e6, g_per_kwh=423.0))
    42300.0
    """
    energy_kwh = np.asarray(energy_j, np.float64) / J_PER_KWH
    return energy_kwh * np.asarray(g_per_kwh, np.float64)


def fuel_emissions_g(volume_m3: npt.ArrayLike, kg_per_m3: npt.ArrayLike) -> FloatArray:
    """Mass emitted by a fuel burnt on the site (Scope 1, F-5.3).

    ``m = V x EF_V``. Factors of liquids are printed in kg/L: times 1000.

    Parameters
    ----------
    volume_m3
        Fuel burnt. [m3]
    kg_per_m3
        Emission factor of its volume. [kg/m3]

    Returns
    -------
    numpy.ndarray
        Mass of CO2e; NaN where either is NaN. [g]

    Examples
    --------
    20 m3 of mineral diesel at 2.66155 kg/L (DESNZ 2024):

    >>> print(fuel_emissions_g(volume_m3=20.0, kg_per_m3=2661.55))
    53231000.0
    """
    mass_kg = np.asarray(volume_m3, np.float64) * np.asarray(kg_per_m3, np.float64)
    return mass_kg * G_PER_KG


def effective_intensity(energy_j: npt.ArrayLike, g_per_kwh: npt.ArrayLike) -> float:
    """Emission intensity that a load met: its mean over time weighted by energy (F-5.6).

    ``CI_eff = sum(E_t x CI_t) / sum(E_t)``. The unweighted mean is another figure,
    for a load that moves with the grid.

    Parameters
    ----------
    energy_j
        Energy of each cell. [J]
    g_per_kwh
        Emission intensity in it. [g/kWh]

    Returns
    -------
    float
        The mean; NaN where the sum of energy is not above zero or any value is
        NaN. [g/kWh]

    Raises
    ------
    ValueError
        If the shapes do not match.

    Examples
    --------
    A load that draws three quarters of its energy in the clean hour:

    >>> effective_intensity(energy_j=[3.6e6, 10.8e6], g_per_kwh=[500.0, 100.0])
    200.0
    """
    energy, factor = np.broadcast_arrays(
        np.asarray(energy_j, np.float64), np.asarray(g_per_kwh, np.float64)
    )
    total = math.fsum(energy.ravel())
    if not total > 0:
        return math.nan
    return math.fsum((energy * factor).ravel()) / total


@dataclass(frozen=True, slots=True)
class Operation:
    """What a site did in a period: IT energy [J], PUE [1], effective intensity [g/kWh]."""

    e_it_j: float
    pue: float
    g_per_kwh: float


@dataclass(frozen=True, slots=True)
class Change:
    """Change of emissions [g] by cause: IT load, efficiency (PUE) and grid."""

    load_g: float
    efficiency_g: float
    grid_g: float

    @property
    def total_g(self) -> float:
        """The whole change [g]."""
        return self.load_g + self.efficiency_g + self.grid_g


def decomposition(before: Operation, after: Operation) -> Change:
    """Why the emissions of two periods differ (F-5.11).

    ``dm = dE_IT x PUE_0 x CI_0 + E_IT,1 x dPUE x CI_0 + E_IT,1 x PUE_1 x dCI``: the
    three add up to the change exactly, nothing is left over. The order load,
    efficiency, grid is a convention; another one would divide the joint effects
    otherwise.

    Parameters
    ----------
    before, after
        The two periods.

    Returns
    -------
    Change
        NaN in whatever a NaN enters.

    Examples
    --------
    The same 1000 kWh and PUE on a grid that is 100 g/kWh cleaner:

    >>> decomposition(Operation(3.6e9, 1.5, 400.0), Operation(3.6e9, 1.5, 300.0))
    Change(load_g=0.0, efficiency_g=0.0, grid_g=-150000.0)
    """
    it_before, it_after = before.e_it_j / J_PER_KWH, after.e_it_j / J_PER_KWH
    return Change(
        load_g=(it_after - it_before) * before.pue * before.g_per_kwh,
        efficiency_g=it_after * (after.pue - before.pue) * before.g_per_kwh,
        grid_g=it_after * after.pue * (after.g_per_kwh - before.g_per_kwh),
    )
