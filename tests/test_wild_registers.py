"""Nonsense that a register without a rating shows for a while, in whatever order it comes."""

import math
import random
from pathlib import Path

import pytest

from greendc.core import counting, register
from tests import runs
from tests.runs import Reading

J_PER_WH = 3600
BEGIN = 1_740_787_200
MINUTES = 180
METERS = (
    "{id: feed, point: util, quantity: energy, unit: Wh, kind: register, nominal: 60s}",
    "{id: cold, point: none, quantity: energy, unit: Wh, kind: register, nominal: 120s}",
)
MORE = "cell: 5min\nlateness: 2min\nhorizon: 3h"


def shown(values: list[float], name: str = "feed") -> list[Reading]:
    return [(name, runs.at(BEGIN + 60 * minute), value) for minute, value in enumerate(values)]


def counted(
    folder: Path, log: list[Reading], more: str = "rating_w: null"
) -> tuple[float, dict[str, int]]:
    """Energy in Wh, and how many readings there are of each word."""
    folder.mkdir(exist_ok=True)
    config = runs.configured(folder, [METERS[0].replace("}", f", {more}}}")], MORE)
    path = runs.played(folder / "ledger", config, [*runs.entries(log), runs.end()])
    words = {str(row[0]): int(str(row[1])) for row in runs.judged(path) if len(row) == 2}
    cells = runs.newest(path, "cell").items()
    energy = math.fsum(f.value or 0.0 for (_, name, _), f in cells if name == "feed")
    return energy / J_PER_WH, words


@pytest.mark.parametrize("times", [1, 2, 3, counting.LATER])
@pytest.mark.parametrize("more", [0.0, 1.0])
def test_what_is_said_again_is_no_count(tmp_path: Path, times: int, more: float) -> None:
    good = [1000.0 + minute for minute in range(60)]
    nonsense = [10.0**9 + more * one for one in range(times)]
    log = shown([*good[:20], *nonsense, *good[20 + times :]])
    value, words = counted(tmp_path, log)
    assert value == pytest.approx(59)
    assert words == {"quarantined:implausible": times, "used": 59 - times}


@pytest.mark.parametrize(
    ("values", "wh"),
    [
        pytest.param([*range(100, 110), *range(5000, 5040)], 4939.0, id="counted while away"),
        pytest.param([100.0] * 3 + [200.0] * 12 + [201.0] * 9, 101.0, id="in large steps"),
        pytest.param([100, 101, 200, 200, 1, 2, 3, 4, 5, 6, 7, 8], 108.0, id="then a reset"),
        pytest.param([5, 6, 60, 60, 60, 58, 61, 62, 63], 58.0, id="a dip lower down"),
    ],
)
def test_what_is_no_nonsense_counts(tmp_path: Path, values: list[float], wh: float) -> None:
    value, _ = counted(tmp_path, shown([float(one) for one in values]))
    assert value == pytest.approx(wh)


def life(chance: random.Random) -> list[Reading]:
    """Hours of two registers that show nonsense for minutes, reset, and are away for a while."""
    out: list[Reading] = []
    for name, every in (("feed", 1), ("cold", 2)):
        value, nonsense, left = chance.choice([0.0, 40.0, 9000.0]), 0.0, 0
        for minute in range(0, MINUTES, every):
            value += chance.choice([0.0, 0.25, 3.0])
            value = 0.0 if chance.random() < 0.01 else value
            if not left and chance.random() < 0.06:
                left = chance.choice([1, 2, 5, 11, 14])
                nonsense = chance.choice([1e9, value + 50, value * 2, 0.0])
            left = max(0, left - 1)
            if chance.random() > 0.05:
                nonsense += chance.choice([0.0, 1.0])
                out.append((name, runs.at(BEGIN + 60 * minute), nonsense if left else value))
    return sorted(out, key=lambda row: row[1])


def mixed(log: list[Reading], chance: random.Random) -> list[Reading]:
    """A few come up to an hour late, the others a little out of order."""
    place = {
        row: row[1] + runs.at(chance.choice([0, 0, 0, 90, 3000] if chance.random() < 0.3 else [0]))
        for row in log
    }
    return sorted(log, key=place.__getitem__)


@pytest.mark.parametrize("seed", range(4))
def test_words_and_figures_hang_on_no_order(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    config, log = runs.configured(tmp_path, METERS, MORE), life(chance)
    wanted = runs.played(tmp_path / "plain", config, [*runs.entries(log), runs.end()])
    cuts = chance.sample(range(1, len(log)), 20)
    again = [*runs.entries(mixed(log, chance), cuts), runs.end()]
    found = runs.played(tmp_path / "mixed", config, again, commits=range(0, 20, 3), kills=(4, 11))
    assert runs.newest(found) == runs.newest(wanted)
    assert runs.judged(found) == runs.judged(wanted)


def test_without_waiting_for_later_readings_the_order_matters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "_wild", lambda *_: False)
    with pytest.raises(AssertionError):
        test_words_and_figures_hang_on_no_order(tmp_path, 0)


def test_what_comes_late_among_the_readings_that_speak_against_a_rise_is_counted_with_them(
    tmp_path: Path,
) -> None:
    """The fall is the eighth reading behind the rise, and with those that come late the 13th."""
    values = [1.1, 5.6, 5.6, 6.7, 6.7, 11.0, 13.0, 13.0, 13.0, 25.0, 27.0, 33.0, 36.0, 36.5]
    log = shown([*values, 5.0, *(5.0 + minute for minute in range(1, 31))])
    late = [*log[:9], *log[14:18], *log[9:14], *log[18:]]
    assert counted(tmp_path / "late", late) == counted(tmp_path / "ordered", log)


def test_a_register_that_replaced_another_says_nothing_of_what_that_one_has_shown(
    tmp_path: Path,
) -> None:
    """It begins between what the old one rose from and what it rose to."""
    log = shown([0.0, 0.0, 0.0, *[1000.0] * 5, *(500.0 + minute for minute in range(40))])
    exchange = "replaced: [{at: 2025-03-01T00:07:30Z, final: 1000, initial: 500}]"
    value, words = counted(tmp_path, log, exchange)
    assert value == pytest.approx(1039)
    assert not [word for word in words if word.startswith("quarantined")]
