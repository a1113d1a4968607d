"""From publish to page, out of scrapes at random moments.

Every value tells which round it belongs to, so a page tells which messages it knows, and the
publisher notes when it sent each. The *age* of a page is the time from the publication of the
oldest message that it does not know to the moment at which it was received; 0 if it knows all.
Whatever was published longer ago than that is on it. Where a page knows a message for the first
time, its age a moment before is that message's latency, the answer's own time included: seen at
random moments, ages are distributed as latencies are, and a few scrapes a second are enough, which
disturb little.
"""

import http.client
import random
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.load import Load
from tests.bench.publisher import Sent
from tests.servers.support import HOST

PAUSE = (0.05, 0.15)  # s from one scrape to the next
WARM = 0.1  # of the scrapes, while the pace settles


@dataclass(frozen=True)
class Page:
    """What a scrape gave, and when it had come [s of the monotonic clock]."""

    at: float
    body: bytes


def scrapes(port: int, seconds: float) -> list[Page]:
    """Scrape for so long, over one connection."""
    pages, pause = [], random.Random(1)
    end = time.monotonic() + seconds
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    while time.monotonic() < end:
        time.sleep(pause.uniform(*PAUSE))
        connection.request("GET", "/metrics", headers={"accept": "text/plain"})
        body = connection.getresponse().read()
        pages.append(Page(time.monotonic(), body))
    connection.close()
    return pages[int(len(pages) * WARM) :]


def age(page: Page, known: Mapping[int, float], load: Load, first: int, sent: Sent) -> float:
    """How old the oldest message is that a page does not know; rounds were sent from `first` on.

    >>> load, sent = Load(2, 0.0), Sent(0.0, 3.0, 0.0, [(2, 1.0), (4, 2.0)])
    >>> half = {0: load.value(0, 1), 1: load.value(1, 0)}
    >>> age(Page(2.5, b""), half, load, 0, sent)
    0.5
    >>> age(Page(2.5, b""), {**half, 1: load.value(1, 1)}, load, 0, sent)
    0.0
    """
    missing = int(min((turn + 1) * load.points + m for m, turn in enumerate(load.known(known))))
    place = bisect_right([count for count, _ in sent.sent], missing - first * load.points)
    return max(0.0, page.at - sent.sent[place][1]) if place < len(sent.sent) else 0.0


def ages(
    pages: Sequence[Page],
    values: Callable[[bytes], Mapping[int, float]],
    load: Load,
    first: int,
    sent: Sent,
) -> list[float]:
    """The age of each page, ascending [s]."""
    return sorted(age(page, values(page.body), load, first, sent) for page in pages)


def percentile(ascending: Sequence[float], share: float) -> float:
    """The least of some values that so many of them do not exceed.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0
    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.99)
    4.0
    """
    return ascending[max(0, -(-int(share * 1000) * len(ascending) // 1000) - 1)]
