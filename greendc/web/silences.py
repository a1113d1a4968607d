"""Which meters were silent from when to when, by the time that the ledger knows of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from greendc.core.facility import EVER, MINUTE, IntArray
from greendc.core.readings import BoolArray

TOGETHER = 10 * MINUTE  # meters that fall silent, and come back, within it do so together
MOST = 20_000  # silences that are put together; the longest ones


@dataclass(frozen=True, slots=True)
class Known:
    """Rows of the ledger: of a meter, by its place, the time known in [start, end) [ns]."""

    meter: IntArray
    start: IntArray
    end: IntArray
    valid: IntArray

    def filled(self) -> "Known":
        """In order, with a row of no known time wherever a meter's rows leave a hole."""
        order = np.lexsort((self.start, self.meter))
        columns = (self.meter, self.start, self.end, self.valid)
        meter, start, end, valid = (column[order] for column in columns)
        hole = np.flatnonzero((meter[1:] == meter[:-1]) & (start[1:] > end[:-1])) + 1
        return Known(
            np.insert(meter, hole, meter[hole]),
            np.insert(start, hole, end[hole - 1]),
            np.insert(end, hole, start[hole]),
            np.insert(valid, hole, 0),
        )


@dataclass(frozen=True, slots=True)
class Silences:
    """Stretches of which a meter tells nothing; `end` is EVER while it lasts.

    `start` is -EVER where the meter was never heard of. Of a stretch inside one row of the
    ledger only that row's borders are known.
    """

    meter: IntArray
    start: IntArray
    end: IntArray

    def __len__(self) -> int:
        """Count them."""
        return len(self.meter)

    def over(self, lo: int, hi: int) -> BoolArray:
        """Which ones overlap [lo, hi)."""
        found: BoolArray = (self.start < hi) & (self.end > lo)
        return found


def silences(known: Known, least: IntArray, last: IntArray, fresh: BoolArray) -> Silences:
    """Silences of meters, those that last among them.

    Parameters
    ----------
    known
        The ledger's rows.
    least
        By meter, how long it may say nothing. [ns]
    last
        By meter, its last reading; -EVER where there is none. [ns]
    fresh
        By meter, whether that reading is of the moment.
    """
    past = _past(known.filled(), least)
    ended = fresh[past.meter] | (past.end <= last[past.meter])
    lasting = np.flatnonzero(~fresh)
    return Silences(
        np.concatenate([past.meter[ended], lasting]),
        np.concatenate([past.start[ended], last[lasting]]),
        np.concatenate([past.end[ended], np.full(len(lasting), EVER, np.int64)]),
    )


def _past(rows: Known, least: IntArray) -> Silences:
    """Runs of rows in which time is missing; where a run begins or ends, the rest is known."""
    lost = rows.end - rows.start - rows.valid
    gap = lost > 0
    joined = np.zeros(len(gap), np.bool_)
    joined[1:] = gap[1:] & gap[:-1] & (rows.meter[1:] == rows.meter[:-1])
    # a meter may be silent twice in neighbouring rows: it was heard at their border
    joined[1:] &= ~((rows.valid[1:] > 0) & (rows.valid[:-1] > 0))
    first = np.flatnonzero(gap & ~joined)
    closes = np.append(~joined[1:], True) if len(gap) else np.zeros(0, np.bool_)
    final = np.flatnonzero(gap & closes)
    alone = first == final
    start = rows.start[first] + np.where(alone, 0, rows.valid[first])
    end = rows.end[final] - np.where(alone, 0, rows.valid[final])
    total = np.append(0, np.cumsum(lost))
    long = total[final + 1] - total[first] > least[rows.meter[first]]
    return Silences(rows.meter[first][long], start[long], end[long])


# -- together -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Together:
    """Meters that were silent at about the same time; `start` and `end` [ns] as in `Silences`."""

    start: int
    end: int
    latest: int = field(init=False)  # of the starts
    meters: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The first one is the latest one yet."""
        self.latest = self.start

    def takes(self, start: int, end: int) -> bool:
        """Whether another silence is of the same time."""
        return start - self.start <= TOGETHER and abs(end - self.end) <= TOGETHER


def together(found: Silences) -> Sequence[Together]:
    """Silences of the same time as one: those that last first, then the newest."""
    length = np.minimum(found.end, EVER // 2) - np.maximum(found.start, -EVER // 2)
    kept = np.argsort(-length, kind="stable")[:MOST]
    order = kept[np.lexsort((found.end[kept], found.start[kept]))]
    out: list[Together] = []
    open_: list[Together] = []
    columns = found.meter[order].tolist(), found.start[order].tolist(), found.end[order].tolist()
    for meter, start, end in zip(*columns, strict=True):
        open_ = [one for one in open_ if start - one.start <= TOGETHER]
        one = next((one for one in open_ if one.takes(start, end)), None)
        if one is None:
            one = Together(start, end)
            out.append(one)
            open_.append(one)
        one.end, one.latest = max(one.end, end), max(one.latest, start)
        one.meters.append(meter)
    return sorted(out, key=lambda one: (one.end != EVER, -one.start, -len(one.meters)))


# -- shares ---------------------------------------------------------------------------------------


def shares(known: Known, group: IntArray, groups: int, edges: IntArray) -> list[list[float | None]]:
    """By group, the share of its meters' time that is known between neighbouring edges.

    None where the ledger has no row of the group's meters. `group` is by meter.
    """
    steps = len(edges) - 1
    rows = known.filled()
    inside = (rows.end > edges[0]) & (rows.start < edges[-1])
    meter, start, end, valid = (c[inside] for c in (rows.meter, rows.start, rows.end, rows.valid))
    first = np.clip(np.searchsorted(edges, start, side="right") - 1, 0, steps - 1)
    final = np.clip(np.searchsorted(edges, end, side="left") - 1, 0, steps - 1)
    rate = valid / (end - start)
    time, sure = np.zeros((2, groups * steps))
    for ahead in range(int((final - first).max(initial=0)) + 1):
        step = first + ahead
        of = np.flatnonzero(step <= final)
        step = step[of]
        width = np.minimum(end[of], edges[step + 1]) - np.maximum(start[of], edges[step])
        place = group[meter[of]] * steps + step
        time += np.bincount(place, width, groups * steps)
        sure += np.bincount(place, width * rate[of], groups * steps)
    return [
        [None if whole <= 0 else round(part / whole, 3) for whole, part in zip(*line, strict=True)]
        for line in zip(
            time.reshape(groups, steps).tolist(), sure.reshape(groups, steps).tolist(), strict=True
        )
    ]
