"""Which of its feeds has carried a load in a period."""

from collections.abc import Collection

from greendc.core.feeds import IDLE, LOST, OFF, REDUNDANT, UNKNOWN, Feed, loads
from greendc.explain.evidence import Evidence

VERDICTS = {
    REDUNDANT: "redundant",
    LOST: "redundancy lost",
    OFF: "off",
    UNKNOWN: "whether it was redundant is not known",
}


def feeding(found: Evidence, names: Collection[str]) -> dict[str, str]:
    """A line for each load: its feeds' shares of its energy, and whether one alone carried it."""
    known = {name: f.value for name, f in found.figures.items() if f.value is not None}
    return {
        one.name: f"  fed by {', '.join(map(_share, one.feeds))}: {VERDICTS[one.state]}"
        for one in loads(found.book, names, known)
    }


def _share(feed: Feed) -> str:
    if feed.state == UNKNOWN:
        return f"{feed.meter} unknown"
    if feed.state == IDLE:
        return f"{feed.meter} nothing"
    return feed.meter if feed.share is None else f"{feed.meter} {feed.share * 100:.4g} %"
