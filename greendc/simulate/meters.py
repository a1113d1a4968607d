"""Meters as they are: which points they show, how finely, how truly and how often."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial

from greendc.core.facility import SECOND, Kind
from greendc.core.units import QUANTITIES, Unit, units_of
from greendc.ports import GreendcError
from greendc.simulate.chance import seed_of, uniform
from greendc.simulate.rules import Metered, Rule
from greendc.simulate.scenario import Scenario, Site
from greendc.simulate.site import points
from greendc.simulate.texts import MOST_DECIMALS
from greendc.simulate.truth import Point

BY_CHANCE = 0.2  # of a class: what a reading's own error is at most, within the class
SPAN_K = 100.0  # a temperature's class is of so many K, a humidity's of 100 %
HEARTBEAT = 3600 * SECOND  # longest silence of a meter that reports changes
BESIDE = "-power"  # of a meter that tells the power of a register
COUNTED = {"power": "energy", "thermal_power": "heat", "volume": "volume"}

_FINE = {"W": 1, "mW": 0, "J": 0, "kJ": 0, "Wh": 1, "Pa": 1, "l": 1, "V": 2, "A": 2}
_TRUTH = {"power": 1000, "energy": 1000, "volume": 10**9}  # mW, mJ, mm3 in a base unit
_MILLISECOND = SECOND // 1000


@dataclass(frozen=True, slots=True)
class Meter:
    """What one meter makes of the truth at its point.

    shown = truth x (`factor` + `noise` x chance) x `per` + `shift` + `wobble` x chance, rounded
    to `quantum`: a fixed-point number with `decimals`. `truth` is a power [mW], what was counted
    [mJ, mm3] or a state [base unit]. A register shows `first` at the beginning of the scenario
    and starts again at `modulus`, 0 = never.
    """

    point: Point
    rule: Metered
    quantity: str
    unit: str
    kind: Kind
    per: float
    shift: float
    factor: float
    noise: float
    wobble: float
    decimals: int
    quantum: int
    modulus: int
    first: int
    seed: int
    beside: str = ""

    @property
    def id(self) -> str:
        """Its name in the site file, that of its point; of one beside a register with a word."""
        return self.point.name + self.beside

    @property
    def word(self) -> str:
        """What it says that it measures."""
        return self.point.point + self.beside

    @property
    def power(self) -> str | None:
        """The meter beside it that tells its power."""
        there = isinstance(self.rule, Rule) and self.rule.power is not None
        return self.point.name + BESIDE if there else None

    def fixed(self, number: float) -> int:
        """A number in its unit as the fixed-point number that it shows."""
        return round(Decimal(repr(number)).scaleb(self.decimals))


@dataclass(frozen=True, slots=True)
class Device:
    """What sends messages: all meters of a site that share a topic.

    Its meters are read together every `interval`; messages take `delay` and up to `jitter`
    [ms] on top.
    """

    topic: str
    style: str
    kind: Kind
    interval: int
    delay: int
    jitter: int
    meters: tuple[Meter, ...]


def devices(scenario: Scenario, site: Site) -> tuple[Device, ...]:
    """All devices of a site, in the order of its points.

    Raises
    ------
    GreendcError
        If a rule asks for what a point cannot have, or meters that share a topic do not agree.
    """
    by_topic: dict[str, list[Meter]] = {}
    for meter in _meters(scenario, site):
        by_topic.setdefault(_topic(site, meter), []).append(meter)
    return tuple(_device(scenario, topic, meters) for topic, meters in by_topic.items())


def _meters(scenario: Scenario, site: Site) -> Iterator[Meter]:
    for point in points(scenario, site).values():
        rule = rule_of(site.metering, point.name)
        if rule is None:
            continue
        yield _meter(point, rule, partial(named, scenario.seed, site.id, point.name))
        if rule.power is not None:
            if (Kind(rule.kind) is Kind.REGISTER) == (Kind(rule.power.kind) is Kind.REGISTER):
                raise GreendcError(f"{point.name}: power is for what tells the power of a register")
            name = point.name + BESIDE
            beside = _meter(point, rule.power, partial(named, scenario.seed, site.id, name))
            yield replace(beside, beside=BESIDE)


def named(seed: int, site: str, point: str, what: str) -> int:
    """64 bits of chance for something of a meter."""
    return seed_of(seed, f"{what} of {point} of {site}")


def share_of_class(named: Callable[[str], int]) -> float:
    """A meter's own error for good, as a share of its class: rectangular from -1 to 1.

    What each reading adds by chance stays within the class as well; sums of many readings have the
    own error alone, which is what an uncertainty of class / sqrt(3), correlated in time, says.

    >>> found = [share_of_class(partial(named, seed, "hall", "ups-a.ups_out")) for seed in range(9)]
    >>> -1.0 <= min(found) < -0.6, 0.6 < max(found) < 1.0
    (True, True)
    """
    return uniform(named("error"))


def rule_of(rules: Sequence[Rule], name: str) -> Rule | None:
    """The first rule with a pattern that a point's name matches."""
    found = (rule for rule in rules if any(fnmatchcase(name, p) for p in rule.points))
    return next(found, None)


def _topic(site: Site, meter: Meter) -> str:
    words = {"site": site.id, "place": meter.point.place, "point": meter.word}
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), meter.rule.topic)


def _device(scenario: Scenario, topic: str, meters: list[Meter]) -> Device:
    rule, kinds = meters[0].rule, {meter.kind for meter in meters}
    for meter in meters[1:]:
        shared = ("interval", "style", "delay", "jitter")
        if any(getattr(meter.rule, key) != getattr(rule, key) for key in shared):
            raise GreendcError(f"{meter.id}: shares {topic}, so {', '.join(shared)} must be equal")
    stamps = {Kind.MEAN_NEXT, Kind.ON_CHANGE}
    if len(kinds) > 1 and kinds & stamps:
        raise GreendcError(f"{meters[0].id}: only kind {rule.kind} can share {topic} with it")
    return Device(
        topic=topic,
        style=rule.style,
        kind=meters[0].kind,
        interval=max(1, -(-rule.interval // scenario.step)) * scenario.step,
        delay=(rule.delay or 0) // _MILLISECOND,
        jitter=(rule.jitter or 0) // _MILLISECOND,
        meters=tuple(meters),
    )


def _meter(point: Point, rule: Metered, named: Callable[[str], int]) -> Meter:
    kind = Kind(rule.kind)
    quantity = _quantity(point, kind)
    name, unit = _unit(point, rule, quantity)
    decimals, quantum = _resolution(rule.resolution, name, point)
    per = 10**decimals / (unit.factor * _TRUTH.get(QUANTITIES[quantity], 1))
    limit = (rule.accuracy_class or 0.0) / 100
    own = limit * share_of_class(named)
    by_chance = min(BY_CHANCE * limit, limit - abs(own))
    found = Meter(
        point=point,
        rule=rule,
        quantity=quantity,
        unit=name,
        kind=kind,
        per=per,
        shift=-unit.offset * per,
        factor=1.0 + own,
        noise=by_chance,
        wobble=0.0,
        decimals=decimals,
        quantum=quantum,
        modulus=0,
        first=0,
        seed=named("readings"),
    )
    if kind is Kind.REGISTER:
        return _counting(found, named("number"))
    spans = {"temperature": SPAN_K, "ratio": 1.0}
    span = spans.get(QUANTITIES[quantity])
    return found if span is None else _absolute(found, own * span, by_chance * span)


def _absolute(meter: Meter, own: float, by_chance: float) -> Meter:
    """The same with an error in base units whatever it shows."""
    shift = meter.shift + own * meter.per
    return replace(meter, factor=1.0, noise=0.0, shift=shift, wobble=by_chance * meter.per)


def _counting(meter: Meter, random: int) -> Meter:
    """The same as a register: a number it begins with, and where it starts again."""
    modulus = meter.fixed(meter.rule.modulus)
    first = random % 1_000_000 * meter.quantum
    return replace(meter, noise=0.0, modulus=modulus, first=first % modulus if modulus else first)


def _quantity(point: Point, kind: Kind) -> str:
    if kind is Kind.REGISTER:
        if point.quantity not in COUNTED:
            raise GreendcError(f"{point.name}: a register counts no {point.quantity}")
        return COUNTED[point.quantity]
    if point.quantity == "volume":
        raise GreendcError(f"{point.name}: a volume is counted by kind register")
    return point.quantity


def _unit(point: Point, rule: Metered, quantity: str) -> tuple[str, Unit]:
    known: Mapping[str, Unit] = units_of(quantity)
    name = rule.unit or next(iter(known))
    if name not in known:
        raise GreendcError(f"{point.name}: {name} is no unit of {quantity} ({', '.join(known)})")
    return name, known[name]


def _resolution(resolution: float, unit: str, point: Point) -> tuple[int, int]:
    """Decimals, and the smallest difference as a fixed-point number.

    >>> from greendc.simulate.truth import Point
    >>> _resolution(0.05, "kW", Point("feed-a", "util", "power")), _resolution(5.0, "W", None)
    ((2, 5), (0, 5))
    """
    if not resolution:
        return _FINE.get(unit, MOST_DECIMALS), 1
    exact = Decimal(repr(resolution)).normalize()
    decimals = max(0, -int(exact.as_tuple().exponent))
    if decimals > MOST_DECIMALS:
        raise GreendcError(f"{point.name}: resolution {resolution} is finer than 0.001 {unit}")
    return decimals, int(exact.scaleb(decimals))
