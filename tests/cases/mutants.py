"""What takes the place of rules that are switched off: each takes what stands there."""

import select
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from greendc.columns import numbers
from greendc.core.facility import Op
from greendc.core.words import Word
from greendc.ports import RawBatch
from greendc.sinks import Passed
from greendc.sources.pace import readable_from


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

    def before(series: Any) -> Iterator[tuple[int, int, float]]:
        for start, end, value in held(series):
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


def in_utc(calendar: Any) -> Any:
    return lambda _zone: calendar("UTC")


# -- of the daemon --------------------------------------------------------------------------------


class _Whole(float):
    """A number that goes over the wire as an integer of InfluxDB."""

    def __repr__(self) -> str:
        return f"{int(self)}i"


def whole_numbers(fields: Any) -> Any:
    """Send whole numbers as integers."""

    def typed(figure: Any) -> dict[str, float]:
        found = fields(figure)
        return {key: _Whole(v) if v.is_integer() else v for key, v in found.items()}

    return typed


def dropped(failed: Any) -> Any:
    """Give up what a store does not take."""

    def failing(self: Any, error: Exception) -> float:
        last = self._ledger().last()
        self._progress.advance(last, 0)
        self.passed.put(Passed(last))
        return float(failed(self, error))

    return failing


def all_or_nothing(move_cursors: Any) -> Any:
    """Let a store that fails be a failure of the daemon."""

    def failing(self: Any) -> None:
        for health in self.sinks.health():
            if health.error is not None:
                raise OSError(health.error)
        move_cursors(self)

    return failing


def buffered(take: Any) -> Any:
    """Acknowledge at once and journal a batch when the next one comes."""
    held: list[Any] = []

    def later(
        self: Any, entries: Any, acknowledge: Any = lambda: None, reception: Any = None
    ) -> None:
        acknowledge()
        if not any(isinstance(entry, RawBatch) for entry in entries):
            take(self, entries, reception=reception)
            return
        if held:
            take(self, *held.pop())
        held.append((entries, lambda: None, reception))

    return later


def deaf_acknowledgement(leave: Any) -> Any:
    """Acknowledge what comes while the connection is being left."""

    def hearing(self: Any, seconds: float) -> None:
        deadline = time.monotonic() + 0.5
        readable_from(self._socket(), 1)
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._socket()], [], [], left)[0]:
                self.read(1000)
                self.acknowledge(numbers(self.collected(0).mids))
                self.write()
        leave(self, seconds)

    return hearing


def subscribed_once(connected: Any) -> Any:
    """Trust the broker to remember what was subscribed."""

    def again(self: Any, connection: Any, *, session_present: bool) -> None:
        if self.state.connection > 1:
            self._subscribe = lambda _connection: None
        connected(self, connection, session_present=session_present)

    return again


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
