"""Backups: taken beside a daemon at work, whole or not at all, and good to go on from."""

import json
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from greendc.app import Daemon, back_up
from greendc.config import load
from greendc.daemon import backup
from greendc.daemon.backup import MANIFEST, restore
from greendc.daemon.commands import Commands
from greendc.daemon.control import ask
from greendc.daemon.data import Data
from greendc.daemon.errands import Errands
from greendc.daemon.requests import Backup, Status
from greendc.files import MODE
from greendc.ports import GreendcError, RawBatch
from tests.faults.plant import SITE, Message, Plant, Publisher, messages, write_log
from tests.servers.support import Mosquitto

ARRIVAL = 1_740_790_000_000_000_000
SERIES = "timestamp,g_per_kwh\n2025-03-01T00:00:00Z,300\n2025-03-02T00:00:00Z,310\n"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "plant.yaml"
    (path.parent / "factors").mkdir(parents=True)
    (path.parent / "factors" / "grid.csv").write_text(SERIES)
    factor = "{series: factors/grid.csv, zone: DEU, source: test}"
    path.write_text(SITE.replace("{table: carbontracker, zone: DEU}", factor))
    return path


def batch(sent: Sequence[Message]) -> RawBatch:
    topics, payloads = [t for t, _ in sent], [p.encode() for _, p in sent]
    size = len(sent)
    return RawBatch([ARRIVAL] * size, topics, payloads, [0] * size, [0] * size, session=1)


def filled(config_file: Path, count: int) -> None:
    with ExitStack() as stack:
        config = load(config_file)
        worker = Data(config, config.data, stack).worker
        worker.take([batch(messages(count))])
        worker.commit()


def test_a_backup_under_load_goes_on_to_the_same_ledger(tmp_path: Path, broker: Mosquitto) -> None:
    sent = messages(1000)
    saved = tmp_path / "saved"
    with Plant(tmp_path, broker) as plant:
        daemon = plant.daemon()
        plant.wait_until_connected()
        publisher = Publisher(broker.port, sent, per_second=100).start()
        time.sleep(2.0)
        told = plant.greendc("backup", str(saved), "-c", str(plant.config)).decode()
        assert not publisher.done
        assert "journal to entry" in told
        publisher.stop()
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0, plant.log
    assert 0 < json.loads((saved / MANIFEST).read_text())["ledger_done_to"] < len(sent)
    (tmp_path / "new").mkdir()
    with Plant(tmp_path / "new", broker) as other:
        (other.folder / "plant.yaml").write_text((saved / "config" / "plant.yaml").read_text())
        other.greendc("restore", str(saved), "-c", str(other.config))
        daemon = other.daemon("--until-idle", "3")
        other.wait_until_connected()
        Publisher(broker.port, sent, per_second=5000).start().wait()  # the log, published again
        assert daemon.wait(90) == 0, other.log
        log = tmp_path / "sent.jsonl"
        write_log(log, sent)
        assert other.exported() == other.replayed(log, "-c", str(other.config))


def test_the_copies_agree_whatever_is_committed_meanwhile(
    config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENDC_MQTT_PORT", "1")  # no broker is needed
    config = load(config_file)
    rows = messages(6000)
    with ExitStack() as stack:
        daemon = Daemon(config, until_idle=None, stack=stack)
        thread = threading.Thread(target=daemon.run)
        thread.start()
        while ask(config.data, Status()) is None:
            time.sleep(0.01)
        for lo in range(0, len(rows), 40):
            daemon.inbox.put(0, [batch(rows[lo : lo + 40])])
            if lo % 600 == 0:
                ask(config.data, Backup(str(config.data / f"copy-{lo}")))
        daemon.stop()
        thread.join(60)
    ends = []
    for folder in sorted(config.data.glob("copy-*"), key=lambda p: p.stat().st_mtime_ns):
        manifest = json.loads((folder / MANIFEST).read_text())
        assert manifest["ledger_done_to"] <= manifest["journal_last"]
        ends.append(manifest["journal_last"])
        with closing(sqlite3.connect(folder / "journal.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(ends) == 10
    assert ends == sorted(ends)
    assert ends[-1] > ends[0]


def test_the_journal_keeps_what_a_copy_needs(config_file: Path) -> None:
    filled(config_file, 400)
    config = load(config_file)
    with ExitStack() as stack:
        data = Data(config, config.data, stack)
        data.worker.hold()
        data.worker.prune(data.journal.last)
        assert data.journal.first == 1
        data.worker.release()
        data.worker.prune(data.journal.last)
        assert 1 < data.journal.first <= data.worker.pipeline.rebuild_from


def test_a_backup_ends_though_something_is_committed_at_each_of_its_steps(
    config_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(config_file, 400)
    config, steps = load(config_file), 0
    monkeypatch.setattr(backup, "PAGES_A_STEP", 1)

    def commit() -> None:
        nonlocal steps
        steps += 1
        assert steps < 1000
        # the ledger comes first, so that its copy is never ahead of the journal's
        assert (tmp_path / "saved.partial" / "ledger.db").exists()
        for name, change in (
            ("ledger.db", "INSERT INTO meta VALUES ('step ' || ?, x'00')"),
            ("journal.db", "UPDATE head SET session = ?"),
        ):
            with closing(sqlite3.connect(config.data / name)) as db, db:
                db.execute(change, (steps,))

    backup.back_up(config, config.data, tmp_path / "saved", commit)
    assert steps > 10
    with closing(sqlite3.connect(tmp_path / "saved" / "ledger.db")) as db:
        assert db.execute("SELECT count(*) FROM meta WHERE key LIKE 'step%'").fetchone() == (0,)


def test_configuration_and_factors_are_in_it(config_file: Path, tmp_path: Path) -> None:
    filled(config_file, 40)
    told = back_up(load(config_file), tmp_path / "saved")
    assert "passwords" in told
    assert (tmp_path / "saved/config/factors/grid.csv").read_text() == SERIES
    assert load(tmp_path / "saved/config/plant.yaml").figures_hash() == (
        load(config_file).figures_hash()
    )
    assert (tmp_path / "saved").stat().st_mode & 0o777 == 0o700
    assert not list(tmp_path.glob("*.partial"))


def test_a_backup_replaces_nothing(config_file: Path, tmp_path: Path) -> None:
    filled(config_file, 40)
    for name in ("file", "folder/inside"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    for name in ("file", "folder"):
        with pytest.raises(GreendcError, match="is there already"):
            back_up(load(config_file), tmp_path / name)


def test_what_cannot_be_copied_leaves_nothing_behind(config_file: Path, tmp_path: Path) -> None:
    with pytest.raises(GreendcError, match="nothing here to back up"):
        back_up(load(config_file), tmp_path / "saved")
    filled(config_file, 40)
    (load(config_file).data / "ledger.db").write_bytes(b"no database, but as long as one " * 300)
    with pytest.raises(GreendcError, match="cannot make this backup"):
        back_up(load(config_file), tmp_path / "saved")
    assert [p.name for p in tmp_path.iterdir()] == ["etc"]


def test_a_database_that_is_damaged_within_is_told(config_file: Path, tmp_path: Path) -> None:
    filled(config_file, 400)
    config = load(config_file)
    path = config.data / "ledger.db"
    with closing(sqlite3.connect(path)) as db:
        (size,) = db.execute("PRAGMA page_size").fetchone()
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'event'").fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size] = 0xFF  # no kind of page
    path.write_bytes(content)
    with pytest.raises(GreendcError, match=r"ledger\.db: the copy is damaged"):
        back_up(config, tmp_path / "saved")
    assert [p.name for p in tmp_path.iterdir()] == ["etc"]


def test_a_stopping_daemon_gives_up_its_backup(config_file: Path, tmp_path: Path) -> None:
    filled(config_file, 400)
    config = load(config_file)
    with ExitStack() as stack:
        errands = Errands()
        data = Data(config, config.data, stack)
        told = data.watch.board
        commands = Commands(
            data, errands, lambda: told.health, str, lambda hash_, *, rules: f"{hash_}{rules}"
        )
        copying = commands.submit(Backup(str(tmp_path / "saved")))
        commands.stop()
        while not copying.done():
            errands.do()  # the worker keeps the journal as it is, and ends
        with pytest.raises(GreendcError, match="is stopping"):
            copying.result()
    assert [p.name for p in tmp_path.iterdir()] == ["etc"]


def test_a_restored_folder_holds_every_entry_and_figure(config_file: Path, tmp_path: Path) -> None:
    filled(config_file, 400)
    before, saved = load(config_file), tmp_path / "saved"
    back_up(before, saved)
    config_file.write_text(f"data: elsewhere\n{config_file.read_text()}")
    after = load(config_file)
    restore(saved, after)
    for name, table in (("ledger.db", "block"), ("journal.db", "entry")):
        found = []
        for folder in (before.data, after.data):
            with closing(sqlite3.connect(folder / name)) as db:
                found.append(db.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608
        assert found[0] == found[1]
        assert len(found[0]) > 1
        assert (after.data / name).stat().st_mode & 0o777 == MODE


def test_only_a_whole_backup_is_restored_and_only_where_nothing_is(
    config_file: Path, tmp_path: Path
) -> None:
    filled(config_file, 40)
    config = load(config_file)
    saved = tmp_path / "saved"
    back_up(config, saved)
    with pytest.raises(GreendcError, match=r"is there already; move it away"):
        restore(saved, config)
    other = tmp_path / "other.yaml"
    other.write_text(f"data: elsewhere\n{SITE}")
    with pytest.raises(GreendcError, match="no backup of greendc"):
        restore(tmp_path, load(other))
    (saved / "journal.db").write_bytes((saved / "journal.db").read_bytes()[:-1] + b"x")
    with pytest.raises(GreendcError, match=r"journal\.db: is not what was backed up"):
        restore(saved, load(other))
    assert not list((tmp_path / "elsewhere").glob("*.db*"))
