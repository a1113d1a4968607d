"""Chilled water: pumps, economiser, chillers, and what gives the heat to the outside."""

from collections.abc import Sequence

import numpy as np

from greendc.simulate.books import Books
from greendc.simulate.parts.heat import reuse
from greendc.simulate.parts.rooms import Room, warmed
from greendc.simulate.parts.setting import Setting
from greendc.simulate.physics.air import fan_power
from greendc.simulate.physics.grid import MINUTE, FloatArray, milliwatts, watts
from greendc.simulate.physics.noise import wander
from greendc.simulate.physics.plant import (
    BoolArray,
    carnot,
    compressor_power,
    free_share,
    running,
    shared,
    water_flow,
)
from greendc.simulate.physics.water import blown_down, cubic_mm, evaporated
from greendc.simulate.topology import ChilledWater, Reuse

EVAPORATOR_K = 1.5  # evaporation below chilled water; assumed
CONDENSER_K = 6.0  # condensation above tower water: its rise and the approach; assumed
AIR_CONDENSER_K = 8.0  # condensation above the dry coolers' air and approach; assumed
LEAST_CONDENSATION = 22.0  # Cel, below which chillers are not let; assumed
CONTROL_K = 0.3  # how far the water is from its set point at most; assumed
LEAST_SPEED = 0.5  # of pumps and fans; assumed
LATENT = 0.85  # of a tower's heat leaves by evaporation; assumed


class ChilledWaterPlant:
    """A plant in a span, part by part; `drawn` are the names of what it draws."""

    def __init__(self, books: Books, given: ChilledWater, setting: Setting) -> None:
        """Take the books in which the plant enters itself."""
        self.books, self.given, self.setting = books, given, setting
        self.drawn: list[str] = []
        self.places = [f"chiller-{number}" for number in range(1, given.chillers + 1)]
        outside = setting.outside
        air = outside.wet_bulb if given.sink == "tower" else outside.temperature
        self.sink_c = air + given.approach_k  # water that the sink gives back

    def run(self, rooms: Sequence[Room], reused: Reuse | None) -> FloatArray:
        """Take the heat of the halls; how much warmer the water is for want of chillers [K]."""
        loop = self._loop([room.heat for room in rooms], reused)
        warmer = self._water(loop)
        free, heats = self._split(loop, warmer)
        motors = self._chillers(heats, warmer)
        self._sink([free, *heats, *motors], np.array([self.books.powers[h] > 0 for h in heats]))
        return warmer

    def _loop(self, heats: list[str], reused: Reuse | None) -> str:
        """Enter pumps and reuse; the name of the heat that is left for the plant."""
        books, given = self.books, self.given
        total = books.sum(heats)
        speed = np.clip(watts(total) / self._design, LEAST_SPEED, 1.0)
        pump = books.power("chw-pump", "cool_pump", fan_power(given.pump_w, speed), given.pump_w)
        self.drawn.append(pump)
        taken = []
        if reused is not None:
            back = given.supply_c + given.rise_k
            source, power = reuse(books, reused, total, back, self.setting)
            self.drawn.append(power)
            taken.append(source)
        left = total + books.powers[pump] - books.sum(taken)
        loop = books.whole("chw", "none", left, self._design, "thermal_power")
        books.balance([*heats, pump], [loop, *taken])
        return loop

    @property
    def _design(self) -> float:
        return self.given.chillers * self.given.chiller_w

    def _water(self, loop: str) -> FloatArray:
        """Enter temperatures and flow of the water; how much warmer it is than it should be."""
        books, given, events = self.books, self.given, self.setting.events
        lost = sum((events.failing(place) for place in self.places), self.setting.all(0.0))
        heat = watts(books.powers[loop])
        hot = heat * (1.0 - self._free(self.setting.all(0.0)))
        warmer = warmed(hot, given.chiller_w * (given.chillers - lost))
        control = CONTROL_K * wander(self.setting.seed, "chw", self.setting.grid, 15 * MINUTE)[0]
        supply = given.supply_c + warmer + control
        books.state("chw", "t_chw_supply", supply)
        books.state("chw", "t_chw_return", supply + given.rise_k)
        books.state("chw-flow", "none", water_flow(heat, given.rise_k), "flow")
        return warmer

    def _free(self, warmer: FloatArray) -> FloatArray:
        """Share of the heat that the economiser takes."""
        given, events = self.given, self.setting.events
        if not given.economiser:
            return self.setting.all(0.0)
        supply = given.supply_c + warmer
        share = free_share(supply + given.rise_k, supply, self.sink_c + given.exchanger_k)
        return share * (1.0 - events.strength("damper_stuck", "economiser"))

    def _split(self, loop: str, warmer: FloatArray) -> tuple[str, list[str]]:
        """Enter what economiser and chillers take of the heat; their names."""
        books, given = self.books, self.given
        heat = books.powers[loop]
        part = np.minimum(milliwatts(watts(heat) * self._free(warmer)), heat)
        free = books.whole("economiser", "none", part, self._design, "thermal_power")
        rest = heat - part
        on = running(watts(rest), given.chiller_w, self.setting.events.sound(self.places))
        names = [
            books.whole(f"{place}-heat", "none", own, given.chiller_w, "thermal_power")
            for place, own in zip(self.places, shared(rest, on), strict=True)
        ]
        books.balance([loop], [free, *names])
        return free, names

    def _chillers(self, heats: list[str], warmer: FloatArray) -> list[str]:
        """Enter the chillers' power; their names."""
        books, given = self.books, self.given
        lift = CONDENSER_K if given.sink == "tower" else AIR_CONDENSER_K
        condensed = np.maximum(self.sink_c + lift, LEAST_CONDENSATION)
        cop = given.carnot * carnot(given.supply_c + warmer - EVAPORATOR_K, condensed)
        motors = []
        for place, heat in zip(self.places, heats, strict=True):
            power = compressor_power(watts(books.powers[heat]), given.chiller_w, cop)
            motors.append(books.power(place, "cool_chiller", power, given.chiller_w / 2))
        self.drawn += motors
        return motors

    def _sink(self, parts: list[str], on: BoolArray) -> None:
        """Enter pumps, fans and water of what gives the heat to the outside."""
        books, given = self.books, self.given
        place = "tower" if given.sink == "tower" else "drycooler"
        if given.sink_pump_w:
            pumping = given.sink_pump_w * np.maximum(on.sum(axis=0), 1).astype(np.float64)
            rating = given.sink_pump_w * given.chillers
            parts = [*parts, books.power("sink-pump", "cool_pump", pumping, rating)]
            self.drawn.append(parts[-1])
        rejected = books.total(place, "none", parts, 1.3 * self._design, "thermal_power")
        heat = watts(books.powers[rejected])
        speed = np.clip(heat / (1.15 * self._design), LEAST_SPEED, 1.0)
        blocked = 1.0 + self.setting.events.strength("filter_blocked", place, 0.6)
        power = fan_power(given.sink_fan_w, speed) * blocked
        fan = books.power(f"{place}-fan", "cool_tower", power, given.sink_fan_w * 2)
        self.drawn.append(fan)
        if given.sink == "tower":
            lost = evaporated(heat * LATENT)
            off = blown_down(lost, given.concentration)
            seconds = self.setting.seconds
            books.volume("tower-evaporated", "none", cubic_mm(lost, seconds))
            books.volume("tower-blowdown", "none", cubic_mm(off, seconds))
