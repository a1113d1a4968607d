"""A store that stands still, as a virtual machine that is moved, while greendc is started anew.

What the run before sent and gave up waiting for is in the store's buffers. Going on, it works that
off in any order with what the next run sends, which has seen nothing fail.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from greendc.store import StoredLedger
from tests.contract.targets import Influx1Target, newest
from tests.faults.plant import SITE, Plant, messages
from tests.faults.test_stores import ended, late, publish
from tests.servers.support import Mosquitto

SENT, MORE, LAST = 400, 600, 640  # messages: of event time 1000, 1500 and 1600 s
LATE = [late(minute, 900 + minute) for minute in range(15, 21)]  # cells that the store was sent
PATIENCE = 60.0  # s until what does not happen counts as failed
ESTABLISHED, LEFT = "01", "08"  # what a connection is, as the kernel writes it


def until(true: Callable[[], bool], plant: Plant) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, plant.log
        time.sleep(0.02)


def waiting(port: int, state: str) -> int:
    """Connections to a port of which nobody has read what has come."""
    found = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, its, queues, *_ = line.split()
        here, unread = int(local.partition(":")[2], 16), int(queues.partition(":")[2], 16)
        found += (here, its) == (port, state) and unread > 0
    return found


def places(plant: Plant) -> tuple[int, int]:
    """How far the store is, and the ledger."""
    ledger = StoredLedger(plant.data / "ledger.db")
    found = ledger.cursor("history"), ledger.last()
    ledger.close()
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Influx1Target]:
    with Influx1Target(tmp_path / "store") as started:
        yield started


@pytest.fixture
def plant(tmp_path: Path, store: Influx1Target) -> Iterator[Plant]:
    sink = {
        **store.config.model_dump(mode="json", exclude_unset=True),
        "name": "history",
        "timeout": "1s",
        "confirm_after": "1s",
    }
    sinks = f"sinks: [{orjson.dumps(sink).decode()}]"
    text = SITE.replace("sinks: [{kind: jsonl, path: figures.jsonl}]", sinks)
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(tmp_path / "broker"))
        yield stack.enter_context(Plant(tmp_path, broker, text))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_revised_stands_there_in_the_end(
    how: signal.Signals, plant: Plant, store: Influx1Target
) -> None:
    def written() -> bool:
        cursor, last = places(plant)
        return cursor == last > 0

    def grown(known: int) -> bool:
        return places(plant)[1] > known

    sent, daemon = messages(LAST), plant.daemon()
    plant.wait_until_connected()
    publish(plant.broker.port, sent[:SENT])
    until(written, plant)

    store.signal(signal.SIGSTOP)
    publish(plant.broker.port, sent[SENT:MORE])
    until(lambda: plant.log.count("cannot write") > 1, plant)
    known = places(plant)[1]
    publish(plant.broker.port, [*LATE, *sent[MORE:]])
    until(lambda: grown(known), plant)
    daemon.send_signal(how)
    daemon.wait(PATIENCE)
    assert waiting(store.port, LEFT) > 1

    daemon = plant.daemon()
    until(lambda: waiting(store.port, ESTABLISHED) > 0, plant)
    store.signal(signal.SIGCONT)
    until(written, plant)
    assert store.read("plant") == newest(plant.data / "ledger.db", "plant")
    ended(daemon, plant)
