"""What goes wrong with readings and payloads, by a schedule.

Each family is a function: of the numbers that a meter shows (`NUMBERS`), of the word that
stands in place of a number (`WORDS`), or of messages (`SENDING`). Registers that begin anew
are in `shown`, since that counts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
import numpy.typing as npt

from greendc.core.facility import HOUR, SECOND, IntArray, Kind
from greendc.ports import RETAIN, GreendcError
from greendc.simulate.messages import ByteArray, Messages
from greendc.simulate.meters import Device, Meter
from greendc.simulate.rules import Fault

BoolArray = npt.NDArray[np.bool_]

BURST = SECOND  # between messages that are sent at once
LATE = 26 * HOUR
ANEW: Mapping[str, float] = {"reset": 0.0, "replacement": 17.0}
"""Family -> what a register shows that begins anew as the fault ends, unless `by` says it."""
INTENSITY = "intensity_lost"


@dataclass(frozen=True, slots=True)
class Hit:
    """A fault of one meter: `device` is its place, `column` the meter's among its meters."""

    fault: Fault
    device: int
    column: int
    meter: Meter

    def amount(self, default: float) -> float:
        """How much, where the schedule does not say."""
        return default if self.fault.by is None else self.fault.by

    def inside(self, times: IntArray) -> BoolArray:
        """Which readings it concerns."""
        found: BoolArray = (times >= self.fault.start) & (times < self.fault.end)
        return found


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is read off when a register is exchanged: fixed-point numbers of its meter."""

    at: int
    final: int
    initial: int


@dataclass(slots=True)
class Batch:
    """What devices that are read together send: a row for each time, a column for each device.

    `value` and `word` have a layer for each value of a message; columns as in `Messages`.
    `extra` holds messages beside those.
    """

    times: IntArray
    interval: int
    device: IntArray
    stamp: IntArray
    arrival: IntArray
    value: IntArray
    word: ByteArray
    text: IntArray
    flags: IntArray
    keep: BoolArray
    extra: list[Messages]

    def messages(self) -> list[Messages]:
        """Those that are sent, and those beside them."""
        return [self.some(self.keep), *self.extra]

    def some(self, mask: BoolArray) -> Messages:
        """Messages of the places that a mask names."""
        device = np.broadcast_to(self.device, self.stamp.shape)
        if mask.all():
            return Messages(
                device=device.ravel(),
                stamp=self.stamp.ravel(),
                arrival=self.arrival.ravel(),
                value=self.value.reshape(len(self.value), -1),
                word=self.word.reshape(len(self.word), -1),
                text=self.text.ravel(),
                flags=self.flags.ravel(),
            )
        return Messages(
            device=device[mask],
            stamp=self.stamp[mask],
            arrival=self.arrival[mask],
            value=self.value[:, mask],
            word=self.word[:, mask],
            text=self.text[mask],
            flags=self.flags[mask],
        )

    def place(self, rows: BoolArray, column: int) -> BoolArray:
        """A mask of rows of one device."""
        mask = np.zeros(self.stamp.shape, np.bool_)
        mask[rows, column] = True
        return mask


# -- numbers ----------------------------------------------------------------------------------


def _scaled(default: float) -> Callable[[IntArray, Hit], IntArray]:
    def scaled(shown: IntArray, hit: Hit) -> IntArray:
        found: IntArray = np.rint(shown * hit.amount(default)).astype(np.int64)
        return found

    return scaled


def _swapped(shown: IntArray, _hit: Hit) -> IntArray:
    return -shown


Numbers = Callable[[IntArray, Hit], IntArray]
NUMBERS: Mapping[str, Numbers] = {
    "wrong_factor": _scaled(10.0),
    "watt_for_kilowatt": _scaled(1000.0),
    "swapped_sign": _swapped,
    "missing_phase": _scaled(2 / 3),
    "spike": _scaled(50.0),
}
"""Family -> what is shown instead; `by` is the factor."""


# -- words ------------------------------------------------------------------------------------

ALL_BITS = 2**32 - 1
TEXT = "unavailable"


def word_of(fault: Fault) -> bytes:
    """What stands in place of a number."""
    if fault.kind == "sentinel":
        return f"{ALL_BITS if fault.by is None else fault.by:.15g}".encode()
    return {"nan": b"NaN", "null": b"null"}[fault.kind]


WORDS = ("sentinel", "nan", "null")


# -- sending ----------------------------------------------------------------------------------


def _silence(batch: Batch, column: int, rows: BoolArray, _hit: Hit) -> None:
    batch.keep[rows, column] = False


def _duplicate(batch: Batch, column: int, rows: BoolArray, hit: Hit) -> None:
    again = batch.some(batch.place(rows, column) & batch.keep)
    for number in range(1, int(hit.amount(1.0)) + 1):
        batch.extra.append(replace(again, arrival=again.arrival + number * BURST))


def _out_of_order(batch: Batch, column: int, rows: BoolArray, hit: Hit) -> None:
    """So many readings at a time arrive after the last of them, in reverse order."""
    block = max(2, int(hit.amount(5.0)))
    behind = block - 1 - batch.times // batch.interval % block
    wait = behind * (batch.interval + BURST)
    batch.arrival[rows, column] += wait[rows]


def _late(batch: Batch, column: int, rows: BoolArray, hit: Hit) -> None:
    batch.arrival[rows, column] += int(hit.amount(LATE / SECOND) * 1000) * (SECOND // 1000)


def _retained(batch: Batch, column: int, rows: BoolArray, hit: Hit) -> None:
    """The broker hands out the first message once more as the fault ends, marked as retained."""
    first = rows & (batch.times < hit.fault.start + batch.interval)
    old = batch.some(batch.place(first, column))
    arrival = np.full(len(old), hit.fault.end)
    batch.extra.append(replace(old, arrival=arrival, flags=old.flags | RETAIN))


def _clock_skew(batch: Batch, column: int, rows: BoolArray, hit: Hit) -> None:
    """The clock drifts, by so many seconds in the end."""
    span = hit.fault.end - hit.fault.start
    share = (batch.times[rows] - hit.fault.start) / span
    drift = np.rint(share * hit.amount(30.0) * 1000).astype(np.int64)
    batch.stamp[rows, column] += drift * (SECOND // 1000)


def _clock_jump(batch: Batch, column: int, rows: BoolArray, hit: Hit) -> None:
    batch.stamp[rows, column] += int(hit.amount(-600.0) * 1000) * (SECOND // 1000)


Sending = Callable[[Batch, int, BoolArray, Hit], None]
SENDING: Mapping[str, Sending] = {
    "silence": _silence,
    "reset": _silence,  # until it is there again
    "replacement": _silence,
    "clock_skew": _clock_skew,
    "clock_jump": _clock_jump,
    "out_of_order": _out_of_order,
    "late": _late,
    "retained": _retained,
    "duplicate": _duplicate,
}
"""Family -> what it does to messages, in this order; `by` in seconds, of `duplicate` the copies,
of `out_of_order` the readings at a time."""


# -- the schedule -----------------------------------------------------------------------------

_CLOCKS = ("clock_skew", "clock_jump")
_REGISTERS = ("rollover", "dip", *ANEW)


class Schedule:
    """All faults of meters of some devices, whose places begin at `first`.

    `hits` are the meters concerned, `words` and `texts` as in `Messages`. `exchanged` holds what
    was read off of each meter's registers, by its id, once somebody has counted that far.

    Raises
    ------
    GreendcError
        If a fault concerns no meter, or one that cannot have it.
    """

    def __init__(self, faults: Sequence[Fault], devices: Sequence[Device], first: int = 0) -> None:
        self.first = first
        mine = [f for f in faults if not f.of_plant and f.kind != INTENSITY]
        self.hits = [hit for fault in mine for hit in _found(fault, devices, first)]
        of_words = [word_of(hit.fault) for hit in self.hits if hit.fault.kind in WORDS]
        of_texts = [_text_of(hit.fault) for hit in self.hits if hit.fault.kind == "text"]
        self.words = (b"", *dict.fromkeys(of_words))
        self.texts = tuple(dict.fromkeys(of_texts))
        self.exchanged: dict[str, list[Exchange]] = {}

    def of(self, device: int, column: int, *kinds: str) -> list[Hit]:
        """Faults of some kinds of one meter."""
        return [
            hit
            for hit in self.hits
            if hit.device == device and hit.column == column and hit.fault.kind in kinds
        ]

    def disturb(self, batch: Batch) -> None:
        """Do to the words and messages of a batch what the schedule says."""
        columns = {int(place): column for column, place in enumerate(batch.device)}
        mine = [hit for hit in self.hits if hit.device in columns]
        for hit in mine:
            rows, column = hit.inside(batch.times), columns[hit.device]
            if hit.fault.kind in WORDS:
                batch.word[hit.column, rows, column] = self.words.index(word_of(hit.fault))
            if hit.fault.kind == "text":
                batch.text[rows, column] = self.texts.index(_text_of(hit.fault))
        for kind, act in SENDING.items():
            # several meters of a message are one message
            once = {(id(h.fault), h.device): h for h in mine if h.fault.kind == kind}
            for hit in once.values():
                act(batch, columns[hit.device], hit.inside(batch.times), hit)


def _text_of(fault: Fault) -> bytes:
    return (TEXT if fault.text is None else fault.text).encode()


def _found(fault: Fault, devices: Sequence[Device], first: int) -> list[Hit]:
    found = [
        Hit(fault, place, column, meter)
        for place, device in enumerate(devices, first)
        for column, meter in enumerate(device.meters)
        if fnmatchcase(meter.id, fault.what)
    ]
    if not found:
        raise GreendcError(f"fault {fault.kind}: no meter is called {fault.what}")
    for hit in found:
        _refuse_impossible(hit)
    return found


def _refuse_impossible(hit: Hit) -> None:
    kind, meter = hit.fault.kind, hit.meter
    if kind in _REGISTERS and meter.kind is not Kind.REGISTER:
        raise GreendcError(f"fault {kind}: {meter.id} is no register")
    if kind == "rollover" and not meter.modulus:
        raise GreendcError(f"fault {kind}: {meter.id} has no modulus")
    if kind in _CLOCKS and meter.rule.style == "number":
        raise GreendcError(f"fault {kind}: {meter.id} sends no time")
    if kind == "watt_for_kilowatt" and meter.unit not in {"kW", "kWh"}:
        raise GreendcError(f"fault {kind}: {meter.id} speaks of {meter.unit}, not of kW or kWh")
