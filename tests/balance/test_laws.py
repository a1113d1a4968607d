"""The balance of an hour follows from the ledger: however batches are cut, and over restarts."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from greendc.config import Config, load
from greendc.core.checking import Checked
from greendc.pipeline import Pipeline
from greendc.ports import Event, RawBatch, joined
from greendc.queries import Ledger
from greendc.sources.recording import read_log
from greendc.store import Store
from tests.balance.sites import simulated


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, RawBatch]:
    """A site with a meter that is found by its course after twelve hours, and its messages."""
    fault = ("missing_phase", "hall-1-rack-03-a.it_in", None)
    return _made(tmp_path_factory.mktemp("small"), "dc400", 14, fault)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, RawBatch]:
    """A site with a meter out of range from its first hour on, and its messages."""
    fault = ("watt_for_kilowatt", "room-rack-02-a.it_in", None)
    return _made(tmp_path_factory.mktemp("laws"), "edge-room", 6, fault)


def _made(
    folder: Path, site: str, hours: int, fault: tuple[str, str, float | None]
) -> tuple[Config, RawBatch]:
    config, log = simulated(folder, site, hours=hours, fault=fault)
    entries = [entry for entry in read_log(log) if isinstance(entry, RawBatch)]
    return load(config), joined(entries)


def balances(config: Config, batch: RawBatch, cuts: Sequence[int], path: Path) -> list[Checked]:
    """Hours of the ledger; at each cut the batch ends, is committed and all begins anew."""
    for number, (lo, hi) in enumerate(pairwise([0, *cuts, len(batch)])):
        store = Store(path, durable=False)
        pipeline = Pipeline(config, store)
        begin, done = pipeline.start_at()
        if number:
            pipeline.resume([(begin, batch.between(begin - 1, done))], done)
        pipeline.handle(lo + 1, batch.between(lo, hi))
        if hi == len(batch):
            pipeline.handle(hi + 1, Event("end", 0))
        pipeline.commit()
        store.close()
    with Ledger(path) as ledger:
        return list(ledger.balances(config.plan().sites[0].id))


def test_cuts_and_restarts_leave_no_trace(made: tuple[Config, RawBatch], tmp_path: Path) -> None:
    config, batch = made
    whole = balances(config, batch, [], tmp_path / "whole.db")
    assert [len(hour.told) for hour in whole] == [0, 0, 1, 1, 1, 1]
    assert whole[-1].told[0].left_out == ("room-rack-02-a.it_in",)
    count = len(batch)
    cuts = [count // 7, count // 3, count // 2 + 11, count - 100]
    assert balances(config, batch, cuts, tmp_path / "cut.db") == whole


def test_courses_are_the_same_after_restarts(
    small: tuple[Config, RawBatch], tmp_path: Path
) -> None:
    config, batch = small
    whole = balances(config, batch, [], tmp_path / "whole.db")
    assert [len(hour.told) for hour in whole] == [0] * 11 + [1] * 3
    assert whole[-1].told[0].worth is not None
    count = len(batch)
    cuts = [count // 3, count - 4000, count - 100]
    assert balances(config, batch, cuts, tmp_path / "cut.db") == whole
