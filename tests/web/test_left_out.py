"""A meter that reported and was not believed is not told as one that said nothing."""

from dataclasses import replace
from pathlib import Path

from greendc.config import load
from greendc.core.facility import EVER, HOUR, MINUTE
from greendc.core.refusing import Refusing
from greendc.queries import Ledger
from greendc.replay import Options, replay
from greendc.snapshots import MeterTag
from greendc.watch.watch import NOTHING_YET, Watch
from greendc.web.gaps import _Asked
from greendc.web.silences import Together
from tests.cases.case import FOLDER

BEGIN = 1_740_787_200 * 10**9  # 2025-03-01T00:00:00Z
CASE = FOLDER / "B7-refused-is-not-silent"
RACK = MeterTag(
    "hall", "rack", "pdu_out", "power", "mean_next", "electricity", None, None, None,
    5 * MINUTE, 15 * MINUTE,
)  # fmt: skip


def test_an_hour_of_sentinels_is_told_by_its_word_and_silence_as_silence(tmp_path: Path) -> None:
    """From 01:00 to 02:00 sentinels, then nothing for half an hour; later a frozen value."""
    replay([CASE / "log.jsonl"], load(CASE / "site.yaml"), Options(keep=tmp_path))
    asked = _Asked("hall", [RACK], BEGIN, BEGIN + 4 * HOUR)
    board = Watch().board
    with Ledger(tmp_path / "ledger.db") as ledger:

        def told(lo: int, hi: int) -> str | None:
            return asked.left_out(ledger, board, Together(lo, hi, [0]))

        assert told(BEGIN + HOUR, BEGIN + 2 * HOUR) == "sentinel"
        assert told(BEGIN + 2 * HOUR, BEGIN + 150 * MINUTE) is None
        lasting = BEGIN + 3 * HOUR, EVER
        assert told(*lasting) is None
        one = Refusing("frozen", BEGIN + 3 * HOUR, BEGIN + 4 * HOUR, BEGIN)
        board.health = replace(NOTHING_YET, refusing={"hall": {"rack": one}})
        assert told(*lasting) == "frozen"
