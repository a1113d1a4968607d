"""Faults of the plant show in the truth, while they last and no longer."""

from typing import Any

import numpy as np
import pytest

from greendc.core.facility import HOUR
from greendc.ports import GreendcError
from greendc.simulate.scenario import Scenario
from greendc.simulate.site import chunks, points
from greendc.simulate.truth import Chunk
from tests.simulate.sites import CHILLED, DX, OUTSIDE, SUMMER, WINTER, scenario, site

BEGIN = "T06:00:00Z"
FIRST, LAST = 6 * 360, 8 * 360  # steps of 10 s


def run(fault: dict[str, Any], start: str = SUMMER, **more: Any) -> tuple[Chunk, Chunk]:
    """A day without and with a fault of two hours."""
    entry = {"from": start[:10] + BEGIN, "for": "2h", **fault}
    found = [scenario(site(faults=faults, **more), start, step="10s") for faults in ([], [entry])]
    for one in found:
        assert points(one, one.sites[0])
    clean, broken = (next(chunks(one, one.sites[0])) for one in found)
    return clean, broken


def where(clean: Chunk, broken: Chunk) -> list[int]:
    """First and last step in which any power or state differs."""
    columns = ((clean.powers, broken.powers), (clean.states, broken.states))
    gaps = [one[name] != other[name] for one, other in columns for name in one]
    steps = np.flatnonzero(np.any(gaps, axis=0))
    return [int(steps[0]), int(steps[-1])]


def test_on_bypass_a_ups_loses_less() -> None:
    clean, broken = run({"kind": "ups_bypass", "what": "ups-a"})
    assert where(clean, broken) == [FIRST, LAST - 1]
    lost, kept = broken.powers["ups-a.loss_power"], clean.powers["ups-a.loss_power"]
    assert np.all(lost[FIRST:LAST] < kept[FIRST:LAST])
    assert np.array_equal(broken.powers["ups-b.loss_power"], clean.powers["ups-b.loss_power"])


def test_where_a_chiller_fails_the_other_takes_over() -> None:
    clean, broken = run({"kind": "chiller_failed", "what": "chiller-1"})
    during = slice(FIRST, LAST)
    assert not broken.powers["chiller-1.cool_chiller"][during].any()
    assert broken.powers["chiller-2.cool_chiller"][during].all()
    assert np.array_equal(broken.states["hall.t_supply"], clean.states["hall.t_supply"])


def test_where_too_few_chillers_are_left_the_halls_get_warm() -> None:
    small = CHILLED | {"chiller_w": 40e3}
    clean, broken = run({"kind": "chiller_failed", "what": "chiller-1"}, plant=small)
    warmer = broken.states["hall.t_supply"] - clean.states["hall.t_supply"]
    assert warmer[FIRST - 1] == 0 < warmer[FIRST + 80] < warmer[LAST - 1]
    assert warmer[LAST + 20 * 6] == 0
    assert warmer[LAST - 1] > 3


def test_where_all_machines_fail_there_is_no_such_site() -> None:
    with pytest.raises(GreendcError, match="at least one of hall-crac-1"):
        run({"kind": "chiller_failed", "what": "hall-crac-*"}, plant=DX)


def test_without_compressors_a_hall_is_as_warm_as_the_air_that_comes_in() -> None:
    plant = OUTSIDE | {"evaporative": 0.0}
    clean, broken = run({"kind": "chiller_failed", "what": "hall-trim"}, plant=plant)
    assert clean.powers["hall-trim.cool_crac"][LAST - 1] > 0
    assert broken.powers["hall-trim.cool_crac"][LAST - 1] == 0
    warmer = broken.states["hall.t_supply"] - clean.states["hall.t_supply"]
    assert warmer[LAST - 1] == pytest.approx(broken.states["outside.t_oa"][LAST - 1] - 22.0)


@pytest.mark.parametrize(
    ("plant", "what", "power"),
    [
        (CHILLED, "economiser", "chiller-1.cool_chiller"),
        (OUTSIDE, "hall-damper", "hall-trim.cool_crac"),
    ],
)
def test_with_the_damper_stuck_machines_cool_in_winter(
    plant: dict[str, Any], what: str, power: str
) -> None:
    clean, broken = run({"kind": "damper_stuck", "what": what}, WINTER, plant=plant)
    assert not clean.powers[power].any()
    assert broken.powers[power][FIRST + 6 : LAST].all()
    assert where(clean, broken) == [FIRST, LAST + 5]  # it moves within a minute


def test_a_blocked_filter_costs_power_of_its_fan_alone() -> None:
    clean, broken = run({"kind": "filter_blocked", "what": "hall-crah-2", "by": 0.5})
    fan, same = "hall-crah-2.cool_crah_fan", "hall-crah-1.cool_crah_fan"
    ratio = broken.powers[fan][LAST - 1] / clean.powers[fan][LAST - 1]
    assert ratio == pytest.approx(1.5, rel=1e-6)
    assert np.array_equal(broken.powers[same], clean.powers[same])


def test_a_leak_of_the_hot_aisle_warms_the_tops_of_the_racks_most() -> None:
    clean, broken = run({"kind": "hot_aisle_leak", "what": "hall"})
    warmer = {
        height: broken.states[f"hall-rack-07-{height}.t_inlet"][LAST - 1]
        - clean.states[f"hall-rack-07-{height}.t_inlet"][LAST - 1]
        for height in ("top", "middle", "bottom")
    }
    assert warmer["top"] > warmer["middle"] > warmer["bottom"] > 0.3


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("dc_undervoltage", 200, 260), ("dc_overvoltage", 400, 410)]
)
def test_a_bus_out_of_its_band(kind: str, low: float, high: float) -> None:
    feeds = [{"id": name, "rectifier": {"rated_w": 100e3}} for name in "ab"]
    clean, broken = run({"kind": kind, "what": "rect-a"}, feeds=feeds)
    for name in ("rect-a.u_dc", "hall-rack-01-a.u_dc"):
        assert np.all((clean.states[name] > 360) & (clean.states[name] < 400))
        volts = broken.states[name][FIRST:LAST]
        assert np.all((volts > low - 4) & (volts < high))
    assert np.array_equal(broken.states["rect-b.u_dc"], clean.states["rect-b.u_dc"])
    assert np.array_equal(broken.powers["feed-a.util"], clean.powers["feed-a.util"])


def test_without_the_utility_the_battery_waits_for_the_generator() -> None:
    _, broken = run({"kind": "utility_lost", "what": "feed-a"})
    alone, after = slice(FIRST, FIRST + 2), slice(FIRST + 2, LAST)
    util, own = broken.powers["feed-a.util"], broken.powers["genset-a.genset_out"]
    battery, out = broken.powers["battery-a.none"], broken.powers["ups-a.ups_out"]
    assert not util[FIRST:LAST].any()
    assert not own[alone].any()
    assert not broken.powers["ups-a.ups_in"][alone].any()
    assert np.array_equal(-battery[alone], out[alone] + broken.powers["ups-a.loss_power"][alone])
    assert np.all(own[after] > 0)
    charged = battery[battery > 0].sum()
    assert charged == pytest.approx(-battery[alone].sum() / 0.9, abs=1)
    assert broken.powers["feed-b.util"][FIRST] > broken.powers["feed-b.util"][FIRST - 1]


def test_a_battery_still_charges_where_the_truth_is_asked_for_later() -> None:
    fault = {"kind": "utility_lost", "what": "feed-a", "from": SUMMER[:10] + BEGIN, "for": "2h"}
    slow = {"rated_w": 100e3, "battery": {"energy_kwh": 20, "charge_w": 900}}
    late = {"rated_w": 200e3, "start": "10min"}
    feeds = [feed | {"ups": slow, "generator": late} for feed in site()["feeds"]]
    built = scenario(site(feeds=feeds, faults=[fault]), step="10s")
    found = built.sites[0]
    whole = next(chunks(built, found))
    battery = whole.powers["battery-a.none"]
    assert battery[7 * 360] > 0
    later = next(chunks(built, found, built.start + 7 * HOUR, built.start + 8 * HOUR))
    assert np.array_equal(later.powers["battery-a.none"], battery[7 * 360 : 8 * 360])


def test_a_generator_is_tried_with_the_feeds_load() -> None:
    feeds = site()["feeds"]
    feeds[0]["generator"]["test"] = {"weekday": "mon", "hour": 10, "for": "30min", "every": 1}
    built = scenario(site(feeds=feeds), step="10s")  # a Monday; in Tokyo it is 9 h later
    chunk = next(chunks(built, built.sites[0]))
    runs = np.flatnonzero(chunk.powers["genset-a.genset_out"])
    assert [int(runs[0]), int(runs[-1]) + 1] == [360, 360 + 180]
    fuel = chunk.powers["genset-a.genset_fuel"][runs]
    assert np.all(fuel > 2.4 * chunk.powers["genset-a.genset_out"][runs])
    idle = chunk.powers["feed-a.util"][runs]
    assert np.all(idle == chunk.powers["tx-a.loss_power"][runs])


def test_a_fault_at_no_place_of_the_site_is_named() -> None:
    fault = {"kind": "ups_bypass", "what": "ups-c", "from": SUMMER, "for": "1h"}
    built: Scenario = scenario(site(faults=[fault]))
    with pytest.raises(GreendcError, match=r"nothing is called ups-c \(ups-a, ups-b\)"):
        points(built, built.sites[0])
