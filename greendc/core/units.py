"""Conversion constants and the units in which a meter may speak."""

from collections.abc import Mapping
from dataclasses import dataclass

J_PER_KWH = 3.6e6  # exact: 1 kW x 3600 s
J_PER_WH = 3600.0  # exact
G_PER_KG = 1000.0  # exact
W_PER_TON_OF_REFRIGERATION = 3516.852842  # 12 000 BTU/h (STANDARDS 0.2)
L_PER_S_PER_CFM = 0.471947443  # cubic foot per minute (STANDARDS 0.2)
CELSIUS_OF_0_K = -273.15  # exact, SI Brochure, 9th edition, 2.3.1
CELSIUS_PER_FAHRENHEIT = 5 / 9  # exact: degF = 1.8 degC + 32
PA_PER_BAR = 1e5  # exact
PA_PER_INH2O = 249.08891  # inch of water at 4 degC, NIST SP 811, Appendix B.8


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: ``base = value * factor + offset``, in the base unit of its dimension."""

    factor: float
    offset: float = 0.0


_RATIO = {"1": Unit(1.0), "ratio": Unit(1.0), "%": Unit(0.01)}
_CELSIUS = ("Cel", "degC", "°C")

UNITS: Mapping[str, Mapping[str, Unit]] = {
    "power": {"W": Unit(1.0), "mW": Unit(1e-3), "kW": Unit(1e3), "MW": Unit(1e6)},
    "energy": {
        "J": Unit(1.0),
        "kJ": Unit(1e3),
        "MJ": Unit(1e6),
        "GJ": Unit(1e9),
        "Wh": Unit(J_PER_WH),
        "kWh": Unit(J_PER_KWH),
        "MWh": Unit(J_PER_KWH * 1e3),
    },
    "temperature": {
        **dict.fromkeys(_CELSIUS, Unit(1.0)),
        "K": Unit(1.0, CELSIUS_OF_0_K),
        "degF": Unit(CELSIUS_PER_FAHRENHEIT, -32 * CELSIUS_PER_FAHRENHEIT),
    },
    "temperature_difference": {
        "K": Unit(1.0),
        **dict.fromkeys(_CELSIUS, Unit(1.0)),
        "degF": Unit(CELSIUS_PER_FAHRENHEIT),
    },
    "ratio": {**_RATIO, "%RH": Unit(0.01)},
    "voltage": {"V": Unit(1.0), "mV": Unit(1e-3), "kV": Unit(1e3)},
    "current": {"A": Unit(1.0), "mA": Unit(1e-3), "kA": Unit(1e3)},
    "resistance": {"Ohm": Unit(1.0), "kOhm": Unit(1e3), "MOhm": Unit(1e6)},
    "flow": {
        "m3/s": Unit(1.0),
        "m3/h": Unit(1 / 3600),
        "l/s": Unit(1e-3),
        "l/min": Unit(1e-3 / 60),
        "cfm": Unit(L_PER_S_PER_CFM * 1e-3),
    },
    "volume": {"m3": Unit(1.0), "l": Unit(1e-3)},
    "pressure": {
        "Pa": Unit(1.0),
        "hPa": Unit(1e2),
        "kPa": Unit(1e3),
        "bar": Unit(PA_PER_BAR),
        "inH2O": Unit(PA_PER_INH2O),
    },
    "state": {"1": Unit(1.0)},
}

QUANTITIES: Mapping[str, str] = {
    "power": "power",
    "energy": "energy",
    "thermal_power": "power",
    "heat": "energy",
    "temperature": "temperature",
    "temperature_difference": "temperature_difference",
    "humidity": "ratio",
    "voltage": "voltage",
    "current": "current",
    "resistance": "resistance",
    "flow": "flow",
    "volume": "volume",
    "pressure": "pressure",
    "speed": "ratio",
    "state": "state",
}
"""The dimension of each quantity; the first unit of a dimension is its base unit."""


def units_of(quantity: str) -> Mapping[str, Unit]:
    """Units in which a quantity may be measured, its base unit first.

    Raises
    ------
    KeyError
        If there is no such quantity.

    Examples
    --------
    >>> ", ".join(units_of("thermal_power"))
    'W, mW, kW, MW'
    """
    return UNITS[QUANTITIES[quantity]]


def to_base(value: float, unit: str, quantity: str) -> float:
    """A value in the base unit of its quantity.

    Raises
    ------
    KeyError
        If there is no such quantity, or the unit does not fit it.

    Examples
    --------
    A temperature and a difference of temperatures are not the same:

    >>> round(to_base(300.0, "K", "temperature"), 2)
    26.85
    >>> to_base(5.0, "K", "temperature_difference")
    5.0
    """
    found = units_of(quantity)[unit]
    return value * found.factor + found.offset
