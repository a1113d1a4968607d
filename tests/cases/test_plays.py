"""Cases that are about the running daemon, on a real broker."""

from pathlib import Path

import pytest

from tests.cases.case import cases
from tests.cases.plays import PLAYS, play
from tests.servers.support import Mosquitto

CASES = {case.name: case for case in cases()}


@pytest.mark.parametrize("name", PLAYS)
def test_play(name: str, tmp_path: Path, mosquitto: Mosquitto) -> None:
    play(CASES[name], tmp_path, mosquitto)
