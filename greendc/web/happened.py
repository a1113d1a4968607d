"""The ledger's events as a list for people: like ones that follow each other are one."""

from typing import Any

from greendc.queries import Ledger

LOOKED_AT = 1000  # events, the newest ones
TOLD = 50
SAME = ("kind", "meter", "reason")
TIMES = ("from", "to", "at")  # instants in an event's data [ns]
LONGEST = 200  # characters of a text that is told
MS = 1_000_000  # ns


def happened(ledger: Ledger, site: str) -> list[dict[str, Any]]:
    """Events of a site and of the daemon, the newest first.

    `from_ms` and `to_ms` are the time that an event is about, where it is about one; `data` is
    what else the newest one of several says.
    """
    out: list[dict[str, Any]] = []
    for arrival, kind, data in ledger.events(LOOKED_AT):
        if data.get("site", site) != site:
            continue
        one = _told(arrival, kind, data)
        if out and all(out[-1][key] == one[key] for key in SAME):
            out[-1] = _joined(out[-1], one)
        else:
            out.append(one)
    return out[-TOLD:][::-1]


def _told(arrival: int, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    times = {key: value for key, value in data.items() if key in TIMES and _instant(value)}
    lo, hi = times.get("from", times.get("at")), times.get("to", times.get("at"))
    readings = data.get("readings")
    return {
        "kind": kind,
        "meter": data.get("meter"),
        "reason": data.get("reason"),
        "times": 1,
        "readings": readings if isinstance(readings, int) else None,
        "arrived_ms": arrival // MS,
        "from_ms": None if lo is None else lo // MS,
        "to_ms": None if hi is None else hi // MS,
        "data": {
            key: value
            for key, value in data.items()
            if key not in {"site", "meter", "reason", "readings", *times} and _plain(value)
        },
    }


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two like events as one, with all the time that they are about."""
    lows = [e["from_ms"] for e in (one, other) if e["from_ms"] is not None]
    highs = [e["to_ms"] for e in (one, other) if e["to_ms"] is not None]
    counts = [e["readings"] for e in (one, other) if e["readings"] is not None]
    return {
        **other,
        "times": one["times"] + 1,
        "readings": sum(counts) if counts else None,
        "from_ms": min(lows, default=None),
        "to_ms": max(highs, default=None),
    }


def _instant(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _plain(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and len(value) <= LONGEST)
