"""What is kept in memory decides nothing: rows that were let go of are read from the ledger."""

import random
from pathlib import Path

import numpy as np
import pytest

from greendc.core import held
from greendc.core.facility import DAY, HOUR, MINUTE
from greendc.core.levels import Level, Runs, Shape, StoredRow
from tests.runs import SITE, Reading, Run, config_event, configured, end, entries, revisions

KINDS = ("instant", "mean_prev", "mean_next", "on_change, silent_after: 5h")
START = 1_740_787_200 * 10**9  # 2025-03-01T00:00:00Z
MORE = """
e_dc: bottom_up
cell: 30min
lateness: 2h
horizon: 40d
derived:
  - {id: light, point: aux_light, constant_w: 100, uncertainty_w: 10}
"""


def a_site(chance: random.Random) -> list[str]:
    meters = [
        f"{{id: m{i}, point: {chance.choice(('pdu_out', 'cool_pump', 'util'))}, unit: W, "
        f"kind: {kind}, nominal: {chance.choice(('30min', '60min'))}, class: 1}}"
        for i, kind in enumerate(chance.choices(KINDS, k=4))
    ]
    register = "unit: Wh, quantity: energy, kind: register, nominal: 30min, class: 1"
    return [*meters, f"{{id: m4, point: cool_chiller, {register}}}"]


def readings(chance: random.Random, days: int) -> list[Reading]:
    """Half-hourly, some missing, a few of them hours or days late."""
    out: list[tuple[int, Reading]] = []
    for step in range(days * 48):
        for meter in range(5):
            value = 20.0 * step if meter == 4 else chance.uniform(0, 500)
            late = chance.choice((5, 60, 300)) if chance.random() < 0.003 else 0
            if chance.random() > 0.03:
                reading = f"m{meter}", START + step * 30 * MINUTE, value
                out.append((step + late, reading))
    return [reading for _, reading in sorted(out, key=lambda pair: pair[0])]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Europe/Berlin"])
def test_the_ledger_is_the_same_however_much_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    chance = random.Random(zone + "a")
    config = configured(tmp_path, a_site(chance), MORE, zone)
    log = entries(readings(chance, 9), sorted(chance.sample(range(2000), 40)))
    found = []
    for kept in (None, 0, 10_000 * DAY):
        if kept is not None:
            for table in (held.KEPT, held.KEPT_FAR):
                monkeypatch.setattr(held, _name(table), dict.fromkeys(table, kept))
        run = Run(tmp_path / f"{kept}.db", config)
        run.take(config_event(config))
        for number, entry in enumerate([*log, end()]):
            run.take(entry)
            if number % 20 == 0:
                run.commit()
        found.append(revisions(run.close()))
    assert any(figure.revision for figure in found[0])
    assert found[0] == found[1] == found[2]


def _name(table: object) -> str:
    return "KEPT" if table is held.KEPT else "KEPT_FAR"


def test_what_is_kept_of_single_meters_stays_bounded(tmp_path: Path) -> None:
    meter = "{id: it, point: pdu_out, unit: W, kind: mean_next, nominal: 60min, class: 1}"
    run = Run(tmp_path / "ledger.db", configured(tmp_path, [meter], "cell: 60min"))
    levels = run.pipeline.ledgers[SITE].periods.held
    most = dict.fromkeys(levels.near, 0)
    for step in range(24 * 45):
        run.take(entries([("it", START + step * HOUR, 100.0)])[0])
        for period, level in levels.near.items():
            most[period] = max(most[period], len(level.index))
    assert most["cell"] <= 4
    assert most["hour"] <= 30
    assert len(levels.far["hour"].index) <= 30 * 24 + 4


@pytest.mark.parametrize("how", ["taken out", "an epoch's end"])
def test_what_is_no_more_holds_nothing(tmp_path: Path, how: str) -> None:
    meters = [
        f"{{id: {name}, point: {point}, unit: W, kind: mean_next, nominal: 60min, class: 1}}"
        for name, point in (("it", "pdu_out"), ("old", "cool_pump"))
    ]
    dated = "[{value: cool_pump}, {from: 2025-03-03T00:00:00Z, value: pdu_out}]"
    before = meters if how == "taken out" else [meters[0], meters[1].replace("cool_pump", dated)]
    run = Run(tmp_path / "ledger.db", configured(tmp_path, before, "cell: 60min"))
    for step in range(24 * 6):
        if step == 48 and how == "taken out":
            run.take(config_event(configured(tmp_path, meters[:1], "cell: 60min")))
        at = START + step * HOUR
        run.take(entries([("it", at, 100.0), *([("old", at, 50.0)] if step < 48 else [])])[0])
    assert len(run.pipeline.ledgers[SITE].periods.held.near["cell"].index) <= 4
    assert len(run.pipeline.ledgers[SITE].periods.held.near["hour"].index) <= 30


def test_rows_let_go_of_leave_nothing_behind() -> None:
    level = Level(
        "cell", Shape({"a": 0, "b": 1}, {"a": slice(0, 3), "b": slice(3, 6)}, 6), lambda *_: ()
    )
    for start in range(50):
        level.ensure(start, start + 1)
        level.write(start, np.ones(2, np.int64), np.full(6, start + 1.0))
        level.trim(start)
    level.trim(50)
    stored = StoredRow("b", 50, 1, np.ones(3))
    level.reader = lambda *_: (stored,)  # another account has a row there, this one has none
    level.ensure(50, 51)
    assert len(level.terms) <= 4
    valid, terms = level.totals(Runs.whole(level.rows([50])), ["a"])
    assert valid.tolist() == [[0]]
    assert terms[0].ravel().tolist() == [0.0, 0.0, 0.0]
