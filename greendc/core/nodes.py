"""Nodes of the power chain: which meters feed which, and how much may be lost between them.

A meter that is `fed_by` others hangs on their node; meters that feed the same one share a
node, since nobody knows which of them carried how much. Where no meter says what feeds it,
the points say how the site as a whole is chained.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from greendc.core.facility import Derived, Meter, Node, Op
from greendc.core.quantities import POINTS

STAGES = (
    ("util", "genset_out", "onsite_re", "storage_out"),
    ("tx_out",),
    ("ups_in", "rect_in"),
    ("ups_out", "rect_out"),
    ("pdu_out",),
    ("it_in",),
)
"""The way of electricity from the boundary to the equipment (STANDARDS 0.3)."""

LEAST = (0.97, 0.98, 0.80, 0.95, 0.97)
"""Least efficiency from each stage to the next that needs no explanation.

Chains of two surveys lie within: UPS 85 to 90 % and transformer with PDU 98 % (LBNL, EPRI and
Ecos, "DC Power for Improved Data Center Efficiency", 2008); 97 to 99 % for transformers and
distribution. What is left is assumed, as room for light load.
"""

IDLE = (0.005, 0.0, 0.03, 0.005, 0.0)
"""Loss without load that each stage may have besides, as a share of the inputs' rating; assumed."""

CABLES = 0.97  # least efficiency between meters of one stage; assumed
SWITCHGEAR = 1  # all that is no stage hangs behind the transformers
LEAST_IT = 0.2  # of E_DC: a PUE of 5
USUAL_PUE = 1.5

Pairs = list[tuple[str, float]]
Rated = Mapping[str, float | None]


def stage(point: str) -> int:
    """Place of a measuring point on the way to the equipment; loads hang on the switchgear.

    >>> stage("pdu_out"), stage("cool_chiller")
    (4, 2)
    """
    found = (i for i, points in enumerate(STAGES) if point in points)
    return next(found, SWITCHGEAR + 1)


def least(before: int, after: int) -> float:
    """Least efficiency between two stages.

    >>> round(least(2, 4), 3)
    0.76
    """
    share = 1.0
    for part in LEAST[before:after]:
        share *= part
    return share


def declared(
    feeds: Mapping[str, Sequence[str]], points: Mapping[str, str], rated: Rated
) -> Iterator[Node]:
    """Nodes of what is declared to feed each meter.

    Parameters
    ----------
    feeds
        Meter -> those that feed it.
    points, rated
        Measuring point of each meter, and its rating. [W]

    Examples
    --------
    >>> points = {"a": "ups_in", "b": "ups_in", "x": "ups_out", "y": "pdu_out"}
    >>> found = declared({"x": ["a"], "y": ["b", "a"]}, points, {})
    >>> [(node.name, node.outputs) for node in found]
    [('a + b', (('x', 0.8), ('y', 0.76)))]
    """
    for inputs in _together(feeds.values()):
        outputs = [name for name, above in feeds.items() if set(above) & set(inputs)]
        order = [name for name in points if name in inputs]
        yield _node(order or inputs, outputs, points, rated)


def _together(groups: Iterable[Sequence[str]]) -> list[list[str]]:
    """Names in groups, those with a name in common put together, in order."""
    found: list[list[str]] = []
    for group in groups:
        joined = list(group)
        apart = []
        for other in found:
            if set(other) & set(joined):
                joined = other + [name for name in joined if name not in other]
            else:
                apart.append(other)
        found = [*apart, joined]
    return found


def _node(
    inputs: Sequence[str], outputs: Sequence[str], points: Mapping[str, str], rated: Rated
) -> Node:
    begin = min((stage(points.get(name, "")) for name in inputs), default=0)
    ends = [max(stage(points.get(name, "")), begin) for name in outputs]
    shares = [least(begin, end) if end > begin else CABLES for end in ends]
    rating = sum(rated.get(name) or 0.0 for name in inputs)
    idle = sum(IDLE[begin : max(ends, default=begin)]) * rating
    pairs = zip(outputs, shares, strict=True)
    return Node(" + ".join(inputs), tuple((n, 1.0) for n in inputs), tuple(pairs), idle)


def by_points(members: Mapping[str, Sequence[str]], rated: Rated) -> Iterator[Node]:
    """Nodes of a site whose meters do not say what feeds them, from the meters at each point.

    Nobody knows whether all that hangs on a stage is metered, so the next one may receive as
    little as nothing, but no more than there is. A UPS or rectifier has nothing else in it: where
    as many are metered on both sides, losses are bounded too.
    """
    groups = [[n for point in points for n in members.get(point, ())] for points in STAGES]
    there = [number for number, names in enumerate(groups) if names]
    export = [(n, -1.0) for point in ("export", "storage_in") for n in members.get(point, ())]
    for before, after in pairwise(there):
        same = (before, after) == (2, 3) and len(groups[before]) == len(groups[after])
        share = least(before, after) if same else 0.0
        inputs = tuple((name, 1.0) for name in groups[before])
        if before == 0:
            inputs += tuple(export)
        rating = sum(rated.get(name) or 0.0 for name in groups[before])
        idle = IDLE[before] * rating
        names = f"{_told(before, members)} to {_told(after, members)}"
        yield Node(names, inputs, tuple((n, share) for n in groups[after]), idle)


def _told(number: int, members: Mapping[str, Sequence[str]]) -> str:
    return "+".join(point for point in STAGES[number] if members.get(point))


def facility(e_dc: Sequence[tuple[str, float]], e_it: Sequence[str]) -> Node:
    """The whole site: E_DC is not below E_IT, nor beyond any PUE that was ever told of."""
    return Node("E_DC to E_IT", tuple(e_dc), tuple((n, LEAST_IT) for n in e_it), 0.0, USUAL_PUE)


def taken_apart(node: Node, derived: Sequence[Derived]) -> Node:
    """The same with the meters that sums and differences are made of: one may be read wrongly.

    What is taken off an output stands with the inputs.

    Examples
    --------
    >>> row = Derived("row", "it_in", Op.SUM, ("a", "b"))
    >>> taken_apart(Node("pdu", (("pdu", 1.0),), (("row", 0.97), ("c", 0.97))), [row]).members
    ('pdu', 'a', 'b', 'c')
    >>> net = Derived("net", "it_in", Op.DIFFERENCE, ("a", "fan"))
    >>> taken_apart(Node("pdu", (("pdu", 1.0),), (("net", 0.97),)), [net]).inputs
    (('pdu', 1.0), ('fan', 1.0))
    """
    inputs, outputs = list(node.inputs), list(node.outputs)
    made = [one for one in derived if one.op in (Op.SUM, Op.DIFFERENCE)]
    for one in reversed(made):  # after what it is made of
        added = one.inputs if one.op is Op.SUM else one.inputs[:1]
        taken = one.inputs[len(added) :]
        fed = [pair for pair in inputs if pair[0] == one.id]
        inputs = _put(inputs, one.id, added)
        inputs += [(name, -weight) for _, weight in fed for name in taken]
        inputs += [(name, 1.0) for id_, _ in outputs if id_ == one.id for name in taken]
        outputs = _put(outputs, one.id, added)
    members = [name for name, _ in (*inputs, *outputs)]
    twice = len(set(members)) < len(members)
    return node if twice else replace(node, inputs=tuple(inputs), outputs=tuple(outputs))


def _put(pairs: Pairs, name: str, parts: Sequence[str]) -> Pairs:
    """Pairs with others in one's place, with its number."""
    return [(part, n) for one, n in pairs for part in (parts if one == name else (one,))]


def rated(meters: Iterable[Meter], derived: Iterable[Derived]) -> dict[str, float | None]:
    """Rating of each meter; that of a sum is the sum of its inputs', in W."""
    found: dict[str, float | None] = {meter.id: meter.rating for meter in meters}
    for one in derived:
        inputs = [found.get(name) for name in one.inputs]
        known = [rating for rating in inputs if rating is not None]
        found[one.id] = sum(known) if known and len(known) == len(inputs) else None
    return found


def is_load(point: str) -> bool:
    """Whether a point is a load beside the IT equipment."""
    return POINTS[point].subsystem not in {None, "power"}
