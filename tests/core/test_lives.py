"""Random sites and lives: whatever the order, repetition and batches, and wherever input ends."""

import random

import pytest

from tests.core import lives


@pytest.mark.parametrize("seed", range(45))
def test_neither_order_nor_repetition_nor_ends_leave_a_trace(seed: int) -> None:
    chance = random.Random(seed)
    site = lives.site(chance)
    log = lives.life(chance, site)
    wanted = lives.played(site, log, list(range(len(log))))
    order = lives.journal(chance, log)
    cuts = chance.choices(range(len(order) + 1), k=chance.choice([0, 1, 5]))
    found = lives.played(site, log, order, cuts)
    assert found.rows == wanted.rows
    assert found.words == wanted.words


@pytest.mark.parametrize("seed", range(1000, 1022))
def test_batches_leave_no_trace_in_the_revisions(seed: int) -> None:
    chance = random.Random(seed)
    site = lives.site(chance)
    log = lives.life(chance, site)
    order = lives.journal(chance, log)
    cuts = chance.choices(range(len(order) + 1), k=len(order))
    found, wanted = lives.played(site, log, order, cuts), lives.played(site, log, order)
    assert found.revisions == wanted.revisions
    assert found.words == wanted.words
