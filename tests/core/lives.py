"""Random sites, what their meters say in an hour or two, and orders in which that may come.

Written from the configuration's reference and the list of what real meters do, not from the rules:
every kind of meter with whatever may be declared of it, and lives with gaps, rollovers, resets,
dips, nonsense and exchanges.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from greendc.core.facility import (
    EVER,
    HOUR,
    MINUTE,
    SECOND,
    Derived,
    Epoch,
    Kind,
    Meter,
    Op,
    Replacement,
    Site,
)
from greendc.core.judging import judge
from greendc.core.readings import Readings
from greendc.core.settled import Settled
from greendc.core.site import SiteBook
from greendc.core.words import SILENT
from tests.core.kit import MemoryHistory, Rows

BEGIN = 1_743_439_200 * SECOND
SPAN = 2 * HOUR
J_PER_WH = 3600.0
HORIZON = 30 * 24 * HOUR
POWERS = (Kind.INSTANT, Kind.MEAN_PREV, Kind.MEAN_NEXT, Kind.ON_CHANGE)
POINTS = ("util", "pdu_out", "cool_chiller", "none")
Said = tuple[int, int, float]  # a meter's place, event time [ns], value in base units


def sometimes(chance: random.Random, share: float) -> bool:
    return chance.random() < share


def moment(chance: random.Random, cell: int) -> int:
    """Any time of a life, or one at a border of cells or next to it."""
    at = BEGIN + chance.randrange(SPAN)
    if sometimes(chance, 0.5):
        return at - at % SECOND
    return at - at % cell + chance.choice([0, 0, 1, 2, -1, SECOND])


# -- sites ----------------------------------------------------------------------------------------


def site(chance: random.Random) -> Site:
    """One to four meters of any kind, with sums and a constant load."""
    cell = chance.choice([5, 15]) * MINUTE
    meters: list[Meter] = []
    for number in range(chance.choice([1, 1, 2, 3])):
        kind = chance.choice(["counts", "counts", "shaped", "power", "power", "room"])
        if kind in {"counts", "shaped"}:
            meters.append(register(chance, f"m{number}", cell))
        else:
            meters.append(measured(chance, f"m{number}", room=kind == "room"))
        if kind == "shaped":
            drawn = measured(chance, f"p{number}", room=False)
            meters[-1] = replace(meters[-1], shape=drawn.id)
            meters.append(replace(drawn, point="none", siblings=None))
    return placed(chance, tuple(meters), cell)


def placed(chance: random.Random, meters: tuple[Meter, ...], cell: int) -> Site:
    """The meters in a site."""
    powers = {m.shape for m in meters}
    own = [m.id for m in meters if m.quantity != "temperature" and m.id not in powers]
    derived = [Derived("light", "aux_light", Op.CONSTANT, (), 100.0, 10.0)]
    if own and sometimes(chance, 0.4):
        derived.append(Derived("loss", "loss_power", Op.SHARE, (own[0],), 0.05, 0.01))
    inside = (*[(name, 1.0) for name in own], *[(one.id, 1.0) for one in derived])
    it = {2: tuple(own)} if own else {}
    epoch = Epoch(
        -EVER, EVER, cell, meters, tuple(derived), "bottom_up", inside, it, (), inside, (), {}, 10.0
    )
    lateness = chance.choice([30 * SECOND, 2 * MINUTE, 20 * MINUTE, HOUR])
    names = tuple(m.id for m in meters)
    return Site("s", "S", "UTC", lateness, HORIZON, HOUR, names, (epoch,), {})


def often(chance: random.Random) -> tuple[int, int, int]:
    """Nominal interval, `max_gap` and `silent_after`."""
    nominal = chance.choice([5, 10, 15, 30]) * MINUTE
    silent = nominal * chance.choice([1, 2, 3, 3, 5])
    return nominal, min(nominal * chance.choice([1, 2, 3, 3]), silent), silent


def register(chance: random.Random, name: str, cell: int) -> Meter:
    """A register with or without whatever may be declared of it."""
    at = moment(chance, cell)
    old, new = chance.choice([70.0, 500.5, 99.0]), chance.choice([0.0, 5.0, 1234.5])
    factors = [(-EVER, 1.0), (moment(chance, cell), chance.choice([0.1, 2.0, 10.0, 20.0]))]
    return Meter(
        name, chance.choice(POINTS), "energy", Kind.REGISTER, *often(chance),
        rating=chance.choice([None, 100.0, 1000.0, 20_000.0]),
        modulus=chance.choice([0, 0, 100, 1000, 65536]) * J_PER_WH,
        step=chance.choice([0.0, 0.0, 0.1, 1.0]) * J_PER_WH,
        replaced=(Replacement(at, old * J_PER_WH, new * J_PER_WH),) * sometimes(chance, 0.25),
        factors=tuple(factors) * sometimes(chance, 0.3),
    )  # fmt: skip


def measured(chance: random.Random, name: str, *, room: bool) -> Meter:
    """A power, or a temperature, with or without rules."""
    nominal, gap, silent = often(chance)
    kind = Kind.INSTANT if room else chance.choice(POWERS)
    point, quantity = ("t_supply", "temperature") if room else (chance.choice(POINTS), "power")
    one = Meter(name, point, quantity, kind, nominal, gap, silent)
    if sometimes(chance, 0.35):
        one = replace(one, spike=chance.choice([1.0, 100.0, 200.0]))
    if sometimes(chance, 0.35):
        one = replace(one, rate=chance.choice([0.1, 10.0, 100.0]) / 60)
    if sometimes(chance, 0.35) and kind is not Kind.ON_CHANGE:
        longer = nominal * chance.choice([1, 2, 3]) + chance.choice([1, MINUTE])
        one = replace(one, frozen_after=silent + longer)
    if sometimes(chance, 0.3):
        one = replace(one, siblings="row")
    return replace(one, fill="linear") if not room and sometimes(chance, 0.25) else one


# -- lives ----------------------------------------------------------------------------------------


def life(chance: random.Random, one: Site) -> list[Said]:
    """What all meters say, in the order of time."""
    found: list[Said] = []
    for place, meter in enumerate(one.epochs[0].meters):
        phase = chance.choice([0, 1, chance.randrange(meter.nominal)])
        jitter = chance.choice([0, 0, 1, 5 * SECOND, meter.nominal // 3])
        times = [
            BEGIN + at + phase + chance.randint(-jitter, jitter)
            for at in range(0, SPAN, meter.nominal)
        ]
        shown = counts(chance, meter, times) if meter.kind is Kind.REGISTER else watts(chance)
        gone = 0
        for at, value in zip(times, shown, strict=False):
            gone = gone - 1 if gone > 0 else chance.choice([0] * 12 + [1, 1, 2, 4])
            if not gone:
                found.append((place, at, value))
    return sorted(found, key=lambda said: (said[1], said[0]))


def watts(chance: random.Random) -> Iterable[float]:
    """Values of a power or a temperature, many of them the same."""
    value = 100.0
    while True:
        value = value if sometimes(chance, 0.5) else chance.choice([0.0, 19.5, 100.0, 333.3, 900.0])
        yield value


def counts(chance: random.Random, meter: Meter, times: Sequence[int]) -> Iterable[float]:
    """What a register shows at each time [J], nonsense included."""
    wh = (meter.rating or 1000.0) * meter.nominal / HOUR * chance.choice([0.1, 0.5, 0.9])
    value, modulus = chance.choice([0.0, 50.0, 95.0, 990.0, 65530.0]), meter.modulus / J_PER_WH
    calm, before = sometimes(chance, 0.4), times[0]
    for at in times:
        value += chance.choice([0.0, wh * chance.random(), wh, wh])
        if not calm and sometimes(chance, 0.1):
            value = chance.choice([0.0, 0.5, value - 1.0, value / 2, value + 20 * wh, value + 1e6])
        for exchange in meter.replaced:
            value = exchange.initial / J_PER_WH if before < exchange.at <= at else value
        value, before = max(value % modulus if modulus else value, 0.0), at
        nonsense = not calm and sometimes(chance, 0.05)
        yield J_PER_WH * (chance.choice([0.0, 1e9, value + 50]) if nonsense else value)


# -- journals -------------------------------------------------------------------------------------

END = -1  # in place of a reading: the input ends
Journal = list[int]


def journal(chance: random.Random, log: Sequence[Said]) -> Journal:
    """Numbers of readings in another order, some of them twice, and ends of the input."""
    order = list(range(len(log)))
    how = chance.choice(["any", "few", "meter"])
    if how == "any":
        chance.shuffle(order)
    else:
        late = {n for n in order if sometimes(chance, 0.15)}
        if how == "meter":
            late = {n for n in order if log[n][0] == log[0][0]}
        wait = chance.choice([10, 40, 200]) * MINUTE
        order.sort(key=lambda n: (log[n][1] + wait * (n in late), n))
    for number in chance.sample(order, len(order) // 8):
        order.insert(chance.randint(0, len(order)), number)
    for _ in range(chance.choice([0, 1, 2, 4])):
        order.insert(chance.randint(0, len(order)), END)
    return order


@dataclass
class Told:
    """What a ledger holds: newest rows, every revision of each, and words by meter and hour."""

    rows: Rows = field(default_factory=dict)
    revisions: dict[tuple[str, int], list[tuple[int, bytes]]] = field(default_factory=dict)
    words: Counter[tuple[int, int, int]] = field(default_factory=Counter)

    def take(self, settled: Settled) -> None:
        for block in settled.blocks:
            lost = np.zeros(len(block.start), np.int64) if block.lost is None else block.lost
            for i, start in enumerate(block.start.tolist()):
                key = block.account.name, start
                row = int(block.valid[i]), block.terms[i].tobytes() + lost[i].tobytes()
                if self.rows.get(key) != row:
                    self.rows[key] = row
                    self.revisions.setdefault(key, []).append(row)
        for judged in settled.judged:
            self.judge(judged.rows, judged.word.tolist(), judged.sign)

    def judge(self, rows: Readings, words: Sequence[int], sign: int = 1) -> None:
        hours = (rows.time // HOUR).tolist()
        for key in zip(rows.meter.tolist(), hours, words, strict=True):
            if key[2] not in SILENT:
                self.words[key] += sign


def played(one: Site, log: Sequence[Said], order: Journal, cuts: Iterable[int] = ()) -> Told:
    """A ledger of readings in an order, in batches that end at `cuts`; at last the input ends.

    Words of readings that are still held are counted as if they were let go of.
    """
    history, told = MemoryHistory(), Told()
    book = SiteBook(one, history)
    names = [meter.id for meter in book.rules.meters]  # a temperature without rules is none of them
    places = [names.index(name) if name in names else -1 for name in one.meters]

    def take(settled: Settled) -> None:
        history.kept += settled.archived
        told.take(settled)

    ends = [n for n, number in enumerate(order) if number == END]
    borders = {0, len(order), *cuts, *ends, *(n + 1 for n in ends)}
    for lo, hi in pairwise(sorted(borders)):
        if order[lo] == END:
            take(book.end(lo + 1))
            continue
        place, time, value = zip(*(log[number] for number in order[lo:hi]), strict=True)
        columns = np.array(places)[list(place)], np.array(time), np.array(value, np.float64)
        for settled in book.add(Readings(np.arange(lo + 1, hi + 1), *columns)):
            take(settled)
    take(book.end(len(order) + 1))
    held = book.hot
    words = judge(book.rules, held.meter, held.time, held.value, book.before).word
    told.judge(held, words.tolist())
    told.words = Counter({key: number for key, number in told.words.items() if number})
    return told
