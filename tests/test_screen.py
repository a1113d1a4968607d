"""What is shown of the newest readings: no glitch, and nothing that is frozen."""

import numpy as np
import pytest

from greendc.core.facility import MINUTE, Kind, Meter
from greendc.core.readings import Readings
from greendc.watch.screen import Screen

REACH = (MINUTE, 3 * MINUTE, 3 * MINUTE)
PLAIN = Meter("plain", "none", "power", Kind.INSTANT, *REACH)
JUDGED = Meter(
    *("judged", "t_inlet", "temperature", Kind.INSTANT),
    *REACH,
    spike=5.0,
    frozen_after=4 * MINUTE,
    rate=10.0 / 60,
)


def shown(values: list[float], meter: int = 1) -> list[float | None]:
    """What is shown last after each of the readings, a minute apart."""
    screen, out = Screen((PLAIN, JUDGED)), list[float | None]()
    last: float | None = None
    for i, value in enumerate(values):
        one = np.array([i]), np.array([meter]), np.array([i * MINUTE]), np.array([value])
        passed = screen.passed(Readings(*one))
        last = float(passed.value[-1]) if len(passed) else last
        out.append(last)
    return out


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # what comes after a jump waits for the next one as well
        ([22, 22.5, -8, 22.6, 22.7], [22, 22.5, 22.5, 22.5, 22.7]),
        ([22, 28, 28.5], [22, 22, 28.5]),  # it has risen, as the second one shows
        ([22, 90, 91, 92, 22.1, 22.2], [22, 22, 22, 22, 22, 22.2]),
        ([22, 22.5, *[23] * 9, 23.1], [22, 22.5, *[23] * 9, 23.1]),
    ],
)
def test_what_the_rules_speak_against_is_not_shown(
    values: list[float], expected: list[float]
) -> None:
    assert shown(values) == expected
    assert shown(values, meter=0) == values


def test_a_frozen_value_grows_old() -> None:
    screen = Screen((PLAIN, JUDGED))
    last = 0
    for i in range(100):
        one = np.array([i]), np.array([1]), np.array([i * MINUTE]), np.array([21.5])
        last = max([last, *screen.passed(Readings(*one)).time.tolist()])
        assert len(screen.held) < 12
    assert last == 3 * MINUTE


PAIR = tuple(
    Meter(f"m{i}", "t_inlet", "temperature", Kind.INSTANT, *REACH, frozen_after=f, siblings="row")
    for i, f in enumerate((4 * MINUTE, None))
)


def beside(other: list[float | None]) -> tuple[list[bool], int]:
    """Whether a value that stands still is shown beside another, and how many readings are held."""
    screen, out, most = Screen(PAIR), list[bool](), 0
    for i, value in enumerate(other):
        given = [(1, value)] * (value is not None) + [(0, 21.5)]
        meter, values = zip(*given, strict=True)
        time = np.full(len(given), i * MINUTE)
        rows = Readings(np.arange(len(given)), np.array(meter), time, np.array(values, np.float64))
        passed = screen.passed(rows)
        out.append(bool((passed.time[passed.meter == 0] == i * MINUTE).any()))
        most = max(most, len(screen.held))
    return out, most


def test_a_value_stands_still_beside_siblings_that_do() -> None:
    still, held = beside([30.0] * 200)
    assert all(still)
    assert held < 40
    moving, _ = beside([30.0 + i % 2 for i in range(20)])
    assert moving == [True] * 4 + [False] * 16
    once, _ = beside([30.0, 31.0, *[32.0] * 20])
    assert once == [True] * 4 + [False] * 2 + [True] * 16  # it moved at minute 2


def test_a_sibling_that_is_silent_is_waited_for_no_longer_than_it_is_heard() -> None:
    gone, held = beside([30.0, 30.0, *[None] * 200])
    assert gone == [True] * 8 + [False] * 194  # heard until minute 4, within 4 minutes of 7
    assert held < 40


def test_nothing_is_held_for_the_sake_of_one_that_is_silent() -> None:
    screen = Screen(PAIR)
    for i in range(200):
        meters = np.array([0, 1][bool(i) :])
        time, value = np.full(len(meters), i * MINUTE), np.full(len(meters), 20.0 + i)
        screen.passed(Readings(np.full(len(meters), i), meters, time, value))
    assert len(screen.held) < 40
