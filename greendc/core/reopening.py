"""Which closed cells a reading may change: where what is known before and after it differs."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from greendc.core.energy import Segments
from greendc.core.facility import EVER, HOUR, IntArray
from greendc.core.readings import BoolArray, Readings, merged
from greendc.core.register import plain_steps
from greendc.core.rules import REGISTER, Rules
from greendc.core.touched import runs

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


CONTEXT = 64  # readings of a meter before a late one that decide whether it is believed


def unsettled_upto(rules: Rules, parts: Iterable[Readings]) -> int:
    """Up to where closing by silence and what comes after may disagree; -EVER: nowhere.

    Two things tell of time that may have been closed as silent: a reading that reaches
    back over more than `silent_after`, and a register that does not simply count on.
    `parts` are all that is held of the meters and what is to be added; a meter of -1 is none.
    """
    registers = rules.kind == REGISTER
    backwards = np.append(registers | ((rules.reach > rules.silent_after) & ~rules.causal), False)
    if not backwards.any():
        return -EVER
    rows = merged([part.where(backwards[part.meter]) for part in parts]).readings
    if not len(rows):
        return -EVER
    gap = np.diff(rows.time, prepend=rows.time[:1])
    gap[_first(rows)] = EVER  # of the first reading only an interval mean tells of before
    far = gap > rules.silent_after[rows.meter]
    register = registers[rows.meter]
    far &= ~(_first(rows) & register)
    part = rows.where(register)
    plain = plain_steps(rules.meters, rules.bridge, part.meter, part.time, part.value)
    if not plain.all():
        return EVER
    return int(rows.time[far].max(initial=-EVER))


def reached(rules: Rules, old: Readings) -> list[Dirty]:
    """Spans that readings older than all that is held of their meters may change.

    Of registers and of meters with rules there are none: see `recalled`.
    """
    reach = rules.reach[old.meter]
    lo, hi = (old.time - reach).tolist(), (old.time + reach).tolist()
    return list(zip(old.meter.tolist(), zip(lo, hi, strict=True), strict=True))


def recalled(rules: Rules, history: History, old: Readings, held_from: IntArray) -> Readings:
    """Readings no longer held that older ones than `held_from` are to be judged among.

    What is believed of all later readings, held ones included, can hang on a late one.
    """
    parts = []
    for meter in np.unique(old.meter).tolist():
        first = int(old.time[old.meter == meter].min())
        later = history.readings(first - rules.memory, int(held_from[meter]))
        near = history.around(meter, first, first, CONTEXT)
        parts += [later.where(later.meter == meter), near.where(near.time < first)]
    return merged(parts).readings


def stood_at(history: History, old: Readings) -> Readings:
    """Readings no longer held that stood around the times of older ones, one for each time."""
    times = ((time, time + 1) for time in np.unique(old.time).tolist())
    return merged([history.readings(lo, hi) for lo, hi in runs(times, apart=HOUR)]).readings


def gathered(rules: Rules, history: History, lo: int, hi: int) -> Iterator[Readings]:
    """Readings no longer held that the cells of [lo, hi) rest on."""
    among = rules.among
    reach = int(rules.reach[~(rules.kind == REGISTER)].max(initial=0))
    yield history.readings(lo - reach - rules.memory, hi + reach)
    for meter in np.flatnonzero(among & rules.energy).tolist():
        yield history.around(meter, lo - reach, hi + reach, CONTEXT)


def changed(before: Segments, after: Segments, sealed: IntArray) -> Iterator[Dirty]:
    """Spans that begin before what is sealed of each meter and in which two states differ.

    Examples
    --------
    The mean of one minute is cut short by a reading half a minute later:

    >>> def one(end: int) -> Segments:
    ...     span = np.array([0]), np.array([0]), np.array([end])
    ...     energy, none = np.array([float(end)]), np.zeros(1, bool)
    ...     return Segments(*span, np.ones(1), np.ones(1), energy, none)
    >>> list(changed(one(60), one(30), np.array([45])))
    [(0, (30, 60))]
    """
    before = before.where(before.start < sealed[before.meter])
    after = after.where(after.start < sealed[after.meter])
    gone, new = _rows(before), _rows(after)
    gone, new = gone - new, new - gone
    for rows, others in ((gone, new), (new, gone)):
        level = {(m, a, p, spread): b for m, a, b, p, q, _, spread in others if p == q}
        for meter, start, end, power, last, _, spread in rows:
            # of a constant power with another end only what lies between the ends differs
            key = meter, start, power, spread
            lo = min(end, level[key]) if power == last and key in level else start
            if lo < min(end, int(sealed[meter])):
                yield meter, (lo, end)


def _rows(found: Segments) -> set[tuple[int, int, int, float, float, float, bool]]:
    columns = (
        found.meter, found.start, found.end,
        found.power, found.power_end, found.energy, found.distributed,
    )  # fmt: skip
    return set(zip(*[column.tolist() for column in columns], strict=True))


def _first(rows: Readings) -> BoolArray:
    first = np.ones(len(rows), np.bool_)
    first[1:] = rows.meter[1:] != rows.meter[:-1]
    return first
