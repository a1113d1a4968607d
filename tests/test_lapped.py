"""A register that goes round in a gap: what it counted is right, or absent and said so."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from greendc.core.facility import HOUR
from tests import runs
from tests.runs import Reading

BEGIN = runs.at(1_740_787_200)
MODULUS = 2**16
HOURS = 30
GONE = range(9, 16)  # hours without their reading, so that 8 hours are counted in one go
METER = "id: feed, point: util, quantity: energy, unit: Wh, kind: register, nominal: 1h"
ROUND = f"register: {{modulus: {MODULUS}}}"
MORE = "cell: 1h\nlateness: 20min\nhorizon: 48h"


def load(before: int, after: int) -> list[int]:
    """Wh of each hour, of which the second number holds from the end of the gap on."""
    return [before if hour < GONE.stop else after for hour in range(HOURS)]


def log(counts: Sequence[int], anew: int = 0) -> list[Reading]:
    """What is shown at the hours but those in the gap; at hour `anew` it begins again."""
    shown = [sum(counts[anew if hour >= anew else 0 : hour]) % MODULUS for hour in range(HOURS)]
    return [("feed", BEGIN + h * HOUR, float(shown[h])) for h in range(HOURS) if h not in GONE]


def played(folder: Path, readings: list[Reading], keys: str, cut: int) -> Path:
    config = runs.configured(folder, [f"{{{METER}, {keys}}}"], MORE)
    entries = [*runs.entries(readings, [cut]), runs.end()]
    return runs.played(folder / "ledger", config, entries, commits=[0], kills=[0])


def hours(path: Path) -> dict[int, float]:
    """Wh of each hour of which all is known."""
    return {
        (start - BEGIN) // HOUR: figure.value / 3600
        for (_, name, start), figure in runs.newest(path, "hour").items()
        if name == "feed" and figure.value is not None and figure.coverage == 1
    }


def words(path: Path) -> dict[str, int]:
    """How many readings the ledger tells of each word."""
    return {str(row[1]): int(str(row[2])) for row in runs.judged(path) if len(row) == 3}


@pytest.mark.parametrize("cut", [9, 10])
@pytest.mark.parametrize(
    ("readings", "keys"),
    [
        pytest.param(log(load(20_000, 20_000)), ROUND, id="round twice"),
        pytest.param(log(load(9_000, 9_000)), ROUND, id="round once"),
        pytest.param(log(load(20_000, 20_000), 16), ROUND, id="begun anew"),
        pytest.param(log(load(9_000, 9_000)), f"{ROUND}, rating_w: 12e3", id="rated"),
    ],
)
def test_what_nobody_can_know_is_missing(
    tmp_path: Path, readings: list[Reading], keys: str, cut: int
) -> None:
    path = played(tmp_path, readings, keys, cut)
    wh = readings[1][2]
    assert hours(path) == {hour: wh for hour in range(HOURS - 1) if not 8 <= hour < GONE.stop}
    assert words(path)["lapped"] == 1
    gone = [runs.newest(path, "hour")["hour", "feed", BEGIN + h * HOUR] for h in GONE]
    assert {(figure.value, figure.reason) for figure in gone} == {(None, "coverage")}


@pytest.mark.parametrize(
    ("counts", "keys"),
    [
        pytest.param(load(4_000, 4_000), ROUND, id="too slow for it"),
        pytest.param(load(2_000, 6_000), f"{ROUND}, rating_w: 6e3", id="by its rating"),
        pytest.param(load(20_000, 20_000), "register: {modulus: 4294967296}", id="wide"),
    ],
)
def test_what_is_certain_counts(tmp_path: Path, counts: list[int], keys: str) -> None:
    readings = log(counts)
    if "4294967296" in keys:
        readings = [("feed", time, (time - BEGIN) // HOUR * 20_000.0) for _, time, _ in readings]
    path = played(tmp_path, readings, keys, 9)
    assert hours(path) == pytest.approx(dict(enumerate(counts[:-1])))
    assert "lapped" not in words(path)


@pytest.mark.parametrize("factor", [1, 0.1])
def test_the_next_reading_tells_where_nothing_is_missing_as_well(
    tmp_path: Path, factor: float
) -> None:
    """40 kWh in two hours, or 105 kWh: by the hour after them, which an end may come before."""
    shown = [*(20_000 * hour for hour in range(9)), *range(200_000, 440_001, 30_000)]
    times = [*range(9), *range(10, 19)]
    readings = [
        ("feed", BEGIN + hour * HOUR, float(wh % MODULUS))
        for hour, wh in zip(times, shown, strict=True)
    ]
    keys = f"{ROUND}, rating_w: {60e3 * factor}, multiplier: {factor}"
    config = runs.configured(tmp_path, [f"{{{METER}, {keys}}}"], MORE)
    found = []
    for ends in ([], [10], range(1, 18)):
        parts = [runs.batch(readings[a:b]) for a, b in pairwise([0, *ends, len(readings)])]
        log = [entry for part in parts for entry in (part, runs.end())]
        path = runs.played(tmp_path / f"{len(ends)} ends", config, log)
        found.append((hours(path), runs.newest(path), words(path)))
    assert found[0] == found[1] == found[2]
    wanted = dict.fromkeys(range(8), 20_000) | dict.fromkeys(range(10, 18), 30_000)
    assert found[0][0] == pytest.approx({hour: wh * factor for hour, wh in wanted.items()})
    assert found[0][2] == {"lapped": 1, "rollover": 5}
