"""Answers about gaps, kept as long as what they rest on stands."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from greendc.core.accounts import Book
from greendc.queries import Ledger
from greendc.snapshots import Board
from greendc.web import meters
from greendc.web.gaps import FINER, STEPS, gaps
from greendc.web.history import PERIODS, SPANS


@dataclass(slots=True)
class _Kept:
    """An answer of a site and span, what it rests on, and who is at work on the next one."""

    rests_on: tuple[Any, ...] = ()
    book: Book | None = None
    body: bytes = b""
    working: threading.Lock = field(default_factory=threading.Lock)


class KeptGaps:
    """One answer of each site and span for all who ask, whatever their number.

    It is made anew where figures of its periods have been written since, where something has
    happened, where a meter has fallen silent, is back or is another one, and with each step of
    the strips, whose end is the site's time.
    """

    def __init__(self, board: Board, ledger: Callable[[], Ledger]) -> None:
        """Nothing is kept before somebody asks."""
        self._board, self._ledger = board, ledger
        self._kept: dict[tuple[str, str], _Kept] = {}

    def body(self, site: str, span: str, now: int) -> bytes:
        """What is missing over a span, as JSON; `site` and `span` are among those that there are.

        `now` is the wall clock [ns].
        """
        kept = self._kept.setdefault((site, span), _Kept())
        with kept.working, self._ledger() as ledger:
            rests_on = (*_closed(self._board, site, span), *_now(self._board, site, span, now))
            rests_on += (ledger.last_event(),)
            book = self._board.current.books[site]
            if rests_on != kept.rests_on or book is not kept.book:
                kept.body = orjson.dumps(gaps(ledger, self._board, site, span, now))
                kept.rests_on, kept.book = rests_on, book
            return kept.body


def _closed(board: Board, site: str, span: str) -> tuple[int, ...]:
    """How many figures of the periods that may be shown have been written."""
    periods = FINER[FINER.index(PERIODS[span]) :]
    return tuple(board.closed.written.get((site, period), 0) for period in periods)


def _now(board: Board, site: str, span: str, now: int) -> tuple[Any, ...]:
    """The meters and which of them are not fresh, since when; the step of the strips."""
    current = board.current
    last = meters.readings(board, current, site, now)
    end = board.site_times(now).get(site)
    step = None if end is None else end // (SPANS[span] // STEPS)
    old = last.time[last.quality > 0].tobytes()
    return meters.layout(current, site), last.quality.tobytes(), tuple(last.why), old, step
