"""`greendc audit`: what it prints and how it ends, over any age of a data folder."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import msgspec
import pytest

from greendc.app import audited
from greendc.audit import audit
from greendc.audit.equations import Connection
from greendc.calendars import rfc3339
from greendc.config import Config, load
from greendc.daemon.data import Data
from greendc.files import JOURNAL, LEDGER
from greendc.journal import Journal, by_qos, intake
from greendc.outcomes import LEFT
from greendc.ports import Event, RawBatch, Reception
from greendc.store import SCHEMA_VERSION, connect, schema_of
from greendc.store.verifying import damage
from tests.audit.kit import Life
from tests.audit.test_balance import BEGIN, FIRST, SITE, STEP
from tests.small import Small


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "site.yaml"
    path.write_text(f"data: data\n{SITE}")
    return load(path)


@pytest.fixture
def life(config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    with Life(config, monkeypatch) as started:
        yield started


def feed(life: Life, steps: int = 12) -> None:
    """Each step a reading, an unknown topic and a payload that is none."""
    for step in range(FIRST, FIRST + steps):
        life.at = BEGIN + step * STEP
        reading = f'{{"v": 5, "t": "{rfc3339(life.at)}"}}'.encode()
        life.publish([("m/it", reading, 1), ("m/nobody", b"1", 1), ("m/it", b"?", 0)])
        life.receive()


@pytest.fixture
def site(life: Life, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Small:
    """A data folder with a daemon's worker still on it."""
    feed(life)
    life.data.worker.take([Event("end", life.at)])
    life.sink()
    life.commit()
    return Small(tmp_path, capsys)


LINES = """\
  holds  broker QoS 0  12 messages read = 12 journalled
  holds  broker QoS 1  24 messages read = 12 journalled + 12 unbound
  holds  journal  26 entries = 24 journalled + 2 event
  holds  journal file  26 entries = 26 kept
  holds  ledger  26 entries = 26 taken in
  holds  decoding  26 entries taken in = 12 decoded + 12 rejected + 2 events
  holds  fields  24 readings asked for = 12 accepted + 12 refused
  holds  meters  12 readings left out = 12 told by meter
  holds  readings s  12 readings = 11 used + 1 open"""


def test_it_prints_every_equation_with_its_numbers(site: Small) -> None:
    out = site.run("audit", "-c", site.config)
    assert LINES in out
    assert "lost before commit: 0 of QoS 1, 0 of QoS 0" in out
    assert out.endswith("everything adds up\n")


def test_programs_get_one_object_with_every_connection(site: Small) -> None:
    found = json.loads(site.run("audit", "-c", site.config, "--json"))
    assert found["holds"] is True
    assert "everything adds up" in site.run("audit", "-c", site.config, "--seal", found["seal"])
    (sink,) = [one for one in found["equations"] if one["name"] == "sink"]
    assert (sink["about"], sink["difference"]) == ("jsonl", 0)
    assert sink["terms"]["written"] == sink["number"] > 0
    assert found["lost_before_commit"] == {"qos_0": 0, "qos_1": 0}
    _, first = found["connections"]
    assert first["qos_1"] == {"read": 24, "journalled": 12, "unbound": 12}


def test_what_does_not_add_up_ends_with_1_and_its_difference(site: Small, life: Life) -> None:
    life.data.store.begin()
    life.data.store.count("s", {"used": -2})
    life.commit()
    out = site.run("audit", "-c", site.config, code=1)
    assert "FAILS  readings s  12 readings = 9 used + 1 open + 2 nobody knows" in out
    assert out.endswith("does not add up: readings s\n")


def test_a_ledger_ahead_of_its_journal_does_not_add_up(site: Small, life: Life) -> None:
    """As after a restore of the wrong journal."""
    state = life.data.store.get("state")
    life.data.store.begin()
    life.data.store.set("state", state | {"done_to": state["done_to"] + 3})
    life.data.store.count("", {"entries:event": 3})
    life.data.store.commit()
    out = site.run("audit", "-c", site.config, code=1)
    assert "does not add up: ledger\n" in out


def test_a_folder_without_a_ledger_is_refused(
    tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no ledger here yet" in Small(tmp_path, capsys).refused("audit", "-c", config.file or "")


def test_what_a_greendc_that_did_not_count_has_left_is_counted_once(
    life: Life, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(life)
    life.sink()
    life.commit()
    assert life.stack is not None
    life.stack.close()
    life.stack = None
    _made_old(config.data)
    site = Small(tmp_path, capsys)
    assert "did not count" in site.refused("audit", "-c", site.config)
    life._start()
    feed(life, 20)
    life.sink()
    life.commit()
    out = site.run("audit", "-c", site.config)
    assert " uncounted" in out


def _made_old(folder: Path) -> None:
    """As the version before this one would have left it."""
    with closing(sqlite3.connect(folder / JOURNAL)) as db, db:
        db.execute("DROP TABLE intake")
        db.execute("DROP TABLE connection")
    with closing(sqlite3.connect(folder / LEDGER)) as db, db:
        _of_schema(db, 2)
        db.execute("DROP TABLE passed")
        db.execute("DROP TABLE told")
        db.execute("DROP TABLE judged")
        kept = "'readings', 'late', 'duplicate', 'conflict', 'late_beyond_horizon', 'messages'"
        db.execute(f"DELETE FROM tally WHERE outcome NOT IN ({kept})")  # noqa: S608
        (body,) = db.execute("SELECT value FROM meta WHERE key = 'state'").fetchone()
        state = msgspec.msgpack.decode(body)
        for one in state["sites"].values():
            del one["open"], one["beyond"]
        body = msgspec.msgpack.encode(state)
        db.execute("UPDATE meta SET value = ? WHERE key = 'state'", (body,))


def _of_schema(db: sqlite3.Connection, number: int) -> None:
    db.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (msgspec.msgpack.encode(number),))


def test_what_an_earlier_greendc_has_written_meanwhile_is_no_fault(
    life: Life, config: Config
) -> None:
    """It takes in events and archived readings without counting them, and knows no checkpoint."""
    feed(life, 50)
    life.commit()
    assert life.stack is not None
    life.stack.close()
    life.stack = None
    with closing(sqlite3.connect(config.data / LEDGER)) as db, db:
        _of_schema(db, 2)
        event = "INSERT INTO event (arrival, kind, data) VALUES (7, 'late', '{}')"
        archived = "INSERT INTO archive (site, first, last, body) "
        archived += "SELECT site, first, last, body FROM archive LIMIT 1"
        checkpoint = "INSERT INTO checkpoint VALUES (3, 7, 'recomputed meanwhile', x'80', x'')"
        assert [db.execute(one).rowcount for one in (event, archived, checkpoint)] == [1, 1, 1]
    assert audited(config).failed == []
    with closing(connect(config.data / LEDGER, readonly=True)) as db:
        assert schema_of(db) == 2  # that greendc may still be writing it
    life._start()
    feed(life)
    assert life.audit().failed == []
    assert life.data.store.get("schema") == SCHEMA_VERSION
    assert not life.data.store._db.execute("SELECT 1 FROM checkpoint WHERE done_to = 3").fetchall()


def test_a_meter_that_a_configuration_leaves_out_takes_its_open_readings_along(
    life: Life, config: Config
) -> None:
    feed(life)
    later = config.effective()
    del later["sites"][0]["meters"][0]
    life.data.worker.take([Event("config", life.at, {"effective": later})])
    found = life.audit()
    assert not found.failed
    (readings,) = [one for one in found.equations if one.name == "readings"]
    assert readings.terms["meter_removed"] > 0
    assert readings.terms["open"] > 0  # those not known yet carry no energy any more


def test_figures_that_a_daemon_writes_while_the_file_is_read_are_no_fault(life: Life) -> None:
    feed(life)
    life.data.worker.take([Event("end", life.at)])
    life.commit()
    last = life.data.store.last()
    life.at += STEP
    life.publish([("m/it", f'{{"v": 5, "t": "{rfc3339(life.at)}"}}'.encode(), 1)])
    life.receive()
    life.data.worker.take([Event("end", life.at)])
    life.commit()
    assert life.data.store.last() > last
    assert not list(damage(life.data.store.path, last))


# -- connections ----------------------------------------------------------------------------------


def left(journal: Journal, number: int, session: int, counts: tuple[int, int]) -> None:
    """A connection that ended with messages for which there was no time."""
    for qos, count in enumerate(counts):
        batch = RawBatch([1] * count, ["t"] * count, [b""] * count, [0] * count, [qos] * count)
        read = (counts[0], counts[1] * qos)
        ending = "stopped" if qos else None
        reception = Reception(number, session, 5, 6, read, ending)
        journal.append((), (), reception, by_qos(batch, LEFT))


def test_messages_left_at_a_stop_are_lost_at_qos_0_and_at_qos_1_only_with_the_session(
    tmp_path: Path, config: Config
) -> None:
    with ExitStack() as stack:
        Data(config, tmp_path, stack)
    with closing(Journal(tmp_path / JOURNAL)) as journal:
        left(journal, 1, 1, (2, 3))
        left(journal, 2, 1, (0, 4))  # the three have come again, with one more
        assert audit(tmp_path / LEDGER, tmp_path / JOURNAL, []).lost == (2, 0)
        journal.append([Event("session_lost", 9, {"session": 1})])
        found = audit(tmp_path / LEDGER, tmp_path / JOURNAL, [])
    assert found.lost == (2, 4)
    assert not found.failed
    assert [(gap.kind, gap.messages) for gap in found.gaps] == [("left", 2)]


def test_connections_of_long_ago_are_one_sum(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "KEPT", 3)
    with ExitStack() as stack:
        Data(config, tmp_path, stack)
    with closing(Journal(tmp_path / JOURNAL)) as journal:
        for number in range(1, 9):
            left(journal, number, 1 if number < 3 else 2, (1, 2))
    found = audit(tmp_path / LEDGER, tmp_path / JOURNAL, [])
    assert [one.number for one in found.connections] == [0, 6, 7, 8]
    assert found.lost == (8, 2)  # what was left when session 1 was lost, and it alone
    assert not found.failed


def test_a_connection_of_a_process_that_was_killed_says_so(tmp_path: Path, config: Config) -> None:
    with ExitStack() as stack:
        Data(config, tmp_path, stack)
    with closing(Journal(tmp_path / JOURNAL)) as journal:
        batch = RawBatch([1, 2], ["t", "t"], [b"", b""], [0, 3], [0, 1], session=1)
        journal.append([batch], (), Reception(1, 1, 5, 6, (1, 1)))
    with closing(Journal(tmp_path / JOURNAL)) as journal:
        journal.append([batch], (), Reception(1, 1, 7, 8, (1, 1)))
        found = audit(tmp_path / LEDGER, tmp_path / JOURNAL, [])
    assert [one.ending for one in found.connections] == [None, "killed", None]
    assert [(gap.kind, gap.start) for gap in found.gaps] == [("killed", 6)]


def test_what_nobody_can_explain_is_told_by_its_connection() -> None:
    one = Connection(3, 1, 5, 6, None, ({}, {"read": 7, "journalled": 4, "redelivered": 1}))
    assert (one.unexplained(0), one.unexplained(1)) == (0, 2)
