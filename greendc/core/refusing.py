"""Meters that report, and of which nothing has been believed for longer than they may be silent."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from greendc.core.facility import EVER
from greendc.core.readings import Readings, lasts
from greendc.core.rules import Rules
from greendc.core.words import LEFT_OUT, Verdict, Word


class Refusing(NamedTuple):
    """Since when each reading of a meter has been left out, up to the last one known [ns].

    `word` is that of the last one. `same` is from when on its value has been the same: of one that
    is frozen what was believed from then on is doubtful.
    """

    word: str
    since: int
    last: int
    same: int


def refusing(
    rules: Rules, rows: Readings, verdict: Verdict, before: Mapping[int, Refusing]
) -> dict[int, Refusing]:
    """Such meters by their places.

    Parameters
    ----------
    rules, rows, verdict
        The meters' rules, their sorted readings and what is made of them.
    before
        What was found before; what goes on began when it began.

    Examples
    --------
    A register that was exchanged, which nobody has declared:

    >>> from greendc.core.facility import HOUR, Kind, Meter
    >>> from greendc.core.judging import judge
    >>> feed = Meter("m", "util", "energy", Kind.REGISTER, HOUR, HOUR, HOUR, rating=1e3)
    >>> time, value = np.arange(5) * HOUR, np.array([3.6e12, 3.6e12, 0.0, 0.0, 0.0])
    >>> rows = Readings(np.arange(5), np.zeros(5, int), time, value)
    >>> rules = Rules.of((feed,))
    >>> found = refusing(rules, rows, judge(rules, rows.meter, time, value), {})
    >>> found[0].word, found[0].since // HOUR, found[0].last // HOUR
    ('implausible', 2, 4)
    """
    bad = np.flatnonzero(verdict.word >= LEFT_OUT)
    if not len(bad):
        return {}
    believed = lasts(rows.where(np.flatnonzero(verdict.believed)), len(rules.meters))
    bad = bad[rows.time[bad] > believed[rows.meter[bad]]]
    meters, first = np.unique(rows.meter[bad], return_index=True)
    ends = np.append(first, len(bad))[1:]
    runs = zip(meters.tolist(), first.tolist(), ends.tolist(), strict=True)
    found: dict[int, Refusing] = {}
    for meter, begin, end in runs:
        since, last = int(rows.time[bad[begin]]), int(rows.time[bad[end - 1]])
        good = int(believed[meter])
        if meter in before and good < before[meter].since:
            since = min(since, before[meter].since)
        if last - (since if good == -EVER else good) > rules.silent_after[meter]:
            newest = bad[end - 1]
            same = int(verdict.since[newest])
            found[meter] = Refusing(Word(verdict.word[newest]).label, since, last, same)
    return found
