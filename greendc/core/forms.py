"""Accounts as the linear forms on which their uncertainty rests (F-6.6)."""

from collections.abc import Sequence

from greendc.core.accounts import Account, Term
from greendc.core.uncertainty import Expansion, Sensitivity
from greendc.core.units import J_PER_KWH


def sensitivity(expansion: Expansion, account: Account) -> Sensitivity:
    """What an account's figure owes to each source of doubt."""
    metric, ones = account.metric, (1.0,) * len(account.terms)
    above, carried = _members(account.terms, ones if metric is None else metric.numerator)
    none = (0.0,) * len(ones)
    below, _ = _members(account.terms, none if metric is None else metric.denominator)
    scale = 1.0 if metric is None else metric.scale
    return expansion.sensitivity(above, below, carried=carried, scale=scale)


def _members(
    terms: Sequence[Term], weights: Sequence[float]
) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """Nodes of a weighted sum of terms: those that count as they are, those that emit."""
    plain: list[tuple[int, float]] = []
    carried: list[tuple[int, float]] = []
    for term, weight in zip(terms, weights, strict=True):
        members = [(node, weight * w) for node, w in term.members if weight]
        (plain if term.method is None else carried).extend(members)
        plain += [(node, weight * factor / J_PER_KWH) for node, factor in term.fuels if weight]
    return plain, carried
