"""Import and export of a site whose panels give more than it needs, by day."""

import numpy as np
import pytest

from greendc.core import nodes
from greendc.core.balance import FloatArray, Place, Windows
from greendc.core.checking import Suspect, Told
from greendc.core.directions import DIRECTIONS
from greendc.core.explaining import findings
from greendc.core.facility import HOUR
from greendc.core.mistakes import DIRECTION
from greendc.core.suspects import Finding, Known
from greendc.core.units import J_PER_KWH
from greendc.findings import Lasting, record

POINTS = {"grid": "util", "back": "export", "panels": "onsite_re", "hall": "it_in"}
CLASS, STEP = 0.005, 0.01  # kWh
EXCHANGED, NET, BLIND = (one.mistake for one in DIRECTIONS)
HOURS = np.arange(48)


def shown() -> dict[str, FloatArray]:
    """What sound meters count hour by hour, from midnight on. [kWh]"""
    random = np.random.default_rng(8)
    hall = 100 + 10 * np.sin(HOURS / 4) + random.normal(0, 2, len(HOURS))
    sun = np.maximum(0.0, -np.cos(HOURS * 2 * np.pi / 24))
    panels = 300 * sun * random.uniform(0.8, 1.0, len(HOURS))
    crossing = 1.01 * hall - panels
    grid, back = np.maximum(crossing, 0), np.maximum(-crossing, 0)
    found = {"grid": grid, "back": back, "panels": panels, "hall": hall}
    off = random.uniform(-0.8, 0.8, 4) * CLASS
    return {name: amount * (1 + e) for (name, amount), e in zip(found.items(), off, strict=True)}


def told(counted: dict[str, FloatArray], upto: int) -> list[Finding]:
    names = tuple(POINTS)
    energy = np.stack([counted[name] for name in names], axis=1) * J_PER_KWH
    start = HOURS.astype(np.int64) * HOUR
    limit = np.hypot(CLASS * energy, STEP * J_PER_KWH)
    every = Windows(names, start, start + HOUR, energy, limit)
    e_dc = [("grid", 1.0), ("panels", 1.0), ("back", -1.0)]
    fed = {"hall": ("grid", "panels"), "back": ("grid",)}
    chain = [*nodes.declared(fed, POINTS, {}), nodes.facility(e_dc, ["hall"])]
    none = np.full(len(names), np.nan)
    known = Known(none, list(POINTS.values()), np.zeros(len(names), np.bool_))
    part = every.between(slice(max(0, upto - 24), upto))
    return findings([Place.of(node, names) for node in chain], part, known)


@pytest.mark.parametrize("upto", [6, 12, 18, 24, 36, 48])
def test_a_sound_site_that_exports_has_no_finding(upto: int) -> None:
    assert told(shown(), upto) == []


@pytest.mark.parametrize("upto", [6, 12, 16, 24, 32, 40, 48])
def test_import_and_export_exchanged(upto: int) -> None:
    counted = shown()
    counted |= {"grid": counted["back"], "back": counted["grid"]}
    (found,) = told(counted, upto)
    assert [one.mistake for one in found.explanations] == [EXCHANGED]
    assert not found.undecided
    assert found.after is not None
    assert abs(found.after) < 0.03


@pytest.mark.parametrize("upto", [14, 17, 38, 41])
def test_a_net_meter_beside_one_of_export(upto: int) -> None:
    counted = shown()
    counted["grid"] = counted["grid"] - counted["back"]
    assert told(counted | {"back": 0.0 * counted["back"]}, upto) == []
    (found,) = told(counted, upto)
    assert found.explanations[0].mistake is NET


@pytest.mark.parametrize("upto", [14, 17, 38, 41])
def test_a_meter_that_knows_no_direction_beside_one_of_export(upto: int) -> None:
    counted = shown()
    counted["grid"] = counted["grid"] + counted["back"]
    (found,) = told(counted, upto)
    assert found.explanations[0].mistake is BLIND


@pytest.mark.parametrize("upto", [14, 17, 38, 41])
def test_a_meter_that_knows_no_direction_is_not_taken_for_two_exchanged(upto: int) -> None:
    """By night it was right, as none is that shows the other's."""
    counted = shown()
    counted |= {"grid": counted["grid"] + counted["back"], "back": 0.0 * counted["back"]}
    found = told(counted, upto)
    assert found
    assert all(one.undecided or not one.explanations for one in found)
    assert all(e.mistake.kind != DIRECTION for one in found for e in one.explanations)


@pytest.mark.parametrize(("meter", "gain"), [("back", -1.0), ("panels", 10.0), ("grid", -1.0)])
def test_a_factor_of_one_direction_is_named_as_that(meter: str, gain: float) -> None:
    counted = shown()
    counted[meter] = counted[meter] / gain
    named = {
        (tuple(POINTS)[one.explanations[0].meter], one.explanations[0].mistake.gain)
        for upto in (5, 16)
        for one in told(counted, upto)
        if not one.undecided
    }
    assert named == {(meter, gain)}


def named(counted: dict[str, FloatArray], upto: int) -> list[tuple[str, float]]:
    firsts = [one.explanations[0] for one in told(counted, upto) if not one.undecided]
    return [(tuple(POINTS)[one.meter], one.mistake.gain) for one in firsts]


@pytest.mark.parametrize(
    ("meter", "gain"), [("panels", 3.0), ("panels", -1.0), ("back", 0.1), ("grid", -1.0)]
)
def test_a_name_stays_while_nothing_flows(meter: str, gain: float) -> None:
    """No hour says that the meter is read rightly."""
    counted = shown()
    counted[meter] = counted[meter] / gain
    assert [named(counted, upto) for upto in range(15, 40)] == [[(meter, gain)]] * 25


def test_a_name_stays_while_the_hall_is_silent() -> None:
    """By day too much comes in by what the panels show, unless the hall takes it."""
    counted = shown()
    counted["panels"] = counted["panels"] * 10
    counted["hall"] = np.where(HOURS < 24, counted["hall"], np.nan)
    assert [named(counted, upto) for upto in range(24, 36)] == [[("panels", 0.1)]] * 12


def test_a_name_goes_by_three_hours_in_which_the_mistake_would_show() -> None:
    """The panels are mended by night; the sun is up from the seventh hour on."""
    counted = shown()
    counted["panels"] = counted["panels"] / np.where(HOURS < 24, 3, 1)
    assert [named(counted, upto) for upto in range(20, 32)] == [[("panels", 3.0)]] * 12
    assert [named(counted, upto) for upto in range(35, 49)] == [[]] * 14


def test_it_is_told_of_both_meters() -> None:
    suspect = Suspect("grid", DIRECTION, 1.0, EXCHANGED.meaning, None, "back")
    one = record(Lasting("dc", 0, None, Told(("grid",), (suspect,), 0, 3, 0.5, 0.01, None)))
    assert (one["kind"], one["suspects"][0]["other"]) == (DIRECTION, "back")
    assert one["suspects"][0]["multiplier"] is None
    assert "dc: most likely grid and back: import and export are exchanged" in one["text"]
