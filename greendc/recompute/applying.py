"""The figures that differ, and the state to go on from, put into the ledger."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from greendc.config import Config
from greendc.core.facility import EVER
from greendc.pipeline import Pipeline
from greendc.ports import Event
from greendc.recompute.amending import Amended, Amendment, Past
from greendc.recompute.differing import Difference, differences
from greendc.recompute.scratch import Scratch
from greendc.store import Row

Span = tuple[int, int]

PORTION = 1_000  # figures written at a time
LEDGER = "ledger.db"
DONE = "recomputed"  # key of the ledger's: the amendments so far


class Recomputer:
    """What a pipeline does at an entry that says so; give it to `Pipeline.recompute`."""

    def __init__(
        self, past: Past, folder: Path | None = None, alive: Callable[[], None] = lambda: None
    ) -> None:
        """`past` is the pipeline's own journal; scratch files stand in `folder`.

        `alive` is called again and again meanwhile.
        """
        self.past, self._folder, self._alive = past, folder, alive
        self.prepared: Path | None = None  # a scratch ledger for the entry that comes next

    def __call__(self, pipeline: Pipeline, seq: int, event: Event) -> None:
        """Write what differs; everything is in the pipeline's open transaction."""

        def pause() -> None:
            self._alive()
            pipeline.meanwhile()

        wanted = Config.from_effective(event.data["effective"])
        amendments = [
            *done_before(pipeline.store),
            Amendment(seq, event.data["keys"], wanted.effective()),
        ]
        with ExitStack() as stack:
            file, self.prepared = self.prepared, None
            if file is None:
                folder = TemporaryDirectory(prefix="recompute-", dir=self._folder)
                file = Path(stack.enter_context(folder)) / LEDGER
            scratch = stack.enter_context(Scratch(file, Amended(self.past, amendments), pause))
            scratch.advance(seq)
            scratch.pipeline.commit()
            _apply(pipeline, seq, event, scratch.pipeline, wanted, pause)
        pipeline.store.set(DONE, [list(one) for one in amendments])


class Newest(Protocol):
    """A ledger, as far as its end is looked for."""

    def newest_start(self, site: str, period: str) -> int | None:
        """Start of the latest figure of a site and period; None where there is none."""
        ...


class Kept(Protocol):
    """A ledger, as far as small values are read from it."""

    def get(self, key: str) -> Any:
        """A value set under a key; None if there is none."""
        ...


def done_before(store: Kept) -> list[Amendment]:
    """The amendments that a ledger rests on."""
    return [Amendment(*one) for one in store.get(DONE) or ()]


def _apply(
    pipeline: Pipeline,
    seq: int,
    event: Event,
    other: Pipeline,
    wanted: Config,
    pause: Callable[[], None],
) -> None:
    store = pipeline.store
    spans = cells_of((origins(pipeline), store), (origins(other), other.store))
    found = differences(store, other.store, spans, event.data.get("begin", {}), pause)
    for site, mine in groupby(found, lambda one: one.site):
        writing = _Writing(pipeline, other)
        for difference in mine:
            writing.take(difference)
        writing.flush()
        writing.explain(site, event)
    other.store.count("", {"entries:event": 1})
    other.switch(seq, wanted)
    store.take_over(other.store, pause)
    pipeline.states = other.states
    pipeline.use(wanted)


def origins(pipeline: Pipeline) -> dict[str, int | None]:
    """Where the first cell of each site begins."""
    return {name: one.book.progress.origin for name, one in pipeline.ledgers.items()}


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
        self._rows: list[Row] = []
        self._config = 0
        self._span = EVER, -EVER

    def take(self, one: Difference) -> None:
        """Write a figure, by the configuration that made it."""
        if len(self._rows) >= PORTION or one.after.config != self._config:
            self.flush()
            self._config = one.after.config
        self._rows.append(Row(one.site, one.after, fresh=False))
        self._span = min(self._span[0], one.after.start), max(self._span[1], one.after.end)

    def flush(self) -> None:
        """Write what is left."""
        if not self._rows:
            return
        if self._config:
            self._store.use_config(*self._other.config_of(self._config))
        changes = self._store.put(self._rows)
        self._pipeline.written += len(changes)
        if self._pipeline.watch is not None:
            self._pipeline.watch.wrote(changes)
        self._rows = []

    def explain(self, site: str, event: Event) -> None:
        """Note why these rows are there."""
        lo, hi = self._span
        keys = [".".join(path) for name, *path in event.data["keys"] if name == site]
        cause = {"kind": "recompute", "from": lo, "to": hi, "keys": keys}
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
