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
