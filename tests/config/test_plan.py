"""What a file becomes: meters with their defaults, routes, epochs and sums."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from greendc.calendars import rfc3339
from greendc.config import Config
from greendc.config.epochs import Pairs
from greendc.config.scalars import instant
from greendc.config.zones import grid_limit
from greendc.core.facility import EVER, HOUR, MINUTE, SECOND, Kind, Meter, Op
from greendc.ports import Field
from tests.config.kit import FEED, PDU, PUMP, UPS, T, epochs, loaded, site

METER = "{id: m, point: util, unit: kW, kind: instant%s}"


def one(folder: Path, more: str = "") -> Meter:
    return epochs(folder, site(METER % more))[0].meters[0]


def field_of(folder: Path, meter: str, topics: str | None = None) -> Field:
    text = site(meter) if topics is None else site(meter, topics=topics)
    return loaded(folder, text).plan().routes[0].fields[0]


# -- meters -----------------------------------------------------------------------------------


def test_defaults_of_a_meter(tmp_path: Path) -> None:
    meter = one(tmp_path)
    assert (meter.quantity, meter.kind) == ("power", Kind.INSTANT)
    assert (meter.nominal, meter.max_gap, meter.silent_after) == (MINUTE, 3 * MINUTE, 3 * MINUTE)
    assert (meter.accuracy, meter.rating) == (None, None)


def test_what_a_meter_says_goes_before_defaults(tmp_path: Path) -> None:
    meter = one(tmp_path, ", nominal: 10min, silent_after: 20min, class: 0.5, rating_w: 5e5")
    assert (meter.max_gap, meter.silent_after) == (20 * MINUTE, 20 * MINUTE)
    assert (meter.accuracy, meter.rating) == (0.005, 5e5)


def test_a_register_in_joules(tmp_path: Path) -> None:
    text = "{id: m, point: util, quantity: energy, unit: kWh, multiplier: 40, %s}"
    text %= "register: {modulus: 1e6, step: 0.1}, range: [0, 9e9]"
    meter = epochs(tmp_path, site(text))[0].meters[0]
    assert meter.kind is Kind.REGISTER
    assert meter.modulus == pytest.approx(1e6 * 40 * 3.6e6)
    assert meter.step == pytest.approx(0.1 * 40 * 3.6e6)
    assert meter.range_ == (0.0, 9e9 * 3.6e6)


@pytest.mark.parametrize(
    ("more", "low", "high"),
    [
        ("", -math.inf, math.inf),
        (", rating_w: 1000", -1.0, 1200.0),
        (", rating_w: 1000, range: [-5, 5]", -5000.0, 5000.0),
    ],
)
def test_power_that_can_be(more: str, low: float, high: float, tmp_path: Path) -> None:
    field = field_of(tmp_path, METER % more)
    assert [field.low, field.high] == pytest.approx([low, high])


# -- routes -----------------------------------------------------------------------------------


def test_a_topic_of_the_site_selects_by_tag(tmp_path: Path) -> None:
    topics = (
        "topics: [{topic: 'dc/{room}/{meter}', value: data.0.v, time_at: [a.b, t], unit_at: u}]"
    )
    text = site(METER % ", tag: '77', sentinels: [-1]", topics=topics)
    (route,) = loaded(tmp_path, text).plan().routes
    assert (route.pattern, route.filter, route.codec) == ("dc/{room}/{meter}", "dc/+/+", "json")
    assert route.by_tag is not None
    (field,) = route.by_tag["77"]
    assert (field.value, field.time, field.unit) == (("data", 0, "v"), ("a.b", "t"), ("u",))
    assert (field.time_rule, field.sentinels) == ("payload", (-1.0,))
    assert field.units["MW"].factor[0] == 1e6


@pytest.mark.parametrize(
    ("more", "named", "all_bits"),
    [("", (), True), (", sentinels: [-1]", (-1.0,), True), (", sentinels: []", (), False)],
)
def test_sentinels_stand_beside_all_bits(
    more: str, named: tuple[float, ...], all_bits: bool, tmp_path: Path
) -> None:
    field = field_of(tmp_path, METER % more)
    assert (field.sentinels, field.all_bits) == (named, all_bits)


def test_a_register_comes_by_all_numbers(tmp_path: Path) -> None:
    assert not field_of(tmp_path, "{id: m, quantity: energy, unit: kWh}").all_bits


def test_a_meters_own_topic(tmp_path: Path) -> None:
    more = ", topic: power/7, codec: number"
    (route,) = loaded(tmp_path, site(METER % more, topics="name: x")).plan().routes
    assert (route.filter, route.codec, route.by_tag) == ("power/7", "number", None)
    assert (route.fields[0].value, route.fields[0].time_rule) == ((), "arrival")


def test_several_values_of_one_payload(tmp_path: Path) -> None:
    text = site(
        "{id: p, tag: x, point: util, unit: W, kind: instant, value: power}",
        "{id: e, tag: x, quantity: energy, unit: kWh, value: energy.total}",
    )
    (route,) = loaded(tmp_path, text).plan().routes
    assert route.by_tag is not None
    assert [f.value for f in route.by_tag["x"]] == [("power",), ("energy", "total")]
    assert [f.meter for f in route.by_tag["x"]] == [0, 1]


def test_a_dated_multiplier_and_unit_scale_without_an_epoch(tmp_path: Path) -> None:
    text = site(
        """{id: m, point: util, kind: instant,
            multiplier: [{value: 1}, {from: 2025-03-01T00:00:07Z, value: 40}],
            unit: [{value: W}, {from: 2025-03-02T00:00:00Z, value: kW}]}"""
    )
    plan = loaded(tmp_path, text).plan()
    scale = plan.routes[0].fields[0].scale
    assert scale.start.tolist() == [-EVER, T + 7 * SECOND, T + 24 * HOUR]
    assert scale.factor.tolist() == [1.0, 40.0, 40_000.0]
    assert len(plan.sites[0].epochs) == 1


def test_a_temperature_keeps_its_offset(tmp_path: Path) -> None:
    field = field_of(tmp_path, "{id: t, point: t_oa, unit: degF, multiplier: 2}")
    base = 106.0 * field.scale.factor[0] + field.scale.offset[0]
    assert base == pytest.approx(100.0)


# -- epochs -----------------------------------------------------------------------------------


def test_a_point_that_changes_cuts_time(tmp_path: Path) -> None:
    moved = (
        "{id: m, unit: kW, kind: instant, "
        "point: [{value: util}, {from: 2025-03-01T00:00:00Z, value: pdu_out}]}"
    )
    before, after = epochs(tmp_path, site(moved))
    assert (before.start, before.end, after.start, after.end) == (-EVER, T, T, EVER)
    assert (before.e_dc, dict(before.e_it)) == ((("m", 1.0),), {})
    assert (after.e_dc, dict(after.e_it)) == ((), {2: ("m",)})


def test_every_structural_value_can_change(tmp_path: Path) -> None:
    text = site(
        FEED,
        UPS,
        PUMP,
        more="""
        cell: [{value: 60s}, {from: 2025-03-01T01:00:00Z, value: 1h}]
        e_dc: [{value: metered}, {from: 2025-03-01T02:00:00Z, value: bottom_up}]
        min_it_power_w: [{value: 5}, {from: 2025-03-01T03:00:00Z, value: 6}]
        derived:
          - {id: a, point: aux_other, of: ups,
             share: [{value: 0.1}, {from: 2025-03-01T04:00:00Z, value: 0.2}]}
          - id: b
            sum: [{value: [ups]}, {from: 2025-03-01T05:00:00Z, value: [ups, pump]}]""",
    )
    found = epochs(tmp_path, text)
    assert [e.start for e in found] == [-EVER, *[T + h * HOUR for h in (1, 2, 3, 4, 5)]]
    assert [e.cell // MINUTE for e in found] == [1, 60, 60, 60, 60, 60]
    assert [e.boundary for e in found[1:3]] == ["metered", "bottom_up"]
    assert [e.min_it_power for e in found[2:4]] == [5.0, 6.0]
    assert [e.derived[0].value for e in found[3:5]] == [0.1, 0.2]
    assert [e.derived[1].inputs for e in found[4:]] == [("ups",), ("ups", "pump")]


def test_changes_of_epochs_join_without_a_hole(tmp_path: Path) -> None:
    changes = ", ".join(f"{{from: {rfc3339(T + h * HOUR)}, value: {h}}}" for h in range(1, 9))
    found = epochs(tmp_path, site(FEED, more=f"min_it_power_w: [{{value: 0}}, {changes}]"))
    ends = [epoch.end for epoch in found]
    assert [epoch.start for epoch in found] == [-EVER, *ends[:-1]]


def test_derived_meters_come_after_their_inputs(tmp_path: Path) -> None:
    more = (
        "derived: [{id: a, share: 0.1, of: b}, {id: b, sum: [c]}, {id: c, difference: [ups, pump]}]"
    )
    (epoch,) = epochs(tmp_path, site(UPS, PUMP, more=more))
    assert [d.id for d in epoch.derived] == ["c", "b", "a"]
    assert epoch.derived[0].op is Op.DIFFERENCE


# -- sums -------------------------------------------------------------------------------------


def power(name: str, point: str) -> str:
    return f"{{id: {name}, point: {point}, unit: kW, kind: instant}}"


def test_e_dc_at_a_metered_boundary(tmp_path: Path) -> None:  # F-3.11
    meters = [power(p, p) for p in ("util", "onsite_re", "export", "storage_in", "storage_out")]
    fuels = ["{id: fuel, point: genset_fuel, unit: kWh}", power("genset", "genset_out")]
    (epoch,) = epochs(tmp_path, site(*meters, *fuels))
    assert dict(epoch.e_dc) == {
        "util": 1.0,
        "onsite_re": 1.0,
        "export": -1.0,
        "storage_in": -1.0,
        "storage_out": 1.0,
        "genset": 1.0,
    }
    assert epoch.imports == (("util", 1.0),)


def test_a_generators_fuel_counts_where_its_output_has_no_meter(tmp_path: Path) -> None:
    (epoch,) = epochs(tmp_path, site(FEED, "{id: fuel, point: genset_fuel, unit: kWh}"))
    assert epoch.e_dc == (("feed", 1.0), ("fuel", 1.0))


def test_weights_of_other_carriers(tmp_path: Path) -> None:  # E-3.5
    cold = "{id: cold, point: dhc_cold, quantity: heat, unit: MWh}"
    gas = "{id: gas, point: fuel_gas, unit: kWh}"
    more = "energy_conversion: tgg_wp49"
    (epoch,) = epochs(tmp_path, site(FEED, gas, cold, more=more))
    assert epoch.e_dc == (("feed", 1.0), ("gas", 0.35), ("cold", 0.4))


def bottom_up(folder: Path, *meters: str, more: str = "") -> Pairs:
    (epoch,) = epochs(folder, site(*meters, more=f"e_dc: bottom_up\n{more}"))
    assert epoch.boundary == "bottom_up"
    return epoch.e_dc


def test_e_dc_from_below(tmp_path: Path) -> None:
    light, none = power("light", "aux_light"), power("tx", "tx_out")
    heat = "{id: q, point: q_reuse, unit: kW, kind: instant}"
    more = "derived: [{id: loss, point: loss_power, share: 0.05, of: pdu}]"
    found = bottom_up(tmp_path, PDU, PUMP, light, none, heat, more=more)
    assert sorted(found) == [("light", 1.0), ("loss", 1.0), ("pdu", 1.0), ("pump", 1.0)]


def test_a_sum_goes_before_its_parts(tmp_path: Path) -> None:
    more = "derived: [{id: it, point: pdu_out, sum: [pdu, pdu2]}]"
    (epoch,) = epochs(
        tmp_path, site(PDU, power("pdu2", "pdu_out"), more=f"e_dc: bottom_up\n{more}")
    )
    assert dict(epoch.e_it) == {2: ("it",)}
    assert epoch.e_dc == (("it", 1.0),)


def test_losses_are_input_less_output(tmp_path: Path) -> None:
    (epoch,) = epochs(tmp_path, site(power("in", "ups_in"), UPS, more="e_dc: bottom_up"))
    assert epoch.subsystems == {"power": (("in", 1.0), ("ups", -1.0))}
    assert epoch.e_dc == (("in", 1.0),)


def test_losses_are_not_guessed_where_one_side_lacks_meters(tmp_path: Path) -> None:
    (epoch,) = epochs(tmp_path, site(power("a", "ups_in"), power("b", "ups_in"), UPS))
    assert "power" not in epoch.subsystems


def test_imports_from_below_are_less_what_is_made_on_site(tmp_path: Path) -> None:
    (epoch,) = epochs(tmp_path, site(PDU, power("pv", "onsite_re"), more="e_dc: bottom_up"))
    assert epoch.e_dc == (("pdu", 1.0),)
    assert epoch.imports == (("pdu", 1.0), ("pv", -1.0))


def test_what_is_listed_goes_before_the_points(tmp_path: Path) -> None:
    more = "e_dc: bottom_up\ne_dc_meters: [ups]\nimports: [pump]\ne_it: {1: [ups]}"
    (epoch,) = epochs(tmp_path, site(UPS, PDU, PUMP, more=more))
    assert (epoch.e_dc, epoch.imports) == ((("ups", 1.0),), (("pump", 1.0),))
    assert dict(epoch.e_it) == {1: ("ups",)}


def test_a_subsystem_of_its_own(tmp_path: Path) -> None:
    office = "{id: office, point: aux_other, subsystem: lighting, unit: kW, kind: instant}"
    (epoch,) = epochs(tmp_path, site(office))
    assert epoch.subsystems == {"lighting": (("office", 1.0),)}


def test_least_it_power_is_a_hundredth_of_the_rating(tmp_path: Path) -> None:  # G2
    (epoch,) = epochs(tmp_path, site(FEED))
    assert epoch.min_it_power == 10.0


# -- zones ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("UTC", 60),
        ("Europe/Berlin", 60),
        ("Asia/Kolkata", 30),
        ("Australia/Lord_Howe", 30),  # summer time of half an hour
        ("Asia/Kathmandu", 15),
        ("Pacific/Chatham", 15),
        ("America/St_Johns", 30),
    ],
)
def test_the_longest_cell_of_a_zone(zone: str, minutes: int) -> None:
    assert grid_limit(zone) == minutes * MINUTE


# -- environment and journal ------------------------------------------------------------------


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENDC_DATA", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GREENDC_MQTT_HOST", "broker")
    monkeypatch.setenv("GREENDC_MQTT_PORT", "8883")
    monkeypatch.setenv("GREENDC_MQTT_CLIENT_ID", "second")
    monkeypatch.setenv("GREENDC_MQTT_USERNAME", "me")
    config = loaded(tmp_path, "mqtt: {host: x, port: 1}\n" + site(FEED))
    assert config.data == tmp_path / "elsewhere"
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.client_id) == ("broker", 8883, "second")
    assert config.mqtt.username == "me"


def test_files_lie_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n", encoding="utf-8")
    config = loaded(tmp_path, "mqtt: {username: me, password_file: secret}\n" + site(FEED))
    assert config.data == tmp_path / "data"
    assert config.mqtt.password() == "hush"


def test_the_password_of_the_environment_goes_first_and_is_told_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENDC_MQTT_PASSWORD", "sesame")
    config = loaded(tmp_path, "mqtt: {username: me, password_file: secret}\n" + site(FEED))
    assert config.mqtt.password() == "sesame"
    assert b"sesame" not in config.body()


def test_a_journalled_configuration_loads_without_files(tmp_path: Path) -> None:
    series = "timestamp,g_per_kwh\n2025-01-01T00:00:00Z,100\n2025-01-01T01:00:00Z,\n"
    (tmp_path / "grid.csv").write_text(series + "2025-01-01T02:00:00Z,120.5\n", encoding="utf-8")
    more = """
    e_it: {1: [ups]}
    emissions:
      location: {series: grid.csv, zone: X}
      market: [{from: 2025-01-01T00:00:00Z, value: {table: carbontracker, zone: FRA}}]"""
    config = loaded(tmp_path, site(FEED, UPS, PDU, more=more))
    (tmp_path / "grid.csv").unlink()
    again = Config.from_effective(json.loads(json.dumps(config.effective())))
    assert again.body() == config.body()
    assert again.figures_hash() == config.figures_hash()
    ours, theirs = config.plan().sites[0], again.plan().sites[0]
    assert ours.epochs == theirs.epochs
    np.testing.assert_array_equal(
        ours.intensity["location"].value, theirs.intensity["location"].value
    )


def test_the_hash_follows_figures_only(tmp_path: Path) -> None:
    base = loaded(tmp_path, site(FEED)).figures_hash()
    assert (
        loaded(tmp_path, "mqtt: {host: other}\n" + site(FEED, more="name: Other")).figures_hash()
        == base
    )
    aside = site(FEED, more="targets: {pue: {1h: 1.4}, recovery: 0.1, coverage: {}}")
    assert loaded(tmp_path, "limits: {sink_lag: 1h}\n" + aside).figures_hash() == base
    assert loaded(tmp_path, site(FEED.replace("kW", "W"))).figures_hash() != base
    assert loaded(tmp_path, site(FEED, more="lateness: 1h")).figures_hash() != base


def test_an_instant_in_another_offset_is_the_same() -> None:
    assert instant("2025-03-01T01:00:00.5+01:00") == T + SECOND // 2
