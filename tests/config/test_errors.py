"""Every mistake is told with file, line, key and the nearest right word."""

from itertools import pairwise
from pathlib import Path

import pytest

from greendc.config import load
from greendc.config.rules import METHODS
from greendc.core.reserved import reserved
from greendc.ports import GreendcError
from tests.config.kit import FEED, PDU, PUMP, UPS, loaded, site

GAS = "{id: gas, point: fuel_gas, unit: kWh}"
TEMPERATURE = "{id: t, point: t_oa, unit: Cel}"
EXCHANGED = "{at: 2025-03-01T00:00:00Z, final: 5, initial: 0}"
LOCATION = "location: {factor: 300, year: 2024, source: grid}"


def meter(**keys: str) -> str:
    given = {"id": "m", "point": "util", "unit": "kW", "kind": "instant", **keys}
    return "{" + ", ".join(f"{k}: {v}" for k, v in given.items() if v) + "}"


RACK = "{id: m, profile: rack}"
CASES = {
    "no_such_profile": (
        site(RACK) + "profiles: {rak: {unit: kW}}",
        '7: sites[0].meters[0].profile: there is no profile rack; did you mean "rak"?',
    ),
    "unknown_key_of_a_profile": (
        site(RACK, FEED) + "profiles:\n  rack: {unit: kW,\n    spik: 3}",
        '12: profiles.rack.spik: unknown key; did you mean "spike"?',
    ),
    "a_profile_that_does_not_fit": (
        site(RACK.replace("}", ", point: util, unit: kWh, kind: register}"))
        + "profiles:\n  rack:\n    spike: 3",
        "11: profiles.rack.spike: not for a register",
    ),
    "a_name_in_a_profile": (
        site(RACK) + "profiles: {rack: {unit: kW, id: m}}",
        "9: profiles.rack.id: unknown key",
    ),
    "no_yaml": ("sites: [", "1: no YAML: "),
    "nested_too_deeply": ("sites: " + "[" * 900 + "]" * 900, "1: no YAML: nested too deeply"),
    "nested_beyond_measure": ("sites: " + "[" * 1_000_000, "1: no YAML: exceeded maximum nesting"),
    "a_bad_character": ("data: x\nsites: \0", "2: no YAML: character 0x0000 is not allowed"),
    "half_a_character": (
        site(FEED, more='name: "\\ud800"'),
        "8: no YAML: found invalid Unicode character escape code",
    ),
    "aliases_that_multiply": (
        "a0: &a0 [1, 1, 1, 1]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 7)),
        "no YAML: more than 1000000 values",
    ),
    "a_list_for_a_value": (
        site(meter(point="[]")),
        "7: sites[0].meters[0].point: must be text, not a list",
    ),
    "endless": (
        site(FEED, more="horizon: 9999999999d"),
        "8: sites[0].horizon: must be no longer than a hundred years",
    ),
    "too_late": (
        site(FEED, more="cell: [{value: 60s}, {from: 9999-12-31T00:00:00Z, value: 1h}]"),
        "8: sites[0].cell[1].from: must lie between the years 1824 and 2116",
    ),
    "not_a_mapping": ("- 1", "1: must be a mapping"),
    "nothing": ("", "1: sites: missing"),
    "no_site": ("sites: []", "1: sites: needs at least one site"),
    "unknown_key": (
        site(meter(knd="instant")),
        '7: sites[0].meters[0].knd: unknown key; did you mean "kind"?',
    ),
    "unknown_root_key": ("mqqt: {}\n" + site(FEED), '1: mqqt: unknown key; did you mean "mqtt"?'),
    "missing_key": (site("{point: util, unit: W}"), "7: sites[0].meters[0].id: missing"),
    "id_of_a_figure": (
        site(meter(id="e_dc")),
        '7: sites[0].meters[0].id: "e_dc" is the name of a figure; rename it, as e_dc_meter',
    ),
    "derived_id_of_a_figure": (
        site(UPS, more="derived: [{id: ppue_cooling, sum: [ups]}]"),
        '8: sites[0].derived[0].id: "ppue_cooling" is the name of a figure; rename it',
    ),
    "key_twice": (
        site(FEED, more="zone: UTC"),
        "8: sites[0].zone: the key is there twice",
    ),
    "true_is_no_number": (
        site(meter(multiplier="true")),
        "7: sites[0].meters[0].multiplier: must be a number, not true",
    ),
    "a_folder_is_a_path": (
        "data: {dir: x}\n" + site(FEED),
        "1: data: must be a path, not a mapping",
    ),
    "no_is_no_text": ("mqtt: {host: no}\n" + site(FEED), "1: mqtt.host: must be text, not false"),
    "text_is_no_number": (
        site(meter(rating_w="'5'")),
        "7: sites[0].meters[0].rating_w: must be a number, not '5'",
    ),
    "infinite": (
        site(meter(multiplier=".inf")),
        "7: sites[0].meters[0].multiplier: must be a finite number, not inf",
    ),
    "zero": (
        site(meter(multiplier="0")),
        "7: sites[0].meters[0].multiplier: must not be 0, which makes every reading 0",
    ),
    "too_large": (
        site(meter(**{"class": "100"})),
        "7: sites[0].meters[0].class: must be less than 100",
    ),
    "horizon_within_the_lateness": (
        site(FEED, more="horizon: 9min"),
        "8: sites[0].horizon: must not be less than lateness, 10min",
    ),
    "number_is_no_duration": (
        site(FEED, more="lateness: 600"),
        "8: sites[0].lateness: must be a duration such as 60s, 10min, 1h or 7d",
    ),
    "time_without_offset": (
        site(FEED, more="cell: [{value: 60s}, {from: 2025-03-01T00:00:00, value: 1h}]"),
        "8: sites[0].cell[1].from: must be a time with its offset",
    ),
    "steps_out_of_order": (
        site(
            FEED,
            more="""
            cell:
              - value: 60s
              - {from: 2025-03-02T00:00:00Z, value: 1h}
              - {from: 2025-03-01T00:00:00Z, value: 60s}""",
        ),
        "8: sites[0].cell: each `from` must be later than the one before",
    ),
    "unknown_key_of_a_step": (
        site(meter(multiplier="[{value: 1}, {form: 2025-03-01T00:00:00Z, value: 2}]")),
        '7: sites[0].meters[0].multiplier[1].form: unknown key; did you mean "from"?',
    ),
    "step_and_plain_value": (
        site(meter(multiplier="[{value: 1}, 2]")),
        "7: sites[0].meters[0].multiplier[1]: must be a mapping of keys to values, not 2",
    ),
    "first_step_dated": (
        site(meter(multiplier="[{from: 2025-03-01T00:00:00Z, value: 2}]")),
        "7: sites[0].meters[0].multiplier[0].from: the first value holds from the beginning",
    ),
    "unknown_point": (
        site(meter(point="utl")),
        '7: sites[0].meters[0].point: "utl" is no point; did you mean "util"?',
    ),
    "unknown_point_in_a_step": (
        site(meter(point="[{value: util}, {from: 2025-03-01T00:00:00Z, value: pdu_uot}]")),
        '7: sites[0].meters[0].point[1].value: "pdu_uot" is no point; did you mean "pdu_out"?',
    ),
    "unknown_kind": (
        site(meter(kind="instnt")),
        "7: sites[0].meters[0].kind: 'instnt' is not 'instant', 'mean_prev'",
    ),
    "protocol_as_number": (
        "mqtt: {protocol: 5}\n" + site(FEED),
        "1: mqtt.protocol: 5 is not '5', '3.1.1'",
    ),
    "unknown_zone": (
        site(FEED, zone="Europe/Berln"),
        '3: sites[0].zone: "Europe/Berln" is no zone of tzdata',
    ),
    "wrong_unit": (
        site(meter(unit="kWh")),
        "7: sites[0].meters[0].unit: 'kWh' is no unit of power (W, mW, kW, MW)",
    ),
    "no_unit": (site(meter(unit="")), "7: sites[0].meters[0].unit: missing: power comes in W"),
    "no_kind": (site(meter(kind="")), "7: sites[0].meters[0].kind: missing: instant"),
    "no_quantity": (
        site("{id: m, unit: W}"),
        "7: sites[0].meters[0].quantity: missing: point none does not say",
    ),
    "wrong_quantity": (
        site(meter(quantity="heat", unit="kWh", kind="register")),
        "7: sites[0].meters[0].point: util is measured as power or energy, not as heat",
    ),
    "power_register": (
        site(meter(kind="register")),
        "7: sites[0].meters[0].kind: a register counts energy, heat or volume, not power",
    ),
    "sampled_energy": (
        site(meter(quantity="energy", unit="kWh")),
        "7: sites[0].meters[0].kind: energy is counted by a register",
    ),
    "register_of_power": (
        site(meter(register="{modulus: 100}")),
        "7: sites[0].meters[0].register: only for kind register, not instant",
    ),
    "on_change_holds_how_long": (
        site(meter(kind="on_change")),
        "7: sites[0].meters[0].silent_after: missing: on_change",
    ),
    "gap_beyond_silence": (
        site(meter(nominal="10min", max_gap="1h", silent_after="30min")),
        "7: sites[0].meters[0].max_gap: must not be longer than silent_after",
    ),
    "nominal_beyond_silence": (
        site(meter(nominal="1h", silent_after="30min")),
        "7: sites[0].meters[0].nominal: must not be longer than silent_after",
    ),
    "gap_of_fast_meter": (
        site(meter(nominal="60s", max_gap="20min", silent_after="1h")),
        "7: sites[0].meters[0].max_gap: at most 15min",
    ),
    "range_backwards": (
        site(meter(range="[5, 1]")),
        "7: sites[0].meters[0].range: the least value must stand before the largest",
    ),
    "no_topic": (
        site(FEED, topics="name: x"),
        "7: sites[0].meters[0].topic: missing: no topic of the site leads to this meter",
    ),
    "wildcard_in_topic": (
        site(FEED, topics="topics: [{topic: 'dc/+/{meter}'}]"),
        '5: sites[0].topics[0].topic: level "+" must be plain text, or {name}',
    ),
    "shared_subscription": (
        site(FEED, topics="topics: [{topic: '$share/group/dc/{meter}'}]"),
        "5: sites[0].topics[0].topic: a shared subscription gives each message to one",
    ),
    "topic_without_meter": (
        site(FEED, topics="topics: [{topic: 'dc/{room}'}, {topic: 'dc/{meter}'}]"),
        "5: sites[0].topics[0].topic: captures no {meter}",
    ),
    "tag_of_two_levels": (site(meter(tag="a/b")), "7: sites[0].meters[0].tag: is one level"),
    "replaced_without_register": (
        site(FEED.replace("{", f"{{replaced: [{EXCHANGED}], ", 1)),
        "7: sites[0].meters[0].replaced: only for kind register",
    ),
    "shape_of_no_register": (
        site(FEED.replace("{", "{shape: feed, ", 1)),
        "7: sites[0].meters[0].shape: only for kind register",
    ),
    "shape_of_nobody": (
        site(GAS.replace("{", "{shape: nobody, ", 1)),
        "7: sites[0].meters[0].shape: nobody is no meter",
    ),
    "shape_that_counts_too": (
        site(GAS.replace("{", "{shape: feed, ", 1), FEED),
        "7: sites[0].meters[0].shape: feed must have point none: the register counts, not both",
    ),
    "fill_of_a_register": (
        site(GAS.replace("{", "{fill: linear, ", 1)),
        "7: sites[0].meters[0].fill: not for a register: it counts on; what it has lost",
    ),
    "fill_of_a_temperature": (
        site(TEMPERATURE.replace("{", "{fill: linear, ", 1)),
        "7: sites[0].meters[0].fill: only for power",
    ),
    "fill_by_an_it_load_that_is_none": (
        site(FEED.replace("{", "{fill: profile, ", 1)),
        "7: sites[0].meters[0].fill: profile goes by IT load: no meter of E_IT",
    ),
    "fill_uncertainty_alone": (
        site(FEED.replace("{", "{fill_uncertainty: 5, ", 1)),
        "7: sites[0].meters[0].fill_uncertainty: of what? nothing is filled (fill)",
    ),
    "shape_of_two": (
        site(
            GAS.replace("{", "{shape: feed, ", 1),
            GAS.replace("{id: gas", "{id: gas2, shape: feed", 1),
            FEED.replace("point: util", "point: none, quantity: power", 1),
        ),
        "8: sites[0].meters[1].shape: feed is the power of another register already",
    ),
    "rule_of_a_register": (
        site(GAS.replace("{", "{spike: 5, ", 1)),
        "7: sites[0].meters[0].spike: not for a register",
    ),
    "redundant_alone": (
        site(FEED, more="derived: [{id: server, sum: [feed], redundant: true}]"),
        "derived[0].redundant: only beside a sum of two feeds or more",
    ),
    "siblings_of_a_register": (
        site(GAS.replace("{", "{siblings: row, ", 1)),
        "7: sites[0].meters[0].siblings: not for a register: it moves with any load",
    ),
    "siblings_of_nobody": (
        site(FEED.replace("{", "{siblings: row-1, ", 1)),
        '7: sites[0].meters[0].siblings: no other meter has "row-1"',
    ),
    "siblings_of_a_shape": (
        site(
            GAS.replace("{", "{shape: burnt, ", 1),
            *[
                f"{{id: {name}, quantity: thermal_power, unit: W, kind: instant, siblings: row}}"
                for name in ("burnt", "other")
            ],
        ),
        "siblings: not for the shape of a register, as burnt is",
    ),
    "frozen_at_once": (
        site(FEED.replace("{", "{frozen_after: 2min, ", 1)),
        "7: sites[0].meters[0].frozen_after: must be longer than silent_after",
    ),
    "frozen_on_change": (
        site(meter(kind="on_change", silent_after="1h", frozen_after="2h")),
        "7: sites[0].meters[0].frozen_after: not for on_change",
    ),
    "replaced_at_once": (
        site(GAS.replace("{", f"{{replaced: [{EXCHANGED}, {EXCHANGED}], ", 1)),
        "7: sites[0].meters[0].replaced: each `at` must be later",
    ),
    "tag_named_twice": (
        site(FEED.replace("{", "{tag: [a, a], ", 1)),
        "7: sites[0].meters[0].tag: names a text twice",
    ),
    "tag_of_no_text": (
        site(FEED.replace("{", "{tag: 7, ", 1)),
        "7: sites[0].meters[0].tag: must be a text",
    ),
    "meter_at_beside_meter": (
        site(FEED, topics="topics: [{topic: 'dc/{meter}', meter_at: id}]"),
        "5: sites[0].topics[0].meter_at: the topic itself captures {meter}",
    ),
    "meter_at_without_json": (
        site(FEED, topics="topics: [{topic: dc, codec: number, meter_at: id}]"),
        "5: sites[0].topics[0].meter_at: only in a JSON payload",
    ),
    "time_zone_of_a_topic": (
        site(FEED, topics="topics: [{topic: 'dc/{meter}', time_zone: Europe/Brelin}]"),
        '5: sites[0].topics[0].time_zone: "Europe/Brelin" is no zone of tzdata',
    ),
    "time_zone_of_a_meter": (
        site(meter(time_zone="Mars")),
        '7: sites[0].meters[0].time_zone: "Mars" is no zone of tzdata',
    ),
    "payload_time_without_path": (
        site(FEED, topics="topics: [{topic: 'dc/{meter}', time: payload}]"),
        "7: sites[0].meters[0].time: payload needs time_at",
    ),
    "same_value_twice": (
        site(FEED, "{id: b, tag: feed, point: none, quantity: power, unit: W, kind: instant}"),
        '8: sites[0].meters[1]: reads the same value of the same topic as "feed" of s',
    ),
    "id_twice": (site(FEED, FEED), '8: sites[0].meters[1].id: "feed" is there twice'),
    "derived_without_form": (
        site(FEED, more="derived: [{id: d}]"),
        "8: sites[0].derived[0]: needs exactly one of sum, difference, share and constant_w",
    ),
    "derived_of_two_forms": (
        site(FEED, more="derived: [{id: d, sum: [feed], constant_w: 5}]"),
        "not sum and constant_w",
    ),
    "share_of_nothing": (
        site(FEED, more="derived: [{id: d, share: 0.1}]"),
        "8: sites[0].derived[0].of: missing",
    ),
    "stray_uncertainty": (
        site(FEED, more="derived: [{id: d, sum: [feed], uncertainty: 0.1}]"),
        "8: sites[0].derived[0].uncertainty: only beside share",
    ),
    "unknown_input": (
        site(FEED, more="derived: [{id: d, sum: [fed]}]"),
        '8: sites[0].derived[0].sum: no meter "fed"; did you mean "feed"?',
    ),
    "input_is_no_energy": (
        site(FEED, TEMPERATURE, more="derived: [{id: d, sum: [feed, t]}]"),
        '9: sites[0].derived[0].sum: "t" measures temperature, not power or energy',
    ),
    "circle": (
        site(FEED, more="derived: [{id: a, sum: [b]}, {id: b, share: 0.1, of: a}]"),
        "goes round in a circle: ",
    ),
    "heat_and_electricity": (
        site(
            FEED,
            "{id: q, point: q_reuse, unit: kW, kind: instant}",
            more="derived: [{id: d, sum: [feed, q]}]",
        ),
        "9: sites[0].derived[0]: adds heat and electricity",
    ),
    "electricity_at_a_heat_point": (
        site(FEED, more="derived: [{id: d, point: q_reuse, sum: [feed]}]"),
        "8: sites[0].derived[0].point: q_reuse is not where electric energy is measured",
    ),
    "summed_twice": (
        site(FEED, more="derived: [{id: a, sum: [feed]}, {id: b, sum: [a, feed]}]"),
        '8: sites[0].derived[1].sum: counts "feed" 2 times',
    ),
    "several_categories": (
        site(UPS, PDU),
        "2: sites[0].e_it: missing: IT meters stand at points of several PUE categories",
    ),
    "several_categories_to_paste": (site(UPS, PDU), "e_it:\n      1: [ups]\n      2: [pdu]"),
    "category_too_high": (
        site(UPS, more="e_it: {2: [ups]}"),
        '8: sites[0].e_it: "ups" cannot count as category 2: ups_out is category 1',
    ),
    "category_unknown": (
        site(UPS, more="e_it: {4: [ups]}"),
        "8: sites[0].e_it[4]: 4 is not 1, 2, 3",
    ),
    "unknown_it_meter": (
        site(UPS, more="e_it: {1: [usp]}"),
        '8: sites[0].e_it: no meter "usp"; did you mean "ups"?',
    ),
    "e_dc_meters_of_a_metered_site": (
        site(FEED, more="e_dc_meters: [feed]"),
        "8: sites[0].e_dc_meters: only beside e_dc: bottom_up",
    ),
    "which_it_is_in_e_dc": (
        site(UPS, PDU, more="e_dc: bottom_up\ne_it: {1: [ups], 2: [pdu]}"),
        "sites[0].e_dc_meters: missing: with several E_IT",
    ),
    "joule_twice_in_e_dc": (
        site(
            UPS,
            PUMP,
            more="""
            e_dc: bottom_up
            e_dc_meters: [ups, pump, all]
            derived: [{id: all, sum: [ups, pump]}]""",
        ),
        '9: sites[0].e_dc: counts "ups" 2 times in E_DC, by way of ups, all',
    ),
    "cell_does_not_divide_the_hour": (
        site(FEED, more="cell: 7min"),
        "of UTC; the longest that does is 1h",
    ),
    "cell_of_a_half_hour_zone": (
        site(FEED, more="cell: 1h", zone="Asia/Kolkata"),
        "8: sites[0].cell: 1h does not divide the hour and every UTC offset of Asia/Kolkata; the",
    ),
    "change_off_the_grid": (
        site(
            meter(
                nominal="15min",
                point="[{value: util}, {from: 2025-03-01T00:20:00Z, value: none}]",
            )
        ),
        "the meters' grid of 15min; the nearest is 2025-03-01T00:15:00Z",
    ),
    "no_factor": (
        site(FEED, more="emissions: {location: {zone: DEU}}"),
        "8: sites[0].emissions.location: needs exactly one of factor, table and series, not none",
    ),
    "factor_without_source": (
        site(FEED, more="emissions: {location: {factor: 300, year: 2024}}"),
        "8: sites[0].emissions.location.source: missing",
    ),
    "unknown_table": (
        site(FEED, more="emissions: {location: {table: carbontraker, zone: DEU}}"),
        '8: sites[0].emissions.location.table: no table "carbontraker"; did you mean',
    ),
    "unknown_table_zone": (
        site(FEED, more="emissions: {location: {table: carbontracker, zone: DEUT}}"),
        '8: sites[0].emissions.location.zone: table carbontracker has no zone "DEUT"; did you mean',
    ),
    "series_is_not_there": (
        site(FEED, more="emissions: {location: {series: grid.csv}}"),
        "8: sites[0].emissions.location.series: ",
    ),
    "fuel_without_factor": (
        site(FEED, GAS, more=f"emissions: {{{LOCATION}}}"),
        '9: sites[0].emissions.fuels.fuel_gas: missing: "gas" is gas entering the boundary',
    ),
    "factor_of_no_fuel": (
        site(FEED, more="emissions: {fuels: {util: {factor: 1}}}"),
        "8: sites[0].emissions.fuels.util: is not one of genset_fuel, fuel_gas",
    ),
    "bad_id": (site(meter(id="'a b'")), "7: sites[0].meters[0].id: must have no space"),
    "bad_path": (site(meter(value="{a: 1}")), "7: sites[0].meters[0].value: must be a path"),
    "holds_itself": ("sites: &a [*a]", "1: sites[0]: holds itself"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told(case: str, tmp_path: Path) -> None:
    text, told = CASES[case]
    with pytest.raises(GreendcError) as error:
        loaded(tmp_path, text)
    prefix = f"{tmp_path / 'site.yaml'}:"
    assert str(error.value).startswith(prefix)
    assert told in str(error.value)
    if told[0].isdigit():
        assert f"{prefix}{told}" in str(error.value)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = site(meter(knd="x"), meter(id="n", multiplier="true"), more="cell: 60")
    with pytest.raises(GreendcError) as error:
        loaded(tmp_path, text)
    numbers = [line.split(":")[1] for line in str(error.value).splitlines()]
    assert numbers == ["7", "8", "9"]


@pytest.mark.parametrize(
    ("zone", "longest"), [("Asia/Kolkata", "30min"), ("Asia/Kathmandu", "15min")]
)
def test_the_longest_cell_that_a_zone_allows_is_named(
    zone: str, longest: str, tmp_path: Path
) -> None:
    with pytest.raises(GreendcError, match=f"the longest that does is {longest}$"):
        loaded(tmp_path, site(FEED, more="cell: 1h", zone=zone))
    loaded(tmp_path, site(FEED, more=f"cell: {longest}", zone=zone))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GreendcError, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_a_circle_is_named(tmp_path: Path) -> None:
    more = "derived: [{id: a, sum: [b]}, {id: b, sum: [c]}, {id: c, sum: [a, feed]}]"
    with pytest.raises(GreendcError) as error:
        loaded(tmp_path, site(FEED, more=more))
    circle = str(error.value).split("circle: ")[1].split(" -> ")
    assert circle[0] == circle[-1]
    assert set(circle) == {"a", "b", "c"}
    inputs = {"a": "b", "b": "c", "c": "a"}
    assert all(inputs[name] == after for name, after in pairwise(circle))


@pytest.mark.parametrize("name", sorted(reserved(METHODS)))
def test_no_figure_lends_its_name_to_a_meter(name: str, tmp_path: Path) -> None:
    with pytest.raises(GreendcError, match=rf'meters\[1\]\.id: "{name}" is the name of a figure'):
        loaded(tmp_path, site(FEED, meter(id=name)))


@pytest.mark.parametrize("port", ["abc", "", "-1", "99999", "9" * 5000])
def test_a_port_of_the_environment_that_is_none_is_told_by_its_name(
    port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENDC_MQTT_PORT", port)
    with pytest.raises(GreendcError, match=r"^GREENDC_MQTT_PORT: must be a port number"):
        loaded(tmp_path, site(FEED))
