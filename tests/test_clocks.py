"""Our own clock set back: what is told of it, however entries are cut, and over a restart."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from greendc.calendars import rfc3339
from greendc.clocks import LONGEST, MOST, SKEW, OwnClock
from greendc.config import load
from greendc.core.facility import DAY, MINUTE
from greendc.daemon.worker import Worker, resume
from greendc.journal import Journal, Redelivery
from greendc.journal.blocks import packed, unpacked
from greendc.pipeline import Pipeline
from greendc.ports import Entry, Event, RawBatch, joined
from greendc.queries import Ledger
from greendc.store import Store
from tests.small import BEGIN, SITE

NOON = 20_000 * DAY + DAY // 2


def batch(*minutes: float) -> RawBatch:
    count = len(minutes)
    arrivals = [NOON + round(minute * MINUTE) for minute in minutes]
    return RawBatch(arrivals, ["dc/it"] * count, [b"7"] * count, [0] * count, [0] * count)


def behind(clock: OwnClock, entry: Entry, passed: float = 0) -> list[float]:
    told = clock.told(entry, round(passed * MINUTE))
    assert isinstance(told, RawBatch)
    return [0] * len(told) if told.behind is None else [one / MINUTE for one in told.behind]


@pytest.mark.parametrize(
    ("minutes", "found"),
    [
        pytest.param([0, 1, -9, -8], [0, 0, 10, 10], id="set back"),
        pytest.param([0, -10, -9, 1], [0, 10, 10, 0], id="and right again"),
        pytest.param([0, -10, -7, -2], [0, 10, 10, 10], id="a pause is none"),
        pytest.param([0, -10, -20, -19], [0, 10, 20, 20], id="twice"),
        pytest.param([0, -2, -4], [0, 0, 0], id="by no more than clocks may differ"),
        pytest.param([0, -1441, -1440], [0, 0, 0], id="never right before"),
        pytest.param([0, -10, 10 * 1440], [0, 10, 0], id="for longer than a week"),
    ],
)
def test_a_clock_that_is_set(minutes: list[float], found: list[float]) -> None:
    assert behind(OwnClock(), batch(*minutes)) == found
    clock = OwnClock()
    assert [one for minute in minutes for one in behind(clock, batch(minute))] == found


def test_a_week_ends_by_itself() -> None:
    hours = [60 * hour for hour in range(8 * 24)]
    clock = OwnClock(NOON, 300 * MINUTE, NOON)
    found = behind(clock, batch(*hours))
    assert found == [300] * (LONGEST // MINUTE // 60 + 1) + [0] * 23
    assert behind(clock, batch(hours[-1] - 10)) == [10]
    assert (MOST, SKEW) == (DAY, 2 * MINUTE)


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=30), st.lists(st.booleans()))
def test_however_batches_are_cut(steps: list[int], cuts: list[bool]) -> None:
    minutes = [sum(steps[: at + 1]) for at in range(len(steps))]
    whole, clock = batch(*minutes), OwnClock()
    wanted = behind(OwnClock(), whole)
    places = [at + 1 for at, cut in enumerate(cuts[: len(steps) - 1]) if cut]
    bounds = list(zip([0, *places], [*places, len(steps)], strict=True))
    parts = [clock.told(whole.between(lo, hi)) for lo, hi in bounds]
    again = joined([part for part in parts if isinstance(part, RawBatch)])
    assert [one / MINUTE for one in again.behind or [0] * len(again)] == wanted
    bodies = [unpacked(packed(again, lo, hi), 0) for lo, hi in bounds]
    assert list(joined(bodies).behind or []) == list(again.behind or [])


def test_silence_is_told_from_a_step_by_another_clock() -> None:
    clock = OwnClock()
    assert behind(clock, batch(0)) == [0]
    assert behind(clock, batch(-9), passed=1) == [10]
    assert behind(clock, batch(11), passed=20) == [10]
    assert behind(clock, batch(21.5), passed=0.5) == [0]


def test_a_block_of_a_clock_that_is_right_is_as_it_was() -> None:
    body = zstandard.decompress(packed(batch(1, 2), 0, 2))
    assert len(msgspec.msgpack.decode(body)) == 7


def test_an_event_tells_too() -> None:
    clock = OwnClock()
    clock.told(batch(0))
    clock.told(Event("tick", NOON - 10 * MINUTE))
    assert behind(clock, batch(-9)) == [10]


@contextmanager
def working(folder: Path) -> Iterator[Worker]:
    config = folder / "site.yaml"
    config.write_text(SITE)
    journal, store = Journal(folder / "journal.db"), Store(folder / "ledger.db")
    try:
        pipeline = Pipeline(load(config), store)
        resume(journal, pipeline)
        yield Worker(journal, pipeline, Redelivery(10))
        pipeline.commit()
    finally:
        journal.close()
        store.close()


def stamped(minute: int, arrival: int) -> RawBatch:
    payload = json.dumps({"w": 7, "t": rfc3339(BEGIN + minute * MINUTE)}).encode()
    return RawBatch([BEGIN + arrival * MINUTE], ["dc/it_a/power"], [payload], [0], [0])


def test_over_restarts(tmp_path: Path) -> None:
    for minute, arrival in ((20, 20), (21, 11), (32, 23), (33, 23), (38, 24)):
        with working(tmp_path) as worker:
            worker.take([stamped(minute, arrival)])
    with Ledger(tmp_path / "ledger.db") as ledger:
        tally = ledger.tally("")
        told = [(kind, data) for _, kind, data in ledger.events() if kind == "clock_set_back"]
    assert (tally["entries:decoded"], tally.get("rejected:future", 0)) == (4, 1)
    assert told == [("clock_set_back", {"from": BEGIN + 11 * MINUTE, "to": BEGIN + 20 * MINUTE})]
