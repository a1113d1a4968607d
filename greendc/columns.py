"""Columns of messages: sequences of plain Python values that lie in arrays.

Whoever knows them takes the arrays; for everyone else they are sequences like others.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar, overload

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
T = TypeVar("T")


class Numbers(Sequence[int]):
    """Integers in an array.

    >>> column = Numbers(np.array([3, 1, 2]))
    >>> column == [3, 1, 2], column[1:] == [1, 2], type(column[0])
    (True, True, <class 'int'>)
    """

    __slots__ = ("array",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: IntArray) -> None:
        self.array = array

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> "Numbers": ...
    def __getitem__(self, place: int | slice) -> "int | Numbers":
        if isinstance(place, slice):
            return Numbers(self.array[place])
        return int(self.array[place])

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[int]:
        found: list[int] = self.array.tolist()
        return iter(found)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.array.tolist() == list(other)

    def __repr__(self) -> str:
        return repr(self.array.tolist())


class Topics(Sequence[str]):
    """Texts as places in a table of names, which may hold others too and may grow at its end.

    >>> column = Topics(["it", "dc"], np.array([0, 1, 0]))
    >>> column == ["it", "dc", "it"], column[1:] == ["dc", "it"], column[2]
    (True, True, 'it')
    """

    __slots__ = ("names", "places")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, names: list[str], places: IntArray) -> None:
        self.names, self.places = names, places

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> "Topics": ...
    def __getitem__(self, place: int | slice) -> "str | Topics":
        if isinstance(place, slice):
            return Topics(self.names, self.places[place])
        return self.names[int(self.places[place])]

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[str]:
        return map(self.names.__getitem__, self.places.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __repr__(self) -> str:
        return repr(list(self))


class Texts(Sequence[bytes]):
    """Pieces of one text by where they begin and end.

    >>> column = Texts(b"7 kW,8 kW", np.array([0, 5]), np.array([4, 9]))
    >>> column == [b"7 kW", b"8 kW"], column[1:] == [b"8 kW"], column[0]
    (True, True, b'7 kW')
    """

    __slots__ = ("end", "start", "text")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: bytes, start: IntArray, end: IntArray) -> None:
        self.text, self.start, self.end = text, start, end

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> "Texts": ...
    def __getitem__(self, place: int | slice) -> "bytes | Texts":
        if isinstance(place, slice):
            return Texts(self.text, self.start[place], self.end[place])
        return self.text[self.start[place] : self.end[place]]

    def __len__(self) -> int:
        return len(self.start)

    def __iter__(self) -> Iterator[bytes]:
        text = self.text
        pairs = zip(self.start.tolist(), self.end.tolist(), strict=True)
        return iter([text[begin:end] for begin, end in pairs])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __repr__(self) -> str:
        return repr(list(self))


class Cuts(NamedTuple):
    """How texts are cut that are alike: pieces of known lengths, between them what is of any.

    `behind` are the first bytes of the pieces but for the first one: none of them stands in what
    is before it.
    """

    lengths: tuple[int, ...]
    behind: bytes


class Place(NamedTuple):
    """Where a value stands: behind the beginning of a piece, and as long as in the model.

    Without a model it is what lies between its piece and the next one. `text` says that it stands
    between quotes.
    """

    piece: int
    start: int
    model: bytes | None
    text: bool


class Inside(NamedTuple):
    """What all payloads of one layout have: so many escapes, pieces and members."""

    escapes: int
    cuts: Cuts
    members: Mapping[str, Place]


class Quoted(Sequence[bytes]):
    r"""Pieces of one text, as JSON has them between quotes: their own quotes are escaped.

    `layout` says of each which of the `layouts` it has; -1: none, and it stands as it is.

    >>> columns = np.array([0, 10, 20]), np.array([9, 19, 21]), np.array([0, 0, -1])
    >>> one = Inside(2, Cuts((9,), b""), {"w": Place(0, 7, b"7", text=False)})
    >>> column = Quoted(rb'{\"w\":7},{\"w\":8},9', *columns, [one])
    >>> column == [b'{"w":7}', b'{"w":8}', b"9"], column[1:] == [b'{"w":8}', b"9"], column[0]
    (True, True, b'{"w":7}')
    """

    __slots__ = ("end", "layout", "layouts", "start", "text")
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self,
        text: bytes,
        start: IntArray,
        end: IntArray,
        layout: IntArray,
        layouts: Sequence[Inside],
    ) -> None:
        self.text, self.start, self.end = text, start, end
        self.layout, self.layouts = layout, layouts

    def rows(self, rows: "IntArray | slice") -> "Quoted":
        """Some of them."""
        picked = self.start[rows], self.end[rows], self.layout[rows]
        return Quoted(self.text, *picked, self.layouts)

    def lengths(self) -> IntArray:
        """Length of each, without the escapes [bytes]."""
        escapes = np.array([layout.escapes for layout in self.layouts] + [0], np.int64)
        return self.end - self.start - escapes[self.layout]

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> "Quoted": ...
    def __getitem__(self, place: int | slice) -> "bytes | Quoted":
        if isinstance(place, slice):
            return self.rows(place)
        piece = self.text[self.start[place] : self.end[place]]
        return piece if self.layout[place] < 0 else piece.replace(b'\\"', b'"')

    def __len__(self) -> int:
        return len(self.start)

    def __iter__(self) -> Iterator[bytes]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __repr__(self) -> str:
        return repr(list(self))


def one_slice(rows: IntArray) -> IntArray | slice:
    """Ascending places as a slice, which takes no copy, where they follow each other.

    >>> one_slice(np.array([3, 4, 5])), one_slice(np.array([3, 5])).tolist()
    (slice(3, 6, None), [3, 5])
    """
    begin, end = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
    return slice(begin, end) if end - begin == len(rows) else rows


def numbers(column: Sequence[int]) -> IntArray:
    """Integers as an array, not to be written to."""
    return column.array if isinstance(column, Numbers) else np.array(column, np.int64)


def lengths(column: Sequence[bytes]) -> IntArray:
    """Length of each payload [bytes]."""
    if isinstance(column, Texts):
        return column.end - column.start
    if isinstance(column, Quoted):
        return column.lengths()
    return np.fromiter(map(len, column), np.int64, len(column))


def coded(topics: Sequence[str]) -> Topics:
    """Topics as places in a table of exactly those that occur.

    >>> found = coded(["b", "a", "b"])
    >>> found.names, found.places.tolist()
    (['b', 'a'], [0, 1, 0])
    """
    if not isinstance(topics, Topics):
        place = {topic: number for number, topic in enumerate(dict.fromkeys(topics))}
        return Topics(list(place), np.array([place[topic] for topic in topics], np.int64))
    place_of = np.full(len(topics.names), -1, np.int64)
    place_of[topics.places] = 0
    used = np.flatnonzero(place_of == 0)
    place_of[used] = np.arange(len(used))
    return Topics([topics.names[place] for place in used.tolist()], place_of[topics.places])


def picked(column: Sequence[T], rows: IntArray | slice) -> Sequence[T]:
    """Some rows of a column, of the same kind where it lies in an array."""
    if isinstance(rows, slice):
        return column[rows]
    if isinstance(column, Numbers):
        return Numbers(column.array[rows])  # type: ignore[return-value]
    if isinstance(column, Topics):
        return Topics(column.names, column.places[rows])  # type: ignore[return-value]
    if isinstance(column, Texts):
        return Texts(column.text, column.start[rows], column.end[rows])  # type: ignore[return-value]
    if isinstance(column, Quoted):
        return column.rows(rows)  # type: ignore[return-value]
    return [column[row] for row in rows.tolist()]


def joined(columns: Sequence[Sequence[T]]) -> Sequence[T]:
    """Columns one after the other, in an array where all of them are."""
    if not columns:
        return []
    arrays = [column.array for column in columns if isinstance(column, Numbers)]
    if len(arrays) == len(columns):
        return Numbers(np.concatenate(arrays))  # type: ignore[return-value]
    topics = [column for column in columns if isinstance(column, Topics)]
    if len(topics) == len(columns) and all(t.names is topics[0].names for t in topics):
        return Topics(topics[0].names, np.concatenate([t.places for t in topics]))  # type: ignore[return-value]
    return list(chain.from_iterable(columns))
