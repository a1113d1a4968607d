"""Hours of a small chain in memory, and what the check says of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from greendc.core import nodes
from greendc.core.balance import FloatArray, Place, Windows
from greendc.core.explaining import findings
from greendc.core.facility import HOUR, Node
from greendc.core.suspects import Finding, Known
from greendc.core.units import J_PER_KWH

POINTS = {
    "feed": "util",
    "ups_in": "ups_in",
    "chiller": "cool_chiller",
    "ups_out": "ups_out",
    "pdu": "pdu_out",
    "rack_a": "it_in",
    "rack_b": "it_in",
    "rack_c": "it_in",
}
FEEDS = {
    "ups_in": ("feed",),
    "chiller": ("feed",),
    "ups_out": ("ups_in",),
    "pdu": ("ups_out",),
    "rack_a": ("pdu",),
    "rack_b": ("pdu",),
    "rack_c": ("pdu",),
}
RATED: dict[str, float] = {"feed": 500e3, "ups_in": 300e3, "ups_out": 250e3, "pdu": 250e3}
CLASS = 0.005


def chain(feeds: Mapping[str, tuple[str, ...]] | None = None) -> list[Node]:
    """The nodes of the chain, E_DC to E_IT among them."""
    found = list(nodes.declared(feeds or FEEDS, POINTS, RATED))
    return [*found, nodes.facility([("feed", 1.0)], ["rack_a", "rack_b", "rack_c"])]


def hours(count: int = 24, seed: int = 1) -> dict[str, FloatArray]:
    """What each meter of a sound chain counts hour by hour, as they differ by their class. [kWh]"""
    random = np.random.default_rng(seed)
    day = 1.0 + 0.2 * np.sin(np.arange(count) * 2 * np.pi / 24)
    found = {
        "rack_a": 40.0 * day + random.normal(0, 2, count),
        "rack_b": 60.0 + random.normal(0, 4, count),
        "rack_c": 25.0 * day**2 + random.normal(0, 1, count),
    }
    found["pdu"] = 1.004 * (found["rack_a"] + found["rack_b"] + found["rack_c"])
    found["ups_out"] = 1.005 * found["pdu"]
    found["ups_in"] = 4.0 + 1.04 * found["ups_out"]
    found["chiller"] = 0.3 * found["pdu"] * day
    found["feed"] = 1.01 * (found["ups_in"] + found["chiller"])
    errors = random.uniform(-0.8, 0.8, len(POINTS)) * CLASS
    return {name: found[name] * (1 + e) for name, e in zip(POINTS, errors, strict=True)}


def windows(counted: dict[str, FloatArray], step: float = 0.0) -> Windows:
    """Windows of what each meter counts, in steps of `step`. [kWh]"""
    energy = np.stack([counted[name] for name in POINTS], axis=1) * J_PER_KWH
    start = np.arange(len(energy), dtype=np.int64) * HOUR
    limit = np.hypot(CLASS * energy, step * J_PER_KWH)
    return Windows(tuple(POINTS), start, start + HOUR, energy, limit)


def told(
    counted: dict[str, FloatArray], found: list[Node] | None = None, step: float = 0.0
) -> list[Finding]:
    """What the check finds."""
    ratings: dict[str, float | None] = {name: RATED.get(name) for name in POINTS}
    places = [
        Place.of(node, tuple(POINTS), sum(ratings[name] or 0.0 for name, _ in node.inputs))
        for node in found or chain()
    ]
    rated = np.array([ratings[name] or np.nan for name in POINTS])
    known = Known(rated, list(POINTS.values()), np.zeros(len(POINTS), np.bool_))
    return findings(places, windows(counted, step), known)


def first(finding: Finding) -> tuple[str, float]:
    """The most likely meter, and the factor that would put it right."""
    best = finding.explanations[0]
    return tuple(POINTS)[best.meter], best.mistake.gain


@dataclass(frozen=True)
class Hall:
    """A PDU with racks, a twentieth of it each or less, and what they count hour by hour [kWh]."""

    counted: dict[str, FloatArray]
    above: tuple[str, ...] = ()  # what the UPS feeds, if there is one

    @classmethod
    def of(cls, hours: int = 24, racks: int = 24, seed: int = 1) -> "Hall":
        """A sound one: each rack has a course of its own, meters are off by their class."""
        random = np.random.default_rng(seed)
        names = [f"rack-{i:02}" for i in range(racks)]
        jumps = random.normal(0, 0.1, (racks, hours)).cumsum(axis=1) * 0.3
        day = 1 + 0.1 * np.sin(np.arange(hours) * 2 * np.pi / 24)
        true = {
            n: random.uniform(1, 3) * np.exp(j) * day for n, j in zip(names, jumps, strict=True)
        }
        total = np.sum(list(true.values()), axis=0)
        true["pdu"] = 1.004 * total + 0.0001 * total**2
        errors = random.uniform(-0.8, 0.8, len(true)) * CLASS
        return cls({n: e * (1 + error) for (n, e), error in zip(true.items(), errors, strict=True)})

    def scaled(self, meter: str, gain: float | FloatArray) -> "Hall":
        """The same with what a meter shows multiplied."""
        return self.showing(meter, self.counted[meter] * gain)

    def showing(self, meter: str, counted: FloatArray) -> "Hall":
        """The same with what a meter shows."""
        return replace(self, counted=self.counted | {meter: counted})

    def told(self, upto: int | None = None) -> list[Finding]:
        """What the check finds in the 24 hours before one."""
        names = tuple(self.counted)
        points = {n: {"ups": "ups_out", "pdu": "pdu_out"}.get(n, "it_in") for n in names}
        feeds = {n: ("pdu",) for n in names if n.startswith("rack")}
        below = dict.fromkeys(self.above, ("ups",))
        chained = [*nodes.declared(feeds, points, {}), *nodes.declared(below, points, {})]
        energy = np.stack([self.counted[n] for n in names], axis=1) * J_PER_KWH
        start = np.arange(len(energy), dtype=np.int64) * HOUR
        all_ = Windows(names, start, start + HOUR, energy, CLASS * energy)
        last = len(energy) if upto is None else upto
        shown = all_.between(slice(max(0, last - 24), last))
        places = [Place.of(node, names) for node in chained]
        known = Known(
            np.full(len(names), np.nan), list(points.values()), np.zeros(len(names), bool)
        )
        return findings(places, shown, known)

    def named(self, upto: int | None = None) -> list[tuple[str, float]]:
        """The first suspect of each finding."""
        names = tuple(self.counted)
        firsts = [one.explanations[0] for one in self.told(upto)]
        return [(names[e.meter], e.mistake.gain) for e in firsts]
