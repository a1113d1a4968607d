"""Snapshots say what was accepted last and what the ledger holds, and never change."""

from pathlib import Path

import numpy as np
import pytest

from greendc.config import Config, load
from greendc.core.facility import EVER, MINUTE, SECOND
from greendc.core.figure import Figure
from greendc.pipeline import Pipeline
from greendc.ports import Event, RawBatch
from greendc.store import Store
from greendc.watch import Watch
from tests.faults.plant import MIDNIGHT, SITE, messages

BEGIN = MIDNIGHT * SECOND


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "plant.yaml"
    path.write_text(SITE)
    return load(path)


class Run:
    """A pipeline that is watched, on a ledger file."""

    def __init__(self, config: Config, path: Path) -> None:
        self.watch = Watch(wall_clock=False)
        self.store = Store(path, durable=False)
        self.pipeline = Pipeline(config, self.store, watch=self.watch)

    def take(self, first: int, last: int) -> None:
        rows = messages(last)[first:]
        payloads = [p.encode() for _, p in rows]
        arrivals = [BEGIN + 10**15] * len(rows)
        zeros = [0] * len(rows)
        batch = RawBatch(arrivals, [t for t, _ in rows], payloads, zeros, zeros, session=1)
        self.pipeline.handle(first + 1, batch)

    def shown(self) -> Watch:
        self.watch.show(now=True)
        return self.watch


def figures_of(run: Run, period: str) -> list[Figure]:
    return list(run.store.figures("plant", period, -EVER, EVER))


def test_current_is_the_latest_reading_of_each_meter(config: Config, tmp_path: Path) -> None:
    run = Run(config, tmp_path / "ledger.db")
    run.take(0, 40)
    run.pipeline.handle(
        41, RawBatch([BEGIN], ["dc/it_a/power"], [b'{"w": 1, "t": 1740787200}'], [0], [0])
    )
    current = run.shown().board.current
    named = {tag.meter: i for i, tag in enumerate(current.meters)}
    assert current.time[named["it_a"]] == BEGIN + 90 * SECOND  # an older reading changes nothing
    assert current.value[named["it_a"]] == 1000 * (50 + 7 * ((9 * 3) % 11))
    assert current.value[named["chiller"]] == (40 + 9 * 0.25) * 3.6e6
    assert current.readings.tolist() == [11, 10, 10, 10]
    assert current.site_time == {"plant": BEGIN + 93 * SECOND}


def test_a_snapshot_never_changes(config: Config, tmp_path: Path) -> None:
    run = Run(config, tmp_path / "ledger.db")
    run.take(0, 40)
    before = run.shown().board.current
    kept = before.time.copy()
    run.take(40, 80)
    assert run.shown().board.current is not before
    np.testing.assert_array_equal(before.time, kept)
    with pytest.raises(ValueError, match="read-only"):
        before.time[0] = 0


def test_stale_meters_are_not_fresh(config: Config, tmp_path: Path) -> None:
    run = Run(config, tmp_path / "ledger.db")
    run.take(0, 40)
    current = run.shown().board.current
    silent = current.meters[0].silent_after
    last = int(current.time[0])
    assert current.fresh({"plant": last + silent})[0]
    assert not current.fresh({"plant": last + silent + 1})[0]
    assert not current.fresh({})[0]  # a site without a time has heard nothing


def test_only_what_is_committed_is_shown_as_closed(config: Config, tmp_path: Path) -> None:
    run = Run(config, tmp_path / "ledger.db")
    run.take(0, 400)
    assert not run.watch.board.closed.figures
    run.pipeline.commit()
    closed = run.watch.board.closed
    newest = [f for f in figures_of(run, "cell") if f.quantity == "e_it"][-1]
    assert closed.figures["plant", "cell", "e_it"].start == newest.start
    assert "it_a" not in {name for _, _, name in closed.figures}


def test_counters_are_sums_of_committed_cells(config: Config, tmp_path: Path) -> None:
    run = Run(config, tmp_path / "ledger.db")
    for first in range(0, 400, 80):
        run.take(first, first + 80)
        run.pipeline.commit()
    closed = run.watch.board.closed
    for name, total in (("it_a", closed.energy_in), ("e_dc", closed.energy_in)):
        cells = [f.value for f in figures_of(run, "cell") if f.quantity == name]
        assert total["plant", name] == pytest.approx(sum(v for v in cells if v is not None))
    grams = [f.value for f in figures_of(run, "cell") if f.quantity == "co2e_location"]
    emitted = closed.emitted["plant", "co2e_location"]
    assert emitted == pytest.approx(sum(v for v in grams if v is not None))


def test_revisions_are_apart_from_counters(config: Config, tmp_path: Path) -> None:
    run = Run(config, tmp_path / "ledger.db")
    run.take(0, 400)
    run.pipeline.commit()
    before = run.watch.board.closed
    cell = next(f for f in figures_of(run, "cell") if f.quantity == "it_b" and f.value)
    late = b'{"w": 1000, "t": %d.5}' % MIDNIGHT
    arrival = BEGIN + 10**15
    run.pipeline.handle(401, RawBatch([arrival], ["dc/it_b/power"], [late], [0], [0]))
    run.take(401, 480)
    run.pipeline.commit()
    after = run.watch.board.closed
    again = next(f for f in figures_of(run, "cell") if f.quantity == "it_b" and f.value)
    assert cell.value is not None
    assert again.value is not None
    moved = after.revised["plant", "it_b"]
    assert moved == pytest.approx(again.value - cell.value)
    assert moved > 0
    assert ("plant", "it_b") not in before.revised


def test_a_start_shows_what_the_ledger_and_open_readings_hold(
    config: Config, tmp_path: Path
) -> None:
    first = Run(config, tmp_path / "ledger.db")
    first.take(0, 400)
    first.pipeline.commit()
    was = first.shown().board
    first.store.close()
    again = Run(config, tmp_path / "ledger.db")
    low, done = again.pipeline.start_at()
    again.pipeline.resume([], done)
    assert low <= done
    again.pipeline.commit()
    board = again.shown().board
    assert board.closed.figures == was.closed.figures
    assert not board.closed.energy_in  # counters begin at 0 with the process
    assert board.current.readings.sum() == 0


def test_meters_keep_their_readings_when_the_configuration_changes(
    config: Config, tmp_path: Path
) -> None:
    run = Run(config, tmp_path / "ledger.db")
    run.take(0, 40)
    path = tmp_path / "plant.yaml"
    extra = "      - {id: aa, point: none, quantity: power, unit: W, kind: instant, nominal: 10s}\n"
    path.write_text(SITE.replace("    meters:\n", "    meters:\n" + extra))
    before = run.shown().board.current
    event = Event("config", 0, {"effective": load(path).effective()})
    run.pipeline.handle(41, event)
    after = run.shown().board.current
    assert after.meters[0].meter == "aa"
    assert after.time[0] == -EVER
    np.testing.assert_array_equal(after.time[1:], before.time)
    np.testing.assert_array_equal(after.value[1:], before.value)


def test_figures_without_a_value_are_counted_by_reason(config: Config, tmp_path: Path) -> None:
    run = Run(config, tmp_path / "ledger.db")
    run.take(0, 4)
    run.take(400, 480)  # silence of a quarter of an hour in between
    run.pipeline.commit()
    undefined = run.watch.board.closed.undefined
    empty = [f for f in figures_of(run, "cell") if f.quantity == "ipue" and f.value is None]
    assert undefined["plant", "ipue", "cell", "silent"] == len(empty) > 0
    assert all(f.end - f.start == MINUTE for f in empty)


def test_power_now_is_of_meters_that_are_not_stale(config: Config, tmp_path: Path) -> None:
    run = Run(config, tmp_path / "ledger.db")
    run.take(0, 40)
    current = run.shown().board.current
    moment = BEGIN + 90 * SECOND
    now = current.power({"plant": moment})
    values = {tag.meter: current.value[i] for i, tag in enumerate(current.meters)}
    assert now["plant", "e_it"] == values["it_a"] + values["it_b"]
    assert ("plant", "chiller") not in now  # a register
    assert ("plant", "e_dc") not in now
    assert now["plant", "pump"] == values["pump"]
    late = current.power({"plant": moment + 30 * SECOND + 1})  # it_a is stale, it_b not yet
    assert now.keys() - late.keys() == {("plant", "it_a"), ("plant", "e_it")}


def test_other_targets_are_shown_without_other_figures(config: Config, tmp_path: Path) -> None:
    run = Run(config, tmp_path / "ledger.db")
    run.take(0, 40)
    assert {t.kpi for t in run.shown().board.current.sites[0].targets} == {"coverage"}
    path = tmp_path / "plant.yaml"
    path.write_text(SITE.replace("e_dc:", "targets: {pue: {1h: 1.4}}\n    e_dc:"))
    run.pipeline.handle(41, Event("config", BEGIN, {"effective": load(path).effective()}))
    current = run.shown().board.current
    assert {t.kpi for t in current.sites[0].targets} == {"coverage", "pue"}
    assert current.time[0] == BEGIN + 90 * SECOND  # readings stay
    assert current.limits == load(path).limits()
    assert current.sites[0].intensity.keys() == {"location"}
