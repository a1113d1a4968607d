"""A board as it was at an hour of the real site's log, behind a real HTTP server."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from greendc.config import load
from greendc.core.facility import SECOND
from greendc.pipeline import Pipeline
from greendc.ports import RawBatch
from greendc.queries import Ledger
from greendc.sinks.prometheus import render
from greendc.snapshots import Board, Health, SinkHealth
from greendc.sources.recording import read_log
from greendc.store import Store
from greendc.watch import NOTHING_YET, Watch
from greendc.web import Sources, WebServer, WebSettings, application

ROOT = Path(__file__).parents[2]
SITE = ROOT / "config" / "zih-lzr.yaml"
LOG = ROOT / "sensors" / "recordings" / "zih-lzr-2025-03.jsonl.gz"
PER_HOUR = 37  # messages
TOKEN = "a token that only tests know"  # noqa: S105 - of tests


class Scene:
    """The real site's log played up to an hour; `board` is what the daemon would show."""

    def __init__(self, folder: Path, site: Path = SITE, log: Path = LOG) -> None:
        self.path = folder / "ledger.db"
        self.watch = Watch(wall_clock=False)
        self.store = Store(self.path, durable=False)
        self.config = load(site)
        self.pipeline = Pipeline(self.config, self.store, watch=self.watch)
        self._entries = read_log(log, batch=PER_HOUR)
        self._next = 1
        self.feel()

    @property
    def board(self) -> Board:
        return self.watch.board

    def play(self, hours: int) -> "Scene":
        """Take the next hours of the log."""
        for entry in islice(self._entries, hours):
            self.take(entry if isinstance(entry, RawBatch) else None)
        self.show()
        return self

    def take(self, batch: RawBatch | None) -> None:
        if batch is not None:
            self.pipeline.handle(self._next, batch)
            self._next += len(batch)

    def show(self) -> None:
        self.pipeline.commit()
        self.watch.show(now=True)

    def feel(self, **changed: Any) -> None:
        """Say how the daemon does: well, but for what is given."""
        now = time.time_ns()
        well: dict[str, Any] = {
            "started": now - 3600 * SECOND,
            "at": now,
            "broker": "127.0.0.1:1883",
            "connected": True,
            "journal_bytes": 3 * 2**20,
            "journal_limit": 10 * 2**30,
            "outcomes": {"messages": 12432, "rejected:unbound": 3},
            "site_outcomes": {"zih-lzr": {"readings": 12432, "late": 1}},
            "sinks": (SinkHealth("jsonl:figures.jsonl", "jsonl", 0, 0.0, None),),
        }
        self.watch.feel(self.health(**{**well, **changed}))

    @staticmethod
    def health(**given: Any) -> Health:
        return replace(NOTHING_YET, **given)

    def close(self) -> None:
        self.store.close()


@contextmanager
def scene(folder: Path, hours: int = 0) -> Iterator[Scene]:
    """A scene at an hour of the log."""
    one = Scene(folder)
    try:
        yield one.play(hours)
    finally:
        one.close()


@contextmanager
def served(one: Scene, **settings: Any) -> Iterator[WebServer]:
    """The scene's page and API on a free port."""
    chosen = WebSettings(**{"port": 0, **settings})
    sources = Sources(one.board, lambda: Ledger(one.path), render)
    server = WebServer(application(sources, chosen), chosen)
    server.start()
    try:
        yield server
    finally:
        server.stop()
