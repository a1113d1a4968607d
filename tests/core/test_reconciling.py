"""Registers held against their powers, day by day."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from greendc.calendars import LocalCalendar, parse_rfc3339
from greendc.core.accounts import Account, Term
from greendc.core.facility import DAY, HOUR, MINUTE, Kind
from greendc.core.levels import Level, Shape, StoredRow
from greendc.core.reconciling import Mismatch, Reconciliation
from greendc.core.rules import Rules
from tests.core.kit import meter

CALENDAR = LocalCalendar("Europe/Berlin")
BEGIN = parse_rfc3339("2025-10-24T22:00:00Z")  # local midnight, a day before one of 25 hours
BORDERS = [BEGIN, BEGIN + DAY, BEGIN + 2 * DAY + HOUR, BEGIN + 3 * DAY + HOUR]
METERS = (
    replace(meter("a", Kind.REGISTER), shape="pa"),
    meter("pb", Kind.INSTANT),
    meter("pa", Kind.INSTANT),
    replace(meter("b", Kind.REGISTER), shape="pb"),
    replace(meter("gone", Kind.REGISTER), shape="pg"),
    meter("pg", Kind.INSTANT),
)
Amount = tuple[float, float, float]  # J of a day that is known in full, estimated J, share known
SAME: Amount = (1000.0, 0.0, 1.0)


def compared(register: Amount, power: Amount) -> Reconciliation:
    """Three days, in the second of which `a` and its power have counted that; others agree."""

    def stored(period: str, lo: int, hi: int) -> Iterator[StoredRow]:
        assert period == "day"
        for start, end in pairwise(BORDERS):
            for name in ("a", "b", "pa", "pb") if lo <= start < hi else ():
                odd = {"a": register, "pa": power}.get(name, SAME)
                amount, estimated, known = odd if start == BORDERS[1] else SAME
                terms = np.array([amount * known, estimated, 7.0, 9.0, 9.0, 9.0])
                yield StoredRow(name, start, round(known * (end - start)), terms)

    none = np.zeros(0, np.int64)
    terms = (Term(((0, 1.0),)), Term(((0, 1.0),)))
    accounts = [Account(m.id, "meter", HOUR, HOUR, none, terms) for m in METERS if m.id != "pg"]
    level = Level("day", Shape.of(accounts), stored)
    return Reconciliation(Rules.of(METERS), level, CALENDAR.days)


def found(register: Amount, power: Amount) -> float:
    """By how much the power is above the register in the second day; 0 where nobody is told."""
    (told,) = compared(register, power).at([BORDERS[2]])
    return told[0].excess if told else 0.0


@pytest.mark.parametrize(
    ("register", "power", "excess"),
    [
        (SAME, (1019.0, 0.0, 1.0), 0.0),
        (SAME, (1021.0, 0.0, 1.0), 0.021),
        (SAME, (981.0, 0.0, 1.0), 0.0),
        (SAME, (979.0, 0.0, 1.0), -0.021),
        # by the mean power of the time in which each was known, if that is 95 % of the day
        (SAME, (1500.0, 0.0, 0.95), 0.5),
        (SAME, (1500.0, 0.0, 0.949), 0.0),
        ((1000.0, 0.0, 0.95), (1500.0, 0.0, 1.0), 0.5),
        ((1000.0, 0.0, 0.949), (1500.0, 0.0, 1.0), 0.0),
        # a register that is hardly estimated, whichever way it counts
        ((1000.0, 50.0, 1.0), (1500.0, 0.0, 1.0), 0.5),
        ((1000.0, 51.0, 1.0), (1500.0, 0.0, 1.0), 0.0),
        ((-1000.0, 50.0, 1.0), (-1500.0, 0.0, 1.0), 0.5),
        ((-1000.0, 51.0, 1.0), (-1500.0, 0.0, 1.0), 0.0),
        (SAME, (1500.0, 900.0, 1.0), 0.5),
        # of nothing there is no share
        ((0.0, 0.0, 1.0), (1000.0, 0.0, 1.0), 0.0),
        ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0), 0.0),
    ],
)
def test_a_day_is_told_where_both_are_known_and_differ(
    register: Amount, power: Amount, excess: float
) -> None:
    assert found(register, power) == pytest.approx(excess)


def test_each_time_is_told_of_the_last_day_that_was_over() -> None:
    both = compared(SAME, (1250.0, 0.0, 1.0))
    assert both.pairs == [("a", "pa"), ("b", "pb")]
    assert both.names == {"a", "pa", "b", "pb"}
    ends = [BORDERS[1], BORDERS[2] - HOUR, BORDERS[2], BORDERS[3] - HOUR, BORDERS[3]]
    told = [Mismatch("a", "pa", BORDERS[1], BORDERS[2], 0.25)]
    assert both.at(ends) == [[], [], told, told, []]
    assert both.at([BORDERS[0]]) == both.at([BORDERS[2] - MINUTE]) == [[]]
    for end in (BORDERS[2], BORDERS[3] - MINUTE):
        assert compared(SAME, (1250.0, 0.0, 1.0)).at([end]) == [told]
    assert both.at([]) == []
    lone = Reconciliation(Rules.of(METERS[1:3]), both.held, CALENDAR.days)
    assert lone.at(ends) == [[]] * 5
