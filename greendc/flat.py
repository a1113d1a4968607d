"""Flat JSON objects of one form, read as columns.

Messages of one kind of device are written by one program: the same keys in the same order,
with the same white space. Of rows of such a form the places of all values follow from the
places of the quotes, without a parser for each of them. What is found here is exactly what
a strict JSON parser finds; every row of which that is not certain is left to one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from greendc.columns import IntArray, Texts
from greendc.spans import BoolArray, Bytes, Reals, reals

QUOTE, BACKSLASH, SPACE = 0x22, 0x5C, 0x20
FORMS = 8  # of rows in one text; whatever has none of them is left over
_FEWEST = 4  # rows of a form that are worth it
_WORDS = (b"true", b"false", b"null")

_MEMBER = re.compile(rb' *"([^"\\\x00-\x1f]*)" *: *(?:"[^"\\\x00-\x1f]*"|([-+.0-9A-Za-z]+)) *')


@dataclass(frozen=True, slots=True)
class Member:
    """Where a key's value stands in each row; as numbers where it is not between quotes."""

    start: IntArray
    end: IntArray
    numbers: Reals | None

    def where(self, mask: BoolArray) -> "Member":
        """Some of the rows."""
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


def _form(row: bytes) -> _Form | None:
    """Form of a row; None where it is not a flat object without escapes, its keys all different."""
    if not (row.startswith(b"{") and row.endswith(b"}")):
        return None
    keys, texts, literals = [], [], []
    place = begin = 0
    while row[place : place + 1] in {b"{", b","}:
        found = _MEMBER.match(row, place + 1)
        if found is None:
            return None
        keys.append(found[1].decode())
        texts.append(found[2] is None)
        start, end = found.span(2)
        if found[2] is None:
            end = row.rindex(b'"', 0, found.end())
            start = row.rindex(b'"', 0, end) + 1
        literals.append(row[begin:start])
        place, begin = found.end(), end
    if place != len(row) - 1 or row[place:] != b"}" or len(set(keys)) != len(keys):
        return None
    literals.append(row[begin:])
    return _Form(tuple(keys), tuple(texts), tuple(literals), row.count(b'"'))


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
