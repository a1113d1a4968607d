"""The audit of a data folder: every equation, what was lost, and the gaps that were admitted."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from greendc.audit.books import JournalBook, LedgerBook, journal_book, ledger_book
from greendc.audit.equations import (
    FEW,
    Connection,
    Equation,
    of_broker,
    of_entries,
    of_fields,
    of_journal,
    of_meters,
    of_readings,
    of_rows,
    of_sink,
)
from greendc.journal import damage as entered
from greendc.outcomes import LEFT, LOST, READ
from greendc.store import damage as stored

KILLED = "killed"


@dataclass(frozen=True, slots=True)
class Gap:
    """A time of which the broker, or greendc, admits that messages may be missing [ns].

    `start` is None where nobody knows. `messages` is how many, where that is known.
    """

    kind: str
    start: int | None
    end: int
    messages: int | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found at a time [ns].

    `lost` are messages, of QoS 0 and QoS 1, that were read from the broker and neither
    journalled nor set aside, nor come again: what is known of them. `journal_last` is None
    where there is no journal beside the ledger. `seal` is of all that the ledger is only ever
    added to: noted elsewhere, it tells later whether that is still the same.
    """

    at: int
    done_to: int
    journal_last: int | None
    equations: Sequence[Equation]
    connections: Sequence[Connection]
    lost: tuple[int, int]
    gaps: Sequence[Gap]
    seal: str | None = None

    @property
    def failed(self) -> list[str]:
        """Equations that do not hold, by name."""
        return [f"{e.name} {e.about}".strip() for e in self.equations if not e.holds]


def audit(
    ledger: Path,
    journal: Path,
    sinks: Sequence[str],
    *,
    whole: bool = True,
    noted: str | None = None,
) -> Audit:
    """Check what the two files of a data folder have counted; a daemon may be writing them.

    `sinks` are the names of those that are enabled. A ledger alone, as `replay --keep` leaves
    it, is checked by itself. The `whole` of both files is read, or only what they have counted. A
    seal that was `noted` before is held against the ledger.

    Raises
    ------
    GreendcError
        If a file cannot be read, or if there is no ledger.
    """
    # The ledger first: it can only fall behind the journal, never run ahead of it.
    found = ledger_book(ledger)
    arrived = journal_book(journal) if journal.exists() else None
    # What a start needs can only have become less since then.
    needed = found.rebuild_from if arrived is None else ledger_book(ledger).rebuild_from
    files = _Files(
        list(islice(stored(ledger, found.last, noted), FEW)) if whole else (),
        list(islice(entered(journal, arrived.last), FEW)) if whole and arrived else (),
    )
    connections = () if arrived is None else arrived.connections
    return Audit(
        at=time.time_ns(),
        done_to=found.done_to,
        journal_last=None if arrived is None else arrived.last,
        equations=[
            *_of_journal(found, arrived, needed, files.journal),
            *_of_ledger(found, sinks, files.ledger),
        ],
        connections=connections,
        lost=_lost(arrived),
        gaps=sorted(_gaps(found, connections), key=lambda gap: gap.end),
        seal=found.seal,
    )


def with_stores(found: Audit, lacking: Mapping[str, str]) -> Audit:
    """An audit in which it is told, by sink, what is wrong with their stores."""
    every = [
        replace(one, faults=[*one.faults, lacking[one.about]])
        if one.name == "sink" and one.about in lacking
        else one
        for one in found.equations
    ]
    return replace(found, equations=every)


class _Files(NamedTuple):
    """What is wrong with the rows of the files."""

    ledger: Sequence[str]
    journal: Sequence[str]


def _of_journal(
    found: LedgerBook, arrived: JournalBook | None, needed: int, faults: Sequence[str]
) -> Iterator[Equation]:
    if arrived is None:
        if found.journalled:
            yield Equation("journal", "file", "entries taken in", found.done_to, {})
        return
    yield from of_broker(arrived.connections)
    yield of_journal(arrived.connections, arrived.last)
    gone, kept = arrived.first - 1, arrived.end - arrived.first + 1
    terms = {"let go of": gone, "kept": kept}
    yield Equation("journal", "file", "entries", arrived.last, terms, faults)
    behind = {"taken in": found.done_to, "not yet": arrived.last - found.done_to}
    lacking = []
    if needed < arrived.first <= arrived.last:
        lacking = [f"entries {needed} to {arrived.first - 1} are needed, and not in the journal"]
    yield Equation("ledger", "", "entries", arrived.last, behind, lacking)


def _of_ledger(
    found: LedgerBook, sinks: Sequence[str], faults: Sequence[str]
) -> Iterator[Equation]:
    own = found.tallies.get("", {})
    yield of_entries(found.done_to, own)
    yield of_fields(own, found.readings)
    yield of_meters(found.tallies, found.left_out, found.mistold)
    for site in sorted(name for name in found.tallies if name):
        yield of_readings(site, found.tallies[site], found.held.get(site, 0))
    if found.last != found.rows:
        faults = [f"the newest one is number {found.last}", *faults]
    yield Equation("ledger", "file", "figures", found.written, {"there": found.rows}, faults)
    yield of_rows("events", found.noted, found.last_event)
    yield of_rows("archive", found.archived)
    for sink in sinks:
        cursor, passed = found.cursors.get(sink, 0), found.passed.get(sink, {})
        yield of_sink(sink, found.rows, cursor, passed)


def _lost(arrived: JournalBook | None) -> tuple[int, int]:
    """What was left unjournalled at the end of a connection and did not come again.

    Of QoS 1 that is only what was left when the broker lost the session afterwards.
    """
    if arrived is None:
        return 0, 0
    rows = arrived.connections
    unacknowledged, acknowledged = (rows[0].counts[qos].get(LOST, 0) for qos in (0, 1))
    unacknowledged += sum(one.counts[0].get(LEFT, 0) for one in rows)
    sessions = [*(one.session for one in rows[1:]), arrived.session]
    for one, (session, later) in zip(rows[1:], pairwise(sessions), strict=True):
        if later > session:
            acknowledged += one.counts[1].get(LEFT, 0)
    return unacknowledged, acknowledged


def _gaps(found: LedgerBook, connections: Sequence[Connection]) -> Iterator[Gap]:
    for arrival, kind, data in found.events:
        if kind != "audit":
            yield Gap(kind, data.get("from"), _end(arrival, data), data.get("messages"))
    for one in connections:
        if one.ending == KILLED and one.counts[0].get(READ):
            yield Gap(KILLED, one.last, one.last)
        elif left := one.counts[0].get(LEFT, 0):
            yield Gap(LEFT, one.last, one.last, left)


def _end(arrival: int, data: Any) -> int:
    to = data.get("to")
    return arrival if to is None else int(to)
