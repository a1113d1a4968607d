"""Prometheus, Alertmanager and who is notified, with the configuration that the project ships."""

import json
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Self, TypeVar

from tests.servers.support import HOST, PATIENCE, PROJECT, free_port, program

PROMETHEUS = PROJECT / "config" / "prometheus" / "prometheus.yml"
ALERTMANAGER = PROJECT / "config" / "alertmanager" / "alertmanager.yml"
ALERTS = PROJECT / "dashboards" / "alerts"
DURATION = re.compile(
    r"^(\s*(?:- )?)(for|keep_firing_for|\w+_interval|group_wait): \w+", re.MULTILINE
)
KEPT = {"repeat_interval"}  # a repetition would be a second notification

T = TypeVar("T")
Json = dict[str, Any]
Labels = frozenset[tuple[str, str]]


def hastened(text: str) -> str:
    """A shipped file with every duration of a rule, scrape or group rendered as one second.

    >>> print(hastened("for: 30m"))
    for: 1s
    """
    return DURATION.sub(lambda m: m[0] if m[2] in KEPT else f"{m[1]}{m[2]}: 1s", text)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - on the loopback
        body: bytes = answer.read()
        return body


def eventually(found: Callable[[], T], seconds: float = 30.0) -> T:
    """The first result that is not empty."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return result


class Server:
    """A child process with a ready page, on a free loopback port."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder, self.port = name, folder, free_port()
        folder.mkdir(parents=True)
        self.log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        try:
            return bool(get(f"{self.url}/-/ready"))
        except (OSError, urllib.error.HTTPError):
            return False

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop, and start again with the same folder and port."""
        self.__exit__()
        yield
        self.__enter__()

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            command = [str(program(self.name)), *self.arguments()]
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                message = f"{self.name} did not start:\n{self.log.read_text()}"
                raise RuntimeError(message)
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise


class Prometheus(Server):
    """Scrapes one daemon by the shipped configuration and evaluates the shipped rules."""

    def __init__(self, folder: Path, target: str, alertmanager: str = "localhost:1") -> None:
        super().__init__("prometheus", folder)
        rules = folder / "alerts"
        rules.mkdir()
        for path in ALERTS.glob("*.yaml"):
            (rules / path.name).write_text(hastened(path.read_text()))
        text = hastened(PROMETHEUS.read_text())
        for shipped, here in (
            ("../../dashboards/alerts/", "alerts/"),
            ("localhost:8080", target),
            ("localhost:9093", alertmanager),
        ):
            assert text.count(shipped) == 1
            text = text.replace(shipped, here)
        (folder / "prometheus.yml").write_text(text)

    def arguments(self) -> list[str]:
        return [
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address={HOST}:{self.port}",
            "--log.level=warn",
        ]

    def asked(self, query: str) -> dict[Labels, float]:
        """Values of an instant query by their labels, which tell no place of the scrape."""
        address = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        answer = json.loads(get(address))["data"]
        if answer["resultType"] == "scalar":
            return {frozenset(): float(answer["result"][1])}
        return {
            frozenset(
                (k, v) for k, v in row["metric"].items() if k not in {"instance", "job"}
            ): float(row["value"][1])
            for row in answer["result"]
        }

    def value(self, query: str) -> float:
        """The only value of a query, once there is one."""
        (found,) = eventually(lambda: self.asked(query)).values()
        return found


class Alertmanager(Server):
    """Notifies one webhook by the shipped configuration."""

    def __init__(self, folder: Path, webhook: int) -> None:
        super().__init__("prometheus-alertmanager", folder)
        text = ALERTMANAGER.read_text()
        assert text.count("localhost:9099") == 1
        text = hastened(text).replace("localhost:9099", f"{HOST}:{webhook}")
        (folder / "alertmanager.yml").write_text(text)

    def arguments(self) -> list[str]:
        return [
            f"--config.file={self.folder}/alertmanager.yml",
            f"--storage.path={self.folder}/data",
            f"--web.listen-address={HOST}:{self.port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]


class Webhook:
    """Receives notifications."""

    def __init__(self) -> None:
        self.received: list[Json] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer((HOST, 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
