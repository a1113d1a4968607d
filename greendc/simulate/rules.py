"""What a scenario may say of meters and faults."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, FiniteFloat, model_validator

from greendc.config.scalars import Duration, Instant, Items, Model, NotNegative, Positive, key

PlantFault = Literal[
    "chiller_failed",
    "filter_blocked",
    "damper_stuck",
    "ups_bypass",
    "dc_undervoltage",
    "dc_overvoltage",
    "hot_aisle_leak",
    "utility_lost",
]
"""Faults that change the truth itself; `what` is a place, such as `ups-a`."""

MeterFault = Literal[
    "silence",
    "duplicate",
    "out_of_order",
    "late",
    "retained",
    "rollover",
    "reset",
    "dip",
    "replacement",
    "wrong_factor",
    "watt_for_kilowatt",
    "swapped_sign",
    "missing_phase",
    "sentinel",
    "frozen",
    "spike",
    "clock_skew",
    "clock_jump",
    "nan",
    "null",
    "text",
    "intensity_lost",
]
"""Faults of readings and payloads; `what` is a meter, or a pattern of meters."""

PLANT_MEANINGS: dict[PlantFault, str] = {
    "chiller_failed": "A chiller, an air conditioner (`room-crac-1`) or a hall's compressors "
    "(`hall-1-trim`) take no heat; where the others are too few, air gets warmer within 15 min.",
    "filter_blocked": "The fan of an air unit (`hall-1-crah-2`), tower or dry cooler needs `by` "
    "(0.6) more power for the same air, within an hour.",
    "damper_stuck": "The `economiser`, or a hall's damper (`hall-1-damper`), is closed by `by` "
    "(1), within a minute.",
    "ups_bypass": "A UPS or rectifier (`ups-a`) lets the load pass by.",
    "dc_undervoltage": "A bus (`rect-a`) has `by` V (250).",
    "dc_overvoltage": "A bus has `by` V (405).",
    "hot_aisle_leak": "The inlets of a hall get `by` (0.15) more of its exhaust, most at the top, "
    "within 10 min.",
    "utility_lost": "A feed (`feed-a`) has no utility; its battery waits for the generator.",
}
PLANT_FAULTS: tuple[str, ...] = get_args(PlantFault)
METER_FAULTS: tuple[str, ...] = get_args(MeterFault)


class Metered(Model):
    """How a point is metered."""

    kind: Literal["instant", "mean_prev", "mean_next", "on_change", "register"] = key(
        "instant", description="How a reading stands for the time between two."
    )
    interval: Duration = key("60s", description="From one reading to the next; of whole steps.")
    unit: str | None = key(None, description="Unit of the payloads; default: the base unit.")
    resolution: NotNegative = key(0.0, description="Smallest difference shown, in unit; 0 = fine.")
    accuracy_class: Annotated[Positive, Field(lt=100)] | None = key(
        None, alias="class", description="Accuracy class: limit of a meter's constant error. [%]"
    )
    modulus: NotNegative = key(0.0, description="Where a register starts again; 0 = never.")
    style: str = key(
        "json",
        description="Payloads: number (alone), json (value, time), json_ms, json_text, json_unit, "
        "json_list, or device: all points that share the topic.",
    )
    topic: str = key("dc/{site}/{place}/{point}", description="Topic; {site}, {place}, {point}.")
    delay: Duration | None = key(None, description="From the reading's time to its publication.")
    jitter: Duration | None = key(None, description="Most that chance adds to the delay.")
    fill: Literal["linear", "profile"] | None = key(
        None, description="What the site file asks to fill gaps of a power with."
    )
    fill_uncertainty: Positive | None = key(
        None, description="What the site file says that may be off by. [%]"
    )


class Rule(Metered):
    """How points are metered; for each point the first rule that matches it counts."""

    points: Items[str] = Field(
        min_length=1, description="Patterns of points, as in a shell: *.util, rack-0*.it_in."
    )
    power: Metered | None = key(
        None,
        description="A meter beside a register that tells its power, under the register's name and "
        "`-power`. The site file has the one give the other its shape.",
    )


class Fault(Model):
    """An entry of the schedule of faults: what is wrong from when to when."""

    kind: Literal[PlantFault, MeterFault] = Field(description="Family of the fault.")
    what: str = Field(min_length=1, description="A place of the plant, or a pattern of meters.")
    from_: Instant = Field(alias="from", description="When it begins.")
    for_: Duration | None = key(None, alias="for", description="How long it lasts.")
    to: Instant | None = key(None, description="When it ends, instead of for.")
    by: FiniteFloat | None = key(
        None, description="How much, as the kind has it: a factor, seconds … See README.md."
    )
    text: str | None = key(None, description="Of text: what the payload is instead.")

    @model_validator(mode="after")
    def _ends(self) -> "Fault":
        if (self.for_ is None) == (self.to is None):
            raise ValueError("needs exactly one of for and to")
        if self.end <= self.start:
            raise ValueError("must end after it begins")
        return self

    @property
    def start(self) -> int:
        """When it begins [ns]."""
        return self.from_

    @property
    def end(self) -> int:
        """When it ends [ns]."""
        return self.from_ + self.for_ if self.for_ is not None else int(self.to or 0)

    @property
    def of_plant(self) -> bool:
        """Whether the truth itself changes, and not only what a meter says of it."""
        return self.kind in PLANT_FAULTS


def metering_default() -> dict[str, Any]:
    """Every point, clean: once a minute, in base units."""
    return {"points": ["*"]}
