"""`greendc simulate`: logs that are the same again, site files, truth, and MQTT."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from greendc.cli import GOOD, USAGE, main
from greendc.config import load
from greendc.core.facility import HOUR, SECOND
from greendc.ports import RawBatch
from greendc.simulate import ready
from greendc.simulate.publishing import batches, publish
from greendc.simulate.scenario import Scenario
from greendc.simulate.traffic import Traffic
from greendc.sources.recording import read_log
from greendc.sources.settings import MqttSettings
from tests.servers.support import HOST, Mosquitto
from tests.simulate.kit import BEGIN, fault, scenario

PATIENCE = 20.0


def as_file(found: Scenario, folder: Path) -> str:
    path = folder / "scenario.yaml"
    path.write_bytes(orjson.dumps(found.model_dump(mode="json", by_alias=True, exclude_unset=True)))
    return str(path)


def simulated(folder: Path, *arguments: str, out: str = "log.jsonl") -> bytes:
    log = folder / out
    assert main(["simulate", *arguments, "-o", str(log)]) == GOOD
    return log.read_bytes()


def rows(path: Path) -> list[tuple[int, str, bytes, int]]:
    return [
        row
        for batch in read_log(path)
        if isinstance(batch, RawBatch)
        for row in zip(batch.arrivals, batch.topics, batch.payloads, batch.flags, strict=True)
    ]


def test_the_same_again_and_another_by_its_seed(tmp_path: Path) -> None:
    short = ("edge-room", "--span", "6h", "--step", "5min")
    first = simulated(tmp_path, *short)
    assert first == simulated(tmp_path, *short)
    assert first != simulated(tmp_path, *short, "--seed", "99")


@pytest.mark.parametrize("out", ["log.jsonl.gz", "log.jsonl.zst"])
def test_compressed_logs_hold_the_same(tmp_path: Path, out: str) -> None:
    name = as_file(scenario(faults=[fault("text", "*.it_in", 10, 20)]), tmp_path)
    plain, packed = simulated(tmp_path, name), simulated(tmp_path, name, out=out)
    assert len(packed) < len(plain) / 5
    assert rows(tmp_path / out) == rows(tmp_path / "log.jsonl")


def test_a_later_begin_sends_the_same_powers(tmp_path: Path) -> None:
    name = as_file(scenario(), tmp_path)
    simulated(tmp_path, name)
    whole = rows(tmp_path / "log.jsonl")
    simulated(tmp_path, name, "--from", "2025-06-03T02:00:00Z", "--span", "1h")
    begin = BEGIN + 2 * HOUR
    rack = [row for row in rows(tmp_path / "log.jsonl") if "rack-01" in row[1] and row[0] > begin]
    assert rack == [r for r in whole if "rack-01" in r[1] and begin < r[0] <= begin + HOUR]


def test_site_file_and_truth_go_with_the_log(tmp_path: Path) -> None:
    faults = [fault("silence", "*.it_in", 30, 60), fault("ups_bypass", "ups-a", 90, 100)]
    name = as_file(scenario(faults=faults), tmp_path)
    site, truth = tmp_path / "site.yaml", tmp_path / "truth.json"
    simulated(tmp_path, name, "--site-file", str(site), "--truth", str(truth))
    assert [meter.id for meter in load(site).root.sites[0].meters]
    told = json.loads(truth.read_text())
    assert told["figures"]["pue_cat3"] > 1
    silence, bypass = told["faults"]
    assert silence["meters"] == ["room-rack-01-a.it_in", "room-rack-02-a.it_in"]
    assert (silence["figures"], silence["word"]) == ("missing", "silent")
    assert (bypass["of"], bypass["figures"]) == ("plant", "true")
    assert (tmp_path / "truth.cells.jsonl.gz").exists()


def test_a_truth_for_each_site_of_a_fleet(tmp_path: Path) -> None:
    simulated(
        tmp_path, "fleet", "--span", "6h", "--step", "15min", "--truth", str(tmp_path / "t.json")
    )
    told = [json.loads((tmp_path / f"t-{site}.json").read_text()) for site in ("city", "cold")]
    assert [one["site"] for one in told] == ["city", "cold"]
    assert {row[1].split("/")[1] for row in rows(tmp_path / "log.jsonl")} == {"city", "cold"}


@pytest.mark.parametrize("name", ready.NAMES)
def test_check_finds_every_site_file_good(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.yaml"
    assert main(["simulate", name, "--span", "1d", "--site-file", str(site)]) == GOOD
    assert main(["check", str(site)]) == GOOD
    shown = capsys.readouterr().out
    for figure in ("ipue", "ipue_cat1", "cue_location", "ppue_cooling"):
        assert f"    yes  {figure}\n" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no ready-made site"),
        (["nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["edge-room", "--from", "2025-01-01T00:30:00Z"], "begins and ends at a full hour"),
        (["edge-room", "--step", "7min"], "must divide an hour"),
        (["edge-room", "--step", "soon"], "must be a duration"),
        (["edge-room", "--seed", "-1"], "not a seed"),
        (["edge-room", "--span", "0d"], "must be a duration"),
        (["edge-room", "--span", "90min"], "begins and ends at a full hour"),
    ],
)
def test_what_cannot_be_simulated(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *arguments, "-o", str(tmp_path / "log.jsonl")]) == USAGE
    assert message in capsys.readouterr().err


# -- over MQTT --------------------------------------------------------------------------------


class Listener:
    """Takes down what a broker hands out."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "listener")
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.connect(HOST, port)
        self._client.loop_start()
        self._client.subscribe("dc/#", qos=1)
        assert self._ready.wait(PATIENCE)

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))

    def until(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while len(self.heard) < count:
            assert time.monotonic() < deadline, len(self.heard)
            time.sleep(0.01)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    found = Listener(mosquitto.port)
    yield found
    found.close()


def wanted(found: Scenario) -> list[tuple[str, bytes]]:
    return [
        pair
        for batch in batches(Traffic(found, found.start, found.end))
        for pair in zip(batch.topics, batch.payloads, strict=True)
    ]


def test_over_mqtt_comes_what_would_be_in_the_log(
    mosquitto: Mosquitto, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = scenario(faults=[fault("text", "*.it_in", 10, 20), fault("retained", "*.util", 1, 5)])
    monkeypatch.setenv("GREENDC_MQTT_PORT", str(mosquitto.port))
    assert main(["simulate", as_file(found, tmp_path), "--speed", "max"]) == GOOD
    expected = wanted(found)
    listener.until(len(expected))
    assert listener.heard == expected


def test_compressed_time_waits_as_the_arrivals_do(mosquitto: Mosquitto, listener: Listener) -> None:
    found = scenario(span="1h")
    traffic, waits = Traffic(found, found.start, found.end), list[float]()

    def sleep(wait: float) -> bool:
        waits.append(wait)
        return False

    count = publish(
        traffic,
        MqttSettings(HOST, mosquitto.port, client_id="meters"),
        speed=60.0,
        head=30 * 60 * SECOND,
        sleep=sleep,
    )
    listener.until(count)
    # of an hour at sixty times its pace, half is published at once
    assert max(waits) == pytest.approx(30.0, abs=3.0)
    assert count == len(wanted(found))


def test_a_stop_ends_it(mosquitto: Mosquitto) -> None:
    found = scenario()
    broker = MqttSettings(HOST, mosquitto.port, client_id="meters")
    assert publish(Traffic(found, found.start, found.end), broker, None, 0, lambda _: True) == 0
