"""What is missing and what happened: shares of time known, silences, figures without a value."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from greendc.calendars import rfc3339
from greendc.core.facility import DAY, EVER, HOUR, IntArray
from greendc.core.figure import OF_REFUSED, Figure
from greendc.core.quantities import POINTS
from greendc.queries import Ledger
from greendc.snapshots import Board, MeterTag
from greendc.web import meters
from greendc.web.happened import happened
from greendc.web.history import MS, PERIODS, POWERS, SPANS
from greendc.web.silences import Known, Silences, Together, shares, silences, together

FINER = ("cell", "hour", "day")
LENGTH = {"cell": HOUR, "hour": HOUR, "day": DAY + HOUR}  # of a row at most
ROWS = 250_000  # of the ledger that are read at most; a coarser period has fewer
STEPS = 288  # of a strip at most
GROUPS = 16
NAMES = 12  # of meters that are told by name
TOLD = 20  # silences, and stretches without a value

Key = tuple[str, str | None, str | None]
_Figures = Mapping[str, Sequence[Figure]]


# -- groups ---------------------------------------------------------------------------------------


def part(tag: MeterTag) -> str:
    """What of the site a meter is of: a total's name, or "other" and "none" for the rest."""
    point = POINTS[tag.point]
    if point.category is not None:
        return "e_it"
    if tag.subsystem or point.subsystem:
        return f"subsystem_{tag.subsystem or point.subsystem}"
    return "e_dc" if point.e_dc else "none"


def grouped(tags: Sequence[MeterTag]) -> tuple[list[Key], IntArray]:
    """Meters by part, room and rack, or as many of these as leave few groups; and each one's.

    A group is of all meters that agree in what it names.
    """
    keys: list[Key] = []
    for depth in (3, 2, 1):
        keys = [
            (part(t), t.room if depth > 1 else None, t.rack if depth > 2 else None) for t in tags
        ]
        if len(set(keys)) <= GROUPS:
            break
    found = list(dict.fromkeys(sorted(keys, key=_order)))
    places = {key: place for place, key in enumerate(found)}
    return found, np.array([places[key] for key in keys], np.int64)


def _order(key: Key) -> tuple[int, str, str, str]:
    name = key[0]
    known = POWERS.index(name) if name in POWERS else len(POWERS)
    return known, name, key[1] or "", key[2] or ""


# -- the ledger's rows ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """A site, its meters, and the span that is shown."""

    site: str
    tags: Sequence[MeterTag]
    lo: int
    hi: int

    def known(self, ledger: Ledger, finest: str) -> tuple[str, Known]:
        """The meters' rows of the finest period that is not too many of them."""
        places = {tag.meter: place for place, tag in enumerate(self.tags)}
        for period in FINER[FINER.index(finest) :]:
            found = ledger.known(self.site, period, self.lo - LENGTH[period], self.hi, ROWS)
            if found is not None:
                names, rows = found
                numbers = {n: places[name] for n, name in names.items() if name in places}
                kept = [(numbers[n], *rest) for n, *rest in rows if n in numbers]
                columns = np.array(kept, np.int64).reshape(-1, 4).T
                return period, Known(*columns)
        return FINER[-1], Known(*np.zeros((4, 0), np.int64))

    def left_out(self, ledger: Ledger, board: Board, one: Together) -> str | None:
        """The word for which most readings of a silence were left out; None where few came.

        While it lasts it is that of the moment: readings are counted when they are let go of.
        """
        tags = [self.tags[place] for place in sorted(set(one.meters))]
        found: Counter[str] = Counter()
        now = board.health.refusing.get(self.site, {})
        if one.end == EVER:
            found.update(now[tag.meter].word for tag in tags if tag.meter in now)
            if found.total() * 2 >= len(tags):
                return max(sorted(found), key=lambda word: found[word])
        lo, hi = max(one.start, self.lo), min(one.end, self.hi)
        for words in ledger.judged(self.site, [tag.meter for tag in tags], lo, hi).values():
            found.update({word: number for word, number in words.items() if word in OF_REFUSED})
        wanted = sum((hi - lo) / tag.nominal for tag in tags) / 2
        return max(sorted(found), key=lambda word: found[word]) if found.total() > wanted else None

    def figures(self, ledger: Ledger, period: str) -> dict[str, list[Figure]]:
        """Figures of the totals, and of iPUE by hours at least."""
        out: dict[str, list[Figure]] = {}
        longer = "day" if period == "day" else "hour"
        for length, names in ((period, POWERS), (longer, ("ipue",))):
            lo = self.lo - LENGTH[length]
            for figure in ledger.figures(self.site, length, lo, self.hi, names):
                if figure.end > self.lo:
                    out.setdefault(figure.quantity, []).append(figure)
        return out


# -- told -----------------------------------------------------------------------------------------


def gaps(ledger: Ledger, board: Board, site: str, span: str, now: int) -> dict[str, Any]:
    """What is missing of a site over a span that ends at its time, and what happened."""
    current = board.current
    end = board.site_times(now).get(site)
    last = meters.readings(board, current, site, now)
    tags = [current.meters[i] for i in last.place]
    keys, group = grouped(tags)
    told: dict[str, Any] = {"site": site, "span": span, "events": happened(ledger, site)}
    sizes = np.bincount(group, minlength=len(keys)).tolist()
    told["groups"] = [
        {"part": key[0], "room": key[1], "rack": key[2], "meters": size}
        for key, size in zip(keys, sizes, strict=True)
    ]
    if end is None:
        return {**told, "from": None, "to": None, **_NOTHING}
    asked = _Asked(site, tags, end - SPANS[span], end)
    period, rows = asked.known(ledger, PERIODS[span])
    least = np.array([tag.silent_after for tag in tags], np.int64)
    found = silences(rows, least, last.time, last.quality == 0)
    figures = asked.figures(ledger, period)
    edges = _edges(asked, period)
    lines = shares(rows, group, len(keys), edges) if tags else []
    for one, line in zip(told["groups"], lines, strict=True):
        one["known"] = line
    spells = together(_shown(found, asked.lo))
    values = _without_value(figures, _needs(board, site), found, tags)
    return {
        **told,
        "from": rfc3339(asked.lo),
        "to": rfc3339(end),
        "edges_ms": (edges // MS).tolist(),
        "figures": _known_figures(figures, edges),
        "silences": [
            {**_told(one, tags, group), "left_out": asked.left_out(ledger, board, one)}
            for one in spells[:TOLD]
        ],
        "more_silences": len(spells[TOLD:]),
        "without_value": values[:TOLD],
        "more_without_value": len(values[TOLD:]),
    }


_NOTHING: dict[str, Any] = {
    "edges_ms": [],
    "figures": [],
    "silences": [],
    "more_silences": 0,
    "without_value": [],
    "more_without_value": 0,
}


def _edges(asked: _Asked, period: str) -> IntArray:
    """Borders of the strips' steps, at full multiples of a step."""
    least = {"cell": (asked.hi - asked.lo) // STEPS, "hour": HOUR, "day": DAY}[period]
    step = max(least, (asked.hi - asked.lo) // STEPS)
    return np.append(np.arange(asked.lo // step * step, asked.hi, step), asked.hi)


def _shown(found: Silences, lo: int) -> Silences:
    kept = found.end > lo
    return Silences(found.meter[kept], found.start[kept], found.end[kept])


def _told(one: Together, tags: Sequence[MeterTag], group: IntArray) -> dict[str, Any]:
    which = sorted(set(one.meters))
    counts = np.bincount(group[which])
    return {
        "from_ms": _ms(one.start),
        "latest_ms": _ms(one.latest),
        "to_ms": _ms(one.end),
        "meters": len(which),
        "groups": [[int(place), int(counts[place])] for place in np.flatnonzero(counts)],
        "names": [tags[i].meter for i in which[:NAMES]],
    }


def _ms(moment: int) -> int | None:
    return None if abs(moment) >= EVER else moment // MS


# -- figures --------------------------------------------------------------------------------------


def _known_figures(figures: _Figures, edges: IntArray) -> list[dict[str, Any]]:
    """Coverage of each total between neighbouring edges."""
    names = [name for name in (*POWERS, "ipue") if name in figures]
    rows = [
        (place, f.start, f.end, f.valid) for place, name in enumerate(names) for f in figures[name]
    ]
    known = Known(*np.array(rows, np.int64).reshape(-1, 4).T)
    lines = shares(known, np.arange(len(names)), len(names), edges)
    return [{"name": n, "known": line} for n, line in zip(names, lines, strict=True)]


def _needs(board: Board, site: str) -> dict[str, frozenset[str]]:
    """The physical meters that each account needs."""
    book = board.current.books[site]
    return {a.name: frozenset(book.rules.meters[i].id for i in a.needs) for a in book.accounts}


def _without_value(
    figures: _Figures,
    needs: Mapping[str, frozenset[str]],
    found: Silences,
    tags: Sequence[MeterTag],
) -> list[dict[str, Any]]:
    """Stretches in which a figure has no value, and how many of its meters were silent in them.

    `still` are those of them that still are.
    """
    out = []
    for name in (*POWERS, "ipue"):
        mine = needs.get(name, frozenset())
        places = [i for i, tag in enumerate(tags) if tag.meter in mine]
        for run in _runs(figures.get(name, ())):
            lo, hi = run[0].start, run[-1].end
            over = found.over(lo, hi)
            silent = np.intersect1d(found.meter[over], places)
            still = np.intersect1d(found.meter[over & (found.end == EVER)], places)
            known = sum(f.valid for f in run)
            out.append(
                {
                    "name": name,
                    "from_ms": lo // MS,
                    "to_ms": None if run[-1] is figures[name][-1] else hi // MS,
                    "reason": run[-1].reason,
                    "left_out": run[-1].reason in OF_REFUSED,
                    "coverage": round(known / sum(f.end - f.start for f in run), 4),
                    "silent": len(silent),
                    "still": len(still),
                    "of": len(places),
                }
            )
    return sorted(out, key=lambda one: (one["to_ms"] is not None, -one["from_ms"]))


def _runs(figures: Sequence[Figure]) -> Iterator[list[Figure]]:
    """Figures without a value that follow each other."""
    run: list[Figure] = []
    for figure in figures:
        if figure.value is None:
            run.append(figure)
        elif run:
            yield run
            run = []
    if run:
        yield run
