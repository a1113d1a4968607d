"""Figures held against what the ledger has of the same keys."""

from dataclasses import replace

import numpy as np

from greendc.core.facility import IntArray
from greendc.core.figure import NUMBERS, PERIODS, BoolArray, FigureColumns, FloatArray
from greendc.store.blocks import Blocks

INTEGERS = ("end", "valid", "doubt", "status", "reason", "category", "width", "lost")


def earlier(
    blocks: Blocks, site: str, figures: FigureColumns, before: FloatArray, fresh: BoolArray
) -> tuple[FigureColumns, FloatArray]:
    """Figures as next revisions, with the values before; without those that say the same.

    Figures marked in `fresh` have no earlier revision.
    """
    revision, keep = figures.revision.copy(), np.ones(len(figures), np.bool_)
    for period in np.unique(figures.period[~fresh]).tolist():
        places = np.flatnonzero(~fresh & (figures.period == period))
        asked = figures.at(places)
        mine, stored, theirs = _matched(blocks, site, PERIODS[period], asked)
        if stored is not None:
            found = stored.at(theirs)
            revision[places[mine]] = found.revision + 1
            before[places[mine]] = found.value
            keep[places[mine]] = ~_same(asked.at(mine), found)
    rows = np.flatnonzero(keep)
    return replace(figures, revision=revision).at(rows), before[rows]


def _matched(
    blocks: Blocks, site: str, period: str, asked: FigureColumns
) -> tuple[IntArray, FigureColumns | None, IntArray]:
    """Places of figures that the ledger has, what it has, and the places there."""
    names = {asked.names[number] for number in np.unique(asked.quantity).tolist()}
    lo, hi = int(asked.start.min()), int(asked.start.max()) + 1
    found = [rows.figures for rows in blocks.newest(site, period, lo, hi, names)]
    none = np.zeros(0, np.int64)
    if not found:
        return none, None, none
    stored = FigureColumns.joined(found)
    keys = zip(stored.quantity.tolist(), stored.start.tolist(), strict=True)
    place = {key: number for number, key in enumerate(keys)}
    wanted = zip(asked.quantity.tolist(), asked.start.tolist(), strict=True)
    theirs = np.array([place.get(key, -1) for key in wanted], np.int64)
    mine = np.flatnonzero(theirs >= 0)
    return mine, stored, theirs[mine]


def _same(one: FigureColumns, other: FigureColumns) -> BoolArray:
    """Rows that say the same, whatever the configuration; both have the same words."""
    same: BoolArray = np.ones(len(one), np.bool_)
    for name in INTEGERS:
        same &= getattr(one, name) == getattr(other, name)
    for name in NUMBERS:
        a, b = getattr(one, name), getattr(other, name)
        same &= (a == b) | (np.isnan(a) & np.isnan(b))
    bodies = [columns.terms.tobytes() for columns in (one, other)]
    ends = [(columns.ends * 8).tolist() for columns in (one, other)]
    width = (one.width * 8).tolist()
    for row in np.flatnonzero(same).tolist():
        mine, theirs = (b[e[row] - width[row] : e[row]] for b, e in zip(bodies, ends, strict=True))
        same[row] = mine == theirs
    return same
