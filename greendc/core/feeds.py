"""Loads on several feeds, each of which can carry all of it: who carries it now."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from greendc.core.accounts import Book

CARRIES, IDLE, UNKNOWN = "carries", "idle", "unknown"
REDUNDANT, LOST, OFF = "redundant", "lost", "off"
NEEDED = 2  # feeds that carry, so that one of them can fail


class Feed(NamedTuple):
    """A feed of a load; `watts` and `share` of the load are None where its power is not known."""

    meter: str
    watts: float | None
    share: float | None
    state: str  # CARRIES, IDLE (at 0) or UNKNOWN


class Load(NamedTuple):
    """A load and its feeds.

    `state` is REDUNDANT where at least two feeds carry it, LOST where one does, OFF where none
    does, and UNKNOWN where that hangs on feeds whose power is not known.
    """

    name: str
    watts: float | None
    feeds: tuple[Feed, ...]
    state: str


def loads(book: Book, names: Collection[str], watts: Mapping[str, float]) -> Iterator[Load]:
    """Loads by their derived meters, sums of their feeds; `watts` is what is known of power [W]."""
    for derived in book.epoch.derived:
        if derived.id in names:
            yield load(derived.id, {name: watts.get(name) for name in derived.inputs})


def load(name: str, watts: Mapping[str, float | None]) -> Load:
    """A load by the power, or energy, of its feeds; the load counts once, as their sum.

    Examples
    --------
    A server with two power supplies, one of them at rest:

    >>> server = load("server", {"a": 195.0, "b": 5.0})
    >>> server.state, server.watts, [feed.share for feed in server.feeds]
    ('redundant', 200.0, [0.975, 0.025])
    >>> load("server", {"a": 200.0, "b": 0.0}).state
    'lost'
    >>> load("server", {"a": 200.0, "b": None}).state
    'unknown'
    >>> load("server", {"a": 0.0, "b": 0.0}).state
    'off'
    """
    known = [value for value in watts.values() if value is not None]
    total = sum(known) if len(known) == len(watts) else None
    feeds = tuple(_feed(meter, value, total) for meter, value in watts.items())
    carrying = sum(feed.state == CARRIES for feed in feeds)
    silent = sum(feed.state == UNKNOWN for feed in feeds)
    if carrying >= NEEDED:
        return Load(name, total, feeds, REDUNDANT)
    if silent and carrying + silent >= NEEDED:
        return Load(name, total, feeds, UNKNOWN)
    return Load(name, total, feeds, LOST if carrying or silent else OFF)


def _feed(meter: str, watts: float | None, total: float | None) -> Feed:
    if watts is None:
        return Feed(meter, None, None, UNKNOWN)
    share = watts / total if total is not None and total > 0 else None
    return Feed(meter, watts, share, CARRIES if watts > 0 else IDLE)
