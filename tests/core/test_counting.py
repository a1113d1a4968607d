"""What a register counts between two readings, at the very borders of its rules."""

from dataclasses import replace

import pytest

from greendc.core.counting import (
    LATER,
    Upcoming,
    jitter,
    lapped,
    max_plausible,
    register_delta,
    replaced_delta,
    replaced_parts,
    returns,
    wild,
)
from greendc.core.facility import MINUTE, SECOND, Kind, Meter, Replacement
from tests.core.kit import meter

PLAIN = replace(meter("r", Kind.REGISTER), step=1.0)
RATED = replace(PLAIN, rating=1.0)  # 72 J in a minute, and a step
ROUND = replace(PLAIN, modulus=1000.0)
RATED_ROUND = replace(RATED, modulus=1000.0)


def after(value: float, seconds: int = 60) -> Upcoming:
    return Upcoming(value, seconds * SECOND)


def test_a_rating_allows_a_fifth_more_and_a_step() -> None:
    assert max_plausible(RATED, 60 * SECOND) == 73.0
    assert max_plausible(PLAIN, 60 * SECOND) == float("inf")


def test_without_a_step_a_thousandth_is_jitter() -> None:
    assert jitter(PLAIN, 5000.0) == pytest.approx(1.0)
    assert jitter(replace(PLAIN, step=0.0), 5000.0) == pytest.approx(5.0)
    tenth = replace(PLAIN, step=0.1)
    assert tenth.step < 1.1 - 1.0  # as binary fractions are
    assert register_delta(tenth, 1.1, 1.0, MINUTE, after(1.05)) is None


@pytest.mark.parametrize(
    ("one", "now", "upcoming", "counted"),
    [
        pytest.param(RATED, 173.0, None, 73.0, id="all that it can"),
        pytest.param(RATED, 173.5, after(300), None, id="more than it can"),
        pytest.param(PLAIN, 1e9, None, 1e9 - 100, id="nothing speaks against it yet"),
        pytest.param(PLAIN, 101.0, after(99.5), 1.0, id="a step speaks for itself"),
        pytest.param(PLAIN, 101.5, after(100), None, id="back where it came from"),
        pytest.param(PLAIN, 200.0, after(150), None, id="back half way"),
        pytest.param(PLAIN, 200.0, after(99), None, id="back, and a step further"),
        pytest.param(PLAIN, 200.0, after(98.9), 100.0, id="begun again after it"),
        pytest.param(PLAIN, 200.0, after(199), 100.0, id="a step back after it"),
        pytest.param(PLAIN, 200.0, after(198.9), None, id="back a little"),
    ],
)
def test_a_rise(one: Meter, now: float, upcoming: Upcoming | None, counted: float | None) -> None:
    assert register_delta(one, 100.0, now, MINUTE, upcoming) == counted


@pytest.mark.parametrize(("before", "counted"), [(999.0, 1.0), (998.9, None)])
def test_without_a_step_a_thousandth_speaks_for_itself(
    before: float, counted: float | None
) -> None:
    one = replace(PLAIN, step=0.0)
    assert register_delta(one, before, 1000.0, MINUTE, after(before - 0.1)) == counted


@pytest.mark.parametrize(
    ("before", "now", "upcoming", "span", "counted"),
    [
        pytest.param(2, 1, after(1.5), 60, None, id="a step back is a dip"),
        pytest.param(2, 0.9, after(1.5), 60, 0.9, id="more is a reset"),
        pytest.param(100, 2, None, 60, None, id="what follows must tell"),
        pytest.param(100, 2, after(99.9), 60, 2, id="below where it was"),
        pytest.param(100, 2, after(100), 60, None, id="back where it was"),
        pytest.param(100, 0.5, after(0.5), 60, None, id="it does not go on"),
        pytest.param(100, 0.5, after(0.4), 60, None, id="it goes back"),
        pytest.param(1000, 21, after(22), 120, 21, id="ten times its pace, and a step"),
        pytest.param(1000, 21.5, after(22.5), 120, None, id="faster"),
    ],
)
def test_a_fall_without_a_rating(
    before: float, now: float, upcoming: Upcoming | None, span: int, counted: float | None
) -> None:
    assert register_delta(PLAIN, before, now, span * SECOND, upcoming) == counted


@pytest.mark.parametrize(
    ("begun", "upcoming", "counted"),
    [
        pytest.param(after(3), after(6), 5, id="as much as it can have until it had begun"),
        pytest.param(after(3.5), after(6), None, id="more"),
        pytest.param(after(2), after(9), 5, id="as much as it can have since it had begun"),
        pytest.param(after(2), after(9.5), None, id="more since then"),
        pytest.param(None, after(7, 30), 5, id="as much as it can have until now"),
        pytest.param(None, after(7.5, 30), None, id="more from now on"),
    ],
)
def test_a_fall_with_a_rating(
    begun: Upcoming | None, upcoming: Upcoming, counted: float | None
) -> None:
    """At 1/36 W: 2 J in a minute, 6 J in three, and a step of 1 J more."""
    one = replace(PLAIN, rating=1 / 36)
    assert register_delta(one, 100.0, 5.0, 180 * SECOND, upcoming, begun) == counted


@pytest.mark.parametrize(
    ("before", "now", "upcoming", "counted"),
    [
        pytest.param(950, 23, None, 73, id="all that it can"),
        pytest.param(950, 23.5, after(30), 23.5, id="more, but it goes on"),
        pytest.param(1000, 5, None, 5, id="from where it begins again"),
        pytest.param(1000.5, 5, None, None, id="from beyond that"),
    ],
)
def test_round_with_a_rating(
    before: float, now: float, upcoming: Upcoming | None, counted: float | None
) -> None:
    assert register_delta(RATED_ROUND, before, now, MINUTE, upcoming) == counted


@pytest.mark.parametrize(
    ("before", "now", "upcoming", "span", "counted"),
    [
        pytest.param(990, 10, None, 60, 20, id="a hundredth on both sides"),
        pytest.param(990, 10.5, None, 60, None, id="more after it"),
        pytest.param(989.5, 10, None, 60, None, id="more before it"),
        pytest.param(949, 30, after(35), 60, 81, id="ten times its pace, and a step"),
        pytest.param(948.5, 30, after(35), 60, 30, id="faster"),
        pytest.param(899, 20, after(25), 120, 121, id="for twice as long"),
        pytest.param(898.5, 20, after(25), 120, 20, id="faster for twice as long"),
        pytest.param(995, 8, after(8), 60, 13, id="it stands"),
        pytest.param(995, 8, after(7.5), 60, None, id="it goes back"),
        pytest.param(995, 8, after(994.5), 60, 13, id="not where it was"),
        pytest.param(995, 8, after(995), 60, None, id="back where it was"),
        pytest.param(995, 0, after(0), 60, None, id="0 may be nonsense"),
        pytest.param(995, 0, after(1), 60, 5, id="0 that goes on"),
    ],
)
def test_round_without_a_rating(
    before: float, now: float, upcoming: Upcoming | None, span: int, counted: float | None
) -> None:
    assert register_delta(ROUND, before, now, span * SECOND, upcoming) == counted


@pytest.mark.parametrize(
    ("one", "before", "now", "upcoming", "expected"),
    [
        pytest.param(PLAIN, 100, 111, after(111), True, id="over a tenth"),
        pytest.param(PLAIN, 100, 110, after(110), False, id="a tenth"),
        pytest.param(PLAIN, -100, -95, after(-95), False, id="below 0"),
        pytest.param(PLAIN, 0, 2, after(2), True, id="over a step"),
        pytest.param(PLAIN, 0, 1, after(1), False, id="a step"),
        pytest.param(PLAIN, 0, 1, after(0), False, id="a step, and back"),
        pytest.param(PLAIN, 100, 121, after(122), False, id="ten times its pace, and a step"),
        pytest.param(PLAIN, 100, 121.5, after(122.5), True, id="faster"),
        pytest.param(PLAIN, 100, 121, after(50), True, id="begun again after it"),
        pytest.param(PLAIN, 100, 1e9, None, False, id="nothing speaks against it yet"),
        pytest.param(RATED, 100, 1e9, after(1e9), False, id="its rating tells"),
    ],
)
def test_a_wild_rise(
    one: Meter, before: float, now: float, upcoming: Upcoming | None, expected: bool
) -> None:
    """In two minutes; what follows is a minute later."""
    assert wild(one, before, now, 2 * MINUTE, upcoming) == expected


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        pytest.param([], False, id="nothing yet"),
        pytest.param([1000, 999, 99], True, id="back where it came from, at most a step less"),
        pytest.param([999, 98.5, 500], False, id="begun again first"),
        pytest.param([998.5, 50], True, id="between both first"),
    ],
)
def test_one_that_returns(later: list[float], expected: bool) -> None:
    assert len(later) <= LATER
    assert returns(PLAIN, 100.0, 1000.0, later) == expected


@pytest.mark.parametrize(
    ("one", "now", "delta", "upcoming", "expected"),
    [
        pytest.param(ROUND, 10, 100, after(285), True, id="twice its pace"),
        pytest.param(ROUND, 10, 100.5, after(285), False, id="faster"),
        pytest.param(ROUND, 10, 100, after(510), True, id="half of what it goes to"),
        pytest.param(ROUND, 10, 100, after(511), False, id="more is nonsense"),
        pytest.param(ROUND, 900, 100, after(175), True, id="just gone round"),
        pytest.param(ROUND, 900, 100.5, after(175), False, id="just gone round, slower"),
        pytest.param(ROUND, 900, 100, after(400), False, id="half of it back"),
        pytest.param(ROUND, 900, 100, None, False, id="no pace yet"),
        pytest.param(PLAIN, 10, 100, after(285), False, id="it never begins again"),
        pytest.param(PLAIN, 10, 0, after(10), False, id="and it stands"),
        pytest.param(replace(ROUND, rating=7.5), 10, 81, after(285), True, id="its rating"),
        pytest.param(replace(ROUND, rating=7.5), 10, 81.5, after(285), False, id="over it"),
    ],
)
def test_one_that_may_have_gone_round_once_more(
    one: Meter, now: float, delta: float, upcoming: Upcoming | None, expected: bool
) -> None:
    """In two minutes; what follows is a minute later."""
    assert lapped(one, now, delta, 2 * MINUTE, upcoming) == expected


@pytest.mark.parametrize(
    ("final", "initial", "now", "counted"),
    [
        pytest.param(110, 500, 520, 30, id="both count"),
        pytest.param(100, 500, 500, 0, id="neither counts"),
        pytest.param(99, 500, 520, 20, id="the old one a step back"),
        pytest.param(98.9, 500, 520, None, id="the old one shows more already"),
        pytest.param(110, 500, 499, 10, id="the new one a step back"),
        pytest.param(110, 500, 498.9, None, id="the new one shows less"),
        pytest.param(133, 500, 540, 73, id="all that they can"),
        pytest.param(133.5, 500, 540, None, id="more than they can"),
    ],
)
def test_an_exchange(final: float, initial: float, now: float, counted: float | None) -> None:
    exchange = Replacement(30 * SECOND, final, initial)
    assert replaced_delta(RATED, 100.0, now, MINUTE, [exchange]) == counted


@pytest.mark.parametrize(
    ("one", "before", "final", "counted"),
    [
        pytest.param(ROUND, 990, 10, 20, id="a hundredth on both sides"),
        pytest.param(ROUND, 990, 10.5, -979.5, id="more after it"),
        pytest.param(ROUND, 989.5, 10, -979.5, id="more before it"),
        pytest.param(RATED_ROUND, 500, 20, 520, id="its rating tells"),
        pytest.param(RATED_ROUND, 1000, 5, 5, id="from where it begins again"),
        pytest.param(RATED_ROUND, 1000.5, 5, -995.5, id="from beyond that"),
        pytest.param(RATED, 500, 20, -480, id="it never begins again"),
    ],
)
def test_one_that_has_gone_round_before_its_exchange(
    one: Meter, before: float, final: float, counted: float
) -> None:
    assert replaced_parts(one, before, 9, [Replacement(0, final, 7)]) == [counted, 2]
