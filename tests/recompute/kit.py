"""A run whose configuration changes for the past, and the same as if it had always been so."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greendc.calendars import parse_rfc3339
from greendc.config import Config
from greendc.config.past import changed
from greendc.core.facility import HOUR, MINUTE
from greendc.ports import Entry, Event
from greendc.recompute import Recomputer
from tests import runs
from tests.runs import Reading, Run

BEGIN = parse_rfc3339("2025-03-01T00:00:00Z")
FROM = "from: 2025-03-01T02:00:00Z"
CHANGE = BEGIN + 2 * HOUR
HOURS = 30


class Played(Run):
    """A run whose pipeline can recompute from its journal."""

    def _open(self) -> None:
        super()._open()
        self.pipeline.recompute = Recomputer(self, self.path.parent)

    def begin(self) -> tuple[int, Any]:
        """The configuration that it began with."""
        return 1, self.config.effective()

    def read(self, start: int, stop: int) -> Iterator[tuple[int, Entry]]:
        """Its journal, which is never asked for less than a whole entry."""
        return ((n, e) for n, e in self.journal if start <= n < stop)

    def recompute(self, config: Config) -> None:
        """Journal what the command journals."""
        self.commit()
        self.take(self.event(config))

    def event(self, config: Config) -> Event:
        """The entry for another configuration."""
        state = self.store.get("state")["sites"]
        before = {site: kept["watermark"] for site, kept in state.items()}
        found = changed(self.pipeline.config.effective(), config.effective(), before)
        keys = [[one.site, *one.path] for one in found]
        return Event("recompute", 0, {"effective": config.effective(), "keys": keys})
