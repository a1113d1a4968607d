"""Rises that are called jumps, at the very borders of the rule."""

from dataclasses import replace

import numpy as np
import pytest

from greendc.core.counting import LATER
from greendc.core.facility import MINUTE, Kind, Meter
from greendc.core.jumps import jumps
from greendc.core.words import Word
from tests.core.kit import meter

PLAIN = replace(meter("r", Kind.REGISTER), step=1.0)
RATED = replace(PLAIN, rating=1e9)
Rows = list[tuple[int, int, float, Word]]  # meter, minute, what is shown, what it is taken for


def jumping(rows: Rows, meters: tuple[Meter, ...] = (PLAIN,)) -> list[int]:
    """Places of jumps among readings, each of which counts from the one in range before it."""
    of, minute, value, word = (np.array(column) for column in zip(*rows, strict=True))
    anchor, last = np.arange(len(rows)), 0
    for place, taken in enumerate(word.tolist()):
        if taken == Word.USED:
            anchor[place] = last
        last = place if taken != Word.OUT_OF_RANGE else last
    found = jumps(meters, of, minute * MINUTE, value, word.astype(np.int8), anchor)
    return [int(place) for place in found]


def shown(*values: float, begin: int = 0, of: int = 0) -> Rows:
    """One each minute, the first of which counting begins with."""
    words = [Word.BEGAN, *[Word.USED] * (len(values) - 1)]
    return [(of, begin + i, *row) for i, row in enumerate(zip(values, words, strict=True))]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([100, 111, 111], [1], id="over a tenth"),
        pytest.param([100, 110, 110], [], id="a tenth"),
        pytest.param([0, 2, 2], [1], id="over a step"),
        pytest.param([0, 1, 1], [], id="a step"),
        pytest.param([0, 1, *[0] * LATER], [], id="a step, and back"),
        pytest.param([-100, -95, -95], [], id="less than a tenth below 0"),
        pytest.param([100, 121, 123], [], id="ten times its pace, and a step"),
        pytest.param([100, 121.5, 123.5], [1], id="faster"),
        pytest.param([100, 200, 50], [1], id="fallen after it"),
        pytest.param([100, 200], [], id="nothing is behind it"),
        pytest.param([100, 200, 200, 300], [], id="as fast later on"),
    ],
)
def test_a_jump(values: list[float], expected: list[int]) -> None:
    assert jumping(shown(*values)) == expected
    assert jumping(shown(*values), (RATED,)) == []


@pytest.mark.parametrize(
    ("stands", "then", "expected"),
    [(LATER, 318.8, []), (LATER, 318.7, [1]), (LATER + 1, 5000.0, [1])],
)
def test_a_dozen_readings_are_waited_for(stands: int, then: float, expected: list[int]) -> None:
    """100 J in a minute are ten times 118.8 J in twelve, and a step."""
    assert jumping(shown(100, *[200.0] * stands, then)) == expected


def test_time_counts() -> None:
    """Of two minutes it may be twice as much; what follows is three minutes later."""
    rows: Rows = [(0, 7, 100, Word.BEGAN), (0, 9, 121, Word.USED), (0, 12, 124, Word.USED)]
    assert jumping(rows) == []
    rows[1:] = [(0, 9, 121.5, Word.USED), (0, 12, 124.5, Word.USED)]
    assert jumping(rows) == [1]


def test_what_is_out_of_range_tells_nothing() -> None:
    bad = (0, 1, 1e6, Word.OUT_OF_RANGE)
    assert jumping([(0, 0, 100, Word.BEGAN), bad, (0, 2, 200, Word.USED)]) == []
    assert jumping([(0, 0, 100, Word.BEGAN), (0, 1, 200, Word.USED), (0, 2, 1e6, bad[3])]) == []
    rows: Rows = [(0, 0, 100, Word.BEGAN), bad, (0, 2, 200, Word.USED), (0, 3, 200, Word.USED)]
    assert jumping(rows) == [2]


def test_each_register_goes_on_for_itself() -> None:
    rows = [*shown(100, 200, 200), *shown(900, 901, begin=3, of=1), *shown(100, 200, of=2)]
    assert jumping(rows, (PLAIN,) * 3) == [1]
    assert jumping(rows, (RATED, PLAIN, PLAIN)) == []
    assert jumping(rows, (PLAIN, RATED, RATED)) == [1]


def test_a_reset_is_no_jump() -> None:
    rows: Rows = [(0, 0, 0, Word.BEGAN), (0, 1, 50, Word.RESET), (0, 2, 50, Word.USED)]
    assert jumping(rows) == []
