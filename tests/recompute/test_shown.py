"""What meters said last is shown by what the configuration says today, at once."""

from pathlib import Path

import pytest

from greendc.core.facility import EVER, HOUR, MINUTE
from greendc.pipeline import Pipeline
from greendc.recompute import Recomputer
from greendc.watch import Watch
from tests import runs
from tests.recompute.kit import BEGIN, METERS, Played, log, site

SENSORS = (  # in no figure: one that is heard each ten minutes, and one that has been still
    *METERS,
    "{id: inlet, point: t_inlet, unit: degC, nominal: 10min}",
    "{id: door, point: t_inlet, unit: degC, nominal: 10h}",
)
TIMES_TEN = tuple(f"{meter[:-1]}, multiplier: 10}}" for meter in SENSORS)


class Shown(Played):
    """A run that somebody watches."""

    def _open(self) -> None:
        super()._open()
        self.watch = Watch(wall_clock=False)
        self.pipeline = Pipeline(self.pipeline.config, self.store, watch=self.watch)
        self.pipeline.recompute = Recomputer(self, self.path.parent)

    def values(self) -> dict[str, float | None]:
        """What each meter is shown to have said last."""
        self.watch.show(now=True)
        current = self.watch.board.current
        found = zip(current.meters, current.time.tolist(), current.value.tolist(), strict=True)
        return {tag.meter: None if time == -EVER else value for tag, time, value in found}


def test_the_last_values_follow_a_factor_that_was_wrong(tmp_path: Path) -> None:
    run = Shown(tmp_path / "ledger", site(tmp_path / "a", SENSORS))
    run.take(runs.batch([("door", BEGIN, 20.0)]))
    for reading in log(0, 8):
        run.take(runs.batch([reading]))
    run.take(runs.batch([("inlet", BEGIN + 8 * HOUR - 5 * MINUTE, 24.0)]))
    run.commit()
    run.watch.expect(run.pipeline.provisional)
    before, counted = run.values(), run.watch.board.current.readings.sum()
    assert run.watch.board.closed.provisional
    run.recompute(site(tmp_path / "b", TIMES_TEN))
    run.commit()
    after = run.values()
    assert before["door"] == 20.0
    assert after["door"] is None  # as after a start: it is known when it is heard again
    assert after["heat"] is not None
    for meter in ("it_a", "it_b", "pump", "heat", "inlet"):
        assert after[meter] == pytest.approx(10 * (before[meter] or 0.0))
    assert run.watch.board.current.readings.sum() == counted
    assert not run.watch.board.closed.provisional  # until they are worked out again
    run.watch.expect(run.pipeline.provisional)
    assert run.watch.board.closed.provisional
