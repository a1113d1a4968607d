"""Boards as the worker fills them, out of messages through the real pipeline."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from greendc.config import Config
from greendc.core.facility import EVER
from greendc.core.figure import Figure
from greendc.pipeline import Pipeline
from greendc.ports import Event, RawBatch
from greendc.snapshots import Board, Health, SinkHealth
from greendc.store import Store
from greendc.watch import Watch

Json = dict[str, Any]

HEALTH = Health(
    started=1_740_000_000 * 10**9,
    at=1_740_000_100 * 10**9,
    broker="mqtt://127.0.0.1:1883",
    connected=True,
    connection_error=None,
    inbox=7,
    journal_bytes=1_000_000,
    journal_limit=10_000_000,
    journal_full=None,
    journal_lag_seconds=0.5,
    outcomes={"messages": 1000, "redelivered": 3, "rejected:unbound": 2, "rejected:not_json": 1},
    site_outcomes={"small": {"readings": 990, "late": 4}},
    sinks=(
        SinkHealth("jsonl:figures.jsonl", "jsonl", 0, 0.0, None),
        SinkHealth("influx", "influx", 12, 90.5, "connection refused"),
    ),
)


class Life:
    """A pipeline that is watched, and its ledger."""

    def __init__(self, config: Config, path: Path, *, wall_clock: bool = False) -> None:
        self.store = Store(path, durable=False)
        self.watch = Watch(wall_clock=wall_clock)
        self.pipeline = Pipeline(config, self.store, watch=self.watch)
        self.next = 1

    def take(self, rows: Iterable[Json]) -> "Life":
        """Messages as a recorded log holds them, then a commit."""
        lines = list(rows)
        zeros = [0] * len(lines)
        payloads = [line["payload"] for line in lines]
        raw = [p.encode() if isinstance(p, str) else json.dumps(p).encode() for p in payloads]
        arrivals = [2_000_000_000 * 10**9] * len(lines)
        batch = RawBatch(arrivals, [line["topic"] for line in lines], raw, zeros, zeros)
        self.pipeline.handle(self.next, batch)
        self.next += len(lines)
        self.pipeline.commit()
        return self

    def end(self) -> "Life":
        """End of input: everything is closed."""
        self.pipeline.handle(self.next, Event("end", 0))
        self.next += 1
        self.pipeline.commit()
        return self

    def board(self, health: Health = HEALTH) -> Board:
        """What is shown now."""
        self.watch.feel(health)
        self.watch.show(now=True)
        return self.watch.board

    def figures(self, site: str, period: str) -> list[Figure]:
        """The ledger's newest figures of a period."""
        return list(self.store.figures(site, period, -EVER, EVER))


def changed(board: Board, **parts: Any) -> Board:
    """A board with other snapshots."""
    return dataclasses.replace(board, **parts)
