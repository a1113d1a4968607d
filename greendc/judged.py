"""What single readings were taken for, kept beside the ledger for people."""

from collections import Counter
from collections.abc import Sequence

from greendc.core.facility import HOUR
from greendc.core.settled import Judged
from greendc.core.words import Word
from greendc.ports import Event
from greendc.store import Judgement, Store


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
    counts: Counter[Judgement] = Counter()
    times: dict[Judgement, list[int]] = {}
    for part in judged:
        columns = part.rows.meter.tolist(), part.rows.time.tolist(), part.word.tolist()
        for place, time, word in zip(*columns, strict=True):
            key = meters[place], Word(word).label, time - time % HOUR
            counts[key] += part.sign
            if part.sign > 0:
                times.setdefault(key, []).append(time)
    changed = {key: number for key, number in counts.items() if number}
    for key in sorted(store.judge(site, changed)):
        store.note(_event(site, key, counts[key], times[key], arrival))


def _event(site: str, key: Judgement, number: int, times: Sequence[int], arrival: int) -> Event:
    """What was noticed: for a word of good readings its own kind, `quarantined` for the others."""
    meter, word, _ = key
    data: dict[str, object] = {"site": site, "meter": meter, "readings": number}
    data |= {"from": min(times), "to": max(times)}
    if Word[word.upper()].used:
        return Event(word, arrival, data)
    return Event("quarantined", arrival, {**data, "reason": word})
