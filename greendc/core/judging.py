"""What is made of the readings of a site's meters."""

from dataclasses import dataclass

import numpy as np

from greendc.core.facility import EVER, IntArray
from greendc.core.readings import Readings, firsts
from greendc.core.register import may_have_lapped, register_steps, unconfirmed
from greendc.core.rules import REGISTER, Rules
from greendc.core.siblings import excused, moved_last
from greendc.core.suspicion import near, spikes, too_fast, unchanged_since
from greendc.core.tables import same
from greendc.core.words import LEFT_OUT, Before, BoolArray, FloatArray, Verdict, Word


def judge(
    rules: Rules,
    meter: IntArray,
    time: IntArray,
    value: FloatArray,
    before: Before | None = None,
) -> Verdict:
    """Give each reading its word.

    The words follow from the readings alone, in whatever order they came.

    Parameters
    ----------
    rules
        The meters' rules; `meter` holds places in them.
    meter, time, value
        Readings sorted by (meter, time) without repeated times, in base units and ns.
    before
        What is known of the first ones; without it nothing came before them.

    Examples
    --------
    A register of 1 kW that shows 1 GWh once:

    >>> from greendc.core.facility import SECOND, Kind, Meter
    >>> feed = Meter("m", "util", "energy", Kind.REGISTER, 60, 60, 60, rating=1e3)
    >>> time, value = np.arange(3) * 60 * SECOND, np.array([0.0, 3.6e12, 6e4])
    >>> found = judge(Rules.of((feed,)), np.zeros(3, int), time, value)
    >>> print(*[Word(word).label for word in found.word])
    began implausible used
    """
    return _Judge(rules, meter, time, value, before or Before.nothing(len(rules.meters))).verdict()


def rests_on(rules: Rules, rows: Readings, verdict: Verdict, upto: IntArray) -> IntArray:
    """Place of each meter's last reading that what lies after `upto` can rest on; -1: none.

    Words of later readings do not depend on those before it, as long as it is known of it what
    `Before` holds.

    Parameters
    ----------
    rules, rows, verdict
        The meters' rules, their sorted readings and what is made of them.
    upto
        Of each meter [ns].
    """
    upto = np.minimum(upto, verdict.decided)
    # what the power's readings say of the time before them changes registers as well
    upto[rules.registers] -= rules.reach[rules.powers]
    first = _last_place(rows, verdict.believed & (rows.time <= upto[rows.meter]), len(upto))
    first = _before_resets(verdict, first)
    if len(rules.registers):
        upto[rules.powers] = _shaped_from(rules, rows, first, upto)
        last = _last_place(rows, verdict.believed & (rows.time <= upto[rows.meter]), len(upto))
        first[rules.powers] = last[rules.powers]
    if not rules.judged.any():
        return first
    # where none has been believed for long, the newest one tells as much as the last believed
    far = np.maximum(rules.reach, rules.silent_after)
    time = np.where(first >= 0, np.append(rows.time, -EVER)[first], -EVER)
    stale = rules.judged & (time < upto - 2 * far)
    old = stale[rows.meter] & (rows.time <= (upto - far)[rows.meter])
    return np.maximum(first, _last_place(rows, old, len(upto)))


def _before_resets(verdict: Verdict, first: IntArray) -> IntArray:
    """The readings that resets count from: the pace after a reset says when it has begun."""
    first = first.copy()
    while True:
        there = np.flatnonzero(first >= 0)
        there = there[verdict.word[first[there]] == Word.RESET]
        anchor = verdict.anchor[first[there]]
        if (anchor == first[there]).all():
            return first
        first[there] = anchor


def _shaped_from(rules: Rules, rows: Readings, first: IntArray, upto: IntArray) -> IntArray:
    """From when on registers, from their `first` reading on, rest on each power [ns]."""
    registers, powers = rules.registers, rules.powers
    place = first[registers]
    begin = firsts(rows, len(upto))[registers]
    begin = np.where(place >= 0, np.append(rows.time, 0)[place], begin)
    counts = begin > -EVER  # registers that say anything
    begin = np.maximum(begin, upto[registers] - rules.bridge[registers])
    found: IntArray = np.minimum(upto[powers], upto[registers])
    return np.where(counts, np.minimum(found, begin), found)


def _last_place(rows: Readings, mask: BoolArray, meters: int) -> IntArray:
    last = np.full(meters, -1, np.int64)
    place = np.flatnonzero(mask)
    last[rows.meter[place]] = place
    return last


@dataclass(frozen=True, slots=True)
class _Judge:
    rules: Rules
    meter: IntArray
    time: IntArray
    value: FloatArray
    before: Before

    def verdict(self) -> Verdict:
        count, judged = len(self.meter), bool(self.rules.judged.any())
        registers = np.flatnonzero(self.rules.kind[self.meter] == REGISTER)
        found = Verdict(  # columns that nothing is written to take no room
            np.full(count, Word.USED, np.int8),
            np.arange(count, dtype=np.int64),
            np.zeros(count) if len(registers) else np.broadcast_to(0.0, count),
            self.time.copy() if judged else self.time,
            np.full(count, -EVER, np.int64) if judged else same(-EVER, count),
            np.full(len(self.rules.meters), EVER, np.int64),
            np.full(len(self.rules.meters), EVER, np.int64),
        )
        known = self._known()
        if judged:
            self._suspect(found, known)
        if len(registers):
            self._count(found, registers)
        found.word[known] = self.before.word[self.meter[known]]
        found.anchor[found.word >= LEFT_OUT] = -1
        return found

    def _known(self) -> IntArray:
        """Places of first readings of which is known what they were among those before them."""
        meter = self.meter
        first = np.flatnonzero(np.append(True, meter[1:] != meter[:-1])[: len(meter)])
        known: IntArray = first[self.before.time[meter[first]] == self.time[first]]
        return known

    def _count(self, found: Verdict, place: IntArray) -> None:
        rules, columns = self.rules, (self.meter[place], self.time[place], self.value[place])
        steps = register_steps(rules.meters, rules.bridge, *columns)
        found.word[place], found.energy[place] = steps.word, steps.energy
        found.anchor[place] = np.where(steps.anchor >= 0, place[steps.anchor], -1)
        risen = place[unconfirmed(rules.meters, *columns, steps)]
        round_ = place[may_have_lapped(rules.meters, *columns[:2], steps)]
        gap = self.time[round_] - self.time[found.anchor[round_]]
        behind = round_[gap > rules.max_gap[self.meter[round_]]]
        for open_, upto in (
            (np.append(risen, round_), found.decided),
            (np.append(risen, behind), found.awaited),
        ):
            np.minimum.at(upto, self.meter[open_], self.time[found.anchor[open_]])

    def _suspect(self, found: Verdict, known: IntArray) -> None:
        rules, place = self.rules, np.flatnonzero(self.rules.judged[self.meter])
        meter, time, value = self.meter[place], self.time[place], self.value[place]
        follows = near(meter, time, rules.silent_after)
        first = np.searchsorted(place, known[rules.judged[self.meter[known]]])
        since = unchanged_since(follows, time, value, first, self.before.since[meter[first]])
        known_moves = first, self.before.moved[meter[first]]
        moved = moved_last(follows, meter, time, value, known_moves)
        word = np.full(len(place), Word.USED, np.int8)
        still = time - since >= rules.frozen[meter]
        word[still] = Word.FROZEN
        suspects = np.flatnonzero(still & (rules.group[meter] >= 0))
        if len(suspects):
            word[excused(rules, meter, time, moved, suspects)] = Word.USED
        word[spikes(follows, value, rules.spike[meter])] = Word.SPIKE
        word[first] = self.before.word[meter[first]]
        for number in np.flatnonzero(np.isfinite(rules.rate)).tolist():
            lo, hi = np.searchsorted(meter, [number, number + 1])
            good = word[lo:hi] < LEFT_OUT
            limits = float(rules.rate[number]), int(rules.silent_after[number])
            word[lo:hi][too_fast(good, time[lo:hi], value[lo:hi], *limits)] = Word.RATE
        found.word[place], found.since[place], found.moved[place] = word, since, moved
        self._wait(found, meter, time, self._open(follows, meter, value), word < LEFT_OUT)

    def _open(self, follows: BoolArray, meter: IntArray, value: FloatArray) -> IntArray:
        """Places of last readings that the next one may show to be spikes."""
        last = np.append(meter[1:] != meter[:-1], True)[: len(meter)]
        step = np.abs(np.diff(value, prepend=value[:1]))
        place: IntArray = np.flatnonzero(last & follows & (step > self.rules.spike[meter]))
        return place

    @staticmethod
    def _wait(
        found: Verdict, meter: IntArray, time: IntArray, place: IntArray, good: BoolArray
    ) -> None:
        """From the last one believed before such a reading on nothing is decided."""
        last = np.maximum.accumulate(np.where(good, np.arange(len(good)), -1))[place - 1]
        own = (last >= 0) & (meter[last] == meter[place])
        upto = time[np.where(own, last, place - 1)]
        found.decided[meter[place]] = found.awaited[meter[place]] = upto
