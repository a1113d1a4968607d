"""What a store loses when it is killed is sent again, and counted once."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import pytest

from greendc.config.models import Mqtt
from greendc.config.sinks import InfluxSink
from greendc.ports import LedgerReader, LedgerRow
from greendc.sinks import Job, Passed, Runner, Surroundings, new_sink
from greendc.sinks.errors import Unanswered, Unavailable
from greendc.sinks.victoria import Rewriting
from tests.servers.proxy import Proxy
from tests.servers.stores import VictoriaMetrics
from tests.sinks.ledgers import Rows, revised, row

PATIENCE = 60.0


class Store:
    """Keeps what it took on its disk after 30 s, and loses the rest when it is killed."""

    confirm_after = 30.0

    def __init__(self) -> None:
        self.now = 0.0
        self.taken: list[tuple[float, int]] = []
        self.lives: str | None = "first"
        self.asked = 0
        self.away = False

    def write(self, rows: Sequence[LedgerRow], _ledger: LedgerReader) -> None:
        if self.away:
            raise Unavailable("connection refused")
        self.taken += [(self.now, one.id) for one in rows]

    def life(self) -> str | None:
        self.asked += 1
        return self.lives

    def killed(self) -> None:
        self.taken = [(at, number) for at, number in self.taken if at <= self.now - 30.0]
        self.lives = f"{self.now}"

    def close(self) -> None:
        """Nothing is open."""

    @property
    def held(self) -> set[int]:
        return {number for _, number in self.taken}


class Standing:
    """Stands still with what it has been sent, and works that off after what comes later."""

    confirm_after = 10.0

    def __init__(self) -> None:
        self.now, self.still = 0.0, False
        self.waiting: list[LedgerRow] = []
        self.points: dict[tuple[str, int], int] = {}

    def write(self, rows: Sequence[LedgerRow], _ledger: LedgerReader) -> None:
        if self.still:
            self.waiting += rows
            raise Unanswered("timed out")
        self.take(rows)

    def take(self, rows: Sequence[LedgerRow]) -> None:
        self.points |= {(one.figure.quantity, one.figure.start): one.id for one in rows}

    def close(self) -> None:
        """Nothing is open."""


S = TypeVar("S", Store, Standing)


class Run(Generic[S]):
    """A runner, round by round, on a clock of its own."""

    def __init__(self, store: S, ledger: Rows) -> None:
        self.store: S = store
        self.ledger = ledger
        job = Job("dash", "influx", batch=4)
        self.runner = Runner(job, store, lambda: ledger, lambda: store.now)
        self.runner._begin(ledger)
        self.counts = Passed(0)

    def rounds(self, number: int, seconds: float = 0.0) -> None:
        for _ in range(number):
            self.runner._finish.set()  # waits for nothing
            self.runner._round(self.ledger)
            self.store.now += seconds

    def position(self) -> int:
        """What is passed for good, as a ledger keeps it."""
        while not self.runner.passed.empty():
            self.counts += self.runner.passed.get()
            self.ledger.position = self.counts.position
        return self.counts.position


@pytest.fixture
def run() -> Run[Store]:
    """In no doubt of what was sent before: all rows are new."""
    found = Run(Store(), Rows([]))
    found.ledger.rows += [row(number) for number in range(1, 11)]
    return found


def test_rows_are_passed_once_they_have_stood_there_long_enough(run: Run[Store]) -> None:
    run.rounds(3, seconds=10.0)
    assert run.store.held == set(range(1, 11))
    assert run.runner.health(10).pending == 0
    assert run.position() == 0
    run.rounds(1, seconds=10.0)
    assert run.position() == 4
    run.rounds(2, seconds=10.0)
    assert run.position() == 10
    assert run.counts == Passed(10, written=10)
    asked = run.store.asked
    run.rounds(9, seconds=10.0)
    assert run.store.asked == asked  # only where there is something to confirm


@pytest.mark.parametrize("after", [1, 3, 25, 29])
def test_a_store_that_was_killed_between_two_writes(run: Run[Store], after: int) -> None:
    """No write has failed: it is there again before greendc has anything to send."""
    run.rounds(3)
    run.store.now += after
    run.store.killed()
    assert run.store.held == set()
    run.rounds(40, seconds=2.0)
    assert run.store.held == set(range(1, 11))
    assert run.position() == 10
    assert run.counts == Passed(10, written=10)  # what was sent again is counted once


def test_a_store_that_tells_nothing_of_itself_is_believed_until_a_write_fails(
    run: Run[Store],
) -> None:
    run.store.lives = None
    run.rounds(2, seconds=1.0)
    run.store.killed()
    run.store.lives, run.store.away = None, True
    run.rounds(1)
    run.store.away = False
    run.rounds(40, seconds=2.0)
    assert run.store.held == set(range(1, 11))
    assert run.counts == Passed(0)
    assert run.position() == 10


def test_periods_that_are_left_out_are_counted_once_too() -> None:
    ledger = Rows(row(n, period="cell" if n % 3 else "hour") for n in range(1, 13))
    run = Run(Store(), ledger)
    run.runner._job = Job("dash", "influx", {"hour"}, 4)
    run.rounds(3)
    run.store.killed()
    run.rounds(40, seconds=2.0)
    assert run.position() == 12
    assert run.counts == Passed(12, written=4, left_out=8)
    assert run.store.held == {3, 6, 9, 12}


@pytest.mark.parametrize("killed", ["never", "halted", "written", "late", "always"])
def test_what_was_not_answered_is_taken_after_what_came_later(killed: str) -> None:
    """The next run begins where the ledger's cursor is, and has not seen that anything failed."""
    ledger, store = Rows([row(1), row(2)]), Standing()
    run = Run(store, ledger)

    def at(moment: str) -> Run[Standing]:
        return Run(store, ledger) if killed in {moment, "always"} else run

    store.still = True
    run.rounds(2, seconds=1.0)
    ledger.rows += [revised(3, ledger.rows[0]), row(4)]
    run = at("halted")
    store.still = False
    run.rounds(1, seconds=5.0)
    run = at("written")
    run.rounds(1, seconds=5.0)
    newest = dict(store.points)
    store.take(store.waiting)
    assert store.points != newest
    run = at("late")
    assert run.position() == 0
    run.rounds(30, seconds=2.0)
    assert store.points == newest
    assert (run.position(), run.counts) == (4, Passed(4, written=4))
    sent = run.runner.health(4).sent
    run.rounds(30, seconds=2.0)
    assert run.runner.health(4).sent == sent  # once is enough


def test_a_run_that_begins_with_a_backlog_repeats_no_more_than_it_wrote_in_doubt() -> None:
    ledger = Rows(row(number) for number in range(1, 201))
    run = Run(Standing(), ledger)
    run.rounds(70, seconds=1.0)
    assert run.position() == 200
    assert run.runner.health(200).sent == 200 + 4 * 11  # a batch each second, for 10 s


def test_a_run_that_begins_with_nothing_behind_is_in_no_doubt() -> None:
    ledger = Rows([row(1)], cursor=1)
    run = Run(Standing(), ledger)
    ledger.rows.append(row(2))
    run.rounds(1)
    assert run.position() == 2


def test_what_a_sink_leaves_out_is_no_answer_of_its_target() -> None:
    """Doubt ends some time after the first write that is answered, not after rows of no write."""
    ledger = Rows([*(row(n, period="cell") for n in range(1, 9)), row(9)])
    store = Standing()
    store.still = True
    run = Run(store, ledger)
    run.runner._job = Job("dash", "influx", {"hour"}, 4)
    run.rounds(3, seconds=20.0)
    assert run.position() == 8  # nobody has sent them
    ledger.rows += [revised(10, ledger.rows[8]), *(row(n, period="cell") for n in (11, 12))]
    store.still = False
    run.rounds(2)
    newest = dict(store.points)
    store.take(store.waiting)
    run.rounds(30, seconds=2.0)
    assert store.points == newest
    assert run.position() == 12


def test_a_batch_that_is_left_out_does_not_keep_the_next_from_being_confirmed() -> None:
    ledger = Rows([*(row(n, period="cell") for n in range(1, 6)), row(6)])
    run = Run(Store(), ledger)
    run.runner._job = Job("dash", "influx", {"hour"}, 4)
    run.rounds(90, seconds=1.0)
    assert run.position() == 6
    assert run.store.held == {6}


# -- a real VictoriaMetrics -----------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VictoriaMetrics]:
    with VictoriaMetrics(tmp_path / "store") as server:
        yield server


def sink_at(url: str) -> Rewriting:
    config = InfluxSink(kind="influx", url=url, store="victoriametrics")
    made = new_sink(config, Surroundings(Path(), Mqtt()))
    assert isinstance(made, Rewriting)
    return made


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Sending:
    """A runner on its thread whose rows get older only as it is told."""

    def __init__(self, url: str, ledger: Rows) -> None:
        self.now, self.ledger = 0.0, ledger
        job = Job("dash", "influx")
        self.runner = Runner(job, sink_at(url), lambda: ledger, lambda: self.now)
        rows, ledger.rows = ledger.rows, []  # all of them are new
        self.runner.start()
        until(lambda: self.runner._progress._position is not None)
        ledger.rows = rows
        until(lambda: self.sent == len(ledger.rows))

    @property
    def sent(self) -> int:
        return self.runner.health(self.ledger.last()).sent

    def stop(self) -> None:
        self.runner.stop()
        self.runner.join(PATIENCE)
        while not self.runner.passed.empty():
            self.ledger.position = self.runner.passed.get().position


def killed(store: VictoriaMetrics) -> None:
    """Killed, and there again; it tells the second in which it was started."""
    life = float(sink_at(store.url).life() or 0.0)
    store.killed()
    until(lambda: time.time() > life + 1.0)
    store.start()


def values(store: VictoriaMetrics) -> list[float]:
    return sorted(value for _, _, value in store.exported("greendc_energy_joules"))


def test_killed_and_started_again_between_two_writes(
    store: VictoriaMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    """A revision too: its month was deleted and written again."""
    first = [row(number) for number in range(1, 201)]
    ledger = Rows([*first, revised(201, first[6], value=9.0)])
    sending = Sending(store.url, ledger)
    killed(store)
    sending.now += 31.0
    until(lambda: sending.sent == 2 * len(ledger.rows))
    sending.now += 31.0
    until(lambda: not sending.runner.passed.empty())
    sending.stop()
    assert ledger.position == 201
    assert "the store was started anew: the last 201 figures are sent again" in caplog.text
    expected = [9.0 if r is first[6] else r.figure.value or 0.0 for r in first]
    assert values(store) == sorted(expected)


def test_killed_together_with_greendc(store: VictoriaMetrics) -> None:
    ledger = Rows(row(number) for number in range(1, 201))
    sending = Sending(store.url, ledger)
    killed(store)
    sending.stop()
    assert ledger.position == 0
    Sending(store.url, ledger).stop()
    assert len(values(store)) == 200


def test_a_store_that_does_not_tell_when_it_was_started_is_remarked(
    store: VictoriaMetrics,
) -> None:
    with Proxy(store.url) as between:
        plain = sink_at(between.url)
        assert list(plain.remarks()) == []
        between.instead = lambda request: (401, {}, b"") if request.path == "/metrics" else None
        (told,) = plain.remarks()
    assert "does not tell at /metrics when it was started" in told
