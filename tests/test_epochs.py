"""Dated changes of a configuration: figures before `from` stay, figures after it are new."""

from pathlib import Path

import pytest

from greendc.calendars import parse_rfc3339
from greendc.config import Config
from greendc.core.facility import HOUR, MINUTE
from greendc.core.figure import Figure
from tests import runs
from tests.runs import Reading, Run

BEGIN = parse_rfc3339("2025-03-01T00:00:00Z")
CHANGE = parse_rfc3339("2025-03-01T02:00:00Z")
FROM = "from: 2025-03-01T02:00:00Z"
HOURS = 4
METERS = (
    "{id: it_a, point: pdu_out, unit: W, kind: mean_next, nominal: 60s, class: 1}",
    "{id: it_b, point: pdu_out, unit: W, kind: mean_next, nominal: 60s, class: 1}",
    "{id: pump, point: cool_pump, unit: W, kind: mean_next, nominal: 60s, class: 1}",
)
MORE = """
cell: {cell}
e_dc: {e_dc}
lateness: 10min
derived:
  - {{id: sum, sum: {inputs}}}
  - {{id: loss, point: loss_power, share: {share}, of: sum, uncertainty: 0.01}}
"""
USUAL = {"cell": "60s", "e_dc": "bottom_up", "inputs": "[it_a, it_b]", "share": "0.1"}
POWER = {"it_a": 1000.0, "it_b": 500.0, "pump": 300.0}


def log(lo: int = 0, hi: int = HOURS * 60) -> list[Reading]:
    times = range(BEGIN + lo * MINUTE, BEGIN + hi * MINUTE, MINUTE)
    return [(name, time, watt) for time in times for name, watt in POWER.items()]


def config(folder: Path, *changes: str, meters: tuple[str, ...] = METERS) -> Config:
    """The usual site; a change is `key=value after`, dated."""
    given = dict(USUAL)
    for change in changes:
        key, _, after = change.partition("=")
        given[key] = f"[{{value: {given[key]}}}, {{{FROM}, value: {after}}}]"
    return runs.configured(folder, meters, MORE.format(**given))


def hours(path: Path, name: str) -> list[Figure]:
    found = runs.newest(path, "hour")
    return [found["hour", name, BEGIN + h * HOUR] for h in range(HOURS)]


def values(path: Path, name: str) -> list[float | None]:
    return [figure.value for figure in hours(path, name)]


def replayed(folder: Path, used: Config) -> Path:
    return runs.played(folder / "ledger", used, [*runs.entries(log(), [100, 350, 500]), runs.end()])


def test_a_share_changes_from_its_date_on(tmp_path: Path) -> None:
    path = replayed(tmp_path, config(tmp_path, "share=0.2"))
    assert values(path, "ipue") == pytest.approx([1.3, 1.3, 1.4, 1.4])
    assert values(path, "loss") == pytest.approx([150 * 3600] * 2 + [300 * 3600] * 2)
    before, after = (hours(path, "loss")[h].uncertainty for h in (0, 3))
    # limits: 0.01 of the 1500 W, and 1 % of each meter times the share
    assert before == pytest.approx(2 / 3**0.5 * 3600 * (15**2 + 1**2 + 0.5**2) ** 0.5)
    assert after == pytest.approx(2 / 3**0.5 * 3600 * (15**2 + 2**2 + 1**2) ** 0.5)


def test_inputs_of_a_derived_meter_change(tmp_path: Path) -> None:
    path = replayed(tmp_path, config(tmp_path, "inputs=[it_a, it_b, pump]"))
    assert values(path, "sum") == pytest.approx([1500 * 3600] * 2 + [1800 * 3600] * 2)


def test_the_boundary_changes(tmp_path: Path) -> None:
    feed = "{id: feed, point: util, unit: W, kind: mean_next, nominal: 60s}"
    used = config(tmp_path, "e_dc=metered", meters=(*METERS, feed))
    more = [("feed", time, 2500.0) for name, time, _ in log() if name == "pump"]
    entries = [*runs.entries(sorted([*log(), *more], key=lambda r: r[1])), runs.end()]
    path = runs.played(tmp_path / "ledger", used, entries)
    assert values(path, "ipue") == pytest.approx([1.3, 1.3, 2500 / 1500, 2500 / 1500])


def test_a_point_changes(tmp_path: Path) -> None:
    moved = METERS[1].replace(
        "point: pdu_out", f"point: [{{value: none}}, {{{FROM}, value: pdu_out}}]"
    )
    path = replayed(tmp_path, config(tmp_path, meters=(METERS[0], moved, METERS[2])))
    assert values(path, "e_it") == pytest.approx([1000 * 3600] * 2 + [1500 * 3600] * 2)


def test_a_multiplier_changes(tmp_path: Path) -> None:
    scaled = METERS[0][:-1] + f", multiplier: [{{value: 1}}, {{{FROM}, value: 2}}]}}"
    path = replayed(tmp_path, config(tmp_path, meters=(scaled, *METERS[1:])))
    assert values(path, "it_a") == pytest.approx([1000 * 3600] * 2 + [2000 * 3600] * 2)


def test_cells_grow_longer(tmp_path: Path) -> None:
    path = replayed(tmp_path, config(tmp_path, "cell=5min"))
    cells = [f for key, f in runs.newest(path, "cell").items() if key[1] == "e_dc"]
    lengths = [(f.end - f.start) // MINUTE for f in cells]
    assert lengths == [1] * 120 + [5] * 24
    assert [a.end for a in cells[:-1]] == [b.start for b in cells[1:]]
    assert values(path, "ipue") == pytest.approx([1.3] * HOURS)
    assert values(path, "e_dc") == pytest.approx([1.3 * 1500 * 3600] * HOURS)


@pytest.mark.parametrize("change", ["share=0.2", "inputs=[it_a, it_b, pump]", "cell=5min"])
def test_figures_before_the_change_are_those_without_it(change: str, tmp_path: Path) -> None:
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    changed = runs.newest(replayed(tmp_path / "with", config(tmp_path / "with", change)))
    plain = runs.newest(replayed(tmp_path / "without", config(tmp_path / "without")))
    early = {key: f for key, f in plain.items() if f.end <= CHANGE and key[0] in {"cell", "hour"}}
    assert len(early) > 1000
    assert {key: changed[key] for key in early} == early


@pytest.mark.parametrize("change", ["share=0.2", "cell=5min"])
def test_a_reload_in_time_is_as_if_it_had_always_been_there(change: str, tmp_path: Path) -> None:
    used = config(tmp_path, change)
    whole = runs.newest(replayed(tmp_path, used))
    run = Run(tmp_path / "reloaded", config(tmp_path))
    for entry in (runs.batch(log(0, 90)), runs.config_event(used)):
        run.take(entry)
        run.commit()
        run.kill()
    run.take(runs.batch(log(90)))
    run.take(runs.end())
    assert runs.newest(run.close()) == whole


def test_a_meter_that_comes_later_has_no_figures_before(tmp_path: Path) -> None:
    run = Run(tmp_path / "ledger", config(tmp_path))
    run.take(runs.batch(log(0, 150)))
    run.commit()
    added = "{id: fan, point: none, quantity: power, unit: W, kind: mean_next, nominal: 60s}"
    run.take(runs.config_event(config(tmp_path, meters=(*METERS, added))))
    run.kill()
    more = [("fan", time, 50.0) for name, time, _ in log(150) if name == "pump"]
    run.take(runs.batch(sorted([*log(150), *more], key=lambda r: r[1])))
    run.take(runs.end())
    found = runs.newest(run.close(), "cell")
    fan = [f for key, f in found.items() if key[1] == "fan"]
    assert fan[0].start >= BEGIN + 139 * MINUTE  # the watermark at the reload
    assert [f.value for f in fan if f.start >= BEGIN + 150 * MINUTE] == [3000.0] * 90
    assert len([1 for key in found if key[1] == "it_a"]) == 240
