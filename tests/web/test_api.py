"""What the API says is what the ledger and the meters said, and what is unknown has a reason."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from greendc.calendars import rfc3339
from greendc.core.facility import HOUR
from greendc.lines import WORDS, line
from greendc.ports import Event
from greendc.queries import Ledger
from greendc.web.state import state
from tests.web.kit import SITE, Scene, scene, served

Json = dict[str, Any]


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("scene"), hours=40) as one:
        yield one


@pytest.fixture(scope="module")
def client(playing: Scene) -> Iterator[httpx.Client]:
    with served(playing) as server, httpx.Client(base_url=server.url) as client:
        yield client


def got(client: httpx.Client, path: str) -> Json:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def test_figures_are_those_of_the_ledger(client: httpx.Client, playing: Scene) -> None:
    told = got(client, "state")["figures"]
    with Ledger(playing.path) as ledger:
        for period in ("hour", "24h"):
            newest = {f.quantity: f for f in ledger.figures("zih-lzr", period)}
            for name in ("ipue", "e_dc", "co2e_location", "cue_location"):
                expected = line("zih-lzr", newest[name])
                assert told[period][name] == {
                    **{
                        k: v for k, v in expected.items() if k not in {"site", "period", "quantity"}
                    },
                    "outdated": False,
                }
    assert told["7d"]["ipue"]["coverage"] < 0.25


def test_power_now_is_the_sum_of_the_last_readings(client: httpx.Client) -> None:
    state, table = got(client, "state"), got(client, "meters")
    powers = {one["name"]: one["watts"] for one in state["power"]}
    racks = [
        row[2]
        for meter, row in zip(table["meters"], table["rows"], strict=True)
        if meter["point"] == "pdu_out"
    ]
    assert powers["e_it"] == pytest.approx(sum(racks), rel=1e-12)
    assert powers["e_dc"] == pytest.approx(
        sum(watts for name, watts in powers.items() if name != "e_dc"), rel=1e-12
    )


def test_what_cannot_be_computed_has_a_reason_in_words(client: httpx.Client) -> None:
    state = got(client, "state")
    missing = {one["name"]: one["reason"] for one in state["missing"]}
    assert missing["cue_market"] == "no_market_factor"
    assert missing["ppue_lighting"] == "no_meter"
    words = got(client, "words")
    assert words["reasons"] == WORDS
    assert set(missing.values()) <= set(WORDS)
    assert set(missing) <= set(words["titles"])


def test_every_figure_has_a_symbol_and_a_meaning(client: httpx.Client) -> None:
    titles = got(client, "words")["titles"]
    assert titles["ipue"]["symbol"] == "iPUE"
    assert titles["pue"]["symbol"] == "PUE"
    assert titles["ipue_cat1"]["symbol"] == "iPUE 1"
    assert titles["pue_cat1"]["symbol"] == "PUE 1"
    assert titles["ppue_cooling"]["symbol"] == "pPUE cooling"
    for figures in got(client, "state")["figures"].values():
        assert set(figures) <= set(titles)


def test_every_meter_has_its_last_reading(client: httpx.Client) -> None:
    table = got(client, "meters")
    assert len(table["meters"]) == len(table["rows"]) == 37
    assert {row[3] for row in table["rows"]} == {"fresh"}
    assert {row[4] for row in table["rows"]} == {40}
    pump = next(m for m in table["meters"] if m["meter"] == "LZR.E60.ABG07.B83.W")
    assert (pump["meaning"], pump["subsystem"], pump["unit"]) == ("cooling pump", "cooling", "W")


def test_history_is_energy_over_time(client: httpx.Client, playing: Scene) -> None:
    told = got(client, "history?span=24h")
    assert len(told["power_watts"]["starts_ms"]) == len(told["hourly"]["starts_ms"])
    with Ledger(playing.path) as ledger:
        newest = [f for f in ledger.figures("zih-lzr", "hour") if f.quantity == "e_it"][-1]
    assert newest.value is not None
    assert told["power_watts"]["starts_ms"][-1] == newest.start // 10**6
    assert told["power_watts"]["values"]["e_it"][-1] == newest.value / 3600
    hours = told["power_watts"]
    for place, total in enumerate(hours["values"]["e_dc"]):
        parts = [column[place] for name, column in hours["values"].items() if name != "e_dc"]
        assert total == pytest.approx(sum(parts), rel=1e-9)
    assert hours["ends_ms"][-1] - hours["starts_ms"][-1] == HOUR / 1e6
    assert "co2e_market" not in told["hourly"]["values"]


def test_metrics_are_those_of_the_board(client: httpx.Client) -> None:
    answer = client.get("/metrics", headers={"accept": "text/plain; version=0.0.4"})
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    it = next(p["watts"] for p in got(client, "state")["power"] if p["name"] == "e_it")
    families = {f.name: f for f in text_string_to_metric_families(answer.text)}
    samples = [s for f in families.values() for s in f.samples if "e_it" in s.labels.values()]
    assert any(sample.value == pytest.approx(it) for sample in samples), samples


def test_a_span_or_site_that_there_is_not(client: httpx.Client) -> None:
    assert client.get("/api/v1/history?span=2h").json() == {
        "error": "no such span; there are 6h, 24h, 7d, 30d, 12mo"
    }
    for path in ("state", "meters", "history", "events"):
        answer = client.get(f"/api/v1/{path}?site=elsewhere")
        assert (answer.status_code, answer.json()) == (
            404,
            {"error": "no such site; there is zih-lzr"},
        )


def test_silent_meters_and_what_needs_them(tmp_path: Path) -> None:
    with scene(tmp_path, hours=5) as one:
        one.board.wall_clock = True  # the real time is years later
        with served(one) as server:
            state = httpx.get(f"{server.url}/api/v1/state").json()
            table = httpx.get(f"{server.url}/api/v1/meters").json()
    assert {row[3] for row in table["rows"]} == {"silent"}
    assert {(p["watts"], p["reason"]) for p in state["power"]} == {(None, "silent")}
    assert state["figures"]["hour"]["ipue"]["outdated"]


def test_site_time_is_not_behind_what_an_end_of_input_has_closed(tmp_path: Path) -> None:
    with scene(tmp_path, hours=5) as one:
        (tag,) = one.board.current.sites
        read = one.board.current.site_time[tag.site]
        assert state(one.board, tag.site, 0)["site_time"] == rfc3339(read)
        one.pipeline.handle(one.pipeline.done_to + 1, Event("end", read + HOUR))
        one.show()
        told = state(one.board, tag.site, 0)
        assert told["site_time"] == told["figures"]["hour"]["ipue"]["end"] == rfc3339(read + HOUR)


@pytest.mark.parametrize(("hours", "outdated"), [(13, False), (20, True)])
def test_a_figure_is_not_outdated_while_readings_may_still_come(
    tmp_path: Path, hours: int, *, outdated: bool
) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(re.sub(r"lateness: \w+", "lateness: 12h", SITE.read_text()))
    one = Scene(tmp_path, site).play(24)
    try:
        (tag,) = one.board.current.sites
        end = one.board.closed.figures[tag.site, "hour", "ipue"].end
        one.board.wall_clock = True
        told = state(one.board, tag.site, end + hours * HOUR)
        assert told["figures"]["hour"]["ipue"]["outdated"] is outdated
    finally:
        one.close()


def test_before_the_first_reading_everything_is_absent(tmp_path: Path) -> None:
    with scene(tmp_path) as one, served(one) as server:
        state = httpx.get(f"{server.url}/api/v1/state").json()
        assert state["site_time"] is None
        assert state["figures"] == {p: {} for p in ("hour", "24h", "7d", "30d", "12mo")}
        assert {(p["watts"], p["reason"]) for p in state["power"]} == {(None, "no_data")}
        told = httpx.get(f"{server.url}/api/v1/history").json()
        assert told["power_watts"]["starts_ms"] == []
