"""Topic patterns and what stands in their payloads."""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from greendc.config import models
from greendc.config.meters import Filled
from greendc.config.problems import Problem
from greendc.config.tree import Loc
from greendc.config.zones import grid_limit
from greendc.core.facility import Kind
from greendc.ports import Field, Route

_LEVEL = re.compile(r"\{[a-z_]+\}|[^+#{}/\0]*")
METER = "{meter}"

_Place = tuple[str, str, tuple[str | int, ...] | None]  # pattern, codec, where the tag stands


@dataclass(frozen=True, slots=True)
class Reading:
    """How one meter's payloads are read: its own keys go before those of its topic."""

    pattern: str
    tag_at: tuple[str | int, ...] | None
    codec: str
    value: tuple[str | int, ...]
    time_at: tuple[str | int, ...] | None
    unit_at: tuple[str | int, ...] | None
    time: str
    zone: str | None


Way = tuple[str | None, Reading]
"""The text at {meter}, None where the topic is the meter's own, and how payloads are read."""


class Ways:
    """The ways on which the readings of a site's meters come."""

    def __init__(self, site: models.Site) -> None:
        self._topics = [topic for topic in site.topics if _selects(topic)]
        self._known: dict[Hashable, list[Reading]] = {}

    def of(self, meter: models.Meter, said: Hashable) -> list[Way]:
        """All ways of a meter; those that have `said` the same share how payloads are read."""
        what = said, meter.topic
        found = self._known.get(what)
        if found is None:
            own = [] if meter.topic is None else [models.Topic(topic=meter.topic)]
            found = [_reading(topic, meter) for topic in own or self._topics]
            self._known[what] = found
        if meter.topic is not None:
            return [(None, reading) for reading in found]
        return [(tag, reading) for reading in found for tag in meter.tag or (meter.id,)]


def _selects(topic: models.Topic) -> bool:
    """Whether a topic tells, or its payloads do, which meter a message is of."""
    return METER in topic.topic.split("/") or topic.meter_at is not None


def _reading(topic: models.Topic, meter: models.Meter) -> Reading:
    codec = meter.codec or topic.codec
    time_at = meter.time_at if meter.time_at is not None else topic.time_at
    unit_at = meter.unit_at if meter.unit_at is not None else topic.unit_at
    value = meter.value if meter.value is not None else topic.value
    default = "arrival" if time_at is None else "payload"
    time = meter.time or topic.time or default
    zone = meter.time_zone or topic.time_zone
    return Reading(
        pattern=topic.topic,
        tag_at=topic.meter_at,
        codec=codec,
        value=() if codec == "number" else value,
        time_at=time_at,
        unit_at=unit_at,
        time=time,
        zone=zone,
    )


def pattern_filter(pattern: str) -> str:
    """The MQTT subscription of a pattern.

    >>> pattern_filter("json/{key}/{meter}/attrs")
    'json/+/+/attrs'
    """
    return re.sub(r"\{[a-z_]+\}", "+", pattern)


def routes(meters: Iterable[tuple[Filled, list[Way]]]) -> list[Route]:
    """Routes of all sites' meters in the order of the plan, each with its ways.

    A pattern that several sites share is one route.
    """
    found: dict[_Place, dict[str | None, list[Field]]] = {}
    known: dict[tuple[int, int], partial[Field]] = {}
    for number, (filled, ways) in enumerate(meters):
        for tag, reading in ways:
            tags = found.setdefault((reading.pattern, reading.codec, reading.tag_at), {})
            made = known.get((id(filled), id(reading)))
            if made is None:
                made = known[id(filled), id(reading)] = _field(filled, reading)
            tags.setdefault(tag, []).append(made(number))
    return [_route(*key, tags) for key, tags in found.items()]


def _route(
    pattern: str,
    codec: str,
    tag_at: tuple[str | int, ...] | None,
    tags: Mapping[str | None, list[Field]],
) -> Route:
    fields = tuple(field for listed in tags.values() for field in listed)
    by_tag = {tag: tuple(listed) for tag, listed in tags.items() if tag is not None}
    return Route(pattern, pattern_filter(pattern), codec, fields, by_tag or None, tag_at)


def _field(filled: Filled, reading: Reading) -> "partial[Field]":
    """What makes the field of a meter from its place in the plan."""
    low, high = filled.limits()
    return partial(
        Field,
        value=reading.value,
        time=reading.time_at,
        unit=reading.unit_at,
        time_rule=reading.time,
        zone=reading.zone,
        scale=filled.scale(filled.unit),
        units=filled.units() if reading.unit_at is not None else {},
        low=low,
        high=high,
        sentinels=filled.given.sentinels or (),
        all_bits=filled.kind is not Kind.REGISTER and filled.given.sentinels != (),
    )


# -- problems ---------------------------------------------------------------------------------


def topic_problems(topic: str, loc: Loc) -> Iterator[Problem]:
    """What is wrong with a topic pattern."""
    if topic.startswith("$share/"):
        text = "a shared subscription gives each message to one of its members: greendc needs all"
        yield Problem(loc, text)
    bad = [level for level in topic.split("/") if not _LEVEL.fullmatch(level)]
    if bad:
        text = f'level "{bad[0]}" must be plain text, or {{name}} in small letters'
        yield Problem(loc, text)
    names = re.findall(r"\{[a-z_]+\}", topic)
    if len(set(names)) < len(names):
        yield Problem(loc, "captures the same name twice")


def site_topic_problems(site: models.Site, loc: Loc) -> Iterator[Problem]:
    """What is wrong with a site's topics."""
    for i, topic in enumerate(site.topics):
        at = (*loc, "topics", i)
        yield from topic_problems(topic.topic, (*at, "topic"))
        if not _selects(topic):
            text = "captures no {meter}; give it meter_at, or give the topic to the meter itself"
            yield Problem((*at, "topic"), text)
        if topic.meter_at is not None and METER in topic.topic.split("/"):
            yield Problem((*at, "meter_at"), "the topic itself captures {meter}")
        if topic.meter_at is not None and topic.codec != "json":
            yield Problem((*at, "meter_at"), "only in a JSON payload")
        yield from _zone_problems(topic.time_zone, (*at, "time_zone"))


def _zone_problems(zone: str | None, loc: Loc) -> Iterator[Problem]:
    if zone is not None:
        try:
            grid_limit(zone)
        except ValueError as error:
            yield Problem(loc, str(error))


def name_problems(meter: models.Meter, ways: list[Way], loc: Loc) -> Iterator[Problem]:
    """What is wrong with the topic of a meter, or the text that selects it."""
    if meter.topic is not None:
        yield from topic_problems(meter.topic, (*loc, "topic"))
        if METER in meter.topic:
            yield Problem((*loc, "topic"), "a meter's own topic cannot capture {meter}")
    elif not ways:
        yield Problem((*loc, "topic"), "missing: no topic of the site leads to this meter")
    elif meter.tag and any(tag and "/" in tag for tag, way in ways if way.tag_at is None):
        yield Problem((*loc, "tag"), "is one level of a topic and can hold no /")


def way_problems(meter: models.Meter, ways: list[Way], loc: Loc) -> Iterator[Problem]:
    """What is wrong with the way in which a meter's payloads are read."""
    if meter.codec is not None and meter.topic is None:
        yield Problem((*loc, "codec"), "only beside the meter's own topic")
    yield from _time_problems(ways, loc)
    yield from _zone_problems(meter.time_zone, (*loc, "time_zone"))


def _time_problems(ways: list[Way], loc: Loc) -> Iterator[Problem]:
    for _, way in ways:
        stamped = way.time_at is not None and way.codec != "number"
        if way.time != "arrival" and not stamped:
            yield Problem((*loc, "time"), f"{way.time} needs time_at in a JSON payload")
        if way.codec == "number" and (way.time_at is not None or way.unit_at is not None):
            yield Problem((*loc, "codec"), "a plain number has neither time_at nor unit_at")


def double_problems(layouts: Sequence[tuple[models.Site, list[list[Way]]]]) -> Iterator[Problem]:
    """Meters that read the same value of the same topic, and topics read in two ways."""
    owners: dict[tuple[object, ...], tuple[str, str]] = {}
    codecs: dict[str, str] = {}
    for i, (site, ways) in enumerate(layouts):
        for j, (meter, own) in enumerate(zip(site.meters, ways, strict=True)):
            for tag, way in own:
                key = (way.pattern, tag, way.tag_at, way.value)
                owner = owners.setdefault(key, (site.id, meter.id))
                if owner != (site.id, meter.id):
                    text = f'reads the same value of the same topic as "{owner[1]}" of {owner[0]}'
                    yield Problem(("sites", i, "meters", j), text)
                if codecs.setdefault(way.pattern, way.codec) != way.codec:
                    text = f"the topic {way.pattern} is read as {codecs[way.pattern]}"
                    yield Problem(("sites", i, "meters", j), text)
