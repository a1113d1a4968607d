"""What each kind of sink writes to, as a real server, and how a test reads it back."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from greendc.calendars import parse_rfc3339
from greendc.config.sinks import Influx1Sink, InfluxSink, JsonlSink, MqttSink, Sink
from greendc.core.facility import EVER
from greendc.core.units import G_PER_KG, J_PER_KWH
from greendc.ports import Asked
from greendc.store import PERIODS, StoredLedger
from tests.servers.stores import Influx1, VictoriaMetrics
from tests.servers.support import HOST, Mosquitto
from tests.sinks.listening import retained

FACTORS = {"kWh": J_PER_KWH, "kg": G_PER_KG}


class Key(NamedTuple):
    """A point, as every target can tell it."""

    quantity: str
    period: str
    start: int


Found = Mapping[Key, float | None]


class Target(Protocol):
    """A running server, and the configuration of a sink that writes to it."""

    config: Sink
    history: bool  # whether it keeps more than the newest figure of a quantity and period

    def read(self, site: str) -> Found:
        """Every figure of a site; None where its value is unknown."""
        ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class JsonlTarget:
    """A file; while it is "stopped" a folder stands in its place."""

    history = True

    def __init__(self, folder: Path) -> None:
        self.path = folder / "figures.jsonl"
        self.config: Sink = JsonlSink(kind="jsonl", path=self.path)

    def read(self, site: str) -> Found:
        lines = map(json.loads, self.path.read_text().splitlines())
        return dict(_exported(line) for line in lines if line["site"] == site)

    def start(self) -> None:
        if self.path.is_dir():
            self.path.rmdir()
            self.path.with_suffix(".aside").rename(self.path)

    def stop(self) -> None:
        self.path.touch()
        self.path.rename(self.path.with_suffix(".aside"))
        self.path.mkdir()


class InfluxTarget(VictoriaMetrics):
    """VictoriaMetrics, which takes the API of InfluxDB 2."""

    history = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.config: Sink = InfluxSink(kind="influx", url=self.url, store="victoriametrics")

    def read(self, site: str) -> Found:
        found: dict[Key, float | None] = {}
        samples = self.exported(json.dumps({"site": site}).replace('"site": ', "site="))
        for labels, start, value in samples:
            field = labels["__name__"].rpartition("_")[2]
            key = Key(labels.get("quantity") or labels["kpi"], labels["res"], start)
            found.setdefault(key, None)
            if field in {"joules", "grams", "value"}:
                assert found[key] is None
                found[key] = value
        return found


class Influx1Target(Influx1):
    """InfluxDB 1."""

    history = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        secret = folder / "password"
        secret.write_text(f"{self.password}\n")
        self.config: Sink = Influx1Sink(
            kind="influx1", url=self.url, username=self.user, password_file=secret
        )

    def start(self) -> None:
        super().start()
        if not (self.folder / "made").exists():
            self.create()
            (self.folder / "made").touch()

    def read(self, site: str) -> Found:
        client = self.client()
        rows = client.query(
            "SELECT * FROM /greendc_.*/ WHERE site = $site", bind_params={"site": site}, epoch="ns"
        ).get_points()
        found = {}
        for row in rows:
            values = [row.get(field) for field in ("joules", "grams", "value")]
            key = Key(row.get("quantity") or row["kpi"], row["res"], row["time"])
            assert key not in found
            found[key] = next((value for value in values if value is not None), None)
        client.close()
        return found


class MqttTarget(Mosquitto):
    """Mosquitto."""

    history = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.config: Sink = MqttSink(kind="mqtt", host=HOST, port=self.port)

    def read(self, site: str) -> Found:
        return dict(
            _exported(json.loads(payload))
            for payload in retained(self.port, f"greendc/{site}/#").values()
        )


def _exported(line: dict[str, Any]) -> tuple[Key, float | None]:
    """A figure as it is exported, back in the ledger's units."""
    value = line.get("value")
    factor = FACTORS.get(line["unit"], 1.0)
    key = Key(line["quantity"], line["period"], parse_rfc3339(line["start"]))
    return key, None if value is None else value * factor


KNOWN = frozenset({"ok", "estimated", "partial", "provisional"})


def newest(path: Path, site: str) -> Found:
    """The newest figures of a ledger, as a store must have them."""
    ledger = StoredLedger(path)
    try:
        every = ledger.rows_after(0, 10**9)
        names = frozenset(row.figure.quantity for row in every if row.site == site)
        figures = [
            row.figure
            for period in PERIODS
            for row in ledger.newest(Asked(site, period, names, -EVER, EVER), ledger.last())
        ]
    finally:
        ledger.close()
    return {
        Key(f.quantity, f.period, f.start): f.value if f.status in KNOWN else None for f in figures
    }


TARGETS: Mapping[str, Callable[[Path], Target]] = {
    "jsonl": JsonlTarget,
    "influx": InfluxTarget,
    "influx1": Influx1Target,
    "mqtt": MqttTarget,
}
