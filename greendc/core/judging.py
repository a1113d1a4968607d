"""What is made of the readings of a site's meters."""

import numpy as np

from greendc.core.facility import IntArray
from greendc.core.register import register_steps
from greendc.core.rules import REGISTER, Rules
from greendc.core.words import Before, FloatArray, Verdict, Word


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
    found = Verdict(
        np.full(len(meter), Word.USED, np.int8),
        np.arange(len(meter), dtype=np.int64),
        np.zeros(len(meter)),
    )
    registers = np.flatnonzero(rules.kind[meter] == REGISTER)
    if len(registers):
        _put_registers(found, rules, registers, meter, time, value)
    if before is not None:
        first = np.flatnonzero(np.append(True, meter[1:] != meter[:-1])[: len(meter)])
        first = first[before.time[meter[first]] == time[first]]
        found.word[first] = before.word[meter[first]]
    return found


def _put_registers(
    found: Verdict,
    rules: Rules,
    place: IntArray,
    meter: IntArray,
    time: IntArray,
    value: FloatArray,
) -> None:
    steps = register_steps(rules.meters, rules.bridge, meter[place], time[place], value[place])
    found.word[place], found.energy[place] = steps.word, steps.energy
    found.anchor[place] = np.where(steps.believed, place[steps.anchor], -1)
