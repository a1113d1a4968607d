"""Which topics lead to which fields: topic patterns, and a bounded memory of topics seen."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from greendc.columns import Topics
from greendc.ports import Field, GreendcError, IntArray, Route

UNBOUND = 0
_BOUND_TOPICS = 65_536  # topics kept in memory; a capture that selects nothing may be anything
_UNBOUND_TOPICS = 10_000
_LONGEST_KEPT = 512  # characters of a topic kept in memory; MQTT allows 65 535 bytes
Path = tuple[str | int, ...]
_Key = tuple[tuple[int, ...], tuple[int, ...]]  # slots, and places of routes that select
_NAME = re.compile(r"\{([^{}/]+)\}")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Regular expression of a topic pattern, for `fullmatch`; its group `tag` is `{meter}`.

    A level `+` matches any one level, a last level `#` the topic before it and any
    levels below, `{name}` one or more characters of one level, the same wherever
    the name stands again. Neither a wildcard nor a capture at the beginning matches
    a `$`, as brokers have it for `$SYS`.

    Examples
    --------
    >>> compile_pattern("json/{key}/{meter}/attrs").fullmatch("json/k/UPS1/attrs")["tag"]
    'UPS1'
    >>> compile_pattern("#").fullmatch("$SYS/broker/load") is None
    True
    """
    levels = pattern.split("/")
    below = levels[-1] == "#"
    names: dict[str, str] = {}
    body = "/".join(_level(level, names) for level in levels[: -1 if below else None])
    if below:
        body = f"{body}(?:/.*)?" if body else ".*"
    guard = r"(?!\$)" if pattern[:1] in {"+", "#", "{"} else ""
    return re.compile(guard + body, re.DOTALL)


def _level(level: str, names: dict[str, str]) -> str:
    """Regular expression of one level; `names` maps the captures so far to their groups."""
    if level == "+":
        return "[^/]*"
    parts = _NAME.split(level)
    return "".join(
        _capture(part, names) if place % 2 else re.escape(part) for place, part in enumerate(parts)
    )


def _capture(name: str, names: dict[str, str]) -> str:
    """Regular expression of a capture, or of its repetition."""
    if name in names:
        return f"(?P={names[name]})"
    names[name] = "tag" if name == "meter" else f"g{len(names)}"
    return f"(?P<{names[name]}>[^/]+)"


@dataclass(frozen=True, slots=True)
class _Target:
    """Slots of the fields that a route leads to, all of them or by tag: of topic or payload."""

    number: int
    slots: tuple[int, ...]
    by_tag: Mapping[str, tuple[int, ...]] | None
    tag_at: Path | None

    def of(self, match: re.Match[str]) -> tuple[int, ...]:
        """Slots for one topic."""
        return self.slots if self.by_tag is None else self.by_tag.get(match["tag"], ())

    def of_tag(self, tag: str) -> tuple[int, ...]:
        """Slots for a payload that holds this tag."""
        return () if self.by_tag is None else self.by_tag.get(tag, ())


class Bindings:
    """The fields of all routes in slots, and for each topic the slots that read it.

    A binding is a number for a set of slots, and for the routes whose payloads select
    further ones; there are as many as the configuration makes, `UNBOUND` among them.
    Topics that no route leads to are remembered apart from the others, so that a flood
    of them displaces nothing.
    """

    def __init__(self, routes: Sequence[Route]) -> None:
        self.fields: list[Field] = []
        self.codecs: list[str] = []
        self._literal: dict[str, list[tuple[re.Pattern[str], _Target]]] = {}
        self._patterns: list[tuple[re.Pattern[str], _Target]] = []
        self._bound: dict[str, int] = {}
        self._unbound: dict[str, int] = {}
        self.forgotten = 0  # topics that no route leads from, let go of for others
        self._targets: list[_Target] = []
        self._numbers: dict[_Key, int] = {((), ()): UNBOUND}
        self._selecting: dict[int, _Key] = {}
        self._table: list[str] = []
        self._known = np.zeros(0, np.int64)
        self._flat = self._count = self._start = np.zeros(1, np.int64)
        for route in routes:
            self._add(route)

    def of_topics(self, topics: Sequence[str]) -> IntArray:
        """Binding of each topic; of those in a table each is looked up once."""
        if not isinstance(topics, Topics):
            return self._looked_up(topics)
        if self._table is not topics.names:
            self._table, self._known = topics.names, np.zeros(0, np.int64)
        if len(self._known) < len(self._table):
            new = self._looked_up(self._table[len(self._known) :])
            self._known = np.concatenate([self._known, new])
        found: IntArray = self._known[topics.places]
        return found

    def _looked_up(self, topics: Sequence[str]) -> IntArray:
        numbers = list(map(self._bound.get, topics))
        if None in numbers:
            numbers = [
                self._number(topic) if number is None else number
                for topic, number in zip(topics, numbers, strict=True)
            ]
        return np.array(numbers, np.int64)

    def selecting(self, numbers: IntArray) -> dict[int, list[Path]]:
        """Bindings of a column whose payloads select slots, and where the tags stand in them."""
        if not self._selecting:
            return {}
        return {
            number: [self._targets[place].tag_at or () for place in self._selecting[number][1]]
            for number in np.unique(numbers).tolist()
            if number in self._selecting
        }

    def selected(self, number: int, tags: Sequence[str]) -> int:
        """Binding for a payload with these tags, by the number that its topic gave."""
        slots, places = self._selecting[number]
        further = [self._targets[p].of_tag(tag) for p, tag in zip(places, tags, strict=True)]
        key = tuple(sorted((*slots, *chain.from_iterable(further)))), ()
        return self._numbers.setdefault(key, len(self._numbers))

    def slots_of(self, numbers: IntArray) -> tuple[IntArray, IntArray]:
        """Slots of a column of bindings one after the other, and the row that each belongs to."""
        if len(self._numbers) != len(self._count):
            self._tabulate()
        count = self._count[numbers]
        if (count == 1).all():
            return np.arange(len(numbers)), self._flat[self._start[numbers]]
        row = np.repeat(np.arange(len(numbers)), count)
        first = np.cumsum(count) - count
        within = np.arange(len(row)) - first[row]
        return row, self._flat[self._start[numbers][row] + within]

    def _add(self, route: Route) -> None:
        """Take in a route: its fields get slots in their order."""
        tags = route.by_tag
        pattern = compile_pattern(route.pattern)
        if tags is not None and route.tag_at is None and "tag" not in pattern.groupindex:
            raise GreendcError(f"topic {route.pattern!r}: needs the capture {{meter}}")
        target = _Target(
            len(self._targets),
            () if tags is not None else self._take(route.codec, route.fields),
            None
            if tags is None
            else {tag: self._take(route.codec, fields) for tag, fields in tags.items()},
            route.tag_at,
        )
        wild = pattern.groups or route.pattern.endswith("#") or "+" in route.pattern.split("/")
        place = self._patterns if wild else self._literal.setdefault(route.pattern, [])
        place.append((pattern, target))
        self._targets.append(target)

    def _take(self, codec: str, fields: Iterable[Field]) -> tuple[int, ...]:
        """New slots for fields."""
        first = len(self.fields)
        self.fields.extend(fields)
        self.codecs.extend([codec] * (len(self.fields) - first))
        return tuple(range(first, len(self.fields)))

    def _number(self, topic: str) -> int:
        """Binding of a topic that is not among the bound ones in memory."""
        if topic in self._bound:
            return self._bound[topic]
        if topic in self._unbound:
            return UNBOUND
        key = self._match(topic)
        number = self._numbers.setdefault(key, len(self._numbers))
        if key[1]:
            self._selecting[number] = key
        if len(topic) <= _LONGEST_KEPT:
            memory, limit = (
                (self._unbound, _UNBOUND_TOPICS)
                if number == UNBOUND
                else (self._bound, _BOUND_TOPICS)
            )
            if len(memory) >= limit:
                self.forgotten += len(memory) * (number == UNBOUND)
                memory.clear()
            memory[topic] = number
        return number

    def _match(self, topic: str) -> _Key:
        """Slots of all routes that lead from the topic, and the routes whose payloads select."""
        slots: list[int] = []
        places: list[int] = []
        for pattern, target in (*self._literal.get(topic, ()), *self._patterns):
            match = pattern.fullmatch(topic)
            if match is None:
                continue
            if target.tag_at is None:
                slots += target.of(match)
            else:
                places.append(target.number)
        return tuple(sorted(slots)), tuple(places)

    def _tabulate(self) -> None:
        """Lay the slots of all bindings end to end for `slots_of`."""
        sizes = [len(slots) for slots, _ in self._numbers]
        self._count = np.array(sizes, np.int64)
        self._start = np.cumsum(self._count) - self._count
        self._flat = np.array([s for slots, _ in self._numbers for s in slots], np.int64)
