"""Three real sensors on one topic, told apart by a field of the payload: the known answers."""

from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from greendc.config import load
from greendc.ports import Columns, RawBatch, joined
from greendc.profiles import Decoder
from greendc.replay import Options, replay
from greendc.sources.recording import LogCounts, open_entries
from greendc.store import Store
from tests.servers.support import PROJECT

LOG = PROJECT / "sensors" / "recordings" / "iot-env-2020-07-13.jsonl.gz"
SITE = dedent("""\
    sites:
      - id: lab
        zone: UTC
        rated_it_w: 1000
        topics: [{topic: iot-device-data, meter_at: device, value: data.temp, time_at: ts}]
        meters:
          - {id: t1, tag: iot-device-01, point: t_inlet, unit: Cel}
          - {id: t2, tag: iot-device-02, point: t_inlet, unit: Cel}
          - {id: t3, tag: iot-device-03, point: t_inlet, unit: Cel}
          - {id: h1, tag: iot-device-01, point: rh_inlet, unit: "%", value: data.humidity}
          - {id: h2, tag: iot-device-02, point: rh_inlet, unit: "%", value: data.humidity}
          - {id: h3, tag: iot-device-03, point: rh_inlet, unit: "%", value: data.humidity}
    """)
# meter: messages, mean, least, largest; counted from the published payloads
KNOWN = {
    "t1": (6964, 19.3274411795418, 0.30000001192092896, 19.799999237060547),
    "t2": (6656, 24.88511127433762, 0.10000000149011612, 27.10000038146973),
    "t3": (11703, 21.883132530120484, 21.2, 22.5),
    "h1": (6964, 75.05702195887864, 24.20000076293945, None),
    "h2": (6656, 59.47019226820423, 8.0, None),
    "h3": (11703, 50.84637272494232, 47.9, None),
}
GAPS = {"t1": 29.320188999176025, "t2": 29.196233987808228, "t3": 7.375790357589722}  # s
JUMPS = {"t1": 24, "t2": 8, "t3": 0}  # of more than 5 K from one value to the next


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Columns]:
    path = tmp_path_factory.mktemp("lab") / "site.yaml"
    path.write_text(SITE)
    plan = load(path).plan()
    entries = open_entries(LOG, lambda _: None, LogCounts())
    batch = joined([entry for entry in entries if isinstance(entry, RawBatch)])
    return [meter for _, meter in plan.meters], Decoder(plan).decode(batch)


@pytest.mark.parametrize("name", KNOWN)
def test_each_device_has_its_own_readings(name: str, found: tuple[list[str], Columns]) -> None:
    meters, columns = found
    count, mean, least, largest = KNOWN[name]
    value = columns.value[columns.meter == meters.index(name)] * (100 if name[0] == "h" else 1)
    assert len(value) == count
    assert np.mean(value) == pytest.approx(mean, rel=1e-12)
    assert value.min() == pytest.approx(least, rel=1e-12)
    assert largest is None or value.max() == pytest.approx(largest, rel=1e-12)


def test_nothing_is_refused(found: tuple[list[str], Columns]) -> None:
    assert found[1].rejected == []


def test_stamps_are_the_devices_own(found: tuple[list[str], Columns]) -> None:
    time = found[1].time
    assert (time.min(), time.max()) == (1594598424502334000, 1594641599422928000)


@pytest.mark.parametrize("name", GAPS)
def test_gaps_and_jumps_are_those_of_the_payloads(
    name: str, found: tuple[list[str], Columns]
) -> None:
    meters, columns = found
    mine = columns.meter == meters.index(name)
    time, value = columns.time[mine], columns.value[mine]
    assert np.diff(time).max() / 1e9 == pytest.approx(GAPS[name], abs=1e-6)
    assert (np.abs(np.diff(value)) > 5).sum() == JUMPS[name]


def test_what_jumps_once_is_left_out_and_nothing_else(tmp_path: Path) -> None:
    """Every jump of more than 5 K is one of two, away and back; the rest of the day is smooth."""
    (tmp_path / "site.yaml").write_text(
        SITE.replace("unit: Cel", "unit: Cel, nominal: 10s, spike: 5")
    )
    config = load(tmp_path / "site.yaml")
    replay([LOG], config, Options(keep=tmp_path))
    store = Store(tmp_path / "ledger.db")
    told = {(one.meter, one.word): one.number for one in store.judgements.every()}
    store.close()
    assert told == {(name, "spike"): count // 2 for name, count in JUMPS.items() if count}
