"""Outside air by the hour: a built-in year of a place, or a typical year from measurements."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from greendc.simulate.physics.grid import DAY, HOUR, FloatArray, Grid, IntArray, rounded
from greendc.simulate.physics.noise import knots
from greendc.simulate.physics.psychrometrics import (
    dew_point,
    moisture,
    relative_humidity,
    wet_bulb,
)
from greendc.simulate.physics.sun import clear_sky, cloudy


@dataclass(frozen=True)
class Climate:
    """Normals of a place: by month, January first."""

    latitude: float
    longitude: float
    offset: int
    """Local standard time ahead of UTC. [h]"""
    mean: tuple[float, ...]
    """Mean temperature of each month. [Cel]"""
    humidity: tuple[float, ...]
    """Mean relative humidity of each month. [1]"""
    swing: float
    """From the mean to the warmest hour of a mean day; assumed. [K]"""


CLIMATES: Mapping[str, Climate] = {
    "tokyo": Climate(
        35.7,
        139.75,
        9,
        (5.4, 6.1, 9.4, 14.3, 18.8, 21.9, 25.7, 26.9, 23.3, 18.0, 12.5, 7.7),
        (0.51, 0.52, 0.57, 0.62, 0.68, 0.75, 0.76, 0.74, 0.75, 0.71, 0.64, 0.56),
        3.6,
    ),
    "sapporo": Climate(
        43.1,
        141.3,
        9,
        (-3.2, -2.7, 1.1, 7.3, 13.0, 17.0, 21.1, 22.3, 18.6, 12.1, 5.2, -0.9),
        (0.69, 0.68, 0.65, 0.61, 0.65, 0.72, 0.75, 0.75, 0.71, 0.67, 0.67, 0.68),
        3.8,
    ),
}
"""Temperature: normals 1991-2020 of the Japan Meteorological Agency; humidity: after the same
normals, to about 1 %."""

_COSINE = np.array(  # of a day that is coldest at 3 h and warmest at 15 h, by the hour
    [
        -0.7071, -0.866, -0.9659, -1.0, -0.9659, -0.866, -0.7071, -0.5, -0.2588, 0.0, 0.2588, 0.5,
        0.7071, 0.866, 0.9659, 1.0, 0.9659, 0.866, 0.7071, 0.5, 0.2588, 0.0, -0.2588, -0.5,
    ]
)  # fmt: skip
_YEAR = 365.2425 * DAY  # mean Gregorian year
_MONTH = _YEAR / 12
SYNOPTIC = ((HOUR, 0.3), (4 * HOUR, 0.9), (DAY, 3.2), (3 * DAY, 3.8), (15 * DAY, 2.2))
"""What weather adds: spacing of the knots [ns] and largest value [K]; assumed."""
CLOUDS = ((6 * HOUR, 0.25), (3 * DAY, 0.35))
"""What clouds add to a mean cover of 0.6: spacing [ns] and largest value; assumed."""
STREAM = "weather"  # one for all sites of a scenario: the same weather year


@dataclass(frozen=True)
class Air:
    """Outside air at knots of an hour, the first at `first` [ns]."""

    first: int
    temperature: FloatArray  # [Cel]
    dew_point: FloatArray  # [Cel]
    humidity: FloatArray  # [1]
    wet_bulb: FloatArray  # [Cel]
    moisture: FloatArray  # water in dry air [kg/kg]
    sun: FloatArray  # global, horizontal [W/m2]

    def at(self, grid: Grid, values: FloatArray) -> FloatArray:
        """One of the columns at the steps of a grid."""
        return grid.between(self.first, HOUR, values)


def moist(first: int, temperature: FloatArray, dew: FloatArray, sun: FloatArray) -> Air:
    """Outside air of a temperature and a dew point [Cel], which is never above it."""
    dew = np.minimum(dew, temperature)
    humidity = relative_humidity(temperature, dew)
    wet = wet_bulb(temperature, humidity)
    return Air(first, temperature, dew, humidity, wet, moisture(dew), sun)


def built_in(climate: Climate, seed: int, grid: Grid, warmer: float = 0.0) -> Air:
    """Outside air of a built-in year: normals, a daily swing, and weather by chance.

    ``t = mean(time of year) + swing x cos(hour) + sum of the synoptic waves``; the dew point
    follows the month's mean humidity and a third of the waves. `warmer` is added to both. [K]

    Examples
    --------
    Two months of summer; Sapporo is cooler:

    >>> grid = Grid(1_751_328_000_000_000_000, HOUR, 62 * 24)
    >>> found = [built_in(CLIMATES[name], 1, grid) for name in ("tokyo", "sapporo")]
    >>> print(*(f"{air.temperature.mean():.1f}" for air in found))
    24.8 20.2
    """
    span = grid.covering(HOUR)
    times = np.arange(*span, dtype=np.int64) * HOUR
    waves = _waves(seed, STREAM, times, SYNOPTIC)
    local = (np.arange(*span) + climate.offset) % 24
    mean = np.array(climate.mean)
    normal = _of_year(mean, times)
    temperature = rounded(normal + climate.swing * _COSINE[local] + waves, 2)
    normal_dew = _of_year(dew_point(mean, np.array(climate.humidity)), times)
    dew = rounded(normal_dew + waves / 3, 2)
    cover = np.clip(0.6 + _waves(seed, f"{STREAM}/clouds", times, CLOUDS), 0.0, 1.0)
    sun = cloudy(clear_sky(climate.latitude, climate.longitude, times), cover)
    return moist(span[0] * HOUR, temperature + warmer, dew + warmer, sun)


@dataclass(frozen=True)
class TypicalYear:
    """A typical year of 8760 hours, from 1 January 1 h local standard time on."""

    offset: int
    """Local standard time ahead of UTC. [ns]"""
    temperature: FloatArray  # [Cel]
    dew_point: FloatArray  # [Cel]
    sun: FloatArray  # global, horizontal, mean of the hour that ends there [W/m2]


def typical(year: TypicalYear, grid: Grid, warmer: float = 0.0) -> Air:
    """Outside air of a typical year, whatever the calendar's; 29 February is 28 February again.

    `warmer` is added to temperature and dew point. [K]
    """
    span = grid.covering(HOUR)
    times = np.arange(*span, dtype=np.int64) * HOUR
    hour = _hour_of_year(times + year.offset)
    return moist(
        span[0] * HOUR,
        year.temperature[hour] + warmer,
        year.dew_point[hour] + warmer,
        year.sun[hour],
    )


def _hour_of_year(local: IntArray) -> IntArray:
    """Row of a typical year that ends at a local full hour [ns]."""
    before = local - HOUR  # hour 24 of a day ends at the next midnight
    days = (before // DAY).astype("datetime64[D]")
    month, year = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
    of_month = (days - month.astype("datetime64[D]")).astype(np.int64)
    index = (month - year.astype("datetime64[M]")).astype(np.int64)
    of_month = np.where(index == 1, np.minimum(of_month, 27), of_month)
    starts = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
    found: IntArray = (starts[index] + of_month) * 24 + before % DAY // HOUR
    return found


def _of_year(months: FloatArray, times: IntArray) -> FloatArray:
    """Linear between the middles of the months, taken as equally long."""
    place = times % _YEAR / _MONTH - 0.5
    low = np.floor(place).astype(np.int64)
    share = place - low
    found: FloatArray = months[low % 12] * (1.0 - share) + months[(low + 1) % 12] * share
    return found


def _waves(
    seed: int, stream: str, times: IntArray, sizes: tuple[tuple[int, float], ...]
) -> FloatArray:
    """Sum of waves, each linear between its knots."""
    total = np.zeros(len(times))
    for spacing, size in sizes:
        first, last = int(times[0]) // spacing, int(times[-1]) // spacing + 2
        values = knots(seed, f"{stream}/{spacing // HOUR}", (first, last))[0]
        index, rest = np.divmod(times - first * spacing, spacing)
        low, high = values[index], values[index + 1]
        total = total + size * (low + (high - low) * (rest / spacing))
    return total
