"""What meters show of the truth."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from greendc.core.facility import SECOND, IntArray, Kind
from greendc.simulate import chance
from greendc.simulate.chance import UIntArray
from greendc.simulate.faults import ANEW, NUMBERS, BoolArray, Hit, Schedule
from greendc.simulate.meters import HEARTBEAT, Meter
from greendc.simulate.truth import Chunk

FloatArray = npt.NDArray[np.float64]
Number = TypeVar("Number", np.int64, np.float64)

COUNTING = {Kind.MEAN_PREV, Kind.MEAN_NEXT, Kind.REGISTER}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a chunk: `first` step to `last`; `counted` is what went by before it."""

    chunk: Chunk
    first: int
    last: int
    counted: Mapping[str, int]
    opening: bool

    @property
    def begin(self) -> int:
        """Start of its first step [ns]."""
        return self.chunk.begin + self.first * self.chunk.step

    @property
    def end(self) -> int:
        """End of its last step [ns]."""
        return self.chunk.begin + self.last * self.chunk.step

    def ticks(self, interval: int) -> IntArray:
        """When devices are read: multiples of an interval in (begin, end], first [begin, end]."""
        low = -(-self.begin // interval) if self.opening else self.begin // interval + 1
        return np.arange(low, self.end // interval + 1, dtype=np.int64) * interval

    def values(self, name: str, times: IntArray) -> FloatArray:
        """Power or state of the steps that end at these times; at the very first, of the next."""
        column = self.chunk.powers.get(name)
        found = self.chunk.states[name] if column is None else column.astype(np.float64)
        steps = (times - self.chunk.begin) // self.chunk.step - 1
        return found[np.maximum(steps, self.first)]

    def edges(self, name: str) -> IntArray:
        """What was counted at the borders of all steps: mJ or mm3 since the beginning."""
        power = self.chunk.powers.get(name)
        amounts = self.chunk.volumes[name] if power is None else self.chunk.energy(name)
        found = np.empty(self.last - self.first + 1, np.int64)
        found[0] = self.counted.get(name, 0)
        np.cumsum(amounts[self.first : self.last], out=found[1:])
        found[1:] += found[0]
        return found

    def counts(self, name: str, times: IntArray) -> IntArray:
        """What was counted until these times."""
        return self.edges(name)[(times - self.begin) // self.chunk.step]


class Shown:
    """One meter of each device of a group; all of the same kind."""

    def __init__(
        self, meters: Sequence[Meter], places: Sequence[int], number: int, schedule: Schedule
    ) -> None:
        self._meters = meters
        self._kind = meters[0].kind
        self.seeds = np.array([meter.seed for meter in meters], np.uint64)
        per = np.array([meter.per for meter in meters])
        self._factor = np.array([meter.factor for meter in meters]) * per
        self._noise = np.array([meter.noise for meter in meters]) * per
        self._shift = np.array([meter.shift for meter in meters])
        self._wobble = np.array([meter.wobble for meter in meters])
        self._quantum = np.array([meter.quantum for meter in meters], np.int64)
        self._last_count: IntArray | None = None
        self._last_shown: IntArray | None = None
        self._modulus = np.array([meter.modulus for meter in meters], np.int64)
        self._origin = np.zeros(len(meters), np.int64)  # what was counted as it began, with `base`
        self._base = np.array([meter.first for meter in meters], np.int64)
        kinds = (*NUMBERS, *ANEW, "frozen", "dip")
        self._hits = {
            at: found
            for at, place in enumerate(places)
            if (found := schedule.of(place, number, *kinds))
        }
        self._frozen: dict[tuple[int, int], int] = {}

    def read(
        self, stretch: Stretch, times: IntArray, interval: int, random: UIntArray
    ) -> tuple[IntArray, BoolArray]:
        """Numbers shown at some times, (times, meters), and which of them are sent."""
        good = np.ones((len(times), len(self._meters)), np.bool_)
        if self._kind is Kind.REGISTER:
            shown = self._registers(stretch, times)
        elif self._kind in COUNTING:
            means, known = self._means(stretch, times, interval)
            shown = self._rounded(means, random)
            good[: len(times) - known] = False
        else:
            truth = _side_by_side(
                [stretch.values(meter.point.name, times) for meter in self._meters]
            )
            shown = self._rounded(truth, random)
        for at, hits in self._hits.items():
            shown[:, at] = self._disturbed(shown[:, at], at, times, hits)
        if self._kind is Kind.ON_CHANGE:
            good = self._changes(shown, times)
        if len(shown):
            self._last_shown = shown[-1].copy()
        return shown, good

    def _rounded(self, truth: FloatArray, random: UIntArray) -> IntArray:
        exact = truth * self._factor
        if self._noise.any() or self._wobble.any():
            swing = chance.swing(random)
            exact += truth * (self._noise * swing)
            exact += self._wobble * swing
        exact += self._shift
        return self._stepped(np.rint, exact)

    def _stepped(self, to_whole: np.ufunc, exact: FloatArray) -> IntArray:
        """To whole steps of what a meter shows."""
        found: IntArray = to_whole(exact / self._quantum).astype(np.int64)
        return found * self._quantum

    def _counts(self, stretch: Stretch, times: IntArray) -> IntArray:
        return _side_by_side([stretch.counts(meter.point.name, times) for meter in self._meters])

    def _means(self, stretch: Stretch, times: IntArray, interval: int) -> tuple[FloatArray, int]:
        """Mean power [mW] of the interval before each time, and how many of the last are known."""
        counts = self._counts(stretch, times)
        before = counts[:1] if self._last_count is None else self._last_count[None]
        known = len(times) - (self._last_count is None)
        if len(times):
            self._last_count = counts[-1]
        energy = np.diff(counts, axis=0, prepend=before)
        return energy / (interval // SECOND), max(known, 0)

    def _registers(self, stretch: Stretch, times: IntArray) -> IntArray:
        counts = self._counts(stretch, times)
        origin = np.tile(self._origin, (len(times), 1))
        base = np.tile(self._base, (len(times), 1))
        for at, hit in self._restarts(stretch):
            step = stretch.chunk.step
            border = np.array([hit.fault.end // step * step])
            self._origin[at] = stretch.counts(hit.meter.point.name, border)[0]
            self._base[at] = hit.meter.fixed(hit.amount(ANEW[hit.fault.kind]))
            after = times >= hit.fault.end
            origin[after, at], base[after, at] = self._origin[at], self._base[at]
        shown = self._stepped(np.floor, (counts - origin) * self._factor) + base
        return np.where(self._modulus > 0, shown % np.maximum(self._modulus, 1), shown)

    def _restarts(self, stretch: Stretch) -> Iterator[tuple[int, Hit]]:
        """Registers that begin anew in a stretch, as the fault ends, by time."""
        found = [(at, hit) for at, hits in self._hits.items() for hit in hits]
        for at, hit in sorted(found, key=lambda pair: pair[1].fault.end):
            if hit.fault.kind in ANEW and stretch.begin <= hit.fault.end < stretch.end:
                yield at, hit

    def _disturbed(
        self, shown: IntArray, at: int, times: IntArray, hits: Sequence[Hit]
    ) -> IntArray:
        found = shown.copy()
        for hit in hits:
            rows = hit.inside(times)
            if not rows.any():
                continue
            if hit.fault.kind in NUMBERS:
                found[rows] = NUMBERS[hit.fault.kind](found[rows], hit)
            elif hit.fault.kind == "frozen":
                found[rows] = self._frozen.setdefault((at, id(hit.fault)), int(found[rows][0]))
            elif hit.fault.kind == "dip":
                # one reading that falls below the one before it, as a register that is read askew
                last = shown[0] if self._last_shown is None else self._last_shown[at]
                before = np.concatenate([[last], shown[:-1]])
                found[rows] = before[rows] - round(hit.amount(1.0)) * hit.meter.quantum
        return found

    def _changes(self, shown: IntArray, times: IntArray) -> BoolArray:
        before = shown[:1] - 1 if self._last_shown is None else self._last_shown[None]
        changed = np.diff(shown, axis=0, prepend=before) != 0
        found: BoolArray = changed | (times % HEARTBEAT == 0)[:, None]
        return found


def _side_by_side(columns: Sequence[npt.NDArray[Number]]) -> npt.NDArray[Number]:
    """Columns as a matrix with a row for each time."""
    found = np.empty((len(columns[0]), len(columns)), columns[0].dtype)
    for place, column in enumerate(columns):
        found[:, place] = column
    return found
