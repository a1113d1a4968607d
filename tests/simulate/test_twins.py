"""Registers with a power beside them: what greendc makes of both, against the truth."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from greendc.core.facility import HOUR, SECOND
from greendc.core.figure import Figure
from greendc.ports import GreendcError
from greendc.queries import Ledger
from greendc.simulate.scenario import Scenario
from greendc.simulate.site import chunks
from tests.simulate.kit import BEGIN, UTIL, Replayed, fault, replayed, scenario

POWER = f"{UTIL}-power"
IT = {"points": ["*.it_in"], "kind": "mean_next", "unit": "kW", "resolution": 0.001, "class": 1}
FINE = 1e-3  # kWh that a register shows; half of it is lost at either end of an hour
SILENCES = (
    fault("silence", POWER, 125, 165),
    fault("silence", UTIL, 245, 385),
    fault("silence", UTIL, 490, 640),
    fault("silence", POWER, 490, 640),
)
BOTH = range(8, 11)  # hours that neither of them tells of all the time
RESETS = (
    fault("rollover", UTIL, 60, 61),
    fault("reset", UTIL, 130, 250),
    fault("dip", UTIL, 420, 421),
)


def twins(faults: Sequence[dict[str, Any]] = (), **more: Any) -> Scenario:
    """A register that is read every quarter of an hour, and its power every minute."""
    beside = {"kind": "mean_next", "unit": "kW", "resolution": 0.001, "class": 1}
    register = {
        "points": ["*.util"],
        "kind": "register",
        "interval": "15min",
        "unit": "kWh",
        "resolution": FINE,
        "modulus": 10_000,
        "class": 0.5,
        "power": beside,
    }
    return scenario([register, IT], faults, **{"span": "12h", **more})


def hours(folder: Path, name: str = UTIL) -> list[Figure]:
    with Ledger(folder / "kept" / "ledger.db") as ledger:
        return [f for f in ledger.figures("small", "hour", names=[name]) if f.start >= BEGIN]


def true(found: Scenario) -> list[float]:
    """True energy of each hour [J]."""
    steps = [chunk.energy(UTIL) for chunk in chunks(found, found.sites[0])]
    each = np.concatenate(steps).reshape(-1, HOUR // (60 * SECOND)).sum(axis=1)
    return [float(energy) / 1000 for energy in each]


def compared(found: Scenario, folder: Path) -> tuple[list[Figure], list[float], Replayed]:
    told = replayed(found, folder)
    return hours(folder), true(found), told


def off(figures: Sequence[Figure], truth: Sequence[float]) -> float:
    """Error of what is known of some hours together, in what is stated for them; but rounding."""
    energy = sum(figure.value or 0.0 for figure in figures)
    doubt = sum(figure.uncertainty or 0.0 for figure in figures)
    return max(abs(energy - sum(truth)) - FINE * 3.6e6 * len(figures), 0.0) / doubt


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_hour_is_within_what_is_stated_through_silences(seed: int, tmp_path: Path) -> None:
    figures, truth, _ = compared(twins(SILENCES, seed=seed), tmp_path)
    whole = figures[: len(truth)]
    assert [f.start for f in whole] == [BEGIN + h * HOUR for h in range(12)]
    assert [f.coverage for f in whole] == [1.0] * 12
    for number, (figure, energy) in enumerate(zip(whole, truth, strict=True)):
        if number not in BOTH:
            assert off([figure], [energy]) <= 1.0, (number, figure)
    assert off(whole[8:11], truth[8:11]) <= 1.0  # their sum is the register's difference
    spread = [number for number, f in enumerate(whole) if f.distributed]
    assert spread == [2, 8, 9, 10]  # where the power was silent
    assert {f.estimated for f in whole} == {0.0}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_hour_is_within_what_is_stated_through_resets(seed: int, tmp_path: Path) -> None:
    figures, truth, told = compared(twins(RESETS, seed=seed), tmp_path)
    assert {"reset", "rollover", "dip"} <= told.words
    for number, (figure, energy) in enumerate(zip(figures, truth, strict=False)):
        assert figure.coverage == 1.0, (number, figure)
        assert off([figure], [energy]) <= 1.0, (number, figure)
    lost = [number for number, f in enumerate(figures) if f.estimated]
    assert lost == [2, 3, 4]  # what it had counted until it began again, by the power
    assert {figures[number].reason for number in lost} == {"filled"}


def test_without_its_power_what_a_reset_lost_is_missing(tmp_path: Path) -> None:
    """The same with the power silent: less is known, and nothing that is wrong."""
    faults = [*RESETS, fault("silence", POWER, 0, 12 * 60)]
    figures, truth, _ = compared(twins(faults), tmp_path)
    lost = [number for number, f in enumerate(figures[:12]) if f.coverage < 0.95]
    assert lost == [2, 3, 4]
    for number in lost:
        assert figures[number].reason == "coverage"
        assert (figures[number].value or 0.0) < truth[number]
    for number in range(5, 12):
        assert off([figures[number]], [truth[number]]) <= 1.0


def test_a_power_that_disagrees_is_named(tmp_path: Path) -> None:
    """The power tells a twentieth too much for a local day, which is a finding; energy stands."""
    wrong = {"kind": "wrong_factor", "what": POWER, "by": 1.05}
    span = {"from": "2025-06-03T00:00:00Z", "for": "48h"}
    figures, truth, told = compared(twins([{**wrong, **span}], span="48h"), tmp_path)
    assert "register_power_mismatch" in told.findings
    for figure, energy in zip(figures, truth, strict=False):
        assert off([figure], [energy]) <= 1.0


def test_twins_that_agree_are_not_named(tmp_path: Path) -> None:
    _, _, told = compared(twins(span="48h"), tmp_path)
    assert "register_power_mismatch" not in told.findings


def test_the_site_file_says_whose_power_it_is(tmp_path: Path) -> None:
    replayed(twins(span="2h"), tmp_path)
    text = (tmp_path / "site.yaml").read_text()
    assert f"shape: {POWER}" in text
    assert f"id: {POWER}, point: none, quantity: power" in text


def test_gaps_are_filled_where_the_description_asks_for_it(tmp_path: Path) -> None:
    """Forty minutes of IT: an estimate within the limit that the description states."""
    filled = {**IT, "fill": "linear", "fill_uncertainty": 20}
    found = scenario([filled], [fault("silence", "*-01-a.it_in", 130, 170)])
    replayed(found, tmp_path)
    name = "room-rack-01-a.it_in"
    figure = hours(tmp_path, name)[2]
    energy = np.concatenate([c.energy(name) for c in chunks(found, found.sites[0])])[120:180].sum()
    assert (figure.status, figure.reason, figure.coverage) == ("estimated", "filled", 1.0)
    assert figure.estimated == pytest.approx(41 / 60, abs=0.05)
    assert abs((figure.value or 0.0) - energy / 1000) <= (figure.uncertainty or 0.0)


def test_a_power_is_told_beside_a_register_alone() -> None:
    with pytest.raises(GreendcError, match="power of a register"):
        replayed(scenario([{**IT, "power": {}}]), Path("nowhere"))
