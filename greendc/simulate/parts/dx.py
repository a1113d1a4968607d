"""Air conditioners with their compressors inside and their condensers outside."""

import numpy as np

from greendc.simulate.books import Books
from greendc.simulate.parts.rooms import Room, temperatures, unit_place, warmed
from greendc.simulate.parts.setting import Setting
from greendc.simulate.physics.grid import FloatArray, watts
from greendc.simulate.physics.plant import carnot, compressor_power, shared
from greendc.simulate.topology import Dx

COIL_K = 10.0  # evaporation below supply air; assumed
CONDENSER_K = 12.0  # condensation above outside air; assumed
LEAST_CONDENSATION = 30.0  # Cel, held up by the fans' control; assumed


def dx(books: Books, given: Dx, room: Room, dew: FloatArray, setting: Setting) -> list[str]:
    """Enter the air conditioners of a hall, each with its fan; their names."""
    places = [unit_place(room.hall, given.kind, unit) for unit in range(1, room.hall.air.units + 1)]
    sound = setting.events.sound(places)
    left = sum((setting.events.failing(place) for place in places), setting.all(0.0))
    heat = books.powers[room.heat]
    rise = warmed(watts(heat), given.unit_w * (len(places) - left))
    supply = room.hall.air.supply_c + rise
    temperatures(books, room, supply, dew, setting)
    condensed = np.maximum(setting.outside.temperature + CONDENSER_K, LEAST_CONDENSATION)
    cop = given.carnot * carnot(supply - COIL_K, condensed)
    names = []
    for place, fan, part in zip(places, room.fans, shared(heat, sound), strict=True):
        taken = books.whole(f"{place}-heat", "none", part, given.unit_w, "thermal_power")
        power = compressor_power(watts(part), given.unit_w, cop)
        motor = books.power(f"{place}-compressor", "none", power, given.unit_w, "power")
        names.append((books.total(place, "cool_crac", [fan, motor], given.unit_w), taken))
    books.balance([room.heat], [taken for _, taken in names])
    return [name for name, _ in names]
