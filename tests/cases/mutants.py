"""What takes the place of rules that are switched off: each takes what stands there."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from greendc.core.facility import Op
from greendc.core.words import Word


def only_changes(decode: Any) -> Any:
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


def mean_of_ratios(terms: Any) -> Any:
    """Give every hall's PUE the same weight."""

    def each(self: Any, account: Any, amounts: Any) -> Any:
        out = terms(self, account, amounts)
        if account.name == "ipue":
            feeds, loads = ([node for node, _ in term.members] for term in account.terms)
            out[:, 0, 0] = (amounts.energy[feeds] / amounts.energy[loads]).mean(axis=0)
            out[:, 1, 0] = 1.0
        return out

    return each


def larger_alone(derive: Any) -> Any:
    """Count the larger of a sum's inputs."""

    def larger(step: Any, amounts: Any, valid: Any) -> None:
        derive(step, amounts, valid)
        if step.op is Op.SUM:
            amounts.energy[step.node] = amounts.energy[list(step.inputs)].max(axis=0)

    return larger


def filled_for_sure(expand: Any) -> Any:
    """Let nothing that is filled in be in doubt."""
    return lambda meters, derived, filled: expand(meters, derived, [(p, 0.0) for p, _ in filled])


def filled_as_the_worst(expand: Any) -> Any:
    """Let all that is filled in be off by the largest limit that is stated."""

    def worst(meters: Any, derived: Any, filled: Any) -> Any:
        limit = max(limit or 0.0 for _, limit in filled)
        return expand(meters, derived, [(place, limit) for place, _ in filled])

    return worst


def every_day_alike(slots: Any) -> Any:
    """Let a day be like any other."""

    def alike(borders: Any, hours: Any) -> Any:
        day, slot = slots(borders, hours)
        return 7 * (day // 7), slot

    return alike


def earlier_wins(merged: Any) -> Any:
    """Of two values for one time let the first in the journal stand."""

    def turned(rows: Any) -> Any:
        return replace(rows, seq=-rows.seq)

    def earlier(parts: Any) -> Any:
        found = merged([turned(part) for part in parts])
        return replace(found, readings=turned(found.readings))

    return earlier


def adding_up(merged: Any) -> Any:
    """Add up what is said of one meter and time."""

    def added(parts: Any) -> Any:
        found = merged(parts)
        rows = found.readings
        every = [pair for part in parts for pair in _pairs(part)]
        sums: dict[tuple[int, int], float] = {}
        for meter, at, value in every:
            sums[meter, at] = sums.get((meter, at), 0.0) + value
        value = np.array([sums[meter, at] for meter, at, _ in _pairs(rows)])
        return replace(found, readings=replace(rows, value=value))

    return added


def _pairs(rows: Any) -> Any:
    return zip(rows.meter.tolist(), rows.time.tolist(), rows.value.tolist(), strict=True)


def shifted(held: Any) -> Any:
    """Let an intensity hold for the step before its stamp."""

    def before(series: Any, *, ends: bool) -> Iterator[tuple[int, int, float]]:
        for start, end, value in held(series, ends=ends):
            yield start - series.step, end - series.step, value

    return before


def by_the_clock(decode: Any) -> Any:
    """Stamp messages by the clock of the computer that reads the log."""

    def stamped(self: Any, batch: Any) -> Any:
        return decode(self, replace(batch, arrivals=[time.time_ns()] * len(batch)))

    return stamped


def as_now(rules: Any) -> Any:
    """Take a message for what is true as it arrives, retained or not."""

    def arrival(stamps: Any, _verdicts: Any) -> Any:
        return stamps.arrival, []

    return dict.fromkeys(rules, arrival)


def at(**changed: Any) -> Callable[[Any], Any]:
    """Meters as the core sees them, with something changed."""
    return lambda at: lambda self, when: replace(at(self, when), **changed)


def zero_for_nothing(value: Any) -> Any:
    """Read 0 where no number stands."""

    def zero(item: Any) -> Any:
        found = value(item)
        return 0.0 if isinstance(found, str) else found

    return zero


def newest(scale: Any) -> Any:
    """Let a meter's newest factor hold at all times."""

    def newest(self: Any, unit: Any) -> Any:
        found = scale(self, unit)
        return replace(
            found, start=found.start[:1], factor=found.factor[-1:], offset=found.offset[-1:]
        )

    return newest


def without(gain: float) -> Callable[[Any], Any]:
    """Look for no mistake of this factor."""
    return lambda mistakes: tuple(one for one in mistakes if one.gain != gain)


def in_utc(calendar: Any) -> Any:
    return lambda _zone: calendar("UTC")


def each_fall_a_reset(delta: Callable[..., Any]) -> Callable[..., Any]:
    """What a register shows that has fallen it has counted, whatever comes after it."""
    return lambda meter, before, now, *rest: (
        now if now < before else delta(meter, before, now, *rest)
    )


def each_rise_counts(counted: Callable[..., Any]) -> Callable[..., Any]:
    """Of registers: what is shown more has been counted, whatever is shown next."""

    def instead(meter: Any, rated: Any, time: Any, value: Any, places: Any) -> Any:
        risen = float(value[places[2]] - value[places[0]])
        return (risen, Word.USED) if risen > 0 else counted(meter, rated, time, value, places)

    return instead


def filled_with(power: float) -> Callable[[Any], Any]:
    """Fill every hour that lacks something with the same power [W]."""

    def change(rule: Any) -> Any:
        def instead(self: Any, day: Any) -> Any:
            fills = rule(self, day)
            return replace(fills, power=np.full(len(fills), power))

        return instead

    return change
