"""Which closed cells a reading may change: where what is known before and after it differs."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from greendc.core.counting import LATER
from greendc.core.energy import Segments, seconds
from greendc.core.facility import EVER, HOUR, IntArray
from greendc.core.judging import judge
from greendc.core.leftout import LeftOut, differing
from greendc.core.readings import BoolArray, Readings, firsts, merged
from greendc.core.register import plain_steps, register_steps
from greendc.core.rules import REGISTER, Rules
from greendc.core.touched import runs
from greendc.core.words import LEFT_OUT, Before

Span = tuple[int, int]
Dirty = tuple[int, Span]  # a meter and the span in which what is known of it has changed


class History(Protocol):
    """Known readings that a site no longer holds in memory; meters by their place."""

    def readings(self, lo: int, hi: int) -> Readings:
        """All with `lo` <= time < `hi`."""
        ...

    def around(self, meter: int, lo: int, hi: int, count: int) -> Readings:
        """The nearest `count` of a meter before `lo` and as many from `hi` on."""
        ...

    def left_out(self, lo: int, hi: int, seq: int) -> LeftOut:
        """Refused readings with `lo` <= time < `hi` of journal entries up to `seq`."""
        ...


CONTEXT = 64  # readings of a meter before a late one that decide whether it is believed


def unsettled_upto(
    rules: Rules, parts: Iterable[Readings], sealed: IntArray, before: Before
) -> int:
    """Up to where closing by silence and what comes after may disagree; -EVER: nowhere.

    Three things tell of time that may have been closed as silent: a reading that reaches
    back over more than `silent_after`, a register that does not simply count on, and what one with
    a power has counted across the time up to which an end of input closed it (`sealed`).
    `parts` are all that is held of the meters and what is to be added; a meter of -1 is none.
    `before` tells of the first ones.
    """
    registers = rules.kind == REGISTER
    backwards = np.append(rules.backwards, False)
    if not backwards.any():
        return -EVER
    rows = merged([part.where(backwards[part.meter]) for part in parts]).readings
    if (rules.judged & rules.linear).any():  # what is left out does not end a gap
        good = judge(rules, rows.meter, rows.time, rows.value, before).word < LEFT_OUT
        rows = rows.where(good | registers[rows.meter])
    if not len(rows):
        return -EVER
    gap = np.diff(rows.time, prepend=rows.time[:1])
    gap[_first(rows)] = EVER  # of the first reading only an interval mean tells of before
    # what a register counts in a gap is spread as in days that have to be in the ledger by then
    told = np.where(registers, np.minimum(rules.silent_after, rules.max_gap), rules.silent_after)
    far = gap > told[rows.meter]
    register = registers[rows.meter]
    far &= ~(_first(rows) & register)
    part = rows.where(register)
    plain = plain_steps(rules.meters, rules.bridge, part.meter, part.time, part.value)
    if not plain.all():
        return EVER
    # a register that has come back waits for the power that gives it its shape
    after, across = np.zeros(len(rules.meters), np.int64), np.full(len(rules.meters), EVER)
    across[rules.registers] = sealed[rules.registers]
    open_ = rows.time > across[rows.meter]
    far |= open_ & ~_first(rows) & ~np.append(False, open_[:-1])
    after[rules.registers] = (rules.silent_after + rules.reach)[rules.powers]
    return int((rows.time + after[rows.meter])[far].max(initial=-EVER))


def reached(rules: Rules, old: Readings) -> list[Dirty]:
    """Spans that readings older than all that is held of their meters may change.

    Of registers and of meters with rules there are none: see `recalled`.
    """
    reach = rules.reach[old.meter]
    lo, hi = (old.time - reach).tolist(), (old.time + reach).tolist()
    return list(zip(old.meter.tolist(), zip(lo, hi, strict=True), strict=True))


def amid(rules: Rules, held: Readings, fresh: Readings) -> BoolArray:
    """Which readings come among those that say whether a rise before all that is held can be.

    Of registers without a rating, among the first `LATER` that are held and in range.

    >>> from greendc.core.facility import Kind, Meter
    >>> rules = Rules.of((Meter("wh", "util", "energy", Kind.REGISTER, 60, 60, 60),))
    >>> def rows(*times: int) -> Readings:
    ...     none = np.zeros(len(times), np.int64)
    ...     return Readings(none, none, np.array(times), np.zeros(len(times)))
    >>> print(amid(rules, rows(*range(100, 120)), rows(105, 111, 120)))
    [ True False False]
    """
    border = np.searchsorted(held.meter, np.arange(len(rules.meters) + 1))
    nth = np.minimum(border[:-1] + LATER, border[1:]) - 1
    upto = np.where(nth >= border[:-1], np.append(held.time, -EVER)[nth], -EVER)
    found: BoolArray = fresh.time < np.where(rules.unrated, upto, -EVER)[fresh.meter]
    return found


def recalled(rules: Rules, history: History, since: IntArray, held: IntArray) -> Readings:
    """Readings no longer held that meters are to be judged among from `since` on; EVER: none.

    `held` is from when on each meter's readings are held [ns]. What is believed of all later
    readings, held ones included, can hang on a late one.
    """
    since = since.copy()
    both = np.minimum(since[rules.registers], since[rules.powers])
    since[rules.registers] = since[rules.powers] = both
    parts = []
    for meter in np.flatnonzero(since < EVER).tolist():
        first = int(since[meter])
        later = history.readings(first - rules.memory, int(held[meter]))
        near = history.around(meter, first, first, CONTEXT)
        parts += [later.where(later.meter == meter), near.where(near.time < first)]
    begin = firsts(merged(parts).readings, len(rules.meters))
    for register, power in _pairs(rules):
        if begin[register] > -EVER:
            parts += _of_power(history, power, int(begin[register]), int(held[power]))
    return merged(parts).readings


def _pairs(rules: Rules) -> Iterator[tuple[int, int]]:
    return zip(rules.registers.tolist(), rules.powers.tolist(), strict=True)


def _of_power(history: History, power: int, lo: int, hi: int) -> Iterator[Readings]:
    """Readings of a power between two times, and those beside them."""
    later = history.readings(lo, hi)
    near = history.around(power, lo, hi, CONTEXT)
    yield later.where(later.meter == power)
    yield near


def stood_at(history: History, old: Readings) -> Readings:
    """Readings no longer held that stood around the times of older ones, one for each time."""
    times = ((time, time + 1) for time in np.unique(old.time).tolist())
    return merged([history.readings(lo, hi) for lo, hi in runs(times, apart=HOUR)]).readings


def gathered(
    rules: Rules, history: History, held: Readings, lo: int, hi: int
) -> Iterator[Readings]:
    """Readings no longer held that the cells of [lo, hi) rest on, beside those `held`."""
    among = rules.among
    reach = int(rules.reach[~(rules.kind == REGISTER)].max(initial=0))
    yield history.readings(lo - reach - rules.memory, hi + reach)
    near = [
        history.around(meter, lo - reach, hi + reach, CONTEXT)
        for meter in np.flatnonzero(among & rules.energy).tolist()
    ]
    yield from near
    if len(rules.registers):
        known = merged([*near, history.readings(lo - reach, hi + reach), held]).readings
        for power, begin, end in _shapes(rules, known, lo, hi):
            yield from _of_power(history, power, begin - rules.memory, end)


def _shapes(rules: Rules, rows: Readings, lo: int, hi: int) -> Iterator[tuple[int, int, int]]:
    """Powers, and over which time they shape what registers have counted in [lo, hi)."""
    rows = rows.where(np.isin(rows.meter, rules.registers))
    steps = register_steps(rules.meters, rules.bridge, rows.meter, rows.time, rows.value)
    begin, end = rows.time[steps.anchor], rows.time
    inside = (steps.anchor >= 0) & (begin < hi) & (end > lo)
    for register, power in _pairs(rules):
        mine = inside & (rows.meter == register)
        if mine.any():
            yield power, int(begin[mine].min()), int(end[mine].max())


def changed(before: Segments, after: Segments, sealed: IntArray) -> Iterator[Dirty]:
    """Spans that begin before what is sealed of each meter and in which two states differ.

    Examples
    --------
    The mean of one minute is cut short by a reading half a minute later:

    >>> def one(end: int) -> Segments:
    ...     span = np.array([0]), np.array([0]), np.array([end])
    ...     energy, none = np.array([end / 1e9]), np.zeros(1, bool)
    ...     return Segments(*span, np.ones(1), np.ones(1), energy, none, none)
    >>> list(changed(one(60), one(30), np.array([45])))
    [(0, (30, 60))]
    """
    before = before.where(before.start < sealed[before.meter])
    after = after.where(after.start < sealed[after.meter])
    differing = _differing(before, after, len(sealed))
    gone, new = _rows(before.of(differing)), _rows(after.of(differing))
    gone, new = gone - new, new - gone
    for rows, others in ((gone, new), (new, gone)):
        level = {(m, a, p, *marks): b for m, a, b, p, _, _, *marks in others}
        for meter, start, end, power, _, _, *marks, constant in rows:
            # of a constant power with another end only what lies between the ends differs
            lo = level.get((meter, start, power, *marks, True), start) if constant else start
            if lo < min(end, int(sealed[meter])):
                yield meter, (lo, end)


def told_otherwise(before: LeftOut, after: LeftOut, sealed: IntArray) -> list[Dirty]:
    """Times, before what is sealed of each meter, of readings left out as in one state only.

    >>> one = LeftOut(np.zeros(2, int), np.array([60, 120]), np.array([19, 19]))
    >>> other = LeftOut(np.zeros(2, int), np.array([60, 120]), np.array([19, 23]))
    >>> told_otherwise(one, other, np.array([600]))
    [(0, (120, 121))]
    """
    then, now = (left.where(left.time < sealed[left.meter]) for left in (before, after))
    left = differing(then, now)
    spans = zip(left.time.tolist(), (left.time + 1).tolist(), strict=True)
    return sorted(set(zip(left.meter.tolist(), spans, strict=True)))


def _differing(before: Segments, after: Segments, meters: int) -> BoolArray:
    """Which meters may have other segments in one state than in the other."""
    counts = [np.bincount(found.meter, minlength=meters) for found in (before, after)]
    found: BoolArray = counts[0] != counts[1]
    one, other = before.of(~found), after.of(~found)
    for name in Segments.__slots__:
        found[one.meter[getattr(one, name) != getattr(other, name)]] = True
    return found


def _rows(found: Segments) -> set[tuple[int, int, int, float, float, float, bool, bool, bool]]:
    """Their columns, and whether each piece of one holds power by time, to the last bit."""
    constant = found.energy == found.power * seconds(found.end - found.start)
    constant &= found.power == found.power_end
    columns = (
        found.meter, found.start, found.end, found.power, found.power_end,
        found.energy, found.distributed, found.estimated, constant,
    )  # fmt: skip
    return set(zip(*[column.tolist() for column in columns], strict=True))


def _first(rows: Readings) -> BoolArray:
    first = np.ones(len(rows), np.bool_)
    first[1:] = rows.meter[1:] != rows.meter[:-1]
    return first
