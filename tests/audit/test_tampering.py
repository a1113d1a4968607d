"""Whatever is changed in the files of a data folder afterwards, the audit names the account."""

# ruff: noqa: S608 - the statements are this file's own

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from greendc.app import audited
from greendc.audit import as_text, audit
from greendc.config import Config, load
from greendc.files import JOURNAL, LEDGER
from greendc.ports import GreendcError
from greendc.store.chain import extend
from greendc.store.packing import Packing
from tests.audit.kit import Life
from tests.audit.test_balance import SITE
from tests.audit.test_mutants import lived

EARLY = "before"  # folder with the same files as of an earlier time
BLOCK = "(SELECT first FROM entry WHERE kind IS NULL AND count > 1 ORDER BY first LIMIT 1 OFFSET 3)"
FIGURES = "(SELECT id FROM block ORDER BY id LIMIT 1 OFFSET 3)"
LAST = "(SELECT max(id) FROM block)"
NEXT = "(SELECT max(id) + (SELECT number FROM block ORDER BY id DESC LIMIT 1) FROM block)"
Deed = Callable[[Path], object]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder after a life with stops, and itself as it was before."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch, Life(configured(folder), patch) as life:
        lived(life)
        life.stop()
        early = folder.with_name(EARLY)
        shutil.copytree(folder / "data", early)
        life.at += 1
        lived(life)
        life.stop()
        life.sink()
        life.stop()
        assert audited(life.config).failed == []
        shutil.move(early, folder / EARLY)
        yield folder


def configured(folder: Path) -> Config:
    path = folder / "site.yaml"
    path.write_text(f"data: {folder / 'data'}\n{SITE}")
    return load(path)


def sql(name: str, *statements: str) -> Deed:
    def done(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "data" / name, isolation_level=None)) as db:
            for statement in statements:
                assert db.execute(statement).rowcount > 0, statement

    return done


def spoiled(name: str, table: str, where: str) -> Deed:
    """One byte of a block is another."""

    def done(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "data" / name, isolation_level=None)) as db:
            (body,) = db.execute(f"SELECT body FROM {table} WHERE {where}").fetchone()
            middle = len(body) // 2
            other = body[:middle] + bytes([body[middle] ^ 255]) + body[middle + 1 :]
            db.execute(f"UPDATE {table} SET body = ? WHERE {where}", (other,))

    return done


def other_value(folder: Path) -> None:
    """A figure of a block that is good in itself is another."""
    with closing(sqlite3.connect(folder / "data" / LEDGER, isolation_level=None)) as db:
        asked = f"SELECT id, period, body FROM block WHERE id = {FIGURES}"
        number, period, body = db.execute(asked).fetchone()
        packing = Packing()
        figures, _ = packing.unpacked([body], period)
        figures.value[0] += 1.0
        db.execute("UPDATE block SET body = ? WHERE id = ?", (packing.packed(figures), number))


def back(*names: str) -> Deed:
    """Files as they were before."""

    def done(folder: Path) -> None:
        for name in names:
            for path in (folder / "data").glob(f"{name}*"):
                path.unlink()
            for path in (folder / EARLY).glob(f"{name}*"):
                shutil.copy(path, folder / "data")

    return done


def gone(name: str) -> Deed:
    """A file with what belongs to it."""

    def done(folder: Path) -> None:
        for path in (folder / "data").glob(f"{name}*"):
            path.unlink()

    return done


def both(*deeds: Deed) -> Deed:
    return lambda folder: [deed(folder) for deed in deeds]


DEEDS = {
    "a block is gone": (sql(JOURNAL, f"DELETE FROM entry WHERE first = {BLOCK}"), "journal file"),
    "a message less": (
        sql(JOURNAL, f"UPDATE entry SET count = count - 1 WHERE first = {BLOCK}"),
        "journal file",
    ),
    "a block twice": (
        sql(
            JOURNAL,
            "INSERT INTO entry SELECT first + 1, count, session, kind, arrival, body "
            f"FROM entry WHERE first = {BLOCK}",
        ),
        "journal file",
    ),
    "another byte": (spoiled(JOURNAL, "entry", f"first = {BLOCK}"), "journal file"),
    "figures are gone": (sql(LEDGER, f"DELETE FROM block WHERE id = {FIGURES}"), "ledger file"),
    "the last figures are gone": (
        sql(LEDGER, f"DELETE FROM block WHERE id = {LAST}"),
        "ledger file",
    ),
    "figures twice": (
        sql(
            LEDGER,
            f"INSERT INTO block SELECT {NEXT}, number, site, period, part, first, last, revised, "
            f"body FROM block WHERE id = {FIGURES}",
        ),
        "ledger file",
    ),
    "a figure in another block": (
        sql(
            LEDGER,
            f"UPDATE block SET number = number + 1 WHERE id = {FIGURES}",
            f"UPDATE block SET number = number - 1 WHERE id = {LAST}",
        ),
        "ledger file",
    ),
    "another byte of figures": (spoiled(LEDGER, "block", f"id = {FIGURES}"), "ledger file"),
    "a configuration is gone": (sql(LEDGER, "DELETE FROM config"), "ledger file"),
    "the newest is not known": (
        sql(LEDGER, "DELETE FROM latest WHERE quantity = 1"),
        "ledger file",
    ),
    "a figure has another value": (other_value, "ledger file"),
    "the last figures are gone, and their count": (
        sql(
            LEDGER,
            "UPDATE passed SET number = number - "
            f"(SELECT number FROM block WHERE id = {LAST}) WHERE outcome = 'written' AND sink = ''",
            f"DELETE FROM block WHERE id = {LAST}",
        ),
        "ledger file",
    ),
    "two meters have each other's names": (
        sql(
            LEDGER,
            "UPDATE quantity SET name = 'other' WHERE name = 'it'",
            "UPDATE quantity SET name = 'it' WHERE name = 'pump'",
            "UPDATE quantity SET name = 'pump' WHERE name = 'other'",
        ),
        "ledger file",
    ),
    "a configuration says something else": (
        sql(LEDGER, "UPDATE config SET body = body || x'00' WHERE id = 1"),
        "ledger file",
    ),
    "an event says something else": (
        sql(LEDGER, "UPDATE event SET arrival = arrival + 1 WHERE id = 2"),
        "ledger file",
    ),
    "archived readings are gone bad": (
        sql(LEDGER, "UPDATE archive SET body = substr(body, 1, 30)"),
        "ledger file",
    ),
    "an event is gone": (sql(LEDGER, "DELETE FROM event WHERE id = 2"), "ledger events"),
    "the last event is gone": (
        sql(LEDGER, "DELETE FROM event WHERE id = (SELECT max(id) FROM event)"),
        "ledger events",
    ),
    "an event is gone, and its count": (
        sql(
            LEDGER,
            "DELETE FROM event WHERE id = 2",
            "UPDATE passed SET number = number - 1 WHERE sink = '' AND outcome = 'noted'",
        ),
        "ledger events",
    ),
    "archived readings are gone": (
        sql(LEDGER, "DELETE FROM archive WHERE id = (SELECT min(id) FROM archive)"),
        "ledger archive",
    ),
    "the journal is gone": (gone(JOURNAL), "journal file"),
    "hours of a meter are gone": (sql(LEDGER, "DELETE FROM judged WHERE number > 0"), "meters"),
    "a cursor moved": (sql(LEDGER, "UPDATE cursor SET position = position - 5"), "sink jsonl"),
    "another journal": (back(JOURNAL), "ledger"),
    "an old ledger, and what is between is let go of": (
        both(
            back(LEDGER),
            sql(JOURNAL, "DELETE FROM entry WHERE first < (SELECT max(first) FROM entry)"),
        ),
        "ledger",
    ),
}


@pytest.mark.parametrize("name", DEEDS)
def test_it_is_found_and_named(kept: Path, tmp_path: Path, name: str) -> None:
    deed, account = DEEDS[name]
    folder = tmp_path / "site"
    shutil.copytree(kept, folder, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
    deed(folder)
    found = audited(configured(folder))
    assert account in found.failed, as_text(found)


def test_what_fits_its_digests_again_does_not_fit_a_seal(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(kept, folder, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
    config = configured(folder)
    before = audit(folder / EARLY / LEDGER, folder / EARLY / JOURNAL, []).seal
    assert before != audited(config).seal
    assert audited(config, noted=before).failed == []
    other_value(folder)
    with closing(sqlite3.connect(folder / "data" / LEDGER, isolation_level=None)) as db:
        db.execute("DELETE FROM chain")
        extend(db)
    assert audited(config).failed == []
    assert audited(config, noted=before).failed == ["ledger file"]
    assert f"not what was sealed as {before}" in as_text(audited(config, noted=before))


@pytest.mark.parametrize("noted", ["", "7", "1-2-3:ab", "1-2-3-x:ab"])
def test_what_is_no_seal_is_refused(kept: Path, noted: str) -> None:
    with pytest.raises(GreendcError, match="not a seal"):
        audited(configured(kept), noted=noted)


def test_an_old_ledger_beside_the_whole_journal_only_lags(kept: Path, tmp_path: Path) -> None:
    """As after a kill: the next start takes in the rest."""
    folder = tmp_path / "site"
    shutil.copytree(kept, folder, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
    back(LEDGER)(folder)
    found = audited(configured(folder))
    (behind,) = [e for e in found.equations if (e.name, e.about) == ("ledger", "")]
    assert behind.terms["not yet"] > 0
    assert [name for name in found.failed if not name.startswith("sink")] == []


def test_the_quick_look_counts_only(kept: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    shutil.copytree(kept, folder, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
    spoiled(JOURNAL, "entry", f"first = {BLOCK}")(folder)
    config = configured(folder)
    assert audited(config, whole=False).failed == []
    assert audited(config).failed == ["journal file"]
