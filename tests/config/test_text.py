"""What `greendc check` says of small sites."""

from pathlib import Path

import pytest

from greendc.config import check_text
from greendc.core.accounts import book
from tests.config.kit import FEED, PDU, PUMP, UPS, loaded, site

REUSE = "{id: q, point: q_reuse, unit: kW, kind: instant}"
ALL = """
emissions:
  location: {table: carbontracker, zone: DEU}
  market: {factor: 0, year: 2025, source: contract}"""


def figures(folder: Path, text: str) -> dict[str, str]:
    """Each figure and its reason, "" where it can be computed."""
    rows = check_text(loaded(folder, text)).split("  Figures\n")[1].split("  Remarks")[0]
    words = [line.split() for line in rows.splitlines() if line.strip()]
    return {w[1]: "" if w[0] == "yes" else w[2].rstrip(":") for w in words}


def test_a_site_that_gives_all(tmp_path: Path) -> None:
    light = "{id: l, point: aux_light, unit: kW, kind: instant}"
    loss = "{id: d, point: loss_power, unit: kW, kind: instant}"
    pump = "{id: hp, point: reuse_hp, unit: kW, kind: instant}"
    found = figures(tmp_path, site(FEED, UPS, PUMP, REUSE, light, loss, pump, more=ALL))
    assert set(found.values()) == {""}
    assert {"ipue", "pue", "dcie", "erf", "ere", "co2e_market", "ppue_other"} <= set(found)


@pytest.mark.parametrize(
    ("meters", "more", "absent"),
    [
        ((FEED,), ALL, {"ipue": "no_it_meter", "cue_location": "no_it_meter", "co2e_location": ""}),
        ((UPS,), "", {"ipue": "no_e_dc", "pue": "no_e_dc", "erf": "no_reuse_meter"}),
        (
            (FEED, UPS),
            "",
            {"cue_market": "no_market_factor", "co2e_location": "no_location_factor"},
        ),
        ((FEED, UPS), "", {"ppue_cooling": "no_meter", "ppue_other": "", "ipue": ""}),
    ],
)
def test_why_a_figure_is_not_there(
    meters: tuple[str, ...], more: str, absent: dict[str, str], tmp_path: Path
) -> None:
    found = figures(tmp_path, site(*meters, more=more))
    assert {name: found[name] for name in absent} == absent


def test_each_category_is_a_figure(tmp_path: Path) -> None:
    found = figures(tmp_path, site(FEED, UPS, PDU, more="e_it: {1: [ups], 2: [pdu]}"))
    assert (found["ipue"], found["ipue_cat1"]) == ("", "")


def test_it_meters_alone_make_no_pue(tmp_path: Path) -> None:
    """E_DC would be E_IT: a PUE is by definition more than 1 (EN 50600-4-2 5.1)."""
    below = "e_dc: bottom_up"
    found = figures(tmp_path, site(PDU, more=f"{below}\n{ALL}"))
    ratios = ("ipue", "pue", "dcie", "cue_location", "cue_market")
    assert {name: found[name] for name in ratios} == dict.fromkeys(ratios, "only_it")
    assert found["co2e_location"] == ""
    text = check_text(loaded(tmp_path, site(PDU, more=below)))
    assert "it is E_IT, and 1 would be no PUE" in text
    assert "no cooling in E_DC: what is computed from it is no PUE of the whole site" in text
    assert "no losses of the power supply in E_DC" in text
    (found_site,) = loaded(tmp_path, site(PDU, more=below)).plan().sites
    laid = {account.name for account in book(found_site, found_site.epochs[0]).accounts}
    assert {"e_dc", "e_it"} <= laid
    assert "ipue" not in laid


def test_anything_beside_it_makes_one_and_what_it_lacks_is_told(tmp_path: Path) -> None:
    text = site(PDU, PUMP, more="e_dc: bottom_up")
    assert figures(tmp_path, text)["ipue"] == ""
    told = check_text(loaded(tmp_path, text))
    assert "no cooling in E_DC" not in told
    assert "no losses of the power supply in E_DC" in told
    two = site(UPS, PDU, more="e_dc: bottom_up\ne_dc_meters: [ups]\ne_it: {1: [ups], 2: [pdu]}")
    found = figures(tmp_path, two)
    assert (found["ipue"], found["ipue_cat1"]) == ("", "only_it")


def test_the_tree_of_a_metered_boundary(tmp_path: Path) -> None:
    export = "{id: x, point: export, unit: kW, kind: instant, class: 0.5}"
    more = "derived: [{id: it, point: ups_out, difference: [ups, fan]}, {id: k, constant_w: 5}]"
    fan = "{id: fan, point: cool_crah_fan, unit: kW, kind: instant}"
    ups = "{id: ups, point: tx_out, unit: kW, kind: instant}"
    text = check_text(loaded(tmp_path, site(FEED, export, ups, fan, more=more)))
    for line in (
        "└─ less x (export): power, instant every 1min, class 0.5",
        "│  └─ it (ups_out) = ups - fan",
        "├─ cooling",
        "└─ other = E_DC less all of these",
        "└─ k (none) = 5 W at all times",
    ):
        assert line in text


def test_remarks(tmp_path: Path) -> None:
    entering = [f"{{id: in{i}, point: ups_in, unit: kW, kind: instant}}" for i in (1, 2)]
    more = "min_it_power_w: [{value: 1}, {from: 2025-03-01T00:00:00Z, value: 2}]"
    text = check_text(loaded(tmp_path, site(FEED, UPS, *entering, more=more)))
    assert "the sums change at 2025-03-01T00:00:00Z; shown is the newest" in text
    assert "2 ups_in and 1 ups_out: not the same units on both sides" in text
    assert "no_accuracy where feed, ups together hold" in text


def test_a_register_whose_factor_changes_is_remarked_on(tmp_path: Path) -> None:
    dated = "[{value: 1}, {from: 2025-03-01T00:00:00Z, value: 40}]"
    register = f"{{id: r, point: util, quantity: energy, unit: kWh, multiplier: {dated}}}"
    assert "r: a register with a dated multiplier" in check_text(loaded(tmp_path, site(register)))
    assert "a register" not in check_text(loaded(tmp_path, site(FEED)))
