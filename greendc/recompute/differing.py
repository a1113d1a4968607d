"""What two ledgers of the same journal differ in."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

from greendc.core.facility import DAY, EVER, HOUR
from greendc.core.figure import Figure
from greendc.store import PERIODS

WITHDRAWN = "withdrawn"
LONGEST = 400 * DAY  # that a period can begin before its last cell
# figures are compared so much at a time: start of the period [ns]
PORTIONS = {"cell": HOUR, "hour": DAY, "24h": DAY, "7d": DAY, "30d": DAY, "day": 31 * DAY}


class Figures(Protocol):
    """A ledger, as far as it is read here."""

    def figures(self, site: str, period: str, lo: int, hi: int) -> Iterator[Figure]:
        """Newest figures of a site whose start lies in [lo, hi), by start and name."""
        ...


class Difference(NamedTuple):
    """A figure as it is and as it is to be; None where it is not there yet."""

    site: str
    before: Figure | None
    after: Figure


def differences(
    old: Figures,
    new: Figures,
    spans: Mapping[str, tuple[int, int]],
    begin: Mapping[str, int],
    pause: Callable[[], None] = lambda: None,
) -> Iterator[Difference]:
    """Newest figures that are others in `new`, by site, period, start and name.

    Parameters
    ----------
    old, new
        The ledgers.
    spans
        First and last instant of each site's cells in either. [ns]
    begin
        Where `new` begins, for sites of which it does not have all: before it nothing is
        withdrawn. [ns]
    pause
        Called between pieces of work.
    """
    for site, (first, last) in spans.items():
        for period in PERIODS:
            step = PORTIONS.get(period, 2 * LONGEST)
            lo = first - (0 if period in {"cell", "hour"} else LONGEST)
            for at in range(lo // step * step, last, step):
                pause()
                yield from _differing(
                    old, new, site, period, (at, at + step), begin.get(site, -EVER)
                )


def _differing(
    old: Figures, new: Figures, site: str, period: str, span: tuple[int, int], begin: int
) -> Iterator[Difference]:
    was = {(f.start, f.quantity): f for f in old.figures(site, period, *span)}
    now = {(f.start, f.quantity): f for f in new.figures(site, period, *span)}
    for key in sorted(was.keys() | now.keys()):
        before, after = was.get(key), now.get(key)
        if after is None and before is not None and before.start >= begin:
            after = withdrawn(before)
        if after is not None and (before is None or _plain(before) != _plain(after)):
            yield Difference(site, before, after)


def _plain(figure: Figure) -> Figure:
    return figure._replace(revision=0, config=0)


def withdrawn(figure: Figure) -> Figure:
    """A figure that there is none of any more: nothing is known, and no sum has a part of it."""
    return figure._replace(
        valid=0,
        value=None,
        estimated=None,
        distributed=None,
        uncertainty=None,
        doubt=None,
        status="undefined",
        reason=WITHDRAWN,
        terms=bytes(len(figure.terms)),
        config=0,
    )
