"""Stated uncertainty holds what k = 2 promises: figures under a thousand draws of meters' errors.

Energies are those of a day of each ready-made site, meters those of its own file; each draw gives
every meter an error as the simulator does. Figures and uncertainties of all draws are columns of
greendc's own functions, which see a draw where they see a period otherwise.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from greendc.config import load
from greendc.core.accounts import Book
from greendc.core.facility import DAY, HOUR, SECOND
from greendc.core.forms import sensitivity
from greendc.core.site import meters_and_books
from greendc.core.uncertainty import Sensitivity, expand, expanded_uncertainty, sums_of
from greendc.core.units import G_PER_KG, J_PER_KWH
from greendc.simulate import ready
from greendc.simulate.account import Account, Totals
from greendc.simulate.meters import named, share_of_class
from greendc.simulate.site import chunks
from greendc.simulate.site_file import write_site_file
from greendc.simulate.traffic import Traffic
from greendc.simulate.truth import FloatArray
from tests.simulate.names import names

DRAWS = 1000
WITHIN = 0.9545  # of the errors of a sum of many meters, at k = 2; those of few are nearer
LEAST = WITHIN - 4 * (WITHIN * (1 - WITHIN) / DRAWS) ** 0.5  # what chance leaves of it: 92.8 %
MJ_PER_J = 1000
PER_UNIT = {"J": J_PER_KWH, "g": G_PER_KG}  # figures of the truth are in kWh and kg
SITES = [(name, n) for name in ready.NAMES for n, _ in enumerate(ready.scenario(name).sites)]


@dataclass(frozen=True)
class Drawn:
    """One figure under all draws: its errors, the uncertainties stated, and who is to blame."""

    name: str
    error: FloatArray
    uncertainty: FloatArray
    largest: float
    """What the first meter alone has of the variance."""

    @property
    def inside(self) -> float:
        """Share of the draws with an error within the uncertainty."""
        return float((np.abs(self.error) <= self.uncertainty).mean())

    @property
    def spread(self) -> float:
        """Standard deviation of the errors, in standard uncertainties."""
        return float(np.sqrt(np.mean((2 * self.error / self.uncertainty) ** 2)))


def drawn(name: str, number: int, folder: Path) -> list[Drawn]:
    """Figures of the first day of a site, as it is metered, under all draws."""
    given = ready.scenario(name)
    given = given.model_copy(update={"step": HOUR, "span": DAY})
    site = given.sites[number]
    traffic = Traffic(given, given.start, given.end)
    write_site_file(folder / "site.yaml", given, traffic.sites)
    _, (book,) = meters_and_books(load(folder / "site.yaml").plan().sites[number])
    account = Account(given, site)
    for chunk in chunks(given, site):
        account.add(chunk)
    true = account.totals(given.start, given.end)
    return list(of_book(book, true, shares(given.seed, site.id, book)))


def shares(seed: int, site: str, book: Book) -> FloatArray:
    """What each meter has of its class in each draw, shape (draws, meters)."""
    return np.array(
        [
            [share_of_class(partial(named, seed + n, site, m.id)) for m in book.rules.meters]
            for n in range(DRAWS)
        ]
    )


def of_book(book: Book, true: Totals, shares: FloatArray) -> Iterator[Drawn]:
    """Each figure that the truth has as well."""
    meters = book.rules.meters
    exact = np.array([true.energy[meter.id] for meter in meters]) / MJ_PER_J
    limits = np.array([meter.accuracy for meter in meters], np.float64)
    energies = np.vstack([exact, exact * (1.0 + limits * shares)])
    expansion = expand(meters, book.epoch.derived)
    category = max(a.category or 0 for a in book.accounts)
    wanted, figures = names(category), true.figures()
    for line in book.accounts:
        truth = figures.get(wanted.get(line.name, ""))
        if truth:
            value, uncertainty = computed(sensitivity(expansion, line), energies, true)
            assert value[0] == pytest.approx(truth * PER_UNIT.get(line.unit, 1.0), rel=1e-6)
            error = value[1:] - value[0]
            of_meters = np.corrcoef(error, shares, rowvar=False)[0, 1:]
            yield Drawn(line.name, error, uncertainty[1:], float((of_meters**2).max()))


def computed(
    form: Sensitivity, energies: FloatArray, true: Totals
) -> tuple[FloatArray, FloatArray]:
    """A figure and its uncertainty for each row of energies."""
    seconds = DAY / SECOND
    sums = sums_of(form, energies, seconds)
    emitted = true.figures()["co2e_location_kg"] * G_PER_KG
    carried = sums.carried[0] / J_PER_KWH
    g_per_kwh = emitted / carried if carried else 0.0
    below = sums.denominator if form.denominator.any() else np.ones(len(energies))
    value = form.scale * (sums.numerator + sums.carried * g_per_kwh / J_PER_KWH) / below
    stated = expanded_uncertainty(form, energies, seconds, value, below, g_per_kwh)
    return value, stated.value


@pytest.mark.parametrize(("name", "number"), SITES)
def test_figures_are_within_what_is_stated_as_often_as_k_2_says(
    name: str, number: int, tmp_path: Path
) -> None:
    found = drawn(name, number, tmp_path)
    assert {"e_dc", "e_it", "ipue", "cue_location", "ppue_cooling"} <= {one.name for one in found}
    assert {one.name: one.inside for one in found if one.inside < LEAST} == {}
    assert np.mean([one.inside for one in found]) > WITHIN
    # neither more cautious than need be: a single meter never errs by more than sqrt(3) u
    assert {one.name: one.spread for one in found if not 0.93 < one.spread < 1.07} == {}
    cautious = [one for one in found if one.inside > 0.985]
    assert {one.name: one.largest for one in cautious if one.largest < 0.6} == {}
