"""One real chain: meters, broker, daemon, Prometheus, Alertmanager, and who is notified."""

import json
import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from tests.dashboards.panels import Json, queries
from tests.faults.plant import Plant
from tests.servers.monitoring import (
    ALERTS,
    Alertmanager,
    Prometheus,
    Webhook,
    eventually,
    hastened,
)
from tests.servers.support import HOST, PROJECT, Mosquitto, free_port, program

HOUR = 3600
SITE = """
http: {{port: {port}}}
sites:
  - id: plant
    zone: UTC
    rated_it_w: 100e3
    cell: 60s
    lateness: 1min
    topics:
      - {{topic: "dc/{{meter}}/power", value: w, time_at: t, time: payload}}
    meters:
      - {{id: util, point: util, unit: kW, kind: mean_next, nominal: 60s, silent_after: 7d}}
      - {{id: it, point: pdu_out, unit: kW, kind: mean_next, nominal: 60s, silent_after: 7d}}
    targets:
      pue: {{1h: 1.4}}
      coverage: {{}}
sinks: [{{kind: jsonl, path: figures.jsonl}}]
"""


class Sender:
    """Publishes readings at QoS 1."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "sender")
        self._client.max_inflight_messages_set(500)
        self._client.connect(HOST, port)
        self._client.loop_start()

    def send(self, minutes: Iterable[int], pue: float) -> None:
        """Both meters at the minutes given [s since 1970], at this PUE."""
        sent = []
        for moment in minutes:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
            for meter, watts in (("util", 50 * pue), ("it", 50.0)):
                payload = json.dumps({"w": watts, "t": stamp})
                sent.append(self._client.publish(f"dc/{meter}/power", payload, qos=1))
        for info in sent:
            info.wait_for_publish(30)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[tuple[Plant, int]]:
    port = free_port()
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Plant(tmp_path, broker, SITE.format(port=port)) as started,
    ):
        yield started, port


def told(webhook: Webhook, status: str) -> list[Json]:
    """Notifications about PUE."""
    return [
        n
        for n in webhook.received
        if n["status"] == status and n["commonLabels"]["alertname"] == "GreendcPueHigh"
    ]


def test_a_high_pue_is_told_once_and_its_end_is(plant: tuple[Plant, int], tmp_path: Path) -> None:
    """Also where Prometheus is restarted meanwhile."""
    site, port = plant
    site.daemon()
    site.wait_until_connected()
    sender = Sender(site.broker.port)
    now = int(time.time()) // 60 * 60
    begin, turn = now - 8 * HOUR, now - 4 * HOUR
    with (
        Webhook() as webhook,
        Alertmanager(tmp_path / "alertmanager", webhook.port) as alertmanager,
        Prometheus(
            tmp_path / "prometheus", f"{HOST}:{port}", f"{HOST}:{alertmanager.port}"
        ) as prometheus,
    ):
        sender.send(range(begin, turn, 60), 1.6)
        eventually(lambda: told(webhook, "firing"))
        for query in queries("plant"):  # what no panel shows where nothing is wrong
            if query.panel in {"Alerts", "Lag"}:
                assert prometheus.asked(query.text)
        with prometheus.stopped():
            time.sleep(1)
        sender.send(range(turn, now, 60), 1.2)
        eventually(lambda: told(webhook, "resolved"))
        assert prometheus.value('greendc_pue_ratio{window="1h"}') == pytest.approx(1.2)
        time.sleep(3)  # three evaluations and as many rounds of the notifier
    sender.close()
    (fired,), (over,) = told(webhook, "firing"), told(webhook, "resolved")
    assert fired["commonAnnotations"]["description"] == "Hourly PUE at plant is 1.6 (category 2)."
    assert fired["commonLabels"]["site"] == over["commonLabels"]["site"] == "plant"
    assert fired["commonAnnotations"]["runbook_url"] == "RUNBOOK.md#greendcpuehigh"
    others = {n["commonLabels"]["alertname"] for n in webhook.received} - {"GreendcPueHigh"}
    assert others <= {"GreendcDown"}  # for a second Prometheus may have nothing scraped yet


def test_only_durations_differ_from_what_is_shipped() -> None:
    for path in (*ALERTS.glob("*.yaml"), PROJECT / "config" / "prometheus" / "prometheus.yml"):
        pairs = zip(
            path.read_text().splitlines(), hastened(path.read_text()).splitlines(), strict=True
        )
        for shipped, here in pairs:
            if shipped != here:
                assert shipped.partition(":")[0] == here.partition(":")[0]
                assert here.endswith(": 1s")


@pytest.mark.parametrize(
    ("tool", "command", "path"),
    [
        ("promtool", ("check", "config"), "prometheus/prometheus.yml"),
        ("amtool", ("check-config",), "alertmanager/alertmanager.yml"),
    ],
)
def test_shipped_configurations_are_good(tool: str, command: tuple[str, ...], path: str) -> None:
    whole = [str(program(tool)), *command, str(PROJECT / "config" / path)]
    done = subprocess.run(whole, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


INHIBITED = {  # what is told, and what is not told beside it
    "GreendcBrokerLost": ("GreendcMeterSilent", "GreendcCoverageLow", "GreendcFiguresOld"),
    "GreendcFiguresOld": ("GreendcPueHigh", "GreendcPueHighTrailing"),
    "GreendcFacilityBelowIt": ("GreendcPueHigh",),
    "GreendcJournalFull": ("GreendcJournalFilling",),
}


def test_what_follows_from_another_alert_is_not_told(tmp_path: Path) -> None:
    alerts = [
        {"labels": {"alertname": name, "instance": f"of {cause}", "site": "dc"}}
        for cause, consequences in INHIBITED.items()
        for name in (cause, *consequences)
    ]
    alerts.append({"labels": {"alertname": "GreendcPueHigh", "instance": "another", "site": "dc"}})
    expected = {(name, f"of {name}") for name in INHIBITED} | {("GreendcPueHigh", "another")}
    with Webhook() as webhook, Alertmanager(tmp_path / "alertmanager", webhook.port) as manager:
        httpx.post(f"{manager.url}/api/v2/alerts", json=alerts).raise_for_status()
        eventually(lambda: len(webhook.received) >= len(expected))
        time.sleep(2)  # two more rounds of the notifier
    told_of = {(a["labels"]["alertname"], a["labels"]["instance"]) for a in all_alerts(webhook)}
    assert told_of == expected


def all_alerts(webhook: Webhook) -> Iterator[Json]:
    for notification in webhook.received:
        yield from notification["alerts"]


def test_inhibitions_are_those_shipped() -> None:
    shipped = yaml.safe_load((PROJECT / "config" / "alertmanager" / "alertmanager.yml").read_text())
    names = {name for names in INHIBITED.values() for name in names} | set(INHIBITED)
    matchers = json.dumps(shipped["inhibit_rules"])
    assert set(re.findall(r"Greendc\w+", matchers)) | {"GreendcPueHighTrailing"} == names
    rules = "".join(path.read_text() for path in ALERTS.glob("*.yaml"))
    assert all(f"alert: {name}\n" in rules for name in names)
