"""Findings of meters through which nothing flows any more: no window has spoken against them.

Panels that are read wrongly put their node out of balance by day alone. By night the name stays,
until their mistake would be seen in three windows and is not.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from greendc.core.balance import BoolArray, Place, State, Windows
from greendc.core.off import PERSISTENT, last_off
from greendc.core.suspects import Explanation, Finding, righted

Search = Callable[[Windows], Sequence[Finding]]


def resting(
    places: Sequence[Place], found: Windows, told: Sequence[Finding], search: Search
) -> Iterator[Finding]:
    """What `search` told when nodes that are in balance were last out of it, and still holds.

    Parameters
    ----------
    places, found
        The nodes, and what was counted.
    told
        What is found in the newest windows.
    """
    free = {place.node.name: place for place in places}
    for one in told:
        for name in one.nodes:
            free.pop(name, None)
    ends = {last_off(place.states(found)) for place in free.values()} - {None}
    for last in sorted((end for end in ends if end is not None), reverse=True):
        for one in search(found.between(slice(0, last + 1))):
            if not one.explanations or one.undecided or not free.keys() >= set(one.nodes):
                continue
            rows = np.zeros(len(found.start), np.bool_)
            rows[: last + 1] = one.rows
            mine = [free.pop(name) for name in one.nodes]
            if all(_holds(place, found, one.explanations[0], rows) for place in mine):
                yield replace(one, rows=rows)


def _holds(place: Place, found: Windows, first: Explanation, rows: BoolArray) -> bool:
    """Whether no window in balance denies a mistake that moved the node in those that were not."""
    if first.at is not None:
        return False
    sides, right = place.sides(found), place.sides(righted(found, first))
    moved = (right.inside - right.outside) - (sides.inside - sides.outside)
    seen = np.abs(moved) > sides.tolerance
    since = np.arange(len(rows)) > np.flatnonzero(rows)[-1]
    balanced = place.states(found) == State.BALANCED
    return int((seen & rows).sum()) >= PERSISTENT > int((seen & since & balanced).sum())
