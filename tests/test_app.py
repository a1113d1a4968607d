"""The composition root: one daemon a folder, no silent change of what is closed, ends declared."""

import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from greendc.app import Daemon, Signals, Stopped, close
from greendc.config import load
from greendc.core.figure import PERIODS, Figure
from greendc.daemon.data import Data
from greendc.daemon.worker import Worker
from greendc.ports import Event, GreendcError, RawBatch
from greendc.queries import Ledger
from tests.faults.plant import SITE, messages
from tests.servers.support import free_port
from tests.sources.wire import Broker, publish

ARRIVAL = 1_740_790_000_000_000_000


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "plant.yaml"
    path.write_text(SITE)
    return path


def batch(first: int, last: int) -> RawBatch:
    rows = messages(last)[first:]
    size = len(rows)
    topics, payloads = [t for t, _ in rows], [p.encode() for _, p in rows]
    return RawBatch([ARRIVAL] * size, topics, payloads, [0] * size, [0] * size, session=1)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def filled(config_file: Path, count: int) -> None:
    with ExitStack() as stack:
        config = load(config_file)
        worker: Worker = Data(config, config.data, stack).worker
        worker.take([batch(0, count)])
        worker.commit()


def test_a_second_daemon_on_the_same_folder_is_refused(config_file: Path, stack: ExitStack) -> None:
    config = load(config_file)
    Data(config, config.data, stack)
    with pytest.raises(GreendcError, match="in use by another greendc"):
        close(config, "plant", ARRIVAL)


def test_a_stop_while_starting_changes_nothing(config_file: Path, stack: ExitStack) -> None:
    filled(config_file, 40)
    config = load(config_file)
    before = {path: path.read_bytes() for path in config.data.glob("*.db")}
    with pytest.raises(Stopped), ExitStack() as opened:
        Daemon(config, until_idle=None, stack=opened, signals=Signals(stopping=True))
    assert {path: path.read_bytes() for path in config.data.glob("*.db")} == before
    Data(config, config.data, stack)  # the folder is free again


def test_a_change_of_closed_figures_is_refused_with_key_and_time(config_file: Path) -> None:
    filled(config_file, 240)
    config_file.write_text(SITE.replace("rated_it_w: 100e3", "rated_it_w: 90e3"))
    with pytest.raises(GreendcError, match=r"rated_it_w.*2025-03-01T00:0"):
        filled(config_file, 0)
    dated = "rated_it_w: [{value: 100e3}, {from: 2025-03-02T00:00:00Z, value: 90e3}]"
    config_file.write_text(SITE.replace("rated_it_w: 100e3", dated))
    filled(config_file, 0)


def test_a_change_of_the_zone_is_refused_once_something_is_closed(config_file: Path) -> None:
    filled(config_file, 240)
    zone = next(line for line in SITE.splitlines() if "zone:" in line)
    config_file.write_text(SITE.replace(zone, f"{zone.partition(':')[0]}: Asia/Tokyo"))
    with pytest.raises(GreendcError, match=r"plant\.zone: cannot be changed"):
        filled(config_file, 0)


def test_topics_of_every_earlier_configuration_are_unsubscribed(config_file: Path) -> None:
    for topic in ("dc/{meter}/power", "b/{meter}/power", "c/{meter}/power"):
        config_file.write_text(SITE.replace("dc/{meter}/power", topic))
        with ExitStack() as stack:
            config = load(config_file)
            removed = Data(config, config.data, stack).removed
    assert removed == ["b/+/power", "dc/+/power"]


def test_every_run_journals_its_configuration_without_secrets(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENDC_MQTT_PASSWORD", "hush-hush")
    filled(config_file, 4)
    filled(config_file, 0)
    db = sqlite3.connect(load(config_file).data / "journal.db")
    rows = db.execute("SELECT kind, body FROM entry WHERE kind IS NOT NULL").fetchall()
    db.close()
    assert [kind for kind, _ in rows] == ["config", "config"]
    event = json.loads(rows[0][1])
    assert set(event["versions"]) == {"greendc", "numpy", "tzdata"}
    assert event["hash"] == load(config_file).figures_hash()
    assert b"hush" not in b"".join(
        bytes(body, "utf-8") if isinstance(body, str) else body for _, body in rows
    )


def test_close_declares_the_end_of_a_site(config_file: Path) -> None:
    filled(config_file, 40)  # 100 s: the second cell is open
    config = load(config_file)
    with pytest.raises(GreendcError, match="no such site; the configuration has plant"):
        close(config, "plan", ARRIVAL)
    close(config, "plant", 1_740_787_200_000_000_000 + 60_000_000_000)
    with Ledger(config.data / "ledger.db") as ledger:
        assert list(ledger.figures("plant", "cell"))


def test_what_waits_at_a_stop_is_journalled_be_it_only_an_event(
    config_file: Path, stack: ExitStack
) -> None:
    config = load(config_file)
    daemon = Daemon(config, until_idle=None, stack=stack)
    daemon.inbox.put(0, [Event("session_lost", ARRIVAL, {"session": 1})])
    daemon.stop()
    daemon.run()
    kinds = [e.kind for _, e in daemon.data.journal.read(1) if isinstance(e, Event)]
    assert kinds == ["config", "session_lost"]


def test_a_broker_that_is_slow_to_answer_is_not_idle(config_file: Path, stack: ExitStack) -> None:
    """Who is to end when nothing more comes has not heard yet what there is."""
    ((topic, payload),) = messages(1)

    def late(broker: Broker, stream: socket.socket) -> None:
        time.sleep(1.0)
        broker.greet(stream)
        stream.sendall(publish(topic.encode(), payload.encode(), 1))
        broker.expect(stream, 0xE0)

    with Broker(late) as broker:
        port = f"port: {broker.port}, protocol: 3.1.1"
        config_file.write_text(f'{SITE}mqtt: {{{port}, dropped_topic: ""}}\n')
        daemon = Daemon(load(config_file), until_idle=0.4, stack=stack)
        daemon.run()
    assert daemon.worker.counts.messages == 1


def figures(config_file: Path) -> list[Figure]:
    with Ledger(load(config_file).data / "ledger.db") as ledger:
        return [f for period in PERIODS for f in ledger.revisions("plant", period)]


def run_out_of_room(config_file: Path) -> None:
    """A daemon whose ledger takes two blocks of figures of a batch and then no more."""
    config = load(config_file)
    with ExitStack() as opened:
        daemon = Daemon(config, until_idle=30.0, stack=opened)
        daemon.data.store._db.execute(
            "CREATE TEMP TRIGGER full BEFORE INSERT ON block "
            "WHEN (SELECT count(*) FROM block) = 2 BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
        daemon.inbox.put(0, [batch(0, 240)])
        daemon.run()


def test_a_failure_in_the_worker_commits_nothing_and_loses_nothing(
    config_file: Path, tmp_path: Path
) -> None:
    config_file.write_text(f"{SITE}mqtt: {{port: {free_port()}}}\n")
    with pytest.raises(sqlite3.IntegrityError, match="no room"):
        run_out_of_room(config_file)
    assert figures(config_file) == []
    filled(config_file, 0)  # the next start takes it from the journal
    undisturbed = tmp_path / "undisturbed" / "plant.yaml"
    undisturbed.parent.mkdir()
    undisturbed.write_text(config_file.read_text())
    filled(undisturbed, 240)
    assert len(figures(config_file)) > 50
    assert figures(config_file) == figures(undisturbed)
