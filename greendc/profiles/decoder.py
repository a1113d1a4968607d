"""Topics to fields, payloads to columns of readings, each refusal with its reason.

A message ends as readings or as refused with a reason; one bad field never loses its
neighbours. Nothing here reads a clock: arrival comes with the message.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from greendc.clocks import SKEW, unset
from greendc.codecs import CODECS
from greendc.codecs.payloads import Payloads
from greendc.columns import lengths, numbers, one_slice, picked
from greendc.core.facility import DAY, EVER
from greendc.core.quality import is_all_bits, is_out_of_range, is_sentinel, padded
from greendc.core.readings import BoolArray, Readings, joined
from greendc.core.tables import evenly
from greendc.ports import (
    RETAIN,
    Codec,
    Columns,
    Decoded,
    Field,
    FloatArray,
    GreendcError,
    IntArray,
    Plan,
    RawBatch,
)
from greendc.profiles.bindings import UNBOUND, Bindings
from greendc.profiles.refusals import Outcome, Verdicts, of_meters, said_once, timed, when
from greendc.profiles.scales import NO_SCALE, Scales
from greendc.profiles.selecting import selected

LONGEST_PAYLOAD = 64 * 1024  # bytes; longer ones are not decoded
_EARLIEST = 7305 * DAY  # 1990-01-01; an earlier stamp is a clock that was never set
_NO_ROWS = np.zeros(0, np.int64)
_OUTLYING = frozenset({"out_of_range"})

_Timed = tuple[IntArray, list[tuple[int, str]]]  # times and notes


class _Shape(NamedTuple):
    """What fields have in common that one call of a codec can read together."""

    codec: str
    value: tuple[str | int, ...]
    time: tuple[str | int, ...] | None
    unit: tuple[str | int, ...] | None
    time_rule: str
    zone: str | None


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch's messages as arrays; `place` p of the wanted readings reads field `slot[p]`."""

    payloads: Sequence[bytes]
    arrival: IntArray
    unset: IntArray
    retained: BoolArray
    row: IntArray
    slot: IntArray


class _Reader(NamedTuple):
    """A codec and the field that stands for all of a shape."""

    codec: Codec
    field: Field


class _Stamps(NamedTuple):
    """Times of some readings as their payloads have them, and how they arrived.

    `unset` is the arrival by our clock as if nobody had set it back.
    """

    time: IntArray
    has_time: BoolArray
    arrival: IntArray
    unset: IntArray
    retained: BoolArray


@dataclass(frozen=True, slots=True)
class _Part:
    """What the fields of one shape gave."""

    place: IntArray
    time: IntArray
    value: FloatArray
    refused: list[tuple[int, str]]
    when: IntArray  # of each that was refused …
    timed: BoolArray  # … and whether that is its own time
    noted: list[tuple[int, str]]
    outlying: Readings


class Decoder:
    """Turns batches of messages into columns of readings by a plan."""

    def __init__(self, plan: Plan) -> None:
        self._filters = list(dict.fromkeys(route.filter for route in plan.routes))
        self._bindings = Bindings(plan.routes)
        fields = self._bindings.fields
        shapes = [_shape(*pair) for pair in zip(self._bindings.codecs, fields, strict=True)]
        places = {shape: number for number, shape in enumerate(dict.fromkeys(shapes))}
        self._shape_of = np.array([places[shape] for shape in shapes], np.int64)
        self._readers = [_reader(shape, fields[shapes.index(shape)]) for shape in places]
        self._meter = np.array([field.meter for field in fields], np.int64)
        self._low = np.array([field.low for field in fields])
        self._high = np.array([field.high for field in fields])
        self._sentinels = padded([field.sentinels for field in fields])
        self._all_bits = np.array([field.all_bits for field in fields], np.bool_)
        self._scales = Scales(fields)

    def subscriptions(self) -> list[str]:
        """MQTT topic filters that bring every topic of the plan, each once."""
        return list(self._filters)

    def unbound(self, topics: Sequence[str]) -> BoolArray:
        """Which topics no route leads from."""
        found: BoolArray = self._bindings.of_topics(topics) == UNBOUND
        return found

    @property
    def forgotten(self) -> int:
        """How many topics that no route leads from were let go of, so that others have room."""
        return self._bindings.forgotten

    def decode(self, batch: RawBatch) -> Columns:
        """Readings of a batch in journal order, and what was refused.

        The outcome of a message depends on it alone, not on the batch it came in.
        """
        bindings = self._bindings.of_topics(batch.topics)
        sizes = lengths(batch.payloads)
        unbound = bindings == UNBOUND
        too_long = ~unbound & (sizes > LONGEST_PAYLOAD)
        refused = [(-1, row, "unbound") for row in np.flatnonzero(unbound).tolist()]
        refused += [(-1, row, "too_long") for row in np.flatnonzero(too_long).tolist()]
        bindings = np.where(too_long, UNBOUND, bindings)
        bindings, strangers = selected(self._bindings, bindings, batch.payloads)
        refused += [(-1, row, reason) for row, reason in strangers]
        wanted = self._wanted(batch, bindings)
        return _columns(wanted.row, self._meter[wanted.slot], refused, self._parts(wanted))

    def _wanted(self, batch: RawBatch, bindings: IntArray) -> _Batch:
        """Every reading that the messages of these bindings may give."""
        row, slot = self._bindings.slots_of(bindings)
        return _Batch(
            payloads=batch.payloads,
            arrival=np.clip(numbers(batch.arrivals), -EVER, EVER),
            unset=unset(batch),
            retained=(numbers(batch.flags) & RETAIN) != 0,
            row=row,
            slot=slot,
        )

    def _parts(self, wanted: _Batch) -> list[_Part]:
        """Readings shape by shape; shapes that read the same payloads share their parsing."""
        shape_of = self._shape_of[wanted.slot]
        parts = []
        rows, payloads = np.zeros(0, np.int64), Payloads([])
        for shape in np.flatnonzero(np.bincount(shape_of)).tolist():
            place = np.flatnonzero(shape_of == shape)
            if not np.array_equal(rows, wanted.row[place]):
                rows = wanted.row[place]
                payloads = Payloads(picked(wanted.payloads, evenly(rows)))
            parts.append(self._part(self._readers[shape], wanted, place, payloads))
        return parts

    def _part(self, reader: _Reader, wanted: _Batch, place: IntArray, payloads: Payloads) -> _Part:
        """Readings of one shape: decoded, timed, scaled and judged, in this order."""
        decoded = reader.codec(reader.field, payloads)
        refused = [(int(place[row]), reason) for row, reason in decoded.rejected]
        unread = wanted.arrival[wanted.row[[at for at, _ in refused]]] if refused else _NO_ROWS
        place = place[one_slice(decoded.row)]
        at = one_slice(place)
        slot, row = wanted.slot[at], evenly(wanted.row[at])
        verdicts = Verdicts.of(len(place))
        arrived = wanted.arrival[row], wanted.unset[row], wanted.retained[row]
        stamps = _Stamps(decoded.time, decoded.has_time, *arrived)
        time, notes = _TIME_RULES[reader.field.time_rule](stamps, verdicts)
        value = self._judged(slot, time, decoded, verdicts)
        good = verdicts.good
        kept = slice(None) if good.all() else good
        refused += [(int(place[at]), reason) for at, reason in verdicts.reasons]
        noted = [(int(place[at]), note) for at, note in notes if good[at]]
        lost = np.append(unread, when(verdicts.reasons, time, stamps.arrival))
        at = verdicts.at(_OUTLYING)
        outlying = Readings(at, self._meter[slot[at]], time[at], value[at])
        own = timed(refused, reader.field.time_rule)
        return _Part(place[kept], time[kept], value[kept], refused, lost, own, noted, outlying)

    def _judged(
        self, slot: IntArray, time: IntArray, decoded: Decoded, verdicts: Verdicts
    ) -> FloatArray:
        """Values in base units; those that are no measurements are refused."""
        scales = self._scales.chosen(slot, decoded.unit)
        verdicts.refuse(scales == NO_SCALE, "bad_unit")
        value = self._scales.apply(scales, time, decoded.value)
        absent = is_sentinel(decoded.value, self._sentinels[slot])
        absent |= is_all_bits(decoded.value) & self._all_bits[slot]
        verdicts.refuse(absent, "sentinel")
        verdicts.refuse(~np.isfinite(value), "not_finite")
        verdicts.refuse(is_out_of_range(value, self._low[slot], self._high[slot]), "out_of_range")
        return value


def _shape(codec: str, field: Field) -> _Shape:
    """Shape of a field; a stamp that its rule does not read is not decoded."""
    time = None if field.time_rule == "arrival" else field.time
    return _Shape(codec, field.value, time, field.unit, field.time_rule, field.zone)


def _reader(shape: _Shape, field: Field) -> _Reader:
    """What reads all fields of a shape, one of which is `field`."""
    if shape.codec not in CODECS:
        raise GreendcError(f"codec {shape.codec!r}: unknown; there are {', '.join(CODECS)}")
    if shape.time_rule not in _TIME_RULES:
        raise GreendcError(f"time {shape.time_rule!r}: unknown; there are {', '.join(_TIME_RULES)}")
    return _Reader(CODECS[shape.codec], replace(field, time=shape.time))


def _payload_time(stamps: _Stamps, verdicts: Verdicts) -> _Timed:
    """The stamp stands."""
    verdicts.refuse(~stamps.has_time, "no_time")
    _refuse_unset(stamps.time, verdicts)
    verdicts.refuse(stamps.time > stamps.unset + SKEW, "future")
    return stamps.time, []


def _near_time(stamps: _Stamps, verdicts: Verdicts) -> _Timed:
    """The stamp stands where it is near the arrival; elsewhere arrival, noted why.

    A device that agrees with our clock as it was before it was set back is right too.
    """
    near = np.abs(stamps.time - stamps.arrival) <= SKEW
    near |= np.abs(stamps.time - stamps.unset) <= SKEW
    near &= stamps.has_time
    verdicts.refuse(~near & stamps.retained, "retained_without_time")
    notes = [
        (at, "skewed" if stamps.has_time[at] else "unstamped")
        for at in np.flatnonzero(~near).tolist()
    ]
    time = np.where(near, stamps.time, stamps.arrival)
    _refuse_unset(time, verdicts)
    return time, notes


def _arrival_time(stamps: _Stamps, verdicts: Verdicts) -> _Timed:
    """Arrival, which says nothing about how old a retained message is."""
    verdicts.refuse(stamps.retained, "retained_without_time")
    _refuse_unset(stamps.arrival, verdicts)
    return stamps.arrival, []


def _refuse_unset(time: IntArray, verdicts: Verdicts) -> None:
    """Refuse times of a clock, the device's or our own, that was never set."""
    verdicts.refuse((time < _EARLIEST) | (time >= EVER), "bad_time")


_TIME_RULES = {
    "payload": _payload_time,
    "payload_if_near": _near_time,
    "arrival": _arrival_time,
}


def _columns(row: IntArray, meter: IntArray, refused: list[Outcome], parts: list[_Part]) -> Columns:
    """Put the parts together in journal order; `row` and `meter` are of all places."""
    place = np.concatenate([_NO_ROWS, *(part.place for part in parts)])
    order = np.argsort(place) if len(parts) > 1 else slice(None)  # one part is in order
    place = place[order]
    at = one_slice(place)
    lost = [pair for part in parts for pair in part.refused]
    of_part = [(at, int(row[at]), why) for at, why in lost]
    noted = sorted((at, note) for part in parts for at, note in part.noted)
    return Columns(
        row=row[at],
        meter=meter[at],
        time=np.concatenate([_NO_ROWS, *(part.time for part in parts)])[order],
        value=np.concatenate([np.zeros(0), *(part.value for part in parts)])[order],
        rejected=said_once(refused + of_part),
        noted=[(int(row[at]), note) for at, note in noted],
        fields=len(row),
        refused=of_meters(
            lost,
            row,
            meter,
            np.concatenate([_NO_ROWS, *(p.when for p in parts)]),
            np.concatenate([np.zeros(0, np.bool_), *(p.timed for p in parts)]),
        ),
        outlying=joined([part.outlying for part in parts]),
    )
