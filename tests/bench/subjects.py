"""Who is measured: greendc and two exporters that put MQTT messages on a page for Prometheus."""

import compileall
import http.client
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from greendc import __version__
from greendc.journal import read_journal
from greendc.ports import RawBatch
from tests.bench.load import Load
from tests.bench.processes import cpu_of, until
from tests.servers.support import HOST, PROGRAMS, PROJECT

START_WITHIN = 60.0  # s
STOP_WITHIN = 6.0
VENV = PROJECT / ".servers" / "mqtt-exporter" / "bin"


@dataclass(frozen=True)
class Setting:
    """Where a subject is to run."""

    folder: Path
    load: Load
    broker: int
    qos: int  # of the subscription, for those that can choose
    http: int


@dataclass(frozen=True)
class Subject:
    """A program: how it is started, and where its page tells values and counts of messages.

    `values` finds a meter's number and value, `counts` numbers whose sum is the messages taken in.
    """

    name: str
    qos: frozenset[int]  # levels at which it can subscribe
    prepare: Callable[[Setting], list[str]]
    environment: Callable[[Setting], dict[str, str]]
    values: re.Pattern[bytes]
    counts: re.Pattern[bytes]
    ready: str  # a path that answers 200 when it has begun

    def running(self, setting: Setting) -> "Running":
        """The program in that setting; to be used in a `with` statement."""
        return Running(self, setting)


@dataclass
class Running:
    """A started subject; `start` is what it took until it was ready: time and CPU time [s]."""

    subject: Subject
    setting: Setting
    start: tuple[float, float] = 0.0, 0.0
    _process: "subprocess.Popen[bytes] | None" = field(default=None)

    def __enter__(self) -> Self:
        self._start()
        return self

    def restart(self) -> None:
        """End it as its service would, and start it on what it has kept."""
        self.__exit__()
        self._start()

    def _start(self) -> None:
        command = self.subject.prepare(self.setting)
        environment = {**os.environ, **self.subject.environment(self.setting)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=self.setting.folder, stdout=log, stderr=log
            )
        what = f"{self.subject.name} is ready (see its log: {self.log})"
        self.start = until(self._ready, START_WITHIN, what), cpu_of(self.pid)

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_WITHIN)
            self._process.kill()  # mqtt-exporter does not always end when asked to
            self._process.wait()

    @property
    def log(self) -> Path:
        """What it says."""
        return self.setting.folder / "subject.log"

    def said(self) -> str:
        """The end of that."""
        return self.log.read_text(errors="replace")[-2000:]

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.subject.name} ended:\n{self.said()}")
        with suppress(OSError):
            return self._get(self.subject.ready)[0] == http.client.OK
        return False

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(HOST, self.setting.http, timeout=30)
        try:
            connection.request("GET", path, headers={"accept": "text/plain"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def scrape(self) -> bytes:
        """Its page for Prometheus, as text."""
        status, body = self._get("/metrics")
        assert status == http.client.OK, body
        return body

    def values(self, page: bytes) -> Mapping[int, float]:
        """The value that a page tells of each meter."""
        return {int(meter): float(value) for meter, value in self.subject.values.findall(page)}

    def taken(self, page: bytes) -> int:
        """How many messages it has taken in."""
        return round(sum(float(number) for number in self.subject.counts.findall(page)))


# -- greendc -----------------------------------------------------------------------------------


def _greendc(setting: Setting) -> list[str]:
    compileall.compile_dir(str(PROJECT / "greendc"), quiet=1)  # as an installation does
    config = setting.folder / "site.yaml"
    config.write_text(setting.load.site())
    return [str(Path(sys.executable).with_name("greendc")), "run", "-c", str(config)]


def _greendc_environment(setting: Setting) -> dict[str, str]:
    return {
        "GREENDC_MQTT_PORT": str(setting.broker),
        "GREENDC_HTTP_PORT": str(setting.http),
        "GREENDC_DATA": str(setting.folder / "data"),
        "PYTHONPATH": str(PROJECT),
    }


GREENDC = Subject(
    name="greendc",
    qos=frozenset({0, 1}),
    prepare=_greendc,
    environment=_greendc_environment,
    values=re.compile(rb'^greendc_power_watts\{.*?meter="m(\d+)".*?\} (\S+)$', re.MULTILINE),
    counts=re.compile(rb'^greendc_readings_total\{.*?outcome="accepted".*?\} (\S+)$', re.MULTILINE),
    ready="/readyz",
)


def journalled(folder: Path) -> int:
    """How many messages the journal of a greendc that has ended holds."""
    entries = (entry for _, entry in read_journal(folder / "data" / "journal.db"))
    return sum(len(entry) for entry in entries if isinstance(entry, RawBatch))


# -- prometheus-mqtt-exporter: Go, from Debian; elsewhere called mqtt2prometheus -----------------

GO_CONFIG = """
mqtt:
  server: tcp://{host}:{broker}
  topic_path: campus/+/power
  device_id_regex: "campus/(?P<deviceid>.*)/power"
  qos: {qos}
cache: {{timeout: 24h}}
metrics:
  - {{prom_name: power_watts, mqtt_name: w, help: Power., type: gauge}}
"""


def _go(setting: Setting) -> list[str]:
    config = setting.folder / "exporter.yaml"
    text = GO_CONFIG.format(host=HOST, broker=setting.broker, qos=setting.qos)
    config.write_text(text)
    program = str(PROGRAMS / "prometheus-mqtt-exporter")
    address = ["-listen-address", HOST, "-listen-port", str(setting.http)]
    return [program, "-config", str(config), *address]


GO = Subject(
    name="prometheus-mqtt-exporter",
    qos=frozenset({0, 1}),
    prepare=_go,
    environment=lambda _: {},
    values=re.compile(rb'^power_watts\{.*?sensor="m(\d+)".*?\} (\S+) \d+$', re.MULTILINE),
    counts=re.compile(rb'^received_messages\{.*?status="success".*?\} (\S+)$', re.MULTILINE),
    ready="/metrics",
)


# -- mqtt-exporter: Python, from PyPI --------------------------------------------------------------


def _python_environment(setting: Setting) -> dict[str, str]:
    return {
        "MQTT_ADDRESS": HOST,
        "MQTT_PORT": str(setting.broker),
        "MQTT_TOPIC": "campus/+/power",
        "PROMETHEUS_ADDRESS": HOST,
        "PROMETHEUS_PORT": str(setting.http),
    }


PYTHON = Subject(
    name="mqtt-exporter",
    qos=frozenset({0}),  # it subscribes at QoS 0 only
    prepare=lambda _: [str(VENV / "mqtt-exporter")],
    environment=_python_environment,
    values=re.compile(rb'^mqtt_w\{.*?topic="campus_m(\d+)_power".*?\} (\S+)$', re.MULTILINE),
    counts=re.compile(rb"^mqtt_message_total\{.*?\} (\S+)$", re.MULTILINE),
    ready="/metrics",
)

SUBJECTS = (GREENDC, GO, PYTHON)


# -- what they are ---------------------------------------------------------------------------------


def version(subject: Subject) -> str | None:
    """The version of a subject that is there; None of one that is not."""
    found = {GREENDC.name: _own, GO.name: _debian, PYTHON.name: _pypi}[subject.name]()
    return found.strip() or None


def _own() -> str:
    return __version__


def _debian() -> str:
    """As the unpacked archive says, or else the system's package manager."""
    if not (PROGRAMS / GO.name).exists():
        return ""
    unpacked = PROGRAMS.parent / f"{GO.name}.unpacked"
    if unpacked.exists():
        return dict(line.split() for line in unpacked.read_text().splitlines())[GO.name]
    return _printed("dpkg-query", "--show", "--showformat=${Version}", GO.name)


def _pypi() -> str:
    """As its own environment says."""
    if not (VENV / PYTHON.name).exists():
        return ""
    asked = f"from importlib.metadata import version; print(version('{PYTHON.name}'))"
    return _printed(str(VENV / "python"), "-c", asked)


def _printed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout
