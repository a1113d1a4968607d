"""Outside air through a hall, cooled by a wet pad and by compressors where it is too warm."""

from dataclasses import dataclass

import numpy as np

from greendc.simulate.books import Books
from greendc.simulate.parts.dx import COIL_K, CONDENSER_K, LEAST_CONDENSATION
from greendc.simulate.parts.heat import reuse
from greendc.simulate.parts.rooms import Room, temperatures, warmed
from greendc.simulate.parts.setting import Setting
from greendc.simulate.physics.air import PER_M3
from greendc.simulate.physics.grid import FloatArray, milliwatts, watts
from greendc.simulate.physics.plant import carnot, compressor_power, free_share
from greendc.simulate.physics.water import cubic_mm, evaporated
from greendc.simulate.topology import OutsideAir, Reuse

DRIEST, DAMPEST = -9.0, 15.0  # Cel, dew points of ASHRAE's recommended envelope (STANDARDS 7.1)
EXHAUST_K = 3.0  # what carries the reused heat is cooler than the exhaust by this; assumed


@dataclass(frozen=True)
class Intake:
    """Outside air that a hall takes in."""

    share: FloatArray
    """Share of the heat that it carries away. [1]"""
    flow: FloatArray
    """[m3/s]"""
    pad: FloatArray
    """How much a wet pad cools it. [K]"""
    warmer: FloatArray
    """How much warmer than the supply air should be it comes in. [K]"""


def intake(given: OutsideAir, room: Room, back: FloatArray, setting: Setting) -> Intake:
    """Outside air for a hall: mixed with return air where it is colder than the supply.

    ``share = (T_R - T_in) / (T_R - T_S)`` within 0 and 1, and of the flow V that the fans blow
    ``V (T_R - T_S) / (T_R - T_in)`` is outside air, at most V, and none where it carries nothing.
    """
    air, asked = setting.outside, room.hall.air.supply_c
    warm = air.temperature > asked
    pad = np.where(warm, given.evaporative * (air.temperature - air.wet_bulb), 0.0)
    incoming = air.temperature - pad
    damper = 1.0 - setting.events.strength("damper_stuck", f"{room.hall.id}-damper")
    share = free_share(back, setting.all(asked), incoming) * np.clip(damper, 0.0, 1.0)
    mixed = np.minimum((back - asked) / np.maximum(back - incoming, 1e-3), 1.0)
    flow = np.where(share > 0.0, room.air.supplied * mixed * np.clip(damper, 0.0, 1.0), 0.0)
    warmer = np.maximum(incoming - asked, 0.0)
    return Intake(share, flow, np.where(share > 0.0, pad, 0.0), warmer)


def outside_air(
    books: Books, given: OutsideAir, room: Room, reused: Reuse | None, setting: Setting
) -> tuple[list[str], FloatArray]:
    """Enter a hall's plant; names of what it draws, and the outside air that it takes [m3/s]."""
    hall, heat = room.hall, books.powers[room.heat]
    back = room.back(books, setting.all(hall.air.supply_c))
    taken, drawn = [], []
    if reused is not None:
        carried = hall.air.supply_c + hall.air.rise_k - EXHAUST_K
        source, power = reuse(books, reused, heat, carried, setting)
        taken, drawn = [source], [power]
    fresh = intake(given, room, back, setting)
    left = heat - books.sum(taken)
    free = np.minimum(milliwatts(watts(left) * fresh.share), left)
    free = np.where(setting.events.during("chiller_failed", _trim_place(room)), left, free)
    passed = books.whole(f"{hall.id}-exhaust", "none", free, None, "thermal_power")
    rest = books.whole(f"{hall.id}-trim-heat", "none", left - free, given.trim_w, "thermal_power")
    books.balance([room.heat], [passed, rest, *taken])
    drawn.append(_trim(books, given, room, (watts(left - free), fresh.warmer), setting))
    if given.evaporative:
        mass = evaporated(PER_M3 * fresh.flow * fresh.pad)
        books.volume(f"{hall.id}-pad-water", "none", cubic_mm(mass, setting.seconds))
    return drawn, fresh.flow


def _trim_place(room: Room) -> str:
    return f"{room.hall.id}-trim"


def _trim(
    books: Books,
    given: OutsideAir,
    room: Room,
    rest: tuple[FloatArray, FloatArray],
    setting: Setting,
) -> str:
    """Enter the compressors of a hall and its temperatures; the name of their power.

    `rest` is the heat that they take, and how much too warm the outside air is that comes in where
    they have failed.
    """
    place, air, (heat, warmer) = _trim_place(room), setting.outside, rest
    missing = warmer * setting.events.failing(place)
    supply = room.hall.air.supply_c + warmed(heat, setting.all(given.trim_w)) + missing
    temperatures(books, room, supply, np.clip(air.dew_point, DRIEST, DAMPEST), setting)
    condensed = np.maximum(air.temperature + CONDENSER_K, LEAST_CONDENSATION)
    cop = given.carnot * carnot(supply - COIL_K, condensed)
    motor = compressor_power(heat, given.trim_w, cop)
    return books.power(place, "cool_crac", motor, given.trim_w)
