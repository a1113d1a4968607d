"""A load on two feeds counts once, and shows which feed carries it and whether one could fail."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.core.facility import HOUR, MINUTE
from greendc.explain import explain
from greendc.ports import RawBatch
from greendc.sinks.prometheus import render
from greendc.web.state import state
from tests.web.browser import DESK, PHONE, chromium, opened
from tests.web.kit import Scene, served

BEGIN = parse_rfc3339("2025-03-01T00:00:00Z")
METER = "{{id: {0}, quantity: power, unit: W, kind: instant, nominal: 60s}}"
GAP = "\u00a0"
FEEDS = ("a1", "b1", "a2", "b2", "a3", "b3")
TEXT = f"""
sites:
  - id: hall
    name: Hall
    zone: UTC
    rated_it_w: 10e3
    lateness: 2min
    topics: [{{topic: "m/{{meter}}", value: v, time_at: t}}]
    meters:
{chr(10).join("      - " + METER.format(name) for name in FEEDS)}
    derived:
      - {{id: idle, point: it_in, sum: [a1, b1], redundant: true}}
      - {{id: failed, point: it_in, sum: [a2, b2], redundant: true}}
      - {{id: gone, point: it_in, sum: [a3, b3], redundant: true}}
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("feeds")
    (folder / "site.yaml").write_text(TEXT, "utf-8")
    one = Scene(folder, site=folder / "site.yaml")
    for minute in range(80):
        rows = {"a1": 195.0, "b1": 5.0, "a2": 200.0, "b2": 0.0, "a3": 100.0}
        if minute < 70:
            rows["b3"] = 100.0
        send(one, BEGIN + minute * MINUTE, rows)
    one.show()
    yield one
    one.close()


def send(one: Scene, at: int, rows: dict[str, float]) -> None:
    body = [json.dumps({"v": watts, "t": rfc3339(at)}).encode() for watts in rows.values()]
    none = [0] * len(rows)
    one.take(RawBatch([at] * len(rows), [f"m/{name}" for name in rows], body, none, none))


def told(one: Scene) -> dict[str, Any]:
    return {load["name"]: load for load in state(one.board, "hall", 0)["redundancy"]}


def test_each_feed_has_its_share_and_the_load_is_counted_once(scene: Scene) -> None:
    found = told(scene)
    states = {name: load["state"] for name, load in found.items()}
    assert states == {"idle": "redundant", "failed": "lost", "gone": "unknown"}
    assert [load["watts"] for load in found.values()] == [200.0, 200.0, None]
    assert [feed["share"] for feed in found["idle"]["feeds"]] == [0.975, 0.025]
    assert [feed["state"] for feed in found["failed"]["feeds"]] == ["carries", "idle"]
    assert [feed["state"] for feed in found["gone"]["feeds"]] == ["carries", "unknown"]
    powers = {one["name"]: one["watts"] for one in state(scene.board, "hall", 0)["power"]}
    assert powers["e_it"] is None  # one of its feeds is silent


def test_prometheus_has_those_that_are_known(scene: Scene) -> None:
    text = render(scene.board, 0, None)[0].decode()
    lines = [line for line in text.splitlines() if line.startswith("greendc_load_redundant{")]
    assert lines == [
        'greendc_load_redundant{load="idle",site="hall"} 1.0',
        'greendc_load_redundant{load="failed",site="hall"} 0.0',
    ]


def test_explain_tells_what_each_feed_has_carried(scene: Scene) -> None:
    text = explain(scene.config, "e_it", BEGIN + HOUR // 2, "hour", None, scene.path.parent)
    assert "idle = a1 + b1 = 0.195000 + 0.005000 = 0.200000 kWh" in text
    assert "fed by a1 97.5 %, b1 2.5 %: redundant" in text
    assert "fed by a2 100 %, b2 nothing: redundancy lost" in text
    assert "fed by a3 50 %, b3 50 %: redundant" in text  # in that hour


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page_tells_what_needs_a_look_first(
    browser: Browser, scene: Scene, size: tuple[int, int]
) -> None:
    with served(scene) as server, opened(browser, server.url, size) as (page, noted):
        page.wait_for_selector("#connection[data-state=live]")
        expect(page.locator("#feeds li")).to_have_text(
            [
                f"failed: redundancy lost, b2 at 0a2 200.0{GAP}W, 100{GAP}% · b2 0{GAP}W, 0{GAP}%",
                f"gone: not known to be redundant, b3 silenta3 100.0{GAP}W · b3 silent",
                f"idle: redundanta1 195.0{GAP}W, 97.5{GAP}% · b1 5.00{GAP}W, 2.5{GAP}%",
            ]
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert noted.complaints == []


def test_without_such_loads_nothing_is_shown(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(TEXT.replace(", redundant: true", ""), "utf-8")
    one = Scene(tmp_path, site=tmp_path / "site.yaml")
    try:
        send(one, BEGIN, dict.fromkeys(FEEDS, 1.0))
        one.show()
        assert told(one) == {}
        with served(one) as server, opened(browser, server.url) as (page, _):
            page.wait_for_selector("#connection[data-state=live]")
            assert page.is_hidden("#feeds")
    finally:
        one.close()
