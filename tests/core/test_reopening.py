"""Which closed time is opened again, against a comparison second by second."""

import random
from typing import NamedTuple

import numpy as np

from greendc.core.facility import SECOND
from greendc.core.leftout import LeftOut
from greendc.core.reopening import changed, told_otherwise
from greendc.core.segments import Segments

LENGTH = 30
METERS = 3


class Stretch(NamedTuple):
    meter: int
    start: int
    end: int
    power: float
    power_end: float
    energy: float
    distributed: bool
    estimated: bool

    @property
    def constant(self) -> bool:
        energy = self.power * seconds(self.start, self.end)
        return self.power == self.power_end and self.energy == energy


def seconds(start: int, end: int) -> float:
    return (end - start) / SECOND


def shorter(one: Stretch, end: int) -> float:
    """The energy up to an earlier end."""
    if one.constant:
        return one.power * seconds(one.start, end)
    return one.energy * (end - one.start) / (one.end - one.start)


def stretches(chance: random.Random) -> list[Stretch]:
    found, energy = [], 0.0
    for meter in range(METERS):
        at = chance.choice([0, 1])
        while at < LENGTH:
            end = at + chance.choice([2, 5, 9])
            first = chance.choice([5.0, 5.0, 6.0])
            last = chance.choice([first, first, 7.0])
            energy = (first + last) / 2 * seconds(at, end) * chance.choice([1, 1, 1, 1.1])
            mark = chance.choice([(False, False)] * 4 + [(True, False), (False, True)])
            found.append(Stretch(meter, at, end, first, last, energy, *mark))
            at = end + chance.choice([0, 0, 3])
    return found


def otherwise(state: list[Stretch], chance: random.Random) -> list[Stretch]:
    """The same with a stretch that ends earlier, is of another power, marked, or gone."""
    out = list(state)
    for _ in range(chance.choice([0, 1, 1, 2])):
        place = chance.randrange(len(out))
        one = out[place]
        end = chance.randrange(one.start + 1, one.end + 1)
        changes = [
            one._replace(end=end, energy=shorter(one, end)),
            one._replace(power_end=one.power_end + 1),
            one._replace(distributed=not one.distributed),
            one._replace(estimated=not one.estimated),
        ]
        out[place : place + 1] = chance.choice([[change] for change in changes] + [[]])
    return out


def columns(state: list[Stretch]) -> Segments:
    meter, start, end, power, power_end, energy, distributed, estimated = zip(*state, strict=True)
    whole = [np.array(column, np.int64) for column in (meter, start, end)]
    real = [np.array(column, np.float64) for column in (power, power_end, energy)]
    marks = np.array(distributed, np.bool_), np.array(estimated, np.bool_)
    return Segments(whole[0], whole[1], whole[2], real[0], real[1], real[2], *marks)


def told(state: list[Stretch], meter: int, second: int) -> tuple[object, ...] | None:
    """What is known of a second; of a constant power not where it ends."""
    for one in state:
        if one.meter == meter and one.start <= second < one.end:
            even = one.power, one.distributed, one.estimated, one.start
            return even if one.constant else one
    return None


def test_just_the_time_that_differs_is_opened_before_what_is_sealed() -> None:
    opened = 0
    for seed in range(400):
        chance = random.Random(seed)
        before = stretches(chance)
        after = otherwise(before, chance)
        if chance.random() < 0.5:
            before, after = after, before
        sealed = np.array([chance.choice([-1, 10, 10, 40]) for _ in range(METERS)])
        spans = list(changed(columns(before), columns(after), sealed))
        assert all(lo < min(hi, sealed[meter]) for meter, (lo, hi) in spans), seed
        every = {(meter, s) for meter, (lo, hi) in spans for s in range(lo, hi)}
        found = {(meter, second) for meter, second in every if second < sealed[meter]}
        wanted = {
            (meter, second)
            for meter in range(METERS)
            for second in range(int(sealed[meter]))
            if told(before, meter, second) != told(after, meter, second)
        }
        assert found == wanted, seed
        opened += bool(found)
    assert opened > 100


def test_what_was_left_out_is_told_otherwise_by_meter_time_and_word() -> None:
    def left(*rows: tuple[int, int, int]) -> LeftOut:
        return LeftOut(*np.array(rows, np.int64).reshape(-1, 3).T)

    before = left((0, 5, 19), (0, 9, 19), (1, 5, 19), (1, 9, 23))
    sealed = np.array([20, 9])
    assert told_otherwise(before, before, sealed) == []
    assert told_otherwise(before, left((0, 5, 19), (1, 5, 20)), sealed) == [
        (0, (9, 10)),
        (1, (5, 6)),
    ]
    assert told_otherwise(left(), before, sealed) == [(0, (5, 6)), (0, (9, 10)), (1, (5, 6))]
