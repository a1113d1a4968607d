"""The figures that differ, and the state to go on from, put into the ledger."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from greendc import faults
from greendc.config import Config
from greendc.core.facility import EVER
from greendc.core.figure import Figure, FigureColumns
from greendc.ledger import WRITTEN
from greendc.pipeline import Pipeline
from greendc.ports import Event, LedgerRow
from greendc.recompute.amending import Amended, Amendment, Past
from greendc.recompute.behind import beginning, begun_at
from greendc.recompute.differing import Difference, Portion, differences, portion, portions
from greendc.recompute.scratch import Scratch
from greendc.store import PERIODS, Kept, Store, StoredLedger

Span = tuple[int, int]

PORTION = 1_000  # figures written at a time
NAMED = 100  # figures that a reason names; of more it names none
LEDGER = "ledger.db"
DONE = "recomputed"  # key of the ledger's: the amendments so far


class Recomputer:
    """What a pipeline does at an entry that says so; give it to the `Pipeline`.

    `alive` is called again and again meanwhile. `prepared` is a scratch ledger that has come
    far already, for the entry that comes next.
    """

    def __init__(
        self, past: Past, folder: Path | None = None, alive: Callable[[], None] = lambda: None
    ) -> None:
        """`past` is the pipeline's own journal; scratch files stand in `folder`."""
        self.past, self._folder, self.alive = past, folder, alive
        self.prepared: Prepared | None = None

    def __call__(self, pipeline: Pipeline, seq: int, event: Event) -> None:
        """Write what differs; everything is in the pipeline's open transaction."""

        def pause() -> None:
            self.alive()
            pipeline.meanwhile()

        faults.reached("recompute_begun")
        wanted = Config.from_effective(event.data["effective"])
        this = Amendment(seq, event.data["keys"], wanted.effective())
        amendments = [*done_before(pipeline.store), this]
        prepared, self.prepared = self.prepared, None
        with ExitStack() as stack:
            past = Amended(self.past, amendments)
            scratch = stack.enter_context(self._scratch(pipeline, prepared, past, pause, stack))
            scratch.advance(seq)
            scratch.pipeline.commit()
            _take(pipeline, event, scratch, prepared, pause)
            _go_on(pipeline, seq, scratch, wanted, pause)
        pipeline.store.set(DONE, [list(one) for one in amendments])
        faults.reached("recompute_written")

    def _scratch(
        self,
        pipeline: Pipeline,
        prepared: "Prepared | None",
        past: Amended,
        pause: Callable[[], None],
        stack: ExitStack,
    ) -> Scratch:
        if prepared is not None:
            return Scratch(prepared.file, past, pause)
        folder = TemporaryDirectory(prefix="recompute-", dir=self._folder)
        file = Path(stack.enter_context(folder)) / LEDGER
        return Scratch(file, past, pause, beginning(pipeline.store.path, past))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scratch ledger that was compared when it and the ledger were at the same entry.

    `differing` are the portions that differed then; `mine` and `theirs` are the last rows
    of the scratch ledger and of the other one at that time.
    """

    file: Path
    differing: Sequence[Portion]
    mine: int
    theirs: int

    def portions(self, ledger: Store) -> list[Portion]:
        """Where they may differ by now: nothing else has been written since. All is committed."""
        found = set(self.differing)
        for file, last in ((self.file, self.mine), (ledger.path, self.theirs)):
            found.update(portion(row.site, row.figure) for row in rows_after(file, last))
        return sorted(found, key=lambda one: (one.site, PERIODS.index(one.period), one.at))


def rows_after(file: Path, last: int) -> Iterator[LedgerRow]:
    """Committed rows of a ledger file after one."""
    with closing(StoredLedger(file)) as ledger:
        while rows := list(ledger.rows_after(last, PORTION)):
            yield from rows
            last = rows[-1].id


class Newest(Protocol):
    """A ledger, as far as its end is looked for."""

    def newest_start(self, site: str, period: str) -> int | None:
        """Start of the latest figure of a site and period; None where there is none."""
        ...


class Keyed(Protocol):
    """A ledger, as far as small values are read from it."""

    def get(self, key: str) -> Any:
        """A value set under a key; None if there is none."""
        ...


def done_before(store: Keyed) -> list[Amendment]:
    """The amendments that a ledger rests on."""
    return [Amendment(*one) for one in store.get(DONE) or ()]


def _take(
    pipeline: Pipeline,
    event: Event,
    scratch: Scratch,
    prepared: Prepared | None,
    pause: Callable[[], None],
) -> None:
    """Write what differs in a scratch ledger that has come as far."""
    store, other, begun = pipeline.store, scratch.pipeline, begun_at(scratch.store)
    spans = cells_of(
        (begun.from_there(origins(pipeline)), store),
        (begun.from_there(origins(other)), scratch.store),
    )
    compared = portions(spans) if prepared is None else prepared.portions(store)
    found = differences(store, scratch.store, compared, closed(other), begun.until, pause)
    for site, mine in groupby(found, lambda one: one.site):
        writing = _Writing(pipeline, other)
        for difference in mine:
            writing.take(difference)
        writing.flush()
        writing.explain(site, event)
    store.set(WRITTEN, {site: newest for site, (_, newest) in spans.items()})


def _go_on(
    pipeline: Pipeline, seq: int, scratch: Scratch, wanted: Config, pause: Callable[[], None]
) -> None:
    """Have a pipeline continue where another one has come to, by the configuration wanted."""
    begun = begun_at(scratch.store)
    other = scratch.pipeline
    begin = other.rebuild_from
    other.store.count("", {"entries:event": 1})
    other.switch(seq, wanted)
    pipeline.store.take_over(other.store, Kept(begun.done_to, begun.since), pause)
    pipeline.states = other.states
    pipeline.use(wanted)
    pipeline.show_again(scratch.past.read(begin, seq))


def origins(pipeline: Pipeline) -> dict[str, int | None]:
    """Where the first cell of each site begins."""
    return {name: one.book.progress.origin for name, one in pipeline.ledgers.items()}


def closed(pipeline: Pipeline) -> dict[str, dict[str, int]]:
    """Up to where each account of each site is closed."""
    return {name: one.book.progress.accounts for name, one in pipeline.ledgers.items()}


def cells_of(*ledgers: tuple[Mapping[str, int | None], Newest]) -> dict[str, Span]:
    """First and last instant of each site's cells in any of some ledgers."""
    found: dict[str, Span] = {}
    for begins, ledger in ledgers:
        for site, begin in begins.items():
            newest = ledger.newest_start(site, "cell")
            if newest is not None and begin is not None:
                lo, hi = found.get(site, (EVER, -EVER))
                found[site] = min(lo, begin), max(hi, newest + 1)
    return dict(sorted(found.items()))


class _Writing:
    """Differences of one site on their way into the ledger."""

    def __init__(self, pipeline: Pipeline, other: Pipeline) -> None:
        self._pipeline, self._store, self._other = pipeline, pipeline.store, other.store
        self._first = self._store.last() + 1
        self._site = ""
        self._figures: list[Figure] = []
        self._config = 0
        self._span = EVER, -EVER
        self._names: set[str] = set()

    def take(self, one: Difference) -> None:
        """Write a figure, by the configuration that made it."""
        if len(self._figures) >= PORTION or one.after.config != self._config:
            self.flush()
            self._config = one.after.config
        self._site = one.site
        self._figures.append(one.after)
        self._span = min(self._span[0], one.after.start), max(self._span[1], one.after.end)
        self._names.add(one.after.quantity)

    def flush(self) -> None:
        """Write what is left."""
        if not self._figures:
            return
        if self._config:
            self._store.use_config(*self._other.config_of(self._config))
        fresh = np.zeros(len(self._figures), np.bool_)
        changes = self._store.put(self._site, FigureColumns.of(self._figures), fresh)
        self._pipeline.written += len(changes.figures)
        if self._pipeline.watch is not None:
            self._pipeline.watch.wrote(changes)
        self._figures = []

    def explain(self, site: str, event: Event) -> None:
        """Note why these rows are there."""
        lo, hi = self._span
        keys = [".".join(path) for name, *path in event.data["keys"] if name == site]
        cause = {"kind": "recompute", "from": lo, "to": hi, "keys": keys}
        if len(self._names) <= NAMED:
            cause["figures"] = sorted(self._names)
        last = self._store.last()
        data = {
            "site": site,
            "rows": (self._first, last),
            "figures": last + 1 - self._first,
            "from": lo,
            "to": hi,
            "causes": [cause],
            "more": 0,
        }
        self._store.note(Event("revised", event.arrival, data))
