"""What a power makes of its register's intervals, against a count second by second."""

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from greendc.core.facility import SECOND, Kind, Meter
from greendc.core.integrals import Windows, integrate
from greendc.core.rules import Rules
from greendc.core.segments import Segments
from greendc.core.shape import shaped

LENGTH = 40  # seconds
MINUTE = Kind.REGISTER, 60 * SECOND, 60 * SECOND, 60 * SECOND
METERS = (
    Meter("other", "util", "power", *MINUTE),
    Meter("a", "util", "energy", *MINUTE, shape="pa"),
    Meter("pb", "none", "power", *MINUTE),
    Meter("pa", "none", "power", *MINUTE),
    Meter("b", "util", "energy", *MINUTE, shape="pb"),
)
OF = {1: 3, 4: 2}  # registers and their powers


class Known(NamedTuple):
    """A stretch of seconds: from one power to another, or evenly what a register has counted."""

    meter: int
    start: int
    end: int
    power: float
    power_end: float
    distributed: bool
    estimated: bool

    def at(self, second: float) -> float:
        """Power at an instant."""
        rise = (self.power_end - self.power) / (self.end - self.start)
        return self.power + rise * (second - self.start)

    def energy(self, second: int) -> float:
        """What it holds of a second."""
        return self.at(second + 0.5)


def stretches(chance: random.Random, meter: int, sign: int) -> Iterator[Known]:
    """Of registers steps, of powers lines; with holes, and most of one sign."""
    at = chance.choice([0, 0, 3])
    while at < LENGTH:
        end = min(LENGTH, at + chance.choice([1, 2, 5, 15]))
        first = sign * chance.choice([0.0, 0.25, 5.0, 5.0, 9.0, -0.5 * (chance.random() < 0.2)])
        last = first if meter in OF else chance.choice([first, first, sign * 3.0, sign * 8.0])
        last = -last if meter not in OF and chance.random() < 0.05 else last
        flat = meter in OF and chance.random() < 0.3
        yield Known(meter, at, end, first, last, flat, meter not in OF and chance.random() < 0.1)
        at = end + chance.choice([0, 0, 0, 1, 4])


def columns(known: list[Known]) -> Segments:
    meter, start, end, power, power_end, distributed, estimated = (
        np.array(column) for column in zip(*known, strict=True)
    )
    energy = (power + power_end) / 2 * (end - start)
    marks = distributed.astype(bool), estimated.astype(bool)
    return Segments(meter, start * SECOND, end * SECOND, power, power_end, energy, *marks)


Told = dict[tuple[int, int], tuple[float, bool, bool]]  # by meter and second


def counted(known: list[Known]) -> Told:
    """Energy of each second and its marks, by the rules as they are written down."""
    out: Told = {}
    by: dict[tuple[int, int], Known] = {}
    for one in known:
        for second in range(one.start, one.end):
            by[one.meter, second] = one
            out[one.meter, second] = one.energy(second), one.distributed, one.estimated
    for register, power in OF.items():
        told = {s: one for (m, s), one in by.items() if m == power and not one.estimated}
        own = [one for one in known if one.meter == register]
        if told:
            inside = {s for one in own for s in range(one.start, one.end)}
            for second in told.keys() - inside:
                out[register, second] = told[second].energy(second), False, True
            for one in own:
                out |= spread(one, told)
    return out


def spread(one: Known, told: dict[int, Known]) -> Told:
    """What a register has counted in an interval, by the second; nothing where it stays as is."""
    every = range(one.start, one.end)
    there = {second: told[second].energy(second) for second in every if second in told}
    energy, held = one.power * len(every), math.fsum(there.values())
    lines = {told[second] for second in there}
    ends = [line.at(max(line.start, one.start)) for line in lines]
    ends += [line.at(min(line.end, one.end)) for line in lines]
    if held * energy <= 0 or any(power * energy < 0 for power in ends):
        return {}
    gaps = len(every) - len(there)
    mean = held / len(there)
    if gaps and abs(held) <= abs(energy):
        scale, rest = 1.0, (energy - held) / gaps
    else:
        scale = energy / (held + mean * gaps)
        rest = mean * scale
    return {
        (one.meter, second): (there[second] * scale, False, False)
        if second in there
        else (rest, True, False)
        for second in every
    }


def seconds_of(found: Segments) -> Told:
    """Energy and marks of each second of which something is known."""
    windows = Windows.cells(0, LENGTH * SECOND, SECOND)
    energy, known, distributed, estimated = integrate(found, windows, len(METERS))
    assert set(np.unique(known)) <= {0, SECOND}
    return {
        (m, s): (float(energy[m, s]), bool(distributed[m, s]), bool(estimated[m, s]))
        for m, s in np.argwhere(known).tolist()
    }


def test_every_second_of_a_register_is_as_the_rules_say() -> None:
    changed = 0
    for seed in range(90):
        chance = random.Random(seed)
        sign = chance.choice([1, 1, -1])
        known = [one for meter in range(5) for one in stretches(chance, meter, sign)]
        if seed % 3 == 0:
            known = [one for one in known if one.meter not in {3, 2 if seed % 2 else 3}]
        before = columns(known)
        found = shaped(Rules.of(METERS), before)
        assert (np.diff(found.meter * 2 * LENGTH * SECOND + found.start) > 0).all()
        told, wanted = seconds_of(found), counted(known)
        assert told.keys() == wanted.keys(), seed
        changed += told != seconds_of(before)
        for key, (energy, *marks) in wanted.items():
            assert math.isclose(told[key][0], energy, rel_tol=1e-9, abs_tol=1e-9), (seed, key)
            if energy:
                assert told[key][1:] == tuple(marks), (seed, key)
    assert changed > 60
