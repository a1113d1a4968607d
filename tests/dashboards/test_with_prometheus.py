"""A real Prometheus that has scraped the demo answers every panel, with the export's values."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from greendc.calendars import parse_rfc3339
from greendc.config import load
from greendc.core.facility import HOUR, SECOND
from greendc.core.units import G_PER_KG, J_PER_KWH
from greendc.demo.recording import SITE
from greendc.exports import Request, export
from tests.dashboards.panels import Json, Query, queries
from tests.demo.process import Demo
from tests.servers.monitoring import Prometheus, eventually, get
from tests.small import json_lines

NAME = "zih-lzr"
PERIODS = ("hour", "day", "24h", "7d")
MINUTES = "0.2"  # for fourteen days
# Nothing is wrong or refused in the demo, and it has no sinks: tests/dashboards/test_chain.py has.
QUIET = ("ALERTS{", "greendc_sink_lag_seconds", "rate(greendc_rejected_total")
PLAUSIBLE = {  # least and largest value of each unit on the board
    "watt": (1e3, 5e6),
    "massg": (1.0, 1e9),
    "percentunit": (0.0, 1.0),
    "celsius": (-30.0, 90.0),
    "s": (0.0, 366 * 86400.0),
    "mps": (0.0, 1e6),
    "none": (0.0, 1000.0),
    "short": (0.0, 1e6),
}


@dataclass
class Scraped:
    """A Prometheus with what it has scraped of a demo that has come to its log's end."""

    prometheus: Prometheus
    rows: list[Json]  # of the export

    def row(self, quantity: str, period: str) -> Json:
        """The newest figure."""
        found = [r for r in self.rows if (r["quantity"], r["period"]) == (quantity, period)]
        return max(found, key=lambda r: parse_rfc3339(r["start"]))


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    folder = tmp_path_factory.mktemp("scraped")
    with Demo(folder / "demo", "--minutes", MINUTES, "--keep", str(folder / "data")) as demo:
        target = demo.told(r"page +http://([\d.:]+)")
        with Prometheus(folder / "prometheus", target) as prometheus:
            demo.told("the log has ended")
            rows = eventually(lambda: _agreed(prometheus, folder))
            yield Scraped(prometheus, rows)


def _agreed(prometheus: Prometheus, folder: Path) -> list[Json]:
    """The export's rows, once the newest hour is that which Prometheus has scraped."""
    out = folder / "rows.jsonl"
    export(load(SITE), Request(out=out, data=folder / "data", periods=PERIODS))
    rows = json_lines(out.read_text())
    ended = max(parse_rfc3339(r["end"]) for r in rows if r["period"] == "hour") / SECOND
    newest = 'greendc_window_end_timestamp_seconds{window="1h"}'
    return rows if set(prometheus.asked(newest).values()) == {ended} else []


@pytest.mark.parametrize("query", list(queries(NAME)), ids=lambda q: q.id)
def test_every_panel_has_a_plausible_answer(scraped: Scraped, query: Query) -> None:
    found = scraped.prometheus.asked(query.text)
    assert found or query.text.startswith(QUIET)
    low, high = PLAUSIBLE[query.unit]
    for labels, value in found.items():
        assert math.isfinite(value)
        assert low <= value <= high, (query.panel, dict(labels), value)


@pytest.mark.parametrize(
    ("window", "period"), [("1h", "hour"), ("24h", "24h"), ("7d", "7d"), ("day", "day")]
)
def test_pue_is_the_exports(scraped: Scraped, window: str, period: str) -> None:
    asked = f'greendc_pue_ratio{{site="{NAME}", window="{window}", kind="ipue", category="2"}}'
    value = scraped.prometheus.value(asked)
    assert value == scraped.row("ipue", period)["value"]
    assert 1.1 < value < 1.2


def test_power_is_what_the_newest_hour_holds(scraped: Scraped) -> None:
    """Its readings are means of the hour that they begin."""
    for query, quantity in (
        ('greendc_site_power_watts{point="e_dc"}', "e_dc"),
        ('greendc_site_power_watts{point="e_it"}', "e_it"),
        ('greendc_site_power_watts{subsystem="cooling"}', "subsystem_cooling"),
    ):
        row = scraped.row(quantity, "hour")
        seconds = (parse_rfc3339(row["end"]) - parse_rfc3339(row["start"])) / SECOND
        assert seconds == HOUR / SECOND
        watts = row["value"] * J_PER_KWH / seconds
        assert scraped.prometheus.value(query) == pytest.approx(watts, rel=1e-12)


def test_emissions_are_those_of_all_hours(scraped: Scraped) -> None:
    masses = [r for r in scraped.rows if (r["quantity"], r["period"]) == ("co2e_location", "hour")]
    grams = math.fsum(row["value"] * G_PER_KG for row in masses)
    asked = 'greendc_emissions_grams_total{method="location", scope="2"}'
    assert scraped.prometheus.value(asked) == pytest.approx(grams, rel=1e-12)
    energy = [r for r in scraped.rows if (r["quantity"], r["period"]) == ("e_dc", "hour")]
    joules = math.fsum(row["value"] * J_PER_KWH for row in energy)
    asked = 'sum(greendc_site_energy_joules_total{point="e_dc"})'
    assert scraped.prometheus.value(asked) == pytest.approx(joules, rel=1e-12)
    asked = 'greendc_cue_kilograms_per_kilowatt_hour{window="24h", method="location"}'
    assert scraped.prometheus.value(asked) == scraped.row("cue_location", "24h")["value"]


def test_rules_are_evaluated_and_find_nothing_wrong_in_the_demo(scraped: Scraped) -> None:
    groups = json.loads(get(f"{scraped.prometheus.url}/api/v1/rules"))["data"]["groups"]
    health = {rule["name"]: (rule["health"], rule["state"]) for g in groups for rule in g["rules"]}
    assert len(health) > 10
    assert set(health.values()) == {("ok", "inactive")}
