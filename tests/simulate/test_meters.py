"""What meters show: kinds, classes, resolutions and styles, wherever the truth is cut."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from greendc.codecs import CODECS
from greendc.config import load
from greendc.core.facility import HOUR, SECOND
from greendc.ports import GreendcError
from greendc.simulate.faults import Schedule
from greendc.simulate.meters import devices
from greendc.simulate.payloads import STYLES
from greendc.simulate.publishing import batches
from greendc.simulate.readings import Readings
from greendc.simulate.scenario import Scenario
from greendc.simulate.site import chunks
from greendc.simulate.site_file import write_site_file
from greendc.simulate.traffic import Traffic
from tests.simulate.kit import BEGIN, RACK, UTIL, replayed, scenario, sent, truth

MINUTES = 240


def powers(found: Scenario, name: str) -> Any:
    """True power of each step [W]."""
    return np.concatenate([c.powers[name] for c in chunks(found, found.sites[0])]) / 1000


def rule(kind: str = "instant", **more: Any) -> dict[str, Any]:
    return {"points": ["*"], "kind": kind, **more}


def power_rule(kind: str = "instant", **more: Any) -> dict[str, Any]:
    return {**rule(kind, **more), "points": ["*.it_in"]}


def test_an_instant_reading_is_the_power_of_its_step() -> None:
    found = scenario([power_rule()])
    shown, true = sent(found, RACK), powers(found, RACK)
    assert [m.minute for m in shown] == list(range(MINUTES + 1))
    assert [m.value for m in shown[1:]] == pytest.approx(true, abs=0.051)


@pytest.mark.parametrize(("kind", "shift"), [("mean_prev", 5), ("mean_next", 0)])
def test_means_are_of_the_interval_before_or_after_their_stamp(kind: str, shift: int) -> None:
    found = scenario([power_rule(kind, interval="5min")])
    shown = sent(found, RACK)
    means = powers(found, RACK).reshape(-1, 5).mean(axis=1)
    assert [m.minute for m in shown] == [5 * n + shift for n in range(MINUTES // 5)]
    assert [m.value for m in shown] == pytest.approx(means, abs=0.051)
    assert {m.arrival - m.minute for m in shown if m.minute is not None} == {5 - shift}


def test_on_change_is_sent_as_the_number_shown_changes_and_once_an_hour() -> None:
    found = scenario([power_rule("on_change", resolution=100.0)])
    shown, true = sent(found, RACK), powers(found, RACK)
    held = dict.fromkeys(range(MINUTES))
    held |= {int(m.minute): m.value for m in shown if m.minute is not None}
    value, numbers = None, []
    for minute in range(MINUTES):
        value = held[minute] if held[minute] is not None else value
        numbers.append(value)
    assert numbers == pytest.approx(np.rint(true / 100) * 100)
    gaps = np.diff([m.minute for m in shown])
    assert gaps.max() <= 60
    assert len(shown) < MINUTES


def test_a_register_counts_every_joule_and_keeps_its_remainder() -> None:
    register = {"points": ["*.util"], "kind": "register", "unit": "kWh", "resolution": 0.5}
    shown = sent(scenario([register]), UTIL)
    counted = shown[-1].value - shown[0].value
    assert counted == pytest.approx(truth(scenario(), UTIL) / 3.6e9, abs=0.5)
    assert all(m.value % 0.5 == 0 for m in shown)
    assert all(later.value >= earlier.value for earlier, later in pairwise(shown))


@pytest.mark.parametrize("seed", range(8))
def test_no_reading_is_off_by_more_than_its_class(seed: int) -> None:
    found = scenario([{"points": ["*.it_in"], "class": 2.0, "resolution": 0.001}], seed=seed)
    shown = np.array([m.value for m in sent(found, RACK)[1:]])
    error = shown / powers(found, RACK) - 1
    assert np.abs(error).max() <= 0.02
    assert error.std() > 0.001  # by chance
    assert abs(error.mean()) > 10 * error.std() / np.sqrt(len(error)) or abs(error.mean()) < 0.002


def test_own_errors_fill_the_class_and_differ_by_meter_site_and_seed() -> None:
    def factors(**more: Any) -> list[float]:
        found = scenario([{"points": ["*.it_in", "*.cool_*"], "class": 1.0}], **more)
        return [m.factor for d in devices(found, found.sites[0]) for m in d.meters]

    several = [factor for seed in range(40) for factor in factors(seed=seed)]
    assert len(set(several)) == len(several)
    spread = (np.array(several) - 1) / 0.01
    assert 0.97 < np.abs(spread).max() < 1.0
    assert np.abs(spread.mean()) < 0.1
    assert spread.std() == pytest.approx(1 / np.sqrt(3), rel=0.1)


def test_temperatures_are_off_by_kelvins_not_by_a_share() -> None:
    found = scenario([{"points": ["outside.t_oa"], "class": 0.5, "unit": "degF"}])
    true = np.concatenate([c.states["outside.t_oa"] for c in chunks(found, found.sites[0])])
    shown = np.array([m.value for m in sent(found, "outside.t_oa")[1:]])
    assert np.abs((shown - 32) / 1.8 - true).max() <= 0.5
    assert np.abs((shown - 32) / 1.8 - true).max() > 0.005


def test_delay_and_jitter_move_the_arrival_and_not_the_stamp() -> None:
    found = scenario([power_rule(delay="3s", jitter="10s")])
    shown = sent(found, RACK)
    assert sorted(m.minute for m in shown if m.minute is not None) == list(range(MINUTES + 1))
    waits = [(m.arrival - m.minute) * 60 for m in shown if m.minute is not None]
    assert min(waits) >= 3 - 1e-6
    assert max(waits) <= 13 + 1e-6
    assert len({round(wait, 3) for wait in waits}) > 100


def test_arrivals_never_go_back() -> None:
    found = scenario([power_rule(jitter="90s"), rule(interval="5min", delay="200s")])
    times = [t for b in batches(Traffic(found, found.start, found.end)) for t in b.arrivals]
    assert times == sorted(times)
    assert times[-1] > found.end  # and what is on its way at the end arrives


def test_the_cut_of_the_truth_leaves_no_trace() -> None:
    rules = [
        {"points": ["*.util"], "kind": "register", "unit": "kWh", "resolution": 0.01},
        {"points": ["*.it_in"], "kind": "mean_prev", "interval": "7min", "class": 1.0},
        {"points": ["*.cool_*"], "kind": "on_change", "resolution": 10.0},
        {"points": ["*.ups_out"], "class": 0.5, "jitter": "1s"},
    ]
    faults = [
        {
            "kind": "reset",
            "what": UTIL,
            "from": "2025-06-03T00:30:00Z",
            "to": "2025-06-03T01:20:00Z",
        },
        {"kind": "frozen", "what": "*.ups_out", "from": "2025-06-03T00:50:00Z", "for": "30min"},
        {"kind": "dip", "what": UTIL, "from": "2025-06-03T03:00:00Z", "for": "1min"},
    ]
    found = scenario(rules, faults)
    site = found.sites[0]

    def rows(cuts: list[int]) -> list[tuple[Any, ...]]:
        senders = devices(found, site)
        readings = Readings(senders, Schedule(site.faults, senders))
        borders = [found.start, *(BEGIN + h * HOUR for h in cuts), found.end]
        parts = [c for a, b in pairwise(borders) for c in chunks(found, site, a, b)]
        return sorted(
            (int(m.device[i]), int(m.stamp[i]), int(m.arrival[i]), int(m.value[0, i]))
            for _, some in readings.stretches(parts)
            for m in some
            for i in range(len(m))
        )

    assert rows([1, 3]) == rows([]) == rows([1, 2, 3])


# -- payloads ---------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_greendc_reads_every_style_by_the_site_file(style: str, tmp_path: Path) -> None:
    energies = {"points": ["*.util", "*.it_in", "*.ups_out"], "unit": "kW", "resolution": 0.001}
    found = scenario([{**energies, "style": style}])
    made = replayed(found, tmp_path)
    assert made.result.rejected == {}
    assert made.result.readings == 4 * (MINUTES + 1)
    true = truth(found, RACK, RACK.replace("01", "02")) / 3.6e9
    assert made.total("e_it") == pytest.approx(true, rel=1e-3)


def test_all_of_a_device_can_stand_in_one_payload(tmp_path: Path) -> None:
    ups = {"points": ["ups-a.ups_*"], "style": "device", "topic": "dc/{site}/{place}", "unit": "kW"}
    util = {"points": ["*.util"], "unit": "kW"}
    found = scenario([ups, util])
    first = next(batches(Traffic(found, found.start, found.end)))
    (payload,) = {
        p
        for t, p in zip(first.topics, first.payloads, strict=True)
        if t == "dc/small/ups-a" and b"T00:00:00Z" in p
    }
    assert orjson.loads(payload).keys() == {"time", "ups_out", "ups_in"}
    made = replayed(found, tmp_path)
    assert made.result.readings == 3 * (MINUTES + 1)
    assert made.total("e_it") == pytest.approx(truth(found, "ups-a.ups_out") / 3.6e9, rel=1e-3)


def test_styles_are_of_codecs_that_exist(tmp_path: Path) -> None:
    for style in STYLES:
        found = scenario([rule(style=style, points=["*.util"])])
        traffic = Traffic(found, found.start, found.end)
        write_site_file(tmp_path / "site.yaml", found, traffic.sites)
        for route in load(tmp_path / "site.yaml").plan().routes:
            assert route.codec in CODECS


# -- what cannot be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (rule("register", points=["*.t_oa"]), "outside.t_oa: a register counts no temperature"),
        (rule(unit="kWh", points=["*.it_in"]), "kWh is no unit of power"),
        (rule(resolution=0.0001, points=["*.it_in"]), "finer than 0.001"),
        (rule(style="xml", points=["*.it_in"]), "style xml: unknown; there are json"),
        (rule(topic="dc/all", points=["*.it_in"]), "need topics of their own"),
    ],
)
def test_what_no_meter_can_do(one: dict[str, Any], message: str) -> None:
    found = scenario([one])
    with pytest.raises(GreendcError, match=message):
        Traffic(found, found.start, found.end)


def test_meters_of_a_topic_are_read_together() -> None:
    shared = {"topic": "dc/ups", "style": "device"}
    rules = [rule(points=["*.ups_in"], **shared), rule(points=["*.ups_out"], **shared, delay="1s")]
    with pytest.raises(GreendcError, match="shares dc/ups, so interval, style, delay, jitter"):
        devices(scenario(rules), scenario(rules).sites[0])


def test_a_meter_reads_no_oftener_than_the_plant_moves() -> None:
    found = scenario([rule(interval="10s", points=["*.it_in"])], step="15min")
    assert {d.interval for d in devices(found, found.sites[0])} == {900 * SECOND}
