"""JSON payloads: value, time and unit at declared paths of keys and list indices."""

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
import orjson

from greendc.codecs import json_columns
from greendc.codecs.number import NO_VALUE, NOT_A_NUMBER, NOT_FINITE, NOT_UTF8, read_number
from greendc.codecs.payloads import Payloads
from greendc.codecs.timestamps import read_times
from greendc.ports import Decoded, Field, FloatArray, IntArray

NOT_JSON = "not_json"
_NUMBERS = {int, float}
_LONGEST_INT = 20  # characters of an integer of 64 bits; beyond it is a float, as orjson has it
_DEEPEST = 500  # brackets; the lenient parser's own limit hangs on the depth of the caller's stack


class _Broken(str):
    """In place of a document: the reason why there is none."""

    __slots__ = ()


def decode(field: Field, payloads: Sequence[bytes]) -> Decoded:
    """Read the value, time and unit of JSON payloads at the field's paths.

    Numbers and strings that are plain numbers are values; booleans are not. A
    missing or null value is `no_value`, a missing or null time leaves `has_time`
    False, a missing unit is the empty text.
    """
    if not isinstance(payloads, Payloads):
        return _decoded(field, _parse(payloads))

    def of_rows(rows: IntArray) -> Decoded:
        return _decoded(field, _parse([payloads[row] for row in rows.tolist()]))

    found = json_columns.decode(field, payloads, of_rows)
    return _decoded(field, payloads.parsed(_parse)) if found is None else found


def _decoded(field: Field, documents: list[Any]) -> Decoded:
    """What stands in documents, one for each payload."""
    values, reasons = _values(_column(documents, field.value))
    if field.time is None:
        times, has_time = np.zeros(len(values), np.int64), np.zeros(len(values), np.bool_)
    else:
        times, has_time, bad = read_times(_column(documents, field.time), field.zone)
        for at in bad:
            reasons.setdefault(at, "bad_time")
    row = _others(len(values), reasons)
    return Decoded(
        row=row,
        value=values[row],
        time=times[row],
        has_time=has_time[row],
        unit=None if field.unit is None else _units(documents, field.unit, row.tolist()),
        rejected=sorted(reasons.items()),
    )


def read_tags(payloads: Payloads, path: tuple[str | int, ...]) -> tuple[list[str], dict[int, str]]:
    """What stands at a path: texts or whole numbers, "" for anything else; why it is no JSON.

    >>> read_tags(Payloads([b'{"id": "a"}', b'{"id": 7}', b"{}", b"?"]), ("id",))
    (['a', '7', '', ''], {3: 'not_json'})
    """
    column = _column(payloads.parsed(_parse), path)
    reasons = {row: str(item) for row, item in enumerate(column) if isinstance(item, _Broken)}
    return ["" if row in reasons else _tag(item) for row, item in enumerate(column)], reasons


def _tag(item: Any) -> str:
    """Text or whole number of a JSON value."""
    if isinstance(item, str):
        return item
    return str(item) if type(item) is int else ""


def _others(count: int, reasons: dict[int, str]) -> IntArray:
    """Rows of `count` without a reason."""
    keep = np.ones(count, np.bool_)
    keep[list(reasons)] = False
    return np.flatnonzero(keep)


def _parse(payloads: Sequence[bytes]) -> list[Any]:
    """One document for each payload, `_Broken` where it is not JSON."""
    try:
        return list(map(orjson.loads, payloads))
    except orjson.JSONDecodeError:
        return list(map(_parse_one, payloads))


def _parse_one(payload: bytes) -> Any:
    """Document of a payload among which some are not JSON."""
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return _parse_odd(payload)


def _parse_odd(payload: bytes) -> Any:
    """Document of a payload that the strict parser refuses.

    It refuses the whole of `{"w": NaN, "v": 230}` or `{"w": 1e999, "v": 230}`; one bad
    field must not lose its neighbours, so such numbers become infinities and NaN here
    and are refused where they stand.
    """
    try:
        text = payload.decode()
        deep = payload.count(b"[") + payload.count(b"{") > _DEEPEST
        return _Broken(NOT_JSON) if deep else json.loads(text, parse_int=_read_int)
    except UnicodeDecodeError:
        return _Broken(NOT_UTF8)
    except ValueError:
        return _Broken(NOT_JSON)


def _read_int(digits: str) -> int | float:
    """Integer of a JSON text; int() itself raises beyond some thousands of digits."""
    return int(digits) if len(digits) <= _LONGEST_INT else float(digits)


def _column(documents: list[Any], path: tuple[str | int, ...]) -> list[Any]:
    """What stands at the path in each document, None where nothing does."""
    column = documents
    for step in path:
        container = dict if isinstance(step, str) else list  # a text has indices, too
        plain = set(map(type, column)) == {container}
        try:
            column = list(map(itemgetter(step) if plain else _step(step), column))
        except (KeyError, IndexError):
            column = list(map(_step(step), column))
    return column


def _step(step: str | int) -> Callable[[Any], Any]:
    """As `itemgetter`, for any JSON value."""
    return partial(_stepped, step=step)


def _stepped(value: Any, step: str | int) -> Any:
    """Member or item of a JSON value, None where it has none; what is broken stays so."""
    if isinstance(value, _Broken):
        return value
    if isinstance(step, str):
        return value.get(step) if isinstance(value, dict) else None
    inside = isinstance(value, list) and -len(value) <= step < len(value)
    return value[step] if inside else None


def _values(column: list[Any]) -> tuple[FloatArray, dict[int, str]]:
    """Values of a column, NaN where there is none, and the reasons by row."""
    if set(map(type, column)) <= _NUMBERS:
        values = np.array(column, np.float64)
        if np.isfinite(values).all():
            return values, {}
    return _odd_values(column)


def _odd_values(column: list[Any]) -> tuple[FloatArray, dict[int, str]]:
    """As `_values`, row by row."""
    values = np.full(len(column), np.nan)
    reasons = {}
    for row, item in enumerate(column):
        value = _value(item)
        if isinstance(value, str):
            reasons[row] = value
        else:
            values[row] = value
    return values, reasons


def _value(item: Any) -> float | str:
    """Number that a JSON value stands for, or the reason why it stands for none."""
    if type(item) in _NUMBERS:
        return float(item) if math.isfinite(item) else NOT_FINITE
    if item is None:
        return NO_VALUE
    if isinstance(item, _Broken):
        return str(item)
    if isinstance(item, str):
        return read_number(item.encode(errors="replace"))
    return NOT_A_NUMBER


def _units(documents: list[Any], path: tuple[str | int, ...], rows: list[int]) -> list[str]:
    """Unit named in each of the rows' documents."""
    named = _column([documents[row] for row in rows], path)
    return [unit if isinstance(unit, str) else "" for unit in named]
