"""What Prometheus is shown is what the snapshots say, by the names of METRICS.md."""

import math
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from greendc import __version__
from greendc.config import load
from greendc.core.facility import HOUR, MINUTE, SECOND
from greendc.series import COUNTER, SERIES, WINDOWS, kpi_of
from greendc.sinks.prometheus import render
from greendc.snapshots import Board
from tests.servers.support import program
from tests.sinks.boards import HEALTH, Life, changed
from tests.small import BEGIN, SITE, messages

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
Labels = dict[str, str]
Shown = dict[tuple[str, frozenset[tuple[str, str]]], float]

EXTRA = """
      - {id: t1, point: t_inlet, unit: degC, kind: instant, nominal: 60s, room: r1, rack: a7}
      - {id: rh1, point: rh_inlet, unit: "%", kind: instant, nominal: 60s}
      - {id: u1, point: u_dc, unit: V, kind: instant, nominal: 60s}
      - {id: u2, point: none, quantity: voltage, unit: V, kind: instant, nominal: 60s}
      - {id: gas, point: genset_fuel, quantity: power, unit: kW, kind: instant, nominal: 60s}
"""
TARGETS = """
    targets: {pue: {1h: 1.4, 24h: [{value: 1.5}, {from: 2025-03-01T02:00:00Z, value: 1.45}]}}
"""
FUEL = """
      fuels: {genset_fuel: {factor: 250, year: 2024, source: a table}}
"""


def extended() -> str:
    """The small site with more meters."""
    whole = SITE.replace("    derived:", EXTRA.strip("\n") + "\n    derived:")
    return whole.rstrip() + FUEL


def lived(folder: Path, configuration: str = SITE, minutes: int = 240) -> Life:
    path = folder / "site.yaml"
    path.write_text(configuration)
    return Life(load(path), folder / "ledger.db").take(messages(minutes))


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    one = lived(tmp_path_factory.mktemp("board"), SITE + TARGETS).end()
    yield one
    one.store.close()


def shown(board: Board, now: int = 0, accept: str = OPENMETRICS) -> Shown:
    """Values by series, read by a strict parser."""
    body, _ = render(board, now, accept)
    parser = openmetrics if accept == OPENMETRICS else plain
    out: Shown = {}
    for family in parser(body.decode()):
        for sample in family.samples:
            key = sample.name, frozenset(item for item in sample.labels.items() if item[1])
            assert key not in out, key
            out[key] = sample.value
    return out


def value(found: Shown, name: str, **labels: str) -> float | None:
    """Value of the series with exactly these labels that are not empty."""
    return found.get((name, frozenset(labels.items())))


def named(found: Shown, name: str) -> list[Labels]:
    return [dict(labels) for key, labels in found if key == name]


def test_every_kpi_of_the_ledger_has_its_value(life: Life) -> None:
    board = life.board()
    found = shown(board)
    checked = 0
    for period, window in WINDOWS.items():
        newest = {f.quantity: f for f in life.figures("small", period)}  # in the order of time
        for figure in newest.values():
            kpi = kpi_of(figure.quantity)
            if kpi is None:
                continue
            beside = {"site": "small", "kpi": figure.quantity, "window": window}
            assert value(found, "greendc_kpi_coverage_ratio", **beside) == figure.coverage
            status = {
                "status": figure.status,
                **({"reason": figure.reason} if figure.reason else {}),
            }
            assert value(found, "greendc_kpi_status_info", **beside, **status) == 1.0
            labels = {"site": "small", "window": window, **kpi[1]}
            if "category" in kpi[0].labels:
                labels |= {"category": "2", "boundary": "metered"}
            assert value(found, kpi[0].series, **labels) == figure.value
            for name in ("estimated", "distributed"):
                share = getattr(figure, name) if figure.value is not None else None
                assert value(found, f"greendc_kpi_{name}_ratio", **beside) == share
            if figure.value is not None and figure.uncertainty is not None:
                relative = figure.uncertainty / abs(figure.value)
                assert value(found, "greendc_kpi_uncertainty_ratio", **beside) == relative
                checked += 1
    assert checked > 5
    assert {labels["window"] for labels in named(found, "greendc_kpi_coverage_ratio")} >= {"1h"}
    assert not [labels for _, labels in found if ("window", "cell") in labels]


def test_counters_are_what_the_ledgers_cells_add_up_to(life: Life) -> None:
    found = shown(life.board())
    cells = life.figures("small", "cell")
    for name, expected in (
        ("e_dc", {"point": "e_dc"}),
        ("subsystem_cooling", {"point": "subsystem", "subsystem": "cooling"}),
        ("losses", {"point": "losses"}),
    ):
        total = math.fsum(f.value for f in cells if f.quantity == name and f.value is not None)
        got = value(
            found, "greendc_site_energy_joules_total", site="small", direction="in", **expected
        )
        assert got == pytest.approx(total, rel=1e-12)
    util = math.fsum(f.value for f in cells if f.quantity == "util" and f.value is not None)
    labels = {"site": "small", "meter": "util", "point": "util", "carrier": "electricity"}
    got = value(found, "greendc_energy_joules_total", direction="in", **labels)
    assert got == pytest.approx(util, rel=1e-12)
    grams = math.fsum(f.value for f in cells if f.quantity == "co2e_location" and f.value)
    got = value(found, "greendc_emissions_grams_total", site="small", scope="2", method="location")
    assert got == pytest.approx(grams, rel=1e-12)


def test_counters_never_fall(tmp_path: Path) -> None:
    life = lived(tmp_path, minutes=0)
    rows = list(messages(240))
    counters = {s.name for s in SERIES if s.type == COUNTER}
    before: Shown = {}
    for first in range(0, len(rows), 300):
        now = shown(life.take(rows[first : first + 300]).board())
        for key, old in before.items():
            if key[0] in counters:
                assert now[key] >= old
        before = now
    assert value(before, "greendc_energy_revised_joules", site="small", meter="it_b") is None
    life.store.close()


def test_what_is_undefined_has_no_sample_but_a_reason(tmp_path: Path) -> None:
    configuration = SITE.replace("rated_it_w: 100e3", "rated_it_w: 100e6")
    life = lived(tmp_path, configuration).end()
    found = shown(life.board())
    life.store.close()
    assert named(found, "greendc_pue_ratio") == []
    beside = {"site": "small", "kpi": "ipue", "window": "1h"}
    reason = {"reason": "undefined_denominator"}
    assert value(found, "greendc_kpi_undefined_total", **beside, **reason) == 4.0
    assert value(found, "greendc_kpi_status_info", **beside, **reason, status="undefined") == 1.0
    assert value(found, "greendc_kpi_coverage_ratio", **beside) is not None
    assert value(found, "greendc_kpi_estimated_ratio", **beside) is None


def test_a_lost_it_meter_leaves_no_pue_but_the_reason(tmp_path: Path) -> None:
    life = lived(tmp_path, minutes=0)
    half_past_one = "2025-03-01T01:30:00Z"
    rows = [m for m in messages(240) if "it_b" not in m["topic"] or m["tst"] < half_past_one]
    found = shown(life.take(rows).end().board())
    life.store.close()
    assert "1h" not in {labels["window"] for labels in named(found, "greendc_pue_ratio")}
    beside = {"site": "small", "kpi": "ipue", "window": "1h"}
    why = {"status": "undefined", "reason": "coverage"}
    assert value(found, "greendc_kpi_status_info", **beside, **why) == 1.0
    assert value(found, "greendc_kpi_coverage_ratio", **beside) == 0.0


def test_what_is_invalid_has_no_sample_but_a_status(tmp_path: Path) -> None:
    configuration = SITE.replace("{id: util,", "{id: util, multiplier: 0.5,")
    life = lived(tmp_path, configuration).end()
    found = shown(life.board())
    life.store.close()
    assert named(found, "greendc_pue_ratio") == []
    beside = {"site": "small", "kpi": "ipue", "window": "1h"}
    assert value(
        found, "greendc_kpi_status_info", **beside, status="invalid", reason="out_of_bounds"
    )


def test_stale_meters_vanish_and_their_age_stays(life: Life) -> None:
    board = changed(life.board(), wall_clock=True)
    last = BEGIN + 239 * MINUTE
    meter = {"site": "small", "meter": "it_a"}
    where = {**meter, "point": "pdu_out", "carrier": "electricity"}
    at_once, later = shown(board, last + 3 * MINUTE), shown(board, last + 3 * MINUTE + 1)
    assert value(at_once, "greendc_power_watts", **where) == 60e3 + (239 % 5) * 1e3
    assert named(later, "greendc_power_watts") == []
    assert [x["point"] for x in named(later, "greendc_site_power_watts")] == ["lights", "subsystem"]
    for found in (at_once, later):
        assert value(found, "greendc_last_sample_timestamp_seconds", **meter) == last / SECOND
        assert value(found, "greendc_meter_silent_after_seconds", **meter) == 180.0
        assert value(found, "greendc_readings_total", outcome="accepted", **meter) == 240.0
    assert (
        value(later, "greendc_site_time_seconds", site="small") == (last + 3 * MINUTE + 1) / SECOND
    )


def test_without_a_wall_clock_the_sites_time_is_its_largest_event_time(life: Life) -> None:
    found = shown(life.board(), now=2_000_000_000 * SECOND)
    assert (
        value(found, "greendc_site_time_seconds", site="small") == (BEGIN + 239 * MINUTE) / SECOND
    )
    assert len(named(found, "greendc_power_watts")) == 5  # all but the register


def test_power_of_totals_and_derived_meters(life: Life) -> None:
    found = shown(life.board())
    it = 60e3 + (239 % 5) * 1e3 + 30e3 + (239 % 3) * 1e3
    assert value(found, "greendc_site_power_watts", site="small", point="e_it") == it
    assert value(found, "greendc_site_power_watts", site="small", point="losses") == 0.05 * it
    power = {"site": "small", "point": "subsystem", "subsystem": "power"}
    assert value(found, "greendc_site_power_watts", **power) == 0.05 * it
    # cooling has a register, which tells no power
    assert not [x for x in named(found, "greendc_site_power_watts") if "cooling" in x.values()]


def test_heat_is_not_electricity(life: Life) -> None:
    found = shown(life.board())
    heat = {"site": "small", "meter": "heat", "point": "q_reuse", "carrier": "heat"}
    assert value(found, "greendc_power_watts", **heat) == 12.5e3


def test_other_quantities_have_their_own_series(tmp_path: Path) -> None:
    life = lived(tmp_path, extended(), minutes=5)
    stamp = "2025-03-01T00:04:00Z"
    said = {"t1": 23.5, "rh1": 45, "u1": 380, "u2": 230, "gas": 40}
    rows = [
        {"topic": f"dc/{meter}/power", "payload": {"w": number, "t": stamp}}
        for meter, number in said.items()
    ]
    found = shown(life.take(rows).board())
    life.store.close()
    place = {"site": "small", "meter": "t1", "point": "t_inlet", "room": "r1", "rack": "a7"}
    assert value(found, "greendc_temperature_celsius", **place) == 23.5
    humidity = {"site": "small", "meter": "rh1", "point": "rh_inlet"}
    assert value(found, "greendc_relative_humidity_ratio", **humidity) == pytest.approx(0.45)
    direct = {"site": "small", "meter": "u1", "point": "u_dc"}
    assert value(found, "greendc_dc_voltage_volts", **direct) == 380.0
    other = {"site": "small", "meter": "u2", "point": "none"}
    assert value(found, "greendc_voltage_volts", **other) == 230.0
    assert value(found, "greendc_dc_voltage_volts", **other) is None


def test_fuel_burnt_on_site_is_scope_1(tmp_path: Path) -> None:
    life = lived(tmp_path, extended(), minutes=60)
    rows = [
        {
            "topic": "dc/gas/power",
            "payload": {"w": 40, "t": f"2025-03-01T00:{minute:02d}:00Z"},
        }
        for minute in range(60)
    ]
    found = shown(life.take(rows).end().board())
    life.store.close()
    scopes = [labels["scope"] for labels in named(found, "greendc_emissions_grams_total")]
    assert scopes == ["1+2"]


def test_targets_are_those_of_the_sites_time(life: Life) -> None:
    board = changed(life.board(), wall_clock=True)
    day = {"site": "small", "kpi": "pue", "window": "24h"}
    early, late = shown(board, BEGIN), shown(board, BEGIN + 2 * HOUR)
    assert value(early, "greendc_target_ratio", **day) == 1.5
    assert value(late, "greendc_target_ratio", **day) == 1.45
    assert value(late, "greendc_target_recovery_ratio", **day) == pytest.approx(1.421)
    coverage = {"site": "small", "kpi": "coverage", "window": "24h"}
    assert value(late, "greendc_target_ratio", **coverage) == 0.95
    assert value(late, "greendc_target_recovery_ratio", **coverage) is None


def test_the_grids_intensity_is_that_of_the_sites_time(life: Life) -> None:
    board = changed(life.board(), wall_clock=True)
    where = {"site": "small", "zone": "DE", "kind": "lifecycle"}
    name = "greendc_grid_carbon_intensity_grams_per_kilowatt_hour"
    assert value(shown(board, BEGIN), name, **where, tier="5") == 400.0
    assert value(shown(board, BEGIN + 2 * HOUR), name, **where, tier="5") == 200.0


def test_the_running_hour_is_shown_apart_from_closed_ones(tmp_path: Path) -> None:
    life = lived(tmp_path, minutes=80)
    life.watch.expect(life.pipeline.provisional)
    board = life.board()
    found = shown(board)
    life.store.close()
    running = board.closed.provisional["small", "hour", "ipue"]
    beside = {"site": "small", "kpi": "ipue", "window": "1h"}
    assert running.value is not None
    assert value(found, "greendc_kpi_provisional_ratio", **beside) == running.value
    assert {x["window"] for x in named(found, "greendc_kpi_provisional_ratio")} == {"1h", "day"}
    assert not [x for x in named(found, "greendc_kpi_provisional_ratio") if "cue" in x["kpi"]]
    closed = board.closed.figures["small", "hour", "ipue"]
    assert closed.start < running.start
    (hour,) = [x for x in named(found, "greendc_pue_ratio") if x["window"] == "1h"]
    assert value(found, "greendc_pue_ratio", **hour) == closed.value


def test_the_daemon_tells_of_itself(life: Life) -> None:
    found = shown(life.board())
    assert value(found, "greendc_build_info", version=__version__) == 1.0
    assert value(found, "greendc_messages_total", outcome="received") == 1000.0
    assert value(found, "greendc_messages_total", outcome="redelivered") == 3.0
    assert value(found, "greendc_rejected_total", reason="unbound") == 2.0
    assert value(found, "greendc_site_readings_total", site="small", outcome="accepted") == 990.0
    assert value(found, "greendc_site_readings_total", site="small", outcome="late") == 4.0
    assert value(found, "greendc_inbox_messages") == 7.0
    assert value(found, "greendc_broker_connected") == 1.0
    assert value(found, "greendc_bulk_read") == 0.0
    assert value(found, "greendc_journal_full") == 0.0
    assert value(found, "greendc_sink_lag_seconds", sink="influx") == 90.5
    assert value(found, "greendc_sink_failing", sink="influx") == 1.0
    assert value(found, "greendc_sink_lag_limit_seconds") == 900.0
    lost = shown(life.board(replace(HEALTH, connected=False, bulk_read=True, journal_full="full")))
    assert value(lost, "greendc_broker_connected") == 0.0
    assert value(lost, "greendc_bulk_read") == 1.0
    assert value(lost, "greendc_journal_full") == 1.0


def test_what_nobody_has_looked_at_is_absent(tmp_path: Path) -> None:
    life = lived(tmp_path, minutes=0)
    found = shown(life.watch.board)
    life.store.close()
    assert {name for name, _ in found} == {"greendc_build_info"}


def test_every_series_has_the_name_type_and_labels_of_the_table(life: Life) -> None:
    table = {series.stem: series for series in SERIES}
    assert len(table) == len(SERIES)
    body, _ = render(life.board(), 0, OPENMETRICS)
    for family in openmetrics(body.decode()):  # type: ignore[no-untyped-call]
        series = table[family.name]
        assert (family.type, family.unit, family.documentation) == (
            series.type,
            series.unit,
            series.meaning,
        )
        for sample in family.samples:
            assert sample.name == series.name
            assert tuple(sample.labels) == tuple(sorted(series.labels))


def test_promtool_objects_to_nothing_but_the_unit_that_the_standard_fixes(life: Life) -> None:
    body, _ = render(life.board(), 0, None)
    command = [str(program("promtool")), "check", "metrics"]
    done = subprocess.run(command, input=body, capture_output=True, check=False)
    (finding,) = done.stderr.decode().splitlines()
    assert finding.startswith("greendc_cue_kilograms_per_kilowatt_hour use base unit")


def test_both_formats_say_the_same(life: Life) -> None:
    board = life.board()
    assert shown(board) == shown(board, accept="text/plain")
    for accept in (None, "*/*", "text/plain;version=0.0.4"):
        assert render(board, 0, accept)[1].startswith("text/plain; version=0.0.4")
    assert render(board, 0, OPENMETRICS)[1].startswith(
        "application/openmetrics-text; version=1.0.0"
    )


def test_a_scrape_changes_nothing(life: Life) -> None:
    board = life.board()
    assert render(board, 0, OPENMETRICS) == render(board, 0, OPENMETRICS)


def test_meters_of_another_configuration_have_their_own_labels(life: Life) -> None:
    board = life.board()
    moved = tuple(replace(tag, room="elsewhere") for tag in board.current.meters)
    other = changed(life.board(), current=replace(board.current, meters=moved))
    for one, rooms in ((board, {None}), (other, {"elsewhere"}), (board, {None})):
        found = shown(one)
        for name in ("greendc_power_watts", "greendc_energy_joules_total"):
            assert {labels.get("room") for labels in named(found, name)} == rooms
