"""Hours that are to be filled in, of which all is known."""

import numpy as np

from greendc.core.facility import HOUR, SECOND
from greendc.core.profile import LATEST, Fills, filled
from greendc.core.segments import Segments


def test_where_nothing_lacks_nothing_is_filled_in() -> None:
    """What is estimated or distributed is no measured hour, and there all the same."""
    meter, start = np.array([3]), np.array([5 * HOUR])
    power, energy = np.array([2.0]), np.array([2.0 * HOUR / SECOND])
    yes, no = np.array([True]), np.array([False])
    found = Segments(meter, start, start + HOUR, power, power, energy, no, yes)
    days = np.zeros((1, LATEST), np.int64)
    segments, gaps = filled(found, Fills(meter, start, np.array([9.0]), days))
    assert (segments.start.tolist(), segments.energy.tolist()) == ([5 * HOUR], energy.tolist())
    assert gaps == []
