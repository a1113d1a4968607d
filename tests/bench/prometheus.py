"""How long a scrape takes. Run: python -m tests.bench.prometheus [METERS].

A site with that many power meters, each with its energy, age and counts; the fastest of ten
scrapes in either format.
"""

import sys
import tempfile
import time
from pathlib import Path

from greendc.calendars import rfc3339
from greendc.config import load
from greendc.core.facility import MINUTE, SECOND
from greendc.sinks.prometheus import render
from tests.sinks.boards import Json, Life

BEGIN = 1740787200 * SECOND  # 2025-03-01T00:00:00Z
SITE = """
sites:
  - id: large
    zone: UTC
    rated_it_w: 1e6
    e_dc: bottom_up
    topics: [{topic: 'dc/{meter}', value: w, time_at: t}]
    meters:
"""
FORMATS = {"text": "text/plain", "OpenMetrics": "application/openmetrics-text;version=1.0.0"}


def rows(meters: int) -> list[Json]:
    """A quarter of an hour of every meter."""
    return [
        {
            "topic": f"dc/m{number}",
            "payload": {"w": 500 + number, "t": rfc3339(BEGIN + minute * MINUTE)},
        }
        for minute in range(15)
        for number in range(meters)
    ]


def main(meters: int) -> None:
    """Fill a board and scrape it."""
    listed = [
        f"      - {{id: m{n}, point: it_in, unit: W, kind: mean_next, room: r{n % 40}}}\n"
        for n in range(meters)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.yaml"
        path.write_text(SITE + "".join(listed))
        board = Life(load(path), Path(folder) / "ledger.db").take(rows(meters)).end().board()
    for name, accept in FORMATS.items():
        spent = []
        for _ in range(10):
            begin = time.process_time()
            body, _ = render(board, 0, accept)
            spent.append(time.process_time() - begin)
        series = sum(not line.startswith(b"#") for line in body.splitlines())
        took, size = 1000 * min(spent), len(body) / 2**20
        sys.stdout.write(f"{name:12} {series} series in {took:.1f} ms of CPU, {size:.1f} MiB\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 2000)
