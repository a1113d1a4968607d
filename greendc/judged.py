"""What single readings were taken for, kept beside the ledger for people."""

from collections import defaultdict
from collections.abc import Sequence

from greendc.core.facility import HOUR
from greendc.core.settled import Judged
from greendc.core.words import Word
from greendc.ports import Event, Refused
from greendc.store import Judgement, Store, Times


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


def _event(site: str, key: Judgement, told: Times, arrival: int) -> Event:
    """What was noticed: for a word of good readings its own kind, `quarantined` for the others."""
    meter, word, _ = key
    data: dict[str, object] = {"site": site, "meter": meter, "readings": told.number}
    data |= {"from": told.first, "to": told.last}
    if Word[word.upper()].used:
        return Event(word, arrival, data)
    return Event("quarantined", arrival, {**data, "reason": word})
