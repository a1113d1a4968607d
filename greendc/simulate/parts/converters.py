"""UPS, and rectifiers of a 400 VDC bus: losses, bypass, battery, voltage."""

import numpy as np

from greendc.simulate.books import Books
from greendc.simulate.models import Site
from greendc.simulate.parts.racks import feeds_of, pdu_place, rack_places
from greendc.simulate.parts.setting import Setting
from greendc.simulate.physics.battery import deficit
from greendc.simulate.physics.electrical import (
    Curve,
    bus_voltage,
    converter_loss,
    resistive_loss,
    voltage_at,
)
from greendc.simulate.physics.grid import DAY, MINUTE, MW_PER_W, FloatArray, milliwatts, watts
from greendc.simulate.physics.noise import wander
from greendc.simulate.physics.plant import BoolArray
from greendc.simulate.topology import Battery, Converter, Feed

LIGHT_V, FULL_V = 385.0, 380.0  # DC bus without load and at full load; assumed
DROP = 0.01  # of the bus's voltage lost on the way to a fully loaded rack; assumed
ISOLATION = 500e3  # Ohm, pole to earth of a sound bus; assumed


def converter(
    books: Books, site: Site, feed: Feed, setting: Setting, missing: dict[str, int]
) -> list[str]:
    """Enter a UPS or rectifier with its PDUs' losses; the names of what it and they lose.

    `missing` holds what each feed's battery has still to get back [mW x step], carried on.
    """
    given, kind = feed.converter, feed.kind
    halls = [hall for hall in site.halls if feed in feeds_of(site, hall)]
    pdus = [f"{pdu_place(hall, feed)}.pdu_out" for hall in halls]
    loss = resistive_loss(given.rated_w, feed.pdu_loss, watts(books.sum(pdus)))
    pdu_lost = books.power(f"pdu-{feed.id}", "loss_power", loss)
    place = f"{kind}-{feed.id}"
    out = books.total(place, f"{kind}_out", [*pdus, pdu_lost], given.rated_w)
    load = watts(books.powers[out])
    lost = books.power(place, "loss_power", _loss(given, load, setting, place))
    parts = [out, lost]
    if given.battery is not None:
        parts.append(_battery(books, feed, given.battery, (setting, parts), missing))
    books.total(place, f"{kind}_in", parts, 1.2 * given.rated_w)
    if feed.rectifier is not None:
        _bus(books, site, feed, setting, load)
    return [pdu_lost, lost]


def _loss(given: Converter, load: FloatArray, setting: Setting, place: str) -> FloatArray:
    converting = converter_loss(Curve(given.rated_w, given.a, given.b, given.c), load)
    bypassed = setting.events.during("ups_bypass", place)
    return np.where(bypassed, given.bypass * load, converting)


def bridging(feed: Feed, setting: Setting) -> BoolArray:
    """In which steps the battery carries a feed: from the utility's loss to the generator."""
    start = feed.generator.start if feed.generator else 0
    return setting.events.during("utility_lost", f"feed-{feed.id}", start)


def _battery(
    books: Books,
    feed: Feed,
    given: Battery,
    load: tuple[Setting, list[str]],
    missing: dict[str, int],
) -> str:
    """Enter what goes into a battery, negative where it carries the load; the name of that."""
    setting, parts = load
    alone = bridging(feed, setting)
    carried = np.where(alone, books.sum(parts), 0)
    charge = round(given.charge_w * MW_PER_W)
    change = np.where(alone, milliwatts(watts(carried) / given.efficiency), -charge)
    before = missing.get(feed.id, 0)
    left = deficit(before, change)
    charged = np.where(alone, 0, np.concatenate([[before], left[:-1]]) - left)
    missing[feed.id] = int(left[-1])
    return books.whole(f"battery-{feed.id}", "none", charged - carried, None, "power")


def _bus(books: Books, site: Site, feed: Feed, setting: Setting, load: FloatArray) -> None:
    """Enter the voltages and currents of a DC bus and of the racks on it."""
    place, share = f"rect-{feed.id}", load / feed.converter.rated_w
    ripple = 0.3 * wander(setting.seed, place, setting.grid, MINUTE)[0]
    bus = bus_voltage(LIGHT_V, FULL_V, share) + ripple
    bus = np.where(bridging(feed, setting), bus - 25.0, bus)  # at the battery's own voltage
    for kind, volts in (("dc_undervoltage", 250.0), ("dc_overvoltage", 405.0)):
        fault = setting.events.strength(kind, place, volts)
        bus = np.where(fault > 0.0, fault, bus)
    books.state(place, "u_dc", bus)
    books.state(place, "i_dc", load / bus)
    books.state(f"{place}-plus", "u_pole_pe", bus * 0.502)
    books.state(f"{place}-minus", "u_pole_pe", bus * -0.498)
    books.state(place, "r_iso", ISOLATION + 2e4 * wander(setting.seed, "iso", setting.grid, DAY)[0])
    for hall in site.halls:
        if feed in feeds_of(site, hall):
            resistance = DROP * FULL_V * FULL_V / hall.rack_w
            for rack in rack_places(hall):
                drawn = watts(books.powers[f"{rack}-{feed.id}.it_in"])
                books.state(f"{rack}-{feed.id}", "u_dc", voltage_at(bus, drawn, resistance))
