"""Whether a mistake of a meter is told apart from a load, or a feed, that has no meter.

What is missing at a node may be half of what a rack shows because the rack lacks a phase, or
because something of that size has no meter there. How much is missing tells the two apart as
little as that it is missing for long. One of these does: more nodes than one are put right, since
what has no meter is at one of them; the meter shows what cannot be; the site's totals cannot be
without the correction; more comes out than goes in, as of a meter that shows too much; or what is
missing moves as the meter does, and not as if something constant were added (`slopes`, and here
where the meter is alone on its side).
"""

import numpy as np

from greendc.core.balance import BoolArray, FloatArray, Place, Sides, Windows
from greendc.core.mistakes import Mistake

AS_WELL = 3.0  # times what a mistake leaves must be left by a constant load
LEAST_MOVED = 0.002  # of the larger side, what meters move by that are read beside each other


def is_excess(place: Place, before: Sides, rows: BoolArray, meter: int, mistake: Mistake) -> bool:
    """Whether more comes out than goes in, and the meter is put right by making it less.

    An input that would have to be more is no such thing: a feed without a meter is as likely.
    """
    out = place.out[place.columns == meter]
    with np.errstate(invalid="ignore"):
        excess = float(np.nanmedian((before.outside - before.inside)[rows])) > 0
    return excess and bool((out > 0).any() or mistake.gain < 1)


def moves_alone(place: Place, found: Windows, after: Sides, rows: BoolArray, meter: int) -> bool:
    """Whether the two sides move in proportion, of which a meter alone makes up one.

    Parameters
    ----------
    place, found
        The node and what was counted.
    after
        Both sides with the meter put right.
    rows
        Windows that are out of balance.
    meter
        A column.
    """
    for weights, other in ((place.into, place.out), (place.out, place.into)):
        members = place.columns[weights != 0]
        if len(members) == 1 and members[0] == meter and other.any() and place.bounded:
            before = place.sides(found)
            good = rows & np.isfinite(after.inside + after.outside)
            inside, outside = after.inside[good], after.outside[good]
            scale = float(np.abs(inside).mean()) if good.any() else 0.0
            if not scale:
                return False
            left = _left_in_proportion(outside, inside) / scale
            seen = before.inside[good], before.outside[good]
            least = min(share for _, share in place.node.outputs)
            constant = _left_beside(seen[1], seen[0], 1.0 / least) / float(np.abs(seen[0]).mean())
            return constant >= AS_WELL * max(left, LEAST_MOVED)
    return False


def _left_in_proportion(x: FloatArray, y: FloatArray) -> float:
    """Root mean square of what is left of y = k x."""
    k = float((x * y).sum()) / (float((x * x).sum()) or np.nan)
    return float(np.sqrt(((y - k * x) ** 2).mean()))


def _left_beside(x: FloatArray, y: FloatArray, most: float) -> float:
    """The same of y = c x + u, c of what losses can make of it."""
    dx, dy = x - x.mean(), y - y.mean()
    c = float(np.clip(float((dx * dy).sum()) / (float((dx * dx).sum()) or np.nan), 1.0, most))
    return float(np.sqrt(((dy - c * dx) ** 2).mean()))
