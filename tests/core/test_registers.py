"""Registers by their words and anchors: several at once, and the short way beside the long one."""

import random
from dataclasses import replace

import numpy as np
import pytest

from greendc.core import register
from greendc.core.counting import LATER
from greendc.core.energy import segments
from greendc.core.facility import EVER, MINUTE, SECOND, IntArray, Kind, Meter, Replacement
from greendc.core.register import (
    Steps,
    may_have_lapped,
    plain_steps,
    register_steps,
    unconfirmed,
)
from greendc.core.rules import Rules
from greendc.core.words import FloatArray, Word
from tests.core.kit import meter

COUNTER = replace(meter("r", Kind.REGISTER), step=1.0)
BRIDGE = 5 * MINUTE
Rows = list[tuple[int, float, float]]  # meter, minute, what is shown


def columns(rows: Rows) -> tuple[IntArray, IntArray, FloatArray]:
    number, minute, value = np.array(rows, np.float64).reshape(-1, 3).T
    return number.astype(np.int64), (minute * MINUTE).astype(np.int64), value.copy()


def walked(meters: tuple[Meter, ...], rows: Rows, bridge: int = EVER) -> Steps:
    return register_steps(meters, np.full(len(meters), bridge), *columns(rows))


def words(steps: Steps) -> str:
    return " ".join(Word(word).label for word in steps.word)


def test_each_of_several_registers_counts_from_its_own_readings() -> None:
    """The first and the last simply count on, but for a silence; the second has to be walked."""
    rows: Rows = [
        (0, 0, 10), (0, 1, 12), (0, 10, 20), (0, 11, 22), (0, 20, 21), (0, 30, 3), (0, 31, 4),
        (1, 0, 1), (1, 1, 2), (1, 2, -5), (1, 3, 4),
        (2, 0, 0.5), (2, 1, 1.5), (2, 10, 1.5),
    ]  # fmt: skip
    found = walked((COUNTER,) * 3, rows, BRIDGE)
    assert words(found) == (
        "began used began used began reset used began used out_of_range used began used began"
    )
    assert found.anchor.tolist() == [0, 0, 2, 2, 4, 5, 5, 7, 7, -1, 8, 11, 11, 13]
    assert found.energy.tolist() == [0, 2, 0, 2, 0, 0, 1, 0, 1, 0, 2, 0, 1, 0]


def test_no_energy_is_known_of_a_silence_that_a_register_does_not_count_across() -> None:
    rows: Rows = [(0, 0, 10), (0, 1, 12), (0, 10, 20), (0, 11, 22)]
    found = segments(Rules.of((COUNTER,), BRIDGE), *columns(rows))
    assert (found.start // MINUTE).tolist() == [0, 10]
    assert (found.end // MINUTE).tolist() == [1, 11]


def life(chance: random.Random) -> tuple[Meter, Rows]:
    """What a register with some rules shows in half an hour."""
    at = chance.randrange(3, 20) * MINUTE + chance.choice([0, 30 * SECOND])
    one = replace(
        COUNTER,
        rating=chance.choice([None, None, 0.1, 2.0, 50.0]),
        modulus=chance.choice([0.0, 100.0, 1000.0]),
        step=chance.choice([0.0, 1.0]),
        range_=chance.choice([(0.0, np.inf), (10.0, 5000.0)]),
        factors=chance.choice([(), ((-EVER, 1.0), (at, chance.choice([20.0, 0.5, -2.0, 0.0])))]),
        replaced=chance.choice([(), (), (Replacement(at, 130.0, chance.choice([0.0, 135.0])),)]),
    )
    value, pace, odd = chance.choice([0.0, 40.0, 950.0]), 1.0, chance.choice([0.0, 0.1])
    rows: Rows = []
    for minute in range(30):
        pace = chance.choice([pace, pace, pace, 0.0, 3.0, 30.0])
        value += pace
        if chance.random() < odd:
            value = chance.choice([value - 1, value - 5, value + 500, 0.0])
        if one.modulus and chance.random() < 0.9:
            value %= one.modulus
        if chance.random() < 0.8:
            rows.append((0, minute, value))
    return one, rows


def test_the_short_way_gives_what_the_long_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    short = 0
    for seed in range(200):
        one, rows = life(random.Random(seed))
        bridge = EVER if seed % 2 else BRIDGE
        with monkeypatch.context() as patch:
            found = walked((one,), rows, bridge)
            short += bool(plain_steps((one,), np.array([bridge]), *columns(rows)).all())
            patch.setattr(register, "plain_steps", lambda *columns: np.zeros(len(columns[3]), bool))
            wanted = walked((one,), rows, bridge)
        assert words(found) == words(wanted), (seed, one, rows)
        assert found.anchor.tolist() == wanted.anchor.tolist(), (seed, one, rows)
        assert found.energy.tolist() == wanted.energy.tolist(), (seed, one, rows)
    assert short > 20


def test_most_registers_go_the_short_way() -> None:
    """At a rating of 1 W, an hour of silence, a dip of no more than nothing, a multiplied count."""
    rows: Rows = [(0, 0, 0), (0, 1, 72), (0, 2, 72), (0, 3, 73), (0, 120, 80), (0, 121, 80)]
    factors = ((-EVER, 1.0), (90 * MINUTE, 4.0))
    one = replace(COUNTER, step=0.0, rating=1.0, modulus=1e6, range_=(0.0, 80.0), factors=factors)
    assert plain_steps((one,), np.array([EVER]), *columns(rows)).all()
    for place, value in ((0, -1.0), (1, 72.1), (2, 71.9), (5, 80.1)):
        odd = [(0, at, value if i == place else shown) for i, (_, at, shown) in enumerate(rows)]
        told = plain_steps((one,), np.array([EVER]), *columns(odd))
        assert np.flatnonzero(~told)[0] == place


@pytest.mark.parametrize("factor", [4.0, 0.25, -4.0, -0.25])
def test_across_a_change_of_factor_a_register_may_count_what_the_lesser_one_allows(
    factor: float,
) -> None:
    """1 kW in all: for 100 s counted as it is, and for 10 s divided by the later factor."""
    factors = ((-EVER, 1.0), (100 * SECOND, factor))
    one = replace(COUNTER, rating=1e3, factors=factors)
    shown = 5000 + 100 * 1000 + 10 * 1000 / abs(factor)
    rows: Rows = [(0, -1, -5), (0, 0, 5000), (0, 110 / 60, shown)]
    assert words(walked((one,), rows)) == "out_of_range began used"
    fast: Rows = [(0, 1.75, 5000), (0, 2.75, 5000 + 90e3 / abs(factor))]
    assert words(walked((one,), fast)) == "began implausible"


@pytest.mark.parametrize(("first", "later"), [(1.0, 4.0), (4.0, 1.0), (-1.0, 4.0), (4.0, -1.0)])
def test_the_short_way_knows_the_lesser_factor(first: float, later: float) -> None:
    """At 1 W it counts 72 J in a minute, or 18 J where it is multiplied by 4, and a step."""
    factors = ((-EVER, first), (90 * SECOND, later))
    one = replace(COUNTER, rating=1.0, factors=factors)
    most = [73.0 if abs(factor) == 1 else 19.0 for factor in (first, 1.0, later)]
    rows: Rows = [(1, minute, shown) for minute, shown in enumerate(np.cumsum([0.0, *most]))]
    beside: Rows = [(0, 0, 5.0), (0, 9, 1e9), (2, 0, 7.0)]
    for more in (0.0, 0.5):
        shown = sorted([*beside, *rows[:-1], (1, 3, rows[-1][2] + more)])
        plain = plain_steps((COUNTER, one, COUNTER), np.full(3, EVER), *columns(shown))
        assert plain.tolist() == [True] * 5 + [not more, True]


def test_the_short_way_goes_round_no_further_than_the_next_reading_speaks_for() -> None:
    """100 J, or 1000 J more, in two minutes: twice the pace up to the next reading is enough."""
    one = replace(COUNTER, modulus=1000.0)
    for pace, far in ((274.0, True), (275.0, False)):
        rows: Rows = [(0, 0, 0), (0, 2, 100), (0, 3, 100 + pace), (1, 0, 9000), (1, 1, 9001)]
        plain = plain_steps((one, one), np.full(2, EVER), *columns(rows))
        assert plain.tolist() == [True, far, True, True, True]


def test_one_that_may_have_gone_round_once_more_begins_to_count_anew() -> None:
    one = replace(COUNTER, modulus=1000.0)
    found = walked((one,), [(0, 0, 0), (0, 10, 100), (0, 11, 200), (0, 12, 300)])
    assert words(found) == "began lapped used used"
    assert found.anchor.tolist() == [0, 1, 1, 2]
    assert found.energy.tolist() == [0, 0, 100, 100]


def test_what_a_reset_shows_counts_however_fast_the_register_goes_on() -> None:
    """At 10^15 J a minute 5 J take less than a nanosecond."""
    rows: Rows = [(0, 0, 1e18), (0, 1, 5), (0, 2, 1e15)]
    assert words(walked((COUNTER,), rows)) == "began reset used"
    found = segments(Rules.of((COUNTER,)), *columns(rows))
    assert found.energy.tolist() == [5, 1e15 - 5]


Told = list[tuple[float, float, float, float, bool]]  # start, end [s], power, energy, distributed


def told(meters: tuple[Meter, ...], rows: Rows, number: int = 0) -> Told:
    """What the readings of one of the meters say of the time between them."""
    found = segments(Rules.of(meters), *columns(rows))
    found = found.where(found.meter == number)
    assert found.power.tolist() == found.power_end.tolist()
    assert not found.estimated.any()
    times = (found.start / SECOND).tolist(), (found.end / SECOND).tolist()
    amounts = found.power.tolist(), found.energy.tolist(), found.distributed.tolist()
    return list(zip(*times, *amounts, strict=True))


FALLEN = {0: 5000.0, 1: 5001.0}


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        # over more than `max_gap`, three minutes, the shape is not known
        (
            {0: 100, 1: 106, 4: 124, 8: 148},
            [(0, 60, 0.1, 6, False), (60, 240, 0.1, 18, False), (240, 480, 0.1, 24, True)],
        ),
        # a reset has begun as long ago as it took at the pace after it
        ({**FALLEN, 2: 3, 3: 9}, [(90, 120, 0.1, 3, True), (120, 180, 0.1, 6, False)]),
        # … and not before the reading before it
        ({**FALLEN, 2: 9, 3: 12}, [(60, 120, 0.15, 9, True), (120, 180, 0.05, 3, False)]),
        # … or in one interval, if nothing goes on from it: 150 is no count, and 2.9 a dip
        ({**FALLEN, 2: 3, 3: 150, 4: 2.9}, [(80, 120, 0.075, 3, True)]),
        # one that shows 0 has counted nothing yet
        ({**FALLEN, 2: 0, 3: 3}, [(120, 180, 0.05, 3, False)]),
    ],
)
def test_what_a_register_has_counted_lies_where_it_can_have_been(
    shown: dict[int, float], expected: Told
) -> None:
    one = replace(COUNTER, nominal=40 * SECOND)
    rows: Rows = [(1, minute, value) for minute, value in shown.items()]
    beside: Rows = [(0, 0, 7.0), (0, 1, 7.5), (2, 0, 8.0), (2, 9, 9.0)]
    found = told((COUNTER, one, COUNTER), sorted([*rows, *beside]), 1)
    assert found[-len(expected) :] == expected
    assert len(found) == len(expected) + (5001 in shown.values())


CHANGES = (-EVER, 1.0), (90 * SECOND, 4.0), (100 * SECOND, -2.0), (240 * SECOND, 8.0)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({0: 0, 1: 60}, [(0, 60, 1, 60, False)]),
        (
            {1: 0, 2: 60},
            [(60, 90, 1, 30, False), (90, 100, 4, 40, False), (100, 120, -2, -40, False)],
        ),
        # nobody knows how much of it was counted before the change
        ({1: 0, 5: 60, 6: 120}, [(300, 360, 8, 480, False)]),
        # a change at a reading is none in between
        ({2: 0, 4: 120, 5: 180}, [(120, 240, -2, -240, False), (240, 300, 8, 480, False)]),
        ({6: 0, 60: 3240}, [(360, 3600, 8, 25920, True)]),
    ],
)
def test_what_is_counted_is_multiplied_by_the_factors_of_its_time(
    shown: dict[int, float], expected: Told
) -> None:
    one = replace(COUNTER, factors=CHANGES)
    rows: Rows = [(1, minute, value) for minute, value in shown.items()]
    other: Rows = [(0, 0, 5.0), (0, 1, 65.0), (0, 9, 545.0)]
    beside = [(0.0, 60.0, 1.0, 60.0, False), (60.0, 540.0, 1.0, 480.0, True)]
    assert told((COUNTER, one), [*other, *rows], 1) == expected
    assert told((COUNTER, one), [*other, *rows], 0) == beside


@pytest.mark.parametrize(
    ("final", "expected"), [(12.0, "began used replaced used"), (9.5, "began used {0} {0}")]
)
def test_an_exchange_has_its_word_where_the_readings_fit_it(final: float, expected: str) -> None:
    one = replace(COUNTER, replaced=(Replacement(90 * SECOND, final, 500.0),))
    rows: Rows = [(0, 0, 10), (0, 1, 11), (0, 2, 501), (0, 3, 502)]
    assert words(walked((one,), rows)) == expected.format("implausible")


@pytest.mark.parametrize("odd", [[], [(0, -1, -5)]])
def test_a_silence_of_just_the_longest_is_counted_across(odd: Rows) -> None:
    """The short way and, where one is out of range, the long one."""
    found = walked(
        (COUNTER,), [*odd, (0, 0, 100), (0, 5, 102), (0, 11, 101), (0, 17, 99.9)], BRIDGE
    )
    assert words(found).removeprefix("out_of_range ") == "began used began reset"
    assert found.energy.tolist()[len(odd) :] == [0, 2, 0, 0]


def test_the_first_reading_after_each_exchange_is_looked_at() -> None:
    """One between readings, one behind them all; of the others none is exchanged."""
    gone = Replacement(90 * SECOND, 2.0, 2.0), Replacement(9 * MINUTE, 9.0, 9.0)
    meters = COUNTER, replace(COUNTER, replaced=gone), COUNTER
    rows: Rows = [(m, minute, minute) for m in range(3) for minute in range(4)]
    plain = plain_steps(meters, np.full(3, EVER), *columns(rows))
    assert np.flatnonzero(~plain).tolist() == [6]


def waiting(rows: Rows, *meters: Meter) -> tuple[list[int], list[int]]:
    """Places that wait for what follows: that rose, and whose registers may have gone round."""
    read, steps = columns(rows), walked(meters, rows)
    risen = unconfirmed(meters, *read, steps)
    return sorted(risen.tolist()), may_have_lapped(meters, *read[:2], steps).tolist()


def each_minute(*values: float) -> Rows:
    return [(0, 7 + minute, value) for minute, value in enumerate(values)]


@pytest.mark.parametrize(
    ("step", "rows", "expected"),
    [
        pytest.param(1, each_minute(100, 102), [1], id="over a step"),
        pytest.param(1, each_minute(100, 101), [], id="a step"),
        pytest.param(1, each_minute(4994.5, 5000), [1], id="over a thousandth"),
        pytest.param(1, each_minute(4995, 5000), [], id="a thousandth"),
        pytest.param(1, each_minute(100, 150, -5), [1], id="behind it nothing in range"),
        pytest.param(1, each_minute(100, 200, *[200] * (LATER - 1)), [1], id="wild, and stands"),
        pytest.param(1, each_minute(100, 200, *[200] * LATER), [], id="wild, and stands long"),
        pytest.param(1, each_minute(100, 200, -5, 200), [1], id="wild, beside nonsense"),
        pytest.param(1, each_minute(100, 105, 105), [], id="not wild"),
        pytest.param(1, [(0, 7, 100), (0, 9, 121), (0, 10, 122)], [], id="in two minutes"),
        pytest.param(1, [(0, 7, 100), (0, 9, 121.5), (0, 10, 122.5)], [1], id="wild in two"),
    ],
)
def test_rises_that_later_readings_may_speak_against(
    step: float, rows: Rows, expected: list[int]
) -> None:
    one = replace(COUNTER, step=step)
    assert waiting(rows, one)[0] == expected
    assert waiting(rows, replace(one, rating=1e6))[0] == []
    beside = [*rows, *[(1, minute, shown) for _, minute, shown in rows]]
    assert waiting(beside, one, one)[0] == expected + [len(rows) + place for place in expected]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(each_minute(0, 441), [1], id="as its rating allows"),
        pytest.param(each_minute(0, 441.5), [], id="over it"),
        pytest.param(each_minute(0, 441, -5), [1], id="behind it nothing in range"),
        pytest.param(each_minute(0, 441, 440.5), [], id="a dip at the end"),
        pytest.param(each_minute(5), [], id="begun"),
    ],
)
def test_registers_that_may_have_gone_round_once_more(rows: Rows, expected: list[int]) -> None:
    """At 20 W, in all or where it is multiplied by 4: 1440 J in a minute, and a step."""
    one = replace(COUNTER, modulus=1000.0, rating=20.0)
    factored = replace(one, rating=80.0, factors=((-EVER, 4.0),))
    for meter_ in one, factored:
        assert waiting(rows, meter_)[1] == expected
        beside = [*rows, *[(1, minute, shown) for _, minute, shown in rows]]
        both = waiting(beside, meter_, meter_)[1]
        assert both == expected + [len(rows) + place for place in expected]
    assert waiting(rows, replace(one, modulus=0.0, rating=None))[1] == []


@pytest.mark.parametrize(
    ("minutes", "shown", "expected"),
    [
        pytest.param((1, 3, 4), (3.5, 5, 6), "implausible implausible implausible", id="at once"),
        pytest.param((1, 3, 4), (3.5, 3.5, 4), "implausible implausible implausible", id="stands"),
        pytest.param((1, 2, 3), (50, 2, 3), "implausible reset used", id="falls once more"),
        pytest.param((1, 2, 3), (3, 4, 5), "reset used used", id="no more than it can"),
    ],
)
def test_a_reset_has_begun_where_it_fell(
    minutes: tuple[int, ...], shown: tuple[float, ...], expected: str
) -> None:
    """At 1/36 W it counts 2 J in a minute, and a step: 3.5 J are too much whatever follows."""
    rows = [(0, minute, value) for minute, value in zip(minutes, shown, strict=True)]
    found = walked((replace(COUNTER, rating=1 / 36),), [(0, 0, 100.0), *rows])
    assert words(found) == f"began {expected}"


@pytest.mark.parametrize(("at", "expected"), [(60, "replaced used"), (61, "used replaced")])
def test_a_reading_at_the_time_of_an_exchange_is_of_the_new_one(at: int, expected: str) -> None:
    one = replace(COUNTER, rating=1.0, replaced=(Replacement(at * SECOND, 11.0, 11.0),))
    found = walked((one,), [(0, 0, 10), (0, 1, 11), (0, 2, 12)])
    assert (words(found), found.energy.tolist()) == (f"began {expected}", [0, 1, 1])
