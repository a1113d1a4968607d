"""What must hold of sinks beyond the form of their keys."""

from collections.abc import Iterator

from greendc.config import models
from greendc.config.problems import Problem
from greendc.config.routes import pattern_filter
from greendc.config.sinks import MqttSink
from greendc.config.tree import Loc

OWN = ("port", "username", "password_file", "tls")  # keys of a broker of its own


def sink_problems(root: models.Root) -> Iterator[Problem]:
    """Names and sessions used twice, and figures that would come back as readings."""
    labels: set[str] = set()
    clients = {root.mqtt.client_id}
    for i, sink in enumerate(root.sinks):
        if sink.label in labels:
            yield Problem(("sinks", i), f'"{sink.label}" is there twice: give each sink a name')
        labels.add(sink.label)
        if isinstance(sink, MqttSink):
            yield from _mqtt_problems(root, sink, ("sinks", i))
            client = client_id(root.mqtt, sink)
            if client in clients:
                yield Problem(
                    ("sinks", i, "client_id"), f'"{client}" is in use for another session'
                )
            clients.add(client)


def client_id(mqtt: models.Mqtt, sink: MqttSink) -> str:
    """Name of a sink's session."""
    return sink.client_id or f"{mqtt.client_id}-{sink.label}"


def _mqtt_problems(root: models.Root, sink: MqttSink, loc: Loc) -> Iterator[Problem]:
    if sink.host is None:
        for name in OWN:
            if getattr(sink, name) is not None:
                yield Problem((*loc, name), "only with a host: without one those of mqtt hold")
    for filter_ in _filters(root):
        for own in published(sink):
            if overlaps(filter_, own):
                yield Problem(
                    (*loc, "prefix"),
                    f"figures on {own} would come back as readings of {filter_}; "
                    "choose another prefix",
                )


def published(sink: MqttSink) -> list[str]:
    """Filters of all that a sink publishes."""
    found = [f"{sink.prefix}/+/+/+", f"{sink.prefix}/$state/+"]
    if sink.discovery is not None:
        found.append(f"{sink.discovery.prefix}/sensor/+/+/config")
    return found


def _filters(root: models.Root) -> list[str]:
    patterns = [t.topic for site in root.sites for t in site.topics]
    patterns += [m.topic for site in root.sites for m in site.meters if m.topic is not None]
    return sorted({pattern_filter(pattern) for pattern in patterns})


def overlaps(one: str, other: str) -> bool:
    """Whether a topic can match both filters; neither holds #.

    >>> overlaps("dc/+/power", "+/hall/+"), overlaps("dc/+", "dc/+/power")
    (True, False)
    """
    pairs = one.split("/"), other.split("/")
    return len(pairs[0]) == len(pairs[1]) and all(
        a == b or "+" in (a, b) for a, b in zip(*pairs, strict=True)
    )
