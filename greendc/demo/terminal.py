"""What the terminal shows of a demonstration: a bar where somebody watches, lines otherwise."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from greendc.core.facility import SECOND
from greendc.demo.feed import Feed
from greendc.demo.recording import Recording
from greendc.snapshots import Board

LOOK_EVERY = 0.25  # s
LINE_EVERY = 5.0  # s
BAR = "{l_bar}{bar}| {elapsed}"
HOURS = {"hour": "1 h", "24h": "24 h"}


class Terminal:
    """Tells how far the log is and what the newest PUE is, from the board."""

    def __init__(self, recording: Recording, feed: Feed, board: Board) -> None:
        self._recording, self._feed, self._board = recording, feed, board
        self._stopping = threading.Event()
        show = self._show_bar if _room_for_a_bar() else self._show_lines
        self._thread = threading.Thread(target=show, name="terminal", daemon=True)

    def start(self) -> None:
        """Begin to show."""
        self._thread.start()

    def stop(self) -> None:
        """Show the last state and end."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def _show_bar(self) -> None:
        with (
            logging_redirect_tqdm(),
            tqdm(total=len(self._recording), bar_format=BAR, dynamic_ncols=True) as bar,
        ):
            for _ in self._looks():
                bar.set_description_str(self.line(), refresh=False)
                bar.update(self._feed.sent - bar.n)
                bar.refresh()

    def _show_lines(self) -> None:
        told, at = "", time.monotonic()
        for last in self._looks():
            line, now = f"{self.line()}  ({self._done()})", time.monotonic()
            if line != told and (last or self._feed.ended or now - at >= LINE_EVERY):
                print(line, flush=True)  # noqa: T201 - its work
                told, at = line, now

    def _looks(self) -> Iterator[bool]:
        """Several a second, and a last one at the end."""
        while not self._stopping.wait(LOOK_EVERY):
            yield False
        yield True

    def _done(self) -> str:
        if self._feed.ended:
            return "the log has ended, its last state stays"
        return f"{self._feed.sent / len(self._recording):.0%} of the log"

    def line(self) -> str:
        """Site time and the newest interim PUE of an hour and of a day."""
        site = next(iter(self._board.current.sites), None)
        now = None if site is None else self._board.current.site_time.get(site.site)
        if site is None or now is None:
            return "waiting for the first reading"
        local = datetime.fromtimestamp(now // SECOND, ZoneInfo(site.zone))
        figures = [
            (HOURS[p], self._board.closed.figures.get((site.site, p, "ipue"))) for p in HOURS
        ]
        known = [
            f"{f.value:.3f} ({p})" for p, f in figures if f is not None and f.value is not None
        ]
        told = f"interim PUE {', '.join(known)}" if known else "no PUE yet"
        return f"{local:%Y-%m-%d %H:%M %Z}  {told}"


def _room_for_a_bar() -> bool:
    """Whether standard error is a terminal that says how wide it is; some containers' are not."""
    return sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).columns > 0
