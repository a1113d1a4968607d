"""The benchmark works from end to end, at a tiny size."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.load import Load
from tests.bench.subjects import GREENDC
from tests.bench.trials import LostError, trial
from tests.servers.support import PROJECT


def test_every_line_of_the_table_has_a_number_for_greendc(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "short", "--only", "greendc"]
    done = subprocess.run(
        [*command, "--data", str(tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    head, dashes, *rows = (line for line in done.stdout.splitlines() if line.startswith("|"))
    assert re.fullmatch(r"\| \| greendc \S+ \|", head)
    assert dashes == "|:--|--:|"
    assert len(rows) == 13
    for row in rows:
        assert re.search(r"\| [\d,.]+ (?:/s|µs|ms|MB|s)(?: \(.*\))? \|$", row), row
    assert not list(tmp_path.iterdir())  # nothing is left behind


def test_what_is_missing_is_found(tmp_path: Path) -> None:
    load = Load(points=3, begin=time.time() - 60)
    with trial(GREENDC, tmp_path / "trial", load, 1) as at:
        at.cost(rounds=2)
        at.published += 1
        with pytest.raises(LostError, match="greendc has 9 of 10 messages"):
            at.cost(rounds=1)
        at.published -= 1
        at.turn += 1
        with pytest.raises(LostError, match="3 of 3 topics without the last value"):
            at._compare(at.subject.scrape())
