"""A store that is away for the whole run, and a daemon that is killed while it catches up."""

import json
import math
import os
import re
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from greendc.core.facility import EVER
from greendc.ports import Asked, LedgerRow
from greendc.sinks.line_protocol import KPI, SHAPES, fields, point, tags
from greendc.store import PERIODS, StoredLedger
from tests.faults.plant import MIDNIGHT, SITE, Message, Plant, killed, messages, write_log
from tests.servers.forked import Command
from tests.servers.proxy import Proxy, Request
from tests.servers.stores import VictoriaMetrics
from tests.servers.support import HOST, PATIENCE, Mosquitto, free_port

COUNT = 1600  # messages, four every ten seconds
BATCH = 150
SINKS = """
sinks:
  - {{kind: jsonl, path: figures.jsonl}}
  - kind: influx
    name: history
    store: victoriametrics
    confirm_after: 1s
    url: "{url}"
    batch: {batch}
    timeout: {timeout}
"""
SECRET = "hush-hush-hush"  # noqa: S105 - none
LINES = 'sum(sum_over_time(greendc_energy_joules{quantity="e_it",res="cell"}[3h]))'


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as started:
        yield started


def plant_at(folder: Path, broker: Mosquitto, url: str, timeout: str = "10s") -> Plant:
    text = re.sub(r"\nsinks:.*\n", SINKS.format(url=url, batch=BATCH, timeout=timeout), SITE)
    return Plant(folder, broker, text)


def publish(port: int, sent: Sequence[Message]) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "publisher")
    client.max_inflight_messages_set(200)
    client.connect(HOST, port)
    client.loop_start()
    infos = [client.publish(topic, payload, qos=1) for topic, payload in sent]
    for info in infos:
        info.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


def until_written(plant: Plant, sink: str) -> None:
    """Until a sink's cursor is at the end of the ledger."""
    ledger = StoredLedger(plant.data / "ledger.db")
    deadline = time.monotonic() + 60
    while ledger.cursor(sink) < ledger.last():
        assert time.monotonic() < deadline, plant.log
        time.sleep(0.05)
    ledger.close()


def cursor(plant: Plant) -> int:
    """How far the store is, as the ledger knows."""
    ledger = StoredLedger(plant.data / "ledger.db")
    position = ledger.cursor("history")
    ledger.close()
    return position


def ended(process: Command, plant: Plant) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0, plant.log


def rows_of(plant: Plant) -> tuple[list[LedgerRow], list[LedgerRow]]:
    """Every revision in the ledger, and the newest ones."""
    ledger = StoredLedger(plant.data / "ledger.db")
    every = list(ledger.rows_after(0, 10**9))
    names = frozenset(row.figure.quantity for row in every)
    newest = [
        row
        for period in PERIODS
        for row in ledger.newest(Asked("plant", period, names, -EVER, EVER), ledger.last())
    ]
    ledger.close()
    return every, newest


def samples(rows: Sequence[LedgerRow]) -> dict[tuple[str, ...], float]:
    """What the store must show of rows, field by field."""
    return {
        (
            f"{SHAPES.get(row.figure.unit, KPI)[0]}_{field}",
            *_told(tags(row)),
            str(row.figure.start),
        ): v
        for row in rows
        for field, v in fields(row.figure).items()
    }


def _told(labels: dict[str, str]) -> list[str]:
    return [f"{key}={labels[key]}" for key in sorted(labels) if key != "__name__"]


def shown(store: VictoriaMetrics) -> dict[tuple[str, ...], float]:
    """What the store shows; nothing twice."""
    found = store.exported('{__name__=~"greendc_.*"}')
    out = {(m["__name__"], *_told(m), str(stamp)): value for m, stamp, value in found}
    assert len(out) == len(found)
    return out


def assert_shows_exactly(store: VictoriaMetrics, rows: Sequence[LedgerRow]) -> None:
    wanted = samples(rows)
    found = shown(store)
    assert found.keys() == wanted.keys()
    assert not {k: (found[k], v) for k, v in wanted.items() if not is_kept(found[k], v)}


def is_kept(found: float, wanted: float) -> bool:
    """Whether a number is what a store makes of another: VictoriaMetrics keeps about 12 digits."""
    return math.isclose(found, wanted, rel_tol=1e-11, abs_tol=1e-12)


def ids_sent(writes: Sequence[Sequence[str]], every: Sequence[LedgerRow]) -> list[int]:
    """Ledger ids of the points that were sent, in the order in which they came."""
    known = {point(row): row.id for row in every}
    return [known[line] for lines in writes for line in lines]


def late(minute: int, watts: int) -> Message:
    """A reading between those of `messages`, far behind them by its stamp."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(MIDNIGHT + 60 * minute + 25))
    return "dc/it_b/power", json.dumps({"w": watts, "t": stamp})


@pytest.mark.timeout(180)
def test_away_for_the_whole_run_killed_while_catching_up_then_revised(
    tmp_path: Path, broker: Mosquitto
) -> None:  # A23, A24, A21
    store, port = VictoriaMetrics(tmp_path / "store"), free_port()
    with plant_at(tmp_path, broker, f"http://{HOST}:{port}") as plant:
        every = _run_without_the_store(plant)
        with store, Proxy(store.url, port) as proxy:
            _catch_up(plant, proxy, every)
            assert_shows_exactly(store, rows_of(plant)[1])
            _revise(plant, proxy, store)
            assert_shows_exactly(store, rows_of(plant)[1])


def _run_without_the_store(plant: Plant) -> Sequence[LedgerRow]:
    """Figures, the other sink and the ends of the daemon are what they would be with it."""
    sent = messages(COUNT)
    daemon = plant.daemon()
    plant.wait_until_connected()
    publish(plant.broker.port, sent[: COUNT // 2])
    ended(daemon, plant)
    publish(plant.broker.port, sent[COUNT // 2 :])
    plant.finish()
    assert "sink history cannot write" in plant.log
    log = plant.folder / "sent.jsonl"
    write_log(log, sent)
    assert plant.exported() == plant.replayed(log, "-c", str(plant.config))
    every, _ = rows_of(plant)
    lines = (plant.data / "figures.jsonl").read_text().splitlines()
    assert sorted({json.loads(line)["id"] for line in lines}) == [row.id for row in every]
    assert len(every) > 6 * BATCH
    return every


def _catch_up(plant: Plant, proxy: Proxy, every: Sequence[LedgerRow]) -> None:
    """Killed after a write that the ledger has not heard of, and with a write on its way."""
    assert killed(plant.daemon(kill_at="after_sink_write:3"), PATIENCE), plant.log
    first, known = len(proxy.writes()), [cursor(plant)]
    process = plant.daemon()

    def kill(_request: Request) -> None:
        if len(proxy.writes()) == first + 3:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()

    proxy.before = kill
    assert killed(process, PATIENCE), plant.log
    second = len(proxy.writes())
    known.append(cursor(plant))
    proxy.before = lambda _request: None
    process = plant.daemon()
    until_written(plant, "history")
    ended(process, plant)

    writes = proxy.writes()
    parts = (writes[:first], writes[first:second], writes[second:])
    runs = [ids_sent(part, every) for part in parts]
    assert runs[2][-1] == every[-1].id
    # What the ledger had not heard of came again, and no more: twice, where it may not be the last.
    for run, position in zip(runs, (0, *known), strict=True):
        ways = list(_ways(run))
        assert [way[0] for way in ways] == [position + 1] * len(ways)
        assert len(ways) <= 2
    assert all(position < run[-1] for position, run in zip(known, runs, strict=False))


def _ways(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Ids as they follow each other."""
    borders = [n for n in range(1, len(ids)) if ids[n] != ids[n - 1] + 1]
    for lo, hi in pairwise([0, *borders, len(ids)]):
        yield ids[lo:hi]


def _revise(plant: Plant, proxy: Proxy, store: VictoriaMetrics) -> None:
    """A late reading: the months it touches are rewritten, whatever the moment of a crash."""
    at = MIDNIGHT + 7200
    before = store.query(LINES, at)
    daemon = plant.daemon(kill_at="after_store_delete")
    publish(plant.broker.port, [late(12, 400), *messages(COUNT + 80)[COUNT:]])
    assert killed(daemon, PATIENCE), plant.log
    # Deleted and not written yet; what a board has seen before may still come from the cache.
    gone = {"quantity=e_it", "res=cell", "period=2025-03"}
    assert not any(gone <= set(key) for key in shown(store))
    assert killed(plant.daemon(kill_at="before_cache_reset"), PATIENCE), plant.log
    already = len(proxy.requests)
    daemon = plant.daemon()
    until_written(plant, "history")
    ended(daemon, plant)
    paths = [request.path.partition("?")[0] for request in proxy.requests[already:]]
    job = paths[paths.index("/internal/force_flush") :]
    assert job[1] == "/api/v1/admin/tsdb/delete_series"
    assert "/api/v2/write" in job[2 : job.index("/internal/resetRollupResultCache")]
    after = store.query(LINES, at)
    _, newest = rows_of(plant)
    cells = [r.figure for r in newest if (r.figure.period, r.figure.quantity) == ("cell", "e_it")]
    assert any(figure.revision for figure in cells)
    assert after == pytest.approx(math.fsum(f.value or 0.0 for f in cells), rel=1e-11)
    assert before is not None
    assert after != before


def test_a_store_that_never_answers_does_not_hold_up_the_end_nor_tells_its_token(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:  # A24
    monkeypatch.setenv("GREENDC_SINK_HISTORY_TOKEN", SECRET)
    with socket.create_server((HOST, 0)) as silent:
        url = f"http://{HOST}:{silent.getsockname()[1]}"
        with plant_at(tmp_path, broker, url, timeout="1h") as plant:
            daemon = plant.daemon()
            plant.wait_until_connected()
            publish(broker.port, messages(240))
            silent.settimeout(PATIENCE)
            asking, _ = silent.accept()
            assert SECRET.encode() in asking.recv(2**16)
            ended(daemon, plant)
            asking.close()
            ledger = StoredLedger(plant.data / "ledger.db")
            assert ledger.last() > 0
            assert ledger.cursor("history") == 0
            assert ledger.cursor("jsonl") == ledger.last()
            ledger.close()
            kept = [path for path in plant.data.rglob("*") if path.is_file()]
            assert {"journal.db", "ledger.db"} <= {path.name for path in kept}
            for path in (*kept, plant.folder / "daemon.log"):
                assert SECRET.encode() not in path.read_bytes(), path
