"""Recomputed figures are those of a configuration that had always been so, and no other changes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.calendars import rfc3339
from greendc.config import load
from greendc.core.facility import HOUR, MINUTE
from greendc.core.figure import Figure
from greendc.ports import Entry, GreendcError
from tests import runs
from tests.recompute.kit import (
    BEGIN,
    CHANGE,
    METERS,
    USUAL,
    Played,
    dated,
    log,
    meters,
    replayed,
    site,
)

KPIS = {"e_dc", "co2e_location", "ipue", "dcie", "cue_location", "pue"}
IT = KPIS | {"e_it", "ppue_cooling", "ppue_power", "ppue_other"}
EXCHANGE = "[{at: 2025-03-01T02:05:00Z, final: 6.25, initial: 6.2}]"
EXCHANGED = (*METERS[:3], f"{METERS[3][:-1]}, replaced: {EXCHANGE}}}")
CHANGES: dict[
    str, tuple[dict[str, Any], set[str]]
] = {  # what is said otherwise, and the figures that rest on it
    "multiplier": (
        {"meters": meters(0, "multiplier", 1, 10)},
        IT | {"it_a", "loss", "subsystem_power"},
    ),
    "register": (
        {"meters": meters(3, "multiplier", 1, 10)},
        KPIS | {"heat", "ppue_other", "subsystem_other"},
    ),
    "unit": (
        {"meters": meters(2, "unit", "W", "kW")},
        KPIS | {"pump", "ppue_cooling", "subsystem_cooling"},
    ),
    "exchange": ({"meters": EXCHANGED}, KPIS | {"heat", "ppue_other", "subsystem_other"}),
    "point": (
        {"meters": meters(2, "point", "cool_pump", "cool_tower")},
        set(),  # it is cooling all the same
    ),
    "factor": (
        {
            "factor": dated(
                "{factor: 400, year: 2025, source: a}", "{factor: 40, year: 2025, source: b}"
            )
        },
        {"co2e_location", "cue_location"},
    ),
    "share": ({"share": dated("0.1", "0.3")}, KPIS | {"loss", "subsystem_power", "ppue_power"}),
    "formula": ({"of": dated("it_a", "it_b")}, KPIS | {"loss", "subsystem_power", "ppue_power"}),
}


def newest_revisions(path: Path) -> dict[runs.Key, Figure]:
    """The newest revision of each figure, with its number."""
    found = runs.revisions(path)
    return {(f.period, f.quantity, f.start): f._replace(config=0) for f in found}


@pytest.mark.parametrize("change", CHANGES)
def test_as_if_it_had_always_been_so_and_nothing_else(change: str, tmp_path: Path) -> None:
    said, rests_on_it = CHANGES[change]
    usual, wanted = site(tmp_path / "a"), site(tmp_path / "b", **said)
    run = Played(tmp_path / "ledger", usual)
    run.take(runs.batch(log(0, 28)))
    run.commit()
    before = newest_revisions(run.path)
    run.recompute(wanted)
    run.commit()
    after = newest_revisions(run.path)
    changed = {key for key in after if after[key] != before.get(key)}
    assert {name for _, name, _ in changed} == rests_on_it
    assert {after[key].revision for key in changed} <= {1}
    assert all(after[key].end > CHANGE - HOUR for key in changed)
    run.take(runs.batch(log(28)))
    run.take(runs.end())
    fresh = runs.played(tmp_path / "fresh", wanted, [runs.batch(log()), runs.end()])
    assert runs.newest(run.close()) == runs.newest(fresh)
    assert runs.judged(run.path) == runs.judged(fresh)


OTHERS: dict[str, dict[str, Any]] = {  # what has no date, or makes figures that there were not
    "kind": {"meters": (METERS[0].replace("mean_next", "instant"), *METERS[1:])},
    "max_gap": {"meters": (*METERS[:2], f"{METERS[2][:-1]}, max_gap: 5min}}", METERS[3])},
    "register_gap": {"meters": (*METERS[:3], f"{METERS[3][:-1]}, max_gap: 2min}}")},
    "method": {"factor": f"{USUAL['factor']}, market: {{factor: 5, year: 2025, source: green}}"},
    "derived": {"of": "it_a}, {id: spare, point: aux_other, constant_w: 20"},
    "e_it": {"more": "e_it: {2: [it_a]}"},
    "denominator": {"more": "min_it_power_w: 1503"},
}


@pytest.mark.parametrize("change", OTHERS)
def test_other_keys_as_if_they_had_always_been_so(change: str, tmp_path: Path) -> None:
    wanted = site(tmp_path / "b", **OTHERS[change])
    run = Played(tmp_path / "ledger", site(tmp_path / "a"))
    run.take(runs.batch(log(0, 7)))
    run.commit()
    before = runs.revisions(run.path)
    run.recompute(wanted)
    run.commit()
    assert runs.revisions(run.path) != before
    run.take(runs.batch(log(7, 8)))
    run.take(runs.end())
    path = run.close()
    fresh = runs.played(tmp_path / "fresh", wanted, [runs.batch(log(0, 8)), runs.end()])
    found = {key: f for key, f in runs.newest(path).items() if f.reason != "withdrawn"}
    assert found == runs.newest(fresh)
    withdrawn = {f.quantity for f in runs.revisions(path) if f.reason == "withdrawn"}
    assert not withdrawn & {quantity for _, quantity, _ in found}  # what is only not closed stays


@pytest.mark.parametrize("minutes", [10, 8 * 60])
def test_a_factor_of_readings_whose_cells_are_still_open(minutes: int, tmp_path: Path) -> None:
    """Also where nothing has been closed yet: what was read is read again."""
    held = rfc3339(BEGIN + (minutes - 10) * MINUTE)
    factor = f"multiplier: [{{value: 1}}, {{from: {held}, value: 10}}]"
    wanted = site(tmp_path / "b", (f"{METERS[0][:-1]}, {factor}}}", *METERS[1:]))
    run = Played(tmp_path / "ledger", site(tmp_path / "a"))
    run.take(runs.batch(log(0, minutes / 60)))
    run.recompute(wanted)
    run.take(runs.batch(log(minutes / 60, 9)))
    run.take(runs.end())
    fresh = runs.played(tmp_path / "fresh", wanted, [runs.batch(log(0, 9)), runs.end()])
    assert runs.newest(run.close()) == runs.newest(fresh)


def test_a_series_that_was_wrong(tmp_path: Path) -> None:
    configs = []
    for name, value in (("a", 300), ("b", 30)):
        folder = tmp_path / name
        folder.mkdir()
        rows = [f"2025-03-01T{hour:02d}:00:00Z,{300 if hour < 2 else value}" for hour in range(9)]
        (folder / "grid.csv").write_text("\n".join(["timestamp,g_per_kwh", *rows, ""]))
        configs.append(site(folder, factor="{series: grid.csv, zone: DEU, source: made up}"))
    usual, wanted = configs
    run = Played(tmp_path / "ledger", usual)
    run.take(runs.batch(log(0, 8)))
    run.recompute(wanted)
    run.take(runs.end())
    path = run.close()
    fresh = runs.played(tmp_path / "fresh", wanted, [runs.batch(log(0, 8)), runs.end()])
    assert runs.newest(path) == runs.newest(fresh)
    revised = {f.quantity for f in runs.revisions(path) if f.revision}
    assert revised == {"co2e_location", "cue_location"}


@settings(max_examples=8, deadline=None)
@given(
    late=st.lists(st.integers(0, 4 * 24 - 1), max_size=4),
    cuts=st.lists(st.integers(84, 4 * 30 - 1), max_size=3),
    places=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    killed=st.booleans(),
    other=st.sampled_from([{"meters": EXCHANGED}, CHANGES["share"][0], OTHERS["kind"]]),
)
def test_live_is_replay_is_as_it_had_always_been(
    late: list[int],
    cuts: list[int],
    places: tuple[int, int],
    killed: bool,
    other: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whatever was late, whatever else was recomputed before, and where it was killed."""
    folder = tmp_path_factory.mktemp("law")
    whole = log(0, 5)
    in_time = [one for place, one in enumerate(whole) if place not in late]
    told = [whole[place] for place in sorted(set(late))]
    entries: list[Entry] = [*runs.entries(in_time, {84, *cuts}), runs.batch(told)]
    wishes = [site(folder / "b", meters(0, "multiplier", 1, 10)), site(folder / "c", **other)]
    run = Played(folder / "ledger", site(folder / "a"))
    for number, entry in enumerate(entries):
        run.take(entry)
        for place, wanted in zip(sorted(places), wishes, strict=True):
            if number == len(entries) - place:
                run.recompute(wanted)
                if killed:
                    run.kill()
    run.take(runs.end())
    path, last = run.close(), run.pipeline.config
    assert runs.revisions(replayed(folder / "again", run)) == runs.revisions(path)
    fresh = [*entries, runs.end()]
    assert runs.newest(runs.played(folder / "fresh", last, fresh)) == runs.newest(path)


def test_what_had_been_read_from_other_topics_still_is(tmp_path: Path) -> None:
    """A configuration of before keeps how it read messages; only the key is another."""
    run = Played(tmp_path / "ledger", site(tmp_path / "a"))
    run.take(runs.batch(log(0, 4)))
    folders = [tmp_path / name for name in ("b", "c")]
    for folder, more in zip(folders, (METERS, meters(0, "multiplier", 1, 10)), strict=True):
        site(folder, more)
        text = (folder / "site.yaml").read_text().replace("'m/{meter}'", "'n/{meter}'")
        (folder / "site.yaml").write_text(text)
    moved, wanted = (load(folder / "site.yaml") for folder in folders)
    run.take(runs.config_event(moved))
    there = runs.batch(log(4, 8))
    run.take(replace(there, topics=[topic.replace("m/", "n/") for topic in there.topics]))
    run.recompute(wanted)
    run.take(runs.end())
    found = runs.newest(run.close(), "hour")
    fresh = site(tmp_path / "d", meters(0, "multiplier", 1, 10))
    path = runs.played(tmp_path / "fresh", fresh, [runs.batch(log(0, 8)), runs.end()])
    assert found == runs.newest(path, "hour")
    assert len({start for _, _, start in found}) == 8


def test_a_figure_that_there_is_no_more_is_withdrawn(tmp_path: Path) -> None:
    run = Played(tmp_path / "ledger", site(tmp_path / "a"))
    run.take(runs.batch(log(0, 28)))
    run.recompute(site(tmp_path / "b", loss="none"))
    run.take(runs.end())
    path = run.close()
    gone = [f for f in newest_revisions(path).values() if f.quantity == "subsystem_power"]
    assert len(gone) > 100
    assert {(f.value, f.status, f.reason, f.valid) for f in gone} == {
        (None, "undefined", "withdrawn", 0)
    }
    fresh = site(tmp_path / "c", loss="none")
    path_fresh = runs.played(tmp_path / "f", fresh, [runs.batch(log(0, 28)), runs.end()])
    found = {k: f for k, f in runs.newest(path).items() if f.reason != "withdrawn"}
    assert found == runs.newest(path_fresh)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "nothing of closed time would change"),
        ({"meters": meters(0, "multiplier", 1, 1)}, "nothing of closed time would change"),
        ({"meters": METERS[:3]}, r"s.meters\[heat\]: cannot be taken out of closed time: keep it"),
        (
            {"meters": tuple(m.replace("nominal: 10min", "nominal: 5min") for m in METERS)},
            r"s.meters\[it_a\].nominal: cannot be recomputed: set point to none and add a meter",
        ),
    ],
)
def test_what_cannot_be_recomputed_says_what_to_do(
    said: dict[str, Any], why: str, tmp_path: Path
) -> None:
    run = Played(tmp_path / "ledger", site(tmp_path / "a"))
    run.take(runs.batch(log(0, 4)))
    with pytest.raises(GreendcError, match=why):
        run.recompute(site(tmp_path / "b", **said))
    assert len(run.journal) == 1


def test_a_pipeline_without_its_past_refuses(tmp_path: Path) -> None:
    run = Played(tmp_path / "ledger", site(tmp_path / "a"))
    run.take(runs.batch(log(0, 4)))
    run.recompute(site(tmp_path / "b", meters(0, "multiplier", 1, 10)))
    with pytest.raises(GreendcError, match="what came before is not at hand"):
        runs.played(tmp_path / "other", run.config, [entry for _, entry in run.journal])
