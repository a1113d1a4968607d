"""A gap that is filled when its day becomes final: by the daemon, through a stop in between."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.core.facility import HOUR
from tests.faults.plant import Message, Plant, write_log
from tests.faults.test_live import publish
from tests.servers.forked import ran
from tests.servers.support import PATIENCE, Mosquitto

BEGIN = parse_rfc3339("2025-03-09T23:00:00Z")  # a Monday in Berlin
GAP = range(7 * 24 + 9, 7 * 24 + 12)  # of the pump, on the eighth day
STOP = 8 * 24 + 3  # when the daemon is stopped: the day has ended, and is not final
HOURS = 9 * 24
FIRST = rfc3339(BEGIN + GAP[0] * HOUR)
SITE = """
sites:
  - id: hall
    zone: Europe/Berlin
    rated_it_w: 20e3
    cell: 1h
    lateness: 20min
    horizon: 8h
    e_dc: bottom_up
    topics: [{topic: "dc/{meter}/power", codec: json, value: w, time_at: t, time: payload}]
    meters:
      - {id: pdu, point: pdu_out, unit: kW, kind: mean_next, nominal: 1h, silent_after: 90min, class: 1}
      - id: pump
        point: cool_pump
        unit: kW
        kind: mean_next
        nominal: 1h
        silent_after: 90min
        class: 1
        fill: profile
        fill_uncertainty: 10
sinks: [{kind: jsonl, path: figures.jsonl}]
http: {enabled: false}
"""  # noqa: E501 - a line for a meter


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Plant]:
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker, SITE) as started:
        yield started


def load(hour: int) -> float:
    """IT [kW]: on the eighth day half as much again."""
    return 15.0 if hour // 24 == 7 else 10.0


def pump(hour: int) -> float:
    """What the pump takes [kW]: 3, 1, 2, 5, 4, 7, 6 on seven days, of which 4 is the median."""
    return float([3, 1, 2, 5, 4, 7, 6, 6, 6][hour // 24])


def messages() -> list[Message]:
    out = []
    for hour in range(HOURS):
        stamp = rfc3339(BEGIN + hour * HOUR)
        power = {"pdu": load(hour), "pump": pump(hour)}
        if hour in GAP:
            del power["pump"]
        for name, value in power.items():
            out.append((f"dc/{name}/power", json.dumps({"t": stamp, "w": value})))
    return out


def of_gap(plant: Plant) -> dict[str, Any]:
    """What the ledger says of the pump in the first hour of the gap."""
    done = ran(("export", "-c", str(plant.config), "--period", "hour"), plant.environment)
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    (found,) = [r for r in rows if (r["quantity"], r["start"]) == ("pump", FIRST)] or [{}]
    return found


def stopped_between(plant: Plant) -> None:
    """The daemon, stopped when the day is over and not final, and another one for the rest."""
    sent = messages()
    early = [m for m in sent if parse_rfc3339(json.loads(m[1])["t"]) < BEGIN + STOP * HOUR]
    daemon = plant.daemon()
    plant.wait_until_connected()
    publish(plant.broker.port, early)
    deadline = time.monotonic() + PATIENCE
    while not of_gap(plant):
        assert time.monotonic() < deadline, plant.log
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(30) == 0, plant.log
    before = of_gap(plant)
    assert (before["value"], before["coverage"]) == (None, 0.0)
    publish(plant.broker.port, sent[len(early) :])
    plant.finish()


@pytest.mark.timeout(180)
def test_a_gap_is_filled_once_its_day_is_final_and_says_from_what(hall: Plant) -> None:
    plant = hall
    stopped_between(plant)
    after = of_gap(plant)
    assert (after["value"], after["reason"]) == (6.0, "filled")
    which = ("-c", str(plant.config), "--quantity", "pump", "--period", "hour")
    told = plant.greendc("revisions", *which).decode()
    assert "pump: the day has become final, and what it lacks is filled in" in told
    assert f"hall pump hour {FIRST}  unknown (coverage) -> 6 (filled) kWh, revision 1" in told
    assert told.endswith("figures revised: 3\n")
    one = ("-c", str(plant.config), "pump", "--period", "hour", "--at", FIRST)
    assert ": 2025-03-10, 2025-03-11, " in plant.greendc("explain", *one).decode()

    log = plant.folder / "log.jsonl"
    write_log(log, messages())
    exported = plant.exported()
    assert exported == plant.replayed(log, "-c", str(plant.config))
    assert exported == plant.replayed(plant.data / "journal.db")
