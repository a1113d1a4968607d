"""Real servers, real signals, in an order drawn by lot: the ledger is the one without faults."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from greendc.journal import read_journal
from greendc.ports import RawBatch
from greendc.store import StoredLedger
from tests.contract.targets import Found, Influx1Target, InfluxTarget, newest
from tests.faults.plant import SITE, Plant, Publisher, messages, write_log
from tests.faults.test_loss import audited, summed
from tests.servers.forked import Command
from tests.servers.support import Mosquitto
from tests.sources.wire import Proxy
from tests.sources.wire import Publisher as Knocking

Store = Influx1Target | InfluxTarget
PATIENCE = 60.0  # s until what does not happen counts as failed
RATE = 150.0  # messages a second
BETWEEN = (10, 60)  # messages from one deed to the next


class Scene:
    """A daemon behind a proxy, a broker and a store, and a publisher that outlasts them."""

    def __init__(self, plant: Plant, store: Store, proxy: Proxy) -> None:
        self.plant, self.broker, self.store, self.proxy = plant, plant.broker, store, proxy
        self.repeats = 0  # messages that the publisher may have published twice
        self._start()
        self.until(self._hears, "not subscribed")
        self.publisher = Publisher(self.broker.port, messages(20_000), RATE).start()

    def _start(self) -> None:
        self.daemon: Command

        def start() -> None:
            self.daemon = self.plant.daemon(port=self.proxy.port)

        self._again("connected to", start)

    def _hears(self) -> bool:
        with Knocking(self.broker.port) as knocking:
            knocking.send([("dc/nobody/power", b"1")])
        return summed(audited(self.plant), "unbound") > 0

    def until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait until something has happened."""
        deadline = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < deadline, f"{what}\n{self.plant.log}"
            time.sleep(0.02)

    def flows(self, count: int) -> None:
        """Wait until so many further messages are published."""
        wanted = self.publisher.acknowledged + count
        self.until(lambda: self.publisher.acknowledged >= wanted, "nothing is published")

    def _again(self, said: str, deed: Callable[[], None]) -> None:
        """Do something after which the daemon says this once more."""
        before = self.plant.log.count(said)
        deed()
        self.until(lambda: self.plant.log.count(said) > before, f"not said: {said}")

    # -- deeds -------------------------------------------------------------------------------------

    def daemon_killed(self) -> None:
        self.daemon.kill()
        self.daemon.wait()
        self.flows(10)
        self._start()

    def daemon_terminated(self) -> None:
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(PATIENCE) == 0, self.plant.log
        self.flows(10)
        self._start()

    def broker_restarted(self) -> None:
        self.repeats += 1
        self._again("connected to", self.broker.restart)

    def broker_frozen(self) -> None:
        self.repeats += 1
        self._again("no sign of the broker", self.broker.freeze)
        self._again("connected to", self.broker.thaw)

    def cut_while_the_broker_is_frozen(self) -> None:
        self.broker.freeze()
        self.proxy.cut()
        self._again("connected to", self.broker.thaw)

    def killed_while_the_broker_is_frozen(self) -> None:
        self.broker.freeze()
        self.daemon.kill()
        self.daemon.wait()
        self.broker.thaw()
        self._start()

    def connection_cut(self) -> None:
        self._again("connected to", self.proxy.cut)

    def store_stopped(self) -> None:
        self.store.stop()
        self.flows(30)
        self.store.start()

    def store_frozen(self) -> None:
        self.store.signal(signal.SIGSTOP)
        self.flows(30)
        self.store.signal(signal.SIGCONT)

    def store_killed(self) -> None:
        # VictoriaMetrics 1.79 has answered for what it writes to its disk seconds later
        durable = isinstance(self.store, Influx1Target)
        self.store.signal(signal.SIGKILL if durable else signal.SIGTERM)
        self.flows(30)
        self.store.stop()
        self.store.start()

    # -- the end -----------------------------------------------------------------------------------

    def end(self) -> Sequence[tuple[str, str]]:
        """All is taken in and written; what has been published."""
        sent = self.publisher.stop()
        self.until(lambda: len(journalled(self.plant)) >= len(sent), "not journalled")
        self.daemon.send_signal(signal.SIGTERM)
        assert self.daemon.wait(PATIENCE) == 0, self.plant.log
        self.plant.finish()
        if not self._written():
            self._start()
            self.until(self._written, "sinks lag")
            self.daemon.send_signal(signal.SIGTERM)
            assert self.daemon.wait(PATIENCE) == 0, self.plant.log
        return sent

    def _written(self) -> bool:
        ledger = StoredLedger(self.plant.data / "ledger.db")
        try:
            return all(ledger.cursor(sink) == ledger.last() for sink in ("jsonl", "history"))
        finally:
            ledger.close()


DEEDS = (
    Scene.daemon_killed,
    Scene.daemon_terminated,
    Scene.broker_restarted,
    Scene.broker_frozen,
    Scene.cut_while_the_broker_is_frozen,
    Scene.killed_while_the_broker_is_frozen,
    Scene.connection_cut,
    Scene.store_stopped,
    Scene.store_frozen,
    Scene.store_killed,
)


LOT = random.Random(6).sample(2 * DEEDS, 2 * len(DEEDS))


def journalled(plant: Plant) -> list[str]:
    """Payloads in the journal."""
    entries = read_journal(plant.data / "journal.db")
    return [p.decode() for _, e in entries if isinstance(e, RawBatch) for p in e.payloads]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def staged(folder: Path, store: Store, stack: ExitStack) -> Scene:
    broker = stack.enter_context(Mosquitto(folder / "broker"))
    store.start()
    stack.callback(store.stop)
    sink = {
        **store.config.model_dump(mode="json", exclude_unset=True),
        "name": "history",
        "timeout": "1s",
        "confirm_after": "1s",
    }
    sinks = orjson.dumps([{"kind": "jsonl", "path": "figures.jsonl"}, sink]).decode()
    text = SITE.replace("sinks: [{kind: jsonl, path: figures.jsonl}]", f"sinks: {sinks}")
    plant = stack.enter_context(Plant(folder, broker, f"{text}mqtt: {{keepalive: 2s}}\n"))
    return Scene(plant, store, stack.enter_context(Proxy(broker.port)))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("part", "kind"), [(0, Influx1Target), (1, InfluxTarget), (2, Influx1Target)]
)
def test_any_schedule_gives_the_ledger_of_no_faults(
    part: int, kind: Callable[[Path], Store], tmp_path: Path, stack: ExitStack
) -> None:
    scene = staged(tmp_path, kind(tmp_path / "store"), stack)
    chance = random.Random(part)
    for deed in LOT[part::3]:
        scene.flows(chance.randint(*BETWEEN))
        deed(scene)
    sent, plant = scene.end(), scene.plant

    write_log(tmp_path / "sent.jsonl", sent)
    exported = plant.exported()
    assert exported == plant.replayed(tmp_path / "sent.jsonl", "-c", str(plant.config))
    assert exported == plant.replayed(plant.data / "journal.db")

    found = audited(plant, "jsonl", "history")
    assert found.lost == (0, 0)
    twice = Counter(journalled(plant)) - Counter(payload for _, payload in sent)
    assert twice.total() <= scene.repeats  # published again by who had no answer from the broker
    assert set(journalled(plant)) == {payload for _, payload in sent}

    same(scene.store.read("plant"), newest(plant.data / "ledger.db", "plant"))
    lines = (plant.data / "figures.jsonl").read_bytes().splitlines()
    ledger = StoredLedger(plant.data / "ledger.db")
    assert {orjson.loads(line)["id"] for line in lines} == set(range(1, ledger.last() + 1))
    ledger.close()


def same(found: Found, wanted: Found) -> None:
    """As a store holds numbers: VictoriaMetrics keeps about 12 digits."""
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == (None if value is None else pytest.approx(value, rel=1e-11)), key
