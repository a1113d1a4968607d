"""What single readings were taken for, kept beside the ledger for people."""

from collections import defaultdict
from collections.abc import Sequence

from greendc.calendars import rfc3339
from greendc.core.facility import HOUR, SECOND
from greendc.core.refusing import Refusing
from greendc.core.settled import Judged
from greendc.core.words import Word
from greendc.outcomes import TO_DO
from greendc.ports import Event, Refused
from greendc.store import Judgement, Store, Times

JUMP = Word.JUMP.label


def keep_judged(
    store: Store, site: str, meters: Sequence[str], judged: Sequence[Judged], arrival: int
) -> None:
    """Count readings by meter, word and hour; the first of an hour is an event as well.

    Parameters
    ----------
    store
        Has a transaction open.
    site, meters
        The site, and the names of its meters by their places.
    judged
        What a step made of readings, and what no longer stands.
    arrival
        When the journal entry of the step arrived. [ns]
    """
    found: defaultdict[Judgement, Times] = defaultdict(Times)
    for part in judged:
        columns = part.rows.meter.tolist(), part.rows.time.tolist(), part.word.tolist()
        for place, time, word in zip(*columns, strict=True):
            found[meters[place], Word(word).label, time - time % HOUR].add(time, part.sign)
    for key in sorted(store.judgements.add(site, found)):
        store.note(_event(site, key, found[key], arrival))


def keep_refused(store: Store, meters: Sequence[tuple[str, str]], refused: Refused) -> None:
    """Count readings that were refused by meter, reason and hour, in the transaction that is open.

    `meters` are those of the plan, as (site, meter).
    """
    sites: defaultdict[str, defaultdict[Judgement, Times]]
    sites = defaultdict(lambda: defaultdict(Times))
    columns = refused.meter.tolist(), refused.time.tolist(), refused.reason
    for place, time, reason in zip(*columns, strict=True):
        site, meter = meters[place]
        sites[site][meter, reason, time - time % HOUR].add(time)
    for site, found in sites.items():
        store.judgements.add(site, found)


def refusing_text(meter: str, one: Refusing) -> str:
    """A meter of which no reading is believed any more, and what to do about it."""
    since = rfc3339(one.since // SECOND * SECOND)
    same = f", the same value since {rfc3339(one.same // SECOND * SECOND)}"
    what = f"{one.word}{same if one.word == 'frozen' else ''}"
    return f"{meter}: every reading is left out since {since}: {what}; {TO_DO[one.word]}"


def jump_text(meter: str, number: int, last: int) -> str:
    """A register that rose farther than can be taken for granted, so often and up to a time [ns].

    >>> print(jump_text("feed", 1, 0))
    feed: jump at 1970-01-01T00:00:00Z, which counts: it rose far faster than it went on; if that \
    cannot be, declare its `range` or `rating_w` and recompute with --rules
    """
    often = "jump" if number == 1 else f"{number} jumps, the last one"
    return (
        f"{meter}: {often} at {rfc3339(last // SECOND * SECOND)}, which counts: it rose far faster "
        f"than it went on; {TO_DO[JUMP]}"
    )


def _event(site: str, key: Judgement, told: Times, arrival: int) -> Event:
    """What was noticed: for a word of good readings its own kind, `quarantined` for the others."""
    meter, word, _ = key
    data: dict[str, object] = {"site": site, "meter": meter, "readings": told.number}
    data |= {"from": told.first, "to": told.last}
    if Word[word.upper()].used:
        return Event(word, arrival, data)
    return Event("quarantined", arrival, {**data, "reason": word})
