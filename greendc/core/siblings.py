"""Meters that move together: beside siblings that stand still, a value that does is not frozen."""

import numpy as np

from greendc.core.facility import EVER, IntArray
from greendc.core.readings import Readings, lasts
from greendc.core.rules import Rules
from greendc.core.words import BoolArray, FloatArray, Verdict


def moved_last(
    follows: BoolArray,
    meter: IntArray,
    time: IntArray,
    value: FloatArray,
    known: tuple[IntArray, IntArray],
) -> IntArray:
    """When the value of each reading's meter had last changed, up to the reading [ns].

    Only a change from a reading that is near enough counts; -EVER where none is known.

    Parameters
    ----------
    follows
        Which readings have such a neighbour before them.
    meter, time, value
        Readings sorted by (meter, time); time in ns.
    known
        Places of first readings of which is known when the value had last changed, and when [ns].

    Examples
    --------
    >>> time, value = np.array([0, 60, 120, 180]), np.array([21.5, 21.5, 22.0, 22.0])
    >>> none = np.zeros(0, np.int64)
    >>> found = moved_last(time > 0, np.zeros(4, int), time, value, (none, none))
    >>> print(np.where(found > -EVER, found, -1))
    [ -1  -1 120 120]
    """
    place = np.arange(len(time))
    move = follows.copy()
    move[1:] &= value[1:] != value[:-1]
    begins = np.append(True, meter[1:] != meter[:-1])[: len(meter)]
    start = np.maximum.accumulate(np.where(begins, place, 0))
    last = np.maximum.accumulate(np.where(move, place, -1))
    before = np.full(len(time), -EVER, np.int64)
    before[known[0]] = known[1]
    return np.where(last >= start, time[last], before[start])


def excused(
    rules: Rules, meter: IntArray, time: IntArray, moved: IntArray, suspects: IntArray
) -> IntArray:
    """Which readings, unchanged for `frozen_after`, are of a load that really is constant.

    Those beside which all siblings that were heard in that time have stood still as well. Whoever
    reports is heard for its `silent_after`; where no sibling was, nothing excuses.

    Parameters
    ----------
    rules
        The meters' rules; `meter` holds places in them.
    meter, time, moved
        Readings sorted by (meter, time), and when their meters' values had last changed [ns].
    suspects
        Places of the readings asked about.
    """
    count, group = len(time) + 1, rules.group[meter]
    rank = np.unique(time, return_inverse=True)[1]
    moment = group * count + rank  # by group, then by time
    place = np.flatnonzero(group >= 0)
    place = place[np.argsort(moment[place], kind="stable")]
    moves, level = np.unique(moved, return_inverse=True)
    stirred = np.maximum.accumulate(group[place] * count + level[place]) % count
    newest = np.searchsorted(moment[place], moment[suspects], "right") - 1
    heard = np.full(len(suspects), -EVER, np.int64)
    for silent_after in np.unique(rules.silent_after[meter[place]]).tolist():
        some = place[rules.silent_after[meter[place]] == silent_after]
        last = _of_others(some, moment, meter, suspects)
        told = (last >= 0) & (group[last] == group[suspects])
        heard = np.maximum(heard, np.where(told, time[last] + silent_after, -EVER))
    since = time[suspects] - rules.frozen[meter[suspects]]
    good = (heard > since) & (moves[stirred[newest]] <= since)
    found: IntArray = suspects[good]
    return found


def _of_others(some: IntArray, moment: IntArray, meter: IntArray, suspects: IntArray) -> IntArray:
    """Of readings sorted by group and time the last of another meter, up to each suspect; or -1."""
    place = np.searchsorted(moment[some], moment[suspects], "right") - 1
    begins = np.append(True, meter[some][1:] != meter[some][:-1])[: len(some)]
    run = np.maximum.accumulate(np.where(begins, np.arange(len(some)), 0))
    own = (place >= 0) & (meter[some[place]] == meter[suspects])
    place = np.where(own, run[place] - 1, place)
    return np.where(place >= 0, some[place], -1)


def held_from(
    rules: Rules, rows: Readings, verdict: Verdict, first: IntArray, upto: IntArray
) -> IntArray:
    """Place from which on each meter's readings are to be held, so that siblings can be judged.

    Parameters
    ----------
    rules, rows, verdict
        The meters' rules, their sorted readings and what is made of them.
    first
        The place from which on a meter's own figures need them; -1: all.
    upto
        Up to where everything that rests on each meter is closed [ns].
    """
    grouped = rules.group >= 0
    if not grouped.any():
        return first
    silent = lasts(rows, len(first)) < upto - rules.silent_after  # whatever comes begins anew
    upto = np.where(silent, upto, np.minimum(upto, verdict.decided))
    # of what is held all but the first is later than this: see `judging.rests_on`
    far = 2 * np.maximum(rules.reach, rules.silent_after)
    time = np.where(first >= 0, np.append(rows.time, -EVER)[first], -EVER)
    needed = np.where(rules.frozen < EVER, np.maximum(time, upto - far), EVER)
    early = rows.time <= _least(rules, needed)[rows.meter]
    place = np.flatnonzero(early & grouped[rows.meter])
    last = np.full(len(first), -1, np.int64)
    last[rows.meter[place]] = place  # the last of each stays
    return np.where(grouped, np.minimum(first, last), first)


def spread(rules: Rules, fresh: Readings, since: IntArray, held: IntArray) -> IntArray:
    """From when on meters are to be judged anew, their siblings' readings considered [ns].

    Parameters
    ----------
    rules
        The meters' rules.
    fresh
        Readings that are new.
    since
        From when on each meter is for its own readings' sake; EVER: not at all.
    held
        From when on each meter's readings are held; before it, it is judged for good.
    """
    first = np.full(len(rules.meters), EVER, np.int64)
    np.minimum.at(first, fresh.meter, fresh.time)
    begin = _least(rules, first)
    late = (rules.group >= 0) & (begin < held)
    return np.where(late, np.minimum(since, begin), since)


def _least(rules: Rules, time: IntArray) -> IntArray:
    """The least of each meter's and its siblings' times."""
    out = np.full(int(rules.group.max(initial=-1)) + 2, EVER, np.int64)
    np.minimum.at(out, rules.group, time)
    found: IntArray = out[rules.group]
    return found
