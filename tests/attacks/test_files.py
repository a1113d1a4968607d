"""Files in the data folder: who may read them, and where they are not written to."""

import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from greendc.app import Daemon
from greendc.config import Config, load
from greendc.daemon.data import Data
from greendc.files import JOURNAL, LEDGER
from greendc.ports import GreendcError
from greendc.sinks.jsonl import JsonlFile
from tests.faults.plant import SITE


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "plant.yaml"
    path.write_text(f"{SITE}\ndata: own\n")
    return load(path)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def modes(folder: Path) -> dict[str, str]:
    return {p.name: oct(stat.S_IMODE(p.lstat().st_mode)) for p in folder.iterdir()}


def test_nothing_that_a_daemon_makes_is_for_everyone(config: Config, stack: ExitStack) -> None:
    daemon = Daemon(config, until_idle=None, stack=stack)
    daemon.worker.commit()
    found = modes(config.data)
    daemon.stop()
    daemon.run()
    assert {JOURNAL, LEDGER, "lock", f"{JOURNAL}-wal", f"{LEDGER}-shm"} <= found.keys()
    assert {mode for name, mode in found.items() if name != "control"} == {"0o640"}
    assert oct(stat.S_IMODE(config.data.stat().st_mode)) == "0o750"


@pytest.mark.parametrize("name", [JOURNAL, LEDGER, "lock"])
def test_a_link_laid_for_greendc_is_not_followed(
    config: Config, stack: ExitStack, tmp_path: Path, name: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"")
    config.data.mkdir(mode=0o750)
    (config.data / name).symlink_to(victim)
    with pytest.raises(GreendcError, match=f"{name}: is a link"):
        Data(config, config.data, stack)
    assert victim.read_bytes() == b""


def test_a_sink_writes_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "figures.jsonl").symlink_to(tmp_path / "victim")
    with pytest.raises(GreendcError, match="is a link"):
        JsonlFile(tmp_path / "figures.jsonl").write([], None)  # type: ignore[arg-type]
    assert not (tmp_path / "victim").exists()


def test_a_folder_that_everyone_may_write_to_is_refused(config: Config, stack: ExitStack) -> None:
    config.data.mkdir()
    config.data.chmod(0o1777)
    with pytest.raises(GreendcError, match="give greendc a folder of its own"):
        Data(config, config.data, stack)
    assert not modes(config.data)
