"""The sun by the hour; results are rounded to 0.1 W/m2."""

import numpy as np

from greendc.simulate.physics.grid import DAY, FloatArray, IntArray, rounded

_YEAR = 365.2425 * DAY  # mean Gregorian year


def clear_sky(latitude: float, longitude: float, times: IntArray) -> FloatArray:
    """Global irradiance on a horizontal plane under a clear sky [W/m2].

    ``G = 1098 s exp(-0.057 / s)`` (Haurwitz [1]_), s the sine of the sun's elevation:
    ``s = sin(lat) sin(d) + cos(lat) cos(d) cos(h)``, h the hour angle of mean solar time and
    ``d = 23.45 deg sin(2 pi (284 + n) / 365)`` (Cooper [2]_), n the day of the year.

    Parameters
    ----------
    latitude, longitude
        Degrees, north and east positive.
    times
        Instants. [ns UTC]

    References
    ----------
    .. [1] B. Haurwitz, "Insolation in Relation to Cloudiness and Cloud Density", Journal of
       Meteorology 2 (1945).
    .. [2] P. I. Cooper, "The absorption of radiation in solar stills", Solar Energy 12 (1969).

    Examples
    --------
    At the equator about noon of an equinox, and at midnight:

    >>> from greendc.simulate.physics.grid import HOUR
    >>> print(clear_sky(0.0, 0.0, np.array([80 * DAY + 12 * HOUR, 80 * DAY])))
    [1037.2    0. ]
    """
    day = times % _YEAR / DAY + 1.0
    tilt = np.radians(23.45) * np.sin(2 * np.pi * (284.0 + day) / 365.0)
    angle = 2 * np.pi * ((times % DAY) / DAY + longitude / 360.0 - 0.5)
    place = np.radians(latitude)
    height = np.sin(place) * np.sin(tilt) + np.cos(place) * np.cos(tilt) * np.cos(angle)
    height = np.maximum(height, 0.01)  # half a degree: next to nothing
    found = 1098.0 * height * np.exp(-0.057 / height)
    return rounded(np.where(height > 0.01, found, 0.0), 1)


def cloudy(clear: FloatArray, cover: FloatArray) -> FloatArray:
    """Irradiance below clouds: ``G = G_clear (1 - 0.75 c^3.4)`` [W/m2], c the cover from 0 to 1.

    F. Kasten and G. Czeplak, "Solar and terrestrial radiation dependent on the amount and type of
    cloud", Solar Energy 24 (1980).

    >>> print(cloudy(np.array([800.0, 800.0]), np.array([0.0, 1.0])))
    [800. 200.]
    """
    return rounded(clear * (1.0 - 0.75 * cover**3.4), 1)


def panel_power(peak: float, ratio: float, irradiance: FloatArray) -> FloatArray:
    """Power of solar panels: ``P = P_peak G / 1000 W/m2 x PR`` [W].

    The performance ratio PR (IEC 61724-1) holds all losses; panels lie flat.

    >>> print(panel_power(50e3, 0.8, np.array([500.0])))
    [20000.]
    """
    return peak * ratio / 1000.0 * irradiance
