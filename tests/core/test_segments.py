"""What the readings of several meters tell of the time between them."""

import random
from dataclasses import replace

import numpy as np
import pytest

from greendc.core.energy import segments
from greendc.core.facility import MINUTE, SECOND, Kind
from greendc.core.rules import Rules
from greendc.core.segments import Segments
from tests.core.kit import METERS, meter

MANY = (
    replace(meter("spiky", Kind.INSTANT), spike=50.0),
    *METERS,
    replace(meter("line", Kind.INSTANT), fill="linear"),
    replace(meter("held", Kind.MEAN_NEXT), fill="linear", frozen_after=5 * MINUTE),
    meter("fans", Kind.MEAN_PREV),
    replace(meter("room", Kind.INSTANT), quantity="temperature"),
)


def test_what_a_meter_tells_hangs_on_no_other_one() -> None:
    told = np.zeros(len(MANY), np.int64)
    for seed in range(20):
        chance = random.Random(seed)
        rows = [
            (number, 60 * minute + chance.choice([0, 0, 20]), chance.choice([7.0, 9.0, 99.0]))
            for number in range(len(MANY))
            for minute in range(40)
            if chance.random() < 0.5
        ]
        number, second, value = (np.array(column) for column in zip(*rows, strict=True))
        found = segments(Rules.of(MANY), number, second * SECOND, value)
        for place, one in enumerate(MANY):
            mine = number == place
            none = np.zeros(int(mine.sum()), np.int64)
            alone = segments(Rules.of((one,)), none, second[mine] * SECOND, value[mine])
            own = found.where(found.meter == place)
            for name in Segments.__slots__[1:]:
                assert getattr(own, name).tolist() == getattr(alone, name).tolist(), (seed, one.id)
            told[place] += len(own)
    assert [one.id for one, count in zip(MANY, told, strict=True) if not count] == ["room"]
    assert told.sum() > 2000


def test_a_mean_of_the_time_before_reaches_back_to_the_reading_before_it() -> None:
    """By one interval at most; mean_next alike is in `test_energy.py`."""
    one = Rules.of((meter("pump", Kind.MEAN_PREV),))
    found = segments(one, np.zeros(3, np.int64), np.array([0, 30, 200]) * SECOND, np.ones(3))
    assert (found.start // SECOND).tolist() == [-60, 0, 140]
    assert (found.end // SECOND).tolist() == [0, 30, 200]


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        (Kind.INSTANT, [0, 240], [60, 300]),
        (Kind.MEAN_NEXT, [0, 60, 240, 300], [60, 120, 300, 360]),
        (Kind.MEAN_PREV, [-60, 0, 180, 240], [0, 60, 240, 300]),
        (Kind.ON_CHANGE, [0, 60, 240, 300], [60, 240, 300, 480]),
    ],
)
def test_what_is_left_out_says_nothing(kind: Kind, start: list[int], end: list[int]) -> None:
    """The readings at 120 and 180 s are frozen."""
    one = replace(meter("m", kind), frozen_after=2 * MINUTE, max_gap=MINUTE)
    value = np.array([5.0, 5.0, 5.0, 5.0, 6.0, 7.0])
    found = segments(Rules.of((one,)), np.zeros(6, np.int64), np.arange(6) * MINUTE, value)
    assert (found.start // SECOND).tolist() == start
    assert (found.end // SECOND).tolist() == end
