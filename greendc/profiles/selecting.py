"""Payloads that say which meter they are of."""

from collections.abc import Sequence

import numpy as np

from greendc.codecs.json_path import read_tags
from greendc.codecs.payloads import Payloads
from greendc.columns import picked
from greendc.ports import IntArray
from greendc.profiles.bindings import UNBOUND, Bindings

UNKNOWN_METER = "unknown_meter"


def selected(
    bindings: Bindings, numbers: IntArray, payloads: Sequence[bytes]
) -> tuple[IntArray, list[tuple[int, str]]]:
    """Bindings of messages by what their payloads say, and the (row, reason) of those without.

    Parameters
    ----------
    bindings
        Of the plan.
    numbers
        Each message's binding by its topic.
    payloads
        The messages' payloads.
    """
    selecting = bindings.selecting(numbers)
    if not selecting:
        return numbers, []
    found = numbers.copy()
    refused: list[tuple[int, str]] = []
    for number, paths in selecting.items():
        rows = np.flatnonzero(numbers == number)
        column = Payloads(picked(payloads, rows))
        tags, reasons = zip(*(read_tags(column, path) for path in paths), strict=True)
        named = list(zip(*tags, strict=True))
        known = {pair: bindings.selected(number, pair) for pair in dict.fromkeys(named)}
        found[rows] = list(map(known.__getitem__, named))
        strangers = np.flatnonzero(found[rows] == UNBOUND).tolist()
        refused += [(int(rows[at]), reasons[0].get(at, UNKNOWN_METER)) for at in strangers]
    return found, refused
