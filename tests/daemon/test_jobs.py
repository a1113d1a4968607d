"""Calendar jobs: due when they say, done by the daemon, and nothing lost that is needed."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from greendc.app import Daemon
from greendc.calendars import parse_rfc3339
from greendc.config import Config, load
from greendc.daemon.backup import MANIFEST, drop_oldest
from greendc.daemon.commands import let_go
from greendc.daemon.control import ask
from greendc.daemon.data import Data
from greendc.daemon.jobs import Calendar, due
from greendc.daemon.requests import Request, Retain, Rotate, Status
from greendc.daemon.runs import Runs
from greendc.daemon.status import as_text
from greendc.journal import Journal, Quarantined
from greendc.ports import Event, GreendcError, RawBatch
from greendc.sinks.prometheus import render
from greendc.snapshots import Board, JobHealth
from tests.faults.plant import SITE, messages
from tests.sources.listening import eventually

DAY = 86_400 * 10**9
JOBS = """
jobs:
  zone: Europe/Berlin
  retention: {at: "03:10", journal: 400d, quarantine: 30d}
  backup: {at: "02:10", folder: saved, keep: 2}
"""


def loaded(folder: Path, more: str = JOBS) -> Config:
    path = folder / "plant.yaml"
    path.write_text(SITE + more)
    return load(path)


class Asked:
    """Takes what is asked for, and who asks."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Request]] = []
        self.came = threading.Event()

    def __call__(self, request: Request) -> "Future[str]":
        self.requests.append((threading.current_thread().name, request))
        self.came.set()
        answer: Future[str] = Future()
        answer.set_result("done")
        return answer


@pytest.fixture
def started() -> Iterator[Callable[[Config, Asked], Calendar]]:
    with ExitStack() as stack:

        def start(config: Config, asked: Asked) -> Calendar:
            calendar = Calendar(config, asked, Runs())
            calendar.start()
            stack.callback(calendar.stop)
            return calendar

        yield start


Start = Callable[[Config, Asked], Calendar]


def scheduled(calendar: Calendar) -> list[str]:
    """Names of the jobs; a scheduler that is not there has none."""
    scheduler = calendar._scheduler
    return sorted(job.id for job in scheduler.get_jobs()) if scheduler else []


def test_jobs_are_due_at_their_times_of_day(tmp_path: Path, started: Start) -> None:
    calendar = started(loaded(tmp_path), Asked())
    jobs = {job.id: job.next_run_time for job in calendar._scheduler.get_jobs()}
    now = datetime.now(UTC)
    for name, clock in (("retention", (3, 10)), ("backup", (2, 10))):
        moment = jobs[name].astimezone(ZoneInfo("Europe/Berlin"))
        assert (moment.hour, moment.minute, moment.second) == (*clock, 0)
        assert 0 <= (moment - now).total_seconds() <= 90_000


def test_the_folder_of_backups_lies_beside_the_configuration(tmp_path: Path) -> None:
    assert due(loaded(tmp_path).jobs)["backup"] == ("02:10", Rotate(str(tmp_path / "saved"), 2))


def test_a_job_that_is_due_asks_the_daemon(tmp_path: Path, started: Start) -> None:
    asked = Asked()
    calendar = started(loaded(tmp_path), asked)
    calendar._scheduler.modify_job("retention", next_run_time=datetime.now(UTC))
    assert asked.came.wait(30)
    ((thread, request),) = asked.requests
    assert request == Retain(400 * 86_400, 30 * 86_400)
    assert thread != threading.current_thread().name


def test_without_jobs_no_scheduler_runs_until_a_reload_brings_some(
    tmp_path: Path, started: Start
) -> None:
    calendar = started(loaded(tmp_path, ""), Asked())
    assert scheduled(calendar) == []
    assert "APScheduler" not in {thread.name for thread in threading.enumerate()}
    calendar.use(loaded(tmp_path))
    assert "APScheduler" in {thread.name for thread in threading.enumerate()}
    assert scheduled(calendar) == ["backup", "retention"]
    calendar.use(loaded(tmp_path, JOBS.replace("  backup", "  #backup")))
    assert scheduled(calendar) == ["retention"]
    calendar.use(loaded(tmp_path, ""))
    assert scheduled(calendar) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("10:30", "a time of day in quotes"),
        ('"24:00"', "a time of day in quotes"),
        ('"2:10"', "a time of day in quotes"),
    ],
)
def test_times_of_day_are_quoted(tmp_path: Path, wrong: str, told: str) -> None:
    with pytest.raises(GreendcError, match=told):
        loaded(tmp_path, JOBS.replace('"02:10"', wrong))
    with pytest.raises(GreendcError, match="an IANA time zone"):
        loaded(tmp_path, JOBS.replace("Europe/Berlin", "Europe/Dresden"))


def test_backups_are_kept_in_the_number_asked_for(tmp_path: Path) -> None:
    config = loaded(tmp_path, JOBS + "mqtt: {port: 1}\n")
    (config.data.parent / "saved" / "greendc-notes").mkdir(parents=True)
    with ExitStack() as stack:
        daemon = Daemon(config, until_idle=None, stack=stack)
        thread = threading.Thread(target=daemon.run)
        thread.start()
        while ask(config.data, Status()) is None:
            time.sleep(0.01)
        for number in range(3):
            told = daemon.commands.submit(Rotate(str(tmp_path / "saved"), 2)).result(60)
            assert ("gone: greendc-" in told) == (number >= 2)
            time.sleep(1.01)  # names are to the second
        daemon.stop()
        thread.join(60)
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert len(names) == 3
    assert "greendc-notes" in names
    assert all((tmp_path / "saved" / n / MANIFEST).exists() for n in names if n != "greendc-notes")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon without a broker, with calendar jobs."""
    with ExitStack() as stack:
        one = Daemon(loaded(tmp_path, JOBS + "mqtt: {port: 1}\n"), until_idle=None, stack=stack)
        thread = threading.Thread(target=one.run)
        thread.start()
        eventually(lambda: bool(one.data.watch.board.health.jobs))
        yield one
        one.stop()
        thread.join(60)


def backup_of(daemon: Daemon) -> JobHealth:
    return next(job for job in daemon.data.watch.board.health.jobs if job.name == "backup")


def back_up_now(daemon: Daemon) -> None:
    daemon.calendar._scheduler.modify_job("backup", next_run_time=datetime.now(UTC))


def test_a_backup_that_fails_is_told_until_one_succeeds(tmp_path: Path, daemon: Daemon) -> None:
    board, saved = daemon.data.watch.board, tmp_path / "saved"
    saved.write_text("no folder")
    assert backup_of(daemon) == JobHealth("backup", None, None)
    assert jobs_in_metrics(board) == []
    back_up_now(daemon)
    eventually(lambda: "saved" in (backup_of(daemon).error or ""))
    assert jobs_in_metrics(board) == ['greendc_job_failing{task="backup"} 1.0']
    assert "none succeeded yet; the last one failed: " in as_text(board.health)
    saved.unlink()
    back_up_now(daemon)
    eventually(lambda: backup_of(daemon).succeeded is not None)
    assert backup_of(daemon).error is None
    failing, success = jobs_in_metrics(board)
    assert failing == 'greendc_job_failing{task="backup"} 0.0'
    assert success.startswith('greendc_job_last_success_timestamp_seconds{task="backup"} 1')


def jobs_in_metrics(board: Board) -> list[str]:
    text = render(board, time.time_ns(), None)[0].decode()
    return [row for row in text.splitlines() if row.startswith("greendc_job_")]


def test_a_start_finds_when_the_last_backup_was_made(tmp_path: Path) -> None:
    for name in ("greendc-20260102T000000Z", "greendc-20260101T000000Z", "greendc-x"):
        (tmp_path / "saved" / name).mkdir(parents=True)
        (tmp_path / "saved" / name / MANIFEST).write_text("{}")
    (tmp_path / "saved" / "greendc-20260103T000000Z").mkdir()  # not whole
    runs = Runs()
    calendar = Calendar(loaded(tmp_path), Asked(), runs)
    calendar.start()
    calendar.stop()
    taken = parse_rfc3339("2026-01-02T00:00:00Z")
    assert runs.health() == (JobHealth("retention", None, None), JobHealth("backup", taken, None))


def test_only_backups_are_dropped(tmp_path: Path) -> None:
    for name in ("greendc-20260101T000000Z", "greendc-x", "greendc-20260102T000000Z", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / MANIFEST).write_text("{}")
    (tmp_path / "greendc-20251231T000000Z.partial").mkdir()  # a kill's
    (tmp_path / "greendc-20260103T000000Z").mkdir()  # no whole backup: not ours to judge
    assert drop_oldest(tmp_path, 1) == ["greendc-20260101T000000Z"]
    assert len(list(tmp_path.iterdir())) == 4


def test_old_entries_go_but_none_that_a_start_needs(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    now = time.time_ns()
    rows = messages(400)
    with ExitStack() as stack:
        data = Data(config, config.data, stack)
        for lo in range(0, 400, 40):
            part = rows[lo : lo + 40]
            topics, payloads = [t for t, _ in part], [p.encode() for _, p in part]
            batch = RawBatch([now] * 40, topics, payloads, [0] * 40, [0] * 40, 1)
            data.worker.take([batch])
        data.journal.quarantine([Quarantined(now, "old", b"x", "unbound")])
        data.journal.quarantine([Quarantined(now + 480 * DAY, "new", b"x", "unbound")])
        told = let_go(data, now + 500 * DAY, 400 * 86_400, 30 * 86_400)
        assert "1 rejected messages gone" in told
        assert 1 < data.journal.first <= data.worker.pipeline.rebuild_from
        assert [kept.topic for kept in data.journal.ring()] == ["new"]
        ledger = data.store.tally("plant")
    with ExitStack() as stack:
        assert Data(config, config.data, stack).store.tally("plant") == ledger


def test_what_is_young_or_not_to_go_stays(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    journal.append([Event("tick", 10), Event("tick", 20), Event("tick", 30)])
    assert [journal.number_at(moment) for moment in (0, 20, 21, 31)] == [1, 2, 3, 4]
    journal.close()
    config = loaded(tmp_path)
    with ExitStack() as stack:
        data = Data(config, config.data, stack)
        assert let_go(data, 2**62, None, None).endswith("0 rejected messages gone")
        assert data.journal.first == 1
