"""Harvard's day of outage: whoever looks at the page sees what is missing, and since when."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from greendc.calendars import parse_rfc3339
from greendc.ports import Event, RawBatch
from tests.web.browser import DESK, chromium, opened
from tests.web.kit import ROOT, Scene, served

SITE = ROOT / "config" / "fasrc-ipmi.yaml"
LOG = ROOT / "sensors" / "recordings" / "fasrc-ipmi-2025-06-03.jsonl.gz"
SMALL_PHONE = (390, 800)
OF_NODES = [
    "IT",
    "IT, row 2c",
    "IT, row 7c",
    "IT, row 8a",
    "In no sum, row 7c",
    "In no sum, row 8a",
]

BEFORE, DURING, BACK = "2025-06-03T02:20:00Z", "2025-06-03T08:30:00Z", "2025-06-03T22:30:00Z"
SILENT = "90 of 91 meters of IT and 8 other meters have been silent since Mon 2 Jun, 22:37 (5 h)"
LOST = Event("session_lost", parse_rfc3339(DURING), {"session": 3})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


class Day:
    """The day up to a time, and what greendc shows of it."""

    def __init__(self, folder: Path) -> None:
        self.scene = Scene(folder, SITE, LOG)
        self._left: list[Any] = list(self.scene._entries)[::-1]

    def until(self, time: str) -> "Day":
        limit = parse_rfc3339(time)
        while self._left and self._left[-1].arrivals[-1] < limit:
            entry = self._left.pop()
            assert isinstance(entry, RawBatch)
            self.scene.take(entry)
        self.scene.show()
        return self


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    found = Day(tmp_path_factory.mktemp("day"))
    yield found
    found.scene.close()


@pytest.fixture(scope="module")
def url(day: Day) -> Iterator[str]:
    with served(day.scene) as server:
        yield server.url


def shown(page: Page, where: str) -> str:
    return re.sub(r"\s+", " ", page.inner_text(where))


def got(url: str, query: str = "") -> dict[str, Any]:
    answer = httpx.get(f"{url}/api/v1/gaps{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_before_the_outage_nothing_is_missing(browser: Browser, day: Day, url: str) -> None:
    day.until(BEFORE)
    with opened(browser, url) as (page, noted):
        page.wait_for_selector(".strip")
        assert page.is_hidden("#silent-now")
        assert "Nothing: every meter was heard" in shown(page, "#happened")
        assert [shown(page, f".strip:nth-child({n}) .name").startswith("IT") for n in (1, 2)]
    assert noted.complaints == []


def test_in_the_outage_the_page_says_who_is_silent_and_since_when(
    browser: Browser, day: Day, url: str
) -> None:
    day.until(DURING)
    day.scene.store.note(LOST)
    day.scene.store.note(Event("a_word_of_tomorrow", LOST.arrival, {"meter": "holy7c02112"}))
    day.scene.show()
    with opened(browser, url, color_scheme="dark") as (page, noted):
        alarm = page.locator("#silent-now")
        expect(alarm).to_contain_text(SILENT)
        text = shown(page, "#silent-now")
        assert (
            "EIT has no value since Mon 2 Jun, 22:40: 90 of the 91 meters that it needs are" in text
        )
        assert "it is unknown, not 0" in text
        assert (
            page.evaluate("document.querySelector('#gaps').getBoundingClientRect().top")
            < DESK[1] / 3
        )
        happened = shown(page, "#happened")
        assert "IT, row 7c 53 of 53 · IT, row 8a 36 of 36" in happened
        assert "The broker had lost greendc's session" in happened
        assert "A word of tomorrow" in happened
        names = [shown(page, f".strip:nth-child({n}) .name") for n in range(1, 8)]
        assert names[0] == "EIT, coverage"
        assert [re.sub(r"\d+ meters?$", "", name) for name in names[1:]] == OF_NODES
        page.wait_for_selector("#power-chart canvas")
        assert page.is_hidden("#pue-chart")  # no meters make up E_DC
        assert page.is_hidden("#carbon-chart")  # and no factor is configured
    assert noted.complaints == []


def test_strips_are_what_the_ledger_knows(browser: Browser, day: Day, url: str) -> None:
    """The nodes are known for 2 hours and 37 minutes: as many steps of five."""
    day.until(DURING)
    told = got(url)
    alive, *rows = (one for one in told["groups"] if one["part"] == "e_it")
    assert (alive["meters"], [one["meters"] for one in rows]) == (1, [1, 53, 36])
    for one in rows:
        steps = [share for share in one["known"] if share is not None]
        assert len(told["edges_ms"]) == len(one["known"]) + 1 <= 291
        assert 5 * sum(steps) == pytest.approx(157, abs=1.5)
        assert steps[-1] == 0
    assert [share for share in alive["known"] if share is not None][-1] == 1
    (e_it,) = told["figures"]
    of_cells = [share for share in e_it["known"] if share is not None]
    assert (e_it["name"], e_it["known"][0], of_cells[-1]) == ("e_it", None, 0.0)
    assert 0 < of_cells[0] < 1  # the share of that time that is known, not whether there is a value
    with opened(browser, url, SMALL_PHONE) as (page, _):
        page.wait_for_selector(".strip svg rect.gone")
        assert page.evaluate("document.documentElement.scrollWidth") <= SMALL_PHONE[0]


def test_what_came_back_is_told_apart_from_what_did_not(
    browser: Browser, day: Day, url: str
) -> None:
    day.until(BACK)
    lasting, back = got(url)["silences"]
    assert (lasting["meters"], lasting["to_ms"], back["meters"]) == (52, None, 46)
    assert abs(back["from_ms"] - parse_rfc3339("2025-06-03T02:37:00Z") // 10**6) <= 60_000
    assert abs(back["to_ms"] - parse_rfc3339("2025-06-03T22:00:00Z") // 10**6) <= 120_000
    assert len(back["names"]) == 12
    (unknown,) = got(url)["without_value"]
    assert [unknown[key] for key in ("silent", "still", "of", "coverage")] == [90, 47, 91, 0.0]
    with opened(browser, url) as (page, noted):
        alarm = page.locator("#silent-now")
        expect(alarm).to_contain_text("47 of 91 meters of IT and 5 other")
        expect(alarm).to_contain_text(
            "90 of the 91 meters that it needs were silent, 47 still are; it is unknown, not 0"
        )
        text = shown(page, "#happened")
        assert "43 of 91 meters of IT and 3 other meters were silent Mon 2 Jun, 22:37" in text
        assert "Tue 3 Jun, 18:00 (19 h)" in text
    assert noted.complaints == []


def test_spans_and_sites_that_are_not_there(url: str) -> None:
    assert httpx.get(f"{url}/api/v1/gaps?span=1h").status_code == 404
    assert httpx.get(f"{url}/api/v1/gaps?site=none").status_code == 404
    for span in ("6h", "7d", "30d", "12mo"):
        told = got(url, f"?span={span}")
        assert len(told["edges_ms"]) <= 368
        assert len(str(told)) < 60_000
