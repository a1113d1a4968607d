"""IT equipment and the way to it: racks, cables, PDUs, UPS or rectifier."""

from dataclasses import dataclass

import numpy as np

from greendc.simulate.books import Books
from greendc.simulate.models import Site
from greendc.simulate.parts.setting import Setting
from greendc.simulate.physics.electrical import resistive_loss
from greendc.simulate.physics.grid import FloatArray, milliwatts, watts
from greendc.simulate.physics.it_load import Load, Racks, rack_power
from greendc.simulate.physics.noise import constants
from greendc.simulate.topology import Feed, Hall

UNEVEN = 0.08  # how far a rack's share of a feed is from an even one at most; assumed


@dataclass(frozen=True)
class Drawn:
    """What the racks of a hall draw."""

    names: tuple[str, ...]
    """Of every inlet, and of the cables to them."""
    power: FloatArray
    """Power of each rack, shape (racks, steps). [W]"""


def feeds_of(site: Site, hall: Hall) -> tuple[Feed, ...]:
    """The feeds of a hall's racks."""
    return tuple(feed for feed in site.feeds if not hall.feeds or feed.id in hall.feeds)


def rack_places(hall: Hall) -> list[str]:
    """Names of the racks of a hall, such as room-rack-01."""
    digits = max(2, len(str(hall.racks)))
    return [f"{hall.id}-rack-{number:0{digits}d}" for number in range(1, hall.racks + 1)]


def racks(books: Books, site: Site, hall: Hall, setting: Setting) -> Drawn:
    """Enter what the racks of a hall draw from each feed, and what is lost in the cables there."""
    kind = Racks(hall.racks, hall.rack_w, Load(**hall.load.model_dump()))
    power = rack_power(kind, setting.seed, hall.id, setting.grid, setting.of_week)
    whole = milliwatts(power)
    feeds = feeds_of(site, hall)
    first = whole
    if len(feeds) == 2:
        own = constants(setting.seed, f"{hall.id}/share", hall.racks)[:, np.newaxis]
        first = milliwatts(power * (0.5 + UNEVEN * own))
    names: list[str] = []
    for feed, part in zip(feeds, (first, whole - first), strict=False):
        mine = [
            books.whole(f"{place}-{feed.id}", "it_in", row, hall.rack_w)
            for place, row in zip(rack_places(hall), part, strict=True)
        ]
        names += [*mine, _distribution(books, hall, feed, mine)]
    return Drawn(tuple(names), power)


def _distribution(books: Books, hall: Hall, feed: Feed, inlets: list[str]) -> str:
    """Enter a hall's PDU and the loss of its cables; the name of that."""
    rated = feed.converter.rated_w
    loss = resistive_loss(rated, feed.cable_loss, watts(books.sum(inlets)))
    lost = books.power(f"cable-{hall.id}-{feed.id}", "loss_power", loss)
    books.total(pdu_place(hall, feed), "pdu_out", [*inlets, lost], rated)
    return lost


def pdu_place(hall: Hall, feed: Feed) -> str:
    """Name of the PDU of a hall on a feed."""
    return f"pdu-{hall.id}-{feed.id}"
