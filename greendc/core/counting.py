"""Energy between two register readings: rollover, reset, dip, nonsense told apart (F-6.4)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from greendc.core.facility import SECOND, Meter, Replacement

PACES = 10.0  # what a register without a rating may count faster, before it goes on, than then
JITTER = 1e-3  # of what is shown: how far one without a declared step may go back
WILD = 0.1  # of what was shown: a rise by more is held against the readings of some time [1]
LATER = 12  # readings after it that may be back where it came from [1]
LAPS = 2.0  # times its pace up to the next reading that a register may have counted at, unseen
AROUND = 1e-2  # of the modulus: how far from it both ends of a rollover may lie, whatever the pace


class Upcoming(NamedTuple):
    """A later reading that is in range: what it shows [J], and how long after [ns]."""

    value: float
    span: int


def max_plausible(meter: Meter, span: int) -> float:
    """Most energy in J that a meter can have counted in `span` ns: 1.2 x its rating, and a step.

    Infinite for a meter without a rating: nothing is called implausible there.
    """
    if meter.rating is None:
        return float("inf")
    return meter.rating * 1.2 * span / SECOND + meter.step


def jitter(meter: Meter, before: float) -> float:
    """How far in J a register may go back from what it shows [J] and mean nothing by it.

    By a step; where none is declared, by a thousandth of what is shown.
    """
    return (meter.step or before * JITTER) + before * 1e-12  # what numbers in decimals are off by


def replaced_delta(
    meter: Meter, before: float, now: float, span: int, between: Sequence[Replacement]
) -> float | None:
    """Energy counted between two readings with replacements between them, in J.

    ``delta = (final - before) + (now - initial)``; None where the readings do not fit the
    replacement, and the earlier reading stays the anchor.

    Parameters
    ----------
    meter
        Its rating.
    before, now
        The anchor's reading and this one. [J]
    span
        Time between them. [ns]
    between
        The replacements, in the order of time.

    Examples
    --------
    The old register went on from 12.0 to 12.2, the new one from 500 to 500.1:

    >>> from greendc.core.facility import Kind
    >>> wh = Meter("m", "util", "energy", Kind.REGISTER, 60, 60, 60)
    >>> print(round(replaced_delta(wh, 12.0, 500.1, 60, [Replacement(30, 12.2, 500.0)]), 9))
    0.3
    """
    parts = replaced_parts(meter, before, now, between)
    delta = math.fsum(parts)
    return delta if min(parts) >= 0 and delta <= max_plausible(meter, span) else None


def replaced_parts(
    meter: Meter, before: float, now: float, between: Sequence[Replacement]
) -> list[float]:
    """What each of several registers has counted between two readings [J], in the order of time.

    Back by jitter is nothing, beyond the modulus a rollover; what is negative cannot be.

    Examples
    --------
    A register of 1000 J that had gone round before it was exchanged:

    >>> from greendc.core.facility import Kind
    >>> joule = Meter("m", "util", "energy", Kind.REGISTER, 60, 60, 60, modulus=1000.0)
    >>> print(replaced_parts(joule, 999.5, 501.0, [Replacement(30, 3.0, 500.0)]))
    [3.5, 1.0]
    """
    ends = [*(exchange.final for exchange in between), now]
    begins = [before, *(exchange.initial for exchange in between)]
    return [_part(meter, *pair) for pair in zip(begins, ends, strict=True)]


def _part(meter: Meter, begin: float, end: float) -> float:
    if 0 < begin - end <= jitter(meter, begin):
        return 0.0
    little = max(meter.modulus - begin, end) <= AROUND * meter.modulus
    around = end < begin <= meter.modulus and (meter.rating is not None or little)
    return end - begin + meter.modulus if around else end - begin


def register_delta(
    meter: Meter,
    before: float,
    now: float,
    span: int,
    upcoming: Upcoming | None,
    begun: Upcoming | None = None,
) -> float | None:
    """Energy counted between two readings of a register, in J.

    ``delta = now - before``; ``now + (modulus - before)`` after a rollover; ``now`` after a
    reset; None where the reading is a dip of at most one step or cannot be
    believed, and the earlier reading stays the anchor. Without a rating the next reading
    bounds what can have been counted.

    Parameters
    ----------
    meter
        Its modulus, step and rating.
    before, now
        The anchor's reading and this one. [J]
    span
        Time between them. [ns]
    upcoming
        The next reading in range, None if there is none yet; a reset is believed
        only once the count goes on from it, and a rise not where it goes back from it.
    begun
        The first reading after the anchor from which the count has not fallen: what it shows, a
        reset must have counted by then. None where that is this one.

    References
    ----------
    STANDARDS F-6.4; E-6.2: a 32-bit register counts 250 from 4294967196 to 150.

    Examples
    --------
    >>> from greendc.core.facility import Kind
    >>> wh = Meter("m", "util", "energy", Kind.REGISTER, 60, 60, 60, modulus=2.0**32, rating=1e3)
    >>> print(register_delta(wh, 4294967196.0, 150.0, 900 * SECOND, None))
    250.0
    """
    delta = now - before
    if delta >= 0:
        return delta if _rises(meter, before, now, span, upcoming) else None
    if -delta <= jitter(meter, before):
        return None
    if before <= meter.modulus and _rolls_over(meter, before, now, span, upcoming):
        return delta + meter.modulus
    if upcoming is None:
        return None
    first = begun or Upcoming(now, span)
    later = Upcoming(upcoming.value, upcoming.span + span - first.span)
    return now if _goes_on(meter, before, first.value, first.span, later) else None


def _rises(meter: Meter, before: float, now: float, span: int, upcoming: Upcoming | None) -> bool:
    """Whether a register can have counted what it shows more.

    Without a rating the next reading speaks against one by far that is back where the count came
    from [1].
    """
    if meter.rating is not None:
        return now - before <= max_plausible(meter, span)
    if upcoming is None or now - before <= max(meter.step, now * JITTER):
        return True
    back = upcoming.value < now - jitter(meter, now)
    return not back or upcoming.value < before - jitter(meter, before)


def wild(meter: Meter, before: float, now: float, span: int, upcoming: Upcoming | None) -> bool:
    """Whether a register without a rating rises so far that the next reading does not confirm it.

    By more than `WILD` of what it showed, and faster than `PACES` times its pace from there on.
    """
    risen = now - before
    if meter.rating is not None or upcoming is None or risen <= WILD * abs(before):
        return False
    counted = max(upcoming.value - now, 0.0)
    return risen > PACES * counted / upcoming.span * span + meter.step


def returns(meter: Meter, before: float, now: float, later: Sequence[float]) -> bool:
    """Whether a register that has risen wildly is `later` back where it came from.

    A gateway says again and again what it has been told once. The first reading that is less
    tells: between both the count goes on as if nothing had been, below them it has begun again.
    """
    fell = next((value for value in later if value < now - jitter(meter, now)), None)
    return fell is not None and fell >= before - jitter(meter, before)


def lapped(meter: Meter, now: float, delta: float, span: int, upcoming: Upcoming | None) -> bool:
    """Whether a register can have gone round once more than two readings show.

    Where `LAPS` times its pace from there on, and its rating, allow `delta` and a modulus more in
    `span` ns, nothing tells how often it has gone round.

    Parameters
    ----------
    meter
        Its modulus and rating.
    now
        What it shows at the end. [J]
    delta
        What it has counted at least. [J]
    span
        Time in which it has. [ns]
    upcoming
        The next reading in range, which tells the pace.

    Examples
    --------
    16 bits of Wh, and 60 kW after an hour, after two, and after two of a rating of 40 kW:

    >>> from dataclasses import replace
    >>> from greendc.core.facility import HOUR, Kind
    >>> wh = Meter("m", "util", "energy", Kind.REGISTER, 60, 60, 60, modulus=65536 * 3600.0)
    >>> after = Upcoming(3.6e6, 60 * SECOND)
    >>> lapped(wh, 0.0, 2.16e8, HOUR, after), lapped(wh, 0.0, 1.96e8, 2 * HOUR, after)
    (False, True)
    >>> lapped(replace(wh, rating=40e3), 0.0, 1.96e8, 2 * HOUR, after)
    False
    """
    if not meter.modulus or upcoming is None:
        return False
    counted = upcoming.value - now
    if counted < -meter.modulus / 2:  # it has just gone round
        counted += meter.modulus
    if counted > meter.modulus / 2:  # no pace, but nonsense, or a step back
        return False
    pace = counted / upcoming.span
    return delta + meter.modulus <= min(LAPS * pace * span, max_plausible(meter, span))


def _rolls_over(
    meter: Meter, before: float, now: float, span: int, upcoming: Upcoming | None
) -> bool:
    """Whether a register that has fallen can have gone beyond its modulus.

    Without a rating both parts, up to the modulus and from there on, must be little of it, or
    what it can count by its pace up to the next reading. That one must not be back where the
    count came from, and 0 alone may be nonsense as well.
    """
    left = meter.modulus - before
    if meter.rating is not None:
        return left + now <= max_plausible(meter, span)
    counted = 0.0 if upcoming is None else upcoming.value - now
    if counted < 0 or now + counted >= before or now == counted == 0:
        return False
    pace = 0.0 if upcoming is None else counted / upcoming.span
    return max(left, now) <= max(PACES * pace * span + meter.step, AROUND * meter.modulus)


def _goes_on(meter: Meter, before: float, now: float, span: int, upcoming: Upcoming) -> bool:
    """Whether a register that has fallen counts on from what it shows.

    It must go on, and have been able to count that, and what it shows next from there. Without a
    rating its pace up to the next reading says what it can; one that is back where it was, or
    beyond, has not begun again.
    """
    counted = upcoming.value - now
    if counted <= 0:
        return False
    if meter.rating is not None:
        most = max_plausible(meter, span), max_plausible(meter, upcoming.span)
        return now <= most[0] and counted <= most[1]
    return upcoming.value < before and now <= PACES * counted / upcoming.span * span + meter.step
