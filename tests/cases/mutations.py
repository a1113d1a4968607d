"""What is switched off, case by case, to see that the case tells: no rule without its proof."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from greendc.core.facility import DAY, HOUR, Op
from greendc.profiles import decoder


@dataclass(frozen=True)
class Mutation:
    """A case, the rule that is switched off, where it stands, and what takes its place."""

    case: str
    rule: str
    target: str  # module:attribute
    change: Callable[[Any], Any]  # from what stands there to what is to stand there


def _only_changes(decode: Any) -> Any:
    """Take a value that is repeated for no reading."""
    last: dict[int, float] = {}

    def changed(self: Any, batch: Any) -> Any:
        found = decode(self, batch)
        keep = np.ones(len(found.row), np.bool_)
        for place, pair in enumerate(zip(found.meter.tolist(), found.value.tolist(), strict=True)):
            keep[place] = last.get(pair[0]) != pair[1]
            last[pair[0]] = pair[1]
        columns = {name: getattr(found, name)[keep] for name in ("row", "meter", "time", "value")}
        return replace(found, **columns)

    return changed


def _mean_of_ratios(terms: Any) -> Any:
    """Give every hall's PUE the same weight."""

    def each(self: Any, account: Any, amounts: Any) -> Any:
        out = terms(self, account, amounts)
        if account.name == "ipue":
            feeds, loads = ([node for node, _ in term.members] for term in account.terms)
            out[:, 0, 0] = (amounts.energy[feeds] / amounts.energy[loads]).mean(axis=0)
            out[:, 1, 0] = 1.0
        return out

    return each


def _larger_alone(derive: Any) -> Any:
    """Count the larger of a sum's inputs."""

    def larger(step: Any, amounts: Any, valid: Any) -> None:
        derive(step, amounts, valid)
        if step.op is Op.SUM:
            amounts.energy[step.node] = amounts.energy[list(step.inputs)].max(axis=0)

    return larger


def _earlier_wins(merged: Any) -> Any:
    """Of two values for one time let the first in the journal stand."""

    def turned(rows: Any) -> Any:
        return replace(rows, seq=-rows.seq)

    def earlier(parts: Any) -> Any:
        found = merged([turned(part) for part in parts])
        return replace(found, readings=turned(found.readings))

    return earlier


def _shifted(held: Any) -> Any:
    """Let an intensity hold for the step before its stamp."""

    def before(series: Any) -> Iterator[tuple[int, int, float]]:
        for start, end, value in held(series):
            yield start - series.step, end - series.step, value

    return before


def _by_the_clock(decode: Any) -> Any:
    """Stamp messages by the clock of the computer that reads the log."""

    def stamped(self: Any, batch: Any) -> Any:
        return decode(self, replace(batch, arrivals=[time.time_ns()] * len(batch)))

    return stamped


def _as_now(rules: Any) -> Any:
    """Take a message for what is true as it arrives, retained or not."""

    def arrival(stamps: Any, _verdicts: Any) -> Any:
        return stamps.arrival, []

    return dict.fromkeys(rules, arrival)


def _at(**changed: Any) -> Callable[[Any], Any]:
    """Meters as the core sees them, with something changed."""
    return lambda at: lambda self, when: replace(at(self, when), **changed)


def _zero_for_nothing(value: Any) -> Any:
    """Read 0 where no number stands."""

    def zero(item: Any) -> Any:
        found = value(item)
        return 0.0 if isinstance(found, str) else found

    return zero


def _newest(scale: Any) -> Any:
    """Let a meter's newest factor hold at all times."""

    def newest(self: Any, unit: Any) -> Any:
        found = scale(self, unit)
        return replace(
            found, start=found.start[:1], factor=found.factor[-1:], offset=found.offset[-1:]
        )

    return newest


def _in_utc(calendar: Any) -> Any:
    return lambda _zone: calendar("UTC")


_DELTA = "greendc.core.register:register_delta"
_METER = "greendc.config.meters:Filled.at"
_DECODE = "greendc.profiles.decoder:Decoder.decode"
_CALENDAR = "greendc.ledger:LocalCalendar"
_TIMES = "greendc.profiles.decoder:_TIME_RULES"
_VALUE = "greendc.codecs.json_path:_value"

MUTATIONS = [
    Mutation(
        "A01-outage-between-powers", "max_gap", _METER, _at(max_gap=2 * HOUR, silent_after=2 * HOUR)
    ),
    Mutation("A02-constant-for-a-day", "a repeated value is news", _DECODE, _only_changes),
    Mutation(
        "A03-register-dips-by-a-step",
        "a step back is a dip",
        _DELTA,
        lambda delta: lambda meter, *rest: delta(replace(meter, step=0.0), *rest),
    ),
    Mutation(
        "A04-register-starts-again",
        "no energy is negative",
        _DELTA,
        lambda _: lambda _meter, before, now, *_rest: now - before,
    ),
    Mutation(
        "A05-register-off",
        "a register counts across silences up to the horizon",
        "greendc.core.energy:Rules.of",
        lambda of: classmethod(lambda cls, meters, _=0: of.__func__(cls, meters, 60 * DAY)),
    ),
    Mutation(
        "A06-negative-register-once",
        "a register's range",
        _METER,
        _at(range_=(-math.inf, math.inf)),
    ),
    Mutation(
        "A07-rollover",
        "modulus",
        _DELTA,
        lambda delta: lambda meter, *rest: delta(replace(meter, modulus=0.0), *rest),
    ),
    Mutation("A08-no-value-in-the-middle", "no number is no value", _VALUE, _zero_for_nothing),
    Mutation(
        "A09-sentinel",
        "sentinels",
        "greendc.profiles.decoder:is_sentinel",
        lambda _: lambda raw, _sentinels: np.zeros(len(raw), np.bool_),
    ),
    Mutation("A13-two-halls", "ratio of sums", "greendc.core.cells:_Cells._terms", _mean_of_ratios),
    Mutation(
        "A15-facility-below-it",
        "the bounds of a ratio",
        "greendc.core.evaluate:judge",
        lambda judge: lambda metric, *rest: judge(replace(metric, bounds=(0, math.inf)), *rest),
    ),
    Mutation(
        "A16-heat-reuse",
        "reused heat is no part of E_DC",
        "greendc.config.epochs:Instant.e_dc",
        lambda e_dc: lambda self: (*e_dc(self), *[(n, -1.0) for n in self._at("q_reuse")]),
    ),
    Mutation("A17-days-in-kolkata", "local days", _CALENDAR, _in_utc),
    Mutation("A17-days-in-adelaide", "local days", _CALENDAR, _in_utc),
    Mutation("A17-berlin-loses-an-hour", "local days", _CALENDAR, _in_utc),
    Mutation("A17-berlin-gains-an-hour", "local days", _CALENDAR, _in_utc),
    Mutation(
        "A18-register-of-a-local-day",
        "a reset is seen from the data",
        _DELTA,
        lambda delta: (
            lambda meter, before, now, *rest: (
                delta(meter, before, now, *rest) if now >= before else None
            )
        ),
    ),
    Mutation("A19-retained-message", "a retained message is not of now", _TIMES, _as_now),
    Mutation(
        "A20-thrice-and-backwards",
        "the later in the journal wins",
        "greendc.core.site:merged",
        _earlier_wins,
    ),
    Mutation(
        "A21-a-day-late",
        "late readings re-open cells",
        "greendc.core.closing:Progress.reopened",
        lambda _: lambda _self, _dirty, _floor: [],
    ),
    Mutation("A29-payloads-that-are-none", "no number is no value", _VALUE, _zero_for_nothing),
    Mutation(
        "A34-factor-corrected-from-a-date",
        "a factor holds from its date",
        "greendc.config.meters:Filled.scale",
        _newest,
    ),
    Mutation(
        "A36-dual-feed", "a sum has all its inputs", "greendc.core.cells:_derive", _larger_alone
    ),
    Mutation("A37-ten-thousand-times-faster", "arrival is that of the log", _DECODE, _by_the_clock),
    Mutation(
        "A38-clocks-that-jump",
        "the payload's time stands",
        _TIMES,
        lambda rules: {**rules, "payload": decoder._near_time},
    ),
    Mutation(
        "A39-intensity-of-an-hour",
        "an intensity holds from its stamp on",
        "greendc.config.factors:_held",
        _shifted,
    ),
]
