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

REFUSALS = {
    "bad_time": "the device's clock was not set, or its time cannot be read",
    "bad_unit": "the payload names a unit that is none of this quantity",
    "future": "stamped later than it came, by more than the two minutes that clocks may differ",
    "no_time": "the payload has no time where one is declared",
    "no_value": "the payload has nothing where the value is declared: no harm where the device "
    "sends some of its values at a time, otherwise see `value` of the topic or meter",
    "not_a_number": "what stands for the value is no number",
    "not_finite": "the value is infinite, or no number (NaN)",
    "not_json": "the payload is no JSON: cut short, or in another format than declared",
    "not_utf8": "the payload is no text: damaged, or in another format than declared",
    "out_of_range": "outside what can be by its range, or by its rating",
    "retained_without_time": "the broker had kept it, and nothing says since when it has held",
    "sentinel": "a number by which the device says that it has no value",
}
"""Why a reading of a known meter is refused before it is judged among others, in people's words."""

JUDGEMENTS = {
    "clock_ahead": "stamped later than it came: the meter's clock is ahead, or greendc's behind",
    "dip": "the register went back by a little: nothing is counted",
    "frozen": "exactly the same for longer than this meter's values ever are",
    "implausible": "a count that the rating, or the next reading, does not allow",
    "jump": "the register rose far faster than it went on; without a rating it counts",
    "lapped": "the register may have gone over its end more often than is seen: what it counted "
    "since the reading before is not known",
    "rate": "further from the last believed value than it can have changed meanwhile",
    "replaced": "the first reading of a register that was exchanged, as declared",
    "reset": "the register began again by itself; what it counted meanwhile is not known",
    "rollover": "the register went over its end, which is counted",
    "spike": "a single value far from both its neighbours, which agree",
}
"""What readings are taken for among their neighbours, in people's words; see `core.words`."""

TO_DO = {
    "implausible": "if the register was exchanged, declare it (`replaced`) and recompute; if what "
    "it showed before cannot be, declare its `range` and recompute with --rules; if it began again "
    "by itself, it counts once it moves",
    "jump": "if that cannot be, declare its `range` or `rating_w` and recompute with --rules",
    "frozen": "look at the sensor; a value that may stand still needs a longer `frozen_after`",
    "out_of_range": "look at the device; a range that is too narrow is changed in the site file",
    "rate": "look at the device; a load that changes faster needs a larger `rate_per_min`",
    "spike": "look at the device; a load that jumps needs a larger `spike`",
}
"""What to do about a meter of such a word."""

LEFT_OUT = {**REFUSALS, **JUDGEMENTS}
"""Both in people's words."""


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
