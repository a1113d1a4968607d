"""Nodes whose input is silent, seen from the node before it.

What a silent meter has counted came out of one node and went into the next; both together are a
node that does not need it. Losses of both are allowed there.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from greendc.core.balance import Place, StateArray, Windows
from greendc.core.courses import is_followed
from greendc.core.explaining import findings
from greendc.core.facility import Node
from greendc.core.off import PERSISTENT, count
from greendc.core.slopes import FEWEST
from greendc.core.suspects import Finding, Known

RECENT = FEWEST + 1  # windows that a node must know by itself, to tell what is missing there


def told(
    places: Sequence[Place], found: Windows, known: Known, states: StateArray
) -> list[Finding]:
    """All that is out of balance, also past meters that are silent.

    Parameters
    ----------
    places, found, known
        As of `findings`.
    states
        What each window says of each node; shape (nodes, windows).
    """
    alone = _found(places, found, known, states)
    decided = {
        name for one in alone if not one.undecided and one.explanations for name in one.nodes
    }
    past = seen_past(places, found, decided)
    if past is places:
        return alone
    seen = np.array([place.states(found) for place in past])
    return _found(past, found, known, seen) or alone


def _found(
    places: Sequence[Place], found: Windows, known: Known, states: StateArray
) -> list[Finding]:
    is_off = any(count(row) >= PERSISTENT for row in states)
    return findings(places, found, known) if is_off or is_followed(places, found) else []


def seen_past(
    places: Sequence[Place], found: Windows, decided: Collection[str] = ()
) -> Sequence[Place]:
    """The nodes, those before and behind a silent meter as one.

    A meter that is not known in one of the newest windows is left out, so that a name stays when
    the meter comes back.

    Parameters
    ----------
    places, found
        The nodes, and what was counted.
    decided
        Names of nodes that tell by themselves what is wrong.
    """
    lost = np.flatnonzero(~np.isfinite(found.energy[-RECENT:]).all(axis=0)).tolist()
    for meter in lost:
        before, behind = _around(places, found.meters[meter])
        if before is None or behind is None or {before.node.name, behind.node.name} & {*decided}:
            continue
        node = joined(before.node, behind.node, found.meters[meter])
        if len(set(node.members)) == len(node.members):
            one = Place.of(node, found.meters, before.rating)
            places = [one if p is before else p for p in places if p is not behind]
    return places


def joined(before: Node, behind: Node, meter: str) -> Node:
    """Two nodes as one, without the meter between them.

    >>> ups = Node("ups", (("ups", 1.0),), (("pdu", 0.9), ("fan", 0.8)), 10.0)
    >>> pdu = Node("pdu", (("pdu", 1.0),), (("rack", 0.5),), 9.0)
    >>> one = joined(ups, pdu, "pdu")
    >>> one.name, one.inputs, one.outputs, one.idle
    ('ups past pdu', (('ups', 1.0),), (('fan', 0.8), ('rack', 0.45)), 20.0)
    """
    share = dict(before.outputs)[meter]
    outputs = [(name, part) for name, part in before.outputs if name != meter]
    outputs += [(name, part * share) for name, part in behind.outputs]
    inputs = [pair for pair in behind.inputs if pair[0] != meter]
    return replace(
        before,
        name=f"{before.name} past {meter}",
        inputs=(*before.inputs, *inputs),
        outputs=tuple(outputs),
        idle=before.idle + behind.idle / (share or 1.0),
    )


def _around(places: Sequence[Place], meter: str) -> tuple[Place | None, Place | None]:
    """The node that a meter comes out of, and the one that it goes into."""
    chained = [place for place in places if place.node.usual is None]
    before = [p for p in chained if meter in dict(p.node.outputs)]
    behind = [p for p in chained if dict(p.node.inputs).get(meter) == 1.0]
    if len(before) != 1 or len(behind) != 1 or before[0] is behind[0]:
        return None, None
    return before[0], behind[0]
