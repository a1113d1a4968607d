"""One subject at work: what a load costs it, how fast it is, and whether it has everything."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.latency import ages, scrapes
from tests.bench.load import Load
from tests.bench.processes import cpu_of, machine_cpu, when_idle
from tests.bench.publisher import Order, publisher
from tests.bench.subjects import GREENDC, Running, Setting, Subject, journalled
from tests.servers.support import Mosquitto, free_port

SUBSCRIBED = 0.7  # s after a start by which a subscription stands
AGAIN = 1.0  # s until a page is looked at again that does not tell everything
LOOKS = 5


class LostError(RuntimeError):
    """A subject does not have what it must have."""


@dataclass(frozen=True)
class Cost:
    """What it took to take in some messages.

    `seconds` from the first call of the publisher to the end of the subject's work; `cpu` of the
    subject, `broker` of Mosquitto, `others` of what else the machine was doing meanwhile. [s]
    """

    published: int
    taken: int
    seconds: float
    cpu: float
    broker: float
    others: float

    @property
    def micros(self) -> float:
        """CPU time for each message that was taken in. [us]"""
        return 1e6 * self.cpu / max(1, self.taken)

    @property
    def rate(self) -> float:
        """Messages taken in a second."""
        return self.taken / self.seconds

    @property
    def lost(self) -> float:
        """Share of the messages that did not arrive."""
        return 1 - self.taken / self.published


@dataclass(frozen=True)
class Scrape:
    """What scrapes of a page took: CPU time and time of one [s], and the series on it."""

    cpu: float
    seconds: float
    series: int


@dataclass
class Trial:
    """A subject beside a broker of its own, and how far the load has come."""

    subject: Running
    broker: Mosquitto
    qos: int
    turn: int = 0  # the next round
    published: int = 0
    taken: int = 0
    lossless: bool = True

    @property
    def load(self) -> Load:
        """What is published."""
        return self.subject.setting.load

    def _order(self, rounds: int, rate: float) -> Order:
        first, self.turn = self.turn, self.turn + rounds
        order = Order(self.broker.port, self.load, first, rounds, rate, self.qos)
        self.published += order.count
        return order

    def _used(self) -> tuple[float, float, float]:
        """CPU time of subject, broker and machine until now."""
        return cpu_of(self.subject.pid), cpu_of(self.broker.pid), machine_cpu()

    def cost(self, rounds: int, rate: float = 0.0) -> Cost:
        """Publish so many rounds at a pace, or as fast as it goes."""
        before, order = self.taken, self._order(rounds, rate)
        with publisher(order) as other:
            when_idle(self.subject.pid)
            began = self._used()
            other.go()
            sent = other.wait()
            ended, used = self._finished()
        cpu, broker, machine = (now - then for now, then in zip(used, began, strict=True))
        others = max(0.0, machine - cpu - broker - sent.cpu)
        seconds = ended - sent.began
        return Cost(order.count, self.taken - before, seconds, cpu, broker, others)

    def latency(self, rounds: int, rate: float) -> list[float]:
        """From publish to page, ascending [s]."""
        first, order = self.turn, self._order(rounds, rate)
        with publisher(order) as other:
            other.go()
            pages = scrapes(self.subject.setting.http, order.count / rate)
            sent = other.wait()
        self._finished()
        return ages(pages, self.subject.values, self.load, first, sent)

    def scraped(self, times: int) -> Scrape:
        """Ask for the page so often."""
        when_idle(self.subject.pid)
        cpu, began = cpu_of(self.subject.pid), time.monotonic()
        for _ in range(times):
            page = self.subject.scrape()
        seconds, cpu = time.monotonic() - began, cpu_of(self.subject.pid) - cpu
        series = sum(not line.startswith(b"#") for line in page.splitlines())
        return Scrape(cpu / times, seconds / times, series)

    # -- whether it has everything -----------------------------------------------------------

    def _finished(self) -> tuple[float, tuple[float, float, float]]:
        """Wait for the end of its work: since when, and the CPU time used until then."""
        still = 0  # looks since the count has moved: a busy machine's broker may be far behind
        while True:
            ended = when_idle(self.subject.pid)
            used = self._used()
            page = self.subject.scrape()
            before, self.taken = self.taken, self.subject.taken(page)
            still = still + 1 if self.taken == before else 0
            if self.taken == self.published or still == (LOOKS if self.lossless else 1):
                break
            time.sleep(AGAIN)
        if self.taken != self.published:
            self._miss()
        self._compare(page)
        return ended, used

    def _miss(self) -> None:
        """Messages of QoS 0 may be lost, by a broker whose subscriber is too slow."""
        if self.qos or self.taken > self.published:
            what = f"{self.subject.subject.name} has {self.taken} of {self.published} messages"
            raise LostError(f"{what}:\n{self.subject.said()}")
        self.lossless = False

    def _compare(self, page: bytes) -> None:
        """Each topic must show the value that was published last, where nothing was lost."""
        known = self.load.known(self.subject.values(page))
        wrong = int(((known != self.turn - 1) if self.lossless else (known < 0)).sum())
        if wrong:
            name = self.subject.subject.name
            raise LostError(f"{name}: {wrong} of {self.load.points} topics without the last value")


@contextmanager
def trial(subject: Subject, folder: Path, load: Load, qos: int) -> Iterator[Trial]:
    """A broker, a subject that has subscribed, and at the end proof that nothing was lost."""
    folder.mkdir()
    with Mosquitto(folder / "broker") as broker:
        setting = Setting(folder, load, broker.port, qos, free_port())
        with subject.running(setting) as running:
            time.sleep(SUBSCRIBED)
            found = Trial(running, broker, qos)
            yield found
    if subject is GREENDC and journalled(folder) != found.taken:
        raise LostError(f"journalled {journalled(folder)}, counted {found.taken}")
