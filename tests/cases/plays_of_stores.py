"""The cases that are about what stores are told: when they are away, hang, or had other figures."""

import json
import random
import signal
import socket
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from greendc import app
from greendc.calendars import parse_rfc3339
from greendc.config import load
from greendc.core.units import J_PER_KWH
from greendc.daemon.worker import Worker
from greendc.files import JOURNAL, LEDGER
from greendc.journal import Journal, Redelivery
from greendc.pipeline import Pipeline
from greendc.ports import RawBatch
from greendc.sinks.line_protocol import point
from greendc.store import Store, StoredLedger
from tests.cases.seen import printed
from tests.cases.stage import Stage, same
from tests.contract.targets import Found, Influx1Target, InfluxTarget, Key, newest
from tests.servers.proxy import Proxy, Request
from tests.servers.support import HOST, free_port

PADDING = 12_000  # bytes of a message that cannot be packed
JOURNAL_LIMIT = 450_000  # bytes: an hour of such messages, and less than two
CLOSED = 15  # figures before the last reading: seven and six cells, and an hour of two meters
OF_SQLITE = ("", "-wal", "-shm")
MOST_WAYS = 2  # what a start finds to send it sends twice
DAY = Key("rack", "day", parse_rfc3339("2025-03-01T00:00:00Z"))
DAY_LATE = 30  # messages before those that are a day late


def float_on_the_wire(stage: Stage) -> None:
    store = Influx1Target(stage.folder / "influx")
    _told(stage, store)
    with store:
        stage.publish_to_new_session()
        stage.finish()
        same(store.read("hall"), _newest(stage), "store")


def a_day_late(stage: Stage) -> None:
    """Two real stores have the figures of before, then those that are corrected."""
    stores = (Influx1Target(stage.folder / "influx"), InfluxTarget(stage.folder / "victoria"))
    _told(stage, *stores)
    messages, told = stage.messages(), stage.case.runs[""].told[0]

    def shown(last: str, kwh: float) -> None:
        """The day's energy, once the last hour that the messages close is there too."""
        hour = Key("rack", "hour", parse_rfc3339(last))
        stage.until(lambda: hour in _newest(stage), "no such hour")
        same(_newest(stage)[DAY], kwh * J_PER_KWH, "day")
        stage.until(lambda: _are_written(stage, "influx1", "influx"), "not written")
        for store in stores:
            same(store.read("hall"), _newest(stage), "store")

    with stores[0], stores[1]:
        daemon = stage.start()
        stage.publish(messages[:DAY_LATE])
        shown("2025-03-02T05:00:00Z", 22)
        stage.publish(messages[DAY_LATE:])
        shown("2025-03-02T07:00:00Z", 24)
        stage.end(daemon)
        stage.finish()
        stage.assert_ledger()
        for store in stores:
            same(store.read("hall"), _newest(stage), "store")
    lines = printed(told.command, told.lines, stage.config, stage.data)
    same(lines, told.lines, "what is published of the revision")


def store_away(stage: Stage) -> None:
    _bounded(stage)
    store, messages = Influx1Target(stage.folder / "influx"), stage.messages()
    port, written = free_port(), stage.folder / "written"
    written.touch()
    _told(stage, store, url=f"http://{HOST}:{port}")
    for part in (messages[:40], messages[40:]):
        daemon = stage.start()
        stage.publish(part)
        stage.until(lambda: "sink influx1 cannot write" in stage.log, "nothing to write")
        stage.end(daemon, signal.SIGKILL)
    kept = {path.name for path in stage.data.iterdir() if path.suffix.startswith(".db")}
    same(kept, {f"{name}{more}" for name in (JOURNAL, LEDGER) for more in OF_SQLITE}, "kept")
    with store:
        daemon = stage.start()
        stage.beside(_written_down, store.url, port, written)
        stage.until(lambda: _are_written(stage, "influx1"), "not written")
        stage.end(daemon)
        stage.finish()
        stage.assert_ledger()
        same(store.read("hall"), _newest(stage), "store")
    _once_and_in_order(stage, written)


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


# -- what is kept meanwhile -----------------------------------------------------------------------


def _bounded(stage: Stage) -> None:
    """With a store that has had nothing the journal keeps to its limit, and no figure is lost."""
    folder, noise = stage.folder / "bounded", random.Random(23)
    folder.mkdir()
    journal = Journal(folder / JOURNAL, limit_bytes=JOURNAL_LIMIT)
    store = Store(folder / LEDGER)
    largest = 0
    try:
        worker = Worker(journal, Pipeline(load(stage.config), store), Redelivery(1000))
        for (topic, payload), arrival in zip(stage.messages(), stage.arrivals(), strict=True):
            padded = {**json.loads(payload), "pad": noise.randbytes(PADDING).hex()}
            body = json.dumps(padded).encode()
            worker.take([RawBatch([arrival], [topic], [body], [0], [0])])
            worker.commit()
            largest = max(largest, journal.size_bytes)
        same((largest <= JOURNAL_LIMIT, journal.first > 1), (True, True), f"{largest} bytes")
    finally:
        journal.close()
        store.close()
    ledger = StoredLedger(folder / LEDGER)
    ids = [row.id for row in ledger.rows_after(0, 10**6)]
    ledger.close()
    same(ids, list(range(1, CLOSED + 1)), "figures for the store")


# -- what comes there -----------------------------------------------------------------------------


def _written_down(target: str, port: int, written: Path) -> None:
    """Stand before a store, and write down each request to write as a line."""
    with Proxy(target, port) as proxy, written.open("a", buffering=1) as file:

        def before(request: Request) -> None:
            if "/write" in request.path:
                file.write(json.dumps(request.body.splitlines()) + "\n")

        proxy.before = before
        signal.pause()


def _once_and_in_order(stage: Stage, written: Path) -> None:
    """Each figure comes in the order of the ledger, and again only with all that came behind it."""
    with stage.ledger() as ledger:
        numbers = {point(row): row.id for row in ledger.rows_after(0, 10**6)}
        last = ledger.last()
    writes = map(json.loads, written.read_text(encoding="utf-8").splitlines())
    ids = [numbers[line] for lines in writes for line in lines]
    same(ids[-1:], [last], "all of them")
    again = [place for place, (one, other) in enumerate(pairwise(ids), 1) if other <= one]
    ways = [ids[lo:hi] for lo, hi in pairwise([0, *again, len(ids)])]
    same(ways, [list(range(1, way[-1] + 1)) for way in ways], "order")
    same(max(len(ways), MOST_WAYS), MOST_WAYS, "how often")


# -- stores ---------------------------------------------------------------------------------------


def _told(stage: Stage, *stores: Influx1Target | InfluxTarget, url: str | None = None) -> None:
    """Have the daemon write to stores, or to what stands before them."""
    sinks: list[dict[str, Any]] = [
        {**store.config.model_dump(mode="json", exclude_unset=True), "confirm_after": "1s"}
        for store in stores
    ]
    if url is not None:
        sinks = [{**sink, "url": url} for sink in sinks]
    stage.more = f"sinks: {json.dumps(sinks)}"
    stage.use("site.yaml")


def _newest(stage: Stage) -> Found:
    """The newest figures of the ledger."""
    return newest(stage.data / LEDGER, "hall")


def _are_written(stage: Stage, *sinks: str) -> bool:
    with stage.ledger() as ledger:
        return all(ledger.cursor(sink) == ledger.last() > 0 for sink in sinks)
