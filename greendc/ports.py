"""The types that cross rooms."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from greendc import columns
from greendc.core.facility import Site
from greendc.core.figure import Figure
from greendc.core.readings import BoolArray, Readings

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

QOS_MASK = 0x03
RETAIN = 0x04
DUP = 0x08


class GreendcError(Exception):
    """Something the user can mend: the message says what, where and how. Exit code 2."""


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Messages of one session in the order in which they arrived, as columns of equal length.

    `arrivals` [ns UTC]; `flags` = QoS | RETAIN | DUP. `mids` are 0 at QoS 0. `behind` [ns] is
    how far our clock had been set back by then, None where it had not (`greendc.clocks`).
    Columns may lie in arrays (`greendc.columns`).
    """

    arrivals: Sequence[int]
    topics: Sequence[str]
    payloads: Sequence[bytes]
    mids: Sequence[int]
    flags: Sequence[int]
    session: int = 0
    behind: Sequence[int] | None = None

    def __len__(self) -> int:
        """Count the messages."""
        return len(self.topics)

    def rows(self, rows: Sequence[int] | IntArray) -> "RawBatch":
        """Some of the messages.

        >>> RawBatch([1, 2], ["it", "dc"], [b"7", b"8"], [0, 0], [0, 0]).rows([1]).topics
        ['dc']
        """
        places = np.asarray(rows, np.int64)
        return RawBatch(
            columns.picked(self.arrivals, places),
            columns.picked(self.topics, places),
            columns.picked(self.payloads, places),
            columns.picked(self.mids, places),
            columns.picked(self.flags, places),
            self.session,
            None if self.behind is None else columns.picked(self.behind, places),
        )

    def between(self, lo: int, hi: int) -> "RawBatch":
        """Messages `lo` to `hi`.

        >>> RawBatch([1, 2, 3], ["a", "b", "c"], [b""] * 3, [0] * 3, [0] * 3).between(1, 3).topics
        ['b', 'c']
        """
        span = slice(lo, hi)
        return RawBatch(
            self.arrivals[span],
            self.topics[span],
            self.payloads[span],
            self.mids[span],
            self.flags[span],
            self.session,
            None if self.behind is None else self.behind[span],
        )


@dataclass(frozen=True, slots=True)
class Event:
    """A journal entry that is not a message.

    `config`, `recompute`, `session_lost`, `broker_dropped`, `topics_capped`, `tick`, `entry` or
    `end`.
    """

    kind: str
    arrival: int
    data: Mapping[str, Any] = field(default_factory=dict)


class JsonText(Mapping[str, Any]):
    """A JSON object as it is written, read where somebody looks into it."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    @cached_property
    def _read(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.text)
        return read

    def __getitem__(self, key: str) -> Any:
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


Entry = RawBatch | Event


@dataclass(frozen=True, slots=True)
class Reception:
    """How a connection to the broker stood when what it had read last was handed over.

    `connection` counts those of this process from 1; `read` are the messages of QoS 0 and of
    QoS > 0 since it `began`, up to `at` [ns UTC]. `ending` says why it is no more.
    """

    connection: int
    session: int
    began: int
    at: int
    read: tuple[int, int]
    ending: str | None = None


def joined(batches: Sequence[RawBatch]) -> RawBatch:
    """Batches of one session, at least one, as one."""
    if len(batches) == 1:
        return batches[0]
    return RawBatch(
        columns.joined([batch.arrivals for batch in batches]),
        columns.joined([batch.topics for batch in batches]),
        columns.joined([batch.payloads for batch in batches]),
        columns.joined([batch.mids for batch in batches]),
        columns.joined([batch.flags for batch in batches]),
        batches[0].session,
        _behind(batches),
    )


def _behind(batches: Sequence[RawBatch]) -> Sequence[int] | None:
    if all(batch.behind is None for batch in batches):
        return None
    return columns.joined([batch.behind or [0] * len(batch) for batch in batches])


@dataclass(frozen=True, slots=True)
class Scale:
    """Effective-dated factor and offset to base units: base = (value * factor) + offset.

    `factor[i]` holds for event times from `start[i]` until `start[i + 1]`;
    `start[0]` is the beginning of time.
    """

    start: IntArray
    factor: FloatArray
    offset: FloatArray


@dataclass(frozen=True, slots=True)
class Field:
    """Where one meter's reading stands in a payload and what makes it good.

    `meter` indexes `Plan.meters`. Paths are keys and list indices into JSON, ()
    for the payload itself; `time` and `unit` are None where the payload has none.
    `units` maps every unit that the payload may name to its own scale (multiplier
    included); `scale` applies where no unit path is declared. `low`/`high` are in
    base units, infinite where nothing is to be checked; `sentinels` are values as
    they stand in the payload, `all_bits` says that numbers with all bits set are sentinels
    too. `zone` is that of times without an offset, None where such are none.
    """

    meter: int
    value: tuple[str | int, ...]
    time: tuple[str | int, ...] | None
    unit: tuple[str | int, ...] | None
    time_rule: str  # "payload", "payload_if_near" or "arrival"
    scale: Scale
    units: Mapping[str, Scale]
    low: float
    high: float
    sentinels: tuple[float, ...]
    zone: str | None = None
    all_bits: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A topic pattern (`json/{key}/{meter}/attrs`) and what it leads to.

    `by_tag` is None for a pattern whose topics all carry `fields`; otherwise the
    text captured as `{meter}`, or the one that stands at `tag_at` in the payload,
    selects the fields, and a message with another text is unbound. `filter` is the
    MQTT subscription (`json/+/+/attrs`).
    """

    pattern: str
    filter: str
    codec: str
    fields: tuple[Field, ...]
    by_tag: Mapping[str, tuple[Field, ...]] | None
    tag_at: tuple[str | int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration made ready to run: sites, all physical meters as (site, meter id), routes."""

    sites: tuple[Site, ...]
    meters: tuple[tuple[str, str], ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a codec made of the payloads of one binding and field, columns of equal length.

    `row` indexes the payloads handed in, ascending; `time` [ns] is 0 and `has_time` False
    where the payload carried none; `value` as it stands in the payload, finite;
    `unit` is None where no unit path is declared. Each payload that gave no
    reading is in `rejected` as (row, reason).
    """

    row: IntArray
    value: FloatArray
    time: IntArray
    has_time: npt.NDArray[np.bool_]
    unit: list[str] | None
    rejected: list[tuple[int, str]]


Codec = Callable[[Field, Sequence[bytes]], Decoded]


@dataclass(frozen=True, slots=True)
class Refused:
    """Readings of known meters that were refused, as columns of equal length.

    `row` indexes the batch's messages, `meter` `Plan.meters`; `time` is that of the reading where
    it was found good, otherwise the arrival of its message [ns UTC]; `reason` is the first that
    spoke against it. `timed` tells which times are the readings' own, not just an arrival.
    """

    row: IntArray
    meter: IntArray
    time: IntArray
    reason: list[str]
    timed: BoolArray

    @classmethod
    def none(cls) -> "Refused":
        """No readings."""
        empty = np.zeros(0, np.int64)
        return cls(empty, empty, empty, [], np.zeros(0, np.bool_))

    def __len__(self) -> int:
        """Count them."""
        return len(self.reason)


@dataclass(frozen=True, slots=True)
class Columns:
    """Accepted readings of a batch in journal order, in base units.

    `row` indexes the batch's messages, `meter` `Plan.meters`; `time` [ns UTC].
    `rejected` holds (row, reason) for every message or reading that was refused:
    `unbound`, `not_json`, `not_a_number`, `not_finite`, `no_value`, `no_time`,
    `bad_time`, `bad_unit`, `not_utf8`, `too_long`, `future`, `out_of_range`,
    `sentinel`, `retained_without_time`. `noted` holds (row, note) for accepted
    readings whose time is the arrival because their stamp was far from it
    (`skewed`) or absent (`unstamped`). `fields` readings the messages' bindings ask for; what is
    not here of them is in `refused`. `outlying` are those refused as `out_of_range`.
    """

    row: IntArray
    meter: IntArray
    time: IntArray
    value: FloatArray
    rejected: list[tuple[int, str]]
    noted: list[tuple[int, str]] = field(default_factory=list)
    fields: int = 0
    refused: Refused = field(default_factory=Refused.none)
    outlying: Readings = field(default_factory=Readings.none)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A revision as it was written: `id` grows with every one."""

    id: int
    site: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Asked:
    """Which figures a sink asks for: those of a site and period that start in [lo, hi) [ns]."""

    site: str
    period: str
    quantities: frozenset[str]
    lo: int
    hi: int


@dataclass(frozen=True, slots=True)
class Starts:
    """Rows of a site and period: their ids, when their figures start [ns], and which revision."""

    site: str
    period: str
    id: IntArray
    start: IntArray
    revision: IntArray


class LedgerReader(Protocol):
    """What a sink may ask of the ledger: committed rows only."""

    def cursor(self, sink: str) -> int:
        """Id of the last row that the sink has written; 0 at first."""
        ...

    def last(self) -> int:
        """Id of the newest row; ids begin at 1 and leave none out."""
        ...

    def rows_after(self, position: int, limit: int) -> Iterable[LedgerRow]:
        """The next committed rows in the order of their ids."""
        ...

    def newest(self, asked: Asked, upto: int) -> Iterable[LedgerRow]:
        """Newest figures among the rows up to an id, by start and name."""
        ...

    def revisions(self, asked: Asked) -> Iterable[LedgerRow]:
        """Every revision of figures, by start, name and revision."""
        ...

    def latest(self) -> Iterable[LedgerRow]:
        """Of each site, quantity and period the newest revision of the figure that starts last."""
        ...

    def close(self) -> None:
        """Let go of the ledger."""
        ...
