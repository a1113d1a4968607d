"""A store that was put back from a backup has everything sent again: the runbook's way."""

import shutil
from contextlib import closing
from pathlib import Path

from greendc.config.models import Mqtt
from greendc.config.sinks import JsonlSink
from greendc.files import LEDGER
from greendc.sinks import Sinks, Surroundings
from greendc.store import Store, StoredLedger
from tests.small import ledger_folder

__all__ = ["ledger_folder"]  # a fixture

PATIENCE = 60.0
FILE = "figures.jsonl"


def run(folder: Path, name: str) -> None:
    """A run of the daemon, as far as its sink is concerned."""
    configured = JsonlSink(kind="jsonl", name=name, path=Path(FILE))
    path = folder / LEDGER
    sinks = Sinks([configured], Surroundings(folder, Mqtt()), lambda: StoredLedger(path))
    sinks.start()
    sinks.finish(PATIENCE)
    with closing(Store(path)) as store:
        for sink, passed in sinks.passed():
            store.begin()
            store.move_cursor(sink, passed.position, passed.counts)
            store.commit()
    sinks.stop()


def test_under_another_name_a_sink_sends_all_figures_again(
    ledger_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(ledger_folder / "data", tmp_path, dirs_exist_ok=True)
    run(tmp_path, "history")
    whole = (tmp_path / FILE).read_bytes()
    assert whole
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])  # as a backup of before has it
    run(tmp_path, "history")
    assert (tmp_path / FILE).read_bytes()[: len(whole)] != whole
    (tmp_path / FILE).unlink()
    run(tmp_path, "history-2")
    assert (tmp_path / FILE).read_bytes() == whole
