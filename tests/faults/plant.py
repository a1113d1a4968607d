"""A small site on a real broker: its configuration, its log, a paced publisher, the daemon."""

import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from greendc.daemon.control import ask
from greendc.daemon.requests import Status
from greendc.outcomes import of_messages
from tests.servers.forked import Command, ran
from tests.servers.support import HOST, Mosquitto

METERS = ("it_a", "it_b", "pump", "chiller")
MIDNIGHT = 1740787200  # 2025-03-01T00:00:00Z
IDLE = "1"  # seconds without a message after which all is there

SITE = """
sites:
  - id: plant
    zone: Europe/Berlin
    rated_it_w: 100e3
    cell: 60s
    lateness: 2min
    e_dc: bottom_up
    topics:
      - {topic: "dc/{meter}/power", codec: json, value: w, time_at: t, time: payload}
    meters:
      - {id: it_a, point: pdu_out, unit: kW, kind: mean_next, nominal: 10s, class: 0.5}
      - {id: it_b, point: pdu_out, unit: kW, kind: instant, nominal: 10s, class: 0.5}
      - {id: pump, point: cool_pump, unit: kW, kind: mean_prev, nominal: 10s, class: 1}
      - id: chiller
        point: cool_chiller
        quantity: energy
        unit: kWh
        kind: register
        nominal: 10s
        class: 1
        rating_w: 1e6
    emissions:
      location: {table: carbontracker, zone: DEU}
sinks: [{kind: jsonl, path: figures.jsonl}]
http: {enabled: false}
"""

Message = tuple[str, str]


def messages(count: int) -> list[Message]:
    """Topic and payload of messages: every meter each 10 s of event time, from midnight on."""
    out = []
    for number in range(count):
        step, place = divmod(number, len(METERS))
        moment = MIDNIGHT + 10 * step + place
        value = (
            40 + step * 0.25 if METERS[place] == "chiller" else 50 + 7 * ((step * (place + 3)) % 11)
        )
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
        out.append((f"dc/{METERS[place]}/power", json.dumps({"w": value, "t": stamp})))
    return out


def write_log(path: Path, sent: Sequence[Message]) -> None:
    """The messages as a recorded log."""
    with path.open("w") as file:
        for topic, payload in sent:
            line = {"tst": json.loads(payload)["t"], "topic": topic, "payload": payload, "qos": 1}
            file.write(json.dumps(line) + "\n")


@dataclass
class Publisher:
    """Publishes at QoS 1 at a steady pace on a thread of its own; outlasts broker restarts."""

    port: int
    sent: Sequence[Message]
    per_second: float
    acknowledged: int = 0
    enough: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def start(self) -> "Publisher":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self) -> None:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, "publisher", clean_session=False)
        client.reconnect_delay_set(0.2, 0.2)  # type: ignore[arg-type]
        done: set[int] = set()
        client.on_publish = lambda _c, _d, mid, *_: done.add(mid)
        client.connect(HOST, self.port)
        client.loop_start()
        began = time.monotonic()
        for number, (topic, payload) in enumerate(self.sent):
            time.sleep(max(0.0, began + number / self.per_second - time.monotonic()))
            if self.enough.is_set():
                break
            mid = client.publish(topic, payload, qos=1).mid  # queued where the broker is away
            while mid not in done:
                time.sleep(0.0005)
            done.discard(mid)
            self.acknowledged += 1
        client.disconnect()
        client.loop_stop()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, seconds: float = 120.0) -> None:
        self._thread.join(seconds)
        assert self.acknowledged == len(self.sent)

    def stop(self) -> Sequence[Message]:
        """Publish no more; returns what has been published."""
        self.enough.set()
        self._thread.join(30.0)
        assert not self._thread.is_alive()
        return self.sent[: self.acknowledged]


@dataclass
class Plant:
    """The daemon's folder, configuration and broker."""

    folder: Path
    broker: Mosquitto
    text: str = SITE

    def __post_init__(self) -> None:
        self._daemons: list[Command] = []
        self.config = self.folder / "plant.yaml"
        self.config.write_text(self.text)
        self.data = self.folder / "data"

    @property
    def environment(self) -> dict[str, str]:
        ports = {"GREENDC_MQTT_PORT": str(self.broker.port)}
        if "http:" not in self.text:
            ports["GREENDC_HTTP_PORT"] = "0"  # any that is free
        return {**os.environ, **ports, "GREENDC_DATA": str(self.data)}

    def daemon(self, *options: str, kill_at: str = "", port: int | None = None) -> Command:
        """Start `greendc run`, to be killed at a point, or on another port than the broker's."""
        environment = {**self.environment, **({"GREENDC_KILL_AT": kill_at} if kill_at else {})}
        if port is not None:
            environment["GREENDC_MQTT_PORT"] = str(port)
        arguments, log = ["run", "-c", str(self.config), *options], self.folder / "daemon.log"
        self._daemons.append(Command(arguments, environment, Path(os.devnull), log))
        return self._daemons[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no daemon behind, whatever has failed."""
        for process in self._daemons:
            process.kill()
            process.wait()

    def greendc(self, *arguments: str) -> bytes:
        """Output of another command; it must succeed."""
        done = ran(arguments, self.environment)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def wait_until_connected(self, times: int = 1) -> None:
        """Until the daemon has said so often that it is connected, and is subscribed."""
        deadline = time.monotonic() + 30
        while self.log.count("connected to") < times or not subscribed(self.data):
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def finish(self) -> None:
        """Run until the broker has nothing more, and end the input."""
        assert self.daemon("--until-idle", IDLE).wait(90) == 0, self.log

    def exported(self) -> bytes:
        """The ledger, with the journal out of the way."""
        aside = self.folder / "journal.aside"
        journal = self.data / "journal.db"
        journal.rename(aside)
        try:
            return self.greendc("export", "-c", str(self.config))
        finally:
            aside.rename(journal)

    def replayed(self, log: Path, *options: str) -> bytes:
        """What `replay --out` gives of a log."""
        out = self.folder / "replayed.jsonl"
        self.greendc("replay", str(log), *options, "--out", str(out), "--quiet")
        return out.read_bytes()

    @property
    def log(self) -> str:
        """What the daemon has said."""
        path = self.folder / "daemon.log"
        return path.read_text() if path.exists() else ""


def subscribed(data: Path) -> bool:
    """Whether a daemon of this folder says that it is connected: once it is subscribed."""
    return ", connected\n" in (ask(data, Status()) or "")


def killed(process: Command, seconds: float) -> bool:
    """Whether the process dies of SIGKILL within so long."""
    try:
        return process.wait(seconds) == -signal.SIGKILL
    except subprocess.TimeoutExpired:
        return False


def tally(plant: Plant) -> dict[str, int]:
    """Counts by outcome, of the daemon and all sites together."""
    return tallied(plant.data)


def tallied(data: Path) -> dict[str, int]:
    """The same of a data folder."""
    found = []
    for name, table in (("ledger", "tally"), ("journal", "intake")):
        db = sqlite3.connect(data / f"{name}.db")
        sql = f"SELECT outcome, sum(number) FROM {table} GROUP BY outcome"  # noqa: S608
        found.append(dict(db.execute(sql).fetchall()))
        db.close()
    return of_messages(*found)
