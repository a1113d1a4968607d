"""Units and the list of points."""

import pytest

from greendc.core.quantities import (
    CARRIER_WEIGHTS,
    ENERGETIC,
    POINTS,
    SUBSYSTEMS,
    e_dc_weight,
    is_fuel,
)
from greendc.core.units import (
    QUANTITIES,
    UNITS,
    W_PER_TON_OF_REFRIGERATION,
    to_base,
    units_of,
)


@pytest.mark.parametrize("dimension", UNITS)
def test_the_first_unit_of_a_dimension_is_its_base_unit(dimension: str) -> None:
    base = next(iter(UNITS[dimension].values()))
    assert (base.factor, base.offset) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("value", "unit", "quantity", "base"),
    [
        (2.5, "kW", "power", 2500.0),
        (1.0, "kWh", "energy", 3.6e6),
        (1.0, "GJ", "heat", 1e9),
        (100.0, "mW", "power", 0.1),
        (55.0, "%", "humidity", 0.55),
        (273.15, "K", "temperature", 0.0),
        (212.0, "degF", "temperature", 100.0),
        (18.0, "degF", "temperature_difference", 10.0),
        (20.0, "°C", "temperature", 20.0),
        (3600.0, "m3/h", "flow", 1.0),
    ],
)
def test_values_in_base_units(value: float, unit: str, quantity: str, base: float) -> None:
    assert to_base(value, unit, quantity) == pytest.approx(base, rel=1e-12, abs=1e-12)


def test_a_ton_of_refrigeration_is_12000_btu_an_hour() -> None:
    joules_per_btu = 1055.05585262  # international table, NIST SP 811, Appendix B.8
    assert pytest.approx(12_000 * joules_per_btu / 3600, rel=1e-9) == W_PER_TON_OF_REFRIGERATION


@pytest.mark.parametrize("unit", ["kWh", "Cel", "kVA", "kw"])
def test_a_unit_that_does_not_fit_is_none(unit: str) -> None:
    assert unit not in units_of("power")


@pytest.mark.parametrize("name", POINTS)
def test_a_point_is_made_of_known_words(name: str) -> None:
    point = POINTS[name]
    assert set(point.quantities) <= set(QUANTITIES)
    assert point.subsystem in {None, *SUBSYSTEMS}
    assert point.category in {None, 1, 2, 3}
    assert all(point.carrier in weights for weights in CARRIER_WEIGHTS.values())


@pytest.mark.parametrize("name", POINTS)
def test_what_enters_a_sum_of_energy_measures_energy(name: str) -> None:
    point = POINTS[name]
    if point.e_dc or point.category or point.subsystem:
        assert set(point.quantities) <= set(ENERGETIC)
        assert point.quantities


def test_categories_are_where_the_standards_put_them() -> None:
    found = {name: point.category for name, point in POINTS.items() if point.category}
    assert found == {"ups_out": 1, "rect_out": 1, "pdu_out": 2, "it_in": 3}


def test_signs_of_e_dc() -> None:  # F-3.11
    electric = {n: e_dc_weight(n, "en50600") for n in POINTS if not is_fuel(n)}
    assert {name: weight for name, weight in electric.items() if weight} == {
        "util": 1.0,
        "genset_out": 1.0,
        "onsite_re": 1.0,
        "storage_out": 1.0,
        "storage_in": -1.0,
        "export": -1.0,
    }


@pytest.mark.parametrize(("conversion", "e_dc_kwh"), [("tgg_wp49", 9_150_000), ("en50600", 11e6)])
def test_weights_of_carriers(conversion: str, e_dc_kwh: float) -> None:  # E-3.5
    energy = {"util": 8_000_000.0, "fuel_gas": 1_000_000.0, "dhc_cold": 2_000_000.0}
    total = sum(e_dc_weight(point, conversion) * kwh for point, kwh in energy.items())
    assert total == pytest.approx(e_dc_kwh)
