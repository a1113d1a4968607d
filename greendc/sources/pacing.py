"""Entries at the pace at which they arrived, or a multiple of it."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from greendc.core.facility import SECOND
from greendc.ports import Entry, Event, RawBatch

PACE_SECONDS = 0.25  # of real time that are handled in one piece


def paced(
    entries: Iterable[Entry],
    speed: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
    head: int = 0,
) -> Iterator[Entry]:
    """Entries at the distances of their arrivals, divided by `speed`; the first `head` at once."""
    began, first = clock(), None
    for entry in entries:
        for piece in _pieces(entry, int(PACE_SECONDS * speed * SECOND) or 1):
            arrival = piece.arrivals[-1] if isinstance(piece, RawBatch) else piece.arrival
            first = arrival if first is None else first
            sleep(max(0.0, began + (arrival - first - head) / SECOND / speed - clock()))
            yield piece


def _pieces(entry: Entry, span: int) -> Iterator[Entry]:
    """A batch cut where its arrivals pass a multiple of `span` [ns]; an event as it is."""
    if isinstance(entry, Event):
        yield entry
        return
    for _, rows in groupby(range(len(entry)), lambda row: entry.arrivals[row] // span):
        yield entry.rows(list(rows))
