"""Series for charts: mean power over the time that is known, on the grids that there are."""

import pytest

from greendc.core.facility import HOUR, MINUTE
from greendc.core.figure import Figure
from greendc.web.history import _Series


def figure(name: str, start: int, length: int, joules: float | None, known: float = 1.0) -> Figure:
    return Figure(
        quantity=name,
        unit="J",
        period="cell",
        start=start,
        end=start + length,
        valid=int(length * known),
        value=joules,
        estimated=None,
        distributed=None,
        uncertainty=None,
        doubt=None,
        status="ok",
        reason=None,
        category=None,
        terms=b"",
    )


def test_a_mean_rests_on_the_time_that_is_known() -> None:
    """1800 kJ in a half of an hour is 1 kW, whatever the other half was."""
    series = _Series(("e_it",))
    series.add([figure("e_it", 0, HOUR, 1.8e6, known=0.5), figure("e_it", HOUR, HOUR, None, 0.0)])
    told = series.told()
    assert told["values"]["e_it"] == [pytest.approx(1000.0), None]
    assert told["coverage"]["e_it"] == [0.5, 0.0]


def test_a_longer_period_holds_at_each_start_in_it_and_no_longer() -> None:
    series = _Series(("e_it", "subsystem_cooling"))
    minutes = [figure("e_it", i * MINUTE, MINUTE, 60.0 * i) for i in (0, 1, 2, 5)]
    slow = figure("subsystem_cooling", 0, 3 * MINUTE, 180.0)
    series.add(sorted([*minutes, slow], key=lambda f: (f.start, f.quantity)))
    told = series.told()
    assert told["starts_ms"] == [0, 60_000, 120_000, 300_000]
    assert told["ends_ms"] == [60_000, 120_000, 180_000, 360_000]
    assert told["values"] == {
        "e_it": [0.0, 1.0, 2.0, 5.0],
        "subsystem_cooling": [1.0, 1.0, 1.0, None],
    }


def test_what_is_no_measurement_is_told_of_what_has_some() -> None:
    series = _Series(("e_it", "e_dc"))
    guessed = figure("e_it", HOUR, HOUR, 1.8e6)._replace(estimated=0.25, distributed=1 / 3)
    series.add([figure("e_it", 0, HOUR, None, 0.0), figure("e_dc", 0, HOUR, 3.6e6), guessed])
    told = series.told()
    assert told["estimated"] == {"e_it": [None, 0.25]}
    assert told["distributed"] == {"e_it": [None, 0.3333]}


def test_a_quantity_without_figures_is_left_out() -> None:
    series = _Series(("e_it", "subsystem_lighting"))
    series.add([figure("e_it", 0, HOUR, 3.6e6)])
    assert set(series.told()["values"]) == {"e_it"}
