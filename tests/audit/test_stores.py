"""An audit asks stores whether they hold what they have taken."""

import calendar
import json
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from greendc.app import audited
from greendc.config import Config, load
from greendc.core.facility import SECOND
from greendc.files import LEDGER
from greendc.sinks import Sinks, Surroundings
from greendc.sinks.line_protocol import MEASUREMENTS
from greendc.store import StoredLedger
from tests.audit.kit import Life, Message, failed
from tests.contract.targets import Influx1Target, InfluxTarget
from tests.faults.plant import MIDNIGHT, SITE, messages

SINKS = """
sinks:
  - {{kind: jsonl, path: figures.jsonl}}
  - kind: influx
    name: victoria
    url: "{victoria}"
    store: victoriametrics
    periods: [hour, cell]
  - kind: influx1
    name: influx
    url: "{influx}"
    username: root
    password_file: "{password}"
    {more}
http: {{enabled: false}}
"""
NAMES = ("jsonl", "victoria", "influx")
PATIENCE = 60.0
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
    minutes = count(step=60.0)  # no doubt is waited for: each look at the clock is one later
    around = Surroundings.of(life.config)
    sinks = Sinks(life.config.sinks, around, lambda: StoredLedger(path), lambda: next(minutes))
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


def configured(folder: Path, stores: Stores, site: str, more: str = "") -> Config:
    victoria, influx = stores
    sinks = SINKS.format(
        victoria=victoria.url, influx=influx.url, password=influx.folder / "password", more=more
    )
    path = folder / "plant.yaml"
    path.write_text("data: data\n" + site.partition("\nsinks:")[0] + sinks)
    return load(path)


@pytest.fixture
def filled(tmp_path: Path, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Config:
    config = configured(tmp_path, stores, SITE)
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


# -- holes in the middle --------------------------------------------------------------------------

HOURLY = SITE.replace("nominal: 10s", "nominal: 1h").replace("cell: 60s", "cell: 1h")
DAYS = 7


def hourly(hours: range) -> list[Message]:
    """Messages of all meters, each hour of some."""
    out = []
    for topic, payload in messages(4 * hours.stop)[4 * hours.start :]:
        found = json.loads(payload)
        seconds = calendar.timegm(time.strptime(found["t"], "%Y-%m-%dT%H:%M:%SZ"))
        moment = MIDNIGHT + (seconds - MIDNIGHT) // 10 * 3600
        found["t"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
        out.append((topic, json.dumps(found).encode(), 1))
    return out


@pytest.fixture
def week(
    tmp_path: Path, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Config, Life]]:
    """Stores that hold a week, of which a late message has revised an hour."""
    with closing(stores[1].client()) as client:
        client.create_retention_policy("long", "INF", "1")
    config = configured(tmp_path, stores, HOURLY, "retention_policy: long")
    every = hourly(range(24 * DAYS))
    late, last = every.pop(4 * 30), hourly(range(24 * DAYS, 24 * DAYS + 2))
    with Life(config, monkeypatch) as life:
        life.at = (MIDNIGHT + (DAYS + 1) * 86_400) * SECOND
        life.publish(every)
        life.receive()
        sent(life)
        life.publish([late, *last])
        life.receive()
        gone(stores[0], "it_a")  # as in the middle of its being written anew
        assert list(failed(life.audit())) == []
        sent(life)
        assert list(failed(life.audit())) == []
        yield config, life


def gone(victoria: InfluxTarget, name: str) -> None:
    """All hours of a meter."""
    victoria.get("/internal/force_flush")  # what cannot be found is not deleted
    selector = f'{{quantity="{name}",res="hour"}}'
    victoria.get("/api/v1/admin/tsdb/delete_series", **{"match[]": selector})


def deleted(influx: Influx1Target, where: str) -> None:
    with closing(influx.client()) as client:
        for name in MEASUREMENTS:
            client.query(f'DELETE FROM "{name}" WHERE {where}', method="POST")  # noqa: S608


def between(first: int, last: int) -> str:
    lo, hi = ((MIDNIGHT + day * 86_400) * SECOND for day in (first, last))
    return f"time >= {lo} AND time < {hi}"


def test_a_hole_in_the_middle_of_a_store_is_named(
    week: tuple[Config, Life], stores: Stores
) -> None:
    config, (victoria, influx) = week[0], stores
    deleted(influx, between(-800, 2))  # as what it keeps for so long only
    assert list(failed(audited(config))) == []
    deleted(influx, between(4, 5))
    (told,) = failed(audited(config))
    assert told.startswith("sink influx: ")
    assert "figures that it took, most of 2025-03-05 (plant " in told
    assert list(failed(audited(config, whole=False))) == []  # which asks no store
    gone(victoria, "pump")
    told, _ = failed(audited(config))
    assert told.startswith("sink victoria: ")
    assert f"its store lacks {24 * DAYS - 1} figures that it took, most of 2025-03-01 " in told
