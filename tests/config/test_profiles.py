"""A meter is what it says, and what its profile says beside it."""

from pathlib import Path

from tests.config.kit import FEED, loaded, site

PROFILES = """
profiles:
  rack: {unit: kW, kind: instant, range: [0, 6], spike: 4, frozen_after: 1h, multiplier: 10}
  spare: {point: none, quantity: power, unit: W}
"""


def text(*meters: str) -> str:
    return site(FEED, *meters)


def test_a_profile_is_as_if_it_stood_in_each_meter(tmp_path: Path) -> None:
    rules = "unit: kW, kind: instant, range: [0, 6], spike: 4, frozen_after: 1h, multiplier: 10"
    short = text("{id: a, profile: rack, point: it_in}", "{id: b, profile: rack, point: cool_pump}")
    long = text(f"{{id: a, point: it_in, {rules}}}", f"{{id: b, point: cool_pump, {rules}}}")
    by_profile, by_meter = loaded(tmp_path, short + PROFILES), loaded(tmp_path, long)
    assert by_profile.body() == by_meter.body()
    assert by_profile.figures_hash() == by_meter.figures_hash()
    assert by_profile.plan() == by_meter.plan()


def test_what_a_meter_says_goes_before_its_profile(tmp_path: Path) -> None:
    own = "{id: a, profile: rack, point: it_in, spike: 9, frozen_after: null, kind: mean_prev}"
    (found,) = loaded(tmp_path, text(own) + PROFILES).effective()["sites"]
    meter = found["meters"][1]
    assert (meter["spike"], meter["range"], meter["kind"]) == (9, [0, 6], "mean_prev")
    assert "frozen_after" not in meter
