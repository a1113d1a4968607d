"""Why a figure is what it is: formula, numbers, meters, factors, gaps, revisions."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from greendc.calendars import LocalCalendar, rfc3339
from greendc.config import Config
from greendc.core.accounts import Term
from greendc.core.cells import SHARES
from greendc.core.facility import HOUR, Derived, Op, Site
from greendc.core.figure import Figure
from greendc.core.units import G_PER_KG, J_PER_KWH
from greendc.explain.evidence import Evidence, Span, behind, gather, nearest
from greendc.explain.feeding import feeding
from greendc.files import LEDGER
from greendc.lines import PUBLISHED, WORDS, published
from greendc.ports import GreendcError
from greendc.queries import Ledger, unavailable

SHOWN = 5  # gaps and events in full; of more the number
EXACT = 1e-9  # two sums of the same terms, relative


def explain(
    config: Config,
    metric: str,
    at: int | date | None,
    period: str,
    site: str | None,
    data: Path | None,
) -> str:
    """Text that takes one figure of the ledger apart, or says why there is none.

    A date is the moment at which it begins in the site's zone.

    Raises
    ------
    GreendcError
        If there is no such site, figure or time; it names what there is.
    """
    place = _site(config, site)
    moment = LocalCalendar(place.zone).midnight(at) if isinstance(at, date) else at
    with Ledger((data or config.data) / LEDGER) as ledger:
        found = gather(ledger, place, metric, period, moment)
        if found is not None:
            tags = {tag.site: tag for tag in config.site_tags()}
            feeds = feeding(found, tags[place.id].redundant)
            return "\n".join([*_head(found), *_body(found, feeds), *_warnings(config, found)])
        reason = unavailable(place).get(metric)
        if reason is None:
            raise nearest(ledger, place, metric, period)
    return f"{metric} of {place.id} ({place.name})\n  status       undefined: {_worded(reason)}"


def _site(config: Config, name: str | None) -> Site:
    sites = {site.id: site for site in config.plan().sites}
    if name is None and len(sites) == 1:
        return next(iter(sites.values()))
    if name is None:
        raise GreendcError(f"which site? --site {' | '.join(sites)}")
    if name not in sites:
        raise GreendcError(f"{name}: no such site; the configuration has {', '.join(sites)}")
    return sites[name]


def _body(found: Evidence, feeds: Mapping[str, str]) -> Iterator[str]:
    yield from _formula(found)
    metric = found.account.metric
    needs = metric.needs if metric is not None else (found.account.name,)
    for need, term, amount in zip(needs, found.account.terms, _amounts(found), strict=True):
        yield from _term(found, need, term, amount)
    yield from _derived(found, feeds)
    yield from _gaps(found)
    yield from _spread(found)
    yield from _judged(found)
    yield from _history(found)


# -- the figure -----------------------------------------------------------------------------------


def _head(found: Evidence) -> Iterator[str]:
    figure, site = found.chosen, found.site
    yield f"{figure.quantity} of {site.id} ({site.name})"
    yield f"  {figure.period:<12} {_span((figure.start, figure.end))}, zone {site.zone}"
    yield f"  value        {_value(figure, found.value)}"
    yield f"  status       {figure.status}{f': {_worded(figure.reason)}' if figure.reason else ''}"
    hours = f"{figure.valid / HOUR:.6g} h of {(figure.end - figure.start) / HOUR:.6g} h"
    yield f"  coverage     {figure.coverage:.6g} ({hours})"
    whole = "" if len(found.account.terms) == 1 else " of the most affected sum"
    if figure.estimated is not None:
        yield f"  estimated    {figure.estimated:.6g}{whole}"
    if figure.distributed:
        yield f"  distributed  {figure.distributed:.6g}{whole}: energy exact, its time not known"
    told = ", ".join(f"{name} {share:.6g}" for name, share in figure.shares._asdict().items())
    yield f"  shares       {told}"
    yield f"  uncertainty  {_doubt(found)}"
    if figure.category is not None:
        yield f"  category     {figure.category} (where E_IT is measured)"
    rules = f", by configuration {found.config[:12]}" if found.config else ""
    yield f"  revision     {figure.revision}{rules}"
    yield from _recomputed(found)


def _recomputed(found: Evidence) -> Iterator[str]:
    """Which keys of the configuration were changed for closed time, and revised this figure."""
    for arrival, kind, data in found.events:
        for cause in data["causes"] if kind == "revised" else ():
            names = cause.get("figures", [found.chosen.quantity])
            if "keys" in cause and found.chosen.quantity in names and found.chosen.revision:
                yield f"  recomputed   {rfc3339(arrival)}: {', '.join(cause['keys'])}"


def _doubt(found: Evidence) -> str:
    figure = found.chosen
    doubt = published(figure, figure.uncertainty)
    if doubt is None:
        return f"unknown: {_worded(figure.doubt or 'undefined')}"
    carbon = any(term.method for term in found.account.terms)
    covers = "meters and declared values; the emission factor is taken as exact"
    return f"± {doubt!r} (k = 2; covers {covers if carbon else 'meters and declared values'})"


def _formula(found: Evidence) -> Iterator[str]:
    metric, value = found.account.metric, found.value
    if metric is None:
        return
    amounts = dict(zip(metric.needs, _amounts(found), strict=True))
    top, bottom = _sum(amounts, metric.numerator), _sum(amounts, metric.denominator)
    yield f"\n{metric.formula}   [{metric.source}]"
    yield f"  = {top} / {bottom} = {'undefined' if value is None else _value(found.chosen, value)}"
    if found.chosen.coverage < 1:
        yield "  over the time in which all that it needs was known"


def _sum(amounts: Mapping[str, float], weights: Sequence[float]) -> str:
    parts: list[str] = []
    for (need, amount), weight in zip(amounts.items(), weights, strict=True):
        if weight:
            unit, size = PUBLISHED["g" if need.endswith("_g") else "J"]
            sign = "- " if weight < 0 else "+ " if parts else ""
            parts.append(f"{sign}{amount / size!r} {unit}")
    return parts[0] if len(parts) == 1 else f"({' '.join(parts)})"


def _amounts(found: Evidence) -> list[float]:
    terms = np.frombuffer(found.chosen.terms, np.float64).reshape(-1, SHARES)
    return [float(amount) for amount in terms[:, 0]]


# -- what it is made of ---------------------------------------------------------------------------


def _term(found: Evidence, need: str, term: Term, amount: float) -> Iterator[str]:
    boundary = f" ({found.book.epoch.boundary})" if need.startswith("e_dc") else ""
    yield f"\n{need.removesuffix('_j').removesuffix('_g')}{boundary}"
    names = {number: name for name, number in found.book.nodes.items()}
    members = sorted((names[node], weight) for node, weight in term.members)
    for name, weight in members:
        yield _member(found, name, weight)
    energy = math.fsum(_energy(found, name) * weight for name, weight in members)
    if term.method is None:
        yield from _total(energy, amount / J_PER_KWH, "kWh", found.chosen.quantity)
        return
    yield f"  = {energy!r} kWh"
    fuels = [(names[node], factor) for node, factor in term.fuels]
    for name, factor in fuels:
        yield f"{_member(found, name, 1.0)}  fuel, {factor!r} g/kWh"
    burnt = math.fsum(_energy(found, name) * factor for name, factor in fuels)
    yield from _mass(found, term.method, energy, burnt, amount)


def _member(found: Evidence, name: str, weight: float) -> str:
    figure = found.figures.get(name)
    value = None if figure is None else published(figure, figure.value)
    shown = f"{value * weight:>18,.6f} kWh" if value is not None else f"{'unknown':>18}    "
    times = "" if weight == 1 else f" x {weight:g}"
    covered = "no row" if figure is None else f"coverage {figure.coverage:.4g}"
    return f"  {shown}  {name}{times}  {_nature(found, name)}  {covered}"


def _energy(found: Evidence, name: str) -> float:
    """What is known of a meter's energy in the period [kWh]; 0 where nothing is."""
    figure = found.figures.get(name)
    value = None if figure is None else published(figure, figure.value)
    return 0.0 if value is None else value


def _total(parts: float, whole: float, unit: str, name: str) -> Iterator[str]:
    """The sum; its parts hold more where something else that is needed was silent."""
    if math.isclose(parts, whole, rel_tol=EXACT, abs_tol=EXACT):
        yield f"  = {whole!r} {unit}"
    else:
        yield f"  = {parts!r} {unit}, each over the time in which it was known"
        yield f"    {whole!r} {unit} of it while all that {name} needs was known"


def _mass(
    found: Evidence, method: str, energy: float, burnt: float, amount_g: float
) -> Iterator[str]:
    factor = found.site.intensity[method]
    inside = (factor.end > found.chosen.start) & (factor.start < found.chosen.end)
    values = sorted({float(value) for value in factor.value[inside]})
    year = f", {factor.year}" if factor.year else ""
    origin = f"{factor.zone}{year}, {factor.accounting}, {factor.source}"
    fuel = f" + {burnt / G_PER_KG!r} kg" if burnt else ""
    if len(values) == 1:
        mass = (energy * values[0] + burnt) / G_PER_KG
        yield f"  x {values[0]!r} g/kWh{fuel} ({method}: {origin})"
        yield from _total(mass, amount_g / G_PER_KG, "kg", found.chosen.quantity)
        return
    low, high = (values[0], values[-1]) if values else (math.nan, math.nan)
    yield f"  x {low!r} to {high!r} g/kWh, cell by cell{fuel} ({method}: {origin})"
    mean = f", a mean of {(amount_g - burnt) / energy!r} g/kWh" if energy > 0 else ""
    yield f"  = {amount_g / G_PER_KG!r} kg{mean if found.chosen.coverage == 1 else ''}"


def _nature(found: Evidence, name: str) -> str:
    epoch = found.book.epoch
    for meter in epoch.meters:
        if meter.id == name:
            grade = "no class" if meter.accuracy is None else f"class {meter.accuracy * 100:g}"
            return f"[{meter.point}, {meter.kind}, {grade}]"
    points = {derived.id: derived.point for derived in epoch.derived}
    return f"[{points[name]}, derived]" if name in points else "[not in force]"


# -- derived meters -------------------------------------------------------------------------------


def _derived(found: Evidence, feeds: Mapping[str, str]) -> Iterator[str]:
    by_name = {derived.id: derived for derived in found.book.epoch.derived}
    names = {number: name for name, number in found.book.nodes.items()}
    wanted = {
        names[node] for term in found.account.terms for node, _ in (*term.members, *term.fuels)
    }
    shown = [
        f"  {text}"
        for d in behind(by_name, wanted)
        for text in (_calculation(found, d), feeds.get(d.id))
        if text is not None
    ]
    if shown:
        yield "\nderived"
        yield from shown


def _calculation(found: Evidence, node: Derived) -> str:
    own = found.figures.get(node.id)
    total = f"{_energy(found, node.id):,.6f} kWh"
    parts = [f"{_energy(found, name):,.6f}" for name in node.inputs]
    if node.op is Op.CONSTANT:
        hours = 0.0 if own is None else own.valid / HOUR
        return f"{node.id} = {node.value!r} W x {hours:.6g} h = {total}, an estimate"
    if node.op is Op.SHARE:
        share = f"{node.value!r} x {node.inputs[0]} = {node.value!r} x {parts[0]}"
        return f"{node.id} = {share} = {total}, an estimate"
    sign = " - " if node.op is Op.DIFFERENCE else " + "
    known = {found.figures[name].valid for name in node.inputs if name in found.figures}
    partly = "" if own is not None and known == {own.valid} else " while all of them were known"
    return f"{node.id} = {sign.join(node.inputs)} = {sign.join(parts)} = {total}{partly}"


# -- gaps, revisions, events, warnings ------------------------------------------------------------


def _gaps(found: Evidence) -> Iterator[str]:
    """Meters that were not known all the time, those with the same gaps together."""
    together: dict[tuple[Span, ...], list[str]] = {}
    for name, spans in found.gaps.items():
        together.setdefault(tuple(spans), []).append(name)
    if together:
        yield f"\nnot known all the time (by {found.step})"
    for spans, names in together.items():
        yield f"  {', '.join(names[:SHOWN])}{_more(names)}"
        yield from (f"    {_span(span)}" for span in spans[:SHOWN])
        if len(spans) > SHOWN:
            yield f"   {_more(spans)}"


def _spread(found: Evidence) -> Iterator[str]:
    """Gaps and the final days that they have their shape, or what fills them, from."""
    if found.spread:
        yield "\ngaps shaped or filled as on these final days"
    calendar = LocalCalendar(found.site.zone)
    for meter, start, end, days in found.spread[:SHOWN]:
        dates = ", ".join(str(calendar.local_date(day)) for day in days)
        yield f"  {meter}  {_span((start, end))}: {dates or 'evenly, for want of such days'}"
    if len(found.spread) > SHOWN:
        yield f" {_more(found.spread)}"


def _judged(found: Evidence) -> Iterator[str]:
    """Readings that were left out, and those of registers that were something else than a count."""
    if found.judged:
        yield "\nreadings that were not taken as they are (by full hours)"
    for meter, words in found.judged.items():
        told = ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in words.items())
        yield f"  {meter}: {told}"


def _history(found: Evidence) -> Iterator[str]:
    if found.earlier:
        yield "\nearlier revisions"
        yield from (
            f"  {f.revision}  {_value(f, published(f, f.value))}  {f.status}" for f in found.earlier
        )
    if found.events:
        yield "\nevents"
    for arrival, kind, data in found.events[:SHOWN]:
        count = f", {data['readings']} readings" if "readings" in data else ""
        yield f"  {rfc3339(arrival)}  {kind}: {_span((data['from'], data['to']))}{count}"
    if len(found.events) > SHOWN:
        yield f" {_more(found.events)}"


def _warnings(config: Config, found: Evidence) -> Iterator[str]:
    if any(term.method for term in found.account.terms):
        span = found.chosen.start, found.chosen.end
        yield from (f"\nwarning: {text}" for text in config.warnings(span))


def _more(things: Sequence[object]) -> str:
    return f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""


def _span(span: Span) -> str:
    return f"{rfc3339(span[0])} to {rfc3339(span[1])}"


def _worded(reason: str) -> str:
    return f"{reason}, {WORDS[reason]}" if reason in WORDS else reason


def _value(figure: Figure, value: float | None) -> str:
    unit = PUBLISHED.get(figure.unit, (figure.unit, 1.0))[0]
    return "unknown" if value is None else f"{value!r}{'' if unit == '1' else f' {unit}'}"
