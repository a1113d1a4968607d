"""Provisional figures are what an end of input would write, and change nothing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.core import preview
from greendc.core.facility import EVER, HOUR, MINUTE
from greendc.core.figure import Figure, FloatArray
from greendc.core.levels import Level
from tests.runs import SITE, Reading, Run, configured, end, entries

METERS = (
    "{id: it, point: pdu_out, unit: W, kind: instant, nominal: 60s, class: 1}",
    "{id: fan, point: cool_crah_fan, unit: W, kind: mean_next, nominal: 5min, class: 1}",
    "{id: chiller, point: cool_chiller, unit: Wh, quantity: energy, kind: register, class: 1}",
)
MORE = """
e_dc: bottom_up
emissions: {location: {factor: 100, zone: X, year: 2024, source: a table}}
"""
START = 1_740_787_200 * 10**9  # 2025-03-01T00:00:00Z


def readings(minutes: int) -> list[Reading]:
    out: list[Reading] = []
    for minute in range(minutes):
        now = START + minute * MINUTE
        out.append(("it", now, 500.0 + minute % 7))
        if minute % 5 == 0:
            out.append(("fan", now, 50.0 + minute % 3))
        out.append(("chiller", now, 1000.0 + 2.5 * minute))
    return out


def comparable(figure: Figure) -> Figure:
    return figure._replace(status="", reason=None, config=0, revision=0)


def written(run: Run, period: str) -> dict[tuple[str, int], Figure]:
    found = run.store.figures(SITE, period, -EVER, EVER)
    return {(f.quantity, f.start): f for f in found}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Europe/Berlin"])
@settings(max_examples=10)
@given(minutes=st.integers(12, 40).map(lambda n: n * 11))
def test_they_are_what_an_end_writes(
    tmp_path_factory: pytest.TempPathFactory, zone: str, minutes: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("run")
    run = Run(folder / "ledger.db", configured(folder, METERS, MORE, zone))
    for entry in entries(readings(minutes), range(0, 3000, 37)):
        run.take(entry)
    run.commit()
    ledger = run.pipeline.ledgers[SITE]
    shown = ledger.provisional()
    run.take(end())
    run.commit()
    for period in ("hour", "day"):
        after = written(run, period)
        mine = [f for f in shown if f.period == period]
        assert mine
        for figure in mine:
            assert comparable(figure) == comparable(after[figure.quantity, figure.start])
    run.store.close()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_how_many_accounts_are_laid_down_at_a_time_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, size: int
) -> None:
    # so that rows have cells that are closed and others that are open
    meters = (METERS[0], METERS[1].replace("5min", "15min"), METERS[2])
    run = Run(tmp_path / "ledger.db", configured(tmp_path, meters, MORE, zone))
    for entry in entries(readings(503), range(0, 3000, 37)):
        run.take(entry)
    ledger = run.pipeline.ledgers[SITE]
    at_once = ledger.provisional()
    monkeypatch.setattr(preview, "PORTION", size)
    assert ledger.provisional() == at_once
    assert {f.period for f in at_once} == {"hour", "day"}


def test_they_change_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path / "ledger.db", configured(tmp_path, METERS, MORE))
    for entry in entries(readings(200), [100]):
        run.take(entry)
    ledger = run.pipeline.ledgers[SITE]
    before = ledger.state(0)
    held = ledger.periods.held
    levels = [*held.near.values(), *held.far.values()]
    terms = [_all(level) for level in levels]
    shown = ledger.provisional()
    assert ledger.state(0) == before
    for level, same in zip(levels, terms, strict=True):
        assert (_all(level) == same).all()
    assert {f.status for f in _with_value(shown)} == {"provisional"}


def _all(level: Level) -> FloatArray:
    table: FloatArray = level.terms.take(np.arange(len(level.terms)), np.arange(level.shape.width))
    return table


def _with_value(figures: Sequence[Figure]) -> list[Figure]:
    return [f for f in figures if f.value is not None]


def test_without_readings_there_are_none(tmp_path: Path) -> None:
    run = Run(tmp_path / "ledger.db", configured(tmp_path, METERS, MORE))
    assert run.pipeline.ledgers[SITE].provisional() == []


def test_a_value_that_still_holds_does_not_run_ahead(tmp_path: Path) -> None:
    """An end counts the last value of meters that report by exception for all of 30 hours."""
    meter = "{id: it, point: pdu_out, unit: W, kind: on_change, nominal: 60s, silent_after: 30h}"
    run = Run(tmp_path / "ledger.db", configured(tmp_path, [meter], "e_dc: bottom_up"))
    for entry in entries([("it", START + 10 * HOUR, 100.0), ("it", START + 11 * HOUR, 200.0)]):
        run.take(entry)
    shown = [f for f in run.pipeline.ledgers[SITE].provisional() if f.quantity == "e_it"]
    spans = {f.period: (f.start, f.end, f.value) for f in shown}
    assert spans == {
        "hour": (START + 11 * HOUR, START + 12 * HOUR, 200.0 * 3600),
        "day": (START, START + 24 * HOUR, 300.0 * 3600),
    }


def test_the_running_hour_is_the_last(tmp_path: Path) -> None:
    run = Run(tmp_path / "ledger.db", configured(tmp_path, METERS, MORE))
    for entry in entries(readings(90)):
        run.take(entry)
    shown = run.pipeline.ledgers[SITE].provisional()
    hour = next(f for f in shown if f.period == "hour" and f.quantity == "ipue")
    assert (hour.start, hour.end) == (START + HOUR, START + 2 * HOUR)
    assert hour.coverage == pytest.approx(0.5, abs=0.02)
    assert hour.status == "provisional"
