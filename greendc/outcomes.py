"""Words for what becomes of messages, entries and readings: what is counted, and adds up."""

from collections.abc import Mapping

READ = "read"  # taken off the wire, or out of a log
JOURNALLED = "journalled"
EVENT = "event"
UNCOUNTED = "uncounted"  # by a version of greendc that did not count
REDELIVERED = "redelivered"
UNBOUND = "unbound"
TOO_LONG = "too_long"
LEFT = "left"  # read, but neither journalled nor acknowledged before greendc stopped
LOST = "lost"  # left, and the broker had lost the session in which it would have come again

SET_ASIDE = (UNBOUND, TOO_LONG)
DEALT_WITH = (JOURNALLED, REDELIVERED, *SET_ASIDE, LEFT)
"""In one of these each message ends that was read."""

ENTRIES = {
    "decoded": "entries:decoded",
    "rejected": "entries:rejected",
    "unbound": "entries:unbound",
    "events": "entries:event",
    UNCOUNTED: "entries:uncounted",
}
"""In one of these each journal entry ends that the ledger has taken in; names in its tally."""

READINGS = (
    *("used", "duplicate", "conflict", "late_beyond_horizon", "not_energy"),
    *("meter_removed", UNCOUNTED),
)
"""In one of these each accepted reading ends; until then it is open."""


def of_messages(ledger: Mapping[str, int], journal: Mapping[str, int]) -> dict[str, int]:
    """What became of messages: what the ledger has tallied, and what never was journalled.

    >>> of_messages({"messages": 5, "rejected:not_json": 1}, {"unbound": 2, "journalled": 5})
    {'messages': 7, 'rejected:not_json': 1, 'rejected:unbound': 2}
    """
    counted = {name: n for name, n in ledger.items() if not name.startswith(("entries", "fields"))}
    for name in SET_ASIDE:
        if number := journal.get(name, 0):
            counted["messages"] = counted.get("messages", 0) + number
            counted[f"rejected:{name}"] = counted.get(f"rejected:{name}", 0) + number
    if number := journal.get(REDELIVERED, 0):
        counted[REDELIVERED] = counted.get(REDELIVERED, 0) + number
    return counted
