"""Texts that have the same bytes at the same places, but for their values.

A program writes texts of few lengths, and of one length mostly one layout: where one of them has
its values, the others have theirs. Such texts are told by comparing words of eight bytes, and
nothing is looked for in them.
"""

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import orjson

from greendc.columns import Inside, IntArray, Place, Quoted, Texts
from greendc.flat import NUMBER, values
from greendc.spans import WORD, BoolArray, Bytes, plain

FEWEST = 32  # texts of one length that are worth it
MARK = b"\x7f"  # in place of an escaped quote

_LONGEST = 1024  # bytes of a text
_MOST = 4  # layouts of one length
_ENOUGH = 0.75  # of the texts; fewer are read otherwise, all together
_SEVERAL = 8  # layouts of some texts: of more, each has too few of them
_SAMPLE = 64  # texts of a length that are looked at first
_GOLDEN = (5**0.5 - 1) / 2
_WHOLE = np.uint64(2**64 - 1)


class Span(NamedTuple):
    """Where something begins and ends in a text."""

    start: int
    end: int


class Pattern(NamedTuple):
    """What texts of one length have in common.

    `same` are the words that are those of all, as (place, mask, word); `free` has the masks of
    what is their own and must have no escapes.
    """

    words: int
    same: tuple[tuple[int, np.uint64, np.uint64], ...]
    free: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, text: bytes, free: list[Span], checked: list[Span]) -> "Pattern":
        """Pattern of a model, but for its free texts and what is checked otherwise."""
        return cls(-(-len(text) // WORD), _same(text, free + checked), _masks(text, free))

    def matches(self, data: Bytes, start: IntArray) -> BoolArray:
        """Which texts have it, where all begin at places of another one."""
        lines = data.lines(start, self.words)
        good = np.ones(len(start), np.bool_)
        for place, mask, word in self.same:
            column = lines[:, place]
            good &= (column if mask == _WHOLE else column & mask) == word
        for place, free in self.free:
            good &= plain(lines[:, place], free)
        return good


class Layout(Protocol):
    """A pattern, and what follows for a text that has it."""

    @property
    def pattern(self) -> Pattern:
        """What its texts have in common."""
        ...


L = TypeVar("L", bound=Layout)


class Layouts(Generic[L]):
    """The layouts that texts have had so far, by their length."""

    def __init__(self, learn: Callable[[bytes], L | None]) -> None:
        """`learn` finds the layout of a text, if it has one."""
        self._learn = learn
        self._known: dict[int, list[L]] = {}

    def found(self, data: Bytes, start: IntArray, end: IntArray) -> Iterator[tuple[L, IntArray]]:
        """Layouts, each with the rows that have it; none where too few texts look alike."""
        length = np.minimum(end - start, _LONGEST + 1).astype(np.uint16)
        counts = np.bincount(length, minlength=_LONGEST + 2)
        order, last = np.argsort(length, kind="stable"), np.cumsum(counts)
        sizes = np.flatnonzero(counts[: _LONGEST + 1] >= FEWEST)
        left = len(start) - int(counts[sizes].sum())
        likely: dict[int, IntArray] = {}
        for size in sizes[np.argsort(-counts[sizes])].tolist():
            if left > (1 - _ENOUGH) * len(start) or len(likely) > _SEVERAL:
                return
            rows = order[last[size] - counts[size] : last[size]]
            if self._learnt(size, data, start[_some(rows)]):
                likely[size] = rows
            else:
                left += len(rows)
        several = sum(len(self._known[size]) for size in likely)
        if left <= (1 - _ENOUGH) * len(start) and several <= _SEVERAL:
            for size, rows in likely.items():
                yield from self._of_length(size, data, start, rows)

    def _learnt(self, size: int, data: Bytes, start: IntArray) -> bool:
        """Look at some texts of a length: whether enough of them look alike."""
        known, used = self._known.get(size, []), list[tuple[int, L]]()
        wrong = 0
        for turn in range(len(known) + _MOST):
            if not len(start):
                break
            model = int(start[0])
            new = turn >= len(known)
            layout = self._learn(data.text[model : model + size]) if new else known[turn]
            if layout is None:
                start, wrong = start[1:], wrong + 1
                continue
            good = layout.pattern.matches(data, start)
            used.append((int(np.count_nonzero(good)), layout))
            start = start[~good]
        used.sort(key=lambda pair: -pair[0])
        self._known[size] = [layout for _, layout in used][:_MOST]
        numbers = [number for number, _ in used]
        return sum(numbers[:_MOST]) >= _ENOUGH * (sum(numbers) + len(start) + wrong)

    def _of_length(
        self, size: int, data: Bytes, start: IntArray, rows: IntArray
    ) -> Iterator[tuple[L, IntArray]]:
        for layout in self._known[size]:
            good = layout.pattern.matches(data, start[rows])
            yield layout, rows[good]
            rows = rows[~good]


def _some(rows: IntArray) -> IntArray:
    """Rows from everywhere, in no rhythm that their texts could have as well."""
    if len(rows) <= _SAMPLE:
        return rows
    return rows[(np.arange(_SAMPLE) * _GOLDEN % 1 * len(rows)).astype(np.int64)]


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
    ({0}, {'w': Place(start=6, model=b'7', text=False)})
    """
    layout, layouts = np.full(len(column), -1, np.int64), list[Inside]()
    for found, rows in Layouts(_object).found(data, column.start, column.end):
        layout[rows] = len(layouts)
        layouts.append(found.inside)
    return Quoted(column.text, column.start, column.end, layout, layouts)


def _object(text: bytes) -> Object | None:
    found = None if MARK in text else inside(text)
    return None if found is None else Object(Pattern.of(text, free_in(found, 0), []), found)


def inside(piece: bytes) -> Inside | None:
    """What is inside a flat object that has marks in place of escaped quotes, if it is one."""
    text = piece.replace(MARK, b'"')
    if parsed(text) is None or (found := values(text)) is None:
        return None
    members = {
        v.key: Place(v.start + piece.count(MARK, 0, v.start), text[v.start : v.end], v.text)
        for v in found
    }
    return Inside(piece.count(MARK), members)


def free_in(found: Inside, start: int) -> list[Span]:
    """Where the texts and numbers of an object are that begins at a place."""
    return [
        Span(start + at, start + at + len(model))
        for at, model, text in found.members.values()
        if (model.isascii() if text else NUMBER.fullmatch(model))
    ]


def parsed(text: bytes) -> Any:
    """What a strict parser makes of a text, None where it refuses it."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


# -- words -------------------------------------------------------------------------------------


def _masks(text: bytes, spans: list[Span]) -> tuple[tuple[int, int], ...]:
    """The words of a text that spans touch, each with the mask of what of it they cover."""
    covered = bytearray(len(text))
    for start, end in spans:
        covered[start:end] = b"\xff" * (end - start)
    words = [
        int.from_bytes(covered[place : place + WORD], "little")
        for place in range(0, len(text), WORD)
    ]
    return tuple((place, mask) for place, mask in enumerate(words) if mask)


def _same(text: bytes, varying: list[Span]) -> tuple[tuple[int, np.uint64, np.uint64], ...]:
    """The words of a text without what varies, each with its place and mask."""
    borders = [0, *(place for span in sorted(varying) for place in span), len(text)]
    spans = [Span(*pair) for pair in zip(borders[::2], borders[1::2], strict=True)]
    return tuple(
        (place, np.uint64(mask), np.uint64(mask & _word(text, place)))
        for place, mask in _masks(text, spans)
    )


def _word(text: bytes, place: int) -> int:
    return int.from_bytes(text[place * WORD : (place + 1) * WORD], "little")
