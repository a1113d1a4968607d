"""Energy from readings: published examples, conservation, registers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.core import integrals
from greendc.core.counting import Upcoming, register_delta
from greendc.core.energy import Segments, segments
from greendc.core.facility import EVER, HOUR, SECOND, Kind, Meter, Replacement
from greendc.core.integrals import Windows, common_time, integrate
from greendc.core.register import register_steps
from greendc.core.rules import Rules
from greendc.core.words import Word

MINUTE = 60 * SECOND
WH = 3600.0


def meter(kind: Kind, nominal: int = MINUTE, **more: object) -> Meter:
    reach = {"max_gap": 3 * nominal, "silent_after": 3 * nominal} | more
    return Meter("m", "it_in", "power", kind, nominal, **reach)  # type: ignore[arg-type]


def energies(
    one: Meter, readings: list[tuple[float, float]], lo: float, hi: float, grid: float
) -> tuple[list[float], list[float]]:
    """Energy [J] and known time [s] of each cell, times given in seconds."""
    time = np.array([round(t * SECOND) for t, _ in readings], np.int64)
    value = np.array([v for _, v in readings])
    found = segments(Rules.of((one,)), np.zeros(len(time), np.int64), time, value)
    windows = Windows.cells(round(lo * SECOND), round(hi * SECOND), round(grid * SECOND))
    energy, known, *_ = integrate(found, windows, 1)
    return energy[0].tolist(), (known[0] / SECOND).tolist()


SAMPLES = [(0.0, 100.0), (60.0, 160.0), (120.0, 180.0), (300.0, 120.0)]


def test_e_6_1_trapezoid_and_hold() -> None:
    (trapezoid,), _ = energies(meter(Kind.INSTANT, max_gap=180 * SECOND), SAMPLES, 0, 300, 300)
    assert trapezoid / WH == pytest.approx(12.5, rel=1e-9)
    (hold,), _ = energies(meter(Kind.MEAN_NEXT, 180 * SECOND), SAMPLES, 0, 300, 300)
    assert hold / WH == pytest.approx(13.33333333, rel=1e-9)


def test_f_6_3_an_interval_cut_by_a_border_is_split_on_the_line_of_power() -> None:
    halves, _ = energies(meter(Kind.INSTANT), [(0, 100), (60, 160)], 0, 60, 30)
    assert halves == [3450.0, 4350.0]


def test_a_register_is_split_on_the_line_of_energy() -> None:
    cells, known = energies(meter(Kind.REGISTER), [(0, 1000.0), (120, 1600.0)], 0, 120, 30)
    assert cells == [150.0] * 4
    assert known == [30.0] * 4


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (Kind.INSTANT, [0.0, 0.0]),  # A1: 50 minutes of silence hold nothing
        (Kind.MEAN_NEXT, [60.0, 60.0]),  # the last value counts in full
        (Kind.MEAN_PREV, [120.0, 0.0]),  # so does the first, backwards
        (Kind.ON_CHANGE, [180.0, 180.0]),
    ],
)
def test_silence_is_missing_not_zero(kind: Kind, known: list[float]) -> None:
    _, found = energies(meter(kind), [(60, 80), (3000, 2400)], 0, 6000, 3000)
    assert found == known


def test_a_mean_is_held_until_the_next_reading_at_most_for_its_interval() -> None:
    cells, known = energies(meter(Kind.MEAN_NEXT), [(0, 10), (30, 20), (200, 30)], 0, 300, 100)
    assert cells == [10 * 30 + 20 * 60, 0.0, 30 * 60]
    assert known == [90.0, 0.0, 60.0]


def test_constant_power_repeated_for_a_day_is_its_energy() -> None:
    readings = [(float(t), 33.5) for t in range(0, 86401, 600)]
    (day,), (known,) = energies(meter(Kind.ON_CHANGE, 600 * SECOND), readings, 0, 86400, 86400)
    assert day / 3.6e6 == pytest.approx(0.804, rel=1e-12)  # A2
    assert known == 86400


# -- registers ----------------------------------------------------------------------------------


def counter(**more: object) -> Meter:
    return Meter("r", "util", "energy", Kind.REGISTER, MINUTE, MINUTE, MINUTE, **more)  # type: ignore[arg-type]


def test_e_6_2_a_32_bit_register_rolls_over() -> None:
    one = counter(modulus=2.0**32, rating=1e6, step=1.0)
    assert register_delta(one, 4294967196.0, 150.0, HOUR, None) == 250.0


def test_e_6_3_a_five_digit_display_rolls_over() -> None:
    one = counter(modulus=100_000.0, rating=1.0, step=0.1)
    assert register_delta(one, 99998.7, 12.3, HOUR, None) == pytest.approx(13.6, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "expected", "words"),
    [
        # A3: a dip is no reset
        ([215.6, 215.7, 215.6, 215.6], [0.1, 0.0, 0.0], ["began", "used", "dip", "dip"]),
        # A4: a reset adds what it has counted since
        ([12.0, 0.0, 0.5], [0.0, 0.5], ["began", "reset", "used"]),
        ([1400.0, 1400.0], [0.0], ["began", "used"]),  # A5
        # A6: nonsense is left out
        ([100.0, -3461.0, 101.0], [0.0, 1.0], ["began", "out_of_range", "used"]),
        # faster than the rating allows
        ([10.0, 1e12, 11.0], [0.0, 1.0], ["began", "implausible", "used"]),
    ],
)
def test_registers_tell_dip_reset_and_nonsense_apart(
    values: list[float], expected: list[float], words: list[str]
) -> None:
    one = counter(rating=1000.0, step=0.1)
    time = np.arange(len(values), dtype=np.int64) * HOUR
    place = np.zeros(len(values), np.int64)
    found = register_steps((one,), np.array([EVER]), place, time, np.array(values))
    assert found.energy[1:].tolist() == pytest.approx(expected, abs=1e-9)
    assert not found.energy[found.anchor < 0].any()
    assert [Word(word).label for word in found.word] == words


# -- laws ---------------------------------------------------------------------------------------

times = st.lists(st.integers(0, 4000), min_size=2, max_size=30, unique=True).map(sorted)


@pytest.mark.parametrize("portion", [1, 2, 7, 30])
def test_portions_of_segments_leave_no_trace(portion: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count, random = 40, np.random.default_rng(7)
    number = np.sort(random.choice([0, 1, 2, 5], count))  # of meters 3 and 4 nothing is known
    begin = np.sort(random.integers(0, 10 * MINUTE, count))
    power = random.random((3, count))
    marks = random.random((2, count)) < 0.3
    found = Segments(number, begin, begin + random.integers(1, 3 * MINUTE, count), *power, *marks)
    windows = Windows.cells(0, 14 * MINUTE, MINUTE)
    whole = integrate(found, windows, 7)
    monkeypatch.setattr(integrals, "AT_ONCE", portion)
    assert [c.tobytes() for c in integrate(found, windows, 7)] == [c.tobytes() for c in whole]
    assert not whole[0][[3, 4, 6]].any()


@given(times, st.data(), st.sampled_from([7, 60, 450]))
def test_the_sum_of_cells_is_the_energy_of_the_span(
    when: list[int], data: st.DataObject, grid: int
) -> None:
    kind = data.draw(st.sampled_from(list(Kind)))
    power = data.draw(st.lists(st.floats(-1e6, 1e6), min_size=len(when), max_size=len(when)))
    readings = [(float(t), p) for t, p in zip(when, power, strict=True)]
    span = (-grid * 20, grid * -(-8000 // grid))
    one = meter(kind)
    cells, known = energies(one, readings, *span, grid)
    (whole,), (all_known,) = energies(one, readings, *span, span[1] - span[0])
    scale = sum(abs(c) for c in cells) + 1.0
    assert sum(cells) == pytest.approx(whole, abs=1e-12 * scale)
    assert sum(round(seconds * SECOND) for seconds in known) == round(all_known * SECOND)  # [ns]


@given(times, st.data())
def test_the_integral_of_a_piecewise_linear_power_is_its_register(
    when: list[int], data: st.DataObject
) -> None:
    power = data.draw(st.lists(st.floats(0, 1e6), min_size=len(when), max_size=len(when)))
    steps = [
        (b - a) * (p + q) / 2 for a, b, p, q in zip(when, when[1:], power, power[1:], strict=False)
    ]
    register = np.concatenate([[0.0], np.cumsum(steps)])
    wide = {"max_gap": 5000 * SECOND}
    (integral,), _ = energies(
        meter(Kind.INSTANT, **wide), list(zip(map(float, when), power, strict=True)), 0, 4200, 4200
    )
    (counted,), _ = energies(
        meter(Kind.REGISTER, **wide),
        list(zip(map(float, when), register.tolist(), strict=True)),
        0,
        4200,
        4200,
    )
    assert counted == pytest.approx(integral, rel=1e-12, abs=1e-9)


spans = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30)), max_size=5)


@given(st.lists(spans, min_size=1, max_size=4))
def test_common_time_is_the_intersection(holes: list[list[tuple[int, int]]]) -> None:
    """Against a second-by-second count: seconds 0 to 120, each meter knows all but its holes."""
    parts, sets = [], []
    for number, gaps in enumerate(holes):
        known = sorted(set(range(120)) - {s for a, n in gaps for s in range(a, a + n)})
        sets.append(set(known))
        parts += [(number, s, s + 1) for s in known]
    columns = np.array(parts, np.int64).reshape(-1, 3)
    ones = np.ones(len(columns))
    found = Segments(
        columns[:, 0], columns[:, 1], columns[:, 2], ones, ones, ones, ones < 0, ones < 0
    )
    both = common_time(found, len(holes), 0, 120, 40)
    counted = set()
    for start, end, label in zip(both.start, both.end, both.label, strict=True):
        assert start // 40 == (end - 1) // 40 == label
        counted |= set(range(start, end))
    assert counted == set.intersection(*sets)
    cut = both.label[1:] != both.label[:-1]
    assert (cut | (both.start[1:] > both.end[:-1])).all()  # each is as long as it can be


@pytest.mark.parametrize("rating", [None, 1e9])
@pytest.mark.parametrize(("upcoming", "counted"), [(None, None), (3.0, None), (6.0, 5.0)])
def test_a_reset_is_believed_once_the_count_goes_on(
    rating: float | None, upcoming: float | None, counted: float | None
) -> None:
    after = upcoming and Upcoming(upcoming, 60)
    assert register_delta(counter(rating=rating), 1000.0, 5.0, 60, after or None) == counted


@pytest.mark.parametrize("rating", [None, 1.0])
@pytest.mark.parametrize(
    ("values", "expected", "words"),
    [
        # A6: zero once is no reset: the count goes on from where it was
        ([5010.0, 5011.0, 0.0, 5012.0, 5013.0], 3.0, "began used implausible used used"),
        ([5010.0, 5011.0, 0.0, 0.0, 5012.0], 2.0, "began used implausible implausible used"),
        # A3: a step back that nobody has declared
        ([215.6, 215.7, 215.6, 215.6, 215.7, 215.8], 0.2, "began used dip dip used used"),
        # A4: an exchange is only ever declared
        ([1199.0, 1200.0, 300.0, 300.1, 300.2], 1.0, "began used {0} {0} {0}"),
        ([1199.0, 1200.0, *(300 + 0.1 * i for i in range(900))], 1.0, "began used" + " {0}" * 900),
        # A4: it begins again
        ([11.0, 12.0, 0.0, 0.5, 1.0], 2.0, "began used reset used used"),
        ([11.0, 12.0, 0.3, 0.4, 0.5], 1.5, "began used reset used used"),
        ([11.0, 12.0, 0.0, 0.0, 0.5], 1.5, "began used implausible reset used"),
        # A18: it stands still after that, and then counts
        ([11.0, 12.0, 0.1, 0.1, 0.2, 0.3], 1.3, "began used {0} reset used used"),
        ([11.0, 12.0, 0.2, 0.1, 0.1, 0.2], 1.2, "began used {0} {0} reset used"),
        ([11.0, 12.0, 0.1, 0.1, 13.0], 2.0, "began used {0} {0} used"),
    ],
)
def test_what_falls_has_begun_again_only_where_it_can_have_counted_that(
    rating: float | None, values: list[float], expected: float, words: str
) -> None:
    energy, told = stepped(counter(rating=rating), values)
    assert energy == pytest.approx(expected, abs=1e-9)
    assert told == words.format("implausible")


@pytest.mark.parametrize(
    ("values", "expected", "words"),
    [
        # A7: nothing but the modulus is declared
        ([4294967290.0, 5.0], 11.0, "began rollover"),
        ([4294967280.0, 4294967290.0, 5.0, 8.0], 24.0, "began used rollover used"),
        ([4294967290.0, 5.0, 5.0, 8.0], 14.0, "began rollover used used"),
        ([4294967290.0, 0.0, 0.0, 3.0], 9.0, "began implausible rollover used"),
        ([4.2e9, 9e7, 1.8e8], 274967296.0, "began rollover used"),  # far from it, by its pace
        # A6: back again, so it was nonsense
        ([4294967280.0, 0.0, 4294967285.0], 5.0, "began implausible used"),
        ([4294967280.0, 3.0, 4294967285.0], 5.0, "began implausible used"),
        # A4: it begins again far from its modulus, or has never heard of it
        ([5000.0, 5001.0, 0.0, 2.0], 3.0, "began used reset used"),
        ([5e9, 5e9 + 1, 0.0, 2.0], 3.0, "began used reset used"),
    ],
)
def test_a_register_without_a_rating_rolls_over_where_its_readings_say_so(
    values: list[float], expected: float, words: str
) -> None:
    assert stepped(counter(modulus=2.0**32), values) == (expected, words)


@pytest.mark.parametrize("rating", [None, 1000.0])
def test_what_lies_beyond_the_modulus_never_counts_backwards(rating: float | None) -> None:
    energy, _ = stepped(counter(modulus=1000.0, rating=rating), [1500.0, 1501.0, 0.0, 1.0])
    assert energy == 2.0


@pytest.mark.parametrize(
    ("values", "expected", "words"),
    [
        # A6: far above once
        ([100.0, 101.0, 1e9, 102.0, 103.0], 3.0, "began used implausible used used"),
        ([100.0, 101.0, 150.0, 101.0, 103.0], 3.0, "began used implausible used used"),
        ([100.0, 1e9, 102.0], 2.0, "began implausible used"),
        # the load has risen, and stays
        ([100.0, 101.0, 150.0, 199.0], 99.0, "began used used used"),
        ([100.0, 101.0, 150.0, 150.0], 50.0, "began used jump used"),
        # it begins again behind the rise
        ([100.0, 101.0, 150.0, 0.0, 40.0], 90.0, "began used jump reset used"),
        # A3: a digit back is no rise too far
        ([215.6, 215.7, 215.6, 215.6], 0.1, "began used dip dip"),
        ([5000.0, 4998.0, 4998.5, 5001.0], 1.0, "began dip dip used"),
        ([100.0, 101.0, 150.0, 149.9, 199.0], 99.0, "began used used dip used"),
    ],
)
def test_a_rise_is_believed_unless_the_next_reading_is_back_where_it_came_from(
    values: list[float], expected: float, words: str
) -> None:
    energy, told = stepped(counter(), values)
    assert energy == pytest.approx(expected, abs=1e-9)
    assert told == words


@pytest.mark.parametrize("shown", [0.8, 215.8, 12345.8, 19088.7])
def test_a_step_back_is_a_dip_whatever_its_digits_make_of_it(shown: float) -> None:
    back = shown - 0.1
    one = counter(step=0.1 * 3.6e6, rating=1e3)
    assert stepped(one, [back * 3.6e6, shown * 3.6e6, round(back, 1) * 3.6e6])[1][-3:] == "dip"


@pytest.mark.parametrize("before", [5000.0, 4998.0])  # a dip before the silence, or none
def test_a_fall_over_a_long_silence_is_a_reset_that_counts_nothing(before: float) -> None:
    time = np.array([0, 2, 60]) * SECOND
    value = np.array([before, 4998.0, 7.0])
    found = register_steps((counter(),), np.array([30 * SECOND]), np.zeros(3, int), time, value)
    assert (Word(found.word[2]), found.energy.sum()) == (Word.RESET, 0.0)


def stepped(one: Meter, values: list[float]) -> tuple[float, str]:
    """What readings two seconds apart count in all, and their words."""
    time = np.arange(len(values), dtype=np.int64) * 2 * SECOND
    place = np.zeros(len(values), np.int64)
    found = register_steps((one,), np.array([EVER]), place, time, np.array(values))
    return float(found.energy.sum()), " ".join(Word(word).label for word in found.word)


@pytest.mark.parametrize(
    ("exchanges", "values", "counted"),
    [
        ([(15, 12.0, 500.0)], [10.0, 11.0, 500.0, 503.0], [0, 1, 1, 3]),
        ([(20, 12.0, 500.0)], [10.0, 11.0, 501.0, 503.0], [0, 1, 2, 2]),  # `at` is the new one's
        ([(15, 12.0, 500.0), (18, 501.0, 0.0)], [10.0, 11.0, 4.0, 5.0], [0, 1, 6, 1]),
        ([(15, 10.5, 500.0)], [10.0, 11.0, 501.0, 503.0], [0, 1, 0, 0]),  # less than it had shown
        ([(15, 10.99, 500.0)], [10.0, 11.0, 501.0, 503.0], [0, 1, 1, 2]),  # by jitter
        ([(25, 12.0, 500.0)], [10.0, 11.0, 12.0, 503.0], [0, 1, 1, 3]),
        ([(5, 11.0, 10.0)], [10.0, 11.0, 12.0, 13.0], [0, 2, 1, 1]),
        ([(15, 12.0, 0.0)], [10.0, 11.0, 1e9, 1.0], [0, 1, 0, 2]),  # beyond the rating
        ([(90, 12.0, 0.0)], [10.0, 11.0, 12.0, 13.0], [0, 1, 1, 1]),
    ],
)
def test_registers_that_are_exchanged_both_count(
    exchanges: list[tuple[int, float, float]], values: list[float], counted: list[float]
) -> None:
    replaced = tuple(Replacement(at * SECOND, old, new) for at, old, new in exchanges)
    one = Meter("m", "util", "energy", Kind.REGISTER, 60, 60, 60, rating=1e3, replaced=replaced)
    time = np.array([0, 10, 20, 30]) * SECOND
    place = np.zeros(4, np.int64)
    found = register_steps((one,), np.array([EVER]), place, time, np.array(values))
    assert found.energy.tolist() == counted


@pytest.mark.parametrize(("gap", "far"), [(60, False), (3600, True)])
def test_a_factor_that_changes_with_the_register_is_the_new_ones(gap: int, far: bool) -> None:
    """1 J to 9, 1 J to 10 by the old one; 0.5 J and 0.5 J by the new one, times 40."""
    exchanged = Replacement(100 * SECOND, 10.0, 0.0)
    factors = ((-EVER, 1.0), (100 * SECOND, 40.0))
    one = replace(meter(Kind.REGISTER), quantity="energy", replaced=(exchanged,), factors=factors)
    time = np.array([0, 60, 60 + gap, 120 + gap]) * SECOND
    found = segments(Rules.of((one,)), np.zeros(4, np.int64), time, np.array([8.0, 9.0, 0.5, 1.0]))
    assert (found.start // SECOND).tolist() == [0, 60, 100, 60 + gap]
    assert found.energy.tolist() == [1.0, 1.0, 20.0, 20.0]
    assert found.distributed.tolist() == [False, far, far, False]
