"""With one meter on each side of a node the site's rating tells which of them is read wrongly."""

import json
from pathlib import Path

import pytest

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.config import load
from greendc.core.facility import MINUTE
from greendc.queries import Ledger
from greendc.replay import Options, replay

BEGIN = parse_rfc3339("2025-03-01T00:00:00Z")
FEED_KW, IT_W = 130.0, 100e3
METER = "kind: mean_next, nominal: 15min, class: 0.5"
SITE = """
sites:
  - id: hall
    zone: UTC
    rated_it_w: 200e3
    cell: 15min
    lateness: 2min
    topics: [{{topic: "dc/{{meter}}", value: v, time_at: t}}]
    meters:
      - {{id: feed, point: util, unit: {feed}, {meter}}}
      - {{id: it, point: pdu_out, unit: {it}, {meter}}}
"""


def suspect(
    tmp_path: Path, units: tuple[str, str], shown: tuple[float, float]
) -> tuple[str, float]:
    (tmp_path / "site.yaml").write_text(SITE.format(feed=units[0], it=units[1], meter=METER))
    with (tmp_path / "log.jsonl").open("w") as log:
        for number in range(20):
            at = BEGIN + number * 15 * MINUTE
            for name, value in zip(("feed", "it"), shown, strict=True):
                payload = json.dumps({"v": value, "t": rfc3339(at)})
                row = {"tst": rfc3339(at + MINUTE), "topic": f"dc/{name}", "payload": payload}
                log.write(json.dumps(row) + "\n")
    replay([tmp_path / "log.jsonl"], load(tmp_path / "site.yaml"), Options(keep=tmp_path / "kept"))
    with Ledger(tmp_path / "kept" / "ledger.db") as ledger:
        (finding,) = ledger.findings("hall")
    return finding.told.suspects[0].meter, finding.told.suspects[0].gain


@pytest.mark.parametrize(
    ("units", "shown", "wanted"),
    [
        (("kW", "W"), (FEED_KW, 1e3 * IT_W), ("it", 1e-3)),  # mW
        (("kW", "W"), (FEED_KW, IT_W / 1e3), ("it", 1e3)),  # kW
        (("kW", "kW"), (FEED_KW, 1e3 * IT_W), ("it", 1e-6)),  # mW
        (("W", "W"), (FEED_KW, IT_W), ("feed", 1e3)),
        (("kW", "W"), (1e3 * FEED_KW, IT_W), ("feed", 1e-3)),
        (("kW", "W"), (FEED_KW / 10, IT_W), ("feed", 10.0)),  # A15: facility < IT
    ],
)
def test_the_likelier_of_two_is_named(
    tmp_path: Path, units: tuple[str, str], shown: tuple[float, float], wanted: tuple[str, float]
) -> None:
    assert suspect(tmp_path, units, shown) == wanted
