"""What random lives of random sites have found: neither order, batches nor ends leave a trace."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from greendc.calendars import parse_rfc3339
from greendc.config import Config
from greendc.core.facility import MINUTE
from greendc.ports import Entry
from tests import runs
from tests.runs import Reading

BEGIN = parse_rfc3339("2025-03-01T00:00:00Z")
ROOM = "point: t_supply, quantity: temperature, unit: degC"


def at(meter: str, minute: float, value: float) -> Reading:
    return meter, BEGIN + round(minute * MINUTE), value


def parts(*given: Sequence[Reading]) -> list[Entry]:
    """Readings of which the input ends behind each part."""
    return [entry for part in given for entry in (runs.batch(part), runs.end())]


def test_an_end_between_leaves_the_counts_of_meters_without_energy(tmp_path: Path) -> None:
    """Their words are counted as far as they have been read, whatever the others' last ones."""
    meters = (
        f"{{id: room, {ROOM}, nominal: 10min, rate_per_min: 3}}",
        "{id: feed, point: util, quantity: energy, unit: Wh, kind: register, nominal: 15min}",
    )
    config = runs.configured(tmp_path, meters, "cell: 5min\nlateness: 20min\nhorizon: 30d")
    log = [at("feed", 0, 8780.0), *(at("room", minute, 19.5) for minute in (40, 50, 80, 90))]
    first, second = [log[0], log[3], log[2]], [log[1], log[4]]
    whole = runs.played(tmp_path / "whole", config, parts(log))
    split = runs.played(tmp_path / "split", config, parts(first, second))
    assert runs.judged(split) == runs.judged(whole) == [("used", 3)]
    assert runs.newest(split) == runs.newest(whole)


@pytest.mark.parametrize("derived", ["", "derived: [{id: light, point: aux_light, constant_w: 9}]"])
def test_the_input_of_a_site_without_energy_ends_with_its_last_reading(
    tmp_path: Path, derived: str
) -> None:
    more = f"cell: 5min\nlateness: 20min\n{derived}"
    meter = f"{{id: room, {ROOM}, nominal: 5min, rate_per_min: 3}}"
    config = runs.configured(tmp_path, [meter], more)
    log = [at("room", minute, 19.5) for minute in range(0, 60, 5)]
    split = runs.played(tmp_path / "split", config, parts(log[:7], log[7:]))
    cells = [name for _, name, _ in runs.newest(split, "cell")]
    assert cells.count("light") == 11 * bool(derived)
    whole = runs.played(tmp_path / "whole", config, parts(log))
    assert runs.newest(split) == runs.newest(whole)
    assert runs.judged(split) == runs.judged(whole) == [("used", 11)]


def spiky(folder: Path) -> Config:
    meter = "{id: it, point: pdu_out, unit: W, kind: instant, nominal: 5min, spike: 200}"
    return runs.configured(folder, [meter], "cell: 5min\nlateness: 20min\nhorizon: 8h")


def test_what_a_second_spike_may_still_bridge_is_not_closed(tmp_path: Path) -> None:
    """900 W is a spike beside 100 W, and 100 W one beside 900 and 870 W, which comes later."""
    config = spiky(tmp_path)
    log = [at("it", 3 + 5 * n, watts) for n, watts in enumerate([100.0, 900, 100, *[870] * 9])]
    whole = runs.played(tmp_path / "whole", config, [runs.batch(log), runs.end()])
    cut = [*runs.entries(log, range(len(log))), runs.end()]
    assert runs.revisions(runs.played(tmp_path / "cut", config, cut)) == runs.revisions(whole)


def test_what_a_register_counts_across_an_end_has_its_steps(tmp_path: Path) -> None:
    """An end closes the cell in which its interval begins; its power comes back behind a step."""
    counts = "quantity: energy, unit: Wh, kind: register, nominal: 15min"
    meters = (
        f"{{id: feed, point: util, {counts}, shape: drawn}}",
        "{id: drawn, point: none, unit: kW, kind: mean_prev, nominal: 10min, quantity: power}",
    )
    config = runs.configured(tmp_path, meters, "cell: 15min\nlateness: 30s\nhorizon: 3h")
    begun, log = at("drawn", 10, 250.5), [("feed", 12, 66140.0), ("feed", 42, 66408.0)]
    log += [("drawn", 50, 900.0), ("feed", 72, 66658.0)]
    behind = [at(*one) for one in log]
    whole = runs.played(tmp_path / "whole", config, parts([begun], behind))
    cut = [*parts([begun]), *runs.entries(behind, [3]), runs.end()]
    assert runs.revisions(runs.played(tmp_path / "cut", config, cut)) == runs.revisions(whole)


def test_what_a_meter_without_energy_has_closed_an_end_closes_too(tmp_path: Path) -> None:
    """Its reading moves the watermark; the register's one comes late and is the only one."""
    meters = (
        "{id: feed, point: util, quantity: energy, unit: Wh, kind: register, nominal: 5min}",
        f"{{id: room, {ROOM}, nominal: 5min}}",
    )
    config = runs.configured(tmp_path, meters, "cell: 15min\nlateness: 30s\nhorizon: 3h")
    log = [at("feed", 57, 359.6), at("room", 65, 20.0), at("room", 120, 28.0)]
    wanted = runs.newest(runs.played(tmp_path / "whole", config, parts(log)))
    assert ("cell", "feed", BEGIN + 75 * MINUTE) in wanted
    late = parts([log[2], log[0], log[1]])
    assert runs.newest(runs.played(tmp_path / "late", config, late)) == wanted


def test_what_a_reading_that_is_no_longer_held_speaks_against_is_left_out(tmp_path: Path) -> None:
    """300 W at 0:00 rule out 20 W at 0:10 and 0:15; that at 0:10 is all that is held of it."""
    meters = (
        "{id: it, point: pdu_out, unit: W, kind: instant, nominal: 5min, rate_per_min: 10}",
        "{id: pump, point: cool_pump, unit: W, kind: mean_next, nominal: 5min}",
    )
    config = runs.configured(tmp_path, meters, "cell: 5min\nlateness: 2min\nhorizon: 30d")
    log = [at("it", 0, 300.0), *(at("it", minute, 20.0) for minute in (10, 15, 20))]
    begun = [at("pump", 70, 9.0), *log[:2]]
    whole = runs.played(tmp_path / "whole", config, parts([*log, begun[0]]))
    late = runs.played(tmp_path / "late", config, parts(begun, log[2:]))
    assert runs.newest(late) == runs.newest(whole)
    assert runs.judged(late) == runs.judged(whole)
    assert ("quarantined:rate", 2) in runs.judged(whole)
