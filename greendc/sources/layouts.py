"""Lines of a log that are messages and look alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from greendc.columns import Inside, Place
from greendc.flat import DECIMAL, INTEGER, Value, values
from greendc.layouts import (
    ESCAPED,
    MARK,
    free_in,
    inside,
    loose_in,
    members_of,
    moved,
    parsed,
    place_of,
)
from greendc.patterns import Pattern, Span, where
from greendc.ports import DUP, QOS_MASK, RETAIN

WHOLE = {"qos": QOS_MASK - 1, "retain": 1, "dup": 1, "mid": 0xFFFF}  # the most that each may be

_FLAGS = ("qos", "retain", "dup")


@dataclass(frozen=True, slots=True)
class LineLayout:
    """Of the lines of messages.

    `numbers` are the line's own, by key; like time and topic they are checked beside the pattern.
    The topic lies between this piece and the next one. The payload is from one piece and place
    in it up to another. `flags`, `mid` where it is no such number, and what is `inside` the
    payload are those of the model; `inside` is None where the payload is not an object.
    """

    pattern: Pattern
    tst: Place
    topic: int
    payload: tuple[tuple[int, int], tuple[int, int]]
    numbers: Mapping[str, Place]
    flags: int
    mid: int
    inside: Inside | None


def learnt(line: bytes) -> LineLayout | None:
    r"""Layout of a message; None where it has other escapes than of quotes in its payload.

    >>> line = rb'{"tst":"2025-03-01T00:00:00Z","topic":"it","payload":"{\"w\":7.5}","qos":1}'
    >>> layout = learnt(line)
    >>> layout.flags, layout.topic, layout.payload, layout.inside.members["w"]
    (1, 0, ((1, 13), (2, 1)), Place(piece=0, start=7, model=None, text=False))
    """
    whole, marked = _whole(line), line.replace(ESCAPED, MARK)
    if whole is None or MARK in line or b"\\" in marked:
        return None
    outer = {value.key: value for value in values(marked) or ()}
    if not _is_message(outer, marked):
        return None
    piece = marked[outer["payload"].start : outer["payload"].end]
    members = members_of(piece) if MARK in piece else None
    if members is None and (MARK in piece or not piece.isascii()):
        return None
    own = {key: moved(value, marked) for key, value in outer.items() if key not in _FLAGS}
    return _layout(line, whole, own, members)


def _layout(
    line: bytes, whole: Mapping[str, int], own: dict[str, Value], members: list[Value] | None
) -> LineLayout:
    """Layout of a line with these values of its own and members of its payload."""
    payload = own.pop("payload")
    begin, text = payload.start, line[payload.start : payload.end]
    if members is None:  # the payload is one value
        inner = [Value("", payload.start, payload.end, text=not DECIMAL.fullmatch(text))]
    else:
        inner = [m._replace(start=m.start + begin, end=m.end + begin) for m in members]
    tst, topic = own.pop("tst"), own.pop("topic")
    numbers = [v for v in own.values() if _is_number(line, v)]
    at = Span(topic.start, topic.end)
    loose = sorted([at, *loose_in([*numbers, *inner], line)])
    checked = [Span(v.start, v.end) for v in (tst, *numbers)]
    texts = [value for value in own.values() if value.text]
    return LineLayout(
        pattern=Pattern.of(
            line, free_in([*texts, *inner], line), checked, {span: span != at for span in loose}
        ),
        tst=place_of(tst, line, loose),
        topic=loose.index(at),
        payload=(where(payload.start, loose), where(payload.end, loose)),
        numbers={v.key: place_of(v, line, loose) for v in numbers},
        flags=whole["qos"] | RETAIN * whole["retain"] | DUP * whole["dup"],
        mid=whole["mid"],
        inside=None if members is None else inside(members, text),
    )


def _is_number(line: bytes, value: Value) -> bool:
    span = line, value.start, value.end
    return not value.text and bool(INTEGER.fullmatch(*span) or DECIMAL.fullmatch(*span))


def _is_message(outer: Mapping[str, Value], marked: bytes) -> bool:
    """Whether the values may be those of a message, which has marks in its payload alone."""
    texts = all(key in outer and outer[key].text for key in ("tst", "topic", "payload"))
    if not texts or "event" in outer:
        return False
    _, start, end, _ = outer["payload"]
    return marked.count(MARK) == marked.count(MARK, start, end)


def _whole(line: bytes) -> dict[str, int] | None:
    """The optional numbers of a line, 0 where there is none; None where it is no message's."""
    found = parsed(line)
    numbers = {key: found.get(key, 0) for key in WHOLE} if isinstance(found, dict) else {}
    good = all(isinstance(n, int) and 0 <= n <= WHOLE[key] for key, n in numbers.items())
    return {key: int(n) for key, n in numbers.items()} if good and numbers else None
