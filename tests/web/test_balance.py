"""Whether it adds up, as page, API and /metrics tell it."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.balance.sites import simulated
from tests.web.browser import DESK, PHONE, chromium, opened
from tests.web.kit import Scene, served

HOURS = 5
ALL = 10_000  # entries


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("balance")
    fault = ("missing_phase", "ups-a.ups_out", None)
    site, log = simulated(folder, "edge-room", hours=HOURS, fault=fault)
    scene = Scene(folder, site, log).play(ALL)
    with served(scene) as server:
        yield server.url
    scene.close()


def test_the_api_has_nodes_and_findings(url: str) -> None:
    balance = httpx.get(f"{url}/api/v1/state").json()["balance"]
    nodes = {node["node"]: node for node in balance["nodes"]}
    assert nodes["ups-a.ups_out"]["verdict"] == "too_much_out"
    assert nodes["feed-a.util"]["verdict"] == "balanced"
    assert nodes["ups-a.ups_out"]["difference_share"] == pytest.approx(-1 / 3, abs=0.02)
    (found,) = balance["findings"]
    first = found["suspects"][0]
    assert (found["kind"], first["meter"], first["multiplier"]) == ("phase", "ups-a.ups_out", 1.5)
    assert found["since"] == "2025-06-02T00:00:00Z"


def test_metrics_tell_the_same(url: str) -> None:
    text = httpx.get(f"{url}/metrics").text
    off = 'greendc_balance_off{node="%s",site="edge-room"} %s'
    assert off % ("ups-a.ups_out", "1.0") in text
    assert off % ("feed-a.util", "0.0") in text
    assert 'greendc_balance_findings{kind="phase",site="edge-room"} 1.0' in text
    assert 'greendc_balance_findings{kind="sign",site="edge-room"} 0.0' in text
    labels = 'kind="phase",meter="ups-a.ups_out",multiplier="1.5",node="ups-a.ups_out",other=""'
    assert f"greendc_balance_finding_info{{{labels},site=" in text
    about = 'kind="phase",meter="ups-a.ups_out",node="ups-a.ups_out",site="edge-room"'
    short = re.search(f"greendc_balance_finding_meter_short_watts{{{about}}} (.+)", text)
    missing = re.search(f"greendc_balance_finding_missing_watts{{{about}}} (.+)", text)
    assert short is not None
    assert missing is not None
    # a third of what the UPS gives, and what is lost behind it
    assert 0 < float(short[1]) + float(missing[1]) < 0.1 * float(short[1])


def test_the_page_asks_whether_it_adds_up(url: str) -> None:
    with chromium() as browser:
        for size in (DESK, PHONE):
            with opened(browser, url, size) as (page, noted):
                page.wait_for_selector("#balance tbody tr")
                text = page.inner_text("#findings")
                assert "ups-a.ups_out: one of three phases is missing (multiply by 1.5)" in text
                row = page.inner_text("#balance [data-verdict=too_much_out]")
                assert "more comes out than goes in" in row
                assert "-33" in row or "\u221233" in row
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                verdict = page.locator("#balance [data-verdict=too_much_out] .verdict")
                box = verdict.bounding_box()
                assert box is not None
                assert box["x"] + box["width"] <= size[0]  # it is what is asked for
            assert noted.complaints == []
