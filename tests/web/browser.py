"""A headless Chromium that notes what a page complains of and whom it asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.servers.support import program

DESK, PHONE, WALL = (1440, 900), (320, 700), (3840, 2160)

PATIENCE = 20_000  # ms; machines that test are busy

expect.set_options(timeout=PATIENCE)


@dataclass
class Noted:
    """Console errors and warnings, exceptions and requests of a page."""

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def said(self, message: ConsoleMessage) -> None:
        """Take what the browser or the page writes to the console."""
        if message.type in {"error", "warning", "assert"}:
            self.complaints.append(f"{message.type}: {message.text}")

    @property
    def hosts(self) -> set[str]:
        """Whom the page has asked."""
        return {urlsplit(url).netloc for url in self.requests}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; it and its driver are gone afterwards."""
    with sync_playwright() as driver:
        # root may not have the sandbox, and nothing but the project's own page is opened
        options: dict[str, Any] = {"args": ["--no-sandbox"]}
        browser = driver.chromium.launch(executable_path=program("chromium"), **options)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    browser: Browser, url: str, size: tuple[int, int] = DESK, **context: Any
) -> Iterator[tuple[Page, Noted]]:
    """A page in a browser profile of its own."""
    width, height = size
    profile = browser.new_context(viewport={"width": width, "height": height}, **context)
    page, noted = profile.new_page(), Noted()
    page.set_default_timeout(PATIENCE)
    page.on("console", noted.said)
    page.on("pageerror", lambda error: noted.complaints.append(f"error: {error}"))
    page.on("request", lambda request: noted.requests.append(request.url))
    page.goto(url)
    try:
        yield page, noted
    finally:
        profile.close()
