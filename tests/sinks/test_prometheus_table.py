"""Each number of the snapshots stands under its own name, sign and labels in Prometheus."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from greendc.config import load
from greendc.core.facility import DAY, HOUR, SECOND, Intensity
from greendc.series import WINDOWS
from greendc.sinks.prometheus import gathered
from greendc.snapshots import Board, Limits, SinkHealth
from tests.sinks.boards import HEALTH, Life, changed
from tests.small import BEGIN, SITE, messages

SPARE = """
      - {id: spare, point: pdu_out, unit: kW, kind: instant, nominal: 60s, room: r2, rack: b1}
"""
Samples = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    folder = tmp_path_factory.mktemp("table")
    path = folder / "site.yaml"
    text = SITE.replace("kind: mean_next, nominal: 60s, class: 1}", "kind: mean_next, room: r1}", 1)
    path.write_text(text.replace("    derived:", SPARE.strip("\n") + "\n    derived:"))
    life = Life(load(path), folder / "ledger.db").take(messages(130)).end()
    yield life.board()
    life.store.close()


def samples(board: Board, name: str) -> Samples:
    """Values of one series by its labels, in their order."""
    found = {series.name: own for series, own in gathered(board, 0).ordered()}
    return dict(zip(found[name].labels, found[name].values, strict=True)) if name in found else {}


def test_health_number_by_number(board: Board) -> None:
    health = replace(
        HEALTH,
        started=11 * SECOND,
        inbox=12,
        journal_bytes=13,
        journal_limit=14,
        journal_lag_seconds=15.5,
        sinks=(
            SinkHealth("history", "influx", 16, 17.5, "away"),
            SinkHealth("wall", "mqtt", 0, 0.0, None),
        ),
    )
    shown = changed(
        board, health=health, current=replace(board.current, limits=Limits(18.0, 19.0, 0.2))
    )
    for name, expected in (
        ("start_time_seconds", {(): 11.0}),
        ("inbox_messages", {(): 12.0}),
        ("journal_bytes", {(): 13.0}),
        ("journal_limit_bytes", {(): 14.0}),
        ("journal_lag_seconds", {(): 15.5}),
        ("sink_pending_rows", {("history",): 16.0, ("wall",): 0.0}),
        ("sink_lag_seconds", {("history",): 17.5, ("wall",): 0.0}),
        ("sink_failing", {("history",): 1.0, ("wall",): 0.0}),
        ("sink_lag_limit_seconds", {(): 18.0}),
        ("journal_lag_limit_seconds", {(): 19.0}),
        ("journal_fill_limit_ratio", {(): 0.2}),
    ):
        assert samples(shown, f"greendc_{name}") == expected


def test_a_meter_stands_with_its_room(board: Board) -> None:
    where = ("small", "it_a", "pdu_out", "r1", "electricity")
    assert where in samples(board, "greendc_power_watts")
    assert (*where, "in") in samples(board, "greendc_energy_joules_total")


def test_a_meter_that_was_never_heard_has_a_limit_and_no_last_sample(board: Board) -> None:
    """What the alert about silent meters tells it by."""
    spare = ("small", "spare")
    assert samples(board, "greendc_meter_silent_after_seconds")[spare] == 180.0
    assert spare not in samples(board, "greendc_last_sample_timestamp_seconds")
    assert (*spare, "pdu_out", "r2", "electricity") not in samples(board, "greendc_power_watts")


def test_energy_that_goes_out_is_counted_apart(board: Board) -> None:
    closed = replace(
        board.closed,
        energy_in={("small", "sold"): 1.0, ("small", "e_dc"): 2.0},
        energy_out={("small", "sold"): 3.0, ("small", "e_dc"): 4.0},
    )
    shown = changed(board, closed=closed)
    meter, total = ("small", "sold", "export", "", "electricity"), ("small", "e_dc", "")
    assert samples(shown, "greendc_energy_joules_total") == {
        (*meter, "in"): 1.0,
        (*meter, "out"): 3.0,
    }
    assert samples(shown, "greendc_site_energy_joules_total") == {
        (*total, "in"): 2.0,
        (*total, "out"): 4.0,
    }


def test_revisions_keep_their_sign_and_their_kind(board: Board) -> None:
    revised = {
        ("small", "it_b"): -5.0,
        ("small", "subsystem_cooling"): 6.0,
        ("small", "co2e_location"): -7.0,
    }
    shown = changed(board, closed=replace(board.closed, revised=revised))
    assert samples(shown, "greendc_energy_revised_joules") == {("small", "it_b"): -5.0}
    assert samples(shown, "greendc_site_energy_revised_joules") == {
        ("small", "subsystem", "cooling"): 6.0
    }
    assert samples(shown, "greendc_emissions_revised_grams") == {("small", "location"): -7.0}


def test_a_window_ends_where_its_newest_figure_ends(board: Board) -> None:
    found = samples(board, "greendc_window_end_timestamp_seconds")
    assert found["small", "1h"] == (BEGIN + 3 * HOUR) / SECOND
    newest = {
        ("small", WINDOWS[period]): figure.end / SECOND
        for (_, period, quantity), figure in board.closed.figures.items()
        if quantity == "e_dc" and period in WINDOWS
    }
    assert {key: found[key] for key in newest} == newest


@pytest.mark.parametrize(
    ("length", "year", "tier"),
    [(HOUR, None, "1"), (DAY, None, "1"), (31 * DAY, None, "3"), (365 * DAY, 2024, "4")],
)
def test_the_tier_of_a_factor_is_how_long_it_holds(
    board: Board, length: int, year: int | None, tier: str
) -> None:
    given = Intensity(
        start=np.array([BEGIN, BEGIN + length]),
        end=np.array([BEGIN + length, BEGIN + 2 * length]),
        value=np.array([300.0, 400.0]),
        year=year,
        zone="DE",
        source="a table",
    )
    (site,) = board.current.sites
    current = replace(
        board.current,
        sites=(replace(site, intensity={"location": given}),),
        site_time={"small": BEGIN + length},
    )
    found = samples(
        changed(board, current=current), "greendc_grid_carbon_intensity_grams_per_kilowatt_hour"
    )
    assert found == {("small", "DE", "lifecycle", tier): 400.0}
