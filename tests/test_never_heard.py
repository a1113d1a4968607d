"""A site whose energy meters have never said anything lets go of what its other meters say."""

import random
from pathlib import Path

import pytest

from tests import runs
from tests.runs import Reading, Run

METERS = (
    "{id: feed, point: util, unit: W, kind: mean_next, nominal: 60s}",
    "{id: inlet, point: t_inlet, unit: degC, nominal: 60s, spike: 5}",
    "{id: door, point: t_inlet, unit: degC, nominal: 60s, frozen_after: 10min}",
)
BEGIN = 1_740_787_200
MINUTES = 600


def log(energy_from: int | None = None) -> list[Reading]:
    out: list[Reading] = []
    for minute in range(MINUTES):
        time = runs.at(BEGIN + 60 * minute)
        out.append(("inlet", time, 40.0 if minute % 50 == 7 else 21.5 + minute % 3))
        out.append(("door", time, 20.0 + minute // 25))
        if energy_from is not None and minute >= energy_from:
            out.append(("feed", time, 600.0))
    return out


def late(readings: list[Reading], seed: int) -> list[Reading]:
    """One in twenty comes hours later, and the first energy is not the earliest."""
    chance = random.Random(seed)
    held = {row for row in readings if chance.random() < 0.05}
    return [r for r in readings if r not in held] + chance.sample(sorted(held), len(held))


def test_few_are_held(tmp_path: Path) -> None:
    run = Run(tmp_path / "ledger", runs.configured(tmp_path, METERS))
    for entry in runs.entries(log(), range(100, 2 * MINUTES, 100)):
        run.take(entry)
        run.commit()
        book = run.pipeline.ledgers[runs.SITE].book
        assert book.open < 200
    assert book.progress.origin is None
    run.close()


@pytest.mark.parametrize("energy_from", [None, 400])
@pytest.mark.parametrize("seed", [1, 2])
def test_words_hang_on_no_order(tmp_path: Path, seed: int, energy_from: int | None) -> None:
    config, readings = runs.configured(tmp_path, METERS), log(energy_from)
    wanted = runs.played(tmp_path / "plain", config, [*runs.entries(readings), runs.end()])
    mixed = runs.entries(late(readings, seed), range(37, len(readings), 211))
    log_ = [*mixed, runs.end()]
    found = runs.played(tmp_path / "late", config, log_, commits=range(9), kills=(2, 5))
    assert runs.judged(found) == runs.judged(wanted)
    assert runs.newest(found) == runs.newest(wanted)
    assert {"spike", "frozen"} <= {word for _, word, *_ in runs.judged(wanted)}
