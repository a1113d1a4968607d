"""Measures greendc beside other exporters: `python -m tests.bench [short] [--only NAME …]`.

Every subject stands alone beside a broker of its own with the shipped configuration, gets the
same messages from a publisher in a process of its own, and must at the end show each topic's last
value. greendc runs with its journal and its ledger on the disk (`synchronous=FULL`), decodes and
computes all figures. CPU time is the kernel's count for the subject and its children.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.latency import percentile
from tests.bench.load import Load
from tests.bench.processes import memory_of
from tests.bench.recorded import Replayed, replayed, replayed_year
from tests.bench.report import (
    Row,
    machine,
    megabytes,
    micros,
    millis,
    progress,
    rate,
    seconds,
    table,
)
from tests.bench.subjects import GREENDC, SUBJECTS, Subject, version
from tests.bench.trials import Cost, Scrape, trial
from tests.servers.support import PROJECT

SERIES = 10_000  # that scrapes are compared at
MINUTE = 60
LATENESS = 600  # s, the default


@dataclass(frozen=True)
class Sizes:
    """How much is published: rounds are a reading of every point, paces messages a second."""

    points: int = 2_000
    warm: int = 20
    paced: int = 60  # as many seconds of event time as a cell has
    pace: int = 10_000
    watched: int = 60
    watched_pace: int = 5_000
    unpaced: int = 240
    sites: tuple[int, ...] = (1_000, 10_000)  # points, ascending
    minutes: int = 13  # of each site
    rest: float = 10.0  # s until all that is open has been looked at
    replay: int = 1_500
    logs: tuple[str, ...] = ("jsonl", "jsonl.zst")
    year: bool = True
    scrapes: int = 10

    @property
    def rounds(self) -> int:
        """All rounds of a trial."""
        return self.warm + self.paced + self.watched + self.unpaced


FULL = Sizes()
SHORT = Sizes(
    points=40,
    warm=2,
    paced=10,
    pace=1_000,
    watched=20,
    watched_pace=1_000,
    unpaced=20,
    sites=(40,),
    minutes=3,
    rest=0.0,
    replay=20,
    logs=("jsonl.zst",),
    year=False,
    scrapes=2,
)


@dataclass
class Found:
    """What was measured of one subject."""

    paced: dict[int, Cost] = field(default_factory=dict)  # by QoS
    unpaced: dict[int, Cost] = field(default_factory=dict)
    ages: list[float] = field(default_factory=list)
    watched_qos: int = 0
    scrape: Scrape | None = None
    memory: dict[int, float] = field(default_factory=dict)  # by points, at most [MB]
    started: tuple[float, float] = 0.0, 0.0  # [s, s of CPU]
    restarted: tuple[float, float] = 0.0, 0.0


class Bench:
    """All trials of some subjects, in an order in which what else goes on meets them alike."""

    def __init__(self, subjects: Sequence[Subject], sizes: Sizes, folder: Path) -> None:
        self.subjects, self.sizes, self.folder = subjects, sizes, folder
        self.found = {subject.name: Found() for subject in subjects}
        self.replays: dict[str, Replayed] = {}
        self.year: Replayed | None = None

    def run(self) -> None:
        """Measure everything."""
        for qos in (1, 0):
            for subject in self.subjects:
                if qos in subject.qos:
                    self._flow(subject, qos)
        for points in self.sizes.sites:
            for subject in self.subjects:
                self._site(subject, points)
        if GREENDC in self.subjects:
            self._replay()

    def _flow(self, subject: Subject, qos: int) -> None:
        sizes, found = self.sizes, self.found[subject.name]
        load = Load(sizes.points, time.time() - sizes.rounds)
        with trial(subject, self.folder / f"{subject.name}-{qos}", load, qos) as at:
            at.cost(sizes.warm)
            progress(f"{subject.name}, QoS {qos}: {sizes.pace:,} messages/s")
            found.paced[qos] = at.cost(sizes.paced, sizes.pace)
            if qos == max(subject.qos):
                progress(f"{subject.name}, QoS {qos}: from publish to page")
                found.ages, found.watched_qos = at.latency(sizes.watched, sizes.watched_pace), qos
            progress(f"{subject.name}, QoS {qos}: as fast as it goes")
            found.unpaced[qos] = at.cost(sizes.unpaced)
            found.scrape = at.scraped(sizes.scrapes)

    def _site(self, subject: Subject, points: int) -> None:
        """A site with a reading a minute of each point, and everything at its default."""
        sizes, found, qos = self.sizes, self.found[subject.name], max(subject.qos)
        progress(f"{subject.name}: {points:,} points")
        begin = time.time() - (sizes.minutes + 1) * MINUTE
        load = Load(points, begin, every=MINUTE, lateness=LATENESS)
        folder = self.folder / f"{subject.name}-{points}"
        with trial(subject, folder, load, qos) as at:
            found.started = at.subject.start
            at.cost(sizes.minutes)
            time.sleep(sizes.rest)
            found.memory[points] = memory_of(at.subject.pid)[1]
            if subject is GREENDC and points == sizes.sites[-1]:
                at.subject.restart()
                found.restarted = at.subject.start

    def _replay(self) -> None:
        sizes = self.sizes
        load = Load(sizes.points, time.time() - sizes.replay)
        for kind in sizes.logs:
            progress(f"greendc: replay of a .{kind}")
            self.replays[kind] = replayed(self.folder, load, sizes.replay, kind)
        if sizes.year:
            progress("greendc: replay of a real site's year")
            self.year = replayed_year(self.folder)

    # -- the table ---------------------------------------------------------------------------

    def rows(self) -> Iterator[Row]:
        """What was found, line by line."""
        for qos in (1, 0):
            paced = {n: f.paced[qos] for n, f in self.found.items() if qos in f.paced}
            title = f"QoS {qos}, {self.sizes.pace:,} messages/s: CPU a message"
            yield Row(title, {n: cost.micros for n, cost in paced.items()}, micros)
        for qos in (1, 0):
            unpaced = {n: f.unpaced[qos] for n, f in self.found.items() if qos in f.unpaced}
            lost = {n: f"{cost.lost:.0%} lost" for n, cost in unpaced.items() if cost.lost}
            title = f"QoS {qos}, unpaced: throughput"
            yield Row(title, {n: cost.rate for n, cost in unpaced.items()}, rate, lost)
            title = f"QoS {qos}, unpaced: CPU a message"
            yield Row(title, {n: cost.micros for n, cost in unpaced.items()}, micros)
        yield from self._ages()
        yield from self._sites()
        yield from self._replays()

    def _ages(self) -> Iterator[Row]:
        seen = {n: f for n, f in self.found.items() if f.ages}
        notes = {n: "QoS 0" for n, f in seen.items() if f.watched_qos == 0}
        for share in (0.50, 0.99):
            title = f"{self.sizes.watched_pace:,} messages/s: publish to page, p{100 * share:.0f}"
            values = {n: 1000 * percentile(f.ages, share) for n, f in seen.items()}
            yield Row(title, values, millis, notes)

    def _sites(self) -> Iterator[Row]:
        scrapes = {n: f.scrape for n, f in self.found.items() if f.scrape is not None}
        values = {n: 1000 * one.cpu * SERIES / one.series for n, one in scrapes.items()}
        counts = {n: f"{one.series:,} series" for n, one in scrapes.items()}
        yield Row(f"Scrape: CPU for {SERIES:,} series", values, millis, counts)
        for points in self.sizes.sites:
            values = {n: f.memory[points] for n, f in self.found.items()}
            yield Row(f"{points:,} points: memory at most", values, megabytes)
        title = f"{self.sizes.sites[-1]:,} points: start, CPU until ready"
        yield _start(title, {n: f.started for n, f in self.found.items()})
        title = "the same with the open part of its journal"
        yield _start(title, {n: f.restarted for n, f in self.found.items() if n == GREENDC.name})

    def _replays(self) -> Iterator[Row]:
        for kind, one in self.replays.items():
            values = {GREENDC.name: one.messages / one.cpu}
            yield Row(f"Replay of .{kind}: messages for a second of CPU", values, rate)
        if self.year is not None:
            title = f"Replay of a real site's year, {self.year.messages:,} messages: CPU"
            notes = {GREENDC.name: f"after {self.year.seconds:.1f} s"}
            yield Row(title, {GREENDC.name: self.year.cpu}, seconds, notes)

    def beside(self) -> str:
        """What the broker and others took meanwhile."""
        told = []
        for qos in (1, 0):
            costs = [f.unpaced[qos] for f in self.found.values() if qos in f.unpaced]
            if costs:
                broker = [1e6 * cost.broker / cost.published for cost in costs]
                told.append(f"QoS {qos} {min(broker):.1f} to {max(broker):.1f} µs")
        paced = [cost for found in self.found.values() for cost in found.paced.values()]
        unpaced = [cost for found in self.found.values() for cost in found.unpaced.values()]
        return (
            f"CPU of the broker a message, unpaced: {', '.join(told)}. "
            f"Other programs of the machine took {_others(paced):.1f} CPUs beside the paced parts, "
            f"{_others(unpaced):.1f} beside the others."
        )


def _others(costs: Sequence[Cost]) -> float:
    """CPUs that programs that are no part of the benchmark took on average."""
    return sum(cost.others for cost in costs) / sum(cost.seconds for cost in costs)


def _start(title: str, found: Mapping[str, tuple[float, float]]) -> Row:
    """A row of starts."""
    notes = {n: f"after {spent:.1f} s" for n, (spent, _) in found.items()}
    return Row(title, {n: cpu for n, (_, cpu) in found.items()}, seconds, notes)


def asked() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("size", nargs="?", choices=["full", "short"], default="full")
    names = [subject.name for subject in SUBJECTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--data", type=Path, default=PROJECT / ".make", help="a folder on a disk")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = asked()
    columns = {}
    for subject in SUBJECTS:
        found = version(subject) if subject.name in options.only else None
        if found is not None:
            columns[subject.name] = f"{subject.name} {found}"
        elif subject.name in options.only:
            progress(f"{subject.name} is not there and is left out")
    options.data.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.data, prefix="bench-") as folder:
        subjects = [subject for subject in SUBJECTS if subject.name in columns]
        bench = Bench(subjects, SHORT if options.size == "short" else FULL, Path(folder))
        bench.run()
        lines = [table(list(bench.rows()), columns), "", machine(Path(folder)), bench.beside()]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
