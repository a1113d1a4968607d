"""Hours of the ledger of which all was measured, as the core asks for them."""

from collections.abc import Iterable, Mapping

import numpy as np

from greendc.core.cells import SHARES
from greendc.core.facility import HOUR
from greendc.core.figure import FigureColumns
from greendc.core.final_days import Hours


def measured_hours(found: Iterable[FigureColumns], places: Mapping[str, int]) -> Hours:
    """Hours of physical meters without gaps, estimates or what is distributed.

    `found` are figures in the order of time, `places` those of the meters by their names.
    """
    meter, start, energy = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    for figures in found:
        terms = figures.terms.reshape(-1, SHARES)
        whole = (figures.valid == HOUR) & (terms[:, 1] == 0) & (terms[:, 2] == 0)
        place = np.array([places.get(name, -1) for name in figures.names], np.int64)
        meter.append(place[figures.quantity[whole]])
        start.append(figures.start[whole])
        energy.append(terms[whole, 0])
    places_of = np.concatenate(meter)
    order = np.argsort(places_of, kind="stable")
    return Hours(places_of[order], np.concatenate(start)[order], np.concatenate(energy)[order])
