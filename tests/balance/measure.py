"""How many mis-wirings the balance check finds, and how often what it names is right.

Usage: python -m tests.balance.measure [HOURS] [SAMPLE]; `make balance` writes README.md anew.

Every ready-made site's messages go through the pipeline once for each variant; then, one at a time,
what one meter counted in each of the last 24 hours is multiplied as each mistake does, and the
check is asked again. Sound hours are checked as they are, and with nodes of the points alone.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np

from greendc.config import load
from greendc.core import nodes
from greendc.core.balance import BoolArray, FloatArray, Place, Windows, windows
from greendc.core.checking import LOOKED_BACK
from greendc.core.explaining import findings
from greendc.core.facility import HOUR, Epoch, Node
from greendc.core.mistakes import MISTAKES, Mistake
from greendc.core.nodes import rated
from greendc.core.plausible import totals
from greendc.core.suspects import OVERLOAD, Known
from greendc.queries import Ledger
from greendc.replay import Options, replay
from greendc.simulate import ready
from tests.balance.sites import ASIS, Variant, simulated

SEED = 6
VARIANTS = (ASIS, Variant(11, 200), Variant(12, 90, accuracy_class=2.0))
KINDS = ("factor, too much", "factor, too little", "sign", "phase", "twice", "other factor")
NO_METER = ("no meter of a load", "no meter of a feed")
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- measured -->", "<!-- until here -->"
Suspect = tuple[str, float, str | None]
NONE: Suspect = ("", 0.0, None)
FIRST = (3, 6, 12, 24)  # hours


@dataclass(frozen=True)
class Sound:
    """A site without faults: its wiring, and what its meters counted."""

    name: str
    epoch: Epoch
    hours: Windows

    def places(self, nodes: Sequence[Node]) -> list[Place]:
        ratings = rated(self.epoch.meters, self.epoch.derived)
        return [
            Place.of(n, self.hours.meters, sum(ratings.get(i) or 0.0 for i, _ in n.inputs))
            for n in nodes
        ]

    def doubted(self, hours: Windows, limits: FloatArray) -> BoolArray:
        """Meters whose readings would be out of range as a rule."""
        power = np.nanmedian(hours.energy / hours.seconds[:, None], axis=0)
        found: BoolArray = (power > OVERLOAD * limits) | ((power < 0) & np.isfinite(limits))
        return found

    def told(self, hours: Windows, nodes: Sequence[Node]) -> list[list[Suspect]]:
        """The suspects of each finding, the likeliest first; an undecided one has `NONE` first."""
        ratings = rated(self.epoch.meters, self.epoch.derived)
        limits = np.array([ratings.get(name) or np.nan for name in hours.meters])
        points = {meter.id: meter.point for meter in self.epoch.meters}
        doubted = self.doubted(hours, limits)
        names = [points[name] for name in hours.meters]
        known = Known(limits, names, doubted, totals(self.epoch, hours.meters))
        return [
            [NONE] * one.undecided
            + [(hours.meters[e.meter], e.mistake.gain, e.at) for e in one.explanations]
            for one in findings(self.places(nodes), hours, known)
        ]


@dataclass(frozen=True)
class Trial:
    """A mistake that was made, how much of its node the meter is, and what was told of it."""

    site: str
    kind: str
    share: float
    found: bool
    named: bool
    listed: bool
    firsts: bool = True  # some meter is named as the one


def sound(name: str, hours: int, folder: Path, variant: Variant = ASIS) -> Iterator[Sound]:
    """The sites of a ready-made scenario, through the whole pipeline."""
    config_file, log = simulated(folder, name, hours=hours, variant=variant)
    config = load(config_file)
    replay([log], config, Options(keep=folder / "ledger"))
    with Ledger(folder / "ledger" / "ledger.db") as ledger:
        for site in config.plan().sites:
            epoch = site.epochs[-1]
            meters = tuple(dict.fromkeys(m for node in epoch.nodes for m in node.members))
            figures = list(ledger.figures(site.id, "hour", names=meters))
            start = np.unique([f.start for f in figures if f.valid == HOUR])
            row = {int(s): i for i, s in enumerate(start)}
            energy = np.full((len(start), len(meters)), np.nan)
            for f in figures:
                if f.start in row and f.value is not None:
                    energy[row[f.start], meters.index(f.quantity)] = f.value
            counted = energy, np.ones_like(energy), np.zeros_like(energy)
            yield Sound(
                site.id, epoch, windows(meters, (start, start + HOUR), counted, epoch.meters)
            )


def false_alarms(site: Sound) -> tuple[int, int]:
    """Findings in hours of a sound site, and how many hours there were."""
    count = len(site.hours.start)
    told = 0
    for last in range(1, count + 1):
        rows = slice(max(0, last - LOOKED_BACK), last)
        part = site.hours.between(rows)
        told += len(site.told(part, site.epoch.nodes))
    return told, count


def by_points(site: Sound) -> Sound:
    """The same without a word of what feeds what."""
    members: dict[str, list[str]] = {}
    for meter in site.epoch.meters:
        if meter.id in site.hours.meters:
            members.setdefault(meter.point, []).append(meter.id)
    ratings = rated(site.epoch.meters, site.epoch.derived)
    found = (*nodes.by_points(members, ratings), site.epoch.nodes[-1])
    return replace(site, epoch=replace(site.epoch, nodes=found))


def trials(site: Sound, sample: int) -> Iterator[Trial]:
    """`sample` mistakes of a site by chance, the same ones each time; 0: all."""
    made = [(m, _kind(mistake), mistake.gain) for m in site.hours.meters for mistake in MISTAKES]
    made += [(m, "twice", 0.0) for m in site.hours.meters if _above(site.epoch.nodes, m)]
    if sample:
        random = np.random.default_rng(SEED)
        made = [made[i] for i in random.choice(len(made), min(sample, len(made)), replace=False)]
    for meter, kind, gain in made:
        column = site.hours.meters.index(meter)
        if not np.nan_to_num(site.hours.energy[:, column]).any():
            continue  # nothing flowed: no factor changes that
        nodes, hours, at = site.epoch.nodes, site.hours, None
        if kind == "twice":
            nodes, at = _counted_twice(nodes, meter)
        else:
            hours = hours.scaled(column, 1.0 / gain)
        told = site.told(hours, nodes)
        made_ = meter, gain, at
        named = any(suspects[:1] == [made_] for suspects in told)
        listed = any(made_ in suspects for suspects in told)
        firsts = any(suspects[:1] not in ([], [NONE]) for suspects in told)
        yield Trial(site.name, kind, _share(site, meter), bool(told), named, listed, firsts)


def _kind(mistake: Mistake) -> str:
    if mistake.rare:
        return "other factor"
    if mistake.kind != "factor":
        return mistake.kind
    return "factor, too much" if mistake.gain < 1 else "factor, too little"


def early(site: Sound, sample: int) -> Iterator[tuple[str, int, str]]:
    """What is told of mistakes, and of meters that are not there, after so many hours."""
    for hours in FIRST:
        part = replace(site, hours=site.hours.between(slice(0, hours)))
        for trial in trials(part, sample):
            yield trial.kind, hours, _word(trial)
        for what, wiring in _unmetered(site.epoch.nodes):
            told = part.told(part.hours, wiring)
            blamed = any(suspects and suspects[0] != NONE for suspects in told)
            yield what, hours, "wrong" if blamed else "undecided" if told else "none"


def _word(trial: Trial) -> str:
    if trial.named or not trial.found:
        return "right" if trial.named else "none"
    if not trial.firsts:
        return "undecided"
    return "listed" if trial.listed else "wrong"


def _unmetered(nodes: Sequence[Node]) -> Iterator[tuple[str, tuple[Node, ...]]]:
    """The nodes with each output, and each of several inputs, in turn as if it had no meter."""
    for node in (n for n in nodes if n.usual is None):
        for gone in node.outputs if len(node.outputs) > 1 else ():
            less = replace(node, outputs=tuple(o for o in node.outputs if o != gone))
            yield NO_METER[0], tuple(less if n is node else n for n in nodes)
        for fed in node.inputs if len(node.inputs) > 1 else ():
            less = replace(node, inputs=tuple(i for i in node.inputs if i != fed))
            yield NO_METER[1], tuple(less if n is node else n for n in nodes)


def _above(nodes: Sequence[Node], meter: str) -> Node | None:
    """The node above the one that a meter hangs on."""
    own = next((n for n in nodes if meter in [o for o, _ in n.outputs]), None)
    if own is None:
        return None
    ins = {name for name, _ in own.inputs}
    return next((n for n in nodes if ins & {o for o, _ in n.outputs}), None)


def _counted_twice(nodes: Sequence[Node], meter: str) -> tuple[tuple[Node, ...], str]:
    """The nodes with a meter said to be fed by what feeds its feeder as well."""
    above = _above(nodes, meter)
    assert above is not None
    more = replace(above, outputs=(*above.outputs, (meter, min(s for _, s in above.outputs))))
    return tuple(more if node is above else node for node in nodes), above.name


def _share(site: Sound, meter: str) -> float:
    """What a meter is of the larger side of its smallest node."""
    energy = dict(zip(site.hours.meters, np.nansum(site.hours.energy, axis=0), strict=True))
    sides = [
        sum(energy[name] for name, _ in node.inputs)
        for node in site.epoch.nodes
        if meter in node.members and node.usual is None
    ]
    return float(abs(energy[meter]) / min(sides)) if sides and min(sides) else 0.0


HEAD = """\
| mistake | meter is of its node | tried | found | named first | first, of found | named, of found |
|---|---|--:|--:|--:|--:|--:|"""


PARTS = ((0.05, 9.0, "5 % or more"), (0.01, 0.05, "1 to 5 %"), (0.0, 0.01, "less"))


def table(found: Sequence[Trial], worse: Sequence[Trial]) -> str:
    """Recall and precision by kind of mistake and by the meter's part in its node."""
    lines = HEAD.splitlines()
    for kind in KINDS:
        lines += _rows(kind, [t for t in found if t.kind == kind])
    usual = [t for t in found if t.kind != "other factor"]
    lines += [*_rows("all but other factors", usual), _row("all but other factors", "any", usual)]
    usual = [t for t in worse if t.kind != "other factor"]
    return "\n".join([*lines, *_rows("the same, all meters of class 2", usual)])


def _rows(kind: str, found: Sequence[Trial]) -> list[str]:
    return [
        _row(kind, part, some)
        for low, high, part in PARTS
        if (some := [t for t in found if low <= t.share < high])
    ]


def _row(kind: str, part: str, some: Sequence[Trial]) -> str:
    seen, right = sum(t.found for t in some), sum(t.named for t in some)
    listed = sum(t.listed for t in some)
    pairs = ((seen, len(some)), (right, len(some)), (right, seen), (listed, seen))
    parts = [f"{100 * a / b:.1f} %" if b else "-" for a, b in pairs]
    return f"| {kind} | {part} | {len(some)} | {' | '.join(parts)} |"


EARLY = """\
| what is wrong | after | tried | named | listed | no meter named | nothing told | another named |
|---|--:|--:|--:|--:|--:|--:|--:|"""
WORDS = ("right", "listed", "undecided", "none", "wrong")


def early_table(found: Sequence[tuple[str, int, str]]) -> str:
    """What is told after how many hours."""
    lines = [EARLY]
    kinds = sorted({kind for kind, _, _ in found}, key=(*KINDS, *NO_METER).index)
    for kind, hours in product(kinds, FIRST):
        words = Counter(word for k, h, word in found if (k, h) == (kind, hours))
        counts = " | ".join(str(words[word]) for word in WORDS)
        lines.append(f"| {kind} | {hours} h | {words.total()} | {counts} |")
    return "\n".join(lines)


@dataclass
class Part:
    """What was measured at the sites of one scenario in one variant."""

    false: list[tuple[int, int]] = field(default_factory=list)
    made: list[Trial] = field(default_factory=list)
    first: list[tuple[str, int, str]] = field(default_factory=list)


def part(variant: Variant, name: str, hours: int, sample: int) -> Part:
    """All of one scenario in one variant."""
    found = Part()
    with tempfile.TemporaryDirectory() as folder:
        for site in sound(name, hours, Path(folder), variant):
            found.false += [false_alarms(site), false_alarms(by_points(site))]
            last = replace(site, hours=site.hours.between(slice(-LOOKED_BACK, None)))
            found.made += trials(last, sample)
            if variant == ASIS:
                found.first += early(last, sample // 2)
            sys.stderr.write(f"{site.name}: {found.false[-2:]}\n")
    return found


def measured(hours: int, sample: int, processes: int | None = None) -> str:
    """Table of all ready-made sites, and how many findings sound ones had."""
    work = list(product(VARIANTS, ready.NAMES))
    with ProcessPoolExecutor(processes) as pool:
        args = zip(*[(variant, name, hours, sample) for variant, name in work], strict=True)
        parts = list(pool.map(part, *args))
    sound_ = [p for (v, _), p in zip(work, parts, strict=True) if v.accuracy_class is None]
    worse = [p for (v, _), p in zip(work, parts, strict=True) if v.accuracy_class is not None]
    told, count = (sum(column) for column in zip(*[f for p in parts for f in p.false], strict=True))
    alarms = f"{count} sound hours, half of them by points alone: {told or 'no'} findings."
    mistakes = table([t for p in sound_ for t in p.made], [t for p in worse for t in p.made])
    return f"{mistakes}\n\n{early_table([f for p in parts for f in p.first])}\n\n{alarms}\n"


def write(text: str, path: Path = README) -> None:
    """Put what was measured in its place."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    write(measured(*[int(n) for n in [*sys.argv[1:], *("48", "150")[len(sys.argv) - 1 :]]]))
