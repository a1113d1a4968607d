"""A year of each ready-made site: figures in plausible bands, which move with the seasons."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from greendc.calendars import LocalCalendar, parse_rfc3339
from greendc.core.facility import DAY, MINUTE
from greendc.simulate import ready
from greendc.simulate.account import MJ_PER_KWH, MM3_PER_L, Account, Totals
from greendc.simulate.scenario import Scenario
from greendc.simulate.site import chunks, points

BANDS = {  # of the year's PUE, category 3
    "edge-room": (1.3, 1.6),  # small rooms: no free cooling, a UPS and fans at part load
    "colocation": (1.15, 1.35),  # mild coast, water-side economiser
    "dc400": (1.12, 1.3),  # one conversion less, dry free cooling in winter
    "cold-region": (1.08, 1.2),  # outside air; the heat pump's power counts
    "city": (1.25, 1.5),  # no economiser; Japan's benchmark for new sites is 1.3
    "cold": (1.08, 1.2),
}
SITES = {
    site.id: (scenario, number)
    for name in ready.NAMES
    for scenario in [ready.scenario(name)]
    for number, site in enumerate(scenario.sites)
}


def a_year_of(name: str) -> tuple[Scenario, Account]:
    given, number = SITES[name]
    start = parse_rfc3339("2025-01-01T00:00:00Z") - DAY
    scenario = given.model_copy(update={"start": start, "span": 367 * DAY, "step": 15 * MINUTE})
    site = scenario.sites[number]
    account = Account(scenario, site)
    known = points(scenario, site)
    for chunk in chunks(scenario, site):
        account.add(chunk)
        for column, power in chunk.powers.items():
            rating = known[column].rating
            if rating is not None:
                assert -0.001 * rating <= power.min() / 1000, column
                assert power.max() / 1000 <= rating, column
    return scenario, account


@cache
def months(name: str) -> tuple[Totals, ...]:
    scenario, account = a_year_of(name)
    zone = scenario.sites[SITES[name][1]].zone
    borders = LocalCalendar(zone).months(account.starts[0] + 2 * DAY, account.end - 2 * DAY)
    return tuple(account.totals(*pair) for pair in pairwise(borders))


def pue(parts: tuple[Totals, ...]) -> float:
    return sum(part.e_dc for part in parts) / sum(part.e_it(3) for part in parts)


@pytest.mark.parametrize("name", BANDS)
def test_pue_of_a_year_is_plausible(name: str) -> None:
    low, high = BANDS[name]
    assert len(months(name)) == 12
    assert low < pue(months(name)) < high


@pytest.mark.parametrize("name", ["edge-room", "colocation", "dc400", "city"])
def test_a_site_with_machines_is_worse_in_summer(name: str) -> None:
    by_month = [pue((month,)) for month in months(name)]
    assert max(by_month) in by_month[5:9]
    assert min(by_month) in (*by_month[:3], *by_month[10:])


def test_city_and_cold_region_differ_by_their_cooling() -> None:
    city, cold = months("city"), months("cold")
    assert [m.e_it(3) for m in city] == [m.e_it(3) for m in cold]  # the same load
    for one, other in zip(city, cold, strict=True):
        assert other.subsystem("cooling") < one.subsystem("cooling") / 4
    assert pue(city) > pue(cold) + 0.1


def test_heat_is_handed_over_in_winter_above_all() -> None:
    reused = [month.at(["q_reuse"]) for month in months("cold-region")]
    assert min(reused[0], reused[1], reused[11]) > 2 * max(reused[6:8])


def test_every_site_and_no_other_has_a_band() -> None:
    assert set(BANDS) == set(SITES)


def table() -> dict[str, list[str]]:
    """Figures of each site as the README of the simulated sites has them."""
    text = (Path(__file__).parents[2] / "config" / "simulated" / "README.md").read_text()
    rows = [line.strip("| ").split("|") for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row[-6:]] for row in rows]
    return {row[0]: row[-3:] for row in cells if row[0] in SITES}


@pytest.mark.parametrize("name", BANDS)
def test_the_readme_tells_the_truth(name: str) -> None:
    parts = months(name)
    it = sum(part.e_it(3) for part in parts) / MJ_PER_KWH
    water = sum(part.volume.get("water.w_in", 0) for part in parts) / MM3_PER_L
    reused = sum(part.at(["q_reuse"]) for part in parts) / sum(part.e_dc for part in parts)
    for said, true in zip(table()[name], (pue(parts), reused, water / it), strict=True):
        digits = len(said.partition(".")[2])
        assert f"{true:.{digits}f}" == said
