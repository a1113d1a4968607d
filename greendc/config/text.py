"""The text of `greendc check`: the tree of meters, and which KPIs can be computed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from greendc.calendars import rfc3339
from greendc.config.config import Config, methods
from greendc.config.epochs import ENTRANCES, Layout
from greendc.config.factors import vintage
from greendc.config.formulas import contents
from greendc.config.rules import METHODS
from greendc.config.scalars import duration_text
from greendc.core.accounts import SUBSYSTEMS, missing
from greendc.core.facility import EVER, Derived, Kind, Meter, Op, Site
from greendc.core.metrics import METRICS, Metric, names

REASONS = {
    "no_it_meter": "no meter at a point of E_IT: ups_out, rect_out, pdu_out or it_in",
    "no_e_dc": "no meter at the boundary (util …); or sum it from below with e_dc: bottom_up",
    "only_it": "E_DC is summed from the meters of E_IT alone: it is E_IT, and 1 would be no PUE",
    "no_reuse_meter": "no meter at the point q_reuse",
    "no_meter": "no meter of this subsystem",
    "no_location_factor": "no factor under emissions.location for what is metered",
    "no_market_factor": "no factor under emissions.market for what is metered",
}


@dataclass(frozen=True, slots=True)
class Branch:
    """A line of the tree and those below it."""

    text: str
    below: Sequence["Branch"] = ()


def check_text(config: Config) -> str:
    """What a configuration makes of its meters: for each site tree, figures and remarks.

    Raises
    ------
    GreendcError
        If a secret that it names cannot be read or is none.
    """
    lines = [
        line
        for site, layout in zip(config.plan().sites, config.layouts, strict=True)
        for line in _Check(config, site, layout).lines()
    ]
    return "\n".join([*lines, config.http.told()])


class _Check:
    """One site as it is from its newest change on."""

    def __init__(self, config: Config, site: Site, layout: Layout) -> None:
        self.config, self.site, self.layout = config, site, layout
        self.epoch = site.epochs[-1]
        self.known = {d.id: d for d in self.epoch.derived}
        self.meters = {m.id: m for m in self.epoch.meters}

    def lines(self) -> Iterator[str]:
        yield self._head()
        for branch in self._tree():
            yield f"  {branch.text}"
            yield from _drawn(branch.below, "  ")
        yield "  Figures"
        yield from (f"    {line}" for line in self._figures())
        remarks = list(self._remarks())
        if remarks:
            yield "  Remarks"
            yield from (f"    - {line}" for line in remarks)
        yield ""

    def _head(self) -> str:
        epoch, site = self.epoch, self.site
        since = "" if epoch.start == -EVER else f", as of {rfc3339(epoch.start)}"
        derived = f" and {len(epoch.derived)} derived" if epoch.derived else ""
        return (
            f"{site.id}: {site.name} ({site.zone}), cell {duration_text(epoch.cell)}, "
            f"{len(site.meters)} meters{derived}{since}"
        )

    # -- tree ---------------------------------------------------------------------------------

    def _tree(self) -> Iterator[Branch]:
        epoch = self.epoch
        if epoch.boundary == "metered":
            yield Branch("E_DC, metered at the boundary", self._pairs(epoch.e_dc))
            yield Branch("inside E_DC", [*self._parts(), *self._residual()])
        else:
            yield Branch("E_DC, summed from below", [*self._parts(), *self._rest()])
        if epoch.e_reuse:
            yield Branch("E_reuse, heat handed over", self._pairs(epoch.e_reuse))
        others = self._others()
        if others:
            yield Branch("in no sum", [self._meter(name) for name in others])

    def _parts(self) -> Iterator[Branch]:
        for category, members in self.epoch.e_it.items():
            pairs = [(name, 1.0) for name in members]
            yield Branch(f"E_IT, category {category}", self._pairs(pairs))
        for name in SUBSYSTEMS:
            if name in self.epoch.subsystems:
                yield Branch(name, self._pairs(self.epoch.subsystems[name]))

    def _residual(self) -> Iterator[Branch]:
        if self.epoch.e_dc and self.epoch.e_it:
            yield Branch("other = E_DC less all of these")

    def _rest(self) -> Iterator[Branch]:
        """What is in E_DC but neither IT nor of a subsystem."""
        shown = {name for name, _ in self._shown()}
        rest = [pair for pair in self.epoch.e_dc if pair[0] not in shown]
        if rest:
            yield Branch("other carriers and meters", self._pairs(rest))

    def _shown(self) -> Iterator[tuple[str, float]]:
        for members in self.epoch.e_it.values():
            yield from ((name, 1.0) for name in members)
        for pairs in self.epoch.subsystems.values():
            yield from pairs

    def _others(self) -> list[str]:
        sums = (*self._shown(), *self.epoch.e_dc, *self.epoch.e_reuse)
        used = {part for name, _ in sums for part in (name, *contents(name, self.known))}
        used |= {part for d in self.epoch.derived for part in d.inputs}
        return [name for name in (*self.meters, *self.known) if name not in used]

    def _pairs(self, pairs: Iterable[tuple[str, float]]) -> list[Branch]:
        return [self._meter(name, weight) for name, weight in pairs]

    def _meter(self, name: str, weight: float = 1.0) -> Branch:
        sign = {1.0: "", -1.0: "less "}.get(weight, f"{weight:g} x ")
        if name not in self.known:
            return Branch(f"{sign}{_meter_text(self.meters[name])}")
        derived = self.known[name]
        inputs = () if derived.op is Op.CONSTANT else derived.inputs
        sums = derived.op in {Op.SUM, Op.DIFFERENCE}
        below = [self._meter(part) for part in inputs] if sums else ()
        return Branch(f"{sign}{name} ({derived.point}) = {formula(derived)}", below)

    # -- figures ------------------------------------------------------------------------------

    def _figures(self) -> Iterator[str]:
        absent = missing(self.epoch, frozenset(self.site.intensity))
        width = max(len(name) for name in self._names())
        for name in self._names():
            word = absent.get("ipue" if name == "pue" else name)
            if word is None:
                yield f"yes  {name}"
            else:
                yield f"no   {name:<{width}}  {word}: {REASONS.get(word, word)}"

    def _names(self) -> Iterator[str]:
        for metric in METRICS:
            yield from self._of(metric)
        yield from (f"co2e_{method}" for method in METHODS)

    def _of(self, metric: Metric) -> Iterator[str]:
        keys = {"subsystem": SUBSYSTEMS, "method": METHODS}.get(metric.over or "")
        if keys is not None:
            yield from (names(metric, key) for key in keys)
            return
        yield names(metric)
        if metric.over == "category":
            best = max(self.epoch.e_it, default=None)
            yield from (names(metric, c) for c in self.epoch.e_it if c != best)
        if metric.name == "pue":
            yield metric.name

    # -- remarks ------------------------------------------------------------------------------

    def _remarks(self) -> Iterator[str]:
        if len(self.site.epochs) > 1:
            changes = ", ".join(rfc3339(epoch.start) for epoch in self.site.epochs[1:])
            yield f"the sums change at {changes}; shown is the newest"
        if self.epoch.boundary == "bottom_up":
            yield "E_DC is summed from below: what has no meter and no declared share is not in it"
            yield from self._left_out()
        yield from self._vintages()
        yield from self._shares()
        yield from self._doubts()
        yield from self._losses()
        yield from self._registers()

    def _left_out(self) -> Iterator[str]:
        """What a sum from below lacks of what PUE is about: any ratio to it is too low."""
        summed = {part for n, _ in self.epoch.e_dc for part in (n, *contents(n, self.known))}
        for name, what in (("cooling", "cooling"), ("power", "losses of the power supply")):
            if not summed & {member for member, _ in self.epoch.subsystems.get(name, ())}:
                yield f"no {what} in E_DC: what is computed from it is no PUE of the whole site"

    def _vintages(self) -> Iterator[str]:
        for method, timed in methods(self.layout.site):
            year, source = vintage(timed.last, self.config.content)
            if year is not None:
                yield (
                    f"emissions.{method}: the factor stands for {year} ({source}); figures of "
                    f"other years carry a warning"
                )

    def _shares(self) -> Iterator[str]:
        for derived in self.known.values():
            if derived.op is Op.SHARE and derived.value > 1:
                yield f"{formula(derived)} is more than all of it: of 5 % the share is 0.05"

    def _doubts(self) -> Iterator[str]:
        meters = [m for m in self._physical() if m.accuracy is None]
        if meters:
            yield (
                f"uncertainty: no_accuracy where {_listed([m.id for m in meters])} together hold "
                f"more than 1 % of E_DC, because no class is given"
            )
        estimates = [d for d in self.known.values() if d.op in {Op.SHARE, Op.CONSTANT}]
        blank = [d.id for d in estimates if d.accuracy is None]
        if blank:
            yield (
                f"uncertainty: no_accuracy where {_listed(blank)} together hold more than 1 % of "
                f"E_DC, because no uncertainty is given"
            )

    def _physical(self) -> list[Meter]:
        ids = {part for name, _ in self.epoch.e_dc for part in contents(name, self.known)}
        ids |= {p for n, _ in self._shown() for p in contents(n, self.known)}
        return [meter for meter in self.epoch.meters if meter.id in ids]

    def _losses(self) -> Iterator[str]:
        points = [*[m.point for m in self.epoch.meters], *[d.point for d in self.epoch.derived]]
        for before, after in ENTRANCES:
            entering, leaving = points.count(before), points.count(after)
            if entering and leaving and entering != leaving:
                yield (
                    f"{entering} {before} and {leaving} {after}: not the same units on both sides, "
                    f"so their losses are not computed; make a difference with the point loss_power"
                )

    def _registers(self) -> Iterator[str]:
        for name, filled in self.layout.meters.items():
            changes = (*filled.given.multiplier.changes, *filled.unit.changes)
            if filled.kind is Kind.REGISTER and changes:
                yield (
                    f"{name}: a register with a dated multiplier or unit must go on where it was; "
                    f"if its energy jumps there, give the meter a new id instead"
                )


# -- pieces -----------------------------------------------------------------------------------


def formula(derived: Derived) -> str:
    """How a derived meter is made, in symbols.

    >>> formula(Derived("loss", "loss_power", Op.SHARE, ("it",), 0.05))
    '0.05 x it'
    """
    if derived.op is Op.SHARE:
        return f"{derived.value!r} x {derived.inputs[0]}"
    if derived.op is Op.CONSTANT:
        return f"{derived.value:g} W at all times"
    return (" + " if derived.op is Op.SUM else " - ").join(derived.inputs)


def _meter_text(meter: Meter) -> str:
    accuracy = "" if meter.accuracy is None else f", class {meter.accuracy * 100:g}"
    every = duration_text(meter.nominal)
    return f"{meter.id} ({meter.point}): {meter.quantity}, {meter.kind} every {every}{accuracy}"


def _drawn(branches: Sequence[Branch], indent: str) -> Iterator[str]:
    for i, branch in enumerate(branches):
        last = i == len(branches) - 1
        yield f"{indent}{'└─' if last else '├─'} {branch.text}"
        yield from _drawn(branch.below, f"{indent}{'   ' if last else '│  '}")


def _listed(ids: Sequence[str], most: int = 3) -> str:
    """The first few of many."""
    more = len(ids) - most
    shown = ", ".join(ids[:most])
    return f"{shown} and {more} more" if more > 0 else shown
