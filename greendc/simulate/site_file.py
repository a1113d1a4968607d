"""The site file that fits a scenario: what an operator who knows the meters would write."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import yaml

from greendc.calendars import rfc3339
from greendc.config.scalars import duration_text
from greendc.core.facility import HOUR, MINUTE, Kind
from greendc.core.quantities import POINTS
from greendc.simulate.behind import fed_by
from greendc.simulate.faults import ALL_BITS, INTENSITY, Exchange, Schedule
from greendc.simulate.meters import HEARTBEAT, Device, Meter
from greendc.simulate.parts.emissions import intensity
from greendc.simulate.payloads import Payload, payload_of
from greendc.simulate.scenario import Scenario, Site
from greendc.simulate.site import balances, points
from greendc.simulate.truth import Point

CELLS = tuple(minutes * MINUTE for minutes in (1, 5, 10, 15, 30, 60))
LATE = 10 * MINUTE
FROZEN = 5  # readings

Found = tuple[Site, Sequence[Device], Schedule]
Points = Mapping[str, Point]


def write_site_file(path: Path, scenario: Scenario, found: Sequence[Found]) -> None:
    """Write a configuration for all sites, and beside it the emissions of each one's grid."""
    text = f"# Made by greendc simulate, seed {scenario.seed}.\n\nsites:\n"
    for site, devices, schedule in found:
        series = path.with_name(f"{path.stem}-{site.id}-grid.csv")
        series.write_text("".join(_series(scenario, site)), encoding="utf-8")
        text += "".join(_site(scenario, (site, devices, schedule), series.name))
    path.write_text(text, encoding="utf-8")


def _series(scenario: Scenario, site: Site) -> Iterator[str]:
    """Emissions of the grid by the hour, but for those that are lost."""
    yield "timestamp,g_per_kwh\n"
    found = intensity(scenario, site, scenario.start, scenario.end)
    lost = [fault for fault in site.faults if fault.kind == INTENSITY]
    for number, value in enumerate(found.values.astype(int).tolist()):
        hour = found.begin + number * HOUR
        if not any(fault.start <= hour < fault.end for fault in lost):
            yield f"{rfc3339(hour)},{value // 10}.{value % 10}\n"


def _site(scenario: Scenario, found: Found, series: str) -> Iterator[str]:
    site, devices, schedule = found
    there = points(scenario, site)
    meters = [meter for device in devices for meter in device.meters]
    head: dict[str, Any] = {
        "id": site.id,
        "name": site.name or site.id,
        "zone": site.zone,
        "rated_it_w": site.rated_it_w,
        "cell": duration_text(cell_of(devices)),
        "e_dc": "metered" if _all_metered(meters, there, "util") else "bottom_up",
        "e_it": dict(_by_category(meters, there)),
        "emissions": _emissions(site, series),
    }
    yield f"  - {_line(head['id'], 'id')}"
    yield from (f"    {_line(value, key)}" for key, value in head.items() if key != "id" and value)
    before = fed_by(balances(scenario, site), there, {meter.id for meter in meters})
    yield "    meters:\n"
    for place, device in enumerate(devices, schedule.first):
        payload = payload_of(device)
        for column, meter in enumerate(device.meters):
            made = _meter(device, meter, payload, column)
            made |= _rules(device, {hit.fault.kind for hit in schedule.of(place, column, *RULES)})
            made |= _replaced(meter, schedule.exchanged.get(meter.id, ()))
            yield f"      - {_flow(made | before.get(meter.id, {}))}"


def _replaced(meter: Meter, exchanged: Sequence[Exchange]) -> dict[str, Any]:
    """What whoever exchanged a meter's registers wrote down."""
    told = [
        {
            "at": rfc3339(one.at),
            "final": one.final / 10**meter.decimals,
            "initial": one.initial / 10**meter.decimals,
        }
        for one in exchanged
    ]
    return {"replaced": told} if told else {}


def cell_of(devices: Sequence[Device]) -> int:
    """The smallest window of figures that all meters of energy can fill."""
    longest = [d.interval for d in devices if any(_counts(m) for m in d.meters)]
    wanted = max(longest, default=MINUTE)
    return next((cell for cell in CELLS if cell >= wanted), HOUR)


def _counts(meter: Meter) -> bool:
    return meter.quantity in {"power", "energy", "thermal_power", "heat"}


def _line(value: Any, key: str) -> str:
    return f"{key}: {_flow(value)}"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    return text.removesuffix("...\n") if isinstance(value, dict | list) else _bare(text)


def _bare(text: str) -> str:
    return text.removesuffix("...\n").rstrip("\n") + "\n"


def _all_metered(meters: Sequence[Meter], points: Points, word: str) -> bool:
    """Whether a site has such points and a meter at each of them."""
    there = {name for name, point in points.items() if point.point == word}
    return bool(there) and there <= {meter.id for meter in meters}


def _by_category(meters: Sequence[Meter], points: Points) -> Iterator[tuple[int, list[str]]]:
    """Meters of E_IT by PUE category, where no path to the equipment lacks one."""
    for category in (1, 2, 3):
        words = [word for word, point in POINTS.items() if point.category == category]
        there = [name for name, point in points.items() if point.point in words]
        metered = {meter.id for meter in meters}
        if there and set(there) <= metered:
            yield category, there


def _emissions(site: Site, series: str) -> dict[str, Any]:
    return {"location": {"series": series, "zone": site.grid.zone, "source": site.grid.source}}


RULES: Mapping[str, Callable[[Device], dict[str, Any]]] = {
    "sentinel": lambda _: {"sentinels": [ALL_BITS]},
    "frozen": lambda device: {"frozen_after": duration_text(FROZEN * device.interval)},
}
"""Family of faults -> the rule that somebody who knows of it would give the meter."""


def _rules(device: Device, kinds: AbstractSet[str]) -> dict[str, Any]:
    return {key: rule for kind in sorted(kinds) for key, rule in RULES[kind](device).items()}


def _meter(device: Device, meter: Meter, payload: Payload, column: int) -> dict[str, Any]:
    point, rule = meter.point, meter.rule
    place = "none" if meter.beside else point.point  # its register is what counts
    found: dict[str, Any] = {"id": meter.id, "point": place}
    if meter.quantity not in POINTS[place].quantities[:1]:
        found["quantity"] = meter.quantity
    if not payload.names_unit:
        found["unit"] = meter.unit
    found["kind"] = meter.kind.value
    found["nominal"] = duration_text(device.interval)
    if meter.kind is Kind.ON_CHANGE:
        found["silent_after"] = duration_text(2 * max(HEARTBEAT, device.interval))
    if rule.accuracy_class is not None:
        found["class"] = rule.accuracy_class
    if point.rating is not None and _counts(meter):
        found["rating_w"] = point.rating
    if meter.kind is Kind.REGISTER:
        found["register"] = {"modulus": rule.modulus, "step": meter.quantum / 10**meter.decimals}
    more = {
        "shape": meter.power,
        "fill": None if meter.kind is Kind.REGISTER else rule.fill,
        "fill_uncertainty": None if meter.kind is Kind.REGISTER else rule.fill_uncertainty,
    }
    found |= {name: value for name, value in more.items() if value is not None}
    return found | {"topic": device.topic, **payload.keys, **payload.values[column]}
