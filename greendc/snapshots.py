"""What the worker shows to everyone else: frozen, replaced whole, never changed.

`Current` is what meters said last; `Closed` is what the ledger says now; `Health` is
how the daemon itself does. Page, Prometheus and alerts render these and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from greendc.core.accounts import Book
from greendc.core.checking import Checked
from greendc.core.facility import EVER, IntArray, Intensity
from greendc.core.figure import Figure
from greendc.core.present import POWERS, power
from greendc.core.readings import BoolArray, FloatArray
from greendc.core.refusing import Refusing
from greendc.findings import Lasting

Key = tuple[str, str]  # site, and name of an account
FigureKey = tuple[str, str, str]  # site, period, quantity


@dataclass(frozen=True, slots=True)
class MeterTag:
    """What is fixed of a physical meter; times in ns."""

    site: str
    meter: str
    point: str
    quantity: str
    kind: str
    carrier: str
    subsystem: str | None
    room: str | None
    rack: str | None
    nominal: int
    silent_after: int


@dataclass(frozen=True, slots=True)
class Target:
    """What alerts compare a figure with.

    `steps` are (from [ns], target, recovery), the first from the beginning. An alert ends
    at `recovery`; None where it ends at the target itself.
    """

    kpi: str  # "pue", or "coverage" of all KPIs
    window: str
    steps: tuple[tuple[int, float, float | None], ...]

    def at(self, moment: int) -> tuple[float, float | None]:
        """Target and recovery at a time [ns]."""
        return [step[1:] for step in self.steps if step[0] <= moment][-1]


@dataclass(frozen=True, slots=True)
class Limits:
    """What alerts compare the daemon's own health with."""

    sink_lag_seconds: float
    journal_lag_seconds: float
    journal_fill: float


@dataclass(frozen=True, slots=True)
class SiteTag:
    """What is fixed of a site; `intensity` by accounting method."""

    site: str
    name: str
    zone: str
    boundary: str  # "metered" or "bottom_up"
    unavailable: Mapping[str, str]  # names without figures, each with the reason
    intensity: Mapping[str, Intensity] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    lateness: int = 0  # how much later than others a reading may come [ns]
    redundant: frozenset[str] = frozenset()  # derived meters whose inputs are feeds of one load


@dataclass(frozen=True, slots=True)
class Current:
    """The latest accepted reading of each meter, by places in `meters`; not part of the ledger.

    `time` is -EVER and `value` NaN where nothing has been read yet; `value` is in base units
    (W, J, Cel, ratio, V, A …). `readings` counts what was accepted since the start.
    `site_time` is the largest accepted event time of each site that has any [ns].
    """

    sites: Sequence[SiteTag]
    meters: Sequence[MeterTag]
    time: IntArray
    value: FloatArray
    readings: IntArray
    site_time: Mapping[str, int]
    books: Mapping[str, Book]  # the layout in force at each site's time
    limits: Limits | None = None  # None before there is a configuration

    def fresh(self, now: Mapping[str, int]) -> BoolArray:
        """Which meters are not stale at each site's time [ns]: see `MeterTag.silent_after`."""
        moment = np.array([now.get(tag.site, EVER) for tag in self.meters], np.int64)
        limit = np.array([tag.silent_after for tag in self.meters], np.int64)
        known: BoolArray = self.time > -EVER
        return known & (self.time >= moment - limit)

    def power(self, now: Mapping[str, int]) -> dict[Key, float]:
        """Power of meters, derived meters and totals that is known at each site's time [W]."""
        watts: dict[str, dict[str, float]] = {site: {} for site in self.books}
        for place in np.flatnonzero(self.fresh(now)).tolist():
            tag = self.meters[place]
            if tag.quantity in POWERS:
                watts[tag.site][tag.meter] = float(self.value[place])
        found = {site: power(book, watts[site]) for site, book in self.books.items()}
        return {
            (site, name): value for site, named in found.items() for name, value in named.items()
        }


@dataclass(frozen=True, slots=True)
class Balance:
    """The newest hour that was checked, and what has not added up since before it ended."""

    hour: Checked
    findings: tuple[Lasting, ...]


class Taken(NamedTuple):
    """How many readings of a meter were taken for a word, and when the last one was [ns]."""

    number: int
    last: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The ledger's newest figures, and what was committed since the start of the process.

    `figures` holds the figure that starts last of every total, mass and KPI (not of single
    meters) for each period. Counters start at 0 with the process and never fall: `energy_in` and
    `energy_out` sum the positive and the absolute negative energies of first revisions of cells
    [J], of meters, derived meters and totals; `emitted` the masses [g], by site and account.
    `revised` is the net of all revisions since the start [J or g]. `undefined` counts figures
    without a value by (site, quantity, period, reason). `provisional` holds what the running hour
    and local day would be, should no more be heard: for people, never for a history. `balances`
    has the newest hour of each site in which energy in and out were compared. `words` tells of
    each meter what single readings of it were taken for, in the ledger's life: words other than a
    plain reading's. `written` counts revisions by site and period.
    """

    figures: Mapping[FigureKey, Figure] = field(default_factory=dict)
    energy_in: Mapping[Key, float] = field(default_factory=dict)
    energy_out: Mapping[Key, float] = field(default_factory=dict)
    emitted: Mapping[Key, float] = field(default_factory=dict)
    revised: Mapping[Key, float] = field(default_factory=dict)
    undefined: Mapping[tuple[str, str, str, str], int] = field(default_factory=dict)
    provisional: Mapping[FigureKey, Figure] = field(default_factory=dict)
    balances: Mapping[str, Balance] = field(default_factory=dict)
    words: Mapping[Key, Mapping[str, Taken]] = field(default_factory=dict)
    written: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SinkHealth:
    """How far a sink is; counts are those of this process.

    `lag_seconds` is for how long the oldest figure that it has not written has been waiting since
    this process saw it. `sent` figures are those that the target has taken, `refused` those that it
    does not take; what is sent again counts again.
    """

    name: str
    kind: str
    pending: int
    lag_seconds: float
    error: str | None  # of the last try; None after a good one
    sent: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class JobHealth:
    """What became of a calendar job: its last success [ns UTC], and why the last run failed.

    Both are None where nothing is known, as before its first run.
    """

    name: str
    succeeded: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """One of the equations of an audit, with the site, sink or QoS that it is about."""

    name: str
    about: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the newest audit found at a time [ns].

    `lost` are messages of QoS 0 and of QoS 1 that were read and never journalled, as far as known.
    """

    at: int
    accounts: Sequence[Account]
    lost: tuple[int, int]

    @property
    def failed(self) -> list[str]:
        """Names of the equations that do not hold."""
        return [f"{a.name} {a.about}".strip() for a in self.accounts if not a.holds]


@dataclass(frozen=True, slots=True)
class Health:
    """How the daemon itself does; wall-clock times in ns.

    `outcomes` counts messages of the ledger's whole life by outcome (`messages`, `redelivered`,
    `rejected:REASON` …), `site_outcomes` readings of each site (`readings`, `late`,
    `duplicate` …). `journal_full` says why nothing is read, if so. `bulk_read` is False
    where messages are read one by one, for want of the paho that greendc knows. `accounts` is None
    before the first audit of this process. `refusing` are, by site, the meters that report and of
    which no reading has been believed for long.
    """

    started: int
    at: int
    broker: str
    connected: bool
    connection_error: str | None
    inbox: int
    journal_bytes: int
    journal_limit: int
    journal_full: str | None
    journal_lag_seconds: float  # of the oldest entry that is not in a committed ledger
    outcomes: Mapping[str, int]
    site_outcomes: Mapping[str, Mapping[str, int]]
    sinks: Sequence[SinkHealth]
    bulk_read: bool = False
    jobs: Sequence[JobHealth] = ()
    accounts: Accounts | None = None
    refusing: Mapping[str, Mapping[str, Refusing]] = field(default_factory=dict)


@dataclass(slots=True)
class Board:
    """Where the worker puts its newest snapshots; readers take each attribute once."""

    current: Current
    closed: Closed
    health: Health
    wall_clock: bool = True  # False in replay and demo, where site time is the largest event time
    version: int = 0  # grows with every change

    def site_times(self, now: int) -> dict[str, int]:
        """The time of each site: the wall clock `now` [ns], or its largest event time."""
        current = self.current
        if self.wall_clock:
            return {tag.site: now for tag in current.sites}
        return dict(current.site_time)
