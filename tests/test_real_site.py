"""The real site: two weeks of a high-performance computing centre with known answers."""

import gzip
import json
import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.cli import main
from greendc.config import load
from greendc.pipeline import Pipeline
from greendc.ports import Event, RawBatch
from greendc.queries import Ledger, lines
from greendc.sources.recording import read_log
from greendc.store import Store

PROJECT = Path(__file__).parents[1]
CONFIG = PROJECT / "config" / "zih-lzr.yaml"
LOG = PROJECT / "sensors" / "recordings" / "zih-lzr-2025-03.jsonl.gz"
HEAT_PUMPS = ("WPG.H01.WPA01.B83", "WPG.H01.WPA02.B83", "WPG.H01.WPA03.B83")
IT = (
    "LZR.DLR.Racks-AK.HPC-Wirkleistung",
    "LZR.alpha.Racks.HPC-Wirkleistung",
    "LZR.barnard.Racks-E12.Wirkleistung",
    "LZR.capella.Racks-E12.Wirkleistung",
)
Json = dict[str, Any]
Edit = Callable[[Json, Json], None]  # changes a log's line and its payload


def close_to(value: float) -> object:
    return pytest.approx(value, rel=1e-9)


def log_lines() -> list[Json]:
    with gzip.open(LOG, "rt") as file:
        return [json.loads(row) for row in file]


def written(path: Path, rows: Sequence[Json]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def replayed(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Json:
    code = main(["replay", *map(str, arguments), "-c", str(CONFIG), "--json"])
    assert code == 0
    found: Json = json.loads(capsys.readouterr().out)
    return found


def edited(path: Path, rows: Sequence[Json], edit: Edit) -> Path:
    out = []
    for row in map(dict, rows):
        payload = json.loads(row["payload"])
        edit(row, payload)
        out.append({**row, "payload": json.dumps(payload)})
    return written(path, out)


# -- known answers -------------------------------------------------------------------------------


def test_the_known_answers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    found = replayed(capsys, LOG, "--out", out)
    assert (found["messages"], found["readings"], found["rejected"]) == (12432, 12432, {})
    assert (found["from"], found["to"]) == ("2025-03-01T00:00:00Z", "2025-03-15T00:00:00Z")
    site = found["sites"]["zih-lzr"]
    energy, kpi = site["energy_kwh"], site["kpi"]
    assert energy["e_it"] == close_to(591455.3650949853)
    assert energy["e_dc"] == close_to(662131.9903710295)
    assert energy["e_reuse"] == close_to(46311.361049948966)
    assert kpi["ipue"]["value"] == close_to(1.119496126752851)
    assert kpi["erf"]["value"] == close_to(0.06994279346629685)
    assert kpi["ere"]["value"] == close_to(1.0411954403730572)
    assert kpi["ipue"]["estimated_share"] == close_to(0.0930418583064872)
    assert kpi["ipue"]["coverage"] == 1
    assert site["co2e_kg"] == {"location": close_to(227866.05019572686), "market": None}
    assert kpi["cue_location"]["value"] == close_to(0.385263307501036)
    assert kpi["cue_market"]["value"] is None
    assert kpi["cue_market"]["reason"] == "no_market_factor"
    assert "factor of 2024" in found["warnings"][0]
    rows = [json.loads(row) for row in out.read_text().splitlines()]
    for name, total in energy.items():
        cells = [r["value"] for r in rows if r["period"] == "cell" and r["quantity"] == name]
        assert len(cells) == 336
        assert math.fsum(cells) == total
    assert {r["period"] for r in rows} == {"cell", "hour", "day", "month", "log"}


def test_the_hours_are_those_of_the_known_extremes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "results.jsonl"
    replayed(capsys, LOG, "--out", out)
    rows = (json.loads(row) for row in out.read_text().splitlines())
    hours = {
        r["start"]: r["value"] for r in rows if (r["period"], r["quantity"]) == ("hour", "ipue")
    }
    assert min(hours.values()) == hours["2025-03-12T09:00:00Z"] == close_to(1.1168465262292933)
    assert max(hours.values()) == hours["2025-03-13T08:00:00Z"] == close_to(1.1637814376701021)
    # the mean of ratios is another number: ratios are never averaged
    assert math.fsum(hours.values()) / 336 == close_to(1.1194844081305702)


@pytest.mark.parametrize("stamp", ["2025-03-13T08:00:00Z", "2025-03-13T08:12:34.5Z"])
def test_a_single_sample_of_each_point_gives_its_ratios(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, stamp: str
) -> None:
    rows = [row for row in log_lines() if row["tst"] == "2025-03-13T08:00:00Z"]
    assert len(rows) == 37

    def restamp(row: Json, payload: Json) -> None:
        row["tst"] = payload["TimeInstant"] = stamp

    found = replayed(capsys, edited(tmp_path / "one.jsonl", rows, restamp))
    kpi = found["sites"]["zih-lzr"]["kpi"]
    assert kpi["ipue"]["value"] == close_to(1.1637814376701021)
    assert kpi["ere"]["value"] == close_to((1 - kpi["erf"]["value"]) * kpi["ipue"]["value"])
    assert found["readings"] == 37


def test_doubled_heat_pumps_raise_e_dc_by_their_energy(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def doubled(row: Json, payload: Json) -> None:
        if row["topic"].split("/")[2] in HEAT_PUMPS:
            payload["value"] *= 2

    before = replayed(capsys, LOG)["sites"]["zih-lzr"]["energy_kwh"]
    after = replayed(capsys, edited(tmp_path / "two.jsonl", log_lines(), doubled))
    energy = after["sites"]["zih-lzr"]["energy_kwh"]
    rise = math.fsum(before[name] for name in HEAT_PUMPS)
    assert energy["e_dc"] - before["e_dc"] == close_to(rise)
    assert energy["e_it"] == before["e_it"]


def test_payloads_as_json_values_with_another_key_and_zstd(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What `mosquitto_sub -F %J` writes, from a site with another API key."""
    rows = log_lines()[:1776]
    whole = replayed(capsys, written(tmp_path / "text.jsonl", rows))
    for row in rows:
        row["payload"] = json.loads(row["payload"])
        row["topic"] = row["topic"].replace("APIKEY", "other-key")
        row["tst"] = row["tst"].replace("Z", ".000000Z+0000")
    again = replayed(capsys, written(tmp_path / "values.jsonl", rows))
    assert again == whole
    assert whole["to"] == "2025-03-03T00:00:00Z"


def test_a_silent_system_leaves_its_hours_out_of_every_ratio(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """G3, against the log without the hours in which one IT meter is missing."""
    rows = log_lines()
    gone = {"2025-03-02T05:00:00Z", "2025-03-02T06:00:00Z"}
    holed = [r for r in rows if not (r["tst"] in gone and IT[0] in r["topic"])]
    without = [r for r in rows if r["tst"] not in gone]
    found = replayed(capsys, written(tmp_path / "holed.jsonl", holed))["sites"]["zih-lzr"]
    expected = replayed(capsys, written(tmp_path / "without.jsonl", without))["sites"]["zih-lzr"]
    for name in ("ipue", "erf", "ere", "cue_location", "ppue_cooling"):
        assert found["kpi"][name]["value"] == close_to(expected["kpi"][name]["value"])
        assert found["kpi"][name]["coverage"] == close_to(334 / 336)
    assert found["energy_kwh"]["e_it"] == close_to(expected["energy_kwh"]["e_it"])
    pump = "LZR.E60.ABG07.B83.W"
    assert found["energy_kwh"][pump] > expected["energy_kwh"][pump]  # a meter keeps what it counted


# -- live is replay: in process --------------------------------------------------------------------

DAYS = 3 * 37 * 24


def ledger_bytes(tmp: Path, batches: Sequence[RawBatch]) -> list[Json]:
    """The exported lines of batches given one after the other."""
    config = load(CONFIG)
    path = tmp / f"ledger-{random.getrandbits(60):x}.db"
    store = Store(path, durable=False)
    try:
        pipeline = Pipeline(config, store, pinned=True)
        number = 1
        for batch in batches:
            pipeline.handle(number, batch)
            number += len(batch)
        pipeline.handle(number, Event("end", 0))
        pipeline.commit()
    finally:
        store.close()
    with Ledger(path) as ledger:
        found = list(lines(ledger, config.plan().sites))
    path.unlink()
    return found


def cut(batch: RawBatch, order: Sequence[int], borders: Sequence[int]) -> list[RawBatch]:
    cuts = sorted({0, *borders, len(order)})
    return [batch.rows(order[lo:hi]) for lo, hi in pairwise(cuts)]


@pytest.fixture(scope="module")
def short_log() -> RawBatch:
    first = next(read_log(LOG, batch=DAYS))
    assert isinstance(first, RawBatch)
    return first


@pytest.fixture(scope="module")
def undisturbed(short_log: RawBatch, tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    return ledger_bytes(tmp_path_factory.mktemp("whole"), [short_log])


@settings(max_examples=4)
@given(data=st.data())
def test_any_batches_any_order_within_the_lateness_any_repetition(
    short_log: RawBatch,
    undisturbed: list[Json],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    chance = random.Random(data.draw(st.integers(0, 2**32)))
    hour = 37  # stamps of one hour are equal: their order is free, three times over
    order: list[int] = []
    for begin in range(0, len(short_log), hour):
        part = list(range(begin, min(begin + hour, len(short_log)))) * 3
        chance.shuffle(part)
        order += part
    borders = data.draw(st.lists(st.integers(0, len(order)), max_size=6))
    found = ledger_bytes(tmp_path_factory.mktemp("cut"), cut(short_log, order, borders))
    assert found == undisturbed


def test_shuffled_beyond_the_lateness_the_newest_revisions_are_the_same(
    short_log: RawBatch, undisturbed: list[Json], tmp_path: Path
) -> None:
    order = list(range(len(short_log)))
    random.Random(5).shuffle(order)
    found = ledger_bytes(tmp_path, cut(short_log, order, range(0, len(order), 500)))
    assert found == undisturbed
