"""Power now: what meters said last, carried into derived meters and totals."""

import math
from collections.abc import Iterable, Mapping, Sequence

from greendc.core.accounts import Book, Derivation
from greendc.core.facility import Op

POWERS = ("power", "thermal_power")  # quantities whose readings are powers [W]


def power(book: Book, watts: Mapping[str, float]) -> dict[str, float]:
    """Power of each meter, derived meter and total that is known at this moment.

    It is for the eye and for alerts: no figure of the ledger is made from it.

    Parameters
    ----------
    book
        The layout in force.
    watts
        The latest power of each meter that is not stale, by its id; never NaN. A register
        has none: it tells energy, not power. [W]

    Returns
    -------
    dict of str to float
        Power by the name of the account; absent where a meter that it needs has no power. [W]
    """
    nodes = _nodes(book, watts)
    out = {}
    for account in book.accounts:
        if account.kind in {"meter", "total"}:
            total = _sum(nodes, account.terms[0].members)
            if not math.isnan(total):
                out[account.name] = total
    return out


def _nodes(book: Book, watts: Mapping[str, float]) -> list[float]:
    """Power of every node, NaN where it is not known."""
    nodes = [
        watts.get(meter.id, math.nan) if meter.quantity in POWERS else math.nan
        for meter in book.rules.meters
    ]
    for step in book.derivations:
        nodes.append(_derived(step, nodes))
    return nodes


def _derived(step: Derivation, nodes: Sequence[float]) -> float:
    if step.op is Op.CONSTANT:
        return step.value
    if step.op is Op.SHARE:
        return step.value * nodes[step.inputs[0]]
    other = -1.0 if step.op is Op.DIFFERENCE else 1.0
    return _sum(nodes, ((node, other if i else 1.0) for i, node in enumerate(step.inputs)))


def _sum(nodes: Sequence[float], members: Iterable[tuple[int, float]]) -> float:
    """Correctly rounded, as the ledger's totals are; NaN if any part is."""
    return math.fsum(weight * nodes[node] for node, weight in members) + 0.0
