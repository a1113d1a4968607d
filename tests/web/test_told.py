"""What single readings were taken for, meter by meter: counted, told in words, seen on the page."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.core.facility import MINUTE
from greendc.core.words import CLOCK_AHEAD, OF_USED, SILENT, Word
from greendc.explain import explain
from greendc.outcomes import JUDGEMENTS, REFUSALS
from greendc.ports import Columns, RawBatch
from greendc.sinks.prometheus import render
from greendc.web import meters
from tests.web.browser import DESK, PHONE, chromium, opened
from tests.web.kit import Scene, served

BEGIN = parse_rfc3339("2025-03-01T08:00:00Z")
TEXT = """
sites:
  - id: hall
    name: Hall
    zone: Europe/Berlin
    rated_it_w: 10e3
    topics: [{topic: "m/{meter}", value: v, time_at: t}]
    meters:
      - {id: rack-1, point: pdu_out, unit: W, kind: instant, spike: 500, sentinels: [65535]}
      - {id: rack-2, point: pdu_out, unit: W, kind: instant, frozen_after: 10min}
      - {id: feed, point: util, unit: Wh, quantity: energy, kind: register, rating_w: 10e3}
      - {id: cold-aisle, point: t_supply, unit: degC, range: [0, 60]}
"""


def payloads(minute: int) -> Iterator[tuple[str, Any]]:
    """Minute by minute: a spike, sentinels, a frozen rack, a reset, a sensor that cannot be."""
    rack = {20: 9000.0, 30: 65535, 31: 65535}.get(minute, 1000.0 + minute % 3)
    yield "rack-1", rack
    yield "rack-2", 800.0 if minute > 15 else 800.0 + minute
    yield "feed", 1000.0 + 30 * minute if minute < 40 else 30.0 * (minute - 40)
    yield "cold-aisle", 4000.0 if minute == 25 else "n/a" if minute == 26 else 22.0


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("told")
    (folder / "site.yaml").write_text(TEXT, "utf-8")
    one = Scene(folder, site=folder / "site.yaml")
    for minute in range(75):
        at = BEGIN + minute * MINUTE
        rows = list(payloads(minute))
        body = [json.dumps({"v": value, "t": rfc3339(at)}).encode() for _, value in rows]
        none = [0] * len(rows)
        one.take(RawBatch([at] * len(rows), [f"m/{name}" for name, _ in rows], body, none, none))
    one.show()
    yield one
    one.close()


def clock(text: str) -> int:
    return parse_rfc3339(f"2025-03-01T{text}:00Z") // 1_000_000


def test_each_meter_tells_which_words_how_often_and_when_last(scene: Scene) -> None:
    told = meters.table(scene.board, "hall", 0)
    words = {m["meter"]: row[5] for m, row in zip(told["meters"], told["rows"], strict=True)}
    assert words == {
        "rack-1": {"spike": [1, clock("08:20")], "sentinel": [2, clock("08:31")]},
        "rack-2": {"frozen": [32, clock("08:57")]},  # those later than the lateness are still held
        "feed": {"reset": [1, clock("08:40")]},
        "cold-aisle": {"out_of_range": [1, clock("08:25")], "not_a_number": [1, clock("08:26")]},
    }


def test_prometheus_has_them_by_meter(scene: Scene) -> None:
    text = render(scene.board, 0, None)[0].decode()
    name = "greendc_meter_left_out_readings_total"
    assert f'{name}{{meter="rack-1",reason="sentinel",site="hall"}} 2.0' in text
    assert f'{name}{{meter="cold-aisle",reason="out_of_range",site="hall"}} 1.0' in text
    assert f'{name}{{meter="feed"' not in text  # a reset is used


def test_explain_tells_them_with_the_figure(scene: Scene) -> None:
    text = explain(scene.config, "e_it", BEGIN + 30 * MINUTE, "cell", None, scene.path.parent)
    assert "readings that were not taken as they are (by full hours)" in text
    assert "rack-1: 2 sentinel, 1 spike" in text


def test_every_word_has_a_sentence() -> None:
    assert {CLOCK_AHEAD, *(word.label for word in Word if word not in SILENT)} == {
        *JUDGEMENTS,
        "out_of_range",
    }
    used = {"dip", "jump", "lapped", "reset", "rollover", "replaced", CLOCK_AHEAD}
    assert {w for w in JUDGEMENTS if w in OF_USED} == used
    listed = (Columns.__doc__ or "").split("was refused:")[1].split(".")[0]
    of_messages = {"unbound", "too_long"}
    assert set(re.findall(r"`(\w+)`", listed)) == {*REFUSALS, *of_messages}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def page(browser: Browser, scene: Scene, request: pytest.FixtureRequest) -> Iterator[Page]:
    with served(scene) as server, opened(browser, server.url, request.param) as (found, noted):
        found.wait_for_selector("#connection[data-state=live]")
        yield found
    assert noted.complaints == []


def test_the_page_tells_in_words_a_person_on_call_understands(page: Page) -> None:
    rows = page.locator("#meters tbody tr")
    expect(rows).to_have_count(4)
    assert rows.evaluate_all("(all) => all.map((it) => it.dataset.meter)")[-1] == "feed"
    expect(page.locator("#qualities")).to_contain_text("3 with readings left out in 24 h")
    rack = page.locator("[data-meter='rack-1'] button.told")
    expect(rack).to_have_text("3 left out, last Sat 1 Mar, 09:31")
    expect(page.locator("[data-meter='feed'] button.told")).to_contain_text("1 reset, last")
    rack.click()
    expect(rack).to_have_attribute("aria-expanded", "true")
    told, fate = page.locator("tr.told li"), "Left out of every figure; last"
    expect(told).to_have_text(
        [
            f"sentinel \u00d7 2: {REFUSALS['sentinel']}. {fate} Sat 1 Mar, 09:31.",
            f"spike \u00d7 1: {JUDGEMENTS['spike']}. {fate} Sat 1 Mar, 09:20.",
        ]
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    rack.click()
    expect(told).to_have_count(0)
