"""Rises of registers that are counted, and that nobody should take for granted."""

import numpy as np

from greendc.core.counting import LATER, PACES, WILD
from greendc.core.facility import IntArray, Meter
from greendc.core.words import FloatArray, Word, WordArray


def jumps(
    meters: tuple[Meter, ...],
    meter: IntArray,
    time: IntArray,
    value: FloatArray,
    word: WordArray,
    anchor: IntArray,
) -> IntArray:
    """Places of readings to which a register without a rating rose far faster than it goes on.

    By more than `WILD` of what it showed, and by over a step more than `PACES` times its pace up to
    any of the next `LATER` readings explains: nothing less wild, since only what is wild waits for
    these. One that has none behind it is no jump yet.

    Parameters
    ----------
    meters
        The site's meters; `meter` holds places in them.
    meter, time, value
        Readings sorted by (meter, time): ns and the energy counted [J].
    word, anchor
        What they are taken for, and the places of those they count from.

    Examples
    --------
    A gateway shows 0 before it has read its register:

    >>> from greendc.core.facility import Kind
    >>> feed = Meter("m", "util", "energy", Kind.REGISTER, 60, 60, 60)
    >>> value, word = np.array([0.0, 7e9, 7.001e9, 7.002e9]), np.array([1, 0, 0, 0], np.int8)
    >>> of, time, anchor = np.zeros(4, int), np.arange(4) * 60, np.array([0, 0, 1, 2])
    >>> print(jumps((feed,), of, time, value, word, anchor))
    [1]
    """
    there = np.flatnonzero(word != Word.OUT_OF_RANGE)
    of, at, shown = meter[there], time[there], value[there]
    alike = np.append(of, np.full(LATER, -1))  # behind the last one there is none
    risen = shown - value[anchor[there]]
    far = (word[there] == Word.USED) & (risen > WILD * np.abs(shown - risen))
    place = np.flatnonzero(far & (alike[1 : len(of) + 1] == of))
    step = np.array([m.step if m.rating is None else np.inf for m in meters])[of[place]]
    before = anchor[there[place]]
    span, risen = at[place] - time[before], risen[place]
    for later in range(1, LATER + 1):
        if not len(place):
            break
        follows = np.where(alike[place + later] == of[place], place + later, place)
        counted = np.maximum(shown[follows] - shown[place], 0.0)
        most = PACES * counted / np.maximum(at[follows] - at[place], 1) * span + step
        still = risen > most
        place, span, risen, step = place[still], span[still], risen[still], step[still]
    return there[place]
