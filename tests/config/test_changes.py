"""What a reload may not change of the past."""

from pathlib import Path

import pytest

from greendc.calendars import rfc3339
from greendc.config import Config, changes, past
from greendc.config.changes import Settled
from greendc.config.past import told
from greendc.core.facility import EVER, HOUR, MINUTE
from tests.config.kit import FEED, PDU, PUMP, UPS, T, loaded, site

HALF = "2025-03-01T00:30:00Z"
SECOND_FEED = "{id: b, point: %s, unit: kW, kind: instant}"


def changed(folder: Path, old: str, new: str, before: int = T + 30 * MINUTE) -> list[str]:
    return told_of(loaded(folder, old), loaded(folder, new), before)


def told_of(was: Config, now: Config, before: int) -> list[str]:
    """What is told of changes, where cells are closed up to a time."""
    return [told(one) for one in past.changed(was, now, {"s": Settled(before)})]


def dated(old: object, new: object, at: str = HALF) -> str:
    return f"[{{value: {old}}}, {{from: {at}, value: {new}}}]"


def feed(**keys: object) -> str:
    given = {"id": "feed", "point": "util", "unit": "kW", "kind": "instant", **keys}
    return "{" + ", ".join(f"{key}: {value}" for key, value in given.items()) + "}"


def exchanged(at: str) -> str:
    keys = {"quantity": "energy", "unit": "kWh", "kind": "register"}
    return feed(**keys, replaced=f"[{{at: {at}, final: 12, initial: 0}}]")


CASES = {
    "replaced": (
        site(feed(quantity="energy", unit="kWh", kind="register")),
        site(exchanged("2025-03-01T00:29:59Z")),
        "meters[feed].replaced",
    ),
    "multiplier": (site(feed()), site(feed(multiplier=40)), "meters[feed].multiplier"),
    "unit": (site(feed()), site(feed(unit="W")), "meters[feed].unit"),
    "point": (site(feed()), site(feed(point="tx_out")), "meters[feed].point"),
    "cell": (site(FEED), site(FEED, more="cell: 10min"), "cell"),
    "e_dc": (site(UPS), site(UPS, more="e_dc: bottom_up"), "e_dc"),
    "e_it": (site(UPS), site(UPS, more="e_it: {1: [ups]}"), "e_it"),
    "new_meter": (site(FEED), site(FEED, SECOND_FEED % "util"), "meters[b].point"),
    "lost_meter": (site(FEED, PUMP), site(FEED), "meters[pump].point"),
    "formula": (
        site(UPS, PUMP, more="derived: [{id: d, sum: [ups]}]"),
        site(UPS, PUMP, more="derived: [{id: d, sum: [pump]}]"),
        "derived[d].sum",
    ),
    "share": (
        site(UPS, more="derived: [{id: d, point: aux_other, share: 0.1, of: ups}]"),
        site(UPS, more="derived: [{id: d, point: aux_other, share: 0.2, of: ups}]"),
        "derived[d].share",
    ),
    "factor": (
        site(FEED, more="emissions: {location: {table: carbontracker, zone: DEU}}"),
        site(FEED, more="emissions: {location: {table: carbontracker, zone: FRA}}"),
        "emissions.location",
    ),
    "new_factor": (
        site(FEED),
        site(FEED, more="emissions: {market: {factor: 5, year: 2025, source: x}}"),
        "emissions.market",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_past_stays(case: str, tmp_path: Path) -> None:
    old, new, key = CASES[case]
    border = "2025-03-01T00:30:00Z"
    behind = ", later than any reading so far" if key.endswith(("multiplier", "unit")) else ""
    assert changed(tmp_path, old, new) == [f"s.{key}: earliest allowed from is {border}{behind}"]


@pytest.mark.parametrize("case", CASES)
def test_nothing_has_changed(case: str, tmp_path: Path) -> None:
    old, new, _ = CASES[case]
    assert changed(tmp_path, old, old) == []
    assert changed(tmp_path, new, new) == []


FREE = {
    "name": (site(FEED), site(FEED, more="name: Other")),
    "class": (site(feed()), site(feed(**{"class": 0.5}))),
    "lateness": (site(FEED), site(FEED, more="lateness: 1h")),
    "tag": (site(feed()), site(feed(tag="x"))),
    "replaced_from_then": (
        site(feed(quantity="energy", unit="kWh", kind="register")),
        site(exchanged(HALF)),
    ),
    "time_zone": (site(feed()), site(feed(time_zone="UTC"))),
    "multiplier_from_then": (site(feed()), site(feed(multiplier=dated(1, 40)))),
    "point_from_then": (site(feed()), site(feed(point=dated("util", "tx_out")))),
    "new_meter_from_then": (site(FEED), site(FEED, SECOND_FEED % dated("none", "util"))),
    "new_meter_at_no_point": (
        site(FEED),
        site(FEED, "{id: b, quantity: power, unit: kW, kind: instant}"),
    ),
    "later_factor": (
        site(FEED),
        site(
            FEED,
            more=f"emissions: {{market: [{{from: {HALF}, value: "
            "{factor: 5, year: 2025, source: x}}]}",
        ),
    ),
}


@pytest.mark.parametrize("case", FREE)
def test_what_may_change(case: str, tmp_path: Path) -> None:
    assert changed(tmp_path, *FREE[case]) == []


def test_a_date_before_the_closed_cells_is_too_early(tmp_path: Path) -> None:
    new = site(feed(multiplier=dated(1, 40, "2025-03-01T00:29:00Z")))
    assert len(changed(tmp_path, site(feed()), new)) == 1


def test_the_earliest_time_lies_on_the_grid(tmp_path: Path) -> None:
    old, new = (site(feed(nominal="15min", point=p)) for p in ("util", "tx_out"))
    (line,) = changed(tmp_path, old, new, T + 31 * MINUTE)
    assert line.endswith("2025-03-01T00:45:00Z")


def test_what_cannot_be_dated_says_what_to_do(tmp_path: Path) -> None:
    (line,) = changed(tmp_path, site(feed()), site(feed(kind="mean_prev")))
    assert line.startswith("s.meters[feed].kind: cannot be dated; from 2025-03-01T00:30:00Z on set")


def test_the_zone_stays_once_something_is_closed(tmp_path: Path) -> None:
    old, new = site(FEED, zone="Europe/Berlin"), site(FEED, zone="Europe/London")
    (line,) = changed(tmp_path, old, new)
    assert line.startswith("s.zone: cannot be changed: the borders of closed days")
    assert list(past.changed(loaded(tmp_path, old), loaded(tmp_path, new), {})) == []


def test_by_site(tmp_path: Path) -> None:
    was, now = loaded(tmp_path, site(feed())), loaded(tmp_path, site(feed(multiplier=2)))
    assert past.changed(was, now, {}) == []
    assert past.changed(was, now, {"t": Settled(T + HOUR)}) == []
    assert len(past.changed(was, now, {"s": Settled(T + HOUR)})) == 1


@pytest.mark.parametrize("key", ["multiplier", "unit", "point"])
def test_what_has_been_read_stays_as_it_was_read(key: str, tmp_path: Path) -> None:
    """A factor holds for readings as they come; everything else for cells as they close."""
    values = {"multiplier": (1, 40), "unit": ("kW", "W"), "point": ("util", "tx_out")}[key]
    was = loaded(tmp_path, site(feed()))
    for at, refused in (("2025-03-01T00:40:00Z", key != "point"), ("2025-03-01T00:41:00Z", False)):
        now = loaded(tmp_path, site(feed(**{key: dated(*values, at)})))
        settled = Settled(T + 30 * MINUTE, T + 40 * MINUTE)  # the newest reading is of 0:40
        told_of = [told(one) for one in past.changed(was, now, {"s": settled})]
        earliest = "2025-03-01T00:41:00Z, later than any reading so far"
        expected = f"s.meters[feed].{key}: earliest allowed from is {earliest}"
        assert told_of == ([expected] if refused else [])


def test_before_anything_is_closed_readings_count(tmp_path: Path) -> None:
    states = {
        "s": {"origin": None, "watermark": T, "newest": T + MINUTE},
        "empty": {"origin": None, "watermark": -EVER, "newest": -EVER},
    }
    found = changes.settled(states)
    assert found == {"s": Settled(-EVER, T + MINUTE)}
    was, now = loaded(tmp_path, site(feed())), loaded(tmp_path, site(feed(multiplier=2)))
    assert [one.path[-1] for one in past.changed(was, now, found)] == ["multiplier"]
    moved = loaded(tmp_path, site(feed(point="tx_out")))
    assert past.changed(was, moved, found) == []


def test_a_new_row_of_a_table_is_a_change(tmp_path: Path) -> None:
    text = site(FEED, more="emissions: {location: {table: carbontracker, zone: DEU}}")
    was, now = loaded(tmp_path, text), loaded(tmp_path, text).effective()
    now["content"]["tables"][0][2] = 300.0
    (line,) = told_of(was, Config.from_effective(now), T)
    assert line.startswith("s.emissions.location: ")


def test_several_it_sums_are_compared_as_journalled(tmp_path: Path) -> None:
    text = site(UPS, PDU, more="e_it: {1: [ups], 2: [pdu]}")
    was = Config.from_body(loaded(tmp_path, text).body())
    assert told_of(was, loaded(tmp_path, text), T) == []


SERIES = [(T + hour * HOUR, 300.0 + hour) for hour in range(6)]


def with_series(folder: Path, rows: list[tuple[int, float]], more: str = "") -> Config:
    text = "".join(f"{rfc3339(stamp)},{value}\n" for stamp, value in rows)
    (folder / "grid.csv").write_text(f"timestamp,g_per_kwh\n{text}")
    factor = f"{{series: grid.csv, zone: DEU, source: x{more}}}"
    return loaded(folder, site(FEED, more=f"emissions: {{location: {factor}}}"))


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        ([*SERIES, (T + 6 * HOUR, 306.0)], False),  # a further hour
        ([*SERIES[:4], (T + 4 * HOUR, 1.0), SERIES[5]], False),  # an hour that is to come
        ([*SERIES[:3], (T + 3 * HOUR, 1.0), *SERIES[4:]], True),  # the running one
        ([*SERIES[:1], (T + HOUR, 1.0), *SERIES[2:]], True),
        ([*SERIES[:1], *SERIES[2:]], True),
        ([(T - HOUR, 299.0), *SERIES], True),
    ],
)
def test_a_series_may_grow_but_not_change_what_was(
    tmp_path: Path, rows: list[tuple[int, float]], refused: bool
) -> None:
    was = with_series(tmp_path, SERIES)
    now = with_series(tmp_path, rows)
    found = told_of(was, now, T + 3 * HOUR + 30 * MINUTE)
    expected = "s.emissions.location: earliest allowed from is 2025-03-01T03:30:00Z"
    assert found == ([expected] if refused else [])


@pytest.mark.parametrize(
    ("rows", "more", "refused"),
    [
        (SERIES[:4], ", stamps: end", False),  # the hour until 4:00 runs, the next one is to come
        (SERIES[:3], ", stamps: end", True),
        (SERIES, "", True),
    ],
)
def test_what_was_is_by_where_stamps_lie(
    tmp_path: Path, rows: list[tuple[int, float]], more: str, refused: bool
) -> None:
    was = with_series(tmp_path, [(stamp + HOUR, value) for stamp, value in SERIES], ", stamps: end")
    now = with_series(tmp_path, [(stamp + HOUR, value) for stamp, value in rows], more)
    assert bool(told_of(was, now, T + 3 * HOUR + 30 * MINUTE)) == refused
