"""A simulated site moves with weather, load and its plant as physics says."""

from typing import Any

import pytest

from greendc.simulate.site import chunks
from tests.simulate.sites import (
    CHILLED,
    DX,
    OUTSIDE,
    PLANTS,
    STILL,
    SUMMER,
    WINTER,
    scenario,
    site,
    totals,
)


def hall(**load: Any) -> list[dict[str, Any]]:
    given = site()["halls"][0]
    return [given | {"load": load}]


@pytest.mark.parametrize("start", [SUMMER, WINTER])
@pytest.mark.parametrize("plant", PLANTS)
def test_warmer_weather_never_needs_less_cooling(plant: str, start: str) -> None:
    cooling = [
        totals(
            site(plant=PLANTS[plant], weather={"place": "tokyo", "warmer_k": warmer}), start
        ).subsystem("cooling")
        for warmer in (0.0, 1.0, 3.0, 30.0)
    ]
    assert cooling == sorted(cooling)
    assert cooling[0] < cooling[-1]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_fuller_site_has_a_better_pue(plant: str) -> None:
    found = [
        totals(site(plant=PLANTS[plant], halls=hall(mean=mean, **STILL))) for mean in (0, 0.3, 0.6)
    ]
    pue = [one.e_dc / one.e_it(3) for one in found]
    assert pue == sorted(pue, reverse=True)
    assert pue[0] > pue[-1] > 1


def test_losses_on_the_way_make_the_categories_differ() -> None:
    found = totals(site())
    assert found.e_it(1) > found.e_it(2) > found.e_it(3) > 0


def test_an_economiser_spares_the_chillers_in_winter_and_is_no_use_in_summer() -> None:
    def chillers(start: str, **more: Any) -> int:
        plant = CHILLED | {"supply_c": 12.0} | more
        return totals(site(plant=plant), start).at(["cool_chiller"])

    assert chillers(WINTER) < 0.1 * chillers(WINTER, economiser=False)
    assert chillers(SUMMER) == chillers(SUMMER, economiser=False) > 0


def test_a_wet_pad_spares_the_compressors_in_summer() -> None:
    def found(share: float) -> tuple[int, int]:
        one = totals(site(plant=OUTSIDE | {"evaporative": share}))
        return one.at(["cool_crac"]), one.volume.get("hall-pad-water.none", 0)

    (dry, none), (wet, water) = found(0.0), found(0.8)
    assert wet < dry
    assert none == 0 < water


def test_outside_air_alone_cools_a_winter_day() -> None:
    assert totals(site(plant=OUTSIDE), WINTER).at(["cool_crac"]) == 0
    assert totals(site(plant=DX), WINTER).at(["cool_crac"]) > 0


def test_a_tower_takes_water_and_gives_a_third_of_what_evaporates_back() -> None:
    found = totals(site()).volume
    evaporated, off = found["tower-evaporated.none"], found["tower-blowdown.none"]
    assert off == pytest.approx(evaporated / 3, rel=1e-6)
    assert found["water.w_in"] == evaporated + off
    assert "water.w_in" not in totals(site(plant=CHILLED | {"sink": "dry"})).volume


def test_evaporation_carries_the_heat_of_the_tower() -> None:
    found = totals(site())
    litres = found.volume["tower-evaporated.none"] / 1e6
    rejected = found.energy["tower.none"] / 1e3
    assert litres * 2.45e6 == pytest.approx(0.85 * rejected, rel=1e-6)


def test_slower_fans_save_by_the_cube() -> None:
    def fans(units: int) -> int:
        air = {"units": units, "least_speed": 0.1}
        halls = [site()["halls"][0] | {"air": air, "load": STILL}]
        return totals(site(halls=halls)).at(["cool_crah_fan"])

    # twice the fans at half the speed: 2 x (1/2)^3
    assert fans(4) == pytest.approx(fans(2) / 4, rel=1e-3)


def test_a_heat_pump_gives_what_it_takes_and_draws() -> None:
    reuse = {"source_w": 20e3}
    warm, cold = totals(site(reuse=reuse)), totals(site(reuse=reuse), WINTER)
    for one in (warm, cold):
        assert one.at(["q_reuse"]) == one.energy["reuse-source.none"] + one.at(["reuse_hp"])
        assert one.at(["q_reuse"]) <= one.at(["q_available"]) + one.at(["reuse_hp"])
    assert cold.at(["q_reuse"]) > 3 * warm.at(["q_reuse"])
    plain = totals(site())
    assert warm.at(["q_removed"]) == plain.at(["q_removed"])
    assert warm.subsystem("cooling") < plain.subsystem("cooling")


def test_panels_spare_the_utility_and_export_what_is_left() -> None:
    dark, small, large = (
        totals(site(solar={"peak_w": peak}) if peak else site()) for peak in (0, 20e3, 2e6)
    )
    assert small.at(["util"]) < dark.at(["util"])
    assert small.at(["export"]) == 0 < large.at(["export"])
    assert small.e_it(3) == dark.e_it(3)
    # PUE does not see the panels but for what the transformer loses less
    assert small.e_dc == pytest.approx(dark.e_dc, rel=1e-3)


def test_more_humid_rooms_need_more_water_in_winter() -> None:
    def water(dew: float) -> int:
        humidity = {"fresh_m3s": 0.5, "dew_point_c": dew}
        return totals(site(humidity=humidity), WINTER).volume["humidifier-water.none"]

    assert 0 < water(2.0) < water(9.0)


def test_one_conversion_less_saves_the_losses_of_the_ups() -> None:
    """400 VDC against double conversion at the same load (STANDARDS 2.4): rectifiers lose less."""
    feeds = [
        {"id": name, "rectifier": {"rated_w": 100e3, "a": 0.005, "b": 0.015, "c": 0.01}}
        for name in "ab"
    ]
    direct, double = totals(site(feeds=feeds)), totals(site())
    assert direct.e_it(3) == double.e_it(3)
    assert direct.subsystem("power") < double.subsystem("power")


def test_where_fans_blow_too_little_racks_draw_their_own_exhaust() -> None:
    def inlet(flow: float) -> float:
        halls = [site()["halls"][0] | {"air": {"flow_m3s": flow}}]
        built = scenario(site(halls=halls))
        chunk = next(chunks(built, built.sites[0]))
        return float(chunk.states["hall-rack-01-top.t_inlet"].mean())

    assert inlet(1.0) > inlet(4.0) + 5
