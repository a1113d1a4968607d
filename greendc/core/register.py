"""Energy registers: which reading each one counts from, and what it is taken for (F-6.4)."""

from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from greendc.core.counting import (
    JITTER,
    LAPS,
    LATER,
    Upcoming,
    jitter,
    lapped,
    max_plausible,
    register_delta,
    replaced_delta,
    returns,
    wild,
)
from greendc.core.facility import EVER, SECOND, IntArray, Meter
from greendc.core.jumps import jumps
from greendc.core.words import LEFT_OUT, BoolArray, FloatArray, Word, WordArray

NO_ANCHOR = -1


class Steps(NamedTuple):
    """What register readings are taken for, what they count from, and the energy between [J]."""

    word: WordArray
    anchor: IntArray
    energy: FloatArray


def register_steps(
    meters: tuple[Meter, ...],
    bridge: IntArray,
    meter: IntArray,
    time: IntArray,
    value: FloatArray,
) -> Steps:
    """Which earlier reading each register reading counts from, the energy between, and why.

    Parameters
    ----------
    meters
        The site's meters; `meter` holds places in them.
    bridge
        The longest silence that each meter counts across [ns].
    meter, time, value
        Readings sorted by (meter, time): ns and the energy counted [J].

    Returns
    -------
    Steps
        The word, the place of the anchor and the energy since it [J]. A reading that
        counting begins with, the first one or the first after a silence longer than
        `bridge`, is its own anchor; one that is rejected or a dip has none (-1). Across such
        a silence a fall is a reset too, after which nothing is counted.

    References
    ----------
    STANDARDS 6.3, F-6.4: rejects and dips keep the anchor.
    """
    own = np.arange(len(meter), dtype=np.int64)
    anew = _anew(bridge, meter, time)
    anchor = np.where(anew, own, own - 1)
    energy = np.diff(value, prepend=value[:1])
    word = np.where(anew, np.int8(Word.BEGAN), np.int8(Word.USED))
    step = np.array([m.step for m in meters])[meter]
    word[np.append(False, meter[1:] == meter[:-1]) & anew & (energy < -step)] = Word.RESET
    energy[anew] = 0.0
    odd = np.unique(meter[~plain_steps(meters, bridge, meter, time, value)])
    for number in odd:
        lo, hi = np.searchsorted(meter, [number, number + 1])
        found = _walk(meters[number], int(bridge[number]), time[lo:hi], value[lo:hi])
        anchor[lo:hi] = np.where(found.anchor >= 0, found.anchor + lo, NO_ANCHOR)
        energy[lo:hi], word[lo:hi] = found.energy, found.word
    word[jumps(meters, meter, time, value, word, anchor)] = Word.JUMP
    return Steps(word, anchor, energy)


def plain_steps(
    meters: tuple[Meter, ...],
    bridge: IntArray,
    meter: IntArray,
    time: IntArray,
    value: FloatArray,
) -> BoolArray:
    """Readings, sorted by (meter, time), that simply count on from the one before.

    >>> from greendc.core.facility import Kind
    >>> wh = Meter("m", "util", "energy", Kind.REGISTER, 60, 60, 60)
    >>> time, value = np.array([0, 60, 120]), np.array([5.0, 7.0, 1.0])
    >>> print(plain_steps((wh,), np.array([900]), np.zeros(3, int), time, value))
    [ True  True False]
    """
    low = np.array([m.range_[0] for m in meters])[meter]
    high = np.array([m.range_[1] for m in meters])[meter]
    rate = np.array([np.inf if m.rating is None else m.rating * 1.2 for m in meters])[meter]
    step = np.array([m.step for m in meters])[meter]
    span = np.diff(time, prepend=time[:1]) / SECOND
    energy = np.diff(value, prepend=value[:1])
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = rate / _least_factors(meters, meter, time)  # infinite where nothing is counted
        counted = (energy >= 0) & ((energy <= rate * span + step) | np.isinf(rate))
    anew = _anew(bridge, meter, time)
    counted &= energy + _moduli(meters, meter) > LAPS * _ahead(meter, span, energy) * span
    plain: BoolArray = (value >= low) & (value <= high) & (anew | counted)
    plain[_first_after_replacements(meters, meter, time)] = False
    return plain


def _moduli(meters: tuple[Meter, ...], meter: IntArray) -> FloatArray:
    """Where each reading's register starts again; infinite where it does not."""
    found: FloatArray = np.array([m.modulus or np.inf for m in meters])[meter]
    return found


def _ahead(meter: IntArray, span: FloatArray, energy: FloatArray) -> FloatArray:
    """What each reading's register counts up to the next one [W]; zero where that is not known.

    `span` [s] and `energy` [J] are those since the reading before.
    """
    pace = np.zeros(len(meter))
    follows = (meter[1:] == meter[:-1]) & (energy[1:] > 0)
    pace[:-1][follows] = energy[1:][follows] / span[1:][follows]
    return pace


def unconfirmed(
    meters: tuple[Meter, ...], meter: IntArray, time: IntArray, value: FloatArray, steps: Steps
) -> IntArray:
    """Places of readings in range that rose so far [1] that the next ones may speak against them.

    Of each meter the last one, and those of the last `LATER` that rose wildly.
    """
    there = np.flatnonzero(steps.word != Word.OUT_OF_RANGE)
    of = meter[there]
    far = np.isin(steps.word[there], (Word.USED, Word.JUMP)) & (steps.energy[there] > 0)
    far &= np.array([m.rating is None for m in meters])[of]
    left = np.searchsorted(of, of, side="right") - np.arange(1, len(of) + 1)
    step = np.array([m.step for m in meters])[of]
    last = there[
        far & (left == 0) & (steps.energy[there] > np.maximum(step, value[there] * JITTER))
    ]
    recent = np.flatnonzero(far & (left > 0) & (left < LATER))
    found = [
        place
        for number, place, following in zip(
            of[recent], there[recent], there[recent + 1], strict=True
        )
        if _wild(meters[number], time, value, steps.anchor[place], place, following)
    ]
    return np.append(last, np.array(found, np.int64))


def may_have_lapped(
    meters: tuple[Meter, ...], meter: IntArray, time: IntArray, steps: Steps
) -> IntArray:
    """Places of last readings whose registers can, for all that is known yet, have gone round."""
    there = np.flatnonzero(steps.word != Word.OUT_OF_RANGE)
    last = there[np.append(meter[there][1:] != meter[there][:-1], True)[: len(there)]]
    last = last[(steps.word[last] < LEFT_OUT) & (steps.anchor[last] >= 0)]
    modulus = np.array([m.modulus for m in meters])[meter[last]]
    found = [
        place
        for place in last[modulus > 0].tolist()
        if _laps(meters[meter[place]], time[[steps.anchor[place], place]], steps.energy[place])
    ]
    return np.array(found, np.int64)


def _laps(meter: Meter, ends: IntArray, energy: float) -> bool:
    """Whether a register can have counted once more around than `energy` [J] between two times."""
    rated = _rated(meter, float(_factors(meter, ends).min()))
    most = max_plausible(rated, int(ends[1] - ends[0]))
    return meter.modulus <= most - energy


def _wild(
    meter: Meter, time: IntArray, value: FloatArray, anchor: int, place: int, following: int
) -> bool:
    """Whether the reading at a place rose wildly from its anchor, by the one that follows."""
    upcoming = Upcoming(float(value[following]), int(time[following] - time[place]))
    span = int(time[place] - time[anchor])
    return wild(meter, float(value[anchor]), float(value[place]), span, upcoming)


def _first_after_replacements(
    meters: tuple[Meter, ...], meter: IntArray, time: IntArray
) -> list[int]:
    """Places of the first readings of new registers."""
    places = []
    for number in [number for number, m in enumerate(meters) if m.replaced]:
        lo, hi = np.searchsorted(meter, [number, number + 1]).tolist()
        first = np.searchsorted(time[lo:hi], [r.at for r in meters[number].replaced]).tolist()
        places += [lo + place for place in first if lo + place < hi]
    return places


def _least_factors(meters: tuple[Meter, ...], meter: IntArray, time: IntArray) -> FloatArray:
    """The lesser of the factors at each reading and the one before it, without sign."""
    out = np.ones(len(meter))
    for number in [number for number, m in enumerate(meters) if m.factors]:
        lo, hi = np.searchsorted(meter, [number, number + 1]).tolist()
        own = _factors(meters[number], time[lo:hi])
        out[lo:hi] = np.minimum(own, np.append(own[:1], own[:-1]))
    return out


def _factors(meter: Meter, time: IntArray) -> FloatArray:
    """What a register's count is multiplied by at some times, without sign."""
    begins = np.array([start for start, _ in meter.factors[1:]], np.int64)
    values = np.abs(np.array([value for _, value in meter.factors] or [1.0]))
    found: FloatArray = values[np.searchsorted(begins, time, "right")]
    return found


def _anew(bridge: IntArray, meter: IntArray, time: IntArray) -> BoolArray:
    """Readings that no earlier one is near enough to be counted from."""
    anew = np.ones(len(meter), np.bool_)
    anew[1:] = (meter[1:] != meter[:-1]) | (np.diff(time) > bridge[meter[1:]])
    return anew


def _walk(meter: Meter, bridge: int, time: IntArray, value: FloatArray) -> Steps:
    place = np.full(len(time), NO_ANCHOR, np.int64)
    steps = np.zeros(len(time))
    word = np.full(len(time), Word.OUT_OF_RANGE, np.int8)
    low, high = meter.range_
    factors, anchor, last, begun = _factors(meter, time), NO_ANCHOR, NO_ANCHOR, NO_ANCHOR
    for i in range(len(time)):
        if not low <= value[i] <= high:
            continue
        seen, last = last, i
        if anchor < 0 or time[i] - time[anchor] > bridge:
            fell = anchor >= 0 and value[i] - value[anchor] < -meter.step
            place[i], word[i], anchor = i, Word.RESET if fell else Word.BEGAN, i
            continue
        before, now, span = float(value[anchor]), float(value[i]), int(time[i] - time[anchor])
        between = [r for r in meter.replaced if time[anchor] < r.at <= time[i]]
        rated = _rated(meter, min(factors[anchor], factors[i]))
        if between:
            delta = replaced_delta(rated, before, now, span, between)
            word[i] = Word.IMPLAUSIBLE if delta is None else Word.REPLACED
        else:
            # what had fallen before and was not believed has begun again then, if ever
            begun = i if seen == anchor or now < value[seen] else begun
            delta, word[i] = _counted(meter, rated, time, value, (anchor, begun, i))
        if delta is not None:
            place[i], steps[i], anchor = i if word[i] == Word.LAPPED else anchor, delta, i
    return Steps(word, place, steps)


def _counted(
    meter: Meter, rated: Meter, time: IntArray, value: FloatArray, places: tuple[int, int, int]
) -> tuple[float | None, Word]:
    """Energy between the readings at an anchor and at a place, none being replaced between; why.

    `places` are that of the anchor, of where a reset would have begun, and of the reading.
    """
    anchor, begun, place = places
    before, now, span = float(value[anchor]), float(value[place]), int(time[place] - time[anchor])
    since = Upcoming(float(value[begun]), int(time[begun] - time[anchor]))
    upcoming = _upcoming(meter, time, value, place)
    risen = wild(rated, before, now, span, upcoming)
    if risen and returns(meter, before, now, _later(meter, time, value, place)):
        return None, _word(meter, before, now, None)
    delta = register_delta(rated, before, now, span, upcoming, since)
    if delta is not None and lapped(rated, now, delta, span, upcoming):
        return 0.0, Word.LAPPED
    return delta, _word(meter, before, now, delta)


def _upcoming(meter: Meter, time: IntArray, value: FloatArray, place: int) -> Upcoming | None:
    """The reading after a place that is the next one in range."""
    low, high = meter.range_
    good = (i for i in range(place + 1, len(time)) if low <= value[i] <= high)
    after = next(good, None)
    if after is None:
        return None
    return Upcoming(float(value[after]), int(time[after] - time[place]))


def _later(meter: Meter, time: IntArray, value: FloatArray, place: int) -> list[float]:
    """What the readings in range after a place show, as many as can tell of it.

    A register that is declared to have replaced this one tells nothing of it.
    """
    low, high = meter.range_
    exchanged = next((r.at for r in meter.replaced if r.at > time[place]), EVER)
    end = int(np.searchsorted(time, exchanged))
    good = (float(v) for v in value[place + 1 : end] if low <= v <= high)
    return list(islice(good, LATER))


def _rated(meter: Meter, factor: float) -> Meter:
    """The meter with a rating of what it counts, before that is multiplied."""
    if factor == 1.0 or meter.rating is None:
        return meter
    return replace(meter, rating=meter.rating / factor if factor else None)


def _word(meter: Meter, before: float, now: float, delta: float | None) -> Word:
    """What a reading was taken for, by the energy that it counts."""
    if delta is None:
        return Word.DIP if 0 < before - now <= jitter(meter, before) else Word.IMPLAUSIBLE
    if now >= before:
        return Word.USED
    return Word.RESET if delta == now else Word.ROLLOVER
