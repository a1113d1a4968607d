"""The closed list of measuring points and what each feeds (STANDARDS 0.3)."""

from collections.abc import Mapping
from dataclasses import dataclass

ELECTRIC = ("power", "energy")
THERMAL = ("thermal_power", "heat")
ENERGETIC = (*ELECTRIC, *THERMAL)
WATER = ("volume", "flow")
SUBSYSTEMS = ("cooling", "power", "lighting", "reuse", "other")


@dataclass(frozen=True, slots=True)
class Point:
    """A place where a meter can sit.

    `quantities` are those it may measure, the default first, any where empty.
    `category` is the PUE category of E_IT measured here (STANDARDS 3.3). `e_dc` is
    the sign with which the point enters E_DC at a metered boundary (F-3.11).
    """

    meaning: str
    quantities: tuple[str, ...] = ELECTRIC
    subsystem: str | None = None
    category: int | None = None
    e_dc: int = 0
    carrier: str = "electricity"


def _cooling(meaning: str) -> Point:
    return Point(meaning, subsystem="cooling")


def _carrier(meaning: str, carrier: str, quantities: tuple[str, ...] = ELECTRIC[::-1]) -> Point:
    return Point(meaning, quantities, e_dc=1, carrier=carrier)


def _temperature(meaning: str) -> Point:
    return Point(meaning, ("temperature",))


def _humidity(meaning: str) -> Point:
    return Point(meaning, ("humidity",))


POINTS: Mapping[str, Point] = {
    "util": Point("utility feed, before the transfer switchgear", e_dc=1),
    "genset_out": Point("generator, electrical output", e_dc=1),
    "genset_fuel": _carrier("generator, energy of its fuel", "fuel"),
    "onsite_re": Point("solar or wind power made on site", e_dc=1),
    "export": Point("electricity exported over the boundary", e_dc=-1),
    "storage_in": Point("grid-serving storage, charging", e_dc=-1),
    "storage_out": Point("grid-serving storage, discharging", e_dc=1),
    "fuel_gas": _carrier("gas entering the boundary", "fuel"),
    "fuel_oil": _carrier("oil entering the boundary", "fuel"),
    "h2": _carrier("hydrogen entering the boundary", "fuel"),
    "dhc_cold": _carrier("district cooling at the hand-over", "district_cold", THERMAL),
    "dhc_hot": _carrier("district heating at the hand-over", "district_hot", THERMAL),
    "steam": _carrier("district steam at the hand-over", "district_steam", THERMAL),
    "tx_out": Point("transformer, secondary side"),
    "ups_in": Point("UPS input"),
    "ups_out": Point("UPS output", category=1),
    "rect_in": Point("400 VDC rectifier, AC input"),
    "rect_out": Point("400 VDC rectifier, DC bus", category=1),
    "pdu_out": Point("PDU output or DC distribution output", category=2),
    "it_in": Point("inlet of IT equipment", category=3),
    "cool_chiller": _cooling("chiller"),
    "cool_pump": _cooling("cooling pump"),
    "cool_tower": _cooling("cooling tower or dry cooler"),
    "cool_crac": _cooling("computer room air conditioner"),
    "cool_crah_fan": _cooling("fan of an air handler"),
    "cool_hum": _cooling("humidifier or dehumidifier"),
    "cool_cdu": _cooling("coolant distribution unit"),
    "aux_light": Point("lighting", subsystem="lighting"),
    "aux_other": Point("security, offices and the like", subsystem="other"),
    "loss_power": Point("losses of the power supply", subsystem="power"),
    "reuse_hp": Point("heat pump that lifts reused heat", subsystem="reuse"),
    "q_removed": Point("heat removed from the computer rooms", THERMAL),
    "q_reuse": Point("heat handed over outside the boundary", THERMAL),
    "q_available": Point("heat that could be reused", THERMAL),
    "w_in": Point("water taken in, all of it", WATER),
    "w_pot": Point("potable water taken in", WATER),
    "w_fresh": Point("fresh water taken in", WATER),
    "w_out": Point("water returned or reused outside", WATER),
    "t_inlet": _temperature("rack inlet"),
    "t_exhaust": _temperature("rack exhaust"),
    "t_supply": _temperature("air conditioner, supply air"),
    "t_return": _temperature("air conditioner, return air"),
    "t_oa": _temperature("outside air"),
    "t_wb": _temperature("outside air, wet bulb"),
    "t_chw_supply": _temperature("chilled water, supply"),
    "t_chw_return": _temperature("chilled water, return"),
    "rh_inlet": _humidity("rack inlet"),
    "rh_exhaust": _humidity("rack exhaust"),
    "rh_supply": _humidity("air conditioner, supply air"),
    "rh_return": _humidity("air conditioner, return air"),
    "rh_oa": _humidity("outside air"),
    "u_dc": Point("voltage of a DC bus or rack", ("voltage",)),
    "i_dc": Point("current of a DC bus or rack", ("current",)),
    "u_pole_pe": Point("voltage of a DC pole to earth", ("voltage",)),
    "r_iso": Point("insulation resistance", ("resistance",)),
    "none": Point("recorded, in no KPI", ()),
}

CARRIER_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "en50600": dict.fromkeys(
        ("electricity", "fuel", "district_cold", "district_hot", "district_steam"), 1.0
    ),
    "tgg_wp49": {
        "electricity": 1.0,
        "fuel": 0.35,
        "district_cold": 0.4,
        "district_hot": 0.4,
        "district_steam": 0.3,
    },
}
"""Weight of a carrier's energy content in E_DC.

`en50600` counts the energy content itself; `tgg_wp49` weighs it against electricity
(The Green Grid, White Paper #49, as given in STANDARDS 3.5).
"""


def e_dc_weight(point: str, conversion: str) -> float:
    """Weight with which a point's energy enters E_DC; 0 where it does not (F-3.11).

    Raises
    ------
    KeyError
        If there is no such point or conversion.

    Examples
    --------
    >>> e_dc_weight("export", "en50600")
    -1.0
    >>> e_dc_weight("dhc_cold", "tgg_wp49")
    0.4
    """
    found = POINTS[point]
    return found.e_dc * CARRIER_WEIGHTS[conversion][found.carrier]


def is_fuel(point: str) -> bool:
    """Whether the emissions of a point come from its own factor, not from the grid's.

    >>> is_fuel("dhc_hot"), is_fuel("util")
    (True, False)
    """
    return POINTS[point].carrier != "electricity"
