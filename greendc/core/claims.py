"""What meters claim that no figure rests on: readings out of range, registers not believed.

A meter that is read with the wrong factor is as a rule beyond its rating, so its readings are
left out of all figures. To find the factor the balance check looks at them all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from greendc.core.facility import HOUR, SECOND, IntArray, Kind, Meter
from greendc.core.levels import FloatArray
from greendc.core.readings import Readings

KEPT = 26 * HOUR
MOST = 1e12  # W; sums of whole mW fit
ENOUGH = 0.5  # of the readings of an hour

Row = tuple[int, int, int, int]


@dataclass
class Claims:
    """Powers out of range by hour and meter, as (number of readings, sum in whole mW).

    Whole numbers, so that it does not matter how the journal is cut into batches.
    """

    sums: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def take(self, meter: IntArray, time: IntArray, value: FloatArray) -> None:
        """Add powers that were refused as out of range, in W."""
        hour = time - time % HOUR
        whole = np.rint(np.clip(value, -MOST, MOST) * 1000).astype(np.int64)
        keys, place = np.unique(np.stack([hour, meter]), axis=1, return_inverse=True)
        count = np.bincount(place.ravel(), minlength=keys.shape[1])
        total = np.zeros(keys.shape[1], np.int64)
        np.add.at(total, place.ravel(), whole)
        for start, number, n, s in zip(*keys.tolist(), count.tolist(), total.tolist(), strict=True):
            before = self.sums.get((start, number), (0, 0))
            self.sums[start, number] = (before[0] + n, before[1] + s)

    def forget(self, before: int) -> None:
        """Let go of hours that begin before a time, in ns."""
        self.sums = {key: found for key, found in self.sums.items() if key[0] >= before}

    def rows(self) -> list[Row]:
        """All of it, to be kept."""
        return [(*key, *found) for key, found in sorted(self.sums.items())]

    def energies(self, starts: IntArray, meters: Sequence[Meter], held: Readings) -> FloatArray:
        """What each meter claims in each hour, shape (hours, meters); NaN where it claims nothing.

        Parameters
        ----------
        starts
            Begin of each hour. [ns]
        meters
            The physical meters in their order.
        held
            Readings that are still held, sorted by meter and time: registers' among them that are
            not believed.
        """
        out = np.full((len(starts), len(meters)), np.nan)
        row = {start: i for i, start in enumerate(starts.tolist())}
        for (start, number), (count, total) in self.sums.items():
            if start in row and count >= ENOUGH * HOUR / meters[number].nominal:
                out[row[start], number] = total / count / 1000 * (HOUR / SECOND)
        for number, meter in enumerate(meters):
            if meter.kind is Kind.REGISTER:
                lo, hi = np.searchsorted(held.meter, [number, number + 1])
                time, value = held.time[lo:hi], held.value[lo:hi]
                if len(time) > 1:
                    out[:, number] = _counted(meter, time, value, starts)
        return out


def _counted(meter: Meter, time: IntArray, value: FloatArray, starts: IntArray) -> FloatArray:
    """Differences of a register over hours, between the readings beside their borders.

    NaN where it has been silent there: a register that begins anew meanwhile falls in no hour.
    """
    borders = np.append(starts, starts + HOUR)
    shown = np.interp(borders, time, value)
    near = (borders >= time[0]) & (borders <= time[-1] + meter.max_gap)
    before = np.maximum(np.searchsorted(time, borders, side="right") - 1, 0)
    after = np.minimum(np.searchsorted(time, borders), len(time) - 1)
    shown[~near | (time[after] - time[before] > meter.max_gap)] = np.nan
    counted: FloatArray = shown[len(starts) :] - shown[: len(starts)]
    return counted
