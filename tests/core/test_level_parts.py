"""A part of a level has its rows whole, with what has been lost in them."""

import numpy as np

from greendc.core.accounts import Account, Term
from greendc.core.cells import Block
from greendc.core.facility import HOUR
from greendc.core.figure import CODES
from greendc.core.levels import Level, Runs, Shape

FROZEN = CODES["frozen"]


def test_what_rows_have_lost_comes_along() -> None:
    none = np.zeros(0, np.int64)
    accounts = [
        Account(name, "meter", HOUR, HOUR, none, (Term(((place, 1.0),)),))
        for place, name in enumerate("ab")
    ]
    level = Level("hour", Shape.of(accounts), lambda *_: [])
    start = np.array([0, HOUR])
    lost = {"a": np.array([FROZEN, 0]), "b": None}
    valid = np.array([HOUR // 4, HOUR])
    terms = np.ones((2, 1, 3))
    level.put(Block(a, start, start + HOUR, valid, terms, lost=lost[a.name]) for a in accounts)
    part = level.part([0, 2 * HOUR])
    assert part.index.keys() == {0}
    rows, lacking = part.rows([0]), np.array([[3 * HOUR // 4], [3 * HOUR // 4]])
    found = part.lost(Runs.whole(rows), ["a", "b"], lacking)
    assert found is not None
    assert found.tolist() == [[FROZEN], [0]]
