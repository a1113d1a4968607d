"""Flat JSON objects of one form, read as columns.

Messages of one kind of device are written by one program: the same keys in the same order,
with the same white space. Of rows of such a form the places of all values follow from the
places of the quotes, without a parser for each of them. What is found here is exactly what
a strict JSON parser finds; every row of which that is not certain is left to one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from greendc.columns import Inside, IntArray, Place, Quoted, Texts
from greendc.decimals import Reals, alike, reals
from greendc.spans import BoolArray, Bytes, cut

QUOTE, BACKSLASH, SPACE = 0x22, 0x5C, 0x20
FORMS = 8  # of rows in one text; whatever has none of them is left over
_FEWEST = 4  # rows of a form that are worth it
_WORDS = (b"true", b"false", b"null")

INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]{0,17})")
DECIMAL = re.compile(rb"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_MEMBER = re.compile(rb' *"([^"\\\x00-\x1f]*)" *: *(?:"[^"\\\x00-\x1f]*"|([-+.0-9A-Za-z]+)) *')


@dataclass(frozen=True, slots=True)
class Member:
    """Where a key's value stands in each row; as numbers where it is not between quotes."""

    start: IntArray
    end: IntArray
    numbers: Reals | None

    def where(self, mask: BoolArray) -> "Member":
        """Some of the rows."""
        if mask.all():
            return self
        found = None if self.numbers is None else self.numbers.where(mask)
        return Member(self.start[mask], self.end[mask], found)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one form: texts without escapes, and what is a number, true, false or null."""

    rows: IntArray
    members: Mapping[str, Member]

    def where(self, mask: BoolArray) -> "Group":
        """Some of the rows."""
        if mask.all():
            return self
        return Group(self.rows[mask], {k: member.where(mask) for k, member in self.members.items()})


class Value(NamedTuple):
    """Where a key's value stands in a text, without its quotes where it has some."""

    key: str
    start: int
    end: int
    text: bool


@dataclass(frozen=True, slots=True)
class _Form:
    """What is the same in all rows: `literals` around the values, and how many quotes there are."""

    keys: tuple[str, ...]
    texts: tuple[bool, ...]
    literals: tuple[bytes, ...]
    quotes: int


def grouped(column: Texts, data: Bytes) -> Iterator[Group]:
    """Rows of the column, which are in the order of the text, in groups of one form each.

    Rows that are in no group are to be parsed one by one.

    Examples
    --------
    >>> text = b'{"v": 7, "t": "noon"}{"v": 8, "t": "one"}[1]{"v": 9, "t": "two"}{"v": 1, "t": ""}'
    >>> ends = [place + 1 for place, byte in enumerate(text) if byte in b"]}"]
    >>> column = Texts(text, np.array([0, *ends[:-1]]), np.array(ends))
    >>> (group,) = grouped(column, Bytes(text))
    >>> time = group.members["t"]
    >>> print(group.rows, Texts(text, time.start, time.end))
    [0 1 3 4] [b'noon', b'one', b'two', b'']
    """
    quotes = np.flatnonzero(data.array == QUOTE)
    first = np.searchsorted(quotes, column.start)
    count = np.searchsorted(quotes, column.end) - first
    left = (column.end > column.start) & ~_odd(column, data)
    for _ in range(FORMS):
        rows = np.flatnonzero(left)
        if len(rows) < _FEWEST:
            return
        form = _form(column[int(rows[0])])
        left[rows[0]] = False  # the model of a form that is none is not tried again
        if form is None:
            continue
        rows = rows[count[rows] == form.quotes]
        group = _group(form, rows, column, data, quotes, first[rows])
        left[group.rows] = False
        yield group


def _odd(column: Texts, data: Bytes) -> BoolArray:
    """Rows with an escape, with a control character or with what is not UTF-8."""
    found = np.zeros(len(column), np.bool_)
    odd = data.array < SPACE
    if BACKSLASH in data.text:
        odd |= data.array == BACKSLASH
    ends = column.end[column.end > column.start]
    behind = data.array[ends[ends < len(data.array)]] < SPACE
    if np.count_nonzero(odd) != np.count_nonzero(behind):  # else they part the rows
        found |= _holds(column, np.flatnonzero(odd))
    if not data.text.isascii():
        try:
            data.text.decode()
        except UnicodeDecodeError:
            found |= _holds(column, np.flatnonzero(data.array > 0x7F))
    return found


def _holds(column: Texts, places: IntArray) -> BoolArray:
    if not len(places):
        return np.zeros(len(column), np.bool_)
    after = np.append(places, len(column.text))[np.searchsorted(places, column.start)]
    found: BoolArray = after < column.end
    return found


def values(row: bytes) -> list[Value] | None:
    """Values of a flat object without escapes, its keys all different; None where it is none.

    >>> values(b'{"v": 7, "t": "noon"}')
    [Value(key='v', start=6, end=7, text=False), Value(key='t', start=15, end=19, text=True)]
    """
    if not (row.startswith(b"{") and row.endswith(b"}")):
        return None
    found: list[Value] = []
    place = 0
    while row[place : place + 1] in {b"{", b","}:
        member = _MEMBER.match(row, place + 1)
        if member is None:
            return None
        start, end = member.span(2)
        if member[2] is None:
            end = row.rindex(b'"', 0, member.end())
            start = row.rindex(b'"', 0, end) + 1
        found.append(Value(member[1].decode(), start, end, member[2] is None))
        place = member.end()
    different = len({value.key for value in found}) == len(found)
    return found if place == len(row) - 1 and different else None


def _form(row: bytes) -> _Form | None:
    """Form of a row; None where it is not a flat object without escapes, its keys all different."""
    found = values(row)
    if found is None:
        return None
    borders = [0, *(place for value in found for place in value[1:3]), len(row)]
    literals = tuple(row[begin:end] for begin, end in zip(borders[::2], borders[1::2], strict=True))
    keys, texts = tuple(v.key for v in found), tuple(v.text for v in found)
    return _Form(keys, texts, literals, row.count(b'"'))


def _group(
    form: _Form, rows: IntArray, column: Texts, data: Bytes, quotes: IntArray, first: IntArray
) -> Group:
    """Those of the rows that have the form; `first` is each row's first one of the quotes."""
    good = np.ones(len(rows), np.bool_)
    spans, number = [], 0
    for literal in form.literals:
        offset = literal.find(b'"')
        # only the last one, after a bare value, has none
        behind = column.end[rows] - len(literal)
        begin = behind if offset < 0 else quotes[first + number] - offset
        good &= data.matches(begin, literal)
        spans.append((begin, begin + len(literal)))
        number += literal.count(b'"')
    good &= (spans[0][0] == column.start[rows]) & (spans[-1][1] == column.end[rows])
    members = {}
    for place, key in enumerate(form.keys):
        members[key] = Member(spans[place][1], spans[place + 1][0], None)
        good &= members[key].end >= members[key].start
    return _read(form, Group(rows, members).where(good), data)


def _read(form: _Form, group: Group, data: Bytes) -> Group:
    """The rows whose bare values are values, these as numbers."""
    good = np.ones(len(group.rows), np.bool_)
    members = dict(group.members)
    for key, text in zip(form.keys, form.texts, strict=True):
        if not text:
            start, end = members[key].start, members[key].end
            found = reals(data, start, end)
            if not found.valid.all():
                good &= found.valid | _is_word(data, start, end)
            members[key] = Member(start, end, found)
    return Group(group.rows, members).where(good)


def _is_word(data: Bytes, start: IntArray, end: IntArray) -> BoolArray:
    found = np.zeros(len(start), np.bool_)
    for word in _WORDS:
        found |= (end - start == len(word)) & data.matches(start, word)
    return found


# -- texts whose layout is known ---------------------------------------------------------------


def laid_out(column: Quoted, data: Bytes) -> Iterator[Group]:
    """Pieces in groups of one layout or form each; those that are not JSON are in none."""
    for number, inside in enumerate(column.layouts):
        rows = np.flatnonzero(column.layout == number)
        if len(rows):
            yield _inside(inside, rows, column, data)
    rest = np.flatnonzero(column.layout < 0)
    if len(rest) * FORMS >= len(column):
        for group in grouped(Texts(column.text, column.start[rest], column.end[rest]), data):
            yield Group(rest[group.rows], group.members)


def _inside(inside: Inside, rows: IntArray, column: Quoted, data: Bytes) -> Group:
    good = np.ones(len(rows), np.bool_)
    places = cut(data, inside.cuts, column.start[rows], column.end[rows])
    members = {}
    for key, place in inside.members.items():
        begin, end = between(place, places)
        found = None if place.text else numbers_of(data, begin, end, place.model)
        if found is not None and (place.model is None or INTEGER.fullmatch(place.model)):
            good &= found.valid
        members[key] = Member(begin, end, found)
    return Group(rows, members).where(good)


def between(place: Place, places: list[IntArray]) -> tuple[IntArray, IntArray]:
    """From where to where a value stands in texts whose pieces begin at these places."""
    begin = places[place.piece] + place.start
    return begin, places[place.piece + 1] if place.model is None else begin + len(place.model)


def numbers_of(data: Bytes, start: IntArray, end: IntArray, model: bytes | None) -> Reals:
    """Numbers of any length, or like the model's; where it is a word, there are none."""
    if model is None:
        return reals(data, start, end)
    if INTEGER.fullmatch(model):
        return alike(data, start, model)
    none = np.zeros(len(start), np.bool_)
    return Reals(none, none, none, np.zeros(len(start), np.int64), np.zeros(len(start)))
