"""Series of the ledger for charts: mean power by subsystem, emissions, iPUE."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from greendc.calendars import rfc3339
from greendc.core.facility import DAY, EVER, HOUR, SECOND
from greendc.core.figure import Figure
from greendc.lines import published
from greendc.queries import Ledger
from greendc.snapshots import Board
from greendc.web.state import PARTS

SPANS = {"6h": 6 * HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "12mo": 366 * DAY}
PERIODS = {"6h": "cell", "24h": "cell", "7d": "hour", "30d": "hour", "12mo": "day"}
POWERS = (*PARTS, "e_dc")
MASSES = ("co2e_location", "co2e_market")
RATIOS = ("ipue",)
MS = 1_000_000  # ns


@dataclass(slots=True)
class _Series:
    """Values of the quantities by the start of their period, None where there is none.

    `estimated` and `distributed` are shares of the value, of quantities that have some.
    """

    names: Sequence[str]
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)  # of the shortest figure at each start
    values: dict[str, list[float | None]] = field(init=False)
    coverage: dict[str, list[float | None]] = field(init=False)
    estimated: dict[str, list[float | None]] = field(init=False)
    distributed: dict[str, list[float | None]] = field(init=False)
    _ends: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values = {name: [] for name in self.names}
        self.coverage = {name: [] for name in self.names}
        self.estimated = {name: [] for name in self.names}
        self.distributed = {name: [] for name in self.names}

    def add(self, figures: Iterable[Figure]) -> None:
        """Take figures in the order of their starts; a longer one holds at each start in it."""
        for figure in figures:
            if not self.starts or figure.start > self.starts[-1]:
                self._begin(figure)
            self.ends[-1] = min(self.ends[-1], figure.end)
            self.values[figure.quantity][-1] = _value(figure)
            self.coverage[figure.quantity][-1] = round(figure.coverage, 4)
            self.estimated[figure.quantity][-1] = _rounded(figure.estimated)
            self.distributed[figure.quantity][-1] = _rounded(figure.distributed)
            self._ends[figure.quantity] = figure.end

    def _begin(self, figure: Figure) -> None:
        self.starts.append(figure.start)
        self.ends.append(figure.end)
        for columns in (self.values, self.coverage, self.estimated, self.distributed):
            for name, column in columns.items():
                holds = self._ends.get(name, figure.start) > figure.start
                column.append(column[-1] if holds else None)

    @property
    def end(self) -> int:
        """Where the newest period ends; before all times where there is none."""
        return self.ends[-1] if self.ends else -EVER

    def told(self) -> dict[str, Any]:
        """As JSON; a quantity without any figure is left out."""
        kept = [name for name in self.names if any(c is not None for c in self.coverage[name])]
        return {
            "starts_ms": [start // MS for start in self.starts],
            "ends_ms": [end // MS for end in self.ends],
            "values": {name: self.values[name] for name in kept},
            "coverage": {name: self.coverage[name] for name in kept},
            "estimated": {n: self.estimated[n] for n in kept if any(self.estimated[n])},
            "distributed": {n: self.distributed[n] for n in kept if any(self.distributed[n])},
        }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _value(figure: Figure) -> float | None:
    """An energy as the mean power of the time that is known [W]; all else as published."""
    if figure.unit != "J" or figure.value is None:
        return published(figure, figure.value)
    return figure.value / (figure.valid / SECOND) if figure.valid > 0 else None


def history(ledger: Ledger, board: Board, site: str, span: str, now: int) -> dict[str, Any]:
    """Mean power of each part of the site and emissions over a span that ends at its time."""
    end = board.site_times(now).get(site)
    power, mass = _Series(POWERS), _Series((*MASSES, *RATIOS))
    if end is not None:
        lo = end - SPANS[span]
        power.add(ledger.figures(site, PERIODS[span], lo, end, POWERS))
        longer = "day" if PERIODS[span] == "day" else "hour"
        mass.add(ledger.figures(site, longer, lo, end, (*MASSES, *RATIOS)))
    return {
        "site": site,
        "span": span,
        "from": None if end is None else rfc3339(end - SPANS[span]),
        # a mean of the interval that begins with the last reading ends after it
        "to": None if end is None else rfc3339(max(end, power.end, mass.end)),
        "power_watts": power.told(),
        "hourly": mass.told(),
    }
