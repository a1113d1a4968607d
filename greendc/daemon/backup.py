"""Copies of a data folder, taken while its daemon goes on working, and their way back."""

import calendar
import hashlib
import json
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec

from greendc import __version__
from greendc.calendars import rfc3339
from greendc.config import Config
from greendc.core.facility import SECOND
from greendc.daemon.data import locked
from greendc.files import JOURNAL, LEDGER, MODE, why
from greendc.ports import GreendcError
from greendc.store import connect

PARTIAL = ".partial"
MANIFEST = "backup.json"
CONFIGURATION = "config"
PAGES_A_STEP = 2048  # between two looks at whether to go on
CHUNK = 1 << 22
NAMED = re.compile(r"greendc-\d{8}T\d{6}Z")
LEFT_OUT = "passwords, tokens, keys, certificates and the files that sinks have written"

GoOn = Callable[[], None]  # raises GreendcError where the copying is to end


def for_ever() -> None:
    """Go on to the end."""


def back_up(config: Config, folder: Path, target: Path, go_on: GoOn = for_ever) -> str:
    """Copy journal, ledger and configuration of a data folder into a new one, whole or not at all.

    The ledger is copied first, so that it is never ahead of the journal. Whoever calls this
    beside a daemon sees to it that the journal drops nothing meanwhile.

    Raises
    ------
    GreendcError
        If anything cannot be copied; nothing is left behind.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise GreendcError(f"{target}: is there already; name a new folder")
    with _told(target), _partial(target) as part:
        files = {}
        for name in (LEDGER, JOURNAL):
            _copy_database(folder / name, part / name, go_on)
            files[name] = _digest(part / name, go_on)
        done_to, last = _ends(part)
        if done_to > last:
            raise GreendcError(f"{target}: the ledger's copy is ahead of the journal's")
        for name in _copy_configuration(config, part / CONFIGURATION):
            files[f"{CONFIGURATION}/{name}"] = _digest(part / CONFIGURATION / name, go_on)
        manifest = {
            "greendc": __version__,
            "taken": rfc3339(time.time_ns() // 10**9 * 10**9),
            "journal_last": last,
            "ledger_done_to": done_to,
            "sha256": files,
            "left_out": LEFT_OUT,
        }
        (part / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        size = sum(path.stat().st_size for path in part.rglob("*"))
    return f"{target}: {size / 2**20:.1f} MiB, journal to entry {last}; left out: {LEFT_OUT}"


@contextmanager
def _told(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise GreendcError(f"{target}: cannot make this backup: {why(error)}") from error


@contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """A folder beside the target that takes its name when all is in it."""
    part = target.with_name(f"{target.name}{PARTIAL}")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True, mode=0o700)
    try:
        yield part
        part.replace(target)
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(part)


def _copy_database(source: Path, target: Path, go_on: GoOn) -> None:
    def progress(_status: int, _left: int, _total: int) -> None:
        go_on()

    if not source.exists():
        raise GreendcError(f"{source}: nothing here to back up yet")
    with closing(connect(source, readonly=True)) as db, closing(sqlite3.connect(target)) as copy:
        # A transaction of our own: without it every commit of the daemon would begin it anew.
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        db.backup(copy, pages=PAGES_A_STEP, progress=progress, sleep=0.0)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, to be read from any medium
        copy.set_progress_handler(lambda: _wants_to_end(go_on), 100_000)
        (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise GreendcError(f"{source}: the copy is damaged: {found}")


def _wants_to_end(go_on: GoOn) -> bool:
    try:
        go_on()
    except GreendcError:
        return True
    return False


def _digest(path: Path, go_on: GoOn = for_ever) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(CHUNK):
            go_on()
            found.update(part)
    return found.hexdigest()


def _ends(folder: Path) -> tuple[int, int]:
    """The last journal entry in the ledger, and the journal's last."""
    with closing(connect(folder / LEDGER, readonly=True)) as db:
        row = db.execute("SELECT value FROM meta WHERE key = 'state'").fetchone()
    with closing(connect(folder / JOURNAL, readonly=True)) as db:
        (last,) = db.execute("SELECT last FROM head").fetchone()
    return (0 if row is None else msgspec.msgpack.decode(row[0])["done_to"]), int(last)


def _copy_configuration(config: Config, target: Path) -> list[str]:
    """The file and the series that it names; those outside its folder go by their names alone."""
    if config.file is None:
        return []
    home = config.file.parent
    names = []
    for path in dict.fromkeys((config.file, *config.series_files)):
        inside = path.is_relative_to(home) and ".." not in path.parts
        name = path.relative_to(home) if inside else Path(path.name)
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)
        names.append(name.as_posix())
    return names


# -- many of them ---------------------------------------------------------------------------------


def backup_name(moment: float) -> str:
    """Name of a backup by when it was taken, so that names sort as times do.

    >>> backup_name(0)
    'greendc-19700101T000000Z'
    """
    return time.strftime("greendc-%Y%m%dT%H%M%SZ", time.gmtime(moment))


def newest_backup(folder: Path) -> int | None:
    """When the newest whole backup of a folder was taken [ns]; None where there is none."""
    try:
        found = whole_backups(folder)
    except OSError:
        return None
    if not found:
        return None
    moment = time.strptime(found[-1].name, "greendc-%Y%m%dT%H%M%SZ")
    return calendar.timegm(moment) * SECOND


def whole_backups(folder: Path) -> list[Path]:
    """The backups that are complete, oldest first."""
    found = (path.parent for path in folder.glob(f"greendc-*/{MANIFEST}"))
    return sorted(path for path in found if NAMED.fullmatch(path.name))


def drop_oldest(folder: Path, keep: int) -> list[str]:
    """Remove all but the newest backups of a folder, and what a kill has left half done."""
    for path in folder.glob(f"greendc-*{PARTIAL}"):
        if NAMED.fullmatch(path.name.removesuffix(PARTIAL)):
            shutil.rmtree(path)
    gone = whole_backups(folder)[:-keep]
    for path in gone:
        shutil.rmtree(path)
    return [path.name for path in gone]


# -- and back -------------------------------------------------------------------------------------


def restore(source: Path, config: Config) -> str:
    """Put a backup's journal and ledger into the configured data folder, which has none yet.

    Raises
    ------
    GreendcError
        If the backup is not whole, or the folder in use or not empty.
    """
    digests = _manifest(source)
    folder = config.data
    with locked(folder):
        for name in (JOURNAL, LEDGER):
            if found := sorted(folder.glob(f"{name}*")):
                raise GreendcError(f"{found[0]}: is there already; move it away first")
        for name in (JOURNAL, LEDGER):
            if _digest(source / name) != digests.get(name):
                raise GreendcError(f"{source / name}: is not what was backed up")
        with _told(folder):
            for name in (JOURNAL, LEDGER):
                shutil.copyfile(source / name, folder / f"{name}.restored")
                (folder / f"{name}.restored").chmod(MODE)
            for name in (JOURNAL, LEDGER):
                (folder / f"{name}.restored").replace(folder / name)
    return f"{folder}: restored; the configuration of the backup is in {source / CONFIGURATION}"


def _manifest(source: Path) -> dict[str, str]:
    try:
        found = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
        return dict(found["sha256"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise GreendcError(f"{source}: no backup of greendc: {MANIFEST}: {why(error)}") from error
