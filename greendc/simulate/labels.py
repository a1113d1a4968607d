"""What the truth says of each fault: which meters it concerns, and what greendc owes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greendc.simulate.faults import INTENSITY, Schedule
from greendc.simulate.rules import Fault


@dataclass(frozen=True, slots=True)
class Expected:
    """Of figures that need the meter, and in which word greendc names it.

    `figures`: `right`; `missing`, absent or with less coverage; `wrong`, as long as nobody
    compares meters with each other; `true`, where it is the plant that changes. `word`: an
    outcome that is counted, or the reason of a figure; None where greendc has no word for it.
    """

    figures: str
    word: str | None = None


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


def label(fault: Fault, schedule: Schedule) -> dict[str, Any]:
    """Of a fault of the schedule: the meters that it concerns, and what greendc owes it."""
    expected = EXPECTED.get(fault.kind, Expected("true"))
    return {
        "meters": [hit.meter.id for hit in schedule.hits if hit.fault is fault],
        "figures": expected.figures,
        "word": expected.word,
    }
