"""What comes while the ledger is at work is journalled and shown, and changes no figure."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from greendc import pipeline
from greendc.app import Daemon
from greendc.config import Config, load
from greendc.core.facility import EVER
from greendc.core.figure import Figure
from greendc.daemon import rounds, worker
from greendc.daemon.data import Data, config_event
from greendc.daemon.lifecycle import running
from greendc.files import LEDGER
from greendc.ports import Entry, Event, RawBatch
from greendc.store import PERIODS, connect, read_revisions
from greendc.watch import watch
from tests.faults.plant import SITE, messages
from tests.servers.support import free_port

COUNT, SIZE = 400, 40  # messages in all, and of a batch
ARRIVAL = 1_740_800_000_000_000_000


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "plant.yaml"
    path.write_text(SITE + f"mqtt: {{port: {free_port()}}}\n")  # nobody is there
    return load(path)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def daemon(config: Config, stack: ExitStack) -> Daemon:
    daemon = Daemon(config, until_idle=None, stack=stack)
    stack.enter_context(running(daemon.parts))
    return daemon


def batches() -> list[RawBatch]:
    rows = messages(COUNT)
    return [
        RawBatch(
            [ARRIVAL] * SIZE,
            [topic for topic, _ in rows[lo : lo + SIZE]],
            [payload.encode() for _, payload in rows[lo : lo + SIZE]],
            [0] * SIZE,
            [0] * SIZE,
            session=1,
        )
        for lo in range(0, COUNT, SIZE)
    ]


def figures(folder: Path) -> list[Figure]:
    """Every revision; the number of the configuration is each ledger's own."""
    db = connect(folder / LEDGER, readonly=True)
    try:
        return [
            figure._replace(config=0)
            for period in PERIODS
            for figure in read_revisions(db, "plant", period, -EVER, EVER)
        ]
    finally:
        db.close()


def taken_in_turn(config: Config, folder: Path, log: list[Entry]) -> list[Figure]:
    with ExitStack() as stack:
        worker = Data(config, folder, stack).worker
        for entry in log:
            worker.take([entry])
        worker.commit()
    return figures(folder)


def test_what_comes_while_the_ledger_works_is_taken_down_at_once(
    config: Config, tmp_path: Path, stack: ExitStack
) -> None:
    log: list[Entry] = [*batches()]
    log.insert(5, config_event(config, ARRIVAL))  # nothing behind it is decoded before it
    data = Data(config, tmp_path / "meanwhile", stack)
    worker, waiting = data.worker, list(log)
    acknowledged: list[int] = []  # how far the journal was, each time
    seen: list[bool] = []  # readings on the board that the ledger had not taken in

    def meanwhile() -> None:
        if waiting:
            done = worker.pipeline.done_to
            worker.receive([waiting.pop(0)], lambda: acknowledged.append(data.journal.last))
            data.watch.show(now=True)
            assert done == worker.pipeline.done_to < acknowledged[-1]
            seen.append(int(data.watch.board.current.readings.sum()) > done)

    worker.pipeline.meanwhile = meanwhile
    while waiting:
        worker.take([waiting.pop(0)])
    worker.commit()
    assert len(acknowledged) > 3
    assert any(seen)
    stack.close()
    assert figures(tmp_path / "meanwhile") == taken_in_turn(config, tmp_path / "turn", log)


@pytest.mark.parametrize("at_once", [7, pipeline.AT_ONCE])
def test_what_was_taken_down_is_in_the_ledger_after_a_kill(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(pipeline, "AT_ONCE", at_once)
    log: list[Entry] = [*batches()]
    with ExitStack() as stack:
        data = Data(config, tmp_path / "killed", stack)
        data.worker.take(log[:6])
        data.worker.receive(log[6:9])
        data.worker.commit()  # of what the ledger has taken in, no more
        assert data.worker.lag(ARRIVAL + 1) == 1
    with ExitStack() as stack:
        data = Data(config, tmp_path / "killed", stack)
        data.worker.take(log[9:])
        data.worker.commit()
    assert figures(tmp_path / "killed") == taken_in_turn(config, tmp_path / "turn", log)


def test_only_what_decides_figures_is_asked_of_the_configuration_before(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken_in_turn(config, tmp_path / "ledger", [*batches()])

    def refuse(_body: bytes) -> Config:
        raise InterruptedError

    monkeypatch.setattr(Config, "from_body", refuse)
    file = tmp_path / "plant.yaml"
    file.write_text(SITE + f"mqtt: {{port: {free_port()}}}\n")
    with ExitStack() as stack:
        other = load(file)
        assert Data(other, tmp_path / "ledger", stack).worker.pipeline.config is other
    file.write_text(SITE.replace("lateness: ", "lateness: 1"))
    with ExitStack() as stack, pytest.raises(InterruptedError):
        Data(load(file), tmp_path / "ledger", stack)


def test_what_is_not_closed_is_not_worked_out_before_the_broker_is_there(
    config: Config, tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "FIRST_SECONDS", 1e9)
    data = Data(config, tmp_path / "first", stack)
    data.worker.take([*batches()])
    data.worker.beat()
    assert not data.watch.board.closed.provisional
    monkeypatch.setattr(worker, "FIRST_SECONDS", 0.0)
    data.worker.beat()
    assert data.watch.board.closed.provisional


def test_a_round_takes_what_comes_meanwhile_but_not_for_ever(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "AHEAD_EVERY", 0.0)
    monkeypatch.setattr(rounds, "AHEAD", 2 * SIZE)
    monkeypatch.setattr(watch, "EXPECTED_EVERY", 1e9)
    waiting = batches()

    def another() -> None:
        if waiting:
            daemon.inbox.put(1, [waiting.pop(0)])
        daemon.rounds.meanwhile()

    daemon.rounds.work(0.0)
    daemon.worker.take([waiting.pop(0), waiting.pop(0)])
    before = daemon.data.journal.last
    daemon.worker.pipeline.meanwhile = another
    daemon.inbox.put(1, [waiting.pop(0)])  # closes a cell
    daemon.rounds.work(0.0)
    assert daemon.data.journal.last == before + 3 * SIZE == daemon.worker.pipeline.done_to
    assert len(daemon.inbox) == COUNT - len(waiting) * SIZE - 5 * SIZE > 0


def test_what_comes_meanwhile_stands_behind_what_came_before(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round takes deliveries of several connections at once; another comes at the first."""
    monkeypatch.setattr(rounds, "AHEAD_EVERY", 0.0)
    daemon.rounds.work(0.0)
    dropped = [Event("broker_dropped", ARRIVAL, {"total": n, "from": ARRIVAL}) for n in range(3)]
    daemon.worker.take([*batches()[:3], dropped[0]])

    def another() -> None:
        if len(dropped) == 3:
            daemon.inbox.put(0, [dropped.pop()])
        daemon.rounds.meanwhile()

    daemon.worker.pipeline.meanwhile = another
    daemon.inbox.put(1, [batches()[3]])  # closes a cell
    daemon.inbox.put(0, [dropped[1]])
    daemon.rounds.work(0.0)
    entries = [entry for _, entry in daemon.data.journal.read(1)]
    told = [e.data["total"] for e in entries if isinstance(e, Event) and "total" in e.data]
    assert told == [0, 1, 2]


def test_no_command_lets_anything_come_between(daemon: Daemon) -> None:
    daemon.worker.take(batches()[:8])
    daemon.inbox.put(1, [batches()[8]])
    daemon.worker.take([Event("end", ARRIVAL)])
    assert len(daemon.inbox) == SIZE


def test_at_its_limit_the_journal_lets_go_of_its_oldest_entries_alone(
    config: Config, stack: ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    """What has come last can still be replayed, however long greendc has run."""
    data = Data(config, config.data, stack)
    for batch in batches():  # of some pages each
        long = [
            b'%s, "x": "%s"}' % (p[:-1], os.urandom(300).hex().encode()) for p in batch.payloads
        ]
        data.worker.take([replace(batch, payloads=long)])
    data.worker.commit()
    size, needed = data.journal.size_bytes, data.worker.pipeline.rebuild_from
    assert needed > 6 * SIZE
    data.journal.limit_bytes = int((size - 10_000) / worker.PRUNE_AT)
    data.worker.commit()
    assert data.journal.size_bytes < size
    assert 1 < data.journal.first <= 3 * SIZE
    data.journal.limit_bytes = 1
    data.worker.commit()
    assert needed - SIZE < data.journal.first <= needed  # never what a start needs
    assert caplog.text.count("lets go of its oldest entries") == 1
