"""What hours are filled with, and where in them, beside what says so hour by hour."""

import random
from collections.abc import Sequence
from itertools import pairwise, product
from statistics import median

import numpy as np
import pytest

from greendc.core.facility import DAY, HOUR, MINUTE, SECOND
from greendc.core.final_days import IT_LOAD, Hours
from greendc.core.profile import LATEST, LOOKED_AT, Fills, filled, fills
from greendc.core.segments import Segments


def test_where_nothing_lacks_nothing_is_filled_in() -> None:
    """What is estimated or distributed is no measured hour, and there all the same."""
    meter, start = np.array([3]), np.array([5 * HOUR])
    power, energy = np.array([2.0]), np.array([2.0 * HOUR / SECOND])
    yes, no = np.array([True]), np.array([False])
    found = Segments(meter, start, start + HOUR, power, power, energy, no, yes)
    days = np.zeros((1, LATEST), np.int64)
    segments, gaps = filled(found, Fills(meter, start, np.array([9.0]), days))
    assert (segments.start.tolist(), segments.energy.tolist()) == ([5 * HOUR], energy.tolist())
    assert gaps == []


QUARTER = 15 * MINUTE
Piece = tuple[int, int, int, float, bool]  # meter, start and end in quarters, power, filled in


def known(chance: random.Random) -> list[Piece]:
    """What is known of meters 1, 3 and 4 in eight hours, each quarter by chance."""
    some = [(m, at) for m, at in product((1, 3, 4), range(32)) if chance.random() < 0.4]
    return [(m, at, at + 1, 1.0, False) for m, at in some]


def lacking(found: Sequence[Piece], hours: dict[tuple[int, int], float]) -> list[Piece]:
    """What some hours lack, in stretches."""
    there = {(m, at) for m, at, *_ in found}
    quarters = [(m, 4 * h + q) for m, h in hours for q in range(4)]
    gone = sorted(one for one in quarters if one not in there)
    out: list[Piece] = []
    for m, at in gone:
        power = hours[m, at // 4]
        if out and (m, at, power) == (out[-1][0], *out[-1][2:4]):
            out[-1] = (*out[-1][:2], at + 1, power, True)
        else:
            out.append((m, at, at + 1, power, True))
    return out


@pytest.mark.parametrize("seed", range(20))
def test_what_hours_lack_is_filled_in(seed: int) -> None:
    chance = random.Random(seed)
    pieces = known(chance)
    asked = [(m, h) for m, h in product((3, 4, 6), range(1, 7)) if chance.random() < 0.7]
    hours = {one: float(10 + place) for place, one in enumerate(asked)}
    meter, start, end, power = np.array([p[:4] for p in pieces], np.int64).T
    none = np.zeros(len(meter), np.bool_)
    watts, span = power.astype(np.float64), (end - start) * QUARTER / SECOND
    found = Segments(meter, start * QUARTER, end * QUARTER, watts, watts, watts * span, none, none)
    of, at = np.array(asked).T
    days = np.repeat([[h // 3 for _, h in asked]], LATEST, axis=0).T
    segments, gaps = filled(found, Fills(of, at * HOUR, np.array(list(hours.values())), days))
    made = lacking(pieces, hours)
    columns = (
        segments.meter, segments.start // QUARTER, segments.end // QUARTER, segments.power,
        segments.estimated,
    )  # fmt: skip
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == sorted([*pieces, *made])
    np.testing.assert_allclose(
        segments.energy, segments.power * (segments.end - segments.start) / SECOND
    )
    assert not segments.distributed.any()
    stretches: list[list[int]] = []
    for m, first, last, *_ in made:
        if stretches and stretches[-1][::2] == [m, first] and stretches[-1][3] == first // 12:
            stretches[-1][2] = last
        else:
            stretches.append([m, first, last, first // 12])
    told = [[g.meter, g.start // QUARTER, g.end // QUARTER, g.days[0]] for g in gaps]
    assert told == stretches


LAST = 31  # the day that is filled: it looks no further back than the fourth one
BORDERS = [HOUR * (24 * d + (d > 12) - (d > 20)) for d in range(LAST + 1)]  # of 25 and of 23 h


def middle(values: Sequence[float]) -> float | None:
    """Of just as many as are asked for."""
    return median(values) if len(values) == LATEST else None


class Past:
    """Energies by meter and hour, and local midnights; meter 5 is of E_IT itself."""

    def __init__(self, chance: random.Random) -> None:
        end = BORDERS[LAST] + chance.choice([23, 24, 25]) * HOUR
        self.midnights, self.day = [*BORDERS, end, end + DAY], (BORDERS[LAST], end)
        self.there = {
            (m, at): chance.choice([0.0, 1.0, 2.0, 3.0, 5.0]) * 3600
            for m, at in product((IT_LOAD, 2, 5, 7), range(0, end, HOUR))
            if chance.random() < 0.6 or (m == 7 and at >= BORDERS[LAST])
        }

    def read(self, places: Sequence[int], lo: int, hi: int) -> Hours:
        rows = [(*key, energy) for key, energy in sorted(self.there.items())]
        mine = [row for row in rows if row[0] in places and lo <= row[1] < hi]
        meter, start, energy = zip(*mine, strict=True) if mine else ((), (), ())
        return Hours(np.array(meter, np.int64), np.array(start, np.int64), np.array(energy))

    def days(self, lo: int, hi: int) -> list[int]:
        begin = max(i for i, at in enumerate(self.midnights) if at <= max(lo, 0))
        return [at for at in self.midnights[begin:] if at <= hi + DAY]

    def load(self, m: int, at: int) -> float | None:
        return 1.0 if m == 5 else self.there.get((IT_LOAD, at))

    def filled(self, m: int, at: int) -> list[float] | None:
        """Meter, hour, power and days of a fill, day by day."""
        hour = min((at - BORDERS[LAST]) // HOUR, 23)
        usual: dict[int, tuple[float, float]] = {}
        for begin, end in reversed(list(pairwise(BORDERS[LAST - LOOKED_AT :]))):
            key = begin + hour * HOUR
            own, load = self.there.get((m, key)), self.load(m, key)
            if key < end and own is not None and load is not None and len(usual) < LATEST:
                usual[begin] = own, load
        own, load = (middle([pair[i] for pair in usual.values()]) for i in (0, 1))
        now = self.load(m, at)
        if own is None or not load or now is None:
            return None
        return [m, at, own / 3600 * now / load, *sorted(usual)]


@pytest.mark.parametrize("seed", range(6))
def test_an_hour_is_filled_as_on_the_latest_days(seed: int) -> None:
    """Of two meters some hours lack, of the third one none."""
    past = Past(random.Random(seed))
    meters = (2, 5, 7)
    found = fills(past.read, past.days, np.array(meters), frozenset({5}), past.day)
    gone = [one for one in product(meters, range(*past.day, HOUR)) if one not in past.there]
    expected = [row for row in (past.filled(*one) for one in gone) if row is not None]
    rows = zip(found.meter, found.start, found.power, found.days.tolist(), strict=True)
    np.testing.assert_allclose([[m, at, p, *of] for m, at, p, of in rows], expected)
    assert {row[0] for row in expected} == {2, 5}
