"""Derived meters at one instant: their inputs, their order, what physical meters are in them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from greendc.config import models
from greendc.config.meters import quantity_of
from greendc.config.problems import Problem
from greendc.config.tree import Loc
from greendc.config.words import nearest
from greendc.core import facility
from greendc.core.facility import Op
from greendc.core.quantities import ELECTRIC, ENERGETIC, POINTS, THERMAL

FORMS = ("sum", "difference", "share", "constant_w")
FEEDS = 2  # of a load that are redundant, at least
OPS = {"sum": Op.SUM, "difference": Op.DIFFERENCE, "share": Op.SHARE, "constant_w": Op.CONSTANT}


def form(derived: models.Derived) -> str:
    """The key that says how a derived meter is made."""
    return next(name for name in FORMS if getattr(derived, name) is not None)


def at(derived: models.Derived, when: int) -> facility.Derived:
    """A derived meter at an instant [ns]."""
    name = form(derived)
    held = getattr(derived, name).held(when)
    inputs: tuple[str, ...] = held if name in {"sum", "difference"} else ()
    if derived.of is not None:
        inputs = (derived.of.held(when),)
    return facility.Derived(
        id=derived.id,
        point=derived.point.held(when),
        op=OPS[name],
        inputs=inputs,
        value=0.0 if name in {"sum", "difference"} else held,
        accuracy=derived.uncertainty if name == "share" else derived.uncertainty_w,
        subsystem=derived.subsystem.held(when) if derived.subsystem else None,
    )


def ordered(found: Sequence[facility.Derived]) -> tuple[facility.Derived, ...]:
    """Each after its inputs, otherwise as given.

    Raises
    ------
    CycleError
        If one is made from itself; `args[1]` is the circle.
    """
    known = {derived.id: derived for derived in found}
    graph = {name: [i for i in derived.inputs if i in known] for name, derived in known.items()}
    return tuple(known[name] for name in TopologicalSorter(graph).static_order())


def contents(name: str, known: Mapping[str, facility.Derived]) -> Counter[str]:
    """How often each physical meter is in a meter; shares and constants are estimates beside them.

    >>> it = facility.Derived("it", "none", Op.SUM, ("a", "b"))
    >>> sorted(contents("it", {"it": it}).items())
    [('a', 1), ('b', 1)]
    """
    derived = known.get(name)
    if derived is None:
        return Counter({name: 1})
    total: Counter[str] = Counter()
    if derived.op in {Op.SUM, Op.DIFFERENCE}:
        for i, part in enumerate(derived.inputs):
            sign = -1 if i and derived.op is Op.DIFFERENCE else 1
            for meter, times in contents(part, known).items():
                total[meter] += sign * times
    return total


def without_parts(names: Iterable[str], known: Mapping[str, facility.Derived]) -> list[str]:
    """Those that are not summed up in another of them already."""
    listed = list(names)
    parts = {part for name in listed if name in known for part in _summed(name, known)}
    return [name for name in listed if name not in parts]


def _summed(name: str, known: Mapping[str, facility.Derived]) -> Iterator[str]:
    derived = known.get(name)
    if derived is not None and derived.op is Op.SUM:
        for part in derived.inputs:
            yield part
            yield from _summed(part, known)


# -- problems ---------------------------------------------------------------------------------


def form_problems(derived: models.Derived, loc: Loc) -> Iterator[Problem]:
    """What is wrong with a derived meter by itself."""
    forms = [name for name in FORMS if getattr(derived, name) is not None]
    if len(forms) != 1:
        said = " and ".join(forms) if forms else "none"
        text = f"needs exactly one of sum, difference, share and constant_w, not {said}"
        yield Problem(loc, text)
        return
    beside = {"of": "share", "uncertainty": "share", "uncertainty_w": "constant_w"}
    for key, owner in beside.items():
        if getattr(derived, key) is not None and forms != [owner]:
            yield Problem((*loc, key), f"only beside {owner}")
    if forms == ["share"] and derived.of is None:
        yield Problem((*loc, "of"), "missing")
    if derived.redundant:
        steps = derived.sum.steps if derived.sum is not None else ()
        if not steps or any(len(step.value) < FEEDS for step in steps):
            yield Problem((*loc, "redundant"), "only beside a sum of two feeds or more")


def input_problems(
    site: models.Site, found: Sequence[facility.Derived], loc: Loc
) -> Iterator[Problem]:
    """What is wrong with the inputs of a site's derived meters at one instant.

    Yields nothing only if every input is known and `ordered` can order them.
    """
    if not found:
        return
    families = {m.id: quantity_of(m) or "" for m in site.meters}
    ids = [*families, *[d.id for d in found]]
    for i, derived in enumerate(found):
        here = (*loc, "derived", i, "of" if derived.op is Op.SHARE else derived.op.value)
        for name in derived.inputs:
            if name not in ids:
                yield Problem(here, f'no meter "{name}"{nearest(name, ids)}')
            elif families.get(name, "power") not in ENERGETIC:
                yield Problem(here, f'"{name}" measures {families[name]}, not power or energy')
        least = {Op.SUM: 1, Op.DIFFERENCE: 2}.get(derived.op, 0)
        if len(derived.inputs) < least:
            yield Problem(here, f"needs at least {least} meter{'s' * (least > 1)}")
    yield from _cycle_problems(found, loc)


def _cycle_problems(found: Sequence[facility.Derived], loc: Loc) -> Iterator[Problem]:
    try:
        ordered(found)
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        index = [derived.id for derived in found].index(circle[0])
        text = f"goes round in a circle: {' -> '.join(circle)}"
        yield Problem((*loc, "derived", index), text)


def kinds(site: models.Site, found: Sequence[facility.Derived]) -> dict[str, str]:
    """Whether each meter is `electric` or `thermal` energy, `mixed` where both are summed."""
    out = {m.id: _kind(quantity_of(m) or "") for m in site.meters}
    for derived in ordered(found):
        inputs = {out[name] for name in derived.inputs}
        default = "thermal" if POINTS[derived.point].quantities == THERMAL else "electric"
        out[derived.id] = default if not inputs else inputs.pop() if len(inputs) == 1 else "mixed"
    return out


def _kind(quantity: str) -> str:
    return "electric" if quantity in ELECTRIC else "thermal" if quantity in THERMAL else "other"


def kind_problems(
    site: models.Site, found: Sequence[facility.Derived], loc: Loc
) -> Iterator[Problem]:
    """Derived meters that mix heat and electricity, or stand at a point of the other kind."""
    all_kinds = kinds(site, found) if found else {}
    for i, derived in enumerate(found):
        here, kind = (*loc, "derived", i), all_kinds[derived.id]
        allowed = {_kind(q) for q in POINTS[derived.point].quantities} or {"electric", "thermal"}
        if kind == "mixed":
            yield Problem(here, "adds heat and electricity; they are no sum")
        elif kind not in allowed:
            yield Problem(
                (*here, "point"), f"{derived.point} is not where {kind} energy is measured"
            )
        yield from _double_problems(derived, found, here)


def _double_problems(
    derived: facility.Derived, found: Sequence[facility.Derived], here: Loc
) -> Iterator[Problem]:
    if derived.op is Op.SUM:
        times = contents(derived.id, {d.id: d for d in found})
        for meter, count in times.items():
            if count > 1:
                yield Problem((*here, "sum"), f'counts "{meter}" {count} times')
