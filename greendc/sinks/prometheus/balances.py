"""What the balance check says of the newest hour."""

from greendc import series
from greendc.core.checking import NodeHour, Told
from greendc.core.facility import HOUR, SECOND
from greendc.core.mistakes import KINDS
from greendc.findings import UNEXPLAINED, difference_share, kind, larger
from greendc.sinks.prometheus.families import Families
from greendc.snapshots import Closed

OFF = {"balanced": 0.0, "too_much_out": 1.0, "too_much_in": 1.0}


def balances(out: Families, closed: Closed) -> None:
    """Nodes and findings of each site; nodes of which nothing is known have no sample."""
    for site, found in closed.balances.items():
        for node in found.hour.nodes:
            out.add(series.BALANCE_JUDGED, (site, node.name), float(node.state in OFF))
            share, side = difference_share(node), larger(node)
            if node.state in OFF and share is not None and side and node.tolerance is not None:
                out.add(series.BALANCE_DIFFERENCE, (site, node.name), share)
                out.add(series.BALANCE_MISSING, (site, node.name), _watts(node))
                out.add(series.BALANCE_TOLERANCE, (site, node.name), node.tolerance / side)
                out.add(series.BALANCE_OFF, (site, node.name), OFF[node.state])
        counts = dict.fromkeys((*KINDS, UNEXPLAINED), 0)
        for one in found.hour.told:
            counts[kind(one)] += 1
            meter, *more = _first(one)
            labels = site, one.nodes[0], kind(one), meter
            out.add(series.FINDING, (*labels, *more), 1.0)
            _evidence(out, labels, one)
        for word, count in counts.items():
            out.add(series.FINDINGS, (site, word), count)


def _watts(node: NodeHour) -> float:
    return ((node.inside or 0.0) - (node.outside or 0.0)) * SECOND / HOUR


def _evidence(out: Families, labels: tuple[str, ...], one: Told) -> None:
    """How much is missing, what is once it is put right, and since when."""
    amounts = {
        series.FINDING_MISSING: one.before,
        series.FINDING_WATTS: one.missing,
        series.FINDING_CORRECTED: None if one.undecided else one.after,
        series.FINDING_SHORT: one.short,
        series.FINDING_WORTH: None if one.worth is None else one.worth.ratio,
        series.FINDING_SINCE: one.since / SECOND,
    }
    for gauge, amount in amounts.items():
        if amount is not None:
            out.add(gauge, labels, amount)


def _first(one: Told) -> tuple[str, str, str]:
    """The most likely meter, its multiplier and the other meter, blank where there is none."""
    if not one.suspects or one.undecided:
        return "", "", ""
    first = one.suspects[0]
    multiplier = "" if first.multiplier is None else f"{first.multiplier:.6g}"
    return first.meter, multiplier, first.other or ""
