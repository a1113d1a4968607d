"""Raw traffic of a real Mosquitto as a recorded log, and what its replay gives."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from greendc import exports
from greendc.config import load
from tests.servers.support import HOST, Mosquitto
from tests.small import Json, Small, json_lines, messages, small_site

PATIENCE = 20.0


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Small:
    return small_site(tmp_path, capsys, minutes=30)


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mosquitto]:
    """A broker that tells of subscriptions in its log, configured for the commands."""
    with Mosquitto(tmp_path / "mosquitto", {"log_type": "all"}) as broker:
        monkeypatch.setenv("GREENDC_MQTT_PORT", str(broker.port))
        yield broker


def subscribed(broker: Mosquitto, times: int = 1) -> None:
    """Wait until the observer's subscription stands."""
    deadline = time.monotonic() + PATIENCE
    while broker.log.read_text().count("Sending SUBACK to greendc-record") < times:
        assert time.monotonic() < deadline, broker.log.read_text()
        time.sleep(0.02)


def publish(broker: Mosquitto, rows: list[Json]) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "publisher")
    client.connect(HOST, broker.port)
    client.loop_start()
    infos = [client.publish(row["topic"], row["payload"], qos=1) for row in rows]
    for info in infos:
        info.wait_for_publish(PATIENCE)
        assert info.is_published()
    client.disconnect()
    client.loop_stop()


@contextmanager
def recording(site: Small, out: Path) -> Iterator[threading.Event]:
    """A record in the making, until the event is set."""
    stop = threading.Event()
    counted: list[int] = []
    config = load(site.config)
    thread = threading.Thread(target=lambda: counted.append(exports.record(config, out, stop)))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert counted


def until_delivered(broker: Mosquitto, count: int) -> None:
    """Wait until the observer has acknowledged so many messages."""
    deadline = time.monotonic() + PATIENCE
    while broker.log.read_text().count("Received PUBACK from greendc-record") < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)  # from the acknowledgement into the record


def test_a_record_replays_to_the_figures_that_were_published(
    site: Small, broker: Mosquitto
) -> None:
    out = site.folder / "record.jsonl.gz"
    rows = list(messages(30))
    with recording(site, out):
        subscribed(broker)
        publish(broker, rows)
        publish(broker, [{"topic": "elsewhere/x", "payload": "1"}])
        until_delivered(broker, len(rows))
    published = json.loads(site.run("replay", site.log, "-c", site.config, "--json"))
    assert json.loads(site.run("replay", out, "-c", site.config, "--json")) == published


def test_a_lost_connection_is_an_event_of_the_record(site: Small, broker: Mosquitto) -> None:
    out = site.folder / "record.jsonl"
    with recording(site, out):
        subscribed(broker)
        publish(broker, list(messages(1)))
        until_delivered(broker, 6)
        broker.restart()
        subscribed(broker, 2)
        publish(broker, list(messages(2))[6:])
        until_delivered(broker, 12)
    rows = json_lines(out.read_text())
    lost = [row for row in rows if row.get("event") == "session_lost"]
    assert len(lost) == 1
    assert lost[0]["data"]["from"] < lost[0]["data"]["to"]
    assert [row["payload"] for row in rows if "topic" in row] == [
        row["payload"] for row in messages(2)
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_record_with_a_whole_file(
    site: Small, broker: Mosquitto, number: signal.Signals
) -> None:
    out = site.folder / "record.jsonl.zst"
    command = [
        sys.executable,
        "-m",
        "greendc.cli",
        "record",
        "-c",
        str(site.config),
        "-o",
        str(out),
    ]
    process = subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE)
    try:
        subscribed(broker)
        publish(broker, list(messages(1)))
        until_delivered(broker, 6)
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err.decode()
    assert "6 messages written to" in err.decode()
    assert json.loads(site.run("replay", out, "-c", site.config, "--json"))["readings"] == 6


def test_a_duration_ends_a_record_of_silence(site: Small, broker: Mosquitto) -> None:
    out = site.folder / "record.jsonl"
    code, _, err = site.tried("record", "-c", site.config, "-o", out, "--duration", "0.3")
    assert (code, out.read_bytes()) == (1, b"")
    assert "0 messages written" in err
    assert broker.pid


def test_a_record_that_cannot_be_written_is_refused(site: Small) -> None:
    out = site.folder / "no" / "record.jsonl"
    refused = site.refused("record", "-c", site.config, "-o", out, "--duration", "1")
    assert "cannot write this log" in refused
