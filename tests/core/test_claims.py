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
