"""Harvard's clusters through a day of outage: the known answers of the recorded log.

The answers were counted from the published table, a sample standing for 60 s; by straight lines
between samples that are 53 to 64 s apart, a node's first and last half minute are not in it.
"""

import csv
import gzip
import math
from itertools import pairwise
from pathlib import Path

import pytest

from greendc.calendars import rfc3339
from greendc.config import Config, load
from greendc.exports import Request, export
from greendc.ports import RawBatch
from greendc.profiles import Decoder
from greendc.replay import Options, replay
from greendc.sources.recording import LogCounts, open_entries
from tests.servers.support import PROJECT

LOG = PROJECT / "sensors" / "recordings" / "fasrc-ipmi-2025-06-03.jsonl.gz"
SITE = PROJECT / "config" / "fasrc-ipmi.yaml"
NODES = 91
ALL_KWH = 10.5095
ALWAYS_ON_KWH = 6.444166666666667
SAMPLES = 20_934
ENCLOSURE_W, ENCLOSURE_S = 250, 9420

# of one node's supplies: kWh in and out, a sample standing for 60 s; degrees in front of all nodes
AC_IN_KWH, DC_OUT_KWH, DC_OVER_AC = 6.413, 5.433333333333333, 0.8472373824003326
SAME_AS_AC = 0.12708333333333333  # share of its samples
AMBIENT = {"least": 19.0, "mean": 25.042270058708414, "most": 29.0}

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


# minute: W of all nodes that answered in it, and how many did
MINUTES = {
    "2025-06-03T00:00": (1420, 90),
    "2025-06-03T02:00": (1425, 91),
    "2025-06-03T12:00": (260, 1),
    "2025-06-03T22:30": (755, 44),
    "2025-06-03T23:59": (745, 44),
}


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[int, float]]:
    """By minute: the power that each node told in it [W]."""
    plan = load(SITE).plan()
    points = {m.id: m.point for m in plan.sites[0].epochs[0].meters}
    nodes = {i for i, (_, name) in enumerate(plan.meters) if points[name] == "it_in"}
    decoder, out = Decoder(plan), dict[str, dict[int, float]]()
    for entry in open_entries(LOG, lambda _: None, LogCounts()):
        assert isinstance(entry, RawBatch)
        columns = decoder.decode(entry)
        rows = zip(
            columns.meter.tolist(), columns.time.tolist(), columns.value.tolist(), strict=True
        )
        for meter, time, watts in rows:
            if meter in nodes:
                out.setdefault(rfc3339(time)[:16], {})[meter] = watts
    return out


@pytest.mark.parametrize("minute", MINUTES)
def test_a_minute_is_that_of_the_table(minute: str, answers: dict[str, dict[int, float]]) -> None:
    told = answers[minute]
    assert (sum(told.values()), len(told)) == MINUTES[minute]


def test_nodes_fall_silent_and_come_back_when_the_table_says(
    answers: dict[str, dict[int, float]],
) -> None:
    count = {minute: len(told) for minute, told in sorted(answers.items())}
    change = {after: count[after] - count[before] for before, after in pairwise(count)}
    assert min(change.items(), key=lambda c: c[1]) == ("2025-06-03T02:38", -90)
    half = MINUTES["2025-06-03T22:30"][1] / 2
    evening = (minute for minute in count if minute > "2025-06-03T20" and count[minute] >= half)
    assert next(evening) == "2025-06-03T21:58"
    assert all(watts > 0 for told in answers.values() for watts in told.values())


# -- the sensors that make no figure of the site -----------------------------------------------

SENSORS = {
    "sys": "Sys Power",
    "ac1": "PSU1 AC In Pwr",
    "ac2": "PSU2 AC In Pwr",
    "dc1": "PSU1 DC Out Pwr",
    "dc2": "PSU2 DC Out Pwr",
}
SITE_OF_SENSORS = """
sites:
  - id: fasrc
    zone: UTC
    rated_it_w: 1000
    cell: 5min
    lateness: 2min
    topics: [{topic: "ipmi/{meter}", time_at: ts}]
    meters:
"""


@pytest.fixture(scope="module")
def sensors(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """One node's supplies, and the air in front of every node that tells of it."""
    power = "point: none, quantity: power, unit: W, kind: mean_next, nominal: 60s"
    air = "value: [Ambient Temp], point: t_inlet, unit: degC, kind: instant, nominal: 60s"
    nodes = [m.id for m in load(SITE).plan().sites[0].epochs[0].meters if m.point == "it_in"]
    told = [f"{{id: {i}, tag: lichtmandce03, value: [{v}], {power}}}" for i, v in SENSORS.items()]
    told += [f"{{id: t-{node}, tag: {node}, {air}}}" for node in nodes]
    path = tmp_path_factory.mktemp("sensors") / "site.yaml"
    path.write_text(SITE_OF_SENSORS + "".join(f"      - {one}\n" for one in told))
    return load(path)


def test_what_supplies_lose(sensors: Config, tmp_path: Path) -> None:
    log = tmp_path / "node.jsonl"
    with gzip.open(LOG, "rt", encoding="utf-8") as file:
        log.write_text("".join(line for line in file if "lichtmandce03" in line))
    (whole,) = replay([log], sensors, Options()).sites.values()
    told = {name: whole.value(name) or math.nan for name in SENSORS}
    into, out = told["ac1"] + told["ac2"], told["dc1"] + told["dc2"]
    # two of 1,440 minutes lie before the first reading and from the last one on
    assert into == pytest.approx(AC_IN_KWH, rel=2e-3)
    assert out == pytest.approx(DC_OUT_KWH, rel=2e-3)
    assert out / into == pytest.approx(DC_OVER_AC, rel=2e-4)


def test_each_reading_of_supplies_and_air_is_that_of_the_table(sensors: Config) -> None:
    plan = sensors.plan()
    decoder, air, node = Decoder(plan), list[float](), dict[str, dict[int, float]]()
    for entry in open_entries(LOG):
        assert isinstance(entry, RawBatch)
        columns = decoder.decode(entry)
        found = zip(
            columns.meter.tolist(), columns.time.tolist(), columns.value.tolist(), strict=True
        )
        for meter, time, value in found:
            _, name = plan.meters[meter]
            if name in SENSORS:
                node.setdefault(name, {})[time] = value
            else:
                air.append(value)
    same = [node["ac1"][at] + node["ac2"][at] == value for at, value in node["sys"].items()]
    assert sum(same) / len(same) == SAME_AS_AC
    told = {"least": min(air), "mean": math.fsum(air) / len(air), "most": max(air)}
    assert told == pytest.approx(AMBIENT, rel=1e-12)
