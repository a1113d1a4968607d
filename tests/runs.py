"""Readings through the real pipeline into a ledger file, with batches, commits and restarts."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from textwrap import dedent, indent

from greendc.calendars import rfc3339
from greendc.config import Config, load
from greendc.core.facility import EVER, SECOND
from greendc.core.figure import Figure
from greendc.pipeline import Pipeline
from greendc.ports import Entry, Event, RawBatch
from greendc.store import PERIODS, Store, connect, read_figures, read_revisions

SITE = "s"
Reading = tuple[str, int, float]  # meter, event time [ns], value in the meter's unit
Key = tuple[str, str, int]  # period, quantity, start


def configured(folder: Path, meters: Iterable[str], more: str = "", zone: str = "UTC") -> Config:
    """A configuration with one site `s`; every meter publishes {"t": time, "v": value}."""
    listed = "\n".join(f"      - {meter}" for meter in meters)
    head = dedent(f"""\
        sites:
          - id: {SITE}
            zone: {zone}
            rated_it_w: 1000
            topics: [{{topic: 'm/{{meter}}', codec: json, value: v, time_at: t}}]
            meters:
        """)
    path = folder / "site.yaml"
    path.write_text(head + listed + "\n" + indent(dedent(more).strip(), "    ") + "\n")
    return load(path)


def batch(readings: Sequence[Reading]) -> RawBatch:
    """The messages of readings, each arriving at its own event time."""
    return RawBatch(
        arrivals=[max(time, 0) for _, time, _ in readings],
        topics=[f"m/{meter}" for meter, _, _ in readings],
        payloads=[f'{{"t": "{rfc3339(t)}", "v": {v!r}}}'.encode() for _, t, v in readings],
        mids=[0] * len(readings),
        flags=[0] * len(readings),
    )


def entries(readings: Sequence[Reading], cuts: Collection[int] = ()) -> list[Entry]:
    """Readings as batches that end at `cuts`."""
    borders = sorted({0, *cuts, len(readings)})
    return [batch(readings[a:b]) for a, b in pairwise(borders)]


def end(at: int | None = None) -> Event:
    """End of input."""
    return Event("end", 0, {} if at is None else {"at": at})


def config_event(config: Config) -> Event:
    """A reload."""
    return Event("config", 0, {"effective": config.effective()})


@dataclass
class Run:
    """A daemon's life on one ledger file: journal, pipeline, commits and kills."""

    path: Path
    config: Config

    def __post_init__(self) -> None:
        self.journal: list[tuple[int, Entry]] = []
        self.next = 1
        self._open()

    def _open(self) -> None:
        self.store = Store(self.path, durable=False)
        held = self.store.config()
        known = self.config if held is None else Config.from_body(held[1])
        self.pipeline = Pipeline(known, self.store)

    def take(self, entry: Entry) -> None:
        """Journal an entry and handle it."""
        self.journal.append((self.next, entry))
        self.pipeline.handle(self.next, entry)
        self.next += len(entry) if isinstance(entry, RawBatch) else 1

    def commit(self) -> None:
        """Make what there is durable."""
        self.pipeline.commit()

    def kill(self) -> None:
        """Lose what is not committed, and start again from the file and the journal."""
        self.store.close()
        self._open()
        low, done = self.pipeline.start_at()
        again = [(n, e) for n, e in self.journal if low <= n <= done or _holds(n, e, low, done)]
        self.pipeline.resume(again, done)
        for number, entry in self.journal:
            if number > done:
                self.pipeline.handle(number, entry)

    def close(self) -> Path:
        """Commit and close; the ledger file."""
        self.commit()
        self.store.close()
        return self.path


def _holds(first: int, entry: Entry, low: int, done: int) -> bool:
    length = len(entry) if isinstance(entry, RawBatch) else 1
    return first <= done and first + length > low


def played(
    path: Path,
    config: Config,
    log: Iterable[Entry],
    *,
    commits: Collection[int] = (),
    kills: Collection[int] = (),
) -> Path:
    """A ledger of entries; after the entries numbered (from 0) comes a commit, then a kill."""
    run = Run(path, config)
    for number, entry in enumerate(log):
        run.take(entry)
        if number in commits:
            run.commit()
        if number in kills:
            run.kill()
    return run.close()


# -- what stands in the file ----------------------------------------------------------------------


def newest(path: Path, *periods: str) -> dict[Key, Figure]:
    """Newest figures by (period, quantity, start), without configuration and revision numbers."""
    db = connect(path, readonly=True)
    try:
        return {
            (period, f.quantity, f.start): f._replace(revision=0, config=0)
            for period in periods or PERIODS
            for f in read_figures(db, SITE, period, -EVER, EVER)
        }
    finally:
        db.close()


def revisions(path: Path) -> list[Figure]:
    """Every revision of every figure in a fixed order."""
    return list(_revisions(path))


def judged(path: Path) -> list[tuple[object, ...]]:
    """What readings were taken for: by meter, word and hour, in all, and in the tally."""
    db = connect(path, readonly=True)
    try:
        told = db.execute("SELECT meter, word, hour, number FROM judged WHERE number").fetchall()
        tally = db.execute(
            "SELECT outcome, number FROM tally WHERE site = ? AND number "
            "AND (outcome = 'used' OR outcome LIKE '%:%')",
            (SITE,),
        ).fetchall()
        every = db.execute("SELECT meter, word, number FROM told WHERE number").fetchall()
        return sorted(told) + sorted(every) + sorted(tally)
    finally:
        db.close()


def _revisions(path: Path) -> Iterator[Figure]:
    db = connect(path, readonly=True)
    try:
        for period in PERIODS:
            yield from read_revisions(db, SITE, period, -EVER, EVER)
    finally:
        db.close()


def at(second: float) -> int:
    """Seconds as ns."""
    return int(second * SECOND)
