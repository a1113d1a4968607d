"""What people see of a case: what commands print, and what the page shows."""

import shlex
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from greendc.calendars import parse_rfc3339
from greendc.cli import main
from greendc.config import Config
from greendc.core.facility import EVER
from greendc.pipeline import Pipeline
from greendc.ports import RawBatch
from greendc.replay.replaying import numbered
from greendc.snapshots import Board
from greendc.sources.recording import open_entries
from greendc.store import Store
from greendc.watch import Watch
from greendc.web.state import state


def printed(command: str, wanted: Sequence[str], site: Path, data: Path) -> list[str]:
    """Those of the wanted lines that a command prints in this order, up to one that is not there.

    {site} and {data} in the command are the site file and the data folder.
    """
    out = StringIO()
    with redirect_stdout(out):
        code = main([word.format(site=site, data=data) for word in shlex.split(command)])
    assert code == 0, out.getvalue()
    left = iter([line.strip() for line in out.getvalue().splitlines()])
    return [line for line in wanted if line in left]


def state_at(at: str, config: Config, logs: Sequence[Path]) -> dict[str, Any]:
    """What the page shows of the only site once the logs have come as far as `at`."""
    (site,) = config.plan().sites
    return state(board_at(logs, config, parse_rfc3339(at)), site.id, 0)


def board_at(logs: Sequence[Path], config: Config, until: int = EVER) -> Board:
    """What the worker shows once the logs have come so far. [ns]"""
    watch = Watch(wall_clock=False)
    come = [
        entry.rows([row for row, arrival in enumerate(entry.arrivals) if arrival <= until])
        for log in logs
        for entry in open_entries(log)
        if isinstance(entry, RawBatch)
    ]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "ledger.db", durable=False)
        try:
            pipeline = Pipeline(config, store, watch=watch)
            for number, entry in numbered(entry for entry in come if len(entry)):
                pipeline.handle(number, entry)
            pipeline.commit()
            watch.show(now=True)
        finally:
            store.close()
    return watch.board
