"""Harvard's clusters through a day of outage: the known answers of the recorded log.

The answers were counted from the published table, a sample standing for 60 s; by straight lines
between samples that are 53 to 64 s apart, a node's first and last half minute are not in it.
"""

import csv
import math

import pytest

from greendc.config import load
from greendc.exports import Request, export
from greendc.replay import Options, replay
from tests.servers.support import PROJECT

LOG = PROJECT / "sensors" / "recordings" / "fasrc-ipmi-2025-06-03.jsonl.gz"
SITE = PROJECT / "config" / "fasrc-ipmi.yaml"
NODES = 91
ALL_KWH = 10.5095
ALWAYS_ON_KWH = 6.444166666666667
SAMPLES = 20_934
ENCLOSURE_W, ENCLOSURE_S = 250, 9420

Rows = dict[tuple[str, str], list[dict[str, str]]]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    folder = tmp_path_factory.mktemp("fasrc")
    config = load(SITE)
    result = replay([LOG], config, Options(keep=folder))
    assert (result.messages, result.rejected) == (SAMPLES, {"out_of_range": 1})
    export(config, Request("csv", data=folder, out=folder / "ledger.csv"))
    found: Rows = {}
    with (folder / "ledger.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["quantity"], row["period"]), []).append(row)
    return found


def kwh(rows: Rows, name: str) -> float:
    (row,) = rows[name, "log"]
    return float(row["value"] or "nan")


def test_energies_are_those_of_the_table(rows: Rows) -> None:
    nodes = [m.id for m in load(SITE).plan().sites[0].epochs[0].meters if m.point == "it_in"]
    assert len(nodes) == NODES
    assert kwh(rows, "lichtmandce03") == pytest.approx(ALWAYS_ON_KWH, rel=1e-3)
    # every node loses at most a minute at each of its ends: 91 nodes, 2 spans, 10 to 40 W
    total = math.fsum(kwh(rows, node) for node in nodes)
    assert total == pytest.approx(ALL_KWH, rel=5e-3)


def test_silence_is_no_data(rows: Rows) -> None:
    it = {row["start"]: row for row in rows["e_it", "hour"]}
    assert [it[f"2025-06-03T{h:02}:00:00Z"]["value"] for h in range(3, 24)] == [""] * 21
    assert float(it["2025-06-03T01:00:00Z"]["value"]) > 0
    assert {row["value"] for row in rows["holy7c02112", "hour"][3:24]} == {""}
    alive = rows["lichtmandce03", "hour"]
    assert all(float(row["value"]) > 0.2 for row in alive)


def test_an_enclosure_counts_once(rows: Rows) -> None:
    """Four of its nodes are in the log, and each tells the whole of it."""
    assert kwh(rows, "holy8a304") == pytest.approx(ENCLOSURE_W * ENCLOSURE_S / 3.6e6, rel=1e-9)
