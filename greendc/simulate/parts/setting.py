"""What holds for all parts of a site in a span: time, outside air, faults of the plant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from greendc.ports import GreendcError
from greendc.simulate.physics.grid import DAY, HOUR, MINUTE, FloatArray, Grid, IntArray
from greendc.simulate.physics.plant import BoolArray
from greendc.simulate.rules import Fault

RISES = {"filter_blocked": HOUR, "damper_stuck": MINUTE, "hot_aisle_leak": 10 * MINUTE}
"""How long a fault takes to come and to go; others are there at once. [ns]"""


class Events:
    """Faults of the plant, as columns of the steps."""

    def __init__(self, grid: Grid, faults: Sequence[Fault]) -> None:
        """Take the faults of a site; those of its meters are left aside."""
        self.grid = grid
        self._faults = [fault for fault in faults if fault.of_plant]
        self.places: dict[str, list[str]] = {}
        """Kind of fault -> places that can have it, as the parts ask for it."""

    def strangers(self) -> Iterator[tuple[Fault, list[str]]]:
        """Faults at places that no part has asked for, and the places of their kind there are."""
        for fault in self._faults:
            places = self.places.get(fault.kind, [])
            if not any(fnmatchcase(place, fault.what) for place in places):
                yield fault, places

    def _of(self, kind: str, place: str) -> Iterator[Fault]:
        known = self.places.setdefault(kind, [])
        if place not in known:
            known.append(place)
        return (f for f in self._faults if f.kind == kind and fnmatchcase(place, f.what))

    def during(self, kind: str, place: str, first: int | None = None) -> BoolArray:
        """In which steps a fault is there; with `first` [ns] only so long from its beginning."""
        found = np.zeros(self.grid.count, np.bool_)
        for fault in self._of(kind, place):
            end = fault.end if first is None else min(fault.start + first, fault.end)
            found |= self.grid.inside(fault.start, end)
        return found

    def strength(self, kind: str, place: str, by: float = 1.0) -> FloatArray:
        """How much of a fault is there at each step: its `by`, or this one, rising and falling."""
        found = np.zeros(self.grid.count)
        for fault in self._of(kind, place):
            size = by if fault.by is None else fault.by
            found += size * self.grid.ramp(fault.start, fault.end, RISES.get(kind, 1))
        return found

    def sound(self, places: Sequence[str]) -> BoolArray:
        """Which machines have not failed, shape (machines, steps).

        Raises
        ------
        GreendcError
            If all fail at once: the heat has to go somewhere.
        """
        found = np.array([~self.during("chiller_failed", place) for place in places])
        if not np.all(found.any(axis=0)):
            raise GreendcError(f"chiller_failed: at least one of {', '.join(places)} must run")
        return found

    def failing(self, place: str) -> FloatArray:
        """How far a machine's failure has reached the air: 1 a quarter of an hour after it."""
        found = np.zeros(self.grid.count)
        for fault in self._of("chiller_failed", place):
            found += self.grid.ramp(fault.start, fault.end, 15 * MINUTE)
        return np.minimum(found, 1.0)


@dataclass(frozen=True)
class Outside:
    """Outside air at each step."""

    temperature: FloatArray  # [Cel]
    humidity: FloatArray  # [1]
    dew_point: FloatArray  # [Cel]
    wet_bulb: FloatArray  # [Cel]
    moisture: FloatArray  # [kg/kg]
    sun: FloatArray  # [W/m2]


@dataclass(frozen=True)
class Setting:
    """What holds for all parts."""

    seed: int
    grid: Grid
    clock: IntArray
    """Local time of each step, as if it were UTC. [ns]"""
    outside: Outside
    events: Events

    @property
    def of_week(self) -> FloatArray:
        """Local time in hours since a Monday's midnight; 1970 began on a Thursday."""
        return (self.clock - 4 * DAY) % (7 * DAY) / HOUR

    @property
    def seconds(self) -> int:
        """Length of a step [s]."""
        return self.grid.step // 1_000_000_000

    def all(self, value: float) -> FloatArray:
        """A value that holds in every step."""
        return np.full(self.grid.count, value)
