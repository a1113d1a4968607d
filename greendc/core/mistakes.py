"""Mistakes that meters are read with, each by the factor that would put it right."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake that is the same at all times: what is shown times `gain` would be right.

    `rare` is how much better it must explain than a common one to be named first.
    """

    kind: str
    gain: float
    meaning: str
    rare: float = 0.0


BACKWARDS = Mistake(
    "sign", -1.0, "the sign is swapped, as of a current transformer the wrong way round"
)

MISTAKES = (
    BACKWARDS,
    Mistake("factor", 1e-3, "W taken for kW, mW for W, or Wh for kWh"),
    Mistake("factor", 1e3, "kW taken for W, MW for kW, or kWh for Wh"),
    Mistake("factor", 1e-1, "a factor of 10 too much, as of a transformer or a decimal point"),
    Mistake("factor", 1e1, "a factor of 10 missing, as of a transformer or a decimal point"),
    Mistake("factor", 1e-2, "hundredths taken for wholes, as kWh/100"),
    Mistake("factor", 1e2, "a factor of 100 missing"),
    Mistake("phase", 1.5, "one of three phases is missing"),
    Mistake("phase", 3.0, "two of three phases are missing, or one is the wrong way round"),
    Mistake("factor", 1e-6, "mW taken for kW", 0.5),
    Mistake("factor", 1e6, "kW taken for mW", 0.5),
    Mistake("factor", 3.6, "MJ taken for kWh the wrong way round, or a factor of 3.6 missing", 0.5),
    Mistake("factor", 1 / 3.6, "MJ taken for kWh", 0.5),
    Mistake("factor", 3600.0, "Wh taken for J", 0.5),
    Mistake("factor", 1 / 3600.0, "J taken for Wh", 0.5),
)
"""What is looked for. Factors from reports of users: netdata#20419, #22191, librenms#13065."""

COUNTED_TWICE = Mistake("twice", 0.0, "is counted at this node though something else there has it")
"""Of one output of one node: without it the node is in balance."""

DIRECTION = "direction"
"""Of import and export of a connection together: no factor on one of them puts it right."""

EXCHANGED = "exchanged"
"""Of two meters, at nodes of their own, that show each other's readings."""

MISMATCH = "register_power_mismatch"
"""In place of a mistake: a register and the power that it counts do not tell the same."""

UNDECIDED = "undecided"
"""In place of a mistake: one of several, or something that has no meter."""

KINDS = tuple(
    dict.fromkeys(
        [
            *[mistake.kind for mistake in MISTAKES],
            COUNTED_TWICE.kind,
            DIRECTION,
            EXCHANGED,
            MISMATCH,
            UNDECIDED,
        ]
    )
)
