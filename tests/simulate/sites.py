"""Sites for tests: small ones to change, and any there can be."""

from typing import Any

from hypothesis import strategies as st

from greendc.core.facility import HOUR
from greendc.simulate.account import Account, Totals
from greendc.simulate.scenario import Scenario
from greendc.simulate.site import chunks

SUMMER, WINTER = "2025-07-21T00:00:00Z", "2025-01-20T00:00:00Z"
DX: dict[str, Any] = {"kind": "dx", "unit_w": 60e3}
CHILLED: dict[str, Any] = {
    "kind": "chilled_water",
    "chillers": 2,
    "chiller_w": 80e3,
    "pump_w": 2e3,
    "sink_pump_w": 1e3,
    "sink_fan_w": 3e3,
}
OUTSIDE: dict[str, Any] = {"kind": "outside_air", "trim_w": 120e3, "evaporative": 0.7}
PLANTS = {"dx": DX, "chilled_water": CHILLED, "outside_air": OUTSIDE}
STILL = {"noise": 0.0, "jobs": 0.0, "swing": 0.0}


def site(**more: Any) -> dict[str, Any]:
    """A hall of twenty racks of 4 kW on two feeds."""
    feed = {
        "ups": {"rated_w": 100e3, "battery": {"energy_kwh": 20, "charge_w": 5e3}},
        "generator": {"rated_w": 200e3, "start": "20s"},
        "transformer": {"rated_w": 250e3},
    }
    found: dict[str, Any] = {
        "id": "site",
        "zone": "Asia/Tokyo",
        "weather": {"place": "tokyo"},
        "feeds": [{"id": "a", **feed}, {"id": "b", **feed}],
        "halls": [{"id": "hall", "racks": 20, "rack_w": 4e3, "air": {"units": 3}}],
        "plant": CHILLED,
    }
    return found | more


def scenario(found: dict[str, Any], start: str = SUMMER, **more: Any) -> Scenario:
    given = {"start": start, "step": "60s", "sites": [found], **more}
    return Scenario.model_validate(given)


def totals(found: dict[str, Any], start: str = SUMMER, hours: int = 24, **more: Any) -> Totals:
    """What a site adds up to in some hours."""
    built = scenario(found, start, **more)
    account = Account(built, built.sites[0])
    for chunk in chunks(built, built.sites[0], end=built.start + hours * HOUR):
        account.add(chunk)
    return account.totals(built.start, account.end)


# -- any site ---------------------------------------------------------------------------------


def share(low: float = 0.0, high: float = 1.0) -> st.SearchStrategy[float]:
    return st.floats(low, high)


@st.composite
def converters(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {"rated_w": draw(st.floats(50e3, 500e3)), "a": draw(share(0, 0.03))}
    if draw(st.booleans()):
        found["battery"] = {"energy_kwh": 40, "charge_w": draw(st.floats(2e3, 50e3))}
    return found


@st.composite
def feeds(draw: st.DrawFn, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": name,
        draw(st.sampled_from(["ups", "rectifier"])): draw(converters()),
        "pdu_loss": draw(share(0, 0.03)),
    }
    if draw(st.booleans()):
        found["transformer"] = {"rated_w": 600e3}
    if draw(st.booleans()):
        test = {"weekday": "mon", "hour": draw(st.integers(0, 22)), "every": 1}
        found["generator"] = {"rated_w": 600e3, "test": test}
    if draw(st.booleans()):
        found["room"] = "h0"
    return found


@st.composite
def halls(draw: st.DrawFn, number: int, names: list[str]) -> dict[str, Any]:
    return {
        "id": f"h{number}",
        "racks": draw(st.integers(1, 5)),
        "rack_w": draw(st.floats(100.0, 30e3)),
        "feeds": draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)),
        "light_w": draw(st.sampled_from([0.0, 333.3])),
        "load": {
            "mean": draw(share()),
            "swing": draw(share()),
            "shape": draw(st.sampled_from(["flat", "office", "evening", "batch"])),
        },
        "air": {"units": draw(st.integers(1, 3)), "bypass": draw(share())},
    }


def plants() -> st.SearchStrategy[dict[str, Any]]:
    chilled = st.builds(
        lambda sink, economiser: CHILLED | {"sink": sink, "economiser": economiser},
        st.sampled_from(["tower", "dry"]),
        st.booleans(),
    )
    return st.one_of(st.just(DX), chilled, st.just(OUTSIDE))


FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "ups_bypass", "what": "ups-*"},
    {"kind": "dc_overvoltage", "what": "rect-*", "by": 405.0},
    {"kind": "filter_blocked", "what": "h0-*"},
    {"kind": "hot_aisle_leak", "what": "h*"},
    {"kind": "damper_stuck", "what": "*"},
    {"kind": "chiller_failed", "what": "chiller-1"},
    {"kind": "chiller_failed", "what": "h0-trim"},
)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Any site with any plant and any faults of it, two hours about a full one."""
    names = ["a", "b", "c"][: draw(st.integers(1, 3))]
    start = draw(st.integers(0, 20_000)) * 24 + draw(st.integers(0, 23))
    first = f"{1970 + start // 8766:04d}-{1 + start % 12:02d}-{1 + start % 28:02d}"
    begin = f"{first}T{start % 24:02d}:00:00Z"
    faults = draw(st.lists(st.sampled_from(FAULTS), max_size=3))
    found: dict[str, Any] = {
        "id": "any",
        "zone": draw(st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "Asia/Kolkata"])),
        "weather": draw(st.sampled_from([{"place": "sapporo"}, {"epw": "leesburg"}])),
        "feeds": [draw(feeds(name)) for name in names],
        "halls": [draw(halls(number, names)) for number in range(draw(st.integers(1, 2)))],
        "plant": draw(plants()),
        "humidity": {"fresh_m3s": draw(st.sampled_from([0.0, 0.5]))},
        "faults": [{**fault, "from": begin, "for": "1h"} for fault in faults],
    }
    if draw(st.booleans()):
        found["solar"] = {"peak_w": draw(st.floats(1e3, 1e6))}
    if draw(st.booleans()) and found["plant"] is not DX:
        found["reuse"] = {"source_w": draw(st.floats(1e3, 200e3))}
    step = draw(st.sampled_from(["10s", "60s", "600s"]))
    return scenario(found, begin, step=step, seed=draw(st.integers(0, 2**32 - 1)), span="2h")
