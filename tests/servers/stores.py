"""Real time-series stores, as child processes on free loopback ports."""

import json
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.parse import quote

import urllib3
from influxdb import InfluxDBClient

from tests.servers.support import HOST, PATIENCE, free_port, program

FORM = {"content-type": "application/x-www-form-urlencoded"}
DEDUP = ("-dedup.minScrapeInterval=1ms", "-retentionPeriod=100y")


class Store:
    """A store that answers HTTP; the port and the folder stay the same over restarts."""

    ready = "/"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._pool = urllib3.PoolManager(retries=False, timeout=10.0)
        self._scheme = "http"

    def trust(self, certificate: Path, user: str, password: str) -> None:
        """Ask over TLS from now on, as this user."""
        login = urllib3.make_headers(basic_auth=f"{user}:{password}")
        self._scheme = "https"
        self._pool = urllib3.PoolManager(
            retries=False, timeout=10.0, ca_certs=str(certificate), headers=login
        )

    @property
    def url(self) -> str:
        return f"{self._scheme}://{HOST}:{self.port}"

    def command(self) -> Sequence[str | Path]:
        raise NotImplementedError

    def start(self) -> None:
        """Start; returns when it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError((self.folder / "log").read_text(errors="replace"))
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            self.get(self.ready)
        except (urllib3.exceptions.HTTPError, RuntimeError):
            return False
        return True

    def stop(self) -> None:
        """End it as its service would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(PATIENCE)
            finally:
                self._process.kill()
                self._process = None
                self._pool.clear()

    def killed(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None
        self._pool.clear()

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def get(self, path: str, **parameters: str) -> str:
        got = self._pool.request("GET", f"{self.url}{path}", fields=parameters)
        if got.status >= 300:
            raise RuntimeError(f"{path}: {got.status} {got.data.decode()}")
        return got.data.decode()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class VictoriaMetrics(Store):
    """VictoriaMetrics, run as greendc wants it."""

    ready = "/health"

    def __init__(self, folder: Path, flags: Sequence[str] = DEDUP) -> None:
        super().__init__(folder)
        self._flags = flags

    def command(self) -> Sequence[str | Path]:
        return [
            program("victoria-metrics"),
            f"-httpListenAddr={HOST}:{self.port}",
            f"-storageDataPath={self.folder / 'data'}",
            "-loggerLevel=WARN",
            *self._flags,
        ]

    def exported(self, selector: str) -> list[tuple[dict[str, str], int, float]]:
        """Every sample that the store shows: labels, time [ns], value."""
        self.get("/internal/force_flush")
        lines = self.get("/api/v1/export", **{"match[]": selector}).splitlines()
        return [
            (series["metric"], stamp * 10**6, value)
            for series in map(json.loads, lines)
            for stamp, value in zip(series["timestamps"], series["values"], strict=True)
        ]

    def query(self, text: str, at: float) -> float | None:
        """Newest value of a query over the hours before a time, as a board asks: by the cache."""
        self.get("/internal/force_flush")
        asked = {"query": text, "start": str(at - 6 * 3600), "end": str(at), "step": "1h"}
        found = json.loads(self.get("/api/v1/query_range", **asked))["data"]["result"]
        values = [float(v) for series in found for stamp, v in series["values"] if stamp == at]
        return values[0] if values else None


class Influx1(Store):
    """InfluxDB 1 with a user."""

    ready = "/ping"
    user, password, database = "root", "hush-hush", "greendc"

    def command(self) -> Sequence[str | Path]:
        folders = {key: self.folder / key for key in ("meta", "data", "wal")}
        (self.folder / "conf").write_text(
            "reporting-disabled = true\n"
            f'bind-address = "{HOST}:{free_port()}"\n'
            f'[meta]\ndir = "{folders["meta"]}"\n'
            f'[data]\ndir = "{folders["data"]}"\nwal-dir = "{folders["wal"]}"\n'
            f'[http]\nbind-address = "{HOST}:{self.port}"\nauth-enabled = true\n'
            "[monitor]\nstore-enabled = false\n[subscriber]\nenabled = false\n"
            "[continuous_queries]\nenabled = false\n"
        )
        return [program("influxd"), "run", "-config", self.folder / "conf"]

    def client(self) -> InfluxDBClient:
        """The client of InfluxDB 1, as its users have it."""
        return InfluxDBClient(HOST, self.port, self.user, self.password, self.database)

    def create(self) -> None:
        """Make the user and the database."""
        query = f"CREATE USER {self.user} WITH PASSWORD '{self.password}' WITH ALL PRIVILEGES"
        url = f"{self.url}/query"
        urllib3.request("POST", url, body=f"q={quote(query)}", headers=FORM, timeout=10.0)
        client = self.client()
        client.create_database(self.database)
        client.close()
