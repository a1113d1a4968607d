"""Whether a mistake of a meter is told apart from a load, or a feed, that has no meter.

What is missing at a node may be half of what a rack shows because the rack lacks a phase, or
because something of that size has no meter there. How much is missing tells the two apart as
little as that it is missing for long. One of these does: more nodes than one are put right, while
what has no meter is at one alone; the meter shows what cannot be; the site's totals cannot be
without the correction; or what is missing moves as the meter does, and not as if something
constant were added (`slopes.clear`, and here by the proportion of both sides). Where more comes out
than goes in the same holds of a feed without a meter, as long as it would be of a size that anybody
overlooks.
"""

import numpy as np

from greendc.core.balance import BoolArray, FloatArray, Place, Sides, Windows

AS_WELL = 3.0  # times what a mistake leaves must be left by a constant load
OVERLOOKED = 4.0  # times what goes in by meters: with two feeds of three left out it is three times
SEVERAL = 6  # windows, where there are others on its side
LEAST_MOVED = 0.002  # of the larger side, what meters move by that are read beside each other


def is_excess(before: Sides, rows: BoolArray) -> bool:
    """Whether more comes out than any feed without a meter explains."""
    known = rows & np.isfinite(before.inside + before.outside)
    return float(np.median((before.outside - OVERLOOKED * before.inside)[known])) > 0


def moves_in_proportion(
    place: Place, found: Windows, after: Sides, rows: BoolArray, meter: int
) -> bool:
    """Whether both sides move in proportion with the meter put right, and else do not.

    Only of inputs, and of an output that is alone: of many one moves by chance as a load without a
    meter does.

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
    sides = [w for w in (place.into, place.out) if w[place.columns == meter].any()]
    alone = any((place.columns[w != 0] == meter).all() for w in sides)
    feeds = place.into[place.columns == meter].any()
    good = rows & np.isfinite(after.inside + after.outside + after.needed)
    enough = good.sum() >= (2 if alone else SEVERAL)
    if not place.bounded or not (alone or feeds) or not enough:
        return False
    before = place.sides(found)
    left = _left_in_proportion(after.outside[good], after.inside[good])
    constant = _left_beside(before.outside[good], before.inside[good], place)
    return constant >= AS_WELL * max(left, LEAST_MOVED)


def _left_in_proportion(x: FloatArray, y: FloatArray) -> float:
    """Root mean square of what is left of y = k x, as a share of y."""
    k = float((x * y).sum()) / (float((x * x).sum()) or np.nan)
    return float(np.sqrt(((y - k * x) ** 2).mean()) / (np.abs(y).mean() or np.nan))


def _left_beside(x: FloatArray, y: FloatArray, place: Place) -> float:
    """The same of y = c x + u, c of what losses can make of it, as a share of the larger."""
    most = 1.0 / min(share for _, share in place.node.outputs)
    dx, dy = x - x.mean(), y - y.mean()
    c = float(np.clip(float((dx * dy).sum()) / (float((dx * dx).sum()) or np.nan), 1.0, most))
    size = max(float(np.abs(x).mean()), float(np.abs(y).mean())) or np.nan
    return float(np.sqrt(((dy - c * dx) ** 2).mean()) / size)
