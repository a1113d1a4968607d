"""What hours are filled with, and where in them, beside what says so hour by hour."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product
from statistics import median

import numpy as np
import pytest

from greendc.core.accounts import Book
from greendc.core.facility import DAY, HOUR, MINUTE, SECOND
from greendc.core.final_days import IT_LOAD, Hours
from greendc.core.profile import LATEST, LOOKED_AT, Fills, filled, fills, profile
from greendc.core.segments import Segments
from greendc.core.site import meters_and_books
from tests.core.kit import METERS, site


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
    """What is known of meters 1, 3 and 4 in eight hours: stretches up to some hours, and gaps."""
    out: list[Piece] = []
    for m in (1, 3, 4):
        at = chance.randrange(8)
        while at < 32:
            end = min(at + chance.choice([1, 1, 2, 6, 11]), 32)
            out.append((m, at, end, 1.0, False))
            at = end + chance.choice([0, 1, 2, 4, 9])
    return out


def lacking(found: Sequence[Piece], hours: dict[tuple[int, int], float]) -> list[Piece]:
    """What some hours lack, in stretches."""
    there = {(m, at) for m, first, last, *_ in found for at in range(first, last)}
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
    days = np.zeros((len(asked), LATEST), np.int64)
    days[:, -1] = at // 3
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
    told = [[g.meter, g.start // QUARTER, g.end // QUARTER, g.days[-1]] for g in gaps]
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


@pytest.mark.parametrize(
    ("first", "load", "hours"), [(3, 9.0, {2, 5}), (2, 9.0, set()), (3, 0.0, {5})]
)
def test_days_are_looked_for_in_four_weeks(first: int, load: float, hours: set[int]) -> None:
    """Six of the latest days, and one on the first of these weeks or before; IT may rest."""
    past = Past(random.Random(1))
    begins = [BORDERS[day] for day in (first, *range(25, LAST))]
    past.there = dict.fromkeys(product((2, 5), begins), 3600.0)
    past.there |= {(IT_LOAD, at): load for at in [*begins, BORDERS[LAST]]}
    found = fills(past.read, past.days, np.array([2, 5]), frozenset({5}), past.day)
    assert set(found.meter.tolist()) == hours
    assert set(found.start.tolist()) == ({BORDERS[LAST]} if hours else set())


def asking(*names: str) -> tuple[Book, ...]:
    """A site some of whose meters ask for it."""
    meters = tuple(replace(m, fill="profile" if m.id in names else None) for m in METERS)
    return meters_and_books(site(meters))[1]


def test_a_day_is_final_by_full_hours() -> None:
    """Midnights are at half past eleven UTC, and three hours later days are final."""

    def days(lo: int, hi: int) -> list[int]:
        return [d * DAY - 30 * MINUTE for d in range(lo // DAY, hi // DAY + 2)]

    found = profile(asking("pump"), Past(random.Random(1)).read, days, 3 * HOUR)
    assert found is not None
    assert found.meters.tolist() == [2]
    sixth, seventh, due = (5 * DAY, 6 * DAY), (6 * DAY, 7 * DAY), 6 * DAY + 3 * HOUR
    assert found.at(sixth) == due
    assert found.final(due - 1, due) == [sixth]
    assert found.final(due, due + DAY - 1) == []
    assert found.final(due - 1, due + DAY) == [sixth, seventh]
    assert found.final(due, due) == found.final(due + 1, due) == []
    assert profile(asking(), Past(random.Random(1)).read, days, 3 * HOUR) is None


def test_e_it_is_made_of_meters_that_need_no_ratio() -> None:
    """The first one is of E_IT, the pump is not; of both seven days are known, of E_IT none."""
    past = Past(random.Random(1))
    past.there = {(m, BORDERS[day]): 7200.0 for m, day in product((0, 2), range(24, LAST))}
    found = profile(asking("it_a", "pump"), past.read, past.days, 0)
    assert found is not None
    told = found.of(past.day)
    assert (told.meter.tolist(), told.power.tolist()) == ([0], [2.0])
