"""VictoriaMetrics, which keeps every sample that it is sent and deletes only whole series.

A revision therefore deletes the series of its month, writes them anew from the ledger and has
the store forget what it has reckoned from them. It is one job: a crash within repeats it.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlencode

import orjson

from greendc import faults
from greendc.core.facility import DAY, SECOND
from greendc.ports import Asked, LedgerReader, LedgerRow
from greendc.sinks.errors import PartlyRefused, Refused, Unavailable
from greendc.sinks.http import Http
from greendc.sinks.line_protocol import KPI, SHAPES, month, month_bounds, newest_of, portions
from greendc.sinks.overwriting import Store

log = logging.getLogger(__name__)

SELECTORS = 50  # in one request
FLAGS = re.compile(r'^-([\w.]+)="(.*)"$', re.MULTILINE)
STARTED = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)
LEAST_RETENTION = 395 * DAY  # of figures that look back on twelve months
SPANS = {"h": DAY // 24, "d": DAY, "w": 7 * DAY, "y": 365 * DAY, "": 31 * DAY}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """A figure's points of one UTC month."""

    site: str
    period: str
    lo: int
    unit: str
    quantity: str

    @classmethod
    def of(cls, row: LedgerRow) -> "Series":
        """The series that a row belongs to."""
        figure = row.figure
        lo, _ = month_bounds(figure.start)
        return cls(row.site, figure.period, lo, figure.unit, figure.quantity)

    @property
    def selector(self) -> str:
        """What selects all its fields, whatever other tags they have."""
        measurement, named, _ = SHAPES.get(self.unit, KPI)
        wanted = {
            "site": self.site,
            "res": self.period,
            "period": month(self.lo),
            named: self.quantity,
        }
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in wanted.items())
        return f'{{__name__=~"{measurement}_.+",{labels}}}'


class Rewriting:
    """Writes what is new; rewrites the months in which something was revised."""

    def __init__(self, store: Store, http: Http, batch: int, confirm_after: float) -> None:
        """`store` takes points, `batch` at a time; `http` is for everything else."""
        self._store, self._http, self._batch = store, http, batch
        self.confirm_after = confirm_after
        self._asked = False

    def write(self, rows: Sequence[LedgerRow], ledger: LedgerReader) -> None:
        """Make the store's series what the ledger says up to the last row."""
        revised = {Series.of(row) for row in rows if row.figure.revision}
        fresh = [row for row in newest_of(rows) if Series.of(row) not in revised]
        if fresh:
            self._store.post(fresh)
        refused = self._rewrite(sorted(revised), ledger, rows[-1].id) if revised else []
        if not self._asked:  # now that it answers
            self._asked = True
            for remark in self.remarks():
                log.warning("%s", remark)
        if refused:
            raise PartlyRefused(refused)

    def holds(self, row: LedgerRow) -> bool:
        """Whether the store has a figure, by any revision."""
        self._http.post("/internal/force_flush")  # what came last can be found from then on
        at = row.figure.start // SECOND
        asked = {"match[]": Series.of(row).selector, "start": at, "end": at}
        return bool(self._http.get(f"/api/v1/export?{urlencode(asked)}").strip())

    def counted(self, site: str, period: str, lo: int, hi: int) -> dict[int, int]:
        """How many figures start on each UTC day, by its number."""
        self._http.post("/internal/force_flush")
        wanted = f'__name__=~"greendc_.+_rev",site="{_escaped(site)}",res="{_escaped(period)}"'
        ends = [(at // SECOND) - 0.001 for at in (lo + DAY, hi)]  # a range has its end in it
        asked = {
            "query": f"sum(count_over_time({{{wanted}}}[1d]))",
            "start": ends[0],
            "end": ends[1],
            "step": DAY // SECOND,
            "nocache": 1,  # which would move start and end
        }
        answer = self._http.get(f"/api/v1/query_range?{urlencode(asked)}")
        try:
            found = orjson.loads(answer)["data"]["result"]
        except (orjson.JSONDecodeError, LookupError, TypeError) as error:
            raise Unavailable(f"cannot count figures: {error}") from error
        rows = [row for series in found for row in series["values"]]
        return {int(at) // (DAY // SECOND): int(float(count)) for at, count in rows}

    def life(self) -> str | None:
        """When the store was started [s since 1970], as it tells; None where it does not."""
        try:
            found = STARTED.search(self._http.get("/metrics"))
        except (Refused, Unavailable):
            return None
        return None if found is None else found[1]

    def close(self) -> None:
        """Close the connections."""
        self._store.close()
        self._http.close()

    def _rewrite(
        self, every: Sequence[Series], ledger: LedgerReader, upto: int
    ) -> list[tuple[LedgerRow, str]]:
        """Delete and write series; returns the rows that are refused, with the reason."""
        # Only what can be found is deleted, and what has just been sent cannot be found yet.
        self._http.post("/internal/force_flush")
        for lo in range(0, len(every), SELECTORS):
            some = [("match[]", one.selector) for one in every[lo : lo + SELECTORS]]
            self._http.post("/api/v1/admin/tsdb/delete_series", urlencode(some).encode(), FORM)
        faults.reached("after_store_delete")
        refused = []
        for part in portions(_newest(every, ledger, upto), self._batch):
            refused += self._posted(part)
        faults.reached("before_cache_reset")
        self._http.post("/internal/resetRollupResultCache")
        return refused

    def _posted(self, rows: Sequence[LedgerRow]) -> list[tuple[LedgerRow, str]]:
        """Write rows of series that are gone: of what is refused together halves are tried."""
        try:
            self._store.post(rows)
        except Refused as error:
            if len(rows) == 1:
                return [(rows[0], str(error))]
            half = len(rows) // 2
            return [*self._posted(rows[:half]), *self._posted(rows[half:])]
        return []

    # -- how it must be run ----------------------------------------------------------------------

    def remarks(self) -> Iterator[str]:
        """What is wrong with the way the store is run."""
        try:
            told = flags(self._http)
        except Unavailable as error:
            yield f"{self._http.url}: cannot be asked how it is run: {error}"
            return
        if told.get("dedup.minScrapeInterval") != "1ms":
            yield (
                f"{self._http.url}: runs without -dedup.minScrapeInterval=1ms: points that are "
                "sent again after a crash count twice"
            )
        if self.life() is None:
            yield (
                f"{self._http.url}: does not tell at /metrics when it was started: what it loses "
                "when it is killed is sent again only where greendc cannot write meanwhile"
            )
        kept = told.get("retentionPeriod", "1")
        if _retention(kept) < LEAST_RETENTION:
            yield (
                f"{self._http.url}: drops figures that are older than -retentionPeriod={kept}; "
                "figures look back on twelve months: run it with -retentionPeriod=10y or the like"
            )


def flags(http: Http) -> dict[str, str]:
    """Flags that a VictoriaMetrics was started with; none of another store.

    Raises
    ------
    Unavailable
        Where it cannot be asked.
    """
    return dict(FLAGS.findall(http.get("/flags")))


def mistaken(http: Http, instead: str) -> Iterator[str]:
    """What to say where a sink of another kind writes to a VictoriaMetrics.

    It would take everything too, and keep each revision beside the last.
    """
    try:
        found = flags(http)
    except (Refused, Unavailable):
        return
    if "storageDataPath" in found or "httpListenAddr" in found:
        yield f"{http.url}: is a VictoriaMetrics: set {instead}"


def _newest(every: Sequence[Series], ledger: LedgerReader, upto: int) -> Iterator[LedgerRow]:
    """The newest figures of series, those of a site, period and month together, day by day."""
    for (site, period, lo), group in groupby(every, lambda s: (s.site, s.period, s.lo)):
        names = frozenset(one.quantity for one in group)
        for day in range(lo, month_bounds(lo)[1], DAY):  # a month of cells is not held at once
            yield from ledger.newest(Asked(site, period, names, day, day + DAY), upto)


def _retention(text: str) -> int:
    """What -retentionPeriod says [ns]; a plain number counts months.

    >>> _retention("2") // DAY, _retention("1.5y") // DAY
    (62, 547)
    """
    found = re.fullmatch(r"([0-9.]+)([hdwy]?)", text)
    return 0 if found is None else int(float(found[1]) * SPANS[found[2]])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
