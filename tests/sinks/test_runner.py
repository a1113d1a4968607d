"""Runners: every revision of the ledger reaches a sink, whatever fails in between."""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from greendc.config.models import Mqtt
from greendc.config.sinks import JsonlSink
from greendc.ports import LedgerReader, LedgerRow
from greendc.sinks import Job, Passed, Runner, Sinks, Surroundings, runner
from greendc.sinks.errors import PartlyRefused, Refused, Unavailable
from greendc.sinks.jsonl import JsonlFile, as_line
from greendc.sinks.runner import Progress
from tests.sinks.ledgers import Rows, revised, row

PATIENCE = 10.0


class Target:
    """Fails as it is told before it writes; never takes the rows that are `bad`."""

    def __init__(self, *failures: Exception, bad: Sequence[int] = ()) -> None:
        self.failures, self.bad = list(failures), set(bad)
        self.written: list[int] = []
        self.calls: list[int] = []
        self.closed = threading.Event()

    def write(self, rows: Sequence[LedgerRow], _ledger: LedgerReader) -> None:
        self.calls.append(len(rows))
        if self.failures:
            raise self.failures.pop(0)
        if self.bad.intersection(row.id for row in rows):
            raise Refused("HTTP 400: field type conflict")
        self.written += [row.id for row in rows]

    def close(self) -> None:
        self.closed.set()


class Hanging(Target):
    """Never comes back from a write."""

    def __init__(self) -> None:
        super().__init__()
        self.hung, self.released = threading.Event(), threading.Event()

    def write(self, _rows: Sequence[LedgerRow], _ledger: LedgerReader) -> None:
        self.hung.set()
        self.released.wait()


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "RETRY_FIRST", 0.01)
    monkeypatch.setattr(runner, "RETRY_LIMIT", 0.04)
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.01)


def runner_of(target: Target, ledger: Rows, **more: object) -> Runner:
    return Runner(Job("dash", "jsonl", **{"batch": 4, **more}), target, lambda: ledger)  # type: ignore[arg-type]


def rows(count: int) -> list[LedgerRow]:
    return [row(number) for number in range(1, count + 1)]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def handed(one: Runner) -> Iterator[int]:
    while not one.passed.empty():
        yield one.passed.get().position


def finished(one: Runner) -> None:
    one.start()
    one.finish()
    one.join(PATIENCE)


def test_a_line_names_row_and_revision() -> None:
    line = as_line(revised(4, row(3)))
    assert (line["id"], line["revision"], line["value"], line["unit"]) == (4, 1, 3.0, "kWh")


@pytest.mark.parametrize("left", [0, 1, 200, -1])
def test_a_line_that_was_cut_off_spoils_none_after_it(tmp_path: Path, left: int) -> None:
    """By a kill or a full disk in the middle of a write, which comes again."""
    path = tmp_path / "figures.jsonl"
    file = JsonlFile(path)
    file.write(rows(2), Rows([]))
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:left])
    file.write(rows(3)[1:], Rows([]))
    lines = path.read_bytes().splitlines()
    whole = [lines[0], *lines[-2:]]
    assert [json.loads(line) for line in whole] == [as_line(one) for one in rows(3)]
    assert lines[1:-2] == ([second[:left]] if left else [])


def test_a_runner_starts_at_its_cursor_and_writes_all() -> None:  # A25
    ledger, target = Rows(rows(11), cursor=2), Target()
    one = runner_of(target, ledger)
    finished(one)
    assert target.written == list(range(3, 12))
    assert list(handed(one)) == [6, 10, 11]
    assert ledger.closed.is_set()
    assert target.closed.is_set()


def test_only_the_asked_periods_are_handed_over_and_the_rest_counts_as_done() -> None:
    mixed = [row(n, period="cell" if n % 2 else "hour") for n in range(1, 10)]
    target = Target()
    one = runner_of(target, Rows(mixed), periods=("hour",))
    finished(one)
    assert target.written == [2, 4, 6, 8]
    assert list(handed(one)) == [4, 8, 9]


@pytest.mark.parametrize("count", [1, 3])
def test_a_failure_is_tried_again_and_loses_nothing(
    count: int, caplog: pytest.LogCaptureFixture
) -> None:
    target = Target(*[OSError(28, "No space left on device")] * count)
    one = runner_of(target, Rows(rows(6)))
    with caplog.at_level(logging.INFO, "greendc"):
        one.start()
        until(lambda: len(target.written) == 6)
        one.stop()
        one.join(PATIENCE)
    assert target.written == [1, 2, 3, 4, 5, 6]
    assert caplog.text.count("No space left on device") == count
    assert "sink dash writes again" in caplog.text


class Wall(Target):
    """Is to be told at any time, and fails in that as it is told."""

    def __init__(self, *failures: Exception) -> None:
        super().__init__()
        self.failing = list(failures)
        self.stood = 0

    def stand(self, _ledger: LedgerReader) -> None:
        if self.failing:
            raise self.failing.pop(0)
        self.stood += 1


def test_a_target_that_is_to_be_told_at_any_time_is_with_nothing_to_write(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wall = Wall(Unavailable("gone"), PartlyRefused([(row(1), "no topic")]))
    one = runner_of(wall, Rows(rows(1), cursor=1))
    with caplog.at_level(logging.INFO, "greendc"):
        one.start()
        until(lambda: wall.stood > 1)
        one.stop()
        one.join(PATIENCE)
    assert wall.calls == []
    assert caplog.text.count("cannot write (gone)") == 1
    assert caplog.text.count("writes again") == 1
    told = one.health(1)
    assert (told.error, told.refused, told.sent) == (None, 1, 0)
    assert list(handed(one)) == []


def test_a_slow_target_is_asked_for_less_and_for_more_again_when_it_manages() -> None:
    target = Target(*[Unavailable("no answer within 10 s")] * 5)
    one = runner_of(target, Rows(rows(1500)), batch=800)
    one.start()
    until(lambda: one.health(1500).pending == 0)
    one.stop()
    assert target.calls == [800, 400, 200, 100, 100, 100, 200, 400, 800]
    assert target.written == list(range(1, 1501))


def test_a_fault_of_the_sink_itself_is_told_with_its_traceback_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = Target(ZeroDivisionError("oh"))
    one = runner_of(target, Rows(rows(2)))
    one.start()
    until(lambda: target.written == [1, 2])
    one.stop()
    assert "Traceback" in caplog.text


def test_a_ledger_that_cannot_be_read_for_a_moment_is_read_again() -> None:
    class Busy(Rows):
        failures = 2

        def rows_after(self, position: int, limit: int) -> "Iterator[LedgerRow]":
            if self.failures:
                self.failures -= 1
                raise sqlite3.OperationalError("database is locked")
            return iter(list(super().rows_after(position, limit)))

    target = Target()
    one = runner_of(target, Busy(rows(2)))
    one.start()
    until(lambda: target.written == [1, 2])
    one.stop()


def test_a_ledger_that_cannot_be_opened_for_a_moment_is_opened_again() -> None:
    target, ledger = Target(), Rows(rows(2))
    tries = iter([sqlite3.OperationalError("unable to open database file"), None])

    def opened() -> LedgerReader:
        error = next(tries)
        if error is not None:
            raise error
        return ledger

    one = Runner(Job("dash", "jsonl"), target, opened)
    one.start()
    until(lambda: target.written == [1, 2])
    one.stop()
    one.join(PATIENCE)
    assert target.closed.is_set()


@pytest.mark.parametrize("bad", [[1], [8], [3, 4], [2, 5, 7], list(range(1, 12))])
def test_rows_that_are_refused_for_good_are_found_told_and_left_out(
    bad: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    target = Target(bad=bad)
    one = runner_of(target, Rows(rows(11)), batch=8)
    one.start()
    until(lambda: one.health(11).pending == 0)
    health = one.health(11)
    one.stop()
    assert target.written == [n for n in range(1, 12) if n not in bad]
    assert (health.refused, health.sent, health.error) == (len(bad), 11 - len(bad), None)
    for number in bad:
        assert f"figure {number} (dc e_dc hour" in caplog.text
    assert list(handed(one))[-1] == 11


def test_one_bad_row_among_thousands_costs_few_requests() -> None:
    target = Target(bad=[3333])
    one = runner_of(target, Rows(rows(5000)), batch=5000)
    one.start()
    until(lambda: one.health(5000).pending == 0)
    one.stop()
    assert len(target.written) == 4999
    assert len(target.calls) <= 45


def test_rows_that_a_sink_has_told_apart_are_left_out_at_once() -> None:
    every = rows(4)
    target = Target(PartlyRefused([(every[1], "no topic")]))
    one = runner_of(target, Rows(every))
    one.start()
    until(lambda: one.health(4).pending == 0)
    health = one.health(4)
    one.stop()
    assert (health.refused, health.sent) == (1, 3)
    assert target.calls == [4]


def test_refusals_without_end_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    target = Target(bad=range(1, 1200))
    one = runner_of(target, Rows(rows(1199)), batch=1)
    one.start()
    until(lambda: one.health(1199).pending == 0)
    one.stop()
    assert caplog.text.count("is refused and left out") == runner.REFUSALS_TOLD + 1


def test_what_a_target_asks_for_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "RETRY_AFTER_LIMIT", 50.0)
    one = runner_of(Target(), Rows([]))
    assert one._failed(Unavailable("HTTP 429", 7.5)) == 7.5
    assert one._failed(Unavailable("HTTP 503", 1e9)) == 50.0
    waits = [one._failed(Unavailable("HTTP 503")) for _ in range(30)]
    assert all(0 < wait <= runner.RETRY_LIMIT for wait in waits)
    assert one.health(0).error == "HTTP 503"


def test_stopping_does_not_wait_for_a_sink_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "RETRY_FIRST", 3600.0)
    monkeypatch.setattr(runner, "RETRY_LIMIT", 3600.0)
    ledger, target = Rows(rows(1)), Target(*[OSError("away")] * 9)
    one = runner_of(target, ledger)
    one.start()
    until(lambda: one.health(1).error is not None)
    one.finish()
    assert ledger.closed.wait(PATIENCE)
    assert target.calls == [1]


def test_what_never_started_ends_all_the_same() -> None:
    one = runner_of(Target(), Rows([]))
    one.finish()
    one.stop()
    one.join(PATIENCE)


# -- health -----------------------------------------------------------------------------------


def test_the_lag_is_how_long_the_oldest_waiting_figure_has_been_seen() -> None:
    now = [100.0]
    progress = Progress("dash", "influx", lambda: now[0])
    assert progress.health(50).pending == 0  # where it stands is not known yet
    progress.begin(50, 50)
    assert progress.health(50).lag_seconds == 0.0
    for moment, last in ((110.0, 60), (120.0, 70)):
        now[0] = moment
        progress.saw(last)
    now[0] = 125.0
    assert progress.health(70).lag_seconds == 15.0
    progress.advance(60, 10)
    health = progress.health(80)
    assert (health.pending, health.lag_seconds, health.sent) == (20, 5.0, 10)
    progress.fail("away")
    assert progress.health(80).error == "away"
    progress.advance(80, 20)
    health = progress.health(80)
    assert (health.pending, health.lag_seconds, health.error) == (0, 0.0, None)


def test_the_lag_of_a_sink_that_is_away_for_days_needs_little_memory() -> None:
    now = [0.0]
    progress = Progress("dash", "influx", lambda: now[0])
    progress.begin(0, 0)
    for last in range(1, 10_000):
        now[0] = float(last)
        progress.saw(last)
    assert len(progress._marks) <= runner.MARKS
    assert progress.health(9_999).lag_seconds == 9_998.0


# -- all together -----------------------------------------------------------------------------


def sinks_of(folder: Path, ledgers: Sequence[Rows]) -> Sinks:
    configured = [
        JsonlSink(kind="jsonl", path=Path("a.jsonl")),
        JsonlSink(kind="jsonl", name="b", path=Path("b.jsonl")),
    ]
    remaining = iter(ledgers)
    return Sinks(configured, Surroundings(folder, Mqtt()), lambda: next(remaining))


def test_sinks_hand_out_only_the_newest_position_of_each(tmp_path: Path) -> None:
    ledgers = [Rows(rows(9)), Rows([]), Rows(rows(9))]
    every = sinks_of(tmp_path, ledgers)
    every.start()
    every.finish(PATIENCE)
    assert list(every.passed()) == [("jsonl", Passed(9, written=9))]
    assert list(every.passed()) == []
    names = [(health.name, health.kind, health.sent) for health in every.health()]
    assert names == [("jsonl", "jsonl", 9), ("b", "jsonl", 0)]
    every.stop()
    every.stop()
    assert all(ledger.closed.is_set() for ledger in ledgers)


def test_a_sink_that_hangs_does_not_keep_the_others_or_the_end(tmp_path: Path) -> None:
    hanging = Hanging()
    every = sinks_of(tmp_path, [Rows(rows(1)), Rows(rows(1))])
    every._runners[0].sink = hanging
    every.start()
    assert hanging.hung.wait(PATIENCE)
    every.finish(0.2)
    every.stop()
    assert {sink: passed.position for sink, passed in every.passed()} == {"b": 1}
    assert len((tmp_path / "b.jsonl").read_text().splitlines()) == 1
    hanging.released.set()
