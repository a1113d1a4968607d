"""Energy from readings: what each reading says of the time around it, and sums over windows.

A *segment* is a stretch of time over which a meter's power is known: linear
between two samples (`instant`), constant over a mean's interval, or constant
between two register readings. Energy is what segments hold of a window; time
without a segment is missing, never zero.
"""

import math

import numpy as np

from greendc.core.counting import replaced_parts
from greendc.core.facility import EVER, SECOND, IntArray, Meter
from greendc.core.filling import between
from greendc.core.judging import judge
from greendc.core.rules import INSTANT, MEAN_NEXT, MEAN_PREV, NO_KIND, ON_CHANGE, REGISTER, Rules
from greendc.core.segments import Segments, seconds
from greendc.core.shape import shaped
from greendc.core.words import FloatArray, Verdict, Word

__all__ = ["Segments", "seconds", "segments"]

Rows = tuple[IntArray, IntArray, FloatArray]  # meter, time and value of readings


def segments(
    rules: Rules,
    meter: IntArray,
    time: IntArray,
    value: FloatArray,
    verdict: Verdict | None = None,
) -> Segments:
    """What readings say of the time around them (F-6.1, F-6.2, F-6.4).

    Parameters
    ----------
    rules
        The meters' rules; `meter` holds places in them.
    meter, time, value
        Readings sorted by (meter, time) without repeated times. Power [W] or, for
        registers, the energy counted [J]; time in ns.
    verdict
        What is made of the readings, if that is known already.

    Returns
    -------
    Segments
        `instant`: the straight line between samples at most `max_gap` apart.
        `mean_next` and `on_change`: the value until the next reading, at most for
        the nominal interval or `silent_after`; `mean_prev`: backwards alike.
        `register`: the difference of two readings at most `bridge` apart, spread evenly
        between them. What one shows that started again it has counted since, `distributed`
        over as long as it took at its pace after that; what it had counted until then is lost.

    Examples
    --------
    Four samples of one power meter (E-6.1): the trapezoids make 12.5 Wh.

    >>> from greendc.core.facility import Kind, Meter
    >>> meter = Meter("m", "it_in", "power", Kind.INSTANT, 60 * SECOND, 180 * SECOND, 180 * SECOND)
    >>> found = segments(
    ...     Rules.of((meter,)),
    ...     np.zeros(4, np.int64),
    ...     np.array([0, 60, 120, 300]) * SECOND,
    ...     np.array([100.0, 160.0, 180.0, 120.0]),
    ... )
    >>> print(found.energy.sum() / 3600)
    12.5
    """
    verdict = judge(rules, meter, time, value) if verdict is None else verdict
    kind = np.where(verdict.believed & rules.energy[meter], rules.kind[meter], NO_KIND)
    parts = [
        _forward(rules, kind, meter, time, value),
        _backward(rules, kind, meter, time, value),
        _instant(rules, kind, meter, time, value),
        _registers(rules, kind, (meter, time, value), verdict),
    ]
    found = Segments.joined(parts)
    if rules.linear.any():
        found = Segments.beside([found, between(rules, kind, meter, time, value)])
        found = found.where(np.lexsort((found.start, found.meter)))
    return shaped(rules, found)


def _constant(meter: IntArray, start: IntArray, end: IntArray, power: FloatArray) -> Segments:
    keep = end > start
    meter, start, end, power = meter[keep], start[keep], end[keep], power[keep]
    energy = power * seconds(end - start)
    none = np.zeros(len(meter), np.bool_)
    return Segments(meter, start, end, power, power, energy, none, none)


def _forward(
    rules: Rules, kind: IntArray, meter: IntArray, time: IntArray, value: FloatArray
) -> Segments:
    pick = (kind == MEAN_NEXT) | (kind == ON_CHANGE)
    if not pick.all():
        meter, time, value = meter[pick], time[pick], value[pick]
    end = time + rules.hold[meter]
    same = meter[1:] == meter[:-1]
    end[:-1] = np.where(same, np.minimum(end[:-1], time[1:]), end[:-1])
    return _constant(meter, time, end, value)


def _backward(
    rules: Rules, kind: IntArray, meter: IntArray, time: IntArray, value: FloatArray
) -> Segments:
    pick = kind == MEAN_PREV
    if not pick.all():
        meter, time, value = meter[pick], time[pick], value[pick]
    start = time - rules.nominal[meter]
    same = meter[1:] == meter[:-1]
    start[1:] = np.where(same, np.maximum(start[1:], time[:-1]), start[1:])
    return _constant(meter, start, time, value)


def _instant(
    rules: Rules, kind: IntArray, meter: IntArray, time: IntArray, value: FloatArray
) -> Segments:
    pick = kind == INSTANT
    if not pick.all():
        meter, time, value = meter[pick], time[pick], value[pick]
    joined = (meter[1:] == meter[:-1]) & (time[1:] - time[:-1] <= rules.max_gap[meter[1:]])
    start, end = time[:-1][joined], time[1:][joined]
    first, last = value[:-1][joined], value[1:][joined]
    energy = (first + last) / 2
    energy *= seconds(end - start)  # in place: of many readings each column counts
    none = np.zeros(len(start), np.bool_)
    return Segments(meter[1:][joined], start, end, first, last, energy, none, none)


def _registers(rules: Rules, kind: IntArray, rows: Rows, verdict: Verdict) -> Segments:
    meter, time, _ = rows
    used = np.flatnonzero((kind == REGISTER) & (verdict.anchor < np.arange(len(kind))))
    start, end, energy = time[verdict.anchor[used]], time[used], verdict.energy[used]
    far = end - start > rules.max_gap[meter[used]]
    anew = verdict.word[used] == Word.RESET
    if anew.any():
        start = np.where(anew, _begun(rules, verdict, used, (meter, time)), start)
        far |= anew
    with np.errstate(divide="ignore", invalid="ignore"):
        power = energy / seconds(end - start)
    none = np.zeros(len(used), np.bool_)
    found = Segments(meter[used], start, end, power, power, energy, far, none)
    found = found.where(end > start) if anew.any() else found
    for number in rules.factored:
        found = _apart(found, number, rules.meters[number], rows)
        found = _multiplied(found, number, rules.meters[number].factors)
    return found


def _begun(
    rules: Rules, verdict: Verdict, used: IntArray, rows: tuple[IntArray, IntArray]
) -> IntArray:
    """When registers can have begun to count what they show, had they started again there [ns].

    At the pace of the interval after it; in one nominal interval where there is none.
    """
    meter, time = rows
    span = seconds(time[used] - time[verdict.anchor[used]])
    pace = np.zeros(len(time))
    pace[verdict.anchor[used]] = verdict.energy[used] / span
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        took = np.where(pace[used] > 0, verdict.energy[used] / pace[used], np.inf)
    usual = np.where(verdict.energy[used] > 0, seconds(rules.nominal[meter[used]]), 0.0)
    took = np.minimum(np.where(np.isfinite(took), took, usual), span)
    least = verdict.energy[used] > 0  # ns, so that it is not lost
    begun: IntArray = time[used] - np.maximum(np.rint(took * SECOND), least).astype(np.int64)
    return begun


def _apart(found: Segments, number: int, meter: Meter, rows: Rows) -> Segments:
    """Intervals in which a register was exchanged and its factor changes, cut at the exchange.

    What each of both registers has counted is known, and when.
    """
    begins = [start for start, _ in meter.factors[1:]]
    out: list[tuple[int, list[int], list[float]]] = []
    for place in np.flatnonzero(found.meter == number).tolist() if meter.replaced else ():
        start, end = int(found.start[place]), int(found.end[place])
        exchanges = [one for one in meter.replaced if start < one.at <= end]
        if exchanges and any(start < begin < end for begin in begins):
            parts = replaced_parts(meter, *_shown(rows, number, (start, end)), exchanges)
            if exchanges[-1].at == end:  # the new one has had no time of its own
                parts[-2:] = [math.fsum(parts[-2:])]
            out.append((place, [start, *(one.at for one in exchanges if one.at < end), end], parts))
    if not out:
        return found
    count = np.ones(len(found.meter), np.int64)
    count[[place for place, *_ in out]] = [len(parts) for *_, parts in out]
    cut = found.where(np.repeat(np.arange(len(count)), count))
    first = np.cumsum(count) - count
    for place, edges, parts in out:
        own = slice(first[place], first[place] + count[place])
        cut.start[own], cut.end[own], cut.energy[own] = edges[:-1], edges[1:], parts
        cut.power[own] = cut.power_end[own] = parts / seconds(np.diff(edges))
    return cut


def _shown(rows: Rows, number: int, times: tuple[int, int]) -> tuple[float, float]:
    """What a register showed at two times at which it was read."""
    meter, time, value = rows
    lo, hi = np.searchsorted(meter, [number, number + 1])
    first, last = value[lo:hi][np.searchsorted(time[lo:hi], times)].tolist()
    return first, last


def _multiplied(found: Segments, number: int, factors: tuple[tuple[int, float], ...]) -> Segments:
    """What a register has counted times the factors of its time, cut where they change.

    Where they change in a gap nobody knows how much of it was counted before; it is missing.
    """
    begins = np.array([start for start, _ in factors[1:]], np.int64)
    first = np.searchsorted(begins, found.start, "right")
    mine = found.meter == number
    count = np.where(mine, np.searchsorted(begins, found.end, "left") - first + 1, 1)
    count[(count > 1) & found.distributed] = 0
    piece = np.repeat(np.arange(len(count)), count)
    step = first[piece] + np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count)
    cut = (count > 1)[piece]
    edges = np.array([-EVER, *begins, EVER], np.int64)
    start = np.where(cut, np.maximum(found.start[piece], edges[step]), found.start[piece])
    end = np.where(cut, np.minimum(found.end[piece], edges[step + 1]), found.end[piece])
    factor = np.where(mine[piece], np.array([value for _, value in factors])[step], 1.0)
    power = found.power[piece]
    energy = np.where(cut, power * seconds(end - start), found.energy[piece])
    return Segments(
        found.meter[piece], start, end, power * factor, found.power_end[piece] * factor,
        energy * factor, found.distributed[piece], found.estimated[piece],
    )  # fmt: skip
