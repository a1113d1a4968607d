"""What was revised stands everywhere as the ledger has it, also where a store was away meanwhile.

Late readings, a factor and an exchanged register that are known only afterwards, and figures
that have no value any more; on a real broker with real stores.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from greendc.core.facility import SECOND
from greendc.core.units import J_PER_KWH
from greendc.ports import LedgerRow
from greendc.series import WINDOWS, kpi_of
from greendc.sinks.line_protocol import FIELDS, KPI, SHAPES, fields, tags
from greendc.store import StoredLedger
from tests.contract.targets import (
    Found,
    Influx1Target,
    InfluxTarget,
    JsonlTarget,
    Key,
    Target,
    newest,
)
from tests.contract.test_sinks import same
from tests.faults.plant import MIDNIGHT, SITE, Plant, messages
from tests.faults.test_recompute import recompute
from tests.faults.test_stores import assert_shows_exactly, ended, late, publish, rows_of
from tests.servers.monitoring import get
from tests.servers.support import HOST, Mosquitto, free_port
from tests.sinks.listening import retained

BEFORE, BETWEEN, AFTER = 1480, 1560, 1640  # messages: of event time 3700, 3900 and 4100 s
SINKS = """
sinks:
  - {{kind: jsonl, path: figures.jsonl}}
  - {{kind: influx, name: victoria, url: "{victoria}", store: victoriametrics, confirm_after: 1s}}
  - kind: influx1
    name: influx
    url: "{influx}"
    username: root
    password_file: "{password}"
    confirm_after: 1s
  - {{kind: mqtt, name: display}}
http: {{port: {http}}}
"""
NAMES = ("jsonl", "victoria", "influx", "display")
FACTOR = "multiplier: [{value: 1}, {from: 2025-03-01T00:05:00Z, value: 10}]"
BACKWARDS = "multiplier: [{value: 1}, {from: 2025-03-01T00:40:00Z, value: -100}]"
# Between 20:03 and 20:13 the register counts 0.25 kWh; with the exchange 75 - 70 and 70.25 - 70.
REPLACED = "replaced: [{at: 2025-03-01T00:20:05Z, final: 75, initial: 70}]"

EXCHANGED = 5 * J_PER_KWH
GONE = {("co2e_location", "cell"), ("cue_location", "24h"), ("ipue", "hour"), ("e_dc", "cell")}
Points = dict[frozenset[tuple[str, object]], dict[str, float]]


def corrected(text: str) -> str:
    """A factor, a sign and an exchange of the past, and a factor of emissions that is withdrawn."""
    found = text.replace("class: 0.5}", f"class: 0.5, {FACTOR}}}", 1)
    found = found.replace("nominal: 10s, class: 1}", f"nominal: 10s, class: 1, {BACKWARDS}}}", 1)
    found = found.replace("rating_w: 1e6", f"rating_w: 1e6\n        {REPLACED}", 1)
    return found.replace("location: {table", "market: {table")


class Everywhere:
    """A plant with every kind of sink, and what each of them shows."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.broker = stack.enter_context(Mosquitto(folder / "broker"))
        self.influx = Influx1Target(folder / "influx")
        self.victoria = InfluxTarget(folder / "victoria")
        for store in (self.influx, self.victoria):
            stack.callback(store.stop)
            store.start()
        self.http = free_port()
        self.sinks = SINKS.format(
            victoria=self.victoria.url,
            influx=self.influx.url,
            password=self.influx.folder / "password",
            http=self.http,
        )
        text = SITE.partition("\nsinks:")[0] + self.sinks
        self.plant = stack.enter_context(Plant(folder, self.broker, text))
        self.daemon = self.plant.daemon()
        self.plant.wait_until_connected()

    def publish(self, *sent: tuple[str, str]) -> None:
        """Have messages counted by the daemon: at least so many readings are in the journal."""
        before = self._accepted()
        publish(self.broker.port, sent)
        _until(lambda: self._accepted() == before + len(sent))

    def _accepted(self) -> float:
        shown = self.page()
        return sum(v for (name, _), v in shown.items() if name == "greendc_messages_total")

    def page(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """What Prometheus would be told."""
        text = get(f"http://{HOST}:{self.http}/metrics").decode()
        return {
            (sample.name, frozenset((k, v) for k, v in sample.labels.items() if v)): sample.value
            for family in parsed(text)
            for sample in family.samples
        }

    def caught_up(self, *names: str) -> None:
        """Wait until sinks have all that there is."""
        ledger = StoredLedger(self.plant.data / "ledger.db")
        try:
            _until(lambda: all(ledger.cursor(name) == ledger.last() for name in names))
        finally:
            ledger.close()

    def same(self) -> Found:
        """Every sink and Prometheus show the newest figures; returns these."""
        self.caught_up(*NAMES)
        wanted = newest(self.plant.data / "ledger.db", "plant")
        _, rows = rows_of(self.plant)
        assert_shows_exactly(self.victoria, rows)
        assert self._in_influx() == _points(rows)
        # The file is a record: there an invalid figure stands with its value, and says so.
        told = {Key(f.quantity, f.period, f.start): f.value for f in (row.figure for row in rows)}
        same(JsonlTarget(self.plant.data).read("plant"), told)
        last = {(row.figure.quantity, row.figure.period): row for row in rows}
        self._on_mqtt(last)
        self._on_the_page(last)
        return wanted

    def _in_influx(self) -> Points:
        client = self.influx.client()
        answer = client.query("SELECT * FROM /greendc_.*/", epoch="ns")
        client.close()
        found = {}
        for (measurement, _), points in answer.items():
            for point in points:
                known = {key: value for key, value in point.items() if value is not None}
                values = {key: known.pop(key) for key in FIELDS if key in known}
                found[frozenset({"measurement": measurement, **known}.items())] = values
        return found

    def _on_mqtt(self, last: dict[tuple[str, str], LedgerRow]) -> None:
        found = retained(self.broker.port, "greendc/plant/#")
        assert found.keys() == {f"greendc/plant/{name}/{period}" for name, period in last}
        for (name, period), row in last.items():
            told = json.loads(found[f"greendc/plant/{name}/{period}"])
            figure = row.figure
            assert (told["revision"], told["status"]) == (figure.revision, figure.status)
            assert ("value" in told) == (figure.status not in {"undefined", "invalid"})

    def _on_the_page(self, last: dict[tuple[str, str], LedgerRow]) -> None:
        """Every KPI, by its value and status, and no other value of it."""

        def shown() -> bool:
            page = self.page()
            for (name, period), row in last.items():
                kpi, window = kpi_of(name), WINDOWS.get(period)
                if kpi is None or window is None:
                    continue
                labels = {"site": "plant", "window": window, **kpi[1]}
                if "category" in kpi[0].labels:
                    labels |= {"category": "2", "boundary": "bottom_up"}
                value = None if row.figure.status in {"undefined", "invalid"} else row.figure.value
                if page.get((kpi[0].series, frozenset(labels.items()))) != value:
                    return False
            return True

        _until(shown)


def _points(rows: Sequence[LedgerRow]) -> Points:
    found = {}
    for row in rows:
        measurement = SHAPES.get(row.figure.unit, KPI)[0]
        key = {"measurement": measurement, "time": row.figure.start, **tags(row)}
        found[frozenset(key.items())] = fields(row.figure)
    return found


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _told(figures: Found, name: str, period: str) -> dict[int, float | None]:
    """Values of a figure by the seconds after midnight at which it starts."""
    return {
        key.start // SECOND - MIDNIGHT: value
        for key, value in figures.items()
        if key[:2] == (name, period)
    }


@contextmanager
def away(store: Target) -> Iterator[None]:
    store.stop()
    yield
    store.start()


def _is_corrected(second: Found, third: Found) -> None:
    was, now = (_told(figures, "it_a", "cell") for figures in (second, third))
    assert now[240] == was[240]
    assert now[300] == pytest.approx(10 * (was[300] or 0.0))
    was, now = (_told(figures, "chiller", "cell") for figures in (second, third))
    assert (now[1200] or 0.0) - (was[1200] or 0.0) == pytest.approx(EXCHANGED)
    gone = {key for key in second if second[key] is not None and third[key] is None}
    assert {(key.quantity, key.period) for key in gone} >= GONE


@pytest.fixture
def everywhere(tmp_path: Path) -> Iterator[Everywhere]:
    with ExitStack() as stack:
        yield Everywhere(tmp_path, stack)


@pytest.mark.timeout(180)
def test_what_was_revised_stands_everywhere(everywhere: Everywhere) -> None:  # A21, A34
    plant, sent = everywhere.plant, messages(AFTER)
    everywhere.publish(*sent[:BEFORE])
    first = everywhere.same()

    with away(everywhere.victoria):
        everywhere.publish(late(12, 400), *sent[BEFORE:BETWEEN])
        everywhere.caught_up("jsonl", "influx", "display")
    second = everywhere.same()
    changed = {key.quantity for key in first if second[key] != first[key]}
    assert changed >= {"it_b", "e_it", "ipue"}

    plant.config.write_text(corrected(plant.text))
    with away(everywhere.influx):
        assert recompute(plant, "--yes").returncode == 0, plant.log
        everywhere.publish(*sent[BETWEEN:])
        everywhere.caught_up("jsonl", "victoria", "display")
    third = everywhere.same()
    _is_corrected(second, third)

    ended(everywhere.daemon, plant)
    plant.greendc("audit", "-c", str(plant.config))
