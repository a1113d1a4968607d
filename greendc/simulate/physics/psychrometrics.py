"""Moist air, by the hour; every result is rounded to a stated resolution."""

import numpy as np

from greendc.simulate.physics.grid import FloatArray, rounded

MAGNUS_B = 17.62  # WMO-No. 8 (2018), Annex 4.B, over water, -45 … 60 Cel
MAGNUS_C = 243.12  # Cel, as above
MAGNUS_A = 611.2  # Pa, as above
PRESSURE = 101_325.0  # Pa, standard atmosphere; sites stand at sea level
MASS_RATIO = 0.622  # of water to dry air, by molar mass


def dew_point(temperature: FloatArray, humidity: FloatArray) -> FloatArray:
    """Dew point over water by Magnus: g = ln(h) + b t / (c + t); td = c g / (b - g) [Cel].

    Parameters
    ----------
    temperature
        Dry bulb, -45 to 60. [Cel]
    humidity
        Relative humidity, above 0 to 1. [1]

    References
    ----------
    .. [1] WMO-No. 8, Guide to Instruments and Methods of Observation, 2018, Annex 4.B.

    Examples
    --------
    >>> print(dew_point(np.array([24.0]), np.array([0.45])))
    [11.33]
    """
    gamma = np.log(humidity) + MAGNUS_B * temperature / (MAGNUS_C + temperature)
    return rounded(MAGNUS_C * gamma / (MAGNUS_B - gamma), 2)


def relative_humidity(temperature: FloatArray, dew: FloatArray) -> FloatArray:
    """Relative humidity of air with a dew point [Cel], at most 1; rounded to 0.0001.

    >>> print(relative_humidity(np.array([24.0]), np.array([11.33])))
    [0.45]
    """
    of_dew = MAGNUS_B * dew / (MAGNUS_C + dew)
    of_air = MAGNUS_B * temperature / (MAGNUS_C + temperature)
    return rounded(np.minimum(np.exp(of_dew - of_air), 1.0), 4)


def wet_bulb(temperature: FloatArray, humidity: FloatArray) -> FloatArray:
    """Wet bulb at sea level by Stull's fit [Cel].

    ``tw = t atan(0.151977 (h + 8.313659)^1/2) + atan(t + h) - atan(h - 1.676331)
    + 0.00391838 h^3/2 atan(0.023101 h) - 4.686035``, h in %. Good to -1 … +0.65 K for 5 … 99 % and
    -20 … 50 Cel; never above the dry bulb here.

    References
    ----------
    .. [1] R. Stull, "Wet-Bulb Temperature from Relative Humidity and Air Temperature", Journal of
       Applied Meteorology and Climatology 50 (2011), equation 1.

    Examples
    --------
    The paper's own: 20 Cel and 50 % give 13.7 Cel.

    >>> print(wet_bulb(np.array([20.0]), np.array([0.5])))
    [13.7]
    """
    t, h = temperature, humidity * 100.0
    found = (
        t * np.arctan(0.151977 * np.sqrt(h + 8.313659))
        + np.arctan(t + h)
        - np.arctan(h - 1.676331)
        + 0.00391838 * h * np.sqrt(h) * np.arctan(0.023101 * h)
        - 4.686035
    )
    return rounded(np.minimum(found, t), 2)


def vapour_pressure(dew: FloatArray) -> FloatArray:
    """Partial pressure of water by Magnus: ``e = 611.2 exp(b td / (c + td))`` [Pa]; to 0.01 Pa.

    >>> print(vapour_pressure(np.array([0.0, 20.0])))
    [ 611.2 2332.6]
    """
    return rounded(MAGNUS_A * np.exp(MAGNUS_B * dew / (MAGNUS_C + dew)), 2)


def moisture(dew: FloatArray) -> FloatArray:
    """Water in dry air of a dew point: ``w = 0.622 e / (p - e)`` [kg/kg]; rounded to 1e-6.

    >>> print(moisture(np.array([10.0])))
    [0.007618]
    """
    pressure = vapour_pressure(dew)
    return rounded(MASS_RATIO * pressure / (PRESSURE - pressure), 6)


_COLDEST, _TABLE_STEP = -60, 0.5
_SATURATED = vapour_pressure(np.arange(_COLDEST, 100, _TABLE_STEP))


def humidity_at(dew: FloatArray, temperature: FloatArray) -> FloatArray:
    """Relative humidity at each step of air of a dew point [1], by a table of exact steps.

    Parameters
    ----------
    dew, temperature
        Dew point and dry bulb, -60 to 99. [Cel]

    Examples
    --------
    >>> print(np.round(humidity_at(np.array([11.33]), np.array([24.0])), 3))
    [0.45]
    """
    return np.minimum(_saturated(dew) / _saturated(temperature), 1.0)


def _saturated(temperature: FloatArray) -> FloatArray:
    place = (temperature - _COLDEST) / _TABLE_STEP
    low = np.clip(place.astype(np.int64), 0, len(_SATURATED) - 2)
    return _SATURATED[low] + (_SATURATED[low + 1] - _SATURATED[low]) * (place - low)
