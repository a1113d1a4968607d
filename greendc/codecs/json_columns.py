"""JSON payloads of one form as columns; what is not of a form is left to the parser."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson

from greendc.codecs.payloads import Payloads
from greendc.codecs.timestamps import read_integers, read_text, read_times
from greendc.columns import Quoted, Texts, lengths, one_slice
from greendc.core.facility import IntArray
from greendc.core.readings import BoolArray
from greendc.flat import FORMS, Group, Member, laid_out
from greendc.layouts import laid
from greendc.ports import Decoded, Field
from greendc.spans import Bytes
from greendc.stamps import stamps

FEWEST = 500  # payloads that are worth to be put into one text

Documents = Callable[[IntArray], Decoded]  # decodes the payloads of some rows


class _Columns:
    """What is known of each payload; `left` are those that are to be parsed.

    From `start` to `end` a time stands as text, where there is one that has not been read.
    """

    def __init__(self, count: int, *, units: bool) -> None:
        self.value = np.zeros(count)
        self.time = np.zeros(count, np.int64)
        self.has_time = np.zeros(count, np.bool_)
        self.keep = np.zeros(count, np.bool_)
        self.left = np.ones(count, np.bool_)
        self.start, self.end = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
        self.units = np.full(count, "", object) if units else None
        self.rejected: dict[int, str] = {}

    def take(self, rows: IntArray, found: Decoded) -> None:
        """Take in what was parsed of some rows."""
        there = rows[found.row]
        self.value[there], self.time[there] = found.value, found.time
        self.has_time[there], self.keep[there] = found.has_time, True
        if self.units is not None and found.unit is not None:
            self.units[there] = found.unit
        self.rejected |= {int(rows[at]): reason for at, reason in found.rejected}

    def decoded(self) -> Decoded:
        """All of it."""
        row = np.flatnonzero(self.keep)
        at = one_slice(row)
        return Decoded(
            row=row,
            value=self.value[at],
            time=self.time[at],
            has_time=self.has_time[at],
            unit=None if self.units is None else self.units[at].tolist(),
            rejected=sorted(self.rejected.items()),
        )


def decode(field: Field, payloads: Payloads, documents: Documents) -> Decoded | None:
    """Read a column of payloads, those that have no form with `documents`; None: all are such."""
    paths = [path for path in (field.value, field.time, field.unit) if path is not None]
    flat = all(len(path) == 1 and isinstance(path[0], str) for path in paths)
    if not flat or not (isinstance(payloads.column, Texts | Quoted) or len(payloads) >= FEWEST):
        return None
    data, groups = payloads.parsed(_groups)
    columns = _Columns(len(payloads), units=field.unit is not None)
    for group in groups:
        _take(columns, data, group, field)
    rows = np.flatnonzero(columns.start >= 0)
    at = one_slice(rows)
    times = Member(columns.start[at], columns.end[at], None)
    _take_times(columns, data, rows, times, field.zone)
    left = np.flatnonzero(columns.left)
    if len(left) == len(payloads):
        return None
    if len(left):
        columns.take(left, documents(left))
    return columns.decoded()


def _groups(column: Sequence[bytes]) -> tuple[Bytes, list[Group]]:
    if isinstance(column, Quoted):
        data = Bytes(column.text)
        return data, list(laid_out(column, data))
    texts = column if isinstance(column, Texts) else _joined(column)
    data = Bytes(texts.text)
    found = laid(texts, data)
    # To look for forms takes longer than to parse payloads that are not in one text already.
    many = texts is column or np.count_nonzero(found.layout < 0) * FORMS < len(column)
    return data, list(laid_out(found, data)) if many else []


def _joined(column: Sequence[bytes]) -> Texts:
    ends = np.cumsum(lengths(column))
    return Texts(b"".join(column), np.append(0, ends[:-1]), ends)


def _take(columns: _Columns, data: Bytes, group: Group, field: Field) -> None:
    """Take in a group whose value is a number."""
    member = group.members.get(str(field.value[0]))
    if member is None or member.numbers is None:
        return
    good = member.numbers.valid
    group, numbers = group.where(good), member.numbers.where(good)
    at = one_slice(group.rows)
    columns.value[at] = numbers.value
    columns.left[at], columns.keep[at] = False, True
    if field.time is not None and str(field.time[0]) in group.members:
        member = group.members[str(field.time[0])]
        if member.numbers is None:  # times of all groups are read together: many are the same
            columns.start[at], columns.end[at] = member.start, member.end
        else:
            _take_times(columns, data, group.rows, member, field.zone)
    if columns.units is not None and field.unit is not None:
        unit = group.members.get(str(field.unit[0]))
        if unit is not None and unit.numbers is None:
            pieces = data.pieces(unit.start, unit.end)
            columns.units[at] = [piece.decode() for piece in pieces]


def _take_times(
    columns: _Columns, data: Bytes, rows: IntArray, member: Member, zone: str | None
) -> None:
    """Take in times; what is not of the common form is read one by one."""
    times, good = _times(data, member)
    at = one_slice(rows)
    columns.time[at], columns.has_time[at] = np.where(good, times, 0), good
    odd = np.flatnonzero(~good)
    if not len(odd):
        return
    pieces = data.pieces(member.start[odd], member.end[odd])
    text = member.numbers is None
    items: list[Any] = [p.decode() if text else orjson.loads(p) for p in pieces]
    columns.time[rows[odd]], columns.has_time[rows[odd]], bad = read_times(items, zone)
    for at in rows[odd[bad]].tolist():
        columns.keep[at] = False
        columns.rejected[at] = "bad_time"


def _times(data: Bytes, member: Member) -> tuple[IntArray, BoolArray]:
    if member.numbers is None:
        return stamps(data, member.start, member.end, read_text)
    times, good = read_integers(member.numbers.integer)
    return times, good & member.numbers.fits
