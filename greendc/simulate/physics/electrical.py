"""Losses of the power supply."""

from dataclasses import dataclass

from greendc.simulate.physics.grid import FloatArray


@dataclass(frozen=True)
class Curve:
    """Loss of a converter by load: rated x (a + b p + c p^2), p = load / rated."""

    rated: float
    a: float
    b: float
    c: float


def converter_loss(curve: Curve, load: FloatArray) -> FloatArray:
    """Loss of a UPS or a rectifier at a load at its output [W].

    ``P_loss = rated (a + b p + c p^2)``: what it takes to be on, what goes with the current, and
    what goes with its square (STANDARDS F-2.7; the shape of makers' part-load curves).

    Examples
    --------
    Half load, 400 kW: 4 + 3.6 + 2 kW, an efficiency of 95.4 %.

    >>> import numpy as np
    >>> print(converter_loss(Curve(400e3, 0.01, 0.018, 0.02), np.array([200e3])))
    [9600.]
    """
    p = load / curve.rated
    return curve.rated * (curve.a + p * (curve.b + p * curve.c))


def transformer_loss(rated: float, no_load: float, full: float, load: FloatArray) -> FloatArray:
    """Loss of a transformer: ``P_loss = rated (no_load + full p^2)``, p = load / rated [W].

    Iron and copper (IEC 60076-1); `no_load` and `full` are shares of the rating.

    >>> import numpy as np
    >>> print(transformer_loss(1e6, 0.001, 0.01, np.array([500e3])))
    [3500.]
    """
    p = load / rated
    return rated * (no_load + full * p * p)


def resistive_loss(rated: float, full: float, load: FloatArray) -> FloatArray:
    """Loss in cables: ``P_loss = rated full p^2``, p = load / rated [W].

    >>> import numpy as np
    >>> print(resistive_loss(100e3, 0.006, np.array([50e3])))
    [150.]
    """
    p = load / rated
    return rated * full * p * p


def bus_voltage(light: float, full: float, share: FloatArray) -> FloatArray:
    """Voltage of a DC bus that droops with its load: ``U = U_0 - (U_0 - U_full) p`` [V].

    >>> import numpy as np
    >>> print(bus_voltage(385.0, 380.0, np.array([0.5])))
    [382.5]
    """
    return light - (light - full) * share


def voltage_at(bus: FloatArray, power: FloatArray, resistance: float) -> FloatArray:
    """Voltage at equipment that draws a power through a cable: ``U = U_bus - R P / U_bus`` [V].

    The current is taken at the bus's voltage; at a drop of 1 % that is 1 % of the drop too little.

    >>> import numpy as np
    >>> print(voltage_at(np.array([400.0]), np.array([8000.0]), 0.1))
    [398.]
    """
    return bus - resistance * power / bus
