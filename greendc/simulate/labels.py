"""What the truth says of each fault: where, from when to when, and what greendc owes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greendc.calendars import rfc3339
from greendc.simulate.faults import INTENSITY, Schedule
from greendc.simulate.rules import Fault
from greendc.simulate.scenario import Site


@dataclass(frozen=True, slots=True)
class Expected:
    """Of figures that need the meter, and in which word greendc names it.

    `figures`: `right`; `missing`, absent or with less coverage; `wrong`, as long as nobody
    compares meters with each other; `true`, where it is the plant that changes. `word`: an
    outcome that is counted, or the reason of a figure; None where greendc has no word for it.
    """

    figures: str
    word: str | None = None


_PLANT = Expected("true")
EXPECTED: Mapping[str, Expected] = {
    "silence": Expected("missing", "silent"),
    "duplicate": Expected("right", "duplicate"),
    "out_of_order": Expected("right"),
    "late": Expected("right", "late"),
    "retained": Expected("right", "duplicate"),
    "rollover": Expected("right"),
    "reset": Expected("missing", "silent"),
    "dip": Expected("right"),
    "replacement": Expected("missing", "silent"),
    "wrong_factor": Expected("wrong"),
    "watt_for_kilowatt": Expected("missing", "out_of_range"),
    "swapped_sign": Expected("missing", "out_of_range"),
    "missing_phase": Expected("wrong"),
    "sentinel": Expected("missing", "sentinel"),
    "frozen": Expected("wrong"),
    "spike": Expected("missing", "out_of_range"),
    "clock_skew": Expected("wrong"),
    "clock_jump": Expected("missing", "conflict"),
    "nan": Expected("missing", "not_finite"),
    "null": Expected("missing", "no_value"),
    "text": Expected("missing", "not_json"),
    INTENSITY: Expected("missing", "no_intensity"),
}
"""By family, for meters of power with a rating, whose payloads are JSON with a time."""


def labels(site: Site, schedule: Schedule) -> list[dict[str, Any]]:
    """The schedule of a site, each fault with the meters that it concerns."""
    return [_label(fault, schedule) for fault in site.faults]


def _label(fault: Fault, schedule: Schedule) -> dict[str, Any]:
    meters: Sequence[str] = [hit.meter.id for hit in schedule.hits if hit.fault is fault]
    expected = EXPECTED.get(fault.kind, _PLANT)
    return {
        "kind": fault.kind,
        "what": fault.what,
        "from": rfc3339(fault.start),
        "to": rfc3339(fault.end),
        "by": fault.by,
        "of": "plant" if fault.of_plant else "meters",
        "meters": meters,
        "figures": expected.figures,
        "word": expected.word,
    }
