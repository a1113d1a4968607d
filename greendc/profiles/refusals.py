"""What speaks against readings: the first reason stands, and for each meter what it lost."""

from dataclasses import dataclass, field

import numpy as np

from greendc.core.readings import BoolArray
from greendc.ports import IntArray, Refused

OF_MESSAGE = frozenset({"not_json", "not_utf8"})  # said once, however many fields it has
TIMED = frozenset({"bad_unit", "sentinel", "not_finite", "out_of_range"})  # judged after their time
UNREAD = OF_MESSAGE | {"no_value", "not_a_number"}  # before it: as good as the arrival

Outcome = tuple[int, int, str]  # place, row, reason


@dataclass(slots=True)
class Verdicts:
    """The first reason against each of some readings, if there is one."""

    good: BoolArray
    reasons: list[tuple[int, str]] = field(default_factory=list)

    @classmethod
    def of(cls, count: int) -> "Verdicts":
        """Nothing speaks against any of so many readings yet."""
        return cls(np.ones(count, np.bool_))

    def refuse(self, where: BoolArray, reason: str) -> None:
        """Refuse the readings that no reason has refused before."""
        if where.any():
            places = np.flatnonzero(where & self.good)
            self.good[places] = False
            self.reasons += [(place, reason) for place in places.tolist()]

    def at(self, reasons: frozenset[str]) -> IntArray:
        """Which readings were refused for one of these reasons, in the order of refusal."""
        return np.array([at for at, reason in self.reasons if reason in reasons], np.int64)


def when(reasons: list[tuple[int, str]], time: IntArray, arrival: IntArray) -> IntArray:
    """Time of refused readings [ns]: their own where it was found good, or else the arrival.

    >>> lost = [(0, "future"), (1, "sentinel")]
    >>> print(when(lost, np.array([90, 20]), np.array([30, 40])))
    [30 20]
    """
    at = np.array([at for at, _ in reasons], np.int64)
    timed = np.array([reason in TIMED for _, reason in reasons], np.bool_)
    return np.where(timed, time[at], arrival[at])


def timed(reasons: list[tuple[int, str]], rule: str) -> BoolArray:
    """Which refused readings have a time of their own by a rule of time.

    >>> print(timed([(0, "sentinel"), (1, "not_json"), (2, "future")], "payload"))
    [ True False False]
    >>> print(timed([(0, "sentinel"), (1, "not_json"), (2, "bad_time")], "arrival"))
    [ True  True False]
    """
    good = TIMED if rule == "payload" else TIMED | UNREAD
    return np.array([reason in good for _, reason in reasons], np.bool_)


def of_meters(
    lost: list[tuple[int, str]], row: IntArray, meter: IntArray, time: IntArray, known: BoolArray
) -> Refused:
    """Readings that were refused, as columns; `row` and `meter` are of all places.

    `time` is of those that were refused, `known` tells which of these are their own.
    """
    at = np.array([at for at, _ in lost], np.int64)
    return Refused(row[at], meter[at], time, [reason for _, reason in lost], known)


def said_once(refused: list[Outcome]) -> list[tuple[int, str]]:
    """(row, reason) in journal order; what is wrong with a whole message stands once."""
    said: set[tuple[int, str]] = set()
    result = []
    for _, row, reason in sorted(refused, key=lambda outcome: (outcome[1], outcome[0])):
        if reason in OF_MESSAGE:
            if (row, reason) in said:
                continue
            said.add((row, reason))
        result.append((row, reason))
    return result
