"""What must add up: one number on the left, what became of it on the right."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from greendc.outcomes import DEALT_WITH, ENTRIES, EVENT, JOURNALLED, READ, READINGS, UNCOUNTED

OPEN = "open"
FEW = 5  # places that are named


@dataclass(frozen=True, slots=True)
class Equation:
    """`number` of `what`, counted by itself, against the sum of `terms`.

    `about` names the site, sink or QoS; `faults` says where in it something is amiss.

    >>> Equation("ledger", "", "entries", 5, {"decoded": 3, "events": 1}).difference
    1
    """

    name: str
    about: str
    what: str
    number: int
    terms: Mapping[str, int]
    faults: Sequence[str] = ()

    @property
    def difference(self) -> int:
        """What is missing on the right; negative where there is too much."""
        return self.number - sum(self.terms.values())

    @property
    def holds(self) -> bool:
        """Whether both sides are equal, in every part, and nothing is less than nothing."""
        negative = any(number < 0 for number in self.terms.values())
        return not self.difference and not self.faults and not negative


@dataclass(frozen=True, slots=True)
class Connection:
    """What came over a connection to the broker; `counts` by outcome for QoS 0 and QoS > 0.

    Number 0 is none of the broker's: joined logs, and the sum of connections of long ago.
    """

    number: int
    session: int
    began: int
    last: int
    ending: str | None
    counts: tuple[Mapping[str, int], Mapping[str, int]]

    def unexplained(self, qos: int) -> int:
        """Messages that were read and of which nobody knows what became."""
        counts = self.counts[qos]
        return counts.get(READ, 0) - sum(counts.get(name, 0) for name in DEALT_WITH)


def of_broker(connections: Sequence[Connection]) -> Iterable[Equation]:
    """Read = journalled + redelivered + unbound + too long + left, over every connection."""
    for qos, name in enumerate(("QoS 0", "QoS 1")):
        amiss = [one for one in connections if one.unexplained(qos)]
        yield Equation(
            "broker",
            name,
            "messages read",
            _sum(connections, qos, READ),
            {outcome: _sum(connections, qos, outcome) for outcome in DEALT_WITH},
            [f"connection {one.number}: {one.unexplained(qos)}" for one in amiss[:FEW]],
        )


def of_journal(connections: Sequence[Connection], last: int) -> Equation:
    """Entries = journalled messages + events."""
    every = [(qos, name) for qos in (0, 1) for name in (JOURNALLED, EVENT, UNCOUNTED)]
    terms = dict.fromkeys((JOURNALLED, EVENT, UNCOUNTED), 0)
    for qos, name in every:
        terms[name] += _sum(connections, qos, name)
    return Equation("journal", "", "entries", last, terms)


def _sum(connections: Iterable[Connection], qos: int, outcome: str) -> int:
    return sum(one.counts[qos].get(outcome, 0) for one in connections)


def of_entries(done_to: int, tally: Mapping[str, int]) -> Equation:
    """Entries taken in = decoded + rejected + unbound + events."""
    terms = {name: tally.get(outcome, 0) for name, outcome in ENTRIES.items()}
    return Equation("decoding", "", "entries taken in", done_to, terms)


def of_fields(tally: Mapping[str, int], readings: int) -> Equation:
    """Readings asked of messages = accepted + refused."""
    terms = {"accepted": readings, "refused": tally.get("fields:refused", 0)}
    return Equation("fields", "", "readings asked for", tally.get("fields", 0), terms)


def of_meters(
    tallies: Mapping[str, Mapping[str, int]], told: int, mistold: Sequence[str]
) -> Equation:
    """Readings that were refused or quarantined = as many as are told of their meters."""
    own = tallies.get("", {})
    left_out = [n for tally in tallies.values() for name, n in tally.items() if _judged(name)]
    number = own.get("fields:refused", 0) + sum(left_out)
    terms = {"told by meter": told, UNCOUNTED: own.get("fields:uncounted", 0)}
    return Equation("meters", "", "readings left out", number, terms, mistold)


def _judged(outcome: str) -> bool:
    return outcome.startswith("quarantined")


def of_readings(site: str, tally: Mapping[str, int], held: int) -> Equation:
    """Readings = used + duplicate + conflict + late beyond the horizon + … + open."""
    judged = {name: n for name, n in tally.items() if _judged(name)}
    ended = {name: tally.get(name, 0) for name in READINGS}
    terms = {**ended, **judged, OPEN: held}
    return Equation("readings", site, "readings", tally.get("readings", 0), terms)


def of_rows(table: str, rows: tuple[int, int], last: int | None = None) -> Equation:
    """Rows of a table that were counted = those that are there, numbered up to the `last` one."""
    counted, there = rows
    holes = last is not None and last != there
    faults = [f"the newest one is number {last}"] if holes else []
    return Equation("ledger", table, "rows", counted, {"there": there}, faults)


def of_sink(sink: str, figures: int, cursor: int, passed: Mapping[str, int]) -> Equation:
    """Figures = what became of those up to the cursor + pending."""
    done = {name: passed.get(name, 0) for name in ("written", "left_out", "refused", UNCOUNTED)}
    behind = sum(done.values())
    faults = [] if behind == cursor else [f"its cursor stands at {cursor}, not at {behind}"]
    terms = {**done, "pending": figures - cursor}
    return Equation("sink", sink, "figures", figures, terms, faults)
