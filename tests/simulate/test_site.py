"""The truth of a simulated site is conserved, and the same whatever is asked first."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from greendc.core.facility import DAY, HOUR
from greendc.simulate.scenario import Scenario, Site, load
from greendc.simulate.site import chunks, points
from greendc.simulate.truth import Chunk
from tests.simulate import sites

SITES = Path(__file__).parents[2] / "config" / "simulated"
FILES = sorted(SITES.glob("*.yaml"))


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return load(request.param)


def day(scenario: Scenario, **more: int) -> list[Chunk]:
    start = scenario.start + 5 * HOUR
    return [
        chunk
        for site in scenario.sites
        for chunk in chunks(scenario.model_copy(update=more), site, start, start + DAY)
    ]


def same(one: Chunk, other: Chunk, cut: slice) -> bool:
    columns = ((one.powers, other.powers), (one.states, other.states), (one.volumes, other.volumes))
    return all(
        mine.keys() == theirs.keys()
        and all(np.array_equal(mine[name][cut], theirs[name]) for name in mine)
        for mine, theirs in columns
    )


def test_every_balance_holds_to_the_milliwatt(scenario: Scenario) -> None:
    for chunk in day(scenario):
        assert chunk.balances
        for inputs, outputs in chunk.balances:
            gap = sum(chunk.powers[n] for n in inputs) - sum(chunk.powers[n] for n in outputs)
            assert not np.any(gap), inputs


def test_points_are_the_columns(scenario: Scenario) -> None:
    for site in scenario.sites:
        chunk = next(chunks(scenario, site, end=scenario.start + HOUR))
        columns = {**chunk.powers, **chunk.states, **chunk.volumes}
        assert points(scenario, site).keys() == columns.keys()


def test_a_later_begin_gives_the_same_steps(scenario: Scenario) -> None:
    for site in scenario.sites:
        whole = next(chunks(scenario, site, scenario.start, scenario.start + DAY))
        begin = scenario.start + 7 * HOUR
        part = next(chunks(scenario, site, begin, begin + HOUR))
        first = 7 * HOUR // scenario.step
        assert same(whole, part, slice(first, first + HOUR // scenario.step))


def test_another_seed_is_another_day(scenario: Scenario) -> None:
    one, other = day(scenario)[0], day(scenario, seed=scenario.seed + 1)[0]
    assert not same(one, other, slice(None))
    assert same(one, replace(day(scenario)[0]), slice(None))


@pytest.mark.parametrize(("racks", "hours"), [(1, 24), (1200, 1)])
def test_all_sites_are_cut_alike_and_a_large_one_finely(racks: int, hours: int) -> None:
    hall = {"id": "hall", "racks": racks, "rack_w": 1e3}
    built = sites.scenario(sites.site(), step="10s", span="10d")
    large = sites.scenario(sites.site(id="large", halls=[hall]), step="10s", span="10d")
    both = built.model_copy(update={"sites": (*built.sites, *large.sites)})
    small, big = ([c.end for c in _first(both, one)] for one in both.sites)
    assert small == big
    assert small[0] - both.start == hours * HOUR


def _first(scenario: Scenario, one: Site) -> list[Chunk]:
    return list(islice(chunks(scenario, one), 2))
