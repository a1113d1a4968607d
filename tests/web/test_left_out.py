"""A meter that reported and was not believed is not told as one that said nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from greendc.calendars import rfc3339
from greendc.config import load
from greendc.core.facility import EVER, HOUR, MINUTE
from greendc.core.refusing import Refusing
from greendc.ports import RawBatch
from greendc.queries import Ledger
from greendc.replay import Options, replay
from greendc.snapshots import MeterTag
from greendc.watch.watch import NOTHING_YET, Watch
from greendc.web import meters
from greendc.web.gaps import _Asked
from greendc.web.silences import Together
from greendc.web.state import state
from tests.cases.case import FOLDER
from tests.web.browser import DESK, chromium, opened
from tests.web.kit import Scene, served

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


# -- now ------------------------------------------------------------------------------------------

SITE = """
sites:
  - id: hall
    zone: Europe/Berlin
    rated_it_w: 10e3
    topics: [{topic: "m/{meter}", value: v, time_at: t, time: payload}]
    meters:
      - {id: rack, point: pdu_out, unit: W, kind: mean_next, nominal: 1min, frozen_after: 10min}
      - {id: feed, point: util, unit: W, kind: mean_next, nominal: 1min}
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A rack that says `online` from minute 20 to minute 40, without a time, and then nothing."""
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    one = Scene(tmp_path, site=tmp_path / "site.yaml")
    for minute in range(41):
        heard(one, minute, "rack", "feed")
    one.show()
    yield one
    one.close()


def heard(scene: Scene, minute: int, *names: str) -> None:
    at = BEGIN + minute * MINUTE
    good = json.dumps({"v": 1000 + minute % 3, "t": rfc3339(at)}).encode()
    body = [b"online" if name == "rack" and minute >= 20 else good for name in names]
    none = [0] * len(names)
    scene.take(RawBatch([at] * len(names), [f"m/{name}" for name in names], body, none, none))


def quality(scene: Scene) -> tuple[str, str | None]:
    """What the table says of the rack."""
    row = meters.table(scene.board, "hall", 0)["rows"][0]
    return row[3], row[6]


def test_a_meter_that_says_what_nobody_understands_is_not_silent(scene: Scene) -> None:
    assert quality(scene) == ("left_out", "not_json")
    power = {one["name"]: one["reason"] for one in state(scene.board, "hall", 0)["power"]}
    assert power["e_it"] == "not_json"
    for minute in range(41, 50):
        heard(scene, minute, "feed")
    scene.show()
    assert quality(scene)[0] == "stale"
    assert state(scene.board, "hall", 0)["power"][1]["reason"] == "silent"


def test_a_meter_that_is_not_believed_for_long_has_its_word(scene: Scene) -> None:
    for minute in range(41, 50):
        heard(scene, minute, "feed")
    scene.show()
    one = Refusing("frozen", BEGIN, BEGIN + 35 * MINUTE, BEGIN)  # the lateness behind
    scene.board.health = replace(scene.board.health, refusing={"hall": {"rack": one}})
    assert quality(scene) == ("left_out", "frozen")


def test_the_page_shows_the_word_where_silent_would_stand(scene: Scene) -> None:
    with (
        served(scene) as server,
        chromium() as browser,
        opened(browser, server.url, DESK) as (page, noted),
    ):
        page.wait_for_selector("#connection[data-state=live]")
        expect(page.locator("[data-meter='rack'] .quality")).to_have_text("not json")
        expect(page.locator("#qualities")).to_contain_text("1 left out")
        expect(page.locator("#power-now [data-name='e_it']")).to_contain_text("not json")
    assert noted.complaints == []
