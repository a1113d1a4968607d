"""Lines of a log that are messages and look alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from greendc.columns import Inside, Place
from greendc.flat import NUMBER, Value, values
from greendc.layouts import MARK, Pattern, Span, free_in, inside, parsed
from greendc.ports import DUP, QOS_MASK, RETAIN

WHOLE = {"qos": QOS_MASK - 1, "retain": 1, "dup": 1, "mid": 0xFFFF}  # the most that each may be

_ESCAPED = b'\\"'
_FLAGS = ("qos", "retain", "dup")


@dataclass(frozen=True, slots=True)
class LineLayout:
    """Of the lines of messages of one length.

    `numbers` are the line's own, by key; like time and topic they are not part of the pattern.
    `flags`, `mid` where it is no such number, and what is `inside` the payload are those of the
    model; `inside` is None where the payload is not an object.
    """

    pattern: Pattern
    tst: Span
    topic: Span
    payload: Span
    numbers: Mapping[str, Place]
    flags: int
    mid: int
    inside: Inside | None


def learnt(line: bytes) -> LineLayout | None:
    r"""Layout of a message; None where it has other escapes than of quotes in its payload.

    >>> line = rb'{"tst":"2025-03-01T00:00:00Z","topic":"it","payload":"{\"w\":7.5}","qos":1}'
    >>> layout = learnt(line)
    >>> layout.flags, layout.topic, layout.inside.members["w"]
    (1, Span(start=39, end=41), Place(start=7, model=b'7.5', text=False))
    """
    whole, marked = _whole(line), line.replace(_ESCAPED, MARK)
    if whole is None or MARK in line or b"\\" in marked:
        return None
    outer = {value.key: value for value in values(marked) or ()}
    if not _is_message(outer, marked):
        return None
    payload = outer["payload"]
    piece = marked[payload.start : payload.end]
    found = inside(piece) if MARK in piece else None
    if found is None and (MARK in piece or not piece.isascii()):
        return None

    def raw(value: Value) -> Span:
        return Span(*(place + marked.count(MARK, 0, place) for place in value[1:3]))

    own = {key: value for key, value in outer.items() if key not in (*_FLAGS, "payload")}
    spans = {key: raw(value) for key, value in own.items()}
    numbers = {
        key: Place(spans[key].start, model, text=False)
        for key, value in own.items()
        if not value.text and NUMBER.fullmatch(model := marked[value.start : value.end])
    }
    checked = {"tst", "topic", *numbers}  # in other ways than free texts are
    free = [
        span
        for key, span in spans.items()
        if key not in checked and own[key].text and line[span.start : span.end].isascii()
    ]
    at = raw(payload)
    free += [at] if found is None else free_in(found, at.start)
    return LineLayout(
        pattern=Pattern.of(line, free, [spans[key] for key in checked]),
        tst=spans["tst"],
        topic=spans["topic"],
        payload=at,
        numbers=numbers,
        flags=whole["qos"] | RETAIN * whole["retain"] | DUP * whole["dup"],
        mid=whole["mid"],
        inside=found,
    )


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
