"""The cases that are about the running daemon: what happens to it, its broker and its stores.

Each play leaves the ledger that `replay` makes of the case's log, or raises `NotTheSameError`.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from greendc import app
from greendc.calendars import parse_rfc3339
from greendc.config import load
from greendc.daemon.worker import Worker
from greendc.exports import Request, export_journal
from greendc.journal import Journal, Redelivery
from greendc.outcomes import REDELIVERED
from greendc.pipeline import Pipeline
from greendc.ports import RETAIN
from greendc.queries import Ledger
from greendc.recompute.preparing import Preparation
from greendc.replay import Options, replay
from greendc.sources.mqtt import MqttSource
from greendc.sources.recording import LogCounts, open_entries
from greendc.sources.settings import MqttSettings
from greendc.store import Store
from greendc.web.gaps import gaps
from tests.cases import plays_of_clocks, plays_of_stores
from tests.cases.case import Case
from tests.cases.clock import Clock
from tests.cases.seen import board_at
from tests.cases.stage import Stage, same
from tests.faults.plant import tallied
from tests.servers.support import Mosquitto
from tests.sources.wire import Proxy, Publisher

RING = 256 * 1024  # bytes
MOST_TOPICS = 10_000
CLOSED = 14  # figures before the last reading: six cells and an hour of two meters
HALF_A_MINUTE = 30.0
LOST_MS = [parse_rfc3339(f"2025-03-01T{at}:00Z") // 10**6 for at in ("01:20", "01:40")]
FACTOR_FROM = parse_rfc3339("2025-03-01T01:00:00Z")
Play = Callable[[Stage], None]


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
    same(max(_longest_wait(), HALF_A_MINUTE), HALF_A_MINUTE, "seconds until it is connected again")
    stage.more = "mqtt: {keepalive: 1s}"
    stage.use("site.yaml")
    before, after = stage.messages("before.jsonl"), stage.messages("after.jsonl")
    clock = Clock(stage.arrivals("before.jsonl")[-1])
    proxy = Proxy(stage.broker.port)
    with clock.shown():
        daemon = stage.start(port=proxy.port)
    with proxy:
        stage.connected(1)
        stage.publish(before[:16])
        _frozen(stage)
        stage.publish(before[16:])
        stage.until(lambda: stage.journalled() == len(before), "not journalled")
        _swallowed(stage, proxy)
        clock.set(stage.arrivals("after.jsonl")[-1])
        proxy.swallowing = False
        stage.connected(3)
        stage.publish(after)
        stage.end(daemon)
    with clock.shown():
        stage.finish()
    stage.assert_ledger()
    _gap_on_the_map(stage)


def _longest_wait() -> float:
    """From the last sign of the broker, or its return, until it is connected to again [s]."""
    usual = MqttSettings()
    noticed = 2 * usual.ping_interval + usual.retry_first + usual.connect_timeout
    return max(noticed, usual.retry_limit + usual.connect_timeout)


def _frozen(stage: Stage) -> None:
    """The broker stands still until that is noticed, and goes on."""
    stage.broker.freeze()
    stage.until(lambda: "no sign of the broker" in stage.log, "frozen unnoticed")
    stage.broker.thaw()
    stage.connected(2)


def _swallowed(stage: Stage, proxy: Proxy) -> None:
    """The network is away while messages come, and the broker dies with them and its sessions."""
    proxy.swallowing = True
    stage.publish(stage.messages("lost.jsonl"))
    stage.until(lambda: stage.log.count("no sign of the broker") > 1, "unnoticed")
    stage.broker.kill()
    stage.broker.store.unlink(missing_ok=True)
    stage.broker.start()


def _gap_on_the_map(stage: Stage) -> None:
    """The event of the lost session, from before the silence of the power to after it."""
    logs = [stage.case.folder / name for name in stage.case.runs[""].logs]
    with Ledger(stage.data / "ledger.db") as ledger:
        told = gaps(ledger, board_at(logs, load(stage.config)), "hall", "6h", 0)
    (silence,) = told["silences"]
    lost = [one for one in told["events"] if one["kind"] == "session_lost"]
    same([one["times"] for one in lost], [1], "events")
    same(silence["names"], ["rack"], "silent")
    same([silence[key] for key in ("from_ms", "to_ms")], LOST_MS, "silence")
    around = lost[0]["from_ms"] <= LOST_MS[0] < LOST_MS[1] <= lost[0]["to_ms"]
    same((around, lost[0]), (True, lost[0]), "time of the lost session")


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
    same(tallied(stage.data).get("rejected:unbound", 0), 0, "messages of the old topic that came")


def retained(stage: Stage) -> None:
    """The broker has kept a message for whoever subscribes."""
    messages = [message for message in stage.messages() if message[0] == "dc/rack"]
    with Publisher(stage.broker.port) as publisher:
        publisher.send(messages[:1], retain=True)
        daemon = stage.start()
        stage.until(lambda: stage.journalled() == 1, "nothing retained")
        publisher.send(messages[1:])
    stage.end(daemon)
    stage.finish()
    flags = [flag & RETAIN for batch in stage.batches() for flag in batch.flags]
    same(flags, [RETAIN, 0, 0, 0, 0], "retained")
    stage.assert_ledger()


def payloads_that_are_none(stage: Stage) -> None:
    """All are acknowledged; what the daemon has kept of them gives more by a corrected site."""
    daemon = stage.start()
    stage.publish(stage.messages("log.jsonl.gz"))
    stage.end(daemon)
    stage.finish()
    stage.assert_ledger()
    found = tallied(stage.data)
    counts = stage.case.runs[""].counts
    same(
        {name: found.get(name, 0) for name in (*counts, REDELIVERED)},
        {**counts, REDELIVERED: 0},
        "counts",
    )
    recorded, again = stage.folder / "recorded.jsonl", stage.folder / "again"
    export_journal(load(stage.config), Request(out=recorded))
    replay([recorded], load(stage.case.folder / "fixed.yaml"), Options(keep=again))
    stage.assert_ledger(again, "fixed.csv")


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


PLAYS: dict[str, Play] = {
    "A21-a-day-late": plays_of_stores.a_day_late,
    "A22-float-on-the-wire": plays_of_stores.float_on_the_wire,
    "A23-store-away": plays_of_stores.store_away,
    "A24-store-hangs": plays_of_stores.store_hangs,
    "A25-exit-after-the-last-message": exit_after_the_last_message,
    "A26-message-between-drain-and-disconnect": message_between_drain_and_disconnect,
    "A27-broker-frozen-and-forgetful": broker_frozen_and_forgetful,
    "A19-retained-message": retained,
    "A28-topics-change": topics_change,
    "A34-factor-corrected-while-running": corrected_while_running,
    "A29-payloads-that-are-none": payloads_that_are_none,
    "A33-flood-of-topics": flood_of_topics,
    "A37-ten-thousand-times-faster": plays_of_clocks.month_replayed,
    "A38-host-set-back": plays_of_clocks.host_set_back,
}


def play(case: Case, folder: Path, broker: Mosquitto) -> None:
    """Play a case, and leave no daemon behind."""
    stage = Stage(case, folder, broker)
    try:
        PLAYS[case.name](stage)
    finally:
        stage.close()
