"""From the utility to everything on a feed: transformer, generator, solar panels."""

from collections.abc import Sequence

import numpy as np

from greendc.simulate.books import Books
from greendc.simulate.models import Site
from greendc.simulate.parts.converters import bridging
from greendc.simulate.parts.setting import Setting
from greendc.simulate.physics.electrical import transformer_loss
from greendc.simulate.physics.grid import DAY, HOUR, IntArray, watts
from greendc.simulate.physics.plant import BoolArray
from greendc.simulate.physics.sun import panel_power
from greendc.simulate.topology import Feed, Generator, Solar

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def supply(books: Books, site: Site, consumers: Sequence[str], setting: Setting) -> None:
    """Enter all feeds; `consumers` are the names of all that is not behind a UPS or rectifier.

    Consumers hang on the feeds in turn; while the battery alone carries a feed they hang on the
    next one.
    """
    parts = _boards(books, site, consumers, setting)
    for number, feed in enumerate(site.feeds):
        place = f"{feed.kind}-{feed.id}.{feed.kind}_in"
        _feed(books, feed, [place, parts[number]], site.solar if number == 0 else None, setting)


def _boards(books: Books, site: Site, consumers: Sequence[str], setting: Setting) -> list[str]:
    """Enter what each feed gives to the consumers; the names."""
    count = len(site.feeds)
    shares = [books.sum(consumers[number::count]) for number in range(count)]
    for number, feed in enumerate(site.feeds):
        moved = np.where(bridging(feed, setting), shares[number], 0)
        if moved.any():
            shares[number] = shares[number] - moved
            shares[(number + 1) % count] = shares[(number + 1) % count] + moved
    names = [
        books.whole(f"board-{feed.id}", "none", share, None, "power")
        for feed, share in zip(site.feeds, shares, strict=True)
    ]
    books.balance(names, consumers)
    return names


def _feed(
    books: Books, feed: Feed, loads: list[str], solar: Solar | None, setting: Setting
) -> None:
    lost = setting.events.during("utility_lost", f"feed-{feed.id}")
    bus = books.sum(loads)
    sources: list[str] = []
    own = np.zeros(setting.grid.count, np.int64)
    if feed.generator is not None:
        runs = (lost & ~bridging(feed, setting)) | _tested(feed.generator, setting)
        own = np.where(runs, bus, 0)
        sources.append(_generator(books, feed, feed.generator, own))
    if solar is not None:
        alone = lost | (own > 0)  # panels stop where the utility's voltage is not there
        made = panel_power(solar.peak_w, solar.ratio, setting.outside.sun)
        made = np.where(alone, 0.0, made)
        sources.append(books.power("solar", "onsite_re", made, solar.peak_w))
    through = bus - books.sum(sources)
    _utility(books, feed, through, lost, (loads, sources), solar is not None)


def _utility(
    books: Books,
    feed: Feed,
    through: IntArray,
    lost: BoolArray,
    bus: tuple[list[str], list[str]],
    exports: bool,
) -> None:
    """Enter a feed's transformer and what crosses the boundary there."""
    loads, sources = bus
    shape, place = feed.transformer, f"feed-{feed.id}"
    if shape is None:
        crossing, inside = through, None
    else:
        name = books.whole(f"tx-{feed.id}", "tx_out", through, shape.rated_w)
        books.balance([name, *sources], loads)
        load = np.abs(watts(through))
        heat = transformer_loss(shape.rated_w, shape.no_load, shape.load, load)
        lost_there = books.power(f"tx-{feed.id}", "loss_power", np.where(lost, 0.0, heat))
        crossing, inside = through + books.powers[lost_there], [name, lost_there]
    rating = shape.rated_w if shape is not None else 2.0 * feed.converter.rated_w
    util = books.whole(place, "util", np.maximum(crossing, 0), rating)
    out = [books.whole(place, "export", np.maximum(-crossing, 0), rating)] if exports else []
    if inside is None:
        books.balance([util, *sources], [*loads, *out])
    else:
        books.balance([util], [*inside, *out])


def _tested(given: Generator, setting: Setting) -> BoolArray:
    """In which steps a generator is tried with its feed's load."""
    test, clock = given.test, setting.clock
    if test is None:
        return np.zeros(setting.grid.count, np.bool_)
    days = clock // DAY + 3  # since a Monday
    since = clock % DAY - test.hour * HOUR
    day = (days % 7 == WEEKDAYS.index(test.weekday)) & (days // 7 % test.every == 0)
    found: BoolArray = day & (since >= 0) & (since < test.for_)
    return found


def _generator(books: Books, feed: Feed, given: Generator, power: IntArray) -> str:
    """Enter a generator; the name of its electric output.

    ``P_fuel = idle x rated + slope x P`` while it runs (the Willans line).
    """
    place = f"genset-{feed.id}"
    out = books.whole(place, "genset_out", power, given.rated_w)
    runs = power > 0
    idle = given.idle_fuel * given.rated_w
    fuel = np.where(runs, idle + given.fuel * watts(power), 0.0)
    name = books.power(place, "genset_fuel", fuel, 3 * given.rated_w, "power")
    heat = books.powers[name] - power
    books.balance([name], [out, books.whole(f"{place}-heat", "none", heat, None, "thermal_power")])
    return out
