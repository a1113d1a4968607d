"""The truth file holds exact sums, and figures that follow from them."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from greendc.core.facility import HOUR, MINUTE
from greendc.simulate.account import Account, Totals
from greendc.simulate.parts.emissions import intensity
from greendc.simulate.site import chunks
from greendc.simulate.truth_file import truth, write_truth
from tests.simulate.sites import SUMMER, scenario, site

KWH = 3_600_000_000  # mJ
FAULT = {"kind": "ups_bypass", "what": "ups-a", "from": SUMMER, "for": "1h", "by": 2.0}


def account(cell: int = HOUR, hours: int = 30) -> Account:
    built = scenario(site(faults=[FAULT]), SUMMER[:11] + "14:00:00Z", step="60s", span=f"{hours}h")
    found = Account(built, built.sites[0], cell)
    for chunk in chunks(built, built.sites[0]):
        found.add(chunk)
    return found


def test_figures_are_those_of_the_standards() -> None:
    """A site of 1500 kWh at 400 g/kWh with 1000 kWh of IT, 150 of it solar, 60 exported."""
    totals = Totals(
        {
            "feed-a.util": 1410 * KWH,
            "solar.onsite_re": 150 * KWH,
            "feed-a.export": 60 * KWH,
            "ups-a.ups_out": 1030 * KWH,
            "pdu-h-a.pdu_out": 1010 * KWH,
            "h-rack-01-a.it_in": 1000 * KWH,
            "crac-1.cool_crac": 300 * KWH,
            "h.q_removed": 1200 * KWH,
            "reuse.q_reuse": 300 * KWH,
            "reuse.reuse_hp": 90 * KWH,
        },
        {"water.w_in": 1_800 * 10**6},
        1410 * KWH * 4000,
    )
    found = totals.figures()
    assert found["e_dc_kwh"] == 1500
    assert [found[f"pue_cat{category}"] for category in (3, 2, 1)] == [
        1.5,
        1500 / 1010,
        1500 / 1030,
    ]
    assert (found["e_reuse_kwh"], found["subsystem_reuse_kwh"]) == (300, 90)
    assert (found["erf"], found["ere_cat3"], found["cer"]) == (0.2, 1.2, 4.0)
    assert (found["co2e_location_kg"], found["cue_location_cat3"]) == (564.0, 0.564)
    assert (found["wue_cat3"], found["ppue_cooling_cat3"]) == (1.8, 1.3)


def test_without_it_there_is_no_ratio() -> None:
    found = Totals({"feed-a.util": KWH}, {}, 0).figures()
    assert found["erf"] == 0
    assert not [name for name in found if name.startswith("pue")]


def test_emissions_are_energy_by_the_hour_times_intensity() -> None:
    found = account()
    built, begin, end = found.scenario, found.starts[0], found.end
    factors = intensity(built, built.sites[0], begin, end).g_per_kwh
    rows = [found.names.index(f"feed-{name}.util") for name in "ab"]
    kwh = found.cells()[rows].sum(axis=0) / KWH
    expected = float(np.dot(kwh, factors)) / 1000
    assert found.totals(begin, end).figures()["co2e_location_kg"] == pytest.approx(
        expected, rel=1e-12
    )
    assert np.ptp(factors) > 20


def test_cells_of_any_size_add_up_to_the_same() -> None:
    coarse, fine = account(HOUR), account(5 * MINUTE)
    begin, end = coarse.starts[0], coarse.end
    assert coarse.totals(begin, end) == fine.totals(begin, end)
    first = fine.cells()[:, :12].sum(axis=1)
    assert np.array_equal(first, coarse.cells()[:, 0])


def test_a_cell_that_is_no_part_of_an_hour_is_refused() -> None:
    with pytest.raises(ValueError, match="divides an hour"):
        account(7 * MINUTE)


def test_days_that_the_span_holds_as_a_whole_have_figures() -> None:
    found = truth(account())  # from 23 h in Tokyo
    assert [(day["begin"], day["end"]) for day in found["days"]] == [
        ("2025-07-21T15:00:00Z", "2025-07-22T15:00:00Z")
    ]
    assert found["months"] == []
    assert found["days"][0]["pue_cat3"] > 1


def test_faults_are_told_with_all_that_was_done() -> None:
    told = truth(account(hours=1))["faults"][0]
    expected = {
        "kind": "ups_bypass",
        "what": "ups-a",
        "of": "plant",
        "from": "2025-07-21T00:00:00Z",
        "to": "2025-07-21T01:00:00Z",
        "by": 2.0,
    }
    assert expected.items() <= told.items()


def test_the_file_holds_every_cell(tmp_path: Path) -> None:
    found = account()
    write_truth(tmp_path / "truth.json", found)
    told = json.loads((tmp_path / "truth.json").read_text())
    with gzip.open(tmp_path / "truth.cells.jsonl.gz", "rt") as file:
        names, *rows = [json.loads(line) for line in file]
    flows = {"power", "thermal_power", "volume"}
    wanted = [n for n, point in told["points"].items() if point["quantity"] in flows]
    assert (names[0], sorted(names[1:])) == ("start", sorted(wanted))
    assert [row[0] for row in rows][:2] == ["2025-07-21T14:00:00Z", "2025-07-21T15:00:00Z"]
    sums = dict(zip(names[1:], np.array([row[1:] for row in rows]).sum(axis=0), strict=True))
    for name, total in sums.items():
        point = told["points"][name]
        assert total == point.get("energy_mj", point.get("volume_mm3"))
