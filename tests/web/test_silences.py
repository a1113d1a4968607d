"""Silences of meters by what the ledger knows of them, and those of the same time together."""

import numpy as np
import pytest

from greendc.core.facility import EVER, HOUR, MINUTE
from greendc.web.silences import Known, Silences, shares, silences, together

Row = tuple[int, int, int, int]  # meter, start, end, time known, in minutes
LEAST = np.array([3, 3, 3]) * MINUTE
FRESH = np.array([True, True, True])
LAST = np.array([60, 60, 60]) * MINUTE


def known(*rows: Row) -> Known:
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return Known(columns[0], *(column * MINUTE for column in columns[1:]))


def told(found: Silences) -> list[tuple[int, int, int]]:
    columns = found.meter.tolist(), found.start.tolist(), found.end.tolist()
    out = sorted(zip(*columns, strict=True))
    return [(m, a // MINUTE if a > -EVER else a, b // MINUTE if b < EVER else b) for m, a, b in out]


def test_a_silence_begins_and_ends_within_cells() -> None:
    rows = known((0, 0, 10, 10), (0, 10, 20, 7), (0, 20, 30, 0), (0, 30, 40, 4), (0, 40, 50, 10))
    assert told(silences(rows, LEAST, LAST, FRESH)) == [(0, 17, 36)]


def test_rows_that_are_not_there_are_silence() -> None:
    """Where the whole site is silent for long, the ledger has no cells."""
    assert told(silences(known((1, 0, 10, 10), (1, 40, 50, 10)), LEAST, LAST, FRESH)) == [
        (1, 10, 40)
    ]


def test_what_a_meter_may_leave_out_is_no_silence() -> None:
    rows = known((0, 0, 10, 7), (1, 0, 10, 6), (2, 0, 10, 10))
    assert told(silences(rows, LEAST, LAST, FRESH)) == [(1, 0, 10)]


def test_a_meter_heard_between_two_silences_has_two() -> None:
    rows = known((0, 0, 10, 0), (0, 10, 20, 4), (0, 20, 30, 4), (0, 30, 40, 0))
    assert told(silences(rows, LEAST, LAST, FRESH)) == [(0, 0, 16), (0, 24, 40)]


def test_one_that_lasts_begins_with_the_last_reading() -> None:
    rows = known((0, 0, 10, 2), (0, 10, 20, 10), (0, 20, 30, 5), (0, 30, 40, 0), (1, 0, 40, 40))
    last = np.array([25 * MINUTE, 40 * MINUTE, -EVER])
    fresh = np.array([False, True, False])
    assert told(silences(rows, LEAST, last, fresh)) == [
        (0, 0, 10),
        (0, 25, EVER),
        (2, -EVER, EVER),
    ]


def test_no_meters_and_no_rows_are_no_silence() -> None:
    none = np.zeros(0, np.int64)
    assert len(silences(known(), none, none, np.zeros(0, np.bool_))) == 0
    assert len(silences(known(), LEAST, LAST, FRESH)) == 0
    assert together(Silences(none, none, none)) == []


def test_meters_that_went_together_are_told_together() -> None:
    minutes = [
        (0, 10, EVER),
        (1, 12, EVER),
        (2, 11, 60),
        (3, 15, 66),
        (4, 30, 66),
        (5, -EVER, EVER),
    ]
    columns = np.array(minutes, object).T
    start, end = (
        np.array([t if abs(t) >= EVER else t * MINUTE for t in column], np.int64)
        for column in columns[1:]
    )
    found = together(Silences(columns[0].astype(np.int64), start, end))
    assert [one.meters for one in found] == [[0, 1], [5], [4], [2, 3]]
    assert [one.end for one in found] == [EVER, EVER, 66 * MINUTE, 66 * MINUTE]
    assert (found[0].start, found[0].latest) == (10 * MINUTE, 12 * MINUTE)


def test_shares_weigh_meters_by_their_time() -> None:
    rows = known((0, 0, 60, 60), (1, 0, 30, 0), (1, 30, 60, 15), (2, 30, 60, 0))
    edges = np.array([-60, 0, 30, 60]) * MINUTE
    found = shares(rows, np.array([0, 0, 1]), 2, edges)
    assert found == [[None, 0.5, 0.75], [None, None, 0.0]]


@pytest.mark.parametrize("length", [1, 7, 45])
def test_a_long_row_is_known_evenly_in_each_step(length: int) -> None:
    edges = np.arange(0, 3 * HOUR + 1, length * MINUTE)
    (found,) = shares(known((0, 0, 180, 90)), np.array([0]), 1, edges)
    assert set(found) == {0.5}
