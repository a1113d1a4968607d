"""What two ledgers of the same journal differ in."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from greendc.core.facility import DAY, EVER, HOUR
from greendc.core.figure import Figure
from greendc.store import PERIODS

WITHDRAWN = "withdrawn"
LONGEST = 400 * DAY  # that a period can begin before its last cell
Keyed = Mapping[tuple[int, str], Figure]  # by start and quantity
FEW = 4_000  # figures of both ledgers; where portions hold fewer, more are compared together
MOST = 64  # portions
# figures are compared at least so much at a time: start of the period [ns]
PORTIONS = {"cell": HOUR, "hour": DAY, "24h": DAY, "7d": DAY, "30d": DAY, "day": 31 * DAY}


class Figures(Protocol):
    """A ledger, as far as it is read here."""

    def figures(self, site: str, period: str, lo: int, hi: int) -> Iterator[Figure]:
        """Newest figures of a site whose start lies in [lo, hi), by start and name."""
        ...


class Portion(NamedTuple):
    """Figures of a site and period that start near each other, from `at` on [ns]."""

    site: str
    period: str
    at: int


class Difference(NamedTuple):
    """A figure as it is and as it is to be; None where it is not there yet."""

    site: str
    before: Figure | None
    after: Figure


def portions(spans: Mapping[str, tuple[int, int]]) -> Iterator[Portion]:
    """All that there is to compare: the first and last instant of each site's cells [ns]."""
    for site, (first, last) in spans.items():
        for period in PERIODS:
            lo = first - (0 if period in {"cell", "hour"} else LONGEST)
            for at in range(_begin(period, lo), last, _length(period)):
                yield Portion(site, period, at)


def portion(site: str, figure: Figure) -> Portion:
    """The portion that a figure is compared in."""
    return Portion(site, figure.period, _begin(figure.period, figure.start))


def _length(period: str) -> int:
    return PORTIONS.get(period, 2 * LONGEST)


def _begin(period: str, at: int) -> int:
    return at - at % _length(period)


def differences(
    old: Figures,
    new: Figures,
    compared: Iterable[Portion],
    closed: Mapping[str, Mapping[str, int]],
    until: Mapping[str, int],
    pause: Callable[[], None] = lambda: None,
) -> Iterator[Difference]:
    """Newest figures that are others in `new`.

    Parameters
    ----------
    old, new
        The ledgers.
    compared
        Where they may differ; the order is kept, and in portions beside each other it is by start
        and name.
    closed
        Up to where `new` has closed each account of each site: what it has not come to stays
        as it is until then. [ns]
    until
        Up to when all of a site stays as it is: what ends before is not in `new` for that. [ns]
    pause
        Called between pieces of work.
    """
    stretch: list[Portion] = []
    most = 1
    for one in (*compared, None):
        if one is not None and len(stretch) < most and (not stretch or _follows(stretch[-1], one)):
            stretch.append(one)
            continue
        if stretch:
            pause()
            site, period, at = stretch[0]
            span = at, stretch[-1].at + _length(period)
            upto = closed.get(site, {}), until.get(site, -EVER)
            was, now = _figures(old, site, period, span), _figures(new, site, period, span)
            count = len(was) + len(now)
            if count:  # of what holds nothing no more is told than that
                most = min(most * 2, MOST) if count < FEW else max(most // 2, 1)
            yield from _differing(site, was, now, *upto)
        stretch = [] if one is None else [one]


def _follows(before: Portion, one: Portion) -> bool:
    """Whether a portion is the next one in time."""
    return one == before._replace(at=before.at + _length(before.period))


def _figures(ledger: Figures, site: str, period: str, span: tuple[int, int]) -> Keyed:
    return {(f.start, f.quantity): f for f in ledger.figures(site, period, *span)}


def _differing(
    site: str, was: Keyed, now: Keyed, closed: Mapping[str, int], since: int
) -> Iterator[Difference]:
    for key in sorted(was.keys() | now.keys()):
        before, after = was.get(key), now.get(key)
        if after is None and before is not None and before.end > since:
            gone = before.end <= _upto(closed, before.quantity)
            after = withdrawn(before) if gone else None
        if after is not None and (before is None or _plain(before) != _plain(after)):
            yield Difference(site, before, after)


def _upto(closed: Mapping[str, int], name: str) -> int:
    """Up to where a figure's account is closed; one that there is no more is."""
    return closed.get(name, closed.get(f"i{name}", EVER))  # the account of `pue` is `ipue`


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
