"""Findings of the balance check over time, as records and in words."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from greendc.calendars import rfc3339
from greendc.core.checking import Checked, NodeHour, Suspect, Told, Worth
from greendc.core.facility import DAY, EVER
from greendc.core.mistakes import EXCHANGED, MISMATCH, UNDECIDED
from greendc.core.units import J_PER_KWH

UNEXPLAINED = "unexplained"
NAMED = 3  # meters for want of which a node is not judged
VERDICTS = {
    "balanced": "adds up",
    "too_much_out": "more comes out than goes in",
    "too_much_in": "more goes in than comes out, beyond plausible losses",
    "unknown": "not judged: nothing flows, or not enough to compare",
}


@dataclass(frozen=True, slots=True)
class Lasting:
    """A finding from its first hour on; `until` is None while the newest hour still has it."""

    site: str
    since: int
    until: int | None
    told: Told


def lasting(site: str, hours: Iterable[Checked], newest: int) -> list[Lasting]:
    """Findings of hours in order, those that are not a day apart as one.

    One that has been decided goes on as what it turned out to be.

    Parameters
    ----------
    site
        Whose.
    hours
        Hours with findings.
    newest
        End of the newest hour that was checked. [ns]
    """
    open_: dict[object, Lasting] = {}
    found: list[Lasting] = []
    last = -EVER
    for hour in hours:
        if hour.start - last > DAY:
            found += open_.values()
            open_ = {}
        last = hour.end
        still: dict[object, Lasting] = {}
        for told in hour.told:
            key = _key(told)
            before = open_.pop(key, None) or open_.pop((told.nodes, UNDECIDED), None)
            since = told.since if before is None else before.since
            still[key] = Lasting(site, since, told.until or hour.end, told)
        # another one has taken its place
        found += open_.values()
        open_ = still
        if hour.end == newest:
            open_ = {key: replace(one, until=None) for key, one in still.items()}
    return sorted([*found, *open_.values()], key=lambda one: (one.since, one.told.nodes))


def _key(told: Told) -> object:
    if kind(told) == EXCHANGED:  # whichever of their nodes is out of balance just then
        return EXCHANGED, told.suspects[0].meter, told.suspects[0].other
    if kind(told) in (MISMATCH, UNDECIDED):  # by how much, or which, is another matter every day
        return told.nodes, kind(told)
    return told.nodes, tuple((s.meter, s.kind, s.gain, s.at) for s in told.suspects[:1])


def kind(told: Told) -> str:
    """What a finding most likely is, in a word."""
    if told.undecided:
        return UNDECIDED
    return told.suspects[0].kind if told.suspects else UNEXPLAINED


def record(one: Lasting) -> dict[str, Any]:
    """A finding for programs."""
    told = one.told
    return {
        "site": one.site,
        "kind": kind(told),
        "nodes": list(told.nodes),
        "since": rfc3339(one.since),
        "until": None if one.until is None else rfc3339(one.until),
        "hours": told.windows,
        "missing_share": told.before,
        "missing_share_corrected": told.after,
        "missing_kw": _kilo(told.missing),
        "meter_short_kw": _kilo(told.short),
        "spread": told.spread,
        "worth": None if told.worth is None else told.worth.ratio,
        "worth_uncertainty": None if told.worth is None else told.worth.uncertainty,
        "worth_hours": None if told.worth is None else told.worth.steps,
        "suspects": [
            {
                "meter": s.meter,
                "kind": s.kind,
                "other": s.other,
                "multiplier": s.multiplier,
                "meaning": s.meaning,
                "node": s.at,
            }
            for s in told.suspects
        ],
        "left_out": list(told.left_out),
        "text": text(one),
    }


def text(one: Lasting) -> str:
    """A finding in words: what is seen, what explains it, what else might."""
    told = one.told
    span = f"from {rfc3339(one.since)}" + (f" to {rfc3339(one.until)}" if one.until else "")
    if kind(told) == MISMATCH:
        (power,) = told.suspects
        return (
            f"{one.site}: {power.meter} {power.meaning} ({span}). One of both is read wrongly or "
            f"has gaps; figures rest on {told.nodes[0]}"
        )
    hours = f"median of {told.windows} h, {span}"
    amount = _percent(abs(told.before))
    if told.missing is not None:
        amount += f" ({_power(told.missing)})"
    where = f"{told.nodes[0]} {amount} {_way(told.before)} ({hours})"
    seen = f"{one.site}: at {where}"
    unmetered = "something there" if told.before > 0 else "something that feeds it"
    if not told.suspects:
        return (
            f"{seen}; no single mistake of a meter explains it. Either {unmetered} has no meter, "
            "or several are read wrongly"
        )
    if told.undecided:
        return (
            f"{seen}. Either {unmetered} has no meter, or a meter is read wrongly; which of both "
            f"the next hours may tell. It might be {_listed(told.suspects)}"
        )
    return _named(one, where)


def _named(one: Lasting, where: str) -> str:
    """The likeliest mistake, and its evidence."""
    told = one.told
    first, others = told.suspects[0], told.suspects[1:]
    named = f"{one.site}: most likely {_suspected(first)}. At {where}"
    if told.after is not None:
        named += f"; put right, {_percent(abs(told.after))} {_way(told.after)}"
    if told.short is not None:
        way = "little" if told.short > 0 else "much"
        named += f". {first.meter} shows {_power(told.short)} too {way}"
    if told.nodes[1:]:
        named += f". It is seen at {' and '.join(told.nodes[1:])} as well"
    if told.worth is not None:
        named += f". {_followed(told, told.worth, first)}"
    if first.meter in told.left_out:
        named += ". Its readings are out of range or not believed, so no figure rests on them"
    if others:
        named += f". It cannot be told from: {_listed(others)}"
    return named


def _way(share: float) -> str:
    return "of what comes out did not go in" if share < 0 else "of what went in does not come out"


def _listed(suspects: Sequence[Suspect]) -> str:
    more = f"; {len(suspects) - 3} more" if len(suspects) > 3 else ""
    return "; ".join(_suspected(s) for s in suspects[:3]) + more


def _followed(told: Told, worth: Worth, first: Suspect) -> str:
    """The evidence of a course, which may lie within what the meters' classes allow."""
    digits = _digits(worth.uncertainty)
    return (
        f"From hour to hour {told.nodes[0]} moves by {worth.ratio:.{digits}f} kWh "
        f"(± {worth.uncertainty:.{digits}f}, k = 2) for each kWh that {first.meter} moves by, "
        f"over {worth.steps} h"
    )


def _digits(uncertainty: float) -> int:
    """Decimals of a number that is certain to so much: as many as show it with one digit.

    >>> _digits(0.034), _digits(0.6), _digits(12.0)
    (2, 1, 0)
    """
    return max(0, -math.floor(math.log10(uncertainty))) if uncertainty > 0 else 2


def _suspected(suspect: Suspect) -> str:
    if suspect.at is not None:
        return f"{suspect.meter} {suspect.meaning} (leave it out at {suspect.at})"
    if suspect.other is not None:
        return f"{suspect.meter} and {suspect.other}: {suspect.meaning}"
    return f"{suspect.meter}: {suspect.meaning} (multiply by {suspect.gain:.6g})"


def node_record(node: NodeHour, hour: Checked) -> dict[str, Any]:
    """A node's hour for programs, in kWh."""
    amounts = {
        "in_kwh": node.inside,
        "out_kwh": node.outside,
        "in_kwh_plausible": node.needed,
        "tolerance_kwh": node.tolerance,
    }
    told = {key: None if joules is None else joules / J_PER_KWH for key, joules in amounts.items()}
    return {
        "node": node.name,
        "start": rfc3339(hour.start),
        "end": rfc3339(hour.end),
        **told,
        "difference_share": difference_share(node),
        "verdict": node.state,
        "lacking": list(node.lacking),
        "text": verdict(node),
    }


def verdict(node: NodeHour) -> str:
    """What a node's hour says, in words."""
    if not node.lacking:
        return VERDICTS[node.state]
    if node.inside is None:
        return not_judged(node.lacking)
    return f"{VERDICTS[node.state]}, even without {_some(node.lacking)}, not known"


def not_judged(lacking: Iterable[str]) -> str:
    """Why a node is not judged, for want of some meters.

    >>> not_judged(["rack-1", "rack-2"])
    'not judged: rack-1, rack-2 not known'
    >>> not_judged(f"rack-{n}" for n in range(9))
    'not judged: rack-0, rack-1, rack-2 and 6 more not known'
    """
    return f"not judged: {_some(lacking)} not known"


def _some(meters: Iterable[str]) -> str:
    names = list(meters)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def difference_share(node: NodeHour) -> float | None:
    """What is missing behind the inputs, as a share of the larger side; negative: too much out."""
    if node.inside is None or node.outside is None:
        return None
    side = larger(node)
    return (node.inside - node.outside) / side if side else None


def larger(node: NodeHour) -> float:
    """The larger side of a node [J]; 0 where nothing is known."""
    return max(abs(node.inside or 0.0), abs(node.outside or 0.0))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _kilo(watts: float | None) -> float | None:
    return None if watts is None else watts / 1000


def _power(watts: float) -> str:
    """Three digits of a power, whichever way it flows.

    >>> _power(-123456.0), _power(4.567)
    ('123 kW', '0.00457 kW')
    """
    return f"{float(f'{abs(watts) / 1000:.3g}'):.15g} kW"
