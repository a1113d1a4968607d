"""An audit for people and for programs."""

from collections.abc import Iterator
from typing import Any

import orjson

from greendc.audit.auditing import Audit, Gap
from greendc.audit.equations import Connection, Equation
from greendc.calendars import rfc3339

SHOWN = 20  # gaps
WORDS = {
    "session_lost": "the broker lost the session: what came meanwhile is not known",
    "broker_dropped": "the broker dropped messages, of any of its clients",
    "killed": "greendc was killed; messages of QoS 0 read and not journalled yet are lost",
    "left": "greendc was stopped before it had journalled all messages of QoS 0",
}


def as_text(found: Audit) -> str:
    """The equations as a table, what was lost, and the gaps."""
    return "\n".join(_lines(found))


def _lines(found: Audit) -> Iterator[str]:
    journal = "no journal" if found.journal_last is None else f"journal to {found.journal_last}"
    yield f"{journal}, ledger to {found.done_to}; {rfc3339(found.at)}"
    for equation in found.equations:
        yield from _equation(equation)
    if found.journal_last is not None:
        yield f"lost before commit: {found.lost[1]} of QoS 1, {found.lost[0]} of QoS 0"
    yield from _gaps(found)
    if found.seal is not None:
        yield f"seal {found.seal}"
    failed = found.failed
    yield f"does not add up: {', '.join(failed)}" if failed else "everything adds up"


def _equation(equation: Equation) -> Iterator[str]:
    """One line, and one for each place where something is amiss.

    >>> print(*_equation(Equation("decoding", "", "entries", 7, {"decoded": 5, "events": 1})))
      FAILS  decoding  7 entries = 5 decoded + 1 events + 1 nobody knows
    """
    verdict = "holds" if equation.holds else "FAILS"
    head = f"  {verdict}  {f'{equation.name} {equation.about}'.strip()}"
    terms = [f"{n} {name}" for name, n in equation.terms.items() if n] or ["0"]
    if equation.difference:
        terms.append(f"{equation.difference} nobody knows")
    sides = f"{equation.number} {equation.what} = {' + '.join(terms)}"
    yield f"{head}  {sides}".replace("_", " ").replace("+ -", "- ")
    yield from (f"         {fault}" for fault in equation.faults)


def _gaps(found: Audit) -> Iterator[str]:
    if found.gaps:
        yield "gaps that are admitted"
    for gap in found.gaps[-SHOWN:]:
        since = "?" if gap.start is None else rfc3339(gap.start)
        count = "" if gap.messages is None else f" ({gap.messages})"
        yield f"  {since} to {rfc3339(gap.end)}  {WORDS.get(gap.kind, gap.kind)}{count}"
    if len(found.gaps) > SHOWN:
        yield f"  and {len(found.gaps) - SHOWN} before"


def as_json(found: Audit) -> str:
    """Everything, as one object."""
    told = {
        "at": rfc3339(found.at),
        "holds": not found.failed,
        "ledger_done_to": found.done_to,
        "journal_last": found.journal_last,
        "equations": [_told(equation) for equation in found.equations],
        "lost_before_commit": {"qos_0": found.lost[0], "qos_1": found.lost[1]},
        "seal": found.seal,
        "gaps": [_gap(gap) for gap in found.gaps],
        "connections": [_connection(one) for one in found.connections],
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


def _told(equation: Equation) -> dict[str, Any]:
    return {
        "name": equation.name,
        "about": equation.about or None,
        "what": equation.what,
        "number": equation.number,
        "terms": dict(equation.terms),
        "difference": equation.difference,
        "faults": list(equation.faults),
        "holds": equation.holds,
    }


def _gap(gap: Gap) -> dict[str, Any]:
    start = None if gap.start is None else rfc3339(gap.start)
    return {"kind": gap.kind, "from": start, "to": rfc3339(gap.end), "messages": gap.messages}


def _connection(one: Connection) -> dict[str, Any]:
    return {
        "number": one.number,
        "session": one.session,
        "from": rfc3339(one.began) if one.began else None,
        "to": rfc3339(one.last) if one.last else None,
        "ending": one.ending,
        "qos_0": dict(one.counts[0]),
        "qos_1": dict(one.counts[1]),
    }
