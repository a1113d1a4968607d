"""What became of calendar jobs, from whichever thread they end on."""

import threading
from collections.abc import Mapping
from dataclasses import replace

from greendc.masking import masked
from greendc.snapshots import JobHealth


class Runs:
    """The last run of each configured job.

    >>> runs = Runs()
    >>> runs.expect({"backup": None, "retention": None})
    >>> runs.failed("backup", "no space left")
    >>> runs.done("retention", at=7)
    >>> runs.failed("other", "not configured any more")
    >>> for job in runs.health(): print(job)
    JobHealth(name='backup', succeeded=None, error='no space left')
    JobHealth(name='retention', succeeded=7, error=None)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, JobHealth] = {}

    def expect(self, jobs: Mapping[str, int | None]) -> None:
        """Know the configured jobs, each with its last success [ns] where something tells it."""
        with self._lock:
            self._known = {
                name: self._known.get(name, JobHealth(name, succeeded, None))
                for name, succeeded in jobs.items()
            }

    def done(self, name: str, at: int) -> None:
        """A job has done its work, at a time [ns]."""
        with self._lock:
            if name in self._known:
                self._known[name] = JobHealth(name, at, None)

    def failed(self, name: str, error: str) -> None:
        """A job has not, and why."""
        with self._lock:
            if name in self._known:
                self._known[name] = replace(self._known[name], error=masked(error))

    def health(self) -> tuple[JobHealth, ...]:
        """Of every job."""
        with self._lock:
            return tuple(self._known.values())
