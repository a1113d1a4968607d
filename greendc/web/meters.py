"""The table of meters: how old the last reading is, what it says, and whether it counts."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from greendc.core.facility import EVER, HOUR, SECOND, IntArray
from greendc.core.quantities import POINTS
from greendc.core.readings import BoolArray, FloatArray
from greendc.core.units import QUANTITIES, UNITS
from greendc.core.words import OF_USED
from greendc.snapshots import Board, Current, MeterTag, Taken

FRESH, STALE, SILENT, NEVER, LEFT_OUT = QUALITIES = (
    "fresh",
    "stale",
    "silent",
    "never",
    "left_out",  # it reports, and nothing that it says is believed
)
SILENT_AFTER = 10  # times the age at which a reading is stale
MS = 1_000_000  # ns

Words = Mapping[str, Taken]
_NONE: Words = {}


@dataclass(frozen=True, slots=True)
class Readings:
    """Last readings of a site's meters; `place` are their places in `Current.meters`."""

    place: IntArray
    time: IntArray
    value: FloatArray
    quality: IntArray  # places in QUALITIES
    count: IntArray
    words: Sequence[Words]
    why: Sequence[str | None]  # the word for which readings are left out

    def rows(self, which: IntArray) -> list[list[Any]]:
        """Some as [row, time in ms or null, value or null, quality, readings, words, why].

        `words` are what single readings were taken for: {word: [how many, the last in ms]}.
        """
        return [
            [
                int(row),
                None if self.time[row] == -EVER else int(self.time[row]) // MS,
                None if np.isnan(self.value[row]) else float(self.value[row]),
                QUALITIES[self.quality[row]],
                int(self.count[row]),
                {word: [one.number, one.last // MS] for word, one in self.words[row].items()},
                self.why[row],
            ]
            for row in which
        ]

    def every(self) -> list[list[Any]]:
        """All of them, as `rows`."""
        return self.rows(np.arange(len(self.place)))

    def changed(self, before: "Readings") -> list[list[Any]]:
        """Those that are not as they were."""
        new = (self.time != before.time) | (self.quality != before.quality)
        new |= (self.count != before.count) | ~_equal(self.value, before.value)
        pairs = zip(self.words, before.words, strict=True)
        new |= np.array([one is not other and one != other for one, other in pairs], np.bool_)
        return self.rows(np.flatnonzero(new))


def _equal(one: FloatArray, other: FloatArray) -> BoolArray:
    same: BoolArray = (one == other) | (np.isnan(one) & np.isnan(other))
    return same


def readings(board: Board, current: Current, site: str, now: int) -> Readings:
    """The last readings of a site's meters as they are at a wall-clock time [ns]."""
    moments = board.site_times(now)
    fresh = current.fresh(moments)
    place = np.array([i for i, tag in enumerate(current.meters) if tag.site == site], np.int64)
    limit = np.array([current.meters[i].silent_after for i in place], np.int64)
    time = current.time[place]
    age = moments.get(site, EVER) - time
    quality = np.where(fresh[place], 0, np.where(age > SILENT_AFTER * limit, 2, 1))
    quality = np.where(time == -EVER, 3, quality)
    names = [current.meters[i].meter for i in place.tolist()]
    words = [board.closed.words.get((site, name), _NONE) for name in names]
    why: list[str | None] = [None] * len(place)
    refusing, step = board.health.refusing.get(site, {}), _step(current, site)
    for row in np.flatnonzero(quality).tolist():
        latest = max(moments.get(site, EVER) - int(limit[row]), int(time[row]) + 1)
        one = refusing.get(names[row])
        if one is not None and one.last >= latest - step:
            why[row] = one.word
        else:
            why[row] = _left_out(words[row], latest)
    quality[[one is not None for one in why]] = QUALITIES.index(LEFT_OUT)
    value, count = current.value[place], current.readings[place]
    return Readings(place, time, value, quality, count, words, why)


def _step(current: Current, site: str) -> int:
    """How much later than they came it is known of readings that rules leave out them [ns]."""
    return max((tag.lateness for tag in current.sites if tag.site == site), default=0) + HOUR


def _left_out(words: Words, latest: int) -> str | None:
    """For which word a meter's readings from a time on [ns] were left out; of several the last."""
    found = [(one.last, word) for word, one in words.items() if word not in OF_USED]
    last, word = max(found, default=(-EVER, None))
    return word if last >= latest else None


def table(board: Board, site: str, now: int) -> dict[str, Any]:
    """A site's meters: what is fixed of them, and their last readings in the same order."""
    current = board.current
    return {
        "layout": layout(current, site),
        "meters": [_described(tag) for tag in current.meters if tag.site == site],
        "rows": readings(board, current, site, now).every(),
    }


def layout(current: Current, site: str) -> int:
    """A number that is another one where a site's meters are others, or in another order."""
    names = "\n".join(tag.meter for tag in current.meters if tag.site == site)
    return zlib.crc32(names.encode())


def _described(tag: MeterTag) -> dict[str, Any]:
    return {
        "meter": tag.meter,
        "point": tag.point,
        "meaning": POINTS[tag.point].meaning,
        "quantity": tag.quantity,
        "unit": next(iter(UNITS[QUANTITIES[tag.quantity]])),
        "kind": tag.kind,
        "subsystem": tag.subsystem,
        "room": tag.room,
        "rack": tag.rack,
        "nominal_seconds": tag.nominal / SECOND,
        "silent_after_seconds": tag.silent_after / SECOND,
    }
