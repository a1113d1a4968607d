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
    outcome that is counted, the reason of a figure, or a finding of the balance check where the
    meters before and behind are there; None where greendc has no word for it.
    """

    figures: str
    word: str | None = None


EXPECTED: Mapping[str, Expected] = {
    "silence": Expected("missing", "silent"),
    "duplicate": Expected("right", "duplicate"),
    "out_of_order": Expected("right", "out_of_order"),
    "late": Expected("right", "late"),
    "retained": Expected("right", "late"),
    "rollover": Expected("right", "rollover"),
    "reset": Expected("missing", "reset"),
    "dip": Expected("right", "dip"),
    "replacement": Expected("right", "replaced"),
    "wrong_factor": Expected("missing", "out_of_range"),
    "watt_for_kilowatt": Expected("missing", "out_of_range"),
    "swapped_sign": Expected("missing", "out_of_range"),
    "missing_phase": Expected("wrong", "phase"),
    "sentinel": Expected("missing", "sentinel"),
    "frozen": Expected("missing", "frozen"),
    "spike": Expected("right", "out_of_range"),
    "clock_skew": Expected("right", "clock_ahead"),
    "clock_jump": Expected("missing", "conflict"),
    "nan": Expected("missing", "not_finite"),
    "null": Expected("missing", "no_value"),
    "text": Expected("missing", "not_json"),
    INTENSITY: Expected("missing", "no_intensity"),
}
"""By family with its default amount, for meters with a rating and payloads that hold a time.

What went by while a register was away that began anew by itself is lost: nobody has read it off.
One that is exchanged is `replaced` in the site file, with both numbers.
"""
MODEST = Expected("wrong")  # a factor that leaves a reading within its meter's range


def label(fault: Fault, schedule: Schedule) -> dict[str, Any]:
    """Of a fault of the schedule: the meters that it concerns, and what greendc owes it."""
    expected = EXPECTED.get(fault.kind, Expected("true"))
    if fault.kind in {"wrong_factor", "spike"} and fault.by is not None and abs(fault.by) < 10:
        expected = MODEST
    return {
        "meters": [hit.meter.id for hit in schedule.hits if hit.fault is fault],
        "figures": expected.figures,
        "word": expected.word,
    }
