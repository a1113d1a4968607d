"""Cases in which the daemon has a clock of its own: one that is set, a month in seconds."""

from hashlib import sha256
from itertools import groupby
from multiprocessing.process import BaseProcess
from pathlib import Path

from greendc.calendars import parse_rfc3339
from greendc.config import Config, load
from greendc.core.units import J_PER_KWH
from greendc.exports import Request, export, export_journal
from greendc.queries import Ledger
from greendc.replay import Options, replay
from tests.cases.clock import Clock, Pace
from tests.cases.stage import Stage, same
from tests.contract.targets import Key, newest
from tests.sources.wire import Publisher

MONTH = Key("feed", "month", parse_rfc3339("2025-03-01T00:00:00Z"))


def month_replayed(stage: Stage) -> None:
    """A live month's record, 10,000 times faster, gives the live ledger; nobody waits for it."""
    daemon, clock = _as_recorded(stage)
    stage.end(daemon)
    with clock.shown():
        stage.finish()
    config, pace = load(stage.config), Pace()
    recorded, again = stage.folder / "recorded.jsonl", stage.folder / "again"
    export_journal(config, Request(out=recorded))
    with pace.kept():
        replay([recorded], None, Options(keep=again, speed=10_000))
    same(round(pace.seconds), round(stage.case.runs["fast"].seconds or 0), "seconds")
    same(_hash(config, again), _hash(config, stage.data), "hash of the ledger")
    same(newest(stage.data / "ledger.db", "hall")[MONTH], 310 * J_PER_KWH, "the register's month")


def _hash(config: Config, data: Path) -> str:
    """SHA-256 of a ledger as it is exported, every revision of it."""
    out = data / "ledger.jsonl"
    export(config, Request(data=data, out=out, revisions=True))
    return sha256(out.read_bytes()).hexdigest()


def host_set_back(stage: Stage) -> None:
    daemon, _ = _as_recorded(stage)
    stage.end(daemon)
    stage.finish()
    stage.assert_ledger()
    with Ledger(stage.data / "ledger.db") as ledger:
        told = [kind for _, kind, _ in ledger.events()]
    same(told[:1], ["clock_set_back"], "events")


def _as_recorded(stage: Stage) -> tuple[BaseProcess, Clock]:
    """Publish the log to a daemon whose clock shows what the log says of each arrival.

    It goes on from there. Returns daemon and clock.
    """
    arrivals, messages = stage.arrivals(), stage.messages()
    clock, begun = Clock(arrivals[0]), 0
    with clock.shown():
        daemon = stage.start()
    with Publisher(stage.broker.port) as publisher:
        for arrival, group in groupby(range(len(messages)), key=arrivals.__getitem__):
            clock.set(arrival)
            rows = list(group)
            publisher.send([messages[row] for row in rows])
            begun += len(rows)
            stage.until(lambda: stage.journalled() == begun, "not journalled", 0.01)  # noqa: B023
    return daemon, clock
