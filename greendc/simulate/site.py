"""From a site of a scenario to its truth, a chunk at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from greendc.simulate.books import Books
from greendc.simulate.physics import weather
from greendc.simulate.physics.air import PER_M3, fan_power, flows
from greendc.simulate.physics.electrical import (
    Curve,
    converter_loss,
    resistive_loss,
    transformer_loss,
)
from greendc.simulate.physics.grid import DAY, HOUR, SECOND, FloatArray, Grid, watts
from greendc.simulate.physics.it_load import Load, Racks, day_course, rack_power
from greendc.simulate.physics.plant import carnot, compressor_power
from greendc.simulate.scenario import Scenario, Site
from greendc.simulate.topology import Feed, Hall
from greendc.simulate.truth import Chunk, Point

STEPS = 8640  # about as many in a chunk: a day of 10 s


def points(scenario: Scenario, site: Site) -> Mapping[str, Point]:
    """Every point of a site where the truth is known, by name, in the order of its chunks."""
    grid = Grid(scenario.start, scenario.step, 1)
    return _books(scenario, site, grid).points


def chunks(
    scenario: Scenario, site: Site, begin: int | None = None, end: int | None = None
) -> Iterator[Chunk]:
    """The truth of a site from `begin` to `end`, by default all of it [ns].

    Whole days at a time, so that memory does not depend on the span. The truth of a step depends
    on its time alone: a later begin or another cut gives the same values.

    Raises
    ------
    ValueError
        If `begin` or `end` is not a full hour.
    """
    begin = scenario.start if begin is None else begin
    end = scenario.end if end is None else end
    if begin % HOUR or end % HOUR:
        raise ValueError("a chunk begins and ends at a full hour")
    size = max(1, STEPS * scenario.step // DAY) * DAY
    while begin < end:
        until = min(begin // DAY * DAY + size, end)
        grid = Grid(begin, scenario.step, (until - begin) // scenario.step)
        yield _books(scenario, site, grid).chunk()
        begin = until


# -- the story of a span ----------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """What holds for all parts of a site in a span."""

    seed: int
    grid: Grid
    local: FloatArray  # hours since a Monday's midnight, local time
    outside: FloatArray  # [Cel]


def _books(scenario: Scenario, site: Site, grid: Grid) -> Books:
    books = Books(grid)
    air = _air(scenario, site, grid)
    setting = Setting(
        scenario.seed, grid, _local_hours(site.zone, grid), air.at(grid, air.temperature)
    )
    books.state("outside", "t_oa", setting.outside)
    books.state("outside", "rh_oa", air.at(grid, air.humidity))
    books.state("outside", "t_wb", air.at(grid, air.wet_bulb))
    consumers: list[str] = []
    for hall in site.halls:
        racks = _racks(books, site, hall, setting)
        consumers += _cooling(books, site, hall, racks, setting)
    consumers += _auxiliaries(books, site, setting)
    for i, feed in enumerate(site.feeds):
        _feed(books, feed, consumers if i == 0 else [])
    return books


def _air(scenario: Scenario, site: Site, grid: Grid) -> weather.Air:
    if site.weather.place is None:
        raise NotImplementedError("weather from a file")
    climate = weather.CLIMATES[site.weather.place]
    return weather.built_in(climate, scenario.seed, grid, site.weather.warmer_k)


def _local_hours(zone: str, grid: Grid) -> FloatArray:
    """Local time of each step in hours since a Monday's midnight, clock changes included."""
    place = ZoneInfo(zone)
    first, last = grid.begin // HOUR, (grid.end - 1) // HOUR
    offsets = np.array([_offset(place, hour * HOUR) for hour in range(first, last + 1)], np.int64)
    local = grid.times + offsets[grid.times // HOUR - first]
    return (local - 4 * DAY) % (7 * DAY) / HOUR  # 1970 began on a Thursday


def _offset(place: ZoneInfo, instant: int) -> int:
    span = datetime.fromtimestamp(instant // SECOND, UTC).astimezone(place).utcoffset()
    assert span is not None  # noqa: S101 - the time is aware
    return (span.days * 86_400 + span.seconds) * SECOND


def _racks(books: Books, site: Site, hall: Hall, setting: Setting) -> list[str]:
    """IT equipment of a hall: names of what its racks draw from each feed."""
    racks = Racks(hall.racks, hall.rack_w, Load(**hall.load.model_dump()))
    power = rack_power(racks, setting.seed, hall.id, setting.grid, setting.local)
    feeds = hall.feeds or tuple(feed.id for feed in site.feeds)
    names = []
    for i, row in enumerate(power):
        for feed in feeds:
            place = f"{hall.id}-rack-{i + 1:02d}-{feed}"
            names.append(books.power(place, "it_in", row / len(feeds), hall.rack_w))
    for feed in feeds:
        mine = [name for name in names if name.split(".")[0].endswith(f"-{feed}")]
        found = next(f for f in site.feeds if f.id == feed)
        drawn = books.sum(mine)
        rated = found.converter.rated_w
        loss = resistive_loss(rated, found.cable_loss, watts(drawn))
        lost = books.power(f"cable-{hall.id}-{feed}", "loss_power", loss)
        books.total(f"pdu-{hall.id}-{feed}", "pdu_out", [*mine, lost], rated)
    return names


def _cooling(books: Books, site: Site, hall: Hall, racks: list[str], setting: Setting) -> list[str]:
    """Air and heat of a hall: names of what its air conditioners draw."""
    heat = books.sum(racks)
    cables = [n for n in books.powers if n.startswith(f"cable-{hall.id}-")]
    air = hall.air
    moved = flows(watts(heat), air.rise_k, air.bypass, air.flow_m3s * air.units, air.least_speed)
    fans = books.power(
        f"{hall.id}-fans", "cool_crah_fan", air.units * fan_power(air.fan_w, moved.speed)
    )
    removed = books.total(hall.id, "q_removed", [*racks, *cables, fans])
    supply = np.full(setting.grid.count, air.supply_c)
    back = supply + watts(books.powers[removed]) / (PER_M3 * moved.supplied)
    inlet = supply + air.recirculation * air.rise_k
    books.state(hall.id, "t_supply", supply)
    books.state(hall.id, "t_return", back)
    books.state(hall.id, "t_inlet", inlet)
    books.state(hall.id, "t_exhaust", inlet + air.rise_k)
    cop = site.plant.carnot * carnot(supply - 10.0, setting.outside + 12.0, 15.0)
    taken = watts(books.powers[removed])
    power = compressor_power(taken, site.plant.unit_w * air.units, cop)
    compressors = books.power(f"{hall.id}-crac", "cool_crac", power, site.plant.unit_w * air.units)
    return [fans, compressors]


def _auxiliaries(books: Books, site: Site, setting: Setting) -> list[str]:
    day = (1.0 + day_course("office", 0.0, setting.local)) / 2.0
    office = site.aux.office_w * day + site.aux.base_w
    light = np.full(setting.grid.count, sum(hall.light_w for hall in site.halls))
    return [books.power("office", "aux_other", office), books.power("light", "aux_light", light)]


def _feed(books: Books, feed: Feed, consumers: list[str]) -> None:
    """A path from the utility to the PDUs, and what else hangs on it."""
    pdus = [n for n in books.powers if n.startswith("pdu-") and n.endswith(f"-{feed.id}.pdu_out")]
    converter = feed.converter
    rated, kind = converter.rated_w, "ups" if feed.ups else "rect"
    place = f"{kind}-{feed.id}"
    drawn = books.sum(pdus)
    loss = resistive_loss(rated, feed.pdu_loss, watts(drawn))
    lost = books.power(f"pdu-{feed.id}", "loss_power", loss)
    out = books.total(place, f"{kind}_out", [*pdus, lost], rated)
    curve = Curve(rated, converter.a, converter.b, converter.c)
    heat = converter_loss(curve, watts(books.powers[out]))
    lost = books.power(place, "loss_power", heat)
    into = books.total(place, f"{kind}_in", [out, lost], 1.2 * rated)
    loads = [into, *consumers]
    if feed.transformer is not None:
        shape = feed.transformer
        low = books.total(f"tx-{feed.id}", "tx_out", loads, shape.rated_w)
        heat = transformer_loss(shape.rated_w, shape.no_load, shape.load, watts(books.powers[low]))
        loads = [low, books.power(f"tx-{feed.id}", "loss_power", heat)]
    books.total(f"feed-{feed.id}", "util", loads)
