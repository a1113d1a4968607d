"""What is made of each reading: a word for it, and for registers what it counts from."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from greendc.core.facility import EVER, IntArray

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
WordArray = npt.NDArray[np.int8]


class Word(IntEnum):
    """What a reading is taken for. The first ones are used, the others are left out.

    Of a register: `began`: nothing before it is near enough to be counted from; `dip`: back by
    at most a step (or 1/1000), which adds nothing; `reset`, `rollover`: it started again, by
    itself or beyond its modulus; `replaced`: the first of an exchanged one; `jump`: far more than
    it goes on by, and counted; `lapped`: it can have gone beyond its modulus once more unseen, so
    that counting begins anew; `implausible`: no count that its rating, or its next reading,
    allows. Of others: `spike`: far from two
    neighbours that agree; `frozen`: exactly the same for too long; `rate`: too far from the
    last one that was believed.
    """

    USED = 0
    BEGAN = 1
    DIP = 2
    RESET = 3
    ROLLOVER = 4
    REPLACED = 5
    JUMP = 6
    LAPPED = 7
    OUT_OF_RANGE = 16
    IMPLAUSIBLE = 17
    SPIKE = 18
    FROZEN = 19
    RATE = 20

    @property
    def label(self) -> str:
        """Name in counts and events.

        >>> Word.OUT_OF_RANGE.label
        'out_of_range'
        """
        return self.name.lower()

    @property
    def used(self) -> bool:
        """Whether energy may rest on such a reading."""
        return self < LEFT_OUT


LEFT_OUT = 16
"""Words from here on are of readings that no figure rests on."""
SILENT = (Word.USED, Word.BEGAN)
"""Words of which nobody need be told."""
CLOCK_AHEAD = "clock_ahead"
"""Label of readings with a stamp later than their arrival, beside the word that each one has."""
OF_USED = frozenset({CLOCK_AHEAD, *(word.label for word in Word if word.used)})
"""Labels of readings that are used; of those left out there are others, of refusals."""


@dataclass(frozen=True, slots=True)
class Before:
    """What readings no longer held tell of the first one held, meter by meter.

    `time` is when that one is from [ns], `word` what it was taken for among those before it,
    `since` from when on the value had been the same, `moved` when it had last changed [ns].
    """

    time: IntArray
    word: WordArray
    since: IntArray
    moved: IntArray

    @classmethod
    def nothing(cls, meters: int) -> "Before":
        """Where no reading has been let go of."""
        never = np.full(meters, -EVER, np.int64)
        return cls(never, np.full(meters, Word.USED, np.int8), never, never)

    def told(self, time: IntArray, verdict: "Verdict", first: IntArray) -> "Before":
        """After letting go of what lies before each meter's `first` place; -1: of nothing."""
        left = np.flatnonzero(first >= 0)
        place = first[left]
        out = Before(self.time.copy(), self.word.copy(), self.since.copy(), self.moved.copy())
        out.time[left], out.word[left] = time[place], verdict.word[place]
        out.since[left], out.moved[left] = verdict.since[place], verdict.moved[place]
        return out

    def of(self, places: IntArray) -> "Before":
        """With the meters at other places; -1 is none."""
        one = Before.nothing(1)
        return Before(
            np.append(self.time, one.time)[places],
            np.append(self.word, one.word)[places],
            np.append(self.since, one.since)[places],
            np.append(self.moved, one.moved)[places],
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is made of sorted readings, a row for each.

    `anchor` is the place of the reading that a register's counts from, its own where counting
    begins with it, -1 where no interval can begin or end with it; of others it is their own
    place or -1. `energy` is what a register has counted since the anchor [J]. `since` is from when
    on a value has been the same, `moved` when it had last changed [ns]; `decided` is up to when,
    meter by meter, no reading that is still to come can change a word [ns]. Cells wait for such a
    reading no further than from `awaited` on: that a register has gone round more than once
    where nothing is missing is so rare that closed cells are opened again for it.
    """

    word: WordArray
    anchor: IntArray
    energy: FloatArray
    since: IntArray
    moved: IntArray
    decided: IntArray
    awaited: IntArray

    @property
    def believed(self) -> BoolArray:
        """Readings that can begin an interval."""
        found: BoolArray = self.anchor >= 0
        return found
