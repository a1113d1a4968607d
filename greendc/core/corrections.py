"""Both sides of a node with a mistake put right, and how odd they look then."""

import numpy as np

from greendc.core.balance import NOISE, BoolArray, FloatArray, Place, Sides, Windows

LEAST_WIDTH = 0.02  # of the bounds of a node, as a ratio


def shows(found: Windows, meter: int, rows: BoolArray) -> bool:
    """Whether a meter counts more than its own doubt: with less any factor fits, for its doubt."""
    known = rows & np.isfinite(found.energy[:, meter])
    size, limit = np.abs(found.energy[known, meter]), found.limit[known, meter]
    return len(size) > 0 and float(np.median(size)) > NOISE * float(np.median(limit))


def is_output(place: Place, meter: int) -> bool:
    """Whether a meter (a column) is among the outputs of a node."""
    return bool((place.out[place.columns == meter] > 0).any())


def without(place: Place, meter: int) -> Place:
    """A node without one of its outputs."""
    kept = np.where(place.columns == meter, 0.0, 1.0)
    return Place(
        place.node,
        place.columns,
        place.into,
        place.out * kept,
        place.need * kept,
        place.bounded,
        place.rating,
    )


def changed(place: Place, found: Windows, meter: int, gain: float) -> Sides:
    """Both sides with what one meter counted multiplied."""
    sides = place.sides(found)
    mine = place.columns == meter
    more = (gain - 1.0) * found.energy[:, meter]
    limit = found.limit[:, meter]
    own = ((place.into - place.out)[mine] ** 2).sum() / 3.0
    return Sides(
        sides.inside + place.into[mine].sum() * more,
        sides.outside + place.out[mine].sum() * more,
        sides.needed + place.need[mine].sum() * more,
        sides.variance + own * limit**2 * (gain**2 - 1.0),
    )


def _ratio(sides: Sides, row: BoolArray) -> FloatArray:
    """Input over output in the windows where both are positive."""
    inside, outside = sides.inside[row], sides.outside[row]
    good = np.isfinite(inside + outside) & (inside > 0) & (outside > 0)
    found: FloatArray = inside[good] / outside[good]
    return found


def oddness(place: Place, sides: Sides, row: BoolArray) -> float:
    """How far the ratio of input to output is from usual, in widths of its bounds, and its spread.

    The spread counts more: a mistake is constant, and losses hardly change from hour to hour.
    """
    ratio = np.log(_ratio(sides, row))
    if not len(ratio):
        return np.inf
    width = LEAST_WIDTH
    usual = 0.0
    if place.bounded:
        with np.errstate(divide="ignore", invalid="ignore"):
            most = np.log(sides.needed[row] / sides.outside[row])
        most = most[np.isfinite(most)]
        if not len(most):
            most = -np.log([min(share for _, share in place.node.outputs)])
        width = max(LEAST_WIDTH, float(np.median(most)))
        usual = width / 2 if place.node.usual is None else float(np.log(place.node.usual))
    away = abs(float(np.median(ratio)) - usual) / width
    return away + 2.0 * float(ratio.std()) / width


def residual(sides: Sides, row: BoolArray) -> float:
    """Median over windows of what is missing behind the inputs, as a share of the larger side."""
    inside, outside = sides.inside[row], sides.outside[row]
    larger = np.maximum(np.maximum(np.abs(inside), np.abs(outside)), 1e-9)
    return float(np.nanmedian((inside - outside) / larger))


def missing(sides: Sides, row: BoolArray, seconds: FloatArray) -> float:
    """The same as power, in W."""
    return float(np.nanmedian((sides.inside[row] - sides.outside[row]) / seconds[row]))


def spread(sides: Sides, row: BoolArray) -> float:
    """Standard deviation of the ratio of input to output, relative to its mean."""
    ratio = _ratio(sides, row)
    return float(ratio.std() / ratio.mean()) if len(ratio) else float("nan")
