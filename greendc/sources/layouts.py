"""Lines of a log that have the same bytes at the same places, but for their values.

A program that records what programs publish writes lines of few lengths, and of one length
mostly one layout: where one line has its values, the others have theirs. Such lines are told
by comparing words of eight bytes, and nothing is looked for in them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import orjson

from greendc.columns import Inside, IntArray, Place
from greendc.flat import NUMBER, Value, values
from greendc.ports import DUP, QOS_MASK, RETAIN
from greendc.spans import WORD, BoolArray, Bytes, plain

WHOLE = {"qos": QOS_MASK - 1, "retain": 1, "dup": 1, "mid": 0xFFFF}  # the most that each may be
FEWEST = 32  # lines of one length that are worth it

_LONGEST = 1024  # bytes of a line
_MOST = 4  # layouts of one length
_TURNS = 2  # models that are tried in one text for a length
_ESCAPED, _MARK = b'\\"', b"\x7f"
_FLAGS = ("qos", "retain", "dup")
_NONE = np.zeros(0, np.bool_)


class Span(NamedTuple):
    """Where something begins and ends in a line."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Of the lines of messages of one length.

    `same` are the words that all lines have, as (place, mask, word); `free` has the masks of what
    is theirs and must have no escapes. `numbers` are the line's own, by key. `flags`, `mid` where
    it is no such number, and what is `inside` the payload are those of the model; `inside` is None
    where the payload is not an object.
    """

    words: int
    same: tuple[tuple[int, np.uint64, np.uint64], ...]
    free: tuple[tuple[int, int], ...]
    tst: Span
    topic: Span
    payload: Span
    numbers: Mapping[str, Place]
    flags: int
    mid: int
    inside: Inside | None

    def matches(self, data: Bytes, start: IntArray) -> BoolArray:
        """Which lines are of the layout, if their time, topic and numbers are what they must be."""
        lines = data.lines(start, self.words)
        good = np.ones(len(start), np.bool_)
        for place, mask, word in self.same:
            good &= (lines[:, place] & mask) == word
        for place, free in self.free:
            good &= plain(lines[:, place], free)
        return good


class Layouts:
    """The layouts that lines have had so far, by their length."""

    def __init__(self) -> None:
        self._known: dict[int, list[Layout]] = {}

    def found(
        self, data: Bytes, start: IntArray, end: IntArray
    ) -> Iterator[tuple[Layout, IntArray]]:
        """Layouts, each with the rows that have it."""
        length = np.minimum(end - start, _LONGEST + 1).astype(np.uint16)
        counts = np.bincount(length, minlength=_LONGEST + 2)
        order, last = np.argsort(length, kind="stable"), np.cumsum(counts)
        for size in np.flatnonzero(counts[: _LONGEST + 1] >= FEWEST).tolist():
            rows = order[last[size] - counts[size] : last[size]]
            yield from self._of_length(size, data, start, rows)

    def _of_length(
        self, size: int, data: Bytes, start: IntArray, rows: IntArray
    ) -> Iterator[tuple[Layout, IntArray]]:
        known, used = self._known.get(size, []), []
        for turn in range(len(known) + _TURNS):
            if len(rows) < FEWEST:
                break
            model = int(start[rows[0]])
            new = turn >= len(known)
            layout = learnt(data.text[model : model + size]) if new else known[turn]
            good = _NONE if layout is None else layout.matches(data, start[rows])
            if layout is not None and np.count_nonzero(good) * _MOST >= FEWEST:
                used.append(layout)
                yield layout, rows[good]
                rows = rows[~good]
            elif new:  # of this model there is no more to be had
                rows = rows[1:]
        unused = [layout for layout in known if layout not in used]
        self._known[size] = (used + unused)[:_MOST]


def learnt(line: bytes) -> Layout | None:
    r"""Layout of a message; None where it has other escapes than of quotes in its payload.

    >>> line = rb'{"tst":"2025-03-01T00:00:00Z","topic":"it","payload":"{\"w\":7.5}","qos":1}'
    >>> layout = learnt(line)
    >>> layout.flags, layout.topic, layout.inside.members["w"]
    (1, Span(start=39, end=41), Place(start=7, model=b'7.5', text=False))
    """
    whole, marked = _whole(line), line.replace(_ESCAPED, _MARK)
    if whole is None or _MARK in line or b"\\" in marked:
        return None
    outer = {value.key: value for value in values(marked) or ()}
    if not _is_message(outer, marked):
        return None
    payload = outer["payload"]
    piece = marked[payload.start : payload.end]
    inside = _inside(piece) if _MARK in piece else None
    if inside is None and (_MARK in piece or not piece.isascii()):
        return None

    def raw(value: Value) -> Span:
        return Span(*(place + marked.count(_MARK, 0, place) for place in value[1:3]))

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
    free += [at] if inside is None else _free(inside, at.start)
    varying = [*free, *(spans[key] for key in checked)]
    return Layout(
        words=-(-len(line) // WORD),
        same=_same(line, varying),
        free=_masks(line, free),
        tst=spans["tst"],
        topic=spans["topic"],
        payload=at,
        numbers=numbers,
        flags=whole["qos"] | RETAIN * whole["retain"] | DUP * whole["dup"],
        mid=whole["mid"],
        inside=inside,
    )


def _is_message(outer: Mapping[str, Value], marked: bytes) -> bool:
    """Whether the values may be those of a message, which has marks in its payload alone."""
    texts = all(key in outer and outer[key].text for key in ("tst", "topic", "payload"))
    if not texts or "event" in outer:
        return False
    _, start, end, _ = outer["payload"]
    return marked.count(_MARK) == marked.count(_MARK, start, end)


def _whole(line: bytes) -> dict[str, int] | None:
    """The optional numbers of a line, 0 where there is none; None where it is no message's."""
    found = _parsed(line)
    numbers = {key: found.get(key, 0) for key in WHOLE} if isinstance(found, dict) else {}
    good = all(isinstance(n, int) and 0 <= n <= WHOLE[key] for key, n in numbers.items())
    return {key: int(n) for key, n in numbers.items()} if good and numbers else None


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _inside(piece: bytes) -> Inside | None:
    """What is inside a payload that has marks in place of escaped quotes."""
    text = piece.replace(_MARK, b'"')
    found = values(text)
    if found is None or _parsed(text) is None:
        return None
    members = {
        v.key: Place(v.start + piece.count(_MARK, 0, v.start), text[v.start : v.end], v.text)
        for v in found
    }
    return Inside(piece.count(_MARK), members)


def _free(inside: Inside, start: int) -> Iterator[Span]:
    """Texts and numbers in a payload that begins at a place of the line."""
    for at, model, text in inside.members.values():
        if model.isascii() if text else NUMBER.fullmatch(model):
            yield Span(start + at, start + at + len(model))


def _masks(line: bytes, spans: list[Span]) -> tuple[tuple[int, int], ...]:
    """The words of a line that spans touch, each with the mask of what of it they cover."""
    covered = bytearray(len(line))
    for start, end in spans:
        covered[start:end] = b"\xff" * (end - start)
    words = [
        int.from_bytes(covered[place : place + WORD], "little")
        for place in range(0, len(line), WORD)
    ]
    return tuple((place, mask) for place, mask in enumerate(words) if mask)


def _same(line: bytes, varying: list[Span]) -> tuple[tuple[int, np.uint64, np.uint64], ...]:
    """The words of a line without what varies, each with its place and mask."""
    borders = [0, *(place for span in sorted(varying) for place in span), len(line)]
    spans = [Span(*pair) for pair in zip(borders[::2], borders[1::2], strict=True)]
    return tuple(
        (place, np.uint64(mask), np.uint64(mask & _word(line, place)))
        for place, mask in _masks(line, spans)
    )


def _word(line: bytes, place: int) -> int:
    return int.from_bytes(line[place * WORD : (place + 1) * WORD], "little")
