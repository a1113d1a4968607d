"""With each fault every hour is right within its stated uncertainty, or absent; and it is named.

The truth is summed in whole numbers from the plant's steps; figures come from log and site file.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from greendc.calendars import parse_rfc3339
from greendc.simulate.labels import EXPECTED
from greendc.simulate.rules import METER_FAULTS, PLANT_FAULTS
from greendc.simulate.scenario import Scenario
from greendc.simulate.traffic import Traffic
from tests.simulate import sites
from tests.simulate.kit import RACK, UTIL, Replayed, fault, replayed, scenario
from tests.simulate.names import names

EACH = {"class": 1, "interval": "60s", "unit": "kW", "resolution": 0.001}
METERING: tuple[dict[str, Any], ...] = (
    {"points": ["*.util"], **EACH, "unit": "kWh", "kind": "register", "modulus": 10_000},
    {"points": ["*.ups_*", "*.rect_*", "*.genset_out", "*.it_in", "*.cool_*"], **EACH},
)
FIGURES = ("e_dc", "e_it", "subsystem_cooling", "co2e_location")
AT_MOST = 1.5  # uncertainties; one error of 370 exceeds it
ROUNDING = 0.002  # kWh, and kg: of a register at both ends of an hour
OF_REGISTERS = {"rollover", "reset", "dip", "replacement"}
OF_ONE_READING = {"dip", "spike"}
FOUND_BY_BALANCE = {"missing_phase"}


class Hour(NamedTuple):
    """A figure of an hour; `true` is what flowed in the time that is known."""

    quantity: str
    coverage: float
    value: float
    uncertainty: float
    true: float

    @property
    def right(self) -> bool:
        return abs(self.value - self.true) <= AT_MOST * self.uncertainty + ROUNDING


def hours(given: Scenario, folder: Path) -> Iterator[Hour]:
    """What greendc says of all hours, where it says something, beside the truth."""
    traffic = Traffic(given, given.start, given.end)
    for _ in traffic.messages():
        pass
    (account,) = traffic.accounts
    for row in map(orjson.loads, (folder / "figures.jsonl").read_bytes().splitlines()):
        name = row["quantity"]
        if row["period"] != "hour" or name not in FIGURES:
            continue
        start, end = map(parse_rfc3339, (row["start"], row["end"]))
        if end > given.end:
            continue
        if row["value"] is None:
            assert row["reason"] is not None
            continue
        true = account.totals(start, end).figures()[names(3)[name]]
        share = row["coverage"]
        assert share > 0.0
        yield Hour(name, share, row["value"], row["uncertainty"], share * true)


def meter_fault(kind: str) -> Scenario:
    """Six hours with a fault in the third one, or seven in all of which it is."""
    first, last = (0, 420) if kind in FOUND_BY_BALANCE else (120, 180)
    last = first + 1 if kind in OF_ONE_READING else last
    meter = UTIL if kind in OF_REGISTERS else RACK
    return scenario(METERING, [fault(kind, meter, first, last)], span=f"{max(6, last // 60)}h")


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    folder = tmp_path_factory.mktemp("without")
    given = scenario(METERING, span="6h")
    found = replayed(given, folder)
    assert len([hour for hour in hours(given, folder) if hour.right]) == 6 * len(FIGURES)
    return found


@pytest.mark.parametrize("kind", METER_FAULTS)
def test_a_fault_of_a_meter(kind: str, tmp_path: Path, without: Replayed) -> None:
    given = meter_fault(kind)
    found = replayed(given, tmp_path)
    expected = EXPECTED[kind]
    assert expected.word in found.words - without.words
    told = list(hours(given, tmp_path))
    wrong = {hour.quantity for hour in told if not hour.right}
    whole = sum(hour.coverage > 0.9999 for hour in told)
    assert bool(wrong) == (expected.figures == "wrong")
    assert (whole < 6 * len(FIGURES)) == (expected.figures == "missing")
    assert whole >= 5 * len(FIGURES) - 1  # what is good is not thrown away with the bad
    if kind in FOUND_BY_BALANCE:
        assert wrong == {"e_it"}
        assert found.findings == {expected.word}
    else:
        assert not found.findings


PLANT: Mapping[str, tuple[str, dict[str, Any]]] = {
    "chiller_failed": ("chiller-1", {}),
    "filter_blocked": ("hall-crah-2", {}),
    "damper_stuck": ("economiser", {}),
    "ups_bypass": ("ups-a", {}),
    "dc_undervoltage": ("rect-a", {"rectifier": {"rated_w": 100e3}}),
    "dc_overvoltage": ("rect-a", {"rectifier": {"rated_w": 100e3}}),
    "hot_aisle_leak": ("hall", {}),
    "utility_lost": ("feed-a", {}),
}


@pytest.mark.parametrize("kind", PLANT_FAULTS)
def test_a_fault_of_the_plant_is_metered_like_anything_else(kind: str, tmp_path: Path) -> None:
    what, feed = PLANT[kind]
    hall = {"id": "hall", "racks": 3, "rack_w": 15e3, "air": {"units": 3}}
    entry = {"kind": kind, "what": what, "from": "2025-01-20T02:00:00Z", "for": "2h"}
    more = {"halls": [hall], "metering": METERING, "faults": [entry]}
    if feed:
        more["feeds"] = [{"id": name, **feed} for name in "ab"]
    given = sites.scenario(sites.site(**more), sites.WINTER, span="6h")
    found = replayed(given, tmp_path)
    told = list(hours(given, tmp_path))
    assert [hour for hour in told if not hour.right or hour.coverage < 0.9999] == []
    assert len(told) == 6 * len(FIGURES)
    assert not found.findings  # no meter is accused of what the plant does
