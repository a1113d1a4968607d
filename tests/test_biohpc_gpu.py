"""Three years of two GPU servers in local time: the known answers of the published tables."""

import csv
import math
from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from greendc.config import load
from greendc.exports import Request, export
from greendc.replay import Options, replay
from tests.servers.support import PROJECT

LOG = PROJECT / "sensors" / "recordings" / "biohpc-gpu-2022-2025.jsonl.gz"
ZONE = ZoneInfo("America/New_York")
METER = "point: it_in, unit: W, kind: mean_next, nominal: 1h"
SITE = f"""
sites:
  - id: cornell
    zone: America/New_York
    rated_it_w: 5000
    cell: 1h
    topics:
      - {{topic: "gpu/{{meter}}", value: powerave, time_at: time, time_zone: America/New_York}}
    meters: [{{id: cbsugpu05, {METER}}}, {{id: cbsugpu08, {METER}}}]
"""
# of each: rows, kWh by calendar year, hours of the longest gap, gaps; by the clocks of the table
KNOWN = {
    "cbsugpu05": (
        23_371,
        {
            2022: 0.5948668333333331,
            2023: 368.80579375,
            2024: 610.8369879166667,
            2025: 790.908684047619,
        },
        4346,
        32,
    ),
    "cbsugpu08": (15_277, {2024: 1193.9235822916667, 2025: 1063.4315733333333}, 14, 28),
}


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[datetime, float]]:
    """Energy of every hour that is known [kWh], by server."""
    folder = tmp_path_factory.mktemp("cornell")
    (folder / "site.yaml").write_text(SITE)
    config = load(folder / "site.yaml")
    result = replay([LOG], config, Options(keep=folder))
    assert (result.messages, result.rejected) == (sum(k[0] for k in KNOWN.values()), {})
    out: dict[str, dict[datetime, float]] = defaultdict(dict)
    export(config, Request("csv", data=folder, out=folder / "ledger.csv"))
    with (folder / "ledger.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["period"] == "cell" and row["quantity"] in KNOWN and row["value"]:
                out[row["quantity"]][datetime.fromisoformat(row["start"])] = float(row["value"])
    return out


@pytest.mark.parametrize("name", KNOWN)
def test_years_are_the_sums_of_the_table(
    name: str, cells: dict[str, dict[datetime, float]]
) -> None:
    rows, years, _, _ = KNOWN[name]
    by_year = defaultdict(list)
    for start, kwh in cells[name].items():
        by_year[start.astimezone(ZONE).year].append(kwh)
    assert len(cells[name]) == rows
    assert {y: math.fsum(v) for y, v in by_year.items()} == pytest.approx(years, rel=1e-12)


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_missing_stays_missing(name: str, cells: dict[str, dict[datetime, float]]) -> None:
    _, _, longest, count = KNOWN[name]
    local = [start.astimezone(ZONE).replace(tzinfo=None) for start in sorted(cells[name])]
    gaps = [hours for a, b in pairwise(local) if (hours := (b - a).total_seconds() / 3600) > 1]
    assert (max(gaps), len(gaps)) == (longest, count)
