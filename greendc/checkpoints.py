"""What the ledger's state of a moment is kept with, to begin from it again later."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from greendc.core.facility import DAY, EVER, HOUR
from greendc.core.readings import firsts, joined, merged
from greendc.core.site import SiteBook
from greendc.store import Checkpoint, Head, Since, Store

EVERY = DAY  # of arrivals [ns]
SMALL = ("broker_dropped", "refusing")  # keys of the ledger's whose values go on


def due(store: Store, arrival: int | None) -> bool:
    """Whether a checkpoint is to be kept with the next commit, by the last entry's arrival [ns].

    Also where the clock was set back.
    """
    newest = store.checkpoints.newest()
    return arrival is not None and (newest is None or abs(arrival - newest) >= EVERY)


def keep(
    store: Store,
    state: Mapping[str, Any],
    arrival: int,
    config: str,
    books: Mapping[str, tuple[SiteBook, Sequence[str]]],
) -> None:
    """Keep a state that needs nothing of the journal, in the transaction that is open.

    `arrival` is that of the last entry [ns], `config` the hash of the configuration in force, and
    `books` are those of the sites, with the names of their meters.
    """
    known = {site: one for site, one in books.items() if one[0].newest > -EVER}
    heads = {site: _head(book) for site, (book, _) in known.items()}
    since = {site: _since(*one, heads[site].remembers) for site, one in known.items()}
    checkpoint = Checkpoint(state["done_to"], arrival, config, heads)
    store.checkpoints.keep(state, checkpoint, since, {key: store.get(key) for key in SMALL})


def _head(book: SiteBook) -> Head:
    # archived readings stand in rows, of which some hold a little more
    remembers = (book.watermark - book.remembers - DAY) // HOUR * HOUR
    until = max(book.newest + 1, book.progress.furthest())
    return Head(book.newest, book.watermark, remembers, until)


def _since(book: SiteBook, meters: Sequence[str], remembers: int) -> Since:
    """Also hours of the first readings held of meters that have been silent for long."""
    held = joined([book.hot, *book.waiting])
    first = firsts(merged([held.where(held.meter >= 0)]).readings, len(meters))
    begin = first // HOUR * HOUR
    old = np.flatnonzero((first > -EVER) & (begin < remembers)).tolist()
    return Since(remembers, {meters[place]: int(begin[place]) for place in old})
