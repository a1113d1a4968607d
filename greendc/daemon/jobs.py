"""Calendar jobs: when they are due they ask the daemon, as a person would."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from greendc.config import Config
from greendc.config.jobs import Jobs
from greendc.core.facility import SECOND
from greendc.daemon.backup import newest_backup
from greendc.daemon.requests import Request, Retain, Rotate
from greendc.daemon.runs import Runs
from greendc.ports import GreendcError

log = logging.getLogger(__name__)

LATE_SECONDS = 6 * 3600  # that a job may be begun late, as after a night's suspend

Submit = Callable[[Request], "Future[str]"]


class Calendar:
    """A scheduler on a thread of its own, which touches nothing but `submit`."""

    def __init__(self, config: Config, submit: Submit, runs: Runs) -> None:
        self._submit, self._runs = submit, runs
        self._jobs = config.jobs
        self._scheduler: Any = None

    def start(self) -> None:
        """Wait for the times of day; without a job there is nothing to wait for."""
        if due(self._jobs):
            self._scheduler = _scheduler()
            self._scheduler.start()
            self._schedule()

    def stop(self) -> None:
        """Begin no further job."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    def use(self, config: Config) -> None:
        """Go by another configuration from now on."""
        self._jobs = config.jobs
        if self._scheduler is None:
            self.start()
        else:
            self._schedule()

    def _schedule(self) -> None:
        self._scheduler.remove_all_jobs()
        jobs = due(self._jobs)
        self._runs.expect({name: _last_success(request) for name, (_, request) in jobs.items()})
        for name, (at, request) in jobs.items():
            hour, minute = Jobs.hour_and_minute(at)
            self._scheduler.add_job(
                self._ask,
                "cron",
                args=(name, request),
                id=name,
                hour=hour,
                minute=minute,
                timezone=self._jobs.zone,
            )

    def _ask(self, name: str, request: Request) -> None:
        def told(answer: "Future[str]") -> None:
            error = answer.exception()
            if error is None:
                log.info("%s: %s", name, answer.result())
                self._runs.done(name, time.time_ns())
            else:
                self._failed(name, error)

        try:
            self._submit(request).add_done_callback(told)
        except (GreendcError, RuntimeError) as error:
            self._failed(name, error)

    def _failed(self, name: str, error: BaseException) -> None:
        log.error("%s: %s", name, error)
        self._runs.failed(name, str(error) or type(error).__name__)


def _last_success(request: Request) -> int | None:
    """When a job has last succeeded, where its work says so after a restart [ns]."""
    return newest_backup(Path(request.folder)) if isinstance(request, Rotate) else None


def _scheduler() -> Any:
    from apscheduler.schedulers.background import (  # noqa: PLC0415 - slow, and seldom wanted
        BackgroundScheduler,
    )

    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": LATE_SECONDS}
    return BackgroundScheduler(timezone="UTC", job_defaults=defaults)


def due(jobs: Jobs) -> dict[str, tuple[str, Request]]:
    """Each configured job: its time of day, and what it asks for."""
    found: dict[str, tuple[str, Request]] = {}
    if (retention := jobs.retention) is not None:
        spans = (retention.journal, retention.quarantine)
        seconds = [None if span is None else span // SECOND for span in spans]
        found["retention"] = retention.at, Retain(*seconds)
    if (backup := jobs.backup) is not None:
        found["backup"] = backup.at, Rotate(str(backup.folder), backup.keep)
    return found
