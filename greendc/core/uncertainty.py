"""Uncertainty of sums and KPIs from the accuracy of physical meters (F-6.6, F-6.7).

The errors of one source are taken as fully correlated in time, those of two as
independent, but for what is filled in as on the days before: of fills that may all be off
the same way the larger of both is taken, independent or fully correlated. Covered are
meters and declared values; emission factors are taken as exact.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from greendc.core.facility import IntArray
from greendc.core.ratio import FloatArray
from greendc.core.sources import TIME, Expansion, Sensitivity, Source, Sources, expand
from greendc.core.sums import fsum_rows
from greendc.core.units import J_PER_KWH

__all__ = [
    "Expansion",
    "Exposures",
    "Sensitivity",
    "Source",
    "Sums",
    "Uncertainty",
    "expand",
    "expanded_uncertainty",
    "sums_of",
]

RECTANGULAR = math.sqrt(3.0)  # a limit over this is a standard uncertainty (GUM, 4.3.7)
COVERAGE_FACTOR = 2.0  # k of what is published
REASONS = (None, "undefined", "no_accuracy")
NEGLIGIBLE = 0.01  # of either sum: what a source without stated accuracy may hold
LARGE = 4  # of these sources are looked at first: meters of the large loads mostly stand in front


class Exposures:
    """What sources were exposed to in some periods, from what the meters counted in them."""

    def __init__(self, energies_j: npt.ArrayLike) -> None:
        """Begin with what each meter counted in each period, (periods, meters) [J]."""
        self.energies = np.asarray(energies_j, np.float64)
        self._of_several: dict[int, FloatArray] = {}  # by the `id` of a source

    def of(self, sources: Sources, some: IntArray, time: FloatArray) -> FloatArray:
        """Exposure of some sources, given by their places, in each period; (sources, periods)."""
        meters = sources.meters[some]
        single = np.flatnonzero(meters >= 0)
        own = self.energies.T[meters[single]] * sources.weights[some[single], None]
        if len(single) == len(some):
            return own
        found = np.empty((len(some), len(self.energies)))
        found[single] = own
        for row in np.flatnonzero(meters < 0).tolist():
            found[row] = self._several(sources.each[some[row]], time)
        return found

    def _several(self, source: Source, time: FloatArray) -> FloatArray:
        """That of one source, worked out once where time, which accounts differ in, has no part."""
        if TIME in source.exposure:
            return self._sum(source, time)
        if id(source) not in self._of_several:
            self._of_several[id(source)] = self._sum(source, time)
        return self._of_several[id(source)]

    def _sum(self, source: Source, time: FloatArray) -> FloatArray:
        energies = self.energies
        terms = [w * (time if p == TIME else energies[:, p]) for p, w in source.exposure.items()]
        return fsum_rows(np.stack(terms)) if len(terms) > 1 else terms[0]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Expanded uncertainty (k = 2) of each row, in the unit of the figure; NaN with a reason.

    Reasons: `no_accuracy` (a source without stated accuracy holds more than 1 % of a
    sum), `undefined` (the figure, its denominator or its intensity is unknown).
    """

    value: FloatArray
    code: IntArray  # of the reason in `REASONS`

    @property
    def reason(self) -> list[str | None]:
        """Why the value is NaN; None where it is not."""
        return [REASONS[code] for code in self.code.tolist()]


def expanded_uncertainty(
    form: Sensitivity,
    energies_j: npt.ArrayLike | Exposures,
    seconds: npt.ArrayLike,
    value: npt.ArrayLike,
    denominator: npt.ArrayLike = 1.0,
    g_per_kwh: npt.ArrayLike = 0.0,
) -> Uncertainty:
    """Expanded uncertainty (k = 2) of one account over many periods.

    ``u^2 = scale^2 x sum over sources of ((a - (N/D) b) x u x X / D)^2`` with a and b the
    sensitivities of N and D, X the exposure and u = limit / sqrt(3).

    Parameters
    ----------
    form
        The account's sensitivities.
    energies_j
        What each physical meter counted in each period, (periods, meters), and then, of each whose
        gaps may be filled, how much of that was filled in, without sign. As `Exposures` what is
        made of it is worked out once for all accounts of an expansion. [J]
    seconds
        Time over which declared constants ran in each period. [s]
    value
        The figure itself. [its unit]
    denominator
        Its denominator D; 1 for a sum. [J]
    g_per_kwh
        Intensity that the energy `carried` met, weighted by energy. [g/kWh]

    Returns
    -------
    Uncertainty
        Absolute, in the unit of the figure.

    Raises
    ------
    ValueError
        If the columns' lengths do not match.

    References
    ----------
    .. [1] JCGM 100:2008, "Guide to the expression of uncertainty in measurement".

    Examples
    --------
    One meter with a limit of 1 % that counted 1000 J; 2 x 1 % / sqrt(3) of it:

    >>> from greendc.core.facility import Kind, Meter
    >>> it = Meter("it", "it_in", "power", Kind.MEAN_NEXT, 1, 1, 1, accuracy=0.01)
    >>> form = expand([it], []).sensitivity(numerator=[(0, 1.0)])
    >>> print(expanded_uncertainty(form, [[1000.0]], 1.0, 1000.0).value.round(4))
    [11.547]
    """
    exposures = energies_j if isinstance(energies_j, Exposures) else Exposures(energies_j)
    time, figure, below, factor = (
        np.broadcast_to(np.asarray(column, np.float64), len(exposures.energies))
        for column in (seconds, value, denominator, g_per_kwh)
    )
    rows = _Rows(exposures, time, figure, figure / form.scale, below, factor)
    spread = _spread(form, rows)
    if len(form.sources.each):
        spread = np.where(np.isnan(factor), np.nan, spread)
    return _stated(spread, figure, _blind(form, rows))


@dataclass(frozen=True, slots=True)
class Sums:
    """A form's sums over the periods' own readings: N without what is carried, that, and D."""

    numerator: FloatArray
    carried: FloatArray
    denominator: FloatArray


def sums_of(form: Sensitivity, energies_j: npt.ArrayLike, seconds: npt.ArrayLike) -> Sums:
    """N, the energy carried and D [J] of each period, as the meters' energies give them."""
    exposures = Exposures(energies_j)
    time = np.broadcast_to(np.asarray(seconds, np.float64), len(exposures.energies))
    # what is filled in is part of what the meter counted
    values = np.where(form.sources.filled, 0.0, form.sources.values)
    every = np.arange(len(values))
    amounts = values[:, None] * exposures.of(form.sources, every, time)
    columns = (form.numerator, form.carried, form.denominator)
    return Sums(*(fsum_rows(weights[:, None] * amounts) for weights in columns))


def meter_uncertainty(
    limit: npt.ArrayLike,
    energy_j: npt.ArrayLike,
    value: npt.ArrayLike,
    fill_limit: npt.ArrayLike = 0.0,
    filled_j: npt.ArrayLike = 0.0,
) -> Uncertainty:
    """Expanded uncertainty (k = 2) of what single meters counted.

    ``U^2 = (2 x limit / sqrt(3) x E)^2 + (2 x fill_limit / sqrt(3) x E_filled)^2``

    Parameters
    ----------
    limit
        Limit of each row's meter as a fraction, NaN where no accuracy is stated.
    energy_j
        What it counted. [J]
    value
        The figure; where it is NaN, so is its uncertainty. [J]
    fill_limit, filled_j
        Limit of what was filled in for each row's meter, and how much that is. [1, J]

    Examples
    --------
    1000 J by a meter of 1 %; then the same with 100 J of them filled in by 20 %:

    >>> print(meter_uncertainty([0.01], [1000.0], [1000.0]).value.round(4))
    [11.547]
    >>> print(meter_uncertainty([0.01], [1000.0], [1000.0], 0.2, [100.0]).value.round(4))
    [25.8199]
    """
    limits, energies, figure, fills, filled = np.broadcast_arrays(
        *(np.asarray(c, np.float64) for c in (limit, energy_j, value, fill_limit, filled_j))
    )
    of_fill = np.nan_to_num(fills) / RECTANGULAR * filled
    spread = COVERAGE_FACTOR * np.hypot(limits / RECTANGULAR * energies, of_fill)
    blind = np.isnan(limits) | (np.isnan(fills) & (filled > NEGLIGIBLE * np.abs(energies)))
    return _stated(np.where(blind, 0.0, spread), figure, blind)


class _Rows(NamedTuple):
    """Periods of one account, as `expanded_uncertainty` has them; `quotient` is N/D."""

    exposures: Exposures
    time: FloatArray
    figure: FloatArray
    quotient: FloatArray
    below: FloatArray
    factor: FloatArray

    def above(self, form: Sensitivity, some: IntArray) -> FloatArray:
        """What some sources move N by, (sources, periods) or the same in all periods."""
        own = form.numerator[some, None]
        if form.carried.any():
            own = own + form.carried[some, None] * (self.factor / J_PER_KWH)
        return own


def _spread(form: Sensitivity, rows: _Rows) -> FloatArray:
    """What all stated limits together make of each period's figure."""
    some = form.sources.stated
    if not len(some):
        return np.zeros(len(rows.figure))
    exposure = rows.exposures.of(form.sources, some, rows.time)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        moved = rows.above(form, some)
        if form.is_ratio:
            moved = moved - rows.quotient * form.denominator[some, None]
        limits = form.sources.limits[some, None] / RECTANGULAR
        parts = moved * limits * exposure / rows.below
        alike = form.sources.alike[some]
        return COVERAGE_FACTOR * form.scale * _root_sum_square(parts, alike)


def _root_sum_square(parts: FloatArray, alike: npt.NDArray[np.bool_]) -> FloatArray:
    """Root of each column's sum of squares; scaled first, since the squares may not fit float64.

    Rows that are `alike` make the square of their sum where that is more (GUM, 5.2.2, note 1).

    >>> parts = np.array([[3.0, 3.0], [4.0, -4.0]])
    >>> print(_root_sum_square(parts, np.array([True, True])))
    [7. 5.]
    """
    largest = np.abs(parts).max(axis=0, initial=0.0)
    scaled = parts / np.where(largest > 0, largest, 1.0)
    square = fsum_rows(scaled**2)
    if alike.sum() > 1:
        both = scaled[alike]
        square = square + np.maximum(fsum_rows(both) ** 2 - fsum_rows(both**2), 0.0)
    root: FloatArray = largest * np.sqrt(square)
    return root


def _blind(form: Sensitivity, rows: _Rows) -> npt.NDArray[np.bool_]:
    """Periods in which a source without stated accuracy holds too much of either sum."""
    sources, unstated = form.sources, form.sources.unstated
    num, den = rows.quotient * rows.below, rows.below
    blind = np.zeros(len(num), np.bool_)
    if len(unstated) and not sources.filled[unstated].all():
        # a sum of nothing but silence about accuracy is not known to be exact, whatever it is
        blind |= num == 0
    unknown = ~np.isfinite(rows.figure)
    for some in (unstated[:LARGE], unstated[LARGE:]):
        if (blind | unknown).all():
            break
        exposure = rows.exposures.of(sources, some, rows.time)
        held = np.abs(sources.values[some, None] * exposure)
        above = np.abs(rows.above(form, some)) * held
        blind |= np.fmax.reduce(above, axis=0, initial=0.0) > NEGLIGIBLE * np.abs(num)
        if form.is_ratio:
            below = np.abs(form.denominator[some, None]) * held
            blind |= np.fmax.reduce(below, axis=0, initial=0.0) > NEGLIGIBLE * np.abs(den)
    return blind


def _stated(spread: FloatArray, figure: FloatArray, blind: npt.NDArray[np.bool_]) -> Uncertainty:
    undefined = ~np.isfinite(figure) | ~np.isfinite(spread)
    value: FloatArray = np.where(undefined | blind, np.nan, spread)
    return Uncertainty(value, np.where(undefined, 1, 2 * blind))
