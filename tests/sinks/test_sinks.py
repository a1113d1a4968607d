"""Sinks: every revision of the ledger reaches them, whatever fails in between."""

import json
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from greendc import sinks
from greendc.core.facility import HOUR
from greendc.core.figure import Figure
from greendc.ports import LedgerRow
from greendc.sinks import SINKS, Runner, Sink, Sinks
from greendc.sinks.jsonl import as_line

PATIENCE = 10.0


def row(number: int) -> LedgerRow:
    figure = Figure(
        quantity="e_dc",
        unit="J",
        period="hour",
        start=number * HOUR,
        end=(number + 1) * HOUR,
        valid=HOUR,
        value=3.6e6 * number,
        estimated=0.0,
        distributed=0.0,
        uncertainty=None,
        doubt="no_accuracy",
        status="ok",
        reason=None,
        category=None,
        terms=b"",
        revision=number % 2,
    )
    return LedgerRow(number, "dc", figure)


class Rows:
    """A ledger in memory; implements `ports.LedgerReader`."""

    def __init__(self, count: int, cursor: int = 0) -> None:
        self.rows = [row(number) for number in range(1, count + 1)]
        self.position = cursor
        self.closed = threading.Event()

    def cursor(self, _sink: str) -> int:
        return self.position

    def rows_after(self, position: int, limit: int) -> Iterable[LedgerRow]:
        return iter([row for row in self.rows if row.id > position][:limit])

    def close(self) -> None:
        self.closed.set()


class Flaky:
    """Fails so often before it writes."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.written: list[LedgerRow] = []

    def write(self, rows: Sequence[LedgerRow]) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError(28, "No space left on device")
        self.written.extend(rows)


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(sinks, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(sinks, "BATCH", 4)


@pytest.fixture(params=sorted(SINKS))
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Sink, Path]:
    path = tmp_path / "out"
    return SINKS[request.param](path), path


def test_every_sink_takes_rows_and_takes_them_again(sink: tuple[Sink, Path]) -> None:
    target, path = sink
    target.write([row(1), row(2)])
    target.write([row(2), row(3)])
    ids = [json.loads(text)["id"] for text in path.read_text().splitlines()]
    assert sorted(set(ids)) == [1, 2, 3]


def test_every_sink_tells_of_a_failure_as_os_error(sink: tuple[Sink, Path]) -> None:
    target, path = sink
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        target.write([row(1)])


def test_a_line_names_row_and_revision() -> None:
    line = as_line(row(3))
    assert (line["id"], line["revision"], line["value"], line["unit"]) == (3, 1, 3.0, "kWh")


def test_a_runner_starts_at_its_cursor_and_writes_all() -> None:
    ledger, target = Rows(11, cursor=2), Flaky(0)
    runner = Runner("flaky", target, lambda: ledger)
    runner.start()
    runner.finish()
    runner.join(PATIENCE)
    assert [row.id for row in target.written] == list(range(3, 12))
    assert ledger.closed.is_set()
    positions = [runner.positions.get() for _ in range(runner.positions.qsize())]
    assert positions == [6, 10, 11]


def test_a_failure_is_tried_again_and_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    ledger, target = Rows(6), Flaky(3)
    runner = Runner("flaky", target, lambda: ledger)
    with caplog.at_level(logging.WARNING):
        runner.start()
        deadline = time.monotonic() + PATIENCE
        while len(target.written) < 6:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        runner.stop()
        runner.join(PATIENCE)
    assert [row.id for row in target.written] == [1, 2, 3, 4, 5, 6]
    assert caplog.text.count("No space left on device") == 3
    assert ledger.closed.is_set()


def test_stopping_does_not_wait_for_a_sink_that_fails() -> None:
    ledger, target = Rows(1), Flaky(10**9)
    runner = Runner("flaky", target, lambda: ledger)
    runner.start()
    runner.stop()
    assert ledger.closed.wait(PATIENCE)
    assert not target.written


def test_sinks_hand_out_only_the_newest_position(tmp_path: Path) -> None:
    ledgers = [Rows(9), Rows(0)]
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    remaining = iter(ledgers)
    every = Sinks([("jsonl", path) for path in paths], lambda: next(remaining))
    every.start()
    every.finish(PATIENCE)
    assert [position for _, position in every.positions()] == [9]
    assert list(every.positions()) == []
    every.stop()
    assert all(ledger.closed.is_set() for ledger in ledgers)


def test_what_never_started_ends_all_the_same() -> None:
    runner = Runner("idle", Flaky(0), lambda: Rows(0))
    runner.finish()
    runner.join(PATIENCE)
    runner.stop()
