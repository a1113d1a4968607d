"""How far greendc's own clock has been set back, told from arrivals in their order."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from greendc.columns import Numbers, numbers
from greendc.core.facility import DAY, EVER, SECOND
from greendc.ports import Entry, IntArray, RawBatch

SKEW = 120 * SECOND  # how far a device's clock may be from ours (STANDARDS 6.3)
MOST = DAY  # a clock that is set back further had never been right
LONGEST = 7 * DAY  # a clock that nobody sets forward again for so long is right


def unset(batch: RawBatch) -> IntArray:
    """Arrivals of messages by our clock as if nobody had set it back [ns].

    >>> print(unset(RawBatch([20, 32], ["it"] * 2, [b"7 kW"] * 2, [0] * 2, [0] * 2, 0, [10, 0])))
    [30 32]
    """
    arrivals = np.clip(numbers(batch.arrivals), -EVER, EVER)
    return arrivals if batch.behind is None else arrivals + numbers(batch.behind)


@dataclass(slots=True)
class OwnClock:
    """The clock that arrivals are by, where it may have been set.

    A device's stamp cannot be later than its arrival. But where our clock is set back, as by a
    time server that is wrong, all devices seem to be ahead. From then on a message
    is `behind` by as much: a clock that nobody had set would show its arrival and
    that. It ends where the clock is set forward by about as much, and after a week.

    Steps below `SKEW` are none: clocks may differ by that. `last` is the arrival before.

    >>> clock = OwnClock()
    >>> for minute in 30, 20, 21, 32:
    ...     batch = RawBatch([minute * 60 * SECOND], ["it"], [b"7 kW"], [0], [0])
    ...     print(clock.told(batch).behind)
    None
    [600000000000]
    [600000000000]
    None
    """

    last: int | None = None
    behind: int = 0
    _since: int = 0
    _begun: bool = False

    @classmethod
    def after(cls, batch: RawBatch | None) -> "OwnClock":
        """As it was when the last message of a batch arrived."""
        if batch is None:
            return cls()
        behind = 0 if batch.behind is None else batch.behind[-1]
        return cls(batch.arrivals[-1], behind, batch.arrivals[-1])

    def told(self, entry: Entry, passed: int = 0) -> Entry:
        """The same entry, of messages with how far the clock was behind at each.

        `passed` [ns] is the time since the entry before, where another clock tells it.
        """
        if not isinstance(entry, RawBatch):
            self._column(np.array([entry.arrival]), passed)
            return entry
        if not len(entry):
            return entry
        column = self._column(numbers(entry.arrivals), passed)
        return replace(entry, behind=None if column is None else Numbers(column))

    def _column(self, arrivals: IntArray, passed: int) -> IntArray | None:
        arrivals = np.clip(arrivals, -EVER, EVER)
        before = int(arrivals[0]) - passed if self.last is None else self.last
        step = np.diff(arrivals, prepend=before)
        step[0] -= passed
        if not self._begun:  # time that has passed while nobody looked is no step
            self._begun, step[0] = True, min(step[0], 0)
        self.last = int(arrivals[-1])
        set_at = np.flatnonzero(np.abs(step) > SKEW)
        if not self.behind and not (step[set_at] < 0).any():
            return None
        found = np.zeros(len(arrivals), np.int64)
        places = [0, *(at for at in set_at.tolist() if at), len(arrivals)]
        for at, end in pairwise(places):
            self._set(int(step[at]), int(arrivals[at]))
            found[at:end] = np.where(arrivals[at:end] <= self._since + LONGEST, self.behind, 0)
        return found if found.any() else None

    def _set(self, step: int, at: int) -> None:
        """Take in a step of the clock, which then shows `at`."""
        if self.behind and at > self._since + LONGEST:
            self.behind = 0
        if step < -SKEW:
            self.behind, self._since = self.behind - step, at
            if self.behind > MOST:
                self.behind = 0
        elif step > max(SKEW, self.behind - SKEW):
            self.behind = 0
