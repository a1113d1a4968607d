"""What greendc computes of a simulated site agrees with the truth, within what it states itself.

Nothing here shares arithmetic with greendc: the truth is summed in whole numbers from the plant's
steps; the figures come from the written log and site file, through the command line.
"""

from collections import Counter
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import orjson
import pytest

from greendc.calendars import parse_rfc3339, rfc3339
from greendc.cli import main
from greendc.core.facility import DAY, HOUR, MINUTE
from greendc.simulate import ready
from greendc.simulate.account import Account
from greendc.simulate.rules import Rule
from greendc.simulate.scenario import Scenario
from greendc.simulate.site_file import write_site_file
from greendc.simulate.traffic import Traffic
from greendc.simulate.writing import LogLines
from greendc.sources.writing import LogWriter
from tests.simulate.names import names

Known = AbstractSet[tuple[str, str, str]]

OUTSIDE: Known = {("cold-region", "day", "e_it"), ("cold-region", "day", "e_it_cat3")}
"""Figures of a day with an error above their uncertainty, by what their seed gives the meters.

At k = 2 that happens to one sum of many meters in 22, and these are one sum, of 100 meters; of five
sites there are 82 figures of a day. `test_uncertainty.py` has the distribution.
"""
AT_MOST = 1.5  # uncertainties that any error has: one in 370 exceeds it, one in 22 the first
ROUNDING = 1e-5  # of a register at both ends, and of single readings: no class covers that
TOTALS = ("util", "genset_out", "onsite_re", "export", "q_reuse", "ups_out", "rect_out")


def of_points(given: Scenario, *rules: dict[str, Any]) -> Scenario:
    """The same with other meters."""
    metering = tuple(Rule.model_validate(rule) for rule in rules)
    sites = tuple(site.model_copy(update={"metering": metering}) for site in given.sites)
    return given.model_copy(update={"sites": sites})


def patterns(points: tuple[str, ...]) -> list[str]:
    return [f"*.{point}" for point in points]


def written(given: Scenario, folder: Path) -> list[Account]:
    """Log and site file of a scenario; its true accounts."""
    traffic = Traffic(given, given.start, given.end)
    write_site_file(folder / "site.yaml", given, traffic.sites)
    lines = LogLines(traffic.topics, traffic.forms, traffic.words)
    with LogWriter(folder / "log.jsonl.zst", quick=True) as log:
        for messages in traffic.messages():
            lines.write(messages, log)
    return traffic.accounts


def replayed(given: Scenario, folder: Path) -> list[dict[str, Any]]:
    """Figures of whole days, months and the year within the written log."""
    site, kept = str(folder / "site.yaml"), str(folder / "kept")
    assert main(["replay", "-q", str(folder / "log.jsonl.zst"), "-c", site, "--keep", kept]) == 0
    found = []
    for period in ("day", "month", "year"):
        out = folder / f"{period}.jsonl"
        told = ["export", "-c", site, "--data", kept, "--period", period, "-o", str(out)]
        assert main(told) == 0
        found += [orjson.loads(line) for line in out.read_bytes().splitlines()]
    first, last = rfc3339(given.start), rfc3339(given.end)
    return [row for row in found if row["start"] >= first and row["end"] <= last]


def off(row: dict[str, Any], true: float) -> float:
    """Error of a figure in stated uncertainties, but for rounding."""
    assert row["coverage"] > 0.9999, row
    assert row["status"] == "ok", row
    assert row["uncertainty"] is not None, row
    assert row["uncertainty"] < 0.05 * abs(true), row  # what is stated says something
    rounding = ROUNDING * abs(true)
    return float(max(abs(row["value"] - true) - rounding, 0.0) / row["uncertainty"])


def compared(given: Scenario, folder: Path) -> dict[tuple[str, str, str, str], float]:
    """Error of every figure that the truth has, by site, period, start and name."""
    accounts = {account.site.id: account for account in written(given, folder)}
    rows = replayed(given, folder)
    wanted = {
        row["site"]: names(row["category"]) for row in rows if row["quantity"] == "cue_location"
    }
    found = {}
    totals: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in rows:
        where = row["site"], row["start"], row["end"]
        if where not in totals:
            start, end = (parse_rfc3339(time) for time in where[1:])
            totals[where] = accounts[row["site"]].totals(start, end).figures()
        true = totals[where].get(wanted[row["site"]].get(row["quantity"], ""))
        if true and row["reason"] != "twelve_months":  # a year's ipue is pue
            found[row["site"], row["period"], row["start"], row["quantity"]] = off(row, true)
    return found


def agree(given: Scenario, folder: Path, known: Known = frozenset()) -> Counter[str]:
    """How many figures of each period were compared; all agree but for those known to be off."""
    found = compared(given, folder)
    sites = {site.id for site in given.sites}
    outside = {(key[0], key[1], key[3]) for key, error in found.items() if error > 1.0}
    periods = {key[1] for key in found}
    assert outside == {one for one in known if one[0] in sites and one[1] in periods}
    assert max(found.values()) < AT_MOST
    assert max(found.values()) > 0.1  # what is stated is of the size of what there is
    for site in sites:
        named = {key[3] for key in found if key[0] == site}
        assert {"e_dc", "e_it", "ipue", "cue_location", "co2e_location"} <= named
    return Counter(key[1] for key in found)


@pytest.mark.parametrize("name", ready.NAMES)
def test_a_day_as_it_is_metered(name: str, tmp_path: Path) -> None:
    given = ready.scenario(name).model_copy(update={"span": 2 * DAY, "step": 10 * MINUTE})
    assert agree(given, tmp_path, OUTSIDE)["day"] >= 12 * len(given.sites)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ready.NAMES)
def test_all_days_and_months_of_a_year_and_the_year(name: str, tmp_path: Path) -> None:
    start = parse_rfc3339("2024-12-31T00:00:00Z")
    whole = {"start": start, "span": 367 * DAY, "step": HOUR}
    register = {"points": patterns(TOTALS), "kind": "register", "unit": "kWh", "class": 0.5}
    given = of_points(ready.scenario(name).model_copy(update=whole), register)
    found, sites = agree(given, tmp_path), len(given.sites)
    assert found["year"] >= 5 * sites
    assert found["month"] == 12 * found["year"]
    assert found["day"] >= 365 * found["year"]
