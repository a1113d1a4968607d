"""The steps of a span, and columns between knots."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 3600 * SECOND
DAY = 24 * HOUR
MW_PER_W = 1000  # exact


@dataclass(frozen=True)
class Grid:
    """Equal steps from `begin` on; each is evaluated at its middle; times in ns."""

    begin: int
    step: int
    count: int

    @property
    def end(self) -> int:
        """End of the last step [ns]."""
        return self.begin + self.step * self.count

    @cached_property
    def times(self) -> IntArray:
        """Middle of each step [ns]."""
        return self.begin + self.step // 2 + self.step * np.arange(self.count, dtype=np.int64)

    def between(self, first: int, spacing: int, knots: FloatArray) -> FloatArray:
        """Value at each step, linear between knots along the last axis.

        Parameters
        ----------
        first, spacing
            Time of the first knot, and from one knot to the next. [ns]
        knots
            Values at the knots; they must reach past both ends of the steps.

        Examples
        --------
        >>> print(Grid(0, 20, 3).between(0, 40, np.array([0.0, 40.0, 0.0])))
        [10. 30. 30.]
        """
        index, rest = np.divmod(self.times - first, spacing)
        low, high = knots[..., index], knots[..., index + 1]
        return low + (high - low) * (rest / spacing)

    def covering(self, spacing: int) -> tuple[int, int]:
        """Number of the first knot needed and of the one after the last; knot 0 is 1970.

        >>> Grid(90, 20, 3).covering(40)
        (2, 5)
        """
        return self.begin // spacing, self.end // spacing + 2

    def inside(self, start: int, end: int) -> npt.NDArray[np.bool_]:
        """Which steps have their middle in [start, end)."""
        return (self.times >= start) & (self.times < end)

    def ramp(self, start: int, end: int, rise: int) -> FloatArray:
        """From 0 to 1 within `rise` after `start`, and back within `rise` after `end` [ns].

        >>> print(Grid(0, 10, 8).ramp(20, 50, 20))
        [0.   0.   0.25 0.75 1.   0.75 0.25 0.  ]
        """
        up = np.clip((self.times - start) / rise, 0.0, 1.0)
        down = np.clip((self.times - end) / rise, 0.0, 1.0)
        return up - down


def milliwatts(power: FloatArray) -> IntArray:
    """Power rounded to whole mW, the resolution of the truth.

    Parameters
    ----------
    power
        Power. [W]

    Examples
    --------
    >>> print(milliwatts(np.array([1.2344, -0.0006])))
    [1234   -1]
    """
    whole: IntArray = np.rint(power * MW_PER_W).astype(np.int64)
    return whole


def rounded(values: FloatArray, digits: int) -> FloatArray:
    """Values to so many decimals: what is not exact arithmetic is rounded before it is used.

    >>> print(rounded(np.array([13.6993]), 2))
    [13.7]
    """
    found: FloatArray = np.round(values, digits)
    return found


def watts(power: IntArray) -> FloatArray:
    """Power in W of whole mW."""
    return power / MW_PER_W
