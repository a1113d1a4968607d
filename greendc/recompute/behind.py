"""A ledger as it stood at a checkpoint, to go on from where the journal has all that came since."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import numpy as np

from greendc.config import Config
from greendc.config.changes import Settled
from greendc.core.facility import DAY, EVER, Site
from greendc.core.figure import FigureColumns
from greendc.core.site import meters_and_books
from greendc.ports import GreendcError
from greendc.recompute.amending import Amended, Past, first_kept
from greendc.recompute.scratch import Scratch
from greendc.store import (
    Checkpoint,
    Held,
    Since,
    Store,
    connect,
    read_checkpoints,
    read_held,
    read_loose,
)

Pause = Callable[[], None]

BEGUN = "begun"  # key of a scratch ledger's: see `Begun`

# How far back figures are needed, beyond what late readings reach: final days are looked for four
# weeks before them, rolling windows and years reach back over a year twice.
BACK = {"cell": 0, "hour": 64 * DAY, "day": 800 * DAY, "month": 800 * DAY}


class Begun(NamedTuple):
    """What a scratch ledger knows that has begun at a checkpoint.

    The entry that it has gone on from; where its cells begin and up to when all stays as it is,
    by site [ns]; and since when readings may be taken for something else.
    """

    done_to: int
    begins: Mapping[str, int]
    until: Mapping[str, int]
    since: Mapping[str, Since]

    def from_there(self, origins: Mapping[str, int | None]) -> dict[str, int | None]:
        """Where cells of sites begin, but not before those of the scratch ledger."""
        begins = self.begins.items()
        later = {s: max(at, origins[s] or at) for s, at in begins if origins.get(s) is not None}
        return {**origins, **later}


@dataclass(frozen=True, slots=True)
class Behind:
    """Checkpoints of a ledger file: from where readings are read, and where computing begins.

    Of `still` sites nothing has come since, so that the ledger's own archive holds for them.
    `gone` says what the journal has let go of.
    """

    file: Path
    read_from: Checkpoint
    begin_at: Checkpoint
    still: Sequence[str]
    gone: str

    @property
    def settled(self) -> dict[str, Settled]:
        """Up to when nothing may change, by site."""
        heads = self.begin_at.heads.items()
        return {site: Settled(head.until, head.until - 1) for site, head in heads}

    def begin(self, store: Store, past: Amended, pause: Pause) -> None:
        """Have an empty ledger stand as the file's did; `pause` is called between pieces."""
        with TemporaryDirectory(prefix="recompute-", dir=store.path.parent) as folder:
            read = Path(folder) / "ledger.db"
            self._read(read, past, pause)
            store.begin()
            with closing(connect(self.file, readonly=True)) as db:
                db.execute("BEGIN")
                held = read_held(db, self.begin_at.done_to)
                config = _use(store, held, self.begin_at, past, db)
                until = {site: head.until for site, head in self.begin_at.heads.items()}
                store.taking(db).told(until)
                begins = dict[str, int]()
                for site in config.plan().sites:
                    if site.id in self.begin_at.heads:  # else nothing was known of it
                        begins[site.id] = self._figures(store, db, site, held, pause)
            with closing(connect(read, readonly=True)) as db:
                store.taking(db).archive(pause)
                store.taking(db).left_out(self.begin_at.done_to)
            store.set(BEGUN, Begun(self.begin_at.done_to, begins, until, held.since))
            store.commit()

    def _read(self, file: Path, past: Amended, pause: Pause) -> None:
        """Make a ledger whose archive holds what late readings may need where computing begins."""
        with closing(Store(file, durable=False)) as store:
            store.begin()
            with closing(connect(self.file, readonly=True)) as db:
                _use(store, read_held(db, self.read_from.done_to), self.read_from, past, db)
                taking = store.taking(db)
                taking.left_out(self.read_from.done_to)
                for site in self.still:
                    taking.archive(pause, site)
            store.commit()
        with Scratch(file, past, pause) as scratch:
            scratch.advance(self.begin_at.done_to + 1)
            for site, ledger in scratch.pipeline.ledgers.items():
                # what is still held here may have been let go of there
                if len(ledger.book.hot):
                    scratch.store.archive(site, ledger.meters, ledger.book.hot)
            scratch.pipeline.commit()

    def _figures(
        self, store: Store, db: sqlite3.Connection, site: Site, held: Held, pause: Pause
    ) -> int:
        """Copy the figures that periods go on from; where their cells begin [ns]."""
        state, head = held.state["sites"][site.id], self.begin_at.heads[site.id]
        if state["origin"] is None:
            return -EVER  # it has no figures
        lasting = {account.name for account in meters_and_books(site)[1][-1].accounts}
        closed = [at for name, at in state["accounts"].items() if name in lasting]
        reach = head.watermark - head.remembers + 2 * DAY
        begin = max(min([head.watermark, *closed]) - reach, state["origin"])
        for period, back in BACK.items():
            upto = state["accounts"] if period == "cell" else state["written"].get(period, {})
            lo = begin if period == "cell" else begin - reach - back
            for figures in read_loose(db, site.id, period, lo, EVER):
                some = figures.at(np.flatnonzero(figures.end <= _marks(figures, upto)))
                store.put(site.id, some, np.ones(len(some), np.bool_))
                pause()
        return int(begin)


def begun_at(store: Store) -> Begun:
    """Where a scratch ledger has begun; one that has at the first entry knows nothing of it."""
    done_to, begins, until, since = store.get(BEGUN) or (0, {}, {}, {})
    return Begun(done_to, begins, until, {site: Since(*one) for site, one in since.items()})


def beginning(file: Path, past: Past) -> Behind | None:
    """Where a recompute begins if a journal has let go of its first entries; None if it has not.

    Raises
    ------
    GreendcError
        If nowhere.
    """
    try:
        past.begin()
    except GreendcError as error:
        found = _behind(file, past, str(error))
        if found is None:
            raise
        return found
    return None


def _behind(file: Path, past: Past, gone: str) -> Behind | None:
    first = first_kept(past)
    with closing(connect(file, readonly=True)) as db:
        every = [one for one in read_checkpoints(db) if one.done_to + 1 >= first]
        marks = _watermarks(db)
    for one in every[1:]:
        still = [site for site, head in one.heads.items() if head.watermark == marks.get(site)]
        wanted = {s: h for s, h in one.heads.items() if s in marks and s not in still}
        known = every[0].heads
        if all(s not in known or known[s].newest < h.remembers for s, h in wanted.items()):
            return Behind(file, every[0], one, still, gone)
    return None


def _watermarks(db: sqlite3.Connection) -> dict[str, int]:
    (body,) = db.execute("SELECT value FROM meta WHERE key = 'state'").fetchone()
    sites: dict[str, Any] = msgspec.msgpack.decode(body)["sites"]
    return {site: state["watermark"] for site, state in sites.items()}


def _use(
    store: Store, held: Held, checkpoint: Checkpoint, past: Amended, db: sqlite3.Connection
) -> Config:
    """Have an empty ledger hold a checkpoint, and its configuration as it is known today."""
    found = db.execute("SELECT body FROM config WHERE hash = ?", (checkpoint.config,)).fetchone()
    effective = past.as_known(checkpoint.done_to, Config.from_body(found[0]).effective())
    config = Config.from_effective(effective)
    store.hold(held)
    store.use_config(config.figures_hash(), config.body())
    return config


def _marks(figures: FigureColumns, upto: Mapping[str, int]) -> Any:
    """Up to which end the account of each figure had been written; that of `pue` is `ipue`."""
    each = [upto.get(name, upto.get(f"i{name}", -EVER)) for name in figures.names]
    return np.array(each, np.int64)[figures.quantity]
