"""Heat reuse, and the humidity of closed halls."""

import numpy as np

from greendc.simulate.books import Books
from greendc.simulate.parts.setting import Setting
from greendc.simulate.physics.grid import FloatArray, IntArray, milliwatts, watts
from greendc.simulate.physics.reuse import heat_demand, heat_pump_power
from greendc.simulate.physics.water import cubic_mm
from greendc.simulate.topology import Humidity, Reuse

MOST = 0.9  # of the heat that is there can be reused at most; assumed
DENSITY = 1.2  # kg/m3 of air


def reuse(
    books: Books, given: Reuse, heat: IntArray, source_c: float, setting: Setting
) -> tuple[str, str]:
    """Enter a heat pump; the names of the heat that it takes and of its electric power.

    Parameters
    ----------
    heat
        Heat that is there to be taken. [mW]
    source_c
        What carries it. [Cel]
    """
    demand = given.source_w * heat_demand(setting.outside.temperature, given.summer)
    taken = np.minimum(milliwatts(demand), milliwatts(watts(heat) * MOST))
    source = books.whole("reuse-source", "none", taken, given.source_w, "thermal_power")
    drawn = heat_pump_power(watts(taken), source_c, given.supply_c, given.carnot)
    power = books.power("reuse", "reuse_hp", drawn, given.source_w)
    books.total("reuse", "q_reuse", [source, power], 2 * given.source_w)
    books.whole("reuse", "q_available", heat)
    return source, power


def humidifier(
    books: Books, given: Humidity, air: FloatArray, least: float, setting: Setting
) -> list[str]:
    """Enter a humidifier of fresh air; the name of its power.

    Parameters
    ----------
    air
        Fresh air. [m3/s]
    least
        Water that the halls' air must hold. [kg/kg]
    """
    dry = np.maximum(least - setting.outside.moisture, 0.0)
    mass = DENSITY * air * dry
    books.volume("humidifier-water", "none", cubic_mm(mass, setting.seconds))
    rating = max(1.0, float(DENSITY * np.max(air) * least * given.j_per_kg))
    return [books.power("humidifier", "cool_hum", mass * given.j_per_kg, rating)]
