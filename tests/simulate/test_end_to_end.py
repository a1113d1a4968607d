"""What greendc computes of a simulated site agrees with the truth, within what it states itself.

Nothing here shares arithmetic with greendc: the truth is summed in whole numbers from the plant's
steps; the figures come from the written log and site file, through the command line.
"""

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

OF_SITE = {  # greendc's name of a figure -> that of the truth
    "e_dc": "e_dc_kwh",
    "e_it_cat1": "e_it_cat1_kwh",
    "e_it_cat2": "e_it_cat2_kwh",
    "e_it_cat3": "e_it_cat3_kwh",
    "ipue_cat1": "pue_cat1",
    "ipue_cat2": "pue_cat2",
    "subsystem_cooling": "subsystem_cooling_kwh",
    "subsystem_reuse": "subsystem_reuse_kwh",
    "co2e_location": "co2e_location_kg",
    "e_reuse": "e_reuse_kwh",
    "erf": "erf",
}
OF_CATEGORY = {  # with E_IT of the best category that is metered
    "e_it": "e_it_cat{}_kwh",
    "ipue": "pue_cat{}",
    "pue": "pue_cat{}",  # what it is called of a whole year
    "ere": "ere_cat{}",
    "cue_location": "cue_location_cat{}",
    "ppue_cooling": "ppue_cooling_cat{}",
    "ppue_reuse": "ppue_reuse_cat{}",
}
ROUNDING = 1e-5  # of a register at both ends, and of single readings: no class covers that
TOTALS = ("util", "genset_out", "onsite_re", "export", "q_reuse", "ups_out", "rect_out")
ENERGY = (*TOTALS, "pdu_out", "reuse_hp", "cool_*")


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


def figures(given: Scenario, folder: Path, period: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Figures of a period by site and name, out of the replayed log: the last one within it."""
    site, kept, out = (str(folder / name) for name in ("site.yaml", "kept", "figures.jsonl"))
    assert main(["replay", "-q", str(folder / "log.jsonl.zst"), "-c", site, "--keep", kept]) == 0
    assert main(["export", "-c", site, "--data", kept, "--period", period, "-o", out]) == 0
    rows = map(orjson.loads, Path(out).read_bytes().splitlines())
    return {
        (row["site"], row["quantity"]): row
        for row in rows
        if row["start"] >= rfc3339(given.start) and row["end"] <= rfc3339(given.end)
    }


def agrees(row: dict[str, Any], true: float) -> bool:
    assert row["coverage"] > 0.9999, row
    assert row["status"] == "ok", row
    assert row["uncertainty"] is not None, row
    assert row["uncertainty"] < 0.05 * abs(true), row  # what is stated says something
    return bool(abs(row["value"] - true) <= row["uncertainty"] + ROUNDING * abs(true))


def check(given: Scenario, folder: Path, period: str) -> None:
    """Every figure of the last whole period of each site."""
    accounts = written(given, folder)
    found = figures(given, folder, period)
    for account in accounts:
        own = {
            name: row
            for (site, name), row in found.items()
            if site == account.site.id and row["reason"] != "twelve_months"  # then it is pue
        }
        start, end = (parse_rfc3339(own["e_dc"][key]) for key in ("start", "end"))
        true = account.totals(start, end).figures()
        category = own["cue_location"]["category"]
        names = OF_SITE | {n: of.format(category) for n, of in OF_CATEGORY.items()}
        compared = [name for name in names if name in own and names[name] in true]
        off = [
            (n, own[n]["value"], own[n]["uncertainty"], true[names[n]])
            for n in compared
            if true[names[n]] and not agrees(own[n], true[names[n]])
        ]
        assert not off, account.site.id
        pue = "pue" if period == "year" else "ipue"
        assert {"e_dc", "e_it", pue, "cue_location"} <= set(compared)


@pytest.mark.parametrize("name", ready.NAMES)
def test_a_day_as_it_is_metered(name: str, tmp_path: Path) -> None:
    given = ready.scenario(name)
    hours = {"span": 2 * DAY, "step": 10 * MINUTE}
    check(given.model_copy(update=hours), tmp_path, "day")


@pytest.mark.parametrize("name", ready.NAMES)
def test_a_month(name: str, tmp_path: Path) -> None:
    given = ready.scenario(name)
    start = parse_rfc3339("2025-09-30T00:00:00Z")
    given = given.model_copy(update={"start": start, "span": 33 * DAY, "step": HOUR})
    means = {"points": patterns(ENERGY), "kind": "mean_prev", "unit": "kW", "class": 1}
    check(of_points(given, means), tmp_path, "month")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ready.NAMES)
def test_a_year(name: str, tmp_path: Path) -> None:
    given = ready.scenario(name)
    start = parse_rfc3339("2024-12-31T00:00:00Z")
    given = given.model_copy(update={"start": start, "span": 367 * DAY, "step": HOUR})
    register = {"points": patterns(TOTALS), "kind": "register", "unit": "kWh", "class": 0.5}
    check(of_points(given, register), tmp_path, "year")
