"""From a site of a scenario to its truth, a chunk at a time."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from greendc.ports import GreendcError
from greendc.simulate.books import Balance, Books
from greendc.simulate.parts.chilled_water import ChilledWaterPlant
from greendc.simulate.parts.converters import converter
from greendc.simulate.parts.dx import dx
from greendc.simulate.parts.heat import humidifier
from greendc.simulate.parts.outside import local_clock, outside
from greendc.simulate.parts.outside_air import DRIEST, outside_air
from greendc.simulate.parts.racks import racks
from greendc.simulate.parts.rooms import Room, room, temperatures
from greendc.simulate.parts.setting import Events, Setting
from greendc.simulate.parts.supply import supply
from greendc.simulate.physics.grid import DAY, HOUR, FloatArray, Grid
from greendc.simulate.physics.it_load import day_course
from greendc.simulate.physics.psychrometrics import moisture
from greendc.simulate.scenario import Scenario, Site
from greendc.simulate.topology import Dx, OutsideAir
from greendc.simulate.truth import Chunk, Point

VALUES = 4_000_000  # of all points in a chunk, about


def points(scenario: Scenario, site: Site) -> Mapping[str, Point]:
    """Every point of a site where the truth is known, by name, in the order of its chunks.

    Raises
    ------
    GreendcError
        If a fault of the plant is at a place that the site does not have.
    """
    setting, books = _opened(scenario, site, Grid(scenario.start, scenario.step, 1))
    _fill(books, site, setting, {})
    for fault, places in setting.events.strangers():
        known = ", ".join(places) or "none"
        raise GreendcError(f"{site.id}: {fault.kind}: nothing is called {fault.what} ({known})")
    return books.points


def balances(scenario: Scenario, site: Site) -> Sequence[Balance]:
    """Every balance that holds at a site, as (inputs, outputs) in names of points."""
    setting, books = _opened(scenario, site, Grid(scenario.start, scenario.step, 1))
    _fill(books, site, setting, {})
    return books.balances


def chunks(
    scenario: Scenario, site: Site, begin: int | None = None, end: int | None = None
) -> Iterator[Chunk]:
    """The truth of a site from `begin` to `end`, by default all of it [ns].

    Some hours or days at a time, so that memory does not depend on the span. The truth of a step
    depends on its time alone: a later begin or another cut gives the same values. All sites of a
    scenario are cut at the same times.

    Raises
    ------
    ValueError
        If `begin` or `end` is not a full hour.
    """
    begin = scenario.start if begin is None else begin
    end = scenario.end if end is None else end
    if begin % HOUR or end % HOUR:
        raise ValueError("a chunk begins and ends at a full hour")
    missing: dict[str, int] = {}
    size = _size(scenario)
    for grid in _grids(_lead(site, begin), begin, scenario.step, size):
        _books(scenario, site, grid, missing)
    for grid in _grids(begin, end, scenario.step, size):
        yield _books(scenario, site, grid, missing).chunk()


def _size(scenario: Scenario) -> int:
    """Length of a chunk [ns]: days, or hours that divide a day where a day is too much."""
    racks = max(sum(hall.racks for hall in site.halls) for site in scenario.sites)
    columns = 100 + 8 * racks
    hours = VALUES * scenario.step // (columns * HOUR)
    if hours >= 24:
        return hours // 24 * DAY
    return next(whole for whole in (12, 8, 6, 4, 3, 2, 1) if whole <= max(hours, 1)) * HOUR


def _grids(begin: int, end: int, step: int, size: int) -> Iterator[Grid]:
    while begin < end:
        until = min((begin // size + 1) * size, end)
        yield Grid(begin, step, (until - begin) // step)
        begin = until


def _lead(site: Site, begin: int) -> int:
    """From when on batteries may not be full again at `begin`; charging takes a day at most."""
    lost = [
        fault.start // HOUR * HOUR
        for fault in site.faults
        if fault.kind == "utility_lost" and fault.start < begin < fault.end + 2 * DAY
    ]
    return min([begin, *lost])


# -- the story of a span ----------------------------------------------------------------------


def _books(scenario: Scenario, site: Site, grid: Grid, missing: dict[str, int]) -> Books:
    setting, books = _opened(scenario, site, grid)
    _fill(books, site, setting, missing)
    return books


def _opened(scenario: Scenario, site: Site, grid: Grid) -> tuple[Setting, Books]:
    books = Books(grid)
    setting = Setting(
        seed=scenario.seed,
        grid=grid,
        clock=local_clock(site.zone, grid),
        outside=outside(books, site.weather, scenario.seed, grid),
        events=Events(grid, site.faults),
    )
    return setting, books


def _fill(books: Books, site: Site, setting: Setting, missing: dict[str, int]) -> None:
    """Enter all that happens in a span; `missing` is what batteries lack, carried on."""
    drawn = {hall.id: racks(books, site, hall, setting) for hall in site.halls}
    warm: dict[str, list[str]] = {hall.id: [] for hall in site.halls}
    for feed in site.feeds:
        lost = converter(books, site, feed, setting, missing)
        if feed.room is not None:
            warm[feed.room] += lost
    rooms = [
        room(books, hall, drawn[hall.id], warm[hall.id], setting, site.plant.kind)
        for hall in site.halls
    ]
    consumers = [*_cooling(books, site, rooms, setting), *_others(books, site, setting)]
    supply(books, site, consumers, setting)


def _cooling(books: Books, site: Site, rooms: list[Room], setting: Setting) -> list[str]:
    """Enter what takes the heat away; the names of all that it draws."""
    plant, kept = site.plant, site.humidity
    fresh, least, dew = setting.all(kept.fresh_m3s), kept.dew_point_c, setting.all(kept.dew_point_c)
    if isinstance(plant, Dx):
        drawn = [name for one in rooms for name in dx(books, plant, one, dew, setting)]
    elif isinstance(plant, OutsideAir):
        drawn, fresh, least = [], setting.all(0.0), DRIEST
        for number, one in enumerate(rooms):
            reused = site.reuse if number == 0 else None
            names, flow = outside_air(books, plant, one, reused, setting)
            drawn += [*one.fans, *names]
            fresh += flow
    else:
        found = ChilledWaterPlant(books, plant, setting)
        warmer = found.run(rooms, site.reuse)
        for one in rooms:
            temperatures(books, one, one.hall.air.supply_c + warmer, dew, setting)
        drawn = [*(fan for one in rooms for fan in one.fans), *found.drawn]
    return [*drawn, *_wet(books, site, fresh, least, setting)]


def _wet(books: Books, site: Site, fresh: FloatArray, least: float, setting: Setting) -> list[str]:
    """Enter humidifier and water; the names of what is drawn for it."""
    drawn = []
    if site.humidity.fresh_m3s or isinstance(site.plant, OutsideAir):
        water = float(moisture(np.array([least]))[0])
        drawn = humidifier(books, site.humidity, fresh, water, setting)
    if books.volumes:
        off = books.volumes.get("tower-blowdown.none")
        taken = sum(books.volumes.values(), np.zeros(setting.grid.count, np.int64))
        books.volume("water", "w_in", taken)
        if off is not None:
            books.volume("water", "w_out", off)
    return drawn


def _others(books: Books, site: Site, setting: Setting) -> list[str]:
    """Enter offices and the like; the names of all that neither computes nor cools."""
    day = (1.0 + day_course("office", 0.0, setting.of_week)) / 2.0
    office = site.aux.office_w * day + site.aux.base_w
    rating = site.aux.office_w + site.aux.base_w
    lights = [f"light-{hall.id}.aux_light" for hall in site.halls]
    return [books.power("office", "aux_other", office, rating), *lights]
