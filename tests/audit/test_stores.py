"""An audit asks stores whether they hold what they have taken."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from greendc.app import audited
from greendc.config import Config, load
from greendc.core.facility import SECOND
from greendc.daemon.data import LEDGER
from greendc.sinks import Sinks, Surroundings
from greendc.store import StoredLedger
from tests.audit.kit import Life, failed
from tests.contract.targets import Influx1Target, InfluxTarget
from tests.faults.plant import MIDNIGHT, SITE, messages
from tests.servers.support import PATIENCE

SINKS = """
sinks:
  - {{kind: jsonl, path: figures.jsonl}}
  - kind: influx
    name: victoria
    url: "{victoria}"
    store: victoriametrics
    confirm_after: 1s
    periods: [hour, cell]
  - {{kind: influx1, name: influx, url: "{influx}", username: root, password_file: "{password}"}}
http: {{enabled: false}}
"""
NAMES = ("jsonl", "victoria", "influx")
Stores = tuple[InfluxTarget, Influx1Target]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    made = InfluxTarget(tmp_path / "victoria"), Influx1Target(tmp_path / "influx")
    try:
        for one in made:
            one.start()
        yield made
    finally:
        for one in made:
            one.stop()


def sent(life: Life) -> None:
    """Have all sinks write everything, and what is passed for good in the ledger."""
    path = life.config.data / LEDGER
    sinks = Sinks(life.config.sinks, Surroundings.of(life.config), lambda: StoredLedger(path))
    sinks.start()
    deadline = time.monotonic() + PATIENCE
    with closing(StoredLedger(path)) as ledger:
        assert ledger.last() > 0
        while any(ledger.cursor(name) < ledger.last() for name in NAMES):
            assert time.monotonic() < deadline
            for name, passed in sinks.passed():
                life.data.store.begin()
                life.data.store.move_cursor(name, passed.position, passed.counts)
                life.commit()
            time.sleep(0.05)
    sinks.stop()


@pytest.fixture
def filled(tmp_path: Path, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Config:
    victoria, influx = stores
    sinks = SINKS.format(
        victoria=victoria.url, influx=influx.url, password=influx.folder / "password"
    )
    path = tmp_path / "plant.yaml"
    path.write_text("data: data\n" + SITE.partition("\nsinks:")[0] + sinks)
    config = load(path)
    with Life(config, monkeypatch) as life:
        life.at = (MIDNIGHT + 86_400) * SECOND
        life.publish([(topic, payload.encode(), 1) for topic, payload in messages(1600)])
        life.receive()
        sent(life)
        assert list(failed(life.audit())) == []
    return config


def test_a_store_that_was_emptied_is_named(filled: Config, stores: Stores) -> None:
    for store, name in zip(stores, ("victoria", "influx"), strict=True):
        store.stop()
        assert list(failed(audited(filled))) == []  # away: that its lag tells
        for folder in ("data", "wal", "meta"):
            shutil.rmtree(store.folder / folder, ignore_errors=True)
        (store.folder / "made").unlink(missing_ok=True)
        store.start()
        (told,) = failed(audited(filled))
        assert told.startswith(f"sink {name}: ")
        assert "holds none of the newest figures that it took (" in told
        assert list(failed(audited(filled, whole=False))) == []  # which asks no store
        store.stop()
