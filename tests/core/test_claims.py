"""What a register claims hour by hour, whether it is believed or not."""

import numpy as np

from greendc.core.claims import Claims
from greendc.core.facility import HOUR, MINUTE, IntArray, Kind, Meter
from greendc.core.levels import FloatArray
from greendc.core.readings import Readings

STEP = 5 * MINUTE
METER = Meter("feed", "util", "energy", Kind.REGISTER, STEP, 3 * STEP, 3 * STEP)
STARTS = np.arange(8) * HOUR


def claimed(time: IntArray, value: FloatArray) -> list[float]:
    count = len(time)
    held = Readings(np.arange(count), np.zeros(count, np.int64), time, value)
    found: list[float] = Claims().energies(STARTS, [METER], held)[:, 0].tolist()
    return found


def test_a_register_claims_what_it_counts() -> None:
    time = np.arange(8 * 12 + 1) * STEP
    np.testing.assert_allclose(claimed(time, -100.0 * time / HOUR), [-100.0] * 8)


def test_a_register_that_begins_anew_in_silence_falls_in_no_hour() -> None:
    time = np.arange(8 * 12 + 1) * STEP
    shown = 100.0 * time / HOUR + np.where(time > 4 * HOUR, 0.0, 5000.0)
    there = (time <= 90 * MINUTE) | (time >= 390 * MINUTE)
    found = claimed(time[there], shown[there])
    assert np.isfinite(found).tolist() == [True, *[False] * 6, True]
    np.testing.assert_allclose([found[0], found[-1]], 100.0)


def test_of_two_registers_each_claims_what_it_counts() -> None:
    """Up to the longest gap after the last reading, and not before the first."""
    time = np.concatenate([np.arange(12, 37) * STEP, np.arange(12, 34) * STEP, [12 * STEP]])
    value = 2.0 * time
    of = np.repeat([0, 1, 3], [25, 22, 1])
    held = Readings(np.arange(len(of)), of, time, value / HOUR)
    power = Meter("p", "util", "power", Kind.INSTANT, STEP, 3 * STEP, 3 * STEP)
    found = Claims().energies(STARTS, [METER, METER, power, METER], held)
    nothing = [np.nan] * 5
    np.testing.assert_allclose(found[:, 0], [np.nan, 2, 2, *nothing])
    np.testing.assert_allclose(found[:, 1], [np.nan, 2, 2 * 0.75, *nothing])
    assert np.isnan(found[:, 2:]).all()


def test_a_register_claims_nothing_where_the_gap_is_longer_than_the_longest() -> None:
    """But for the hour that begins and ends with a reading."""
    time = np.array([0, 50, 65, 130, 180, 240]) * MINUTE
    found = claimed(time, 3.0 * time / HOUR)
    np.testing.assert_allclose(found, [3, np.nan, np.nan, 3, *[np.nan] * 4])


POWER = Meter("feed", "util", "power", Kind.INSTANT, STEP, 3 * STEP, 3 * STEP)


def taken(rows: list[tuple[int, int, float]]) -> Claims:
    """Powers of meters at minutes."""
    claims = Claims()
    for part in rows[:2], rows[2:]:
        meter, minute, value = np.array(part, np.float64).reshape(-1, 3).T
        claims.take(meter.astype(np.int64), minute.astype(np.int64) * MINUTE, value)
    return claims


def test_powers_are_summed_by_hour_and_meter_in_whole_milliwatts() -> None:
    claims = taken([(1, 59, 0.0006), (0, 60, 1e13), (0, 59, 5.0), (1, 0, -7.0), (1, 3, -1e13)])
    mw = round(1e12 * 1000)
    assert claims.rows() == [(0, 0, 1, 5000), (0, 1, 3, 1 - 7000 - mw), (HOUR, 0, 1, mw)]
    claims.forget(HOUR)
    assert claims.rows() == [(HOUR, 0, 1, mw)]


def test_half_of_an_hour_s_powers_are_enough() -> None:
    """Six of twelve, of 2 and 4 W; five are not."""
    six = [(0, 60 + 5 * i, 2.0 + 2.0 * (i % 2)) for i in range(6)]
    later = [(0, 180 + 5 * i, 9.0) for i in range(5)]
    none = Readings.none()
    found = taken([*six, *later, (1, 60, 9.0)]).energies(STARTS, [POWER] * 2, none)
    np.testing.assert_allclose(found[:, 0], [np.nan, 3.0 * 3600, *[np.nan] * 6])
    assert np.isnan(found[:, 1]).all()
    beyond = taken(six).energies(STARTS[2:], [POWER], none)
    assert np.isnan(beyond).all()
