"""What is frozen beside which siblings hangs on no order, and on both rules that see to that."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from greendc.core import site
from greendc.core.figure import Figure
from tests import runs
from tests.runs import Key, Reading
from tests.test_ledger_laws import BEGIN, METERS, MORE, NOMINAL, SPAN, ZONE

SEEDS = (9, 10, 19, 20)
FEW = 8  # readings of a batch: each border that they pass has a step, at which some are let go of
OFF: dict[str, Callable[..., Any]] = {
    "held_from": lambda _rules, _rows, _verdict, first, _upto: first,
    "spread": lambda _rules, _fresh, since, _held: since,
}
Outcome = tuple[dict[Key, Figure], list[tuple[object, ...]]]


def still(chance: random.Random) -> list[Reading]:
    """Three hours of all meters, most of whose values stand still for long."""
    out: list[Reading] = []
    for name, minutes in NOMINAL.items():
        phase, value = chance.randrange(60 * minutes), chance.randrange(1000) / 8
        moves = chance.random() < 0.4
        for i in range(SPAN // minutes):
            moves ^= chance.random() < 0.03
            if chance.random() < (0.6 if moves else 0.08):
                value = chance.choice([value + 1.0, value + 3.125, 0.5])
            elif name in {"feed", "cold"}:
                value += 1.0
            if chance.random() > 0.05:
                out.append((name, BEGIN + runs.at(phase + 60 * minutes * i), value))
    return sorted(out, key=lambda reading: reading[1])


def outcome(folder: Path, log: list[Reading], cuts: list[int]) -> Outcome:
    folder.mkdir()
    config = runs.configured(folder, METERS, MORE, ZONE)
    path = runs.played(folder / "ledger", config, [*runs.entries(log, cuts), runs.end()])
    return runs.newest(path), runs.judged(path)


def differs(folder: Path, seed: int) -> bool:
    """Whether a log gives another ledger, or other words, where its readings come in any order."""
    chance = random.Random(seed)
    log = still(chance)
    order = chance.sample(log, len(log)) if seed % 2 else late(log, chance)
    cuts = [*range(0, len(log), FEW)]
    return outcome(folder / f"{seed}", log, []) != outcome(folder / f"{seed}x", order, cuts)


def late(log: list[Reading], chance: random.Random) -> list[Reading]:
    """One in twenty comes at the end."""
    last = {reading for reading in log if chance.random() < 0.05}
    return [r for r in log if r not in last] + [r for r in log if r in last]


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_gives_the_same_ledger_and_words(tmp_path: Path, seed: int) -> None:
    assert not differs(tmp_path, seed)


@pytest.mark.parametrize("rule", OFF)
def test_without_either_rule_the_order_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    monkeypatch.setattr(site, rule, OFF[rule])
    assert any(differs(tmp_path, seed) for seed in SEEDS)
