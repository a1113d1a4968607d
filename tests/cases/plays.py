"""The cases that are about the running daemon: what happens to it, its broker and its stores.

Each play leaves the ledger that `replay` makes of the case's log, or raises `NotTheSameError`.
"""

import json
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from greendc import app
from greendc.calendars import parse_rfc3339
from greendc.config import load
from greendc.daemon.worker import Worker
from greendc.journal import Journal, Redelivery, read_journal
from greendc.pipeline import Pipeline
from greendc.ports import RawBatch
from greendc.queries import Ledger
from greendc.recompute.preparing import Preparation
from greendc.sources.mqtt import MqttSource
from greendc.sources.recording import LogCounts, open_entries
from greendc.store import Store
from tests.cases.case import Case
from tests.cases.stage import Stage, same
from tests.contract.targets import Influx1Target, newest
from tests.servers.support import HOST, Mosquitto, free_port

RING = 256 * 1024  # bytes
MOST_TOPICS = 10_000
CLOSED = 14  # figures before the last reading: six cells and an hour of two meters
FACTOR_FROM = parse_rfc3339("2025-03-01T01:00:00Z")
Play = Callable[[Stage], None]


def float_on_the_wire(stage: Stage) -> None:
    with _influx(stage) as store:
        stage.publish_to_new_session()
        stage.finish()
        same(store.read("hall"), newest(stage.data / "ledger.db", "hall"), "store")


def store_away(stage: Stage) -> None:
    store, messages = _influx(stage), stage.messages()
    for part in (messages[:40], messages[40:]):
        daemon = stage.start()
        stage.publish(part)
        stage.until(lambda: "sink influx1 cannot write" in stage.log, "nothing to write")
        stage.end(daemon, signal.SIGKILL)
    daemon = stage.start()
    with store:
        stage.until(lambda: _is_written(stage), "not written")
        stage.end(daemon)
        stage.finish()
        stage.assert_ledger()
        same(store.read("hall"), newest(stage.data / "ledger.db", "hall"), "store")


def store_hangs(stage: Stage) -> None:
    stage.publish_to_new_session()
    with socket.create_server((HOST, 0)) as silent:
        urls = [f"http://{HOST}:{port}" for port in (silent.getsockname()[1], free_port())]
        sinks = [
            {"kind": "influx1", "name": f"store{n}", "url": url, "timeout": "1h"}
            for n, url in enumerate(urls)
        ]
        stage.more = f"sinks: {json.dumps([*sinks, {'kind': 'jsonl', 'path': 'figures.jsonl'}])}"
        stage.use("site.yaml")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(app, "FINISH_WITHIN", 1.0)
            daemon = stage.start(until_idle=0.5)
        same(stage.ended(daemon), 0, "exit code")
    stage.assert_ledger()
    lines = (stage.data / "figures.jsonl").read_text().splitlines()
    with stage.ledger() as ledger:
        written = [json.loads(line)["id"] for line in lines]
        same(written, list(range(1, ledger.last() + 1)), "the other sink")


def exit_after_the_last_message(stage: Stage) -> None:
    daemon = stage.start()
    stage.publish(stage.messages())
    stage.end(daemon)
    stage.finish()
    stage.assert_ledger()


def message_between_drain_and_disconnect(stage: Stage) -> None:
    messages = stage.messages()
    drained, published = stage.folder / "drained", stage.folder / "published"
    disconnect = MqttSource.stop

    def later(source: MqttSource) -> None:
        drained.touch()
        while not published.exists():
            time.sleep(0.01)
        disconnect(source)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MqttSource, "stop", later)
        daemon = stage.start()
    stage.publish(messages[:16])
    os.kill(daemon.pid or 0, signal.SIGTERM)
    stage.until(drained.exists, "not drained")
    stage.publish(messages[16:])
    published.touch()
    stage.gone(daemon)
    stage.finish()
    stage.assert_ledger()


def broker_frozen_and_forgetful(stage: Stage) -> None:
    stage.more = "mqtt: {keepalive: 1s}"
    stage.use("site.yaml")
    messages, broker = stage.messages(), stage.broker
    daemon = stage.start()
    stage.publish(messages[:16])
    broker.freeze()
    stage.until(lambda: "no sign of the broker" in stage.log, "frozen unnoticed")
    broker.thaw()
    stage.connected(2)
    stage.publish(messages[16:32])
    stage.until(lambda: _journalled(stage) == 32, "not journalled")
    broker.kill()
    broker.store.unlink(missing_ok=True)
    broker.start()
    stage.connected(3)
    stage.publish(messages[32:])
    stage.end(daemon)
    stage.finish()
    stage.assert_ledger()
    with Ledger(stage.data / "ledger.db") as ledger:
        told = [(kind, data["from"] < data["to"]) for _, kind, data in ledger.events()]
    same(told, [("session_lost", True)], "events")


def topics_change(stage: Stage) -> None:
    messages = stage.messages()
    stage.use("before.yaml")
    daemon = stage.start()
    stage.publish(messages[:24])
    stage.reload(daemon, "site.yaml")
    stage.publish(messages[24:])
    stage.reload(daemon, "after.yaml")
    stage.publish([(topic, payload.replace(b"6", b"60")) for topic, payload in messages[:24]])
    stage.end(daemon)
    same(stage.log.count("connected to"), 1, "connections")
    stage.finish()
    stage.assert_ledger()


def corrected_while_running(stage: Stage) -> None:
    stage.use("before.yaml")
    daemon = stage.start()
    stage.publish(stage.messages())
    stage.until(lambda: _closed(stage) == CLOSED, "not closed")
    stage.use("site.yaml")
    with ExitStack() as stack:
        prepared = Preparation(load(stage.config), stage.data, stack)
        listed = [(one.after.quantity, one.after.start) for one in prepared.differences()]
        app.recompute(load(stage.config), prepared)
    stage.end(daemon)
    stage.finish()
    stage.assert_ledger()
    with Ledger(stage.data / "ledger.db") as ledger:
        revised = [(row.figure, before) for row, before in ledger.changes()]
    told = [(figure.quantity, figure.start, figure.revision) for figure, _ in revised]
    same(told, [(name, start, 1) for name, start in listed], "revisions")
    same({name for name, _, _ in told}, {"rack"}, "revised")
    same({before.start >= FACTOR_FROM for _, before in revised}, {True}, "since the date")


def _closed(stage: Stage) -> int:
    with stage.ledger() as ledger:
        return ledger.last()


def flood_of_topics(stage: Stage) -> None:
    """Through the daemon's worker; the broker is left out, since it only makes it slower."""
    stage.data.mkdir()
    journal = Journal(stage.data / "journal.db", ring_limit=RING)
    store = Store(stage.data / "ledger.db")
    try:
        pipeline = Pipeline(load(stage.config), store)
        worker = Worker(journal, pipeline, Redelivery(1000))
        for entry in open_entries(stage.case.folder / "log.jsonl.gz", lambda _: None, LogCounts()):
            worker.take([entry])
        worker.commit()
        remembered = len(pipeline.decoder._bindings._unbound)
        same(max(remembered, MOST_TOPICS), MOST_TOPICS, "unknown topics in memory")
        same(max(journal.ring_bytes, RING), RING, "bytes of the ring")
    finally:
        journal.close()
        store.close()
    with Ledger(stage.data / "ledger.db") as ledger:
        told = [(kind, data) for _, kind, data in ledger.events()]
    same([(kind, data["topics"]) for kind, data in told], [("topics_capped", MOST_TOPICS)], "told")
    ((_, flood),) = told
    more = [flood["messages"] > MOST_TOPICS, flood["from"] < flood["to"]]
    same(more, [True, True], "what is told")
    stage.finish()
    stage.assert_ledger()


def host_set_back(stage: Stage) -> None:
    """The daemon's clock shows what the log says of each arrival, and goes on from there."""
    text = (stage.case.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    arrivals, messages = [parse_rfc3339(json.loads(line)["tst"]) for line in text], stage.messages()
    ahead = multiprocessing.Value("q", arrivals[0] - time.monotonic_ns())
    begun = 0

    def clock() -> int:
        return int(ahead.value) + time.monotonic_ns()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", clock)
        patch.setitem(MqttSource.__init__.__kwdefaults__ or {}, "clock", clock)
        daemon = stage.start()
    for arrival, group in groupby(range(len(messages)), key=arrivals.__getitem__):
        ahead.value = arrival - time.monotonic_ns()
        rows = list(group)
        stage.publish([messages[row] for row in rows])
        begun += len(rows)
        stage.until(lambda: _journalled(stage) == begun, "not journalled")  # noqa: B023
    stage.end(daemon)
    stage.finish()
    stage.assert_ledger()
    with Ledger(stage.data / "ledger.db") as ledger:
        told = [kind for _, kind, _ in ledger.events()]
    same(told[:1], ["clock_set_back"], "events")


PLAYS: dict[str, Play] = {
    "A22-float-on-the-wire": float_on_the_wire,
    "A23-store-away": store_away,
    "A24-store-hangs": store_hangs,
    "A25-exit-after-the-last-message": exit_after_the_last_message,
    "A26-message-between-drain-and-disconnect": message_between_drain_and_disconnect,
    "A27-broker-frozen-and-forgetful": broker_frozen_and_forgetful,
    "A28-topics-change": topics_change,
    "A34-factor-corrected-while-running": corrected_while_running,
    "A33-flood-of-topics": flood_of_topics,
    "A38-host-set-back": host_set_back,
}


def play(case: Case, folder: Path, broker: Mosquitto) -> None:
    """Play a case, and leave no daemon behind."""
    stage = Stage(case, folder, broker)
    try:
        PLAYS[case.name](stage)
    finally:
        stage.close()


# -- stores ---------------------------------------------------------------------------------------


def _influx(stage: Stage) -> Influx1Target:
    """A real InfluxDB, not started yet, and the daemon told of it."""
    store = Influx1Target(stage.folder / "influx")
    sink: dict[str, Any] = store.config.model_dump(mode="json", exclude_unset=True)
    stage.more = f"sinks: {json.dumps([{**sink, 'confirm_after': '1s'}])}"
    stage.use("site.yaml")
    return store


def _is_written(stage: Stage) -> bool:
    with stage.ledger() as ledger:
        return ledger.cursor("influx1") == ledger.last() > 0


def _journalled(stage: Stage) -> int:
    entries = read_journal(stage.data / "journal.db")
    return sum(len(entry) for _, entry in entries if isinstance(entry, RawBatch))
