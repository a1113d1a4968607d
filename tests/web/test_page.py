"""The page in a real browser: true, live, quiet, at home on a phone, and nowhere else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from greendc.calendars import parse_rfc3339
from greendc.queries import Ledger
from greendc.snapshots import JobHealth
from tests.web.browser import DESK, PHONE, WALL, chromium, opened
from tests.web.kit import SITE, TOKEN, Scene, scene, served

LIVE = "#connection[data-state=live]"
DASH = "\u2013"
CHARTS = ("#pue-chart", "#power-chart", "#carbon-chart")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene"), hours=30) as one:
        yield one


@pytest.fixture(scope="module")
def url(playing: Scene) -> Iterator[str]:
    with served(playing) as server:
        yield server.url


@pytest.fixture(scope="module")
def desk(browser: Browser, url: str) -> Iterator[Page]:
    """A page that tests look at and leave as it was."""
    with opened(browser, url) as (page, _):
        page.wait_for_selector(LIVE)
        yield page


def shown(page: Page, where: str) -> str:
    return page.inner_text(where).replace("\u00a0", " ")


def test_it_updates_live_without_a_reload(browser: Browser, playing: Scene, url: str) -> None:
    with opened(browser, url) as (page, noted):
        page.wait_for_selector(LIVE)
        page.evaluate("window.unchanged = true")
        expect(page.locator("#clock")).to_have_text("Sun, 2 Mar 2025, 06:00:00 CET")
        before = shown(page, "[data-meter='LZR.capella.Racks-E12.Wirkleistung']")
        playing.play(1)
        expect(page.locator("#clock")).to_have_text("Sun, 2 Mar 2025, 07:00:00 CET")
        expect(page.locator("[data-period=hour] .period")).to_have_text(
            f"Sun 2 Mar, 05:00{DASH}06:00"
        )
        assert shown(page, "[data-meter='LZR.capella.Racks-E12.Wirkleistung']") != before
        assert page.evaluate("window.unchanged")
        with Ledger(playing.path) as ledger:
            newest = [f for f in ledger.figures("zih-lzr", "hour") if f.quantity == "ipue"][-1]
        assert shown(page, "[data-period=hour] .value") == f"{newest.value:.3f}"
        for chart in CHARTS:
            page.wait_for_selector(f"{chart} canvas")
    assert noted.complaints == []
    assert noted.hosts == {url.removeprefix("http://")}


def test_a_figure_stands_with_what_defends_it(desk: Page) -> None:
    tile = re.sub(r"\s+", " ", shown(desk, "[data-period='24h']"))
    for text in ("iPUE, category 2", "coverage 100 %", "estimated share 9.3 %"):
        assert text in tile
    assert "uncertainty unknown: meters or declared values of no stated accuracy" in tile
    for chart in CHARTS:
        expect(desk.locator(chart)).to_have_attribute("aria-label", re.compile("Newest values"))
    power = shown(desk, "#power-now")
    assert "Cooling" in power
    assert "MW" in power


def test_what_is_unknown_is_a_dash_with_its_reason(desk: Page) -> None:
    missing = shown(desk, "#missing")
    assert "The configuration has no market-based emission factor" in missing
    assert "CUE market" in missing
    assert "No meter belongs to this subsystem" in missing
    assert "less of the time is known" in shown(desk, "[data-period='7d'] .why")
    masses = shown(desk, "#masses")
    assert f"{DASH}\nthe configuration has no market-based emission factor" in masses


def test_before_the_first_reading_nothing_is_zero(browser: Browser, tmp_path: Path) -> None:
    with scene(tmp_path) as one, served(one) as server:
        one.feel(connected=False, connection_error="connection refused")
        with opened(browser, server.url) as (page, noted):
            page.wait_for_selector(LIVE)
            for period in ("hour", "24h", "7d", "12mo"):
                tile = shown(page, f"[data-period='{period}']")
                assert DASH in tile
                assert "no such period is closed yet" in tile
            row = shown(page, "#power-now tr[data-name=e_dc]")
            assert "nothing was heard of what it needs" in row
            assert "37 never" in shown(page, "#qualities")
            assert "not connected" in shown(page, "#health")
            assert "connection refused" in shown(page, "#health")
            assert not re.search(r"\b0(\.0+)? ?k?W", shown(page, "main"))
    assert noted.complaints == []


def test_silent_meters_stand_first_and_hide_what_needs_them(
    browser: Browser, tmp_path: Path
) -> None:
    with scene(tmp_path, hours=5) as one:
        one.board.wall_clock = True
        with served(one) as server, opened(browser, server.url) as (page, _):
            page.wait_for_selector(LIVE)
            assert "37 silent" in shown(page, "#qualities")
            row = shown(page, "#power-now tr[data-name=subsystem_cooling]")
            assert "a meter that is needed was silent" in row
            assert "none of the moment: the last one ended" in shown(page, "[data-period=hour]")


@pytest.mark.parametrize("size", [PHONE, (430, 900), DESK, WALL], ids=str)
def test_nothing_is_wider_than_the_screen(desk: Page, size: tuple[int, int]) -> None:
    desk.set_viewport_size({"width": size[0], "height": size[1]})
    desk.wait_for_selector("#power-chart canvas")
    expect(desk.locator("#power-chart")).to_be_visible()
    assert desk.evaluate("document.documentElement.scrollWidth") <= size[0]


CUT = """
[...document.querySelectorAll("#figures :is(th, td)")]
  .filter((cell) => cell.clientWidth && cell.scrollWidth > cell.clientWidth)
  .map((cell) => cell.innerText)
"""


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_shows_figures_whole_each_with_its_period(desk: Page, width: int) -> None:
    desk.set_viewport_size({"width": width, "height": 850})
    region = desk.locator("#figures .scroll")
    assert region.evaluate("(it) => it.scrollWidth <= it.clientWidth")
    assert desk.evaluate(CUT) == []
    cells = desk.locator("#figures tr[data-name=e_dc] td[data-period]")
    periods = cells.evaluate_all(
        "(all) => all.map((it) => getComputedStyle(it, '::before').content)"
    )
    assert periods == ['"1 h"', '"24 h"', '"7 d"', '"30 d"', '"12 months"']


def test_a_backup_that_failed_is_seen(browser: Browser, playing: Scene, url: str) -> None:
    moment = parse_rfc3339("2025-03-01T01:10:00Z")
    jobs = JobHealth("backup", moment, "disk full"), JobHealth("retention", None, None)
    playing.feel(jobs=jobs)
    with opened(browser, url) as (page, _):
        page.wait_for_selector(LIVE)
        health = shown(page, "#health")
    playing.feel()
    assert "failed: disk full; last good one: Sat, 1 Mar 2025, 02:10:00 CET" in health
    assert "Last retention\nnone yet" in health


def test_a_lost_connection_is_seen_and_taken_up_again(browser: Browser, playing: Scene) -> None:
    with served(playing) as server, opened(browser, server.url) as (page, _):
        page.wait_for_selector(LIVE)
        server.stop()
        page.wait_for_selector("#connection[data-state=lost]")
        expect(page.locator("#trouble")).to_contain_text("No connection to greendc since")
        with served(playing, port=server.port):
            page.wait_for_selector(LIVE)
            expect(page.locator("#trouble")).to_be_hidden()


def test_other_meters_after_a_restart_are_taken_up(browser: Browser, tmp_path: Path) -> None:
    fewer = tmp_path / "fewer.yaml"
    text = SITE.read_text("utf-8")
    fewer.write_text(re.sub(r".*LZR\.E60\.ABG0[789].*\n", "", text), "utf-8")
    (tmp_path / "other").mkdir()
    with (
        scene(tmp_path, hours=3) as one,
        served(one) as server,
        opened(browser, server.url) as (page, _),
    ):
        expect(page.locator("#qualities")).to_contain_text("37 fresh")
        server.stop()
        other = Scene(tmp_path / "other", site=fewer).play(3)
        try:
            with served(other, port=server.port):
                expect(page.locator("#qualities")).to_contain_text("34 fresh")
        finally:
            other.close()


def test_meters_are_found_and_charts_have_spans(browser: Browser, url: str) -> None:
    with opened(browser, url) as (page, noted):
        page.wait_for_selector(LIVE)
        rows = page.locator("#meters tbody tr")
        expect(rows).to_have_count(12)
        page.click("#all")
        expect(rows).to_have_count(37)
        page.fill("#filter", "racks")
        expect(rows).to_have_count(4)
        with page.expect_response(re.compile("span=7d")):
            page.get_by_role("button", name="7 d").click()
        expect(page.locator("#spans [aria-pressed=true]")).to_have_text("7 d")
        page.hover("#power-chart")
        page.wait_for_selector(".tip")
    assert noted.complaints == []


SECOND = """
  - id: second
    name: Second site
    zone: Asia/Kolkata
    rated_it_w: 1e5
    topics: [{topic: "second/{meter}"}]
    meters:
      - {id: feed, point: util, unit: kW, kind: instant}
"""


def test_one_of_several_sites_is_chosen(browser: Browser, tmp_path: Path) -> None:
    both = tmp_path / "both.yaml"
    both.write_text(SITE.read_text("utf-8") + SECOND, "utf-8")
    one = Scene(tmp_path, site=both).play(5)
    try:
        with served(one) as server, opened(browser, server.url) as (page, noted):
            page.wait_for_selector(LIVE)
            page.select_option("#site", "second")
            expect(page.locator("#site-name")).to_have_text("Second site")
            page.wait_for_selector(LIVE)
            expect(page.locator("#clock")).to_contain_text("no reading yet")
            assert "No meter measures E_IT" in shown(page, "#missing")
            assert page.url == f"{server.url}/?site=second"
            one.play(1)
            expect(page.locator("#meters tbody tr")).to_have_count(1)
            page.select_option("#site", "zih-lzr")
            expect(page.locator("#clock")).to_have_text("Sat, 1 Mar 2025, 06:00:00 CET")
    finally:
        one.close()
    assert noted.complaints == []


def test_the_token_opens_the_page(browser: Browser, playing: Scene) -> None:
    with served(playing, token=TOKEN) as server, opened(browser, server.url) as (page, noted):
        assert page.url == f"{server.url}/login"
        page.fill("#token", "not the token at all")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#wrong")).to_be_visible()
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector(LIVE)
        assert TOKEN not in page.content()
        assert page.evaluate("document.cookie") == ""  # no script sees it
    assert noted.complaints == []
    assert not any(TOKEN in request for request in noted.requests)
