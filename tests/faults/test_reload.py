"""SIGHUP on a real broker: the live session follows the configuration, or nothing changes."""

import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.plant import SITE, Message, Plant, Publisher, messages, tally
from tests.servers.forked import Command
from tests.servers.support import Mosquitto

BORDER = "2025-03-01T00:15:00Z"
BEFORE, AFTER = 160, 520  # messages: of event time 400 s and 1300 s


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    with Mosquitto(tmp_path / "broker") as broker, Plant(tmp_path, broker) as started:
        yield started


def reloaded(plant: Plant, daemon_pid: int, text: str, told: str) -> str:
    """What the daemon says to another configuration; it must say `told`."""
    plant.config.write_text(text)
    before = len(plant.log)
    os.kill(daemon_pid, signal.SIGHUP)
    deadline = time.monotonic() + 30
    while told not in plant.log[before:]:
        assert time.monotonic() < deadline, plant.log[before:]
        time.sleep(0.02)
    return plant.log[before:]


def publish(plant: Plant, sent: Sequence[Message]) -> None:
    Publisher(plant.broker.port, sent, per_second=2000).start().wait()


def stopped(plant: Plant, daemon: Command) -> None:
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(30) == 0, plant.log


def moved(text: str) -> str:
    """Other topics, a factor from a time on, a further meter from then on."""
    point = f"[{{value: none}}, {{from: {BORDER}, value: pdu_out}}]"
    further = f"- {{id: it_c, point: {point}, unit: kW, kind: mean_next, nominal: 10s, class: 1}}"
    factor = f"class: 0.5, multiplier: [{{value: 1}}, {{from: {BORDER}, value: 2}}]}}"
    return (
        text.replace("dc/{meter}/power", "hall/{meter}/power")
        .replace("class: 0.5}", factor, 1)
        .replace("      - id: chiller", f"      {further}\n      - id: chiller")
    )


def energies(exported: bytes, meter: str) -> dict[str, float]:
    rows = map(json.loads, exported.splitlines())
    return {
        row["start"]: row["value"]
        for row in rows
        if (row["period"], row["quantity"]) == ("cell", meter)
    }


def test_topics_meters_and_factors_change_on_the_live_session(plant: Plant) -> None:
    """A28: subscribed and unsubscribed without another connection or client id."""
    sent = messages(AFTER)
    daemon = plant.daemon()
    plant.wait_until_connected()
    publish(plant, sent[:BEFORE])
    told = reloaded(plant, daemon.pid, moved(SITE) + "\nmqtt: {keepalive: 30s}\n", "in effect now")
    for line in (
        "+ sites[plant].meters[it_c]",
        "- sites[plant].topics[dc/{meter}/power]",
        "+ sites[plant].topics[hall/{meter}/power]",
        "~ sites[plant].meters[it_a].multiplier: 1.0 -> ",
        "at the next start only:",
        '~ mqtt.keepalive: "1min" -> "30s"',
    ):
        assert line in told
    assert "[it_b]" not in told
    time.sleep(0.5)  # the broker takes the subscriptions
    publish(plant, sent[BEFORE:])  # to nobody
    there = [
        (topic.replace("dc/it_a", f"hall/{meter}").replace("dc/", "hall/"), payload)
        for topic, payload in sent[BEFORE:]
        for meter in (("it_a", "it_c") if "it_a" in topic else ("",))
    ]
    publish(plant, there)
    stopped(plant, daemon)
    assert plant.log.count("connected to") == 1
    plant.finish()
    assert tally(plant)["messages"] == BEFORE + len(there)
    exported = plant.exported()
    assert exported == plant.replayed(plant.data / "journal.db")
    a, b, c = (energies(exported, name) for name in ("it_a", "it_b", "it_c"))
    late = [start for start in a if start >= BORDER]
    assert len(late) >= 6
    assert min(c) > min(a)
    assert [c[start] * 2 for start in late] == pytest.approx([a[start] for start in late])
    assert len(b) == len(a)


def test_what_is_not_good_changes_nothing(plant: Plant) -> None:
    daemon = plant.daemon()
    plant.wait_until_connected()
    publish(plant, messages(BEFORE))
    refused = "reload: nothing was changed"
    assert "no YAML" in reloaded(plant, daemon.pid, SITE + "\n[", refused)
    assert "plant.yaml:2: sitess: unknown key" in reloaded(
        plant, daemon.pid, SITE.replace("sites:", "sitess:"), refused
    )
    past = SITE.replace("class: 0.5}", "class: 0.5, multiplier: 40}")
    told = reloaded(plant, daemon.pid, past, refused)
    assert "plant.meters[it_a].multiplier: earliest allowed from is 2025-03-01T00:0" in told
    assert "nothing has changed" in reloaded(plant, daemon.pid, SITE, "reload: nothing has")
    with closing(sqlite3.connect(plant.data / "journal.db")) as db:
        assert db.execute("SELECT count(*) FROM entry WHERE kind = 'config'").fetchone() == (1,)
    plant.config.write_text(SITE + "\nlog: {level: error}\n")
    assert b'"info" -> "error"' in plant.greendc("reload", "-c", str(plant.config))
    stopped(plant, daemon)
    assert "stopped:" not in plant.log  # which is said at the level info
    assert tally(plant)["messages"] == BEFORE
