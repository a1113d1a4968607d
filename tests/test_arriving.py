"""What arrivals tell: readings out of order, and clocks that are ahead."""

import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from greendc.arriving import AHEAD, out_of_order
from greendc.core.facility import HOUR, MINUTE, SECOND
from greendc.ports import RawBatch
from tests import runs
from tests.runs import Reading

METERS = 3
BEGIN = 1_740_787_200 * SECOND
METER = "quantity: power, unit: W, kind: instant, nominal: 60s"
HEAT = "quantity: temperature, unit: degC, nominal: 60s"


def naive(newest: list[int], readings: list[tuple[int, int]]) -> list[bool]:
    found = []
    for meter, time in readings:
        found.append(time < newest[meter])
        newest[meter] = max(newest[meter], time)
    return found


@given(
    newest=st.lists(st.integers(0, 9), min_size=METERS, max_size=METERS),
    readings=st.lists(st.tuples(st.integers(0, METERS - 1), st.integers(0, 9)), max_size=12),
)
def test_a_reading_is_out_of_order_behind_any_newer_one_of_its_meter(
    newest: list[int], readings: list[tuple[int, int]]
) -> None:
    times = np.array(newest, np.int64)
    meter, time = np.array(readings, np.int64).reshape(-1, 2).T
    found = out_of_order(times, meter, time)
    assert found.tolist() == naive(newest, readings)
    assert times.tolist() == newest


def stamped(ahead: int, readings: list[Reading]) -> RawBatch:
    """Readings that arrive so much before the time that they tell. [ns]"""
    batch = runs.batch(readings)
    return RawBatch(
        [time - ahead for _, time, _ in readings],
        batch.topics,
        batch.payloads,
        batch.mids,
        batch.flags,
    )


def test_a_clock_that_is_ahead_is_told_once_an_hour_and_meter(tmp_path: Path) -> None:
    points = {"it": "pdu_out", "pump": "cool_pump"}
    meters = [f"{{id: {name}, point: {point}, {METER}}}" for name, point in points.items()]
    meters.append(f"{{id: room, point: t_supply, {HEAT}}}")
    run = runs.Run(tmp_path / "ledger", runs.configured(tmp_path, meters, "cell: 60s"))
    for minute in range(90):
        at = BEGIN + minute * MINUTE
        run.take(stamped(AHEAD + SECOND, [("it", at, 1.0)]))
        run.take(stamped(AHEAD, [("pump", at, 1.0), ("room", at + MINUTE, 20.0)]))
        if minute in {30, 70}:
            run.commit()
            run.kill()
    run.take(stamped(0, [("pump", BEGIN, 1.0), ("pump", BEGIN + 90 * MINUTE, 1.0)]))
    run.commit()
    tally = run.store.tally(runs.SITE)
    assert (tally["clock_ahead"], tally["out_of_order"]) == (90, 1)
    sql = "SELECT data FROM event WHERE kind = 'clock_ahead'"
    told = [json.loads(data) for (data,) in run.store._db.execute(sql)]
    assert [(one["meter"], one["from"], one["ahead"]) for one in told] == [
        ("it", BEGIN, AHEAD + SECOND),
        ("it", BEGIN + HOUR, AHEAD + SECOND),
    ]
    run.close()
