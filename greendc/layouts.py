"""Texts that look alike: the same bytes, but for their values.

A program writes texts of few layouts: where one of them has its values, the others have theirs.
Most values are as long in all of them. Where one is not, it parts the text into pieces, and where
these begin follows from its ends. Such texts are told by comparing words of eight bytes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import orjson

from greendc.columns import Inside, IntArray, Place, Quoted, Texts
from greendc.flat import DECIMAL, INTEGER, Value, values
from greendc.patterns import Pattern, Span, cuts, where
from greendc.spans import Bytes

FEWEST = 32  # texts that are worth it
MARK, ESCAPED = b"\x7f", b'\\"'  # a mark stands in place of an escaped quote

_DIGIT = re.compile(rb"[0-9]")
_LONGEST = 1024  # bytes of a text
_ENOUGH = 0.75  # of the texts; fewer are read otherwise, all together
_FEW = 16  # one text in so many is not looked at by itself
_SEVERAL = 8  # layouts of some texts: of more, each has too few of them
_SAMPLE = 64  # texts that are looked at first
_GOLDEN = (5**0.5 - 1) / 2


class Layout(Protocol):
    """A pattern, and what follows for a text that has it."""

    @property
    def pattern(self) -> Pattern:
        """What its texts have in common."""
        ...


L = TypeVar("L", bound=Layout)


class Layouts(Generic[L]):
    """The layouts that texts have had so far."""

    def __init__(self, learn: Callable[[bytes], L | None]) -> None:
        """`learn` finds the layout of a text, if it has one."""
        self._learn = learn
        self._known: list[L] = []

    def found(
        self, data: Bytes, start: IntArray, end: IntArray
    ) -> Iterator[tuple[L, IntArray, list[IntArray]]]:
        """Layouts, each with the rows that have it and where their pieces begin.

        There are none where too few texts look alike.
        """
        count = len(start)
        if count < FEWEST:
            return
        likely = [] if self._known else [self._model(data, start[0], end[0])]
        known = self._known + [layout for layout in likely if layout is not None]
        taken, left = self._taken(known, data, start, end, np.arange(count))
        if len(left) * _FEW > count:
            some = left[_some(len(left))]
            room = _SEVERAL - sum(len(rows) > 0 for _, rows, _ in taken)
            more, missing = self._learnt(data, start[some], end[some], room)
            if len(left) * missing > (1 - _ENOUGH) * count:
                self._known = []
                return
            others, left = self._taken(more, data, start, end, left)
            taken += others
        taken.sort(key=lambda found: -len(found[1]))
        self._known = [layout for layout, *_ in taken[:_SEVERAL]]
        yield from taken

    def _taken(
        self, layouts: list[L], data: Bytes, start: IntArray, end: IntArray, left: IntArray
    ) -> tuple[list[tuple[L, IntArray, list[IntArray]]], IntArray]:
        """What each of the layouts takes of rows that are left, and the rest of these."""
        taken = []
        for layout in layouts:
            of = slice(None) if len(left) == len(start) else left
            rows, places = layout.pattern.found(data, start[of], end[of])
            taken.append((layout, left[rows], places))
            left = np.delete(left, rows)
        return taken, left

    def _learnt(
        self, data: Bytes, start: IntArray, end: IntArray, room: int
    ) -> tuple[list[L], float]:
        """Layouts of texts, as many as there is room for, and what share has none of them."""
        used = list[tuple[int, L]]()
        count = len(start)
        for _ in range(room):
            if not len(start):
                break
            layout = self._model(data, start[0], end[0])
            rows = np.zeros(1, np.int64)  # a text that has no layout is not tried again
            if layout is not None:
                rows, _ = layout.pattern.found(data, start, end)
                used.append((len(rows), layout))
            start, end = np.delete(start, rows), np.delete(end, rows)
        return [layout for _, layout in used], 1 - sum(number for number, _ in used) / count

    def _model(self, data: Bytes, start: int, end: int) -> L | None:
        return self._learn(data.text[start:end]) if end - start <= _LONGEST else None


def _some(count: int) -> IntArray:
    """Rows from everywhere, in no rhythm that their texts could have as well."""
    if count <= _SAMPLE:
        return np.arange(count)
    return (np.arange(_SAMPLE) * _GOLDEN % 1 * count).astype(np.int64)


# -- objects -----------------------------------------------------------------------------------


class Object(NamedTuple):
    """Layout of flat JSON objects."""

    pattern: Pattern
    inside: Inside


def laid(column: Texts, data: Bytes) -> Quoted:
    """The same column with the layouts of the objects in it.

    >>> text = b'{"w": 7}{"w": 8}' * FEWEST
    >>> ends = np.arange(8, len(text) + 1, 8)
    >>> column = laid(Texts(text, ends - 8, ends), Bytes(text))
    >>> set(column.layout.tolist()), column.layouts[0].members
    ({0}, {'w': Place(piece=0, start=6, model=b'7', text=False)})
    """
    layout, layouts = np.full(len(column), -1, np.int64), list[Inside]()
    for found, rows, _ in Layouts(_object).found(data, column.start, column.end):
        layout[rows] = len(layouts)
        layouts.append(found.inside)
    return Quoted(column.text, column.start, column.end, layout, layouts)


def _object(text: bytes) -> Object | None:
    members = None if MARK in text else members_of(text)
    if members is None:
        return None
    loose = dict.fromkeys(loose_in(members, text), True)
    return Object(Pattern.of(text, free_in(members, text), (), loose), inside(members, text))


def members_of(piece: bytes) -> list[Value] | None:
    """Members of a flat object that has marks in place of escaped quotes, if it is one.

    They are where they stand in the text that has the escapes.
    """
    text = piece.replace(MARK, b'"')
    if parsed(text) is None or (found := values(text)) is None:
        return None
    return [moved(value, piece) for value in found]


def moved(value: Value, marked: bytes) -> Value:
    """A value of a text with marks, where it stands in the one with the escapes."""
    start, end = (place + marked.count(MARK, 0, place) for place in value[1:3])
    return value._replace(start=start, end=end)


def loose_in(members: Iterable[Value], text: bytes) -> list[Span]:
    """Where the numbers stand that are of any length."""
    return [
        Span(m.start, m.end)
        for m in members
        if not m.text and DECIMAL.fullmatch(text, m.start, m.end)
    ]


def free_in(members: Iterable[Value], text: bytes) -> list[Span]:
    """Where the texts and integers stand that are all of one length."""
    return [
        Span(m.start, m.end)
        for m in members
        if (text[m.start : m.end].isascii() if m.text else INTEGER.fullmatch(text, m.start, m.end))
    ]


def inside(members: list[Value], text: bytes) -> Inside:
    """What an object has, escapes or none."""
    loose = loose_in(members, text)
    return Inside(
        text.count(ESCAPED), cuts(text, loose), {m.key: place_of(m, text, loose) for m in members}
    )


def place_of(value: Value, text: bytes, loose: list[Span]) -> Place:
    """Where a value stands."""
    span = Span(value.start, value.end)
    model = None if span in loose else _alike(text[span.start : span.end], text=value.text)
    return Place(*where(value.start, loose), model, value.text)


def _alike(value: bytes, *, text: bool) -> bytes:
    """A model that all texts have, or all integers of a sign, that are as long as this one."""
    return b"7" * len(value) if text else _DIGIT.sub(b"7", value)


def parsed(text: bytes) -> Any:
    """What a strict parser makes of a text, None where it refuses it."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
