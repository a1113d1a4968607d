"""Computer rooms: air, fans, heat and temperatures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from greendc.simulate.books import Books
from greendc.simulate.parts.racks import Drawn, rack_places
from greendc.simulate.parts.setting import Setting
from greendc.simulate.physics.air import PER_M3, Flows, fan_power, flow_for, flows
from greendc.simulate.physics.grid import MINUTE, FloatArray, watts
from greendc.simulate.physics.noise import constants, wander
from greendc.simulate.physics.psychrometrics import humidity_at
from greendc.simulate.topology import Hall

HEIGHTS = {"top": 1.8, "middle": 0.8, "bottom": 0.4}
"""Share of a rack's recirculation that reaches an inlet at a height; mean 1; assumed."""
CONTROL_K = 0.25  # how far supply air is from its set point at most; assumed
UNEVEN = 0.1  # how far a rack's own rise is from the hall's at most; assumed
FAN_PLACES = {"dx": "crac", "chilled_water": "crah", "outside_air": "ahu"}


@dataclass(frozen=True)
class Room:
    """A hall whose heat is known, before something takes it away."""

    hall: Hall
    heat: str
    """Name of the heat removed."""
    fans: tuple[str, ...]
    """Names of the fans' powers, by unit."""
    air: Flows
    """What the fans move."""
    rises: FloatArray
    """Rise through each rack, shape (racks, 1). [K]"""

    def back(self, books: Books, supply: FloatArray) -> FloatArray:
        """Return air for a supply air [Cel]: ``T_R = T_S + Q / (rho c_p V)``."""
        return supply + watts(books.powers[self.heat]) / (PER_M3 * self.air.supplied)


def room(
    books: Books, hall: Hall, drawn: Drawn, warm: Sequence[str], setting: Setting, fans: str
) -> Room:
    """Enter the fans of a hall and the heat that has to be removed from it.

    All that is drawn in the hall becomes heat there: IT equipment, cables, `warm` (what UPS and
    PDUs lose there), fans, lamps. `fans` is the point of the fans' power.
    """
    air = hall.air
    own = constants(setting.seed, f"{hall.id}/rise", hall.racks)[:, np.newaxis]
    rises = air.rise_k * (1.0 + UNEVEN * own)
    needed = setting.all(0.0)
    for power, rise in zip(drawn.power, rises[:, 0].tolist(), strict=True):
        needed += flow_for(power, rise)
    moved = flows(needed, air.bypass, air.flow_m3s * air.units, air.least_speed)
    units = range(1, air.units + 1)
    names = tuple(_fan(books, hall, unit, moved.speed, setting, fans) for unit in units)
    light = books.power(f"light-{hall.id}", "aux_light", setting.all(hall.light_w))
    heat = books.total(hall.id, "q_removed", [*drawn.names, *warm, *names, light])
    return Room(hall, heat, names, moved, rises)


def unit_place(hall: Hall, kind: str, unit: int) -> str:
    """Name of an air unit of a hall, such as hall-1-crah-2."""
    return f"{hall.id}-{FAN_PLACES[kind]}-{unit}"


def _fan(
    books: Books, hall: Hall, unit: int, speed: FloatArray, setting: Setting, kind: str
) -> str:
    place = unit_place(hall, kind, unit)
    blocked = setting.events.strength("filter_blocked", place, 0.6)
    power = fan_power(hall.air.fan_w, speed) * (1.0 + blocked)
    if kind == "dx":  # its meter sees fan and compressor together
        return books.power(f"{place}-fan", "none", power, hall.air.fan_w, "power")
    return books.power(place, "cool_crah_fan", power, hall.air.fan_w)


def temperatures(
    books: Books, found: Room, supply: FloatArray, dew: FloatArray, setting: Setting
) -> None:
    """Enter what the sensors of a hall see: supply, return, inlets, exhausts, humidity."""
    hall = found.hall
    control = CONTROL_K * wander(setting.seed, f"{hall.id}/supply", setting.grid, 10 * MINUTE)[0]
    supply = supply + control
    back = found.back(books, supply)
    leak = setting.events.strength("hot_aisle_leak", hall.id, 0.15)
    recirculated = hall.air.recirculation + leak + found.air.wanting
    books.state(hall.id, "t_supply", supply)
    books.state(hall.id, "t_return", back)
    books.state(hall.id, "rh_supply", humidity_at(dew, supply))
    books.state(hall.id, "rh_return", humidity_at(dew, back))
    own = 1.0 + 0.3 * constants(setting.seed, f"{hall.id}/recirculation", hall.racks)
    for rack, share, rise in zip(rack_places(hall), own, found.rises[:, 0], strict=True):
        for height, weight in HEIGHTS.items():
            inlet = supply + recirculated * (weight * share * rise)
            books.state(f"{rack}-{height}", "t_inlet", inlet)
            books.state(f"{rack}-{height}", "t_exhaust", inlet + rise)


def warmed(heat: FloatArray, capacity: FloatArray) -> FloatArray:
    """How far air or water rises where machines can take less than the heat [K].

    ``dT = (Q / Q_cap - 1) / 0.03``, at most 30 K: they can take 3 % more for each kelvin that it is
    warmer (assumed), and no heat is stored: what comes in goes out.

    >>> print(warmed(np.array([90e3, 106e3]), np.array([100e3, 100e3])).round(6))
    [0. 2.]
    """
    short = heat / np.maximum(capacity, 1.0) - 1.0
    return np.clip(short / 0.03, 0.0, 30.0)
