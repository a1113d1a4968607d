"""Payloads as columns decode to what each payload by itself decodes to, to the bit."""

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from greendc import layouts
from greendc.codecs import json_columns
from greendc.codecs.json_path import decode
from greendc.codecs.payloads import Payloads
from greendc.columns import Texts
from greendc.decimals import reals
from greendc.ports import Decoded
from greendc.spans import Bytes
from tests.codecs.plans import STAMPED

WITH_UNIT = replace(STAMPED, unit=("unit",))
UNTIMED = replace(STAMPED, time=None)
NESTED = replace(STAMPED, value=("a", "value"))

exact = [
    *("0", "7", "-7", "0.5", "-0.5", "0.1", "123456789.125", "-0", "-0.0", "0.0", "1e3", "1E-5"),
    *("9007199254740993", "9007199254740993.0", "9007199254740992.5", "900719925474099.25"),
    *("18446744073709551616", "123456789012345678", "999999999999999999999999", "1e999"),
    *("0.012169169801008798", "89493.95486132443", "0." + "0" * 20 + "1", "1" * 400),
    *("01", "-", "-01", "1.", ".5", "+1", "1.2.3", "1-2", "", "0x1", "NaN", "-Infinity", "1_0"),
    *("true", "false", "null", "tru", '"5"', '"5 kW"', "[1]", '{"v": 1}', "1 ", "1\t", "1}", "1,2"),
]
numbers = (
    st.sampled_from(exact[:6])
    | st.sampled_from(exact)
    | st.floats().map(repr)
    | st.integers(-(10**20), 10**20).map(str)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str)
)
times = st.sampled_from(
    [
        *('"2025-03-01T00:00:00Z"', '"2025-03-01T00:00:00.5Z"', "1740787200", "1740787200123"),
        *('"2025-03-01T00:01:00.123456789Z"', '"2025-03-01T00:01:00.1234567890Z"'),
        *('"2025-03-01T00:00:00+01:00"', '"2025-03-01T00:00:60Z"', '"2025-06-30T23:59:60Z"'),
        *('"2025-03-01t00:00:00Z"', '"2025-03-01 00:00:00z"', '"2025-03-01T00:00:00,5Z"'),
        *('"2025-13-01T00:00:00Z"', '"9999-01-01T00:00:00Z"', '"1900-01-01T00:00:00Z"'),
        *("1740787200.123456", "-1", "0", "99999999999", "100000000000", "9223372036854775807"),
        *("9223372036854775808", "1e9", "true", "null", '""', '"2025-03-01T00:00:00"', "[]"),
        *('"2025-03-01T00:00:0:Z"', '"2025-03-01T00:00:00.Z"', '"2262-04-11T23:47:16.9Z"'),
    ]
)
units = st.sampled_from(['"W"', '"kW"', '"\\u0057"', '"°"', "1", "null", '"a\x01"', '"\x7f"'])
odd = st.binary(max_size=9) | st.sampled_from(
    [b'{"value": 1', b"\xff", b'{"value": 7}\xc3', b'\xa9{"value": 7}', b'[{"value": 1}]', b"{}"]
)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """A payload, mostly of a form that others have, too."""
    if draw(st.integers(0, 7)) == 0:
        return draw(odd)
    value, time, unit = draw(numbers), draw(times), draw(units)
    forms = [
        f'{{"value": {value}, "at": {time}, "unit": {unit}}}',
        f'{{"at":{time},"value":{value}}}',
        f'{{"q":{value},"value":{value},"at" : {time} }}',
        f'{{"value": {value}, "value": 3, "at": {time}}}',
        f'{{"a":{{"value":{value}}},"value":{value}}}',
        f' {{"value": {value}}} ',
    ]
    return draw(st.sampled_from(forms[:1] * 3 + forms)).encode()


def texts(pieces: Sequence[bytes], between: bytes = b"") -> Texts:
    ends = np.cumsum([len(piece) + len(between) for piece in pieces], dtype=np.int64)
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    starts = ends - lengths - len(between)
    return Texts(between.join([*pieces, b""]), starts, starts + lengths)


def body(found: Decoded) -> tuple[object, ...]:
    """All of it, floats by their bits."""
    columns = (found.row.tolist(), found.value.tobytes(), found.time.tolist())
    return *columns, found.has_time.tolist(), found.unit, found.rejected


@settings(max_examples=500)
@given(st.lists(payloads(), max_size=25), st.sampled_from([b"", b"\n", b'"', b"\\", b"\xc3"]))
@example([b'{"value": 1}\xc3', b'\xa9{"value": 1}'] * 4, b"")
@example([b'{"a":"x', b'{y"}', b'{"value": 1}', b'{"value": 2}'] * 3, b",")
@example([b'{"value": 1, "unit": "W"}'] * 5 + [b"", b"\n", b'{"value": 1, "unit": "\x01"}'], b"")
def test_columns_decode_as_single_payloads_do(column: list[bytes], between: bytes) -> None:
    for field in (STAMPED, WITH_UNIT, UNTIMED, NESTED):
        found = decode(field, Payloads(texts(column, between)))
        assert body(found) == body(decode(field, column))


@pytest.mark.parametrize(
    "value",
    [
        *(b"01", b"-01", b"-0", b"-", b"1.", b".5", b"1.2.3", b"1-2", b"+1", b"1e5", b"tru", b""),
        *(
            b"1]",
            b"[1",
            b"1}{",
            b"1,2",
            b" 1",
            b"1 ",
            b"1\n",
            b"9" * 25,
            b"1" * 400,
            b"NaN",
            b"null",
            b"1}",
        ),
    ],
)
@pytest.mark.parametrize("fewest", [2, 32])
def test_one_odd_value_among_others_of_its_form(
    value: bytes, fewest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layouts, "FEWEST", fewest)
    for form in (b'{"value": %s, "q": 1}', b'{"q": %s, "value": 1}', b'{"value": 2, "q": %s}'):
        column = [form % b"7", form % b"8", form % value, form % b"9", form % b"10"]
        for field in (UNTIMED, STAMPED):
            assert body(decode(field, Payloads(texts(column)))) == body(decode(field, column))


@pytest.mark.parametrize(
    "text", [b"\xff", b"\xc3", b"\x00", b"a\nb", b"\\", b"\\q", b"\x7f", b"\xc3\xa9"]
)
def test_one_odd_text_among_others_of_its_form(text: bytes) -> None:
    form = b'{"value": 7, "unit": "%s"}'
    column = [form % b"W", form % b"kW", form % text, form % b"", form % b"W"]
    for field in (UNTIMED, replace(WITH_UNIT, time=None)):
        assert body(decode(field, Payloads(texts(column)))) == body(decode(field, column))


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(exact[:6] + exact), min_size=2, max_size=12),
    st.sampled_from(['{"value": %s, "at": 1740787200}', '{"q":"%s","value":7,"unit":"W"}']),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 60), st.binary(min_size=1, max_size=1))),
)
def test_payloads_that_look_alike_decode_as_single_payloads_do(
    values: list[str], form: str, changes: list[tuple[int, int, bytes]]
) -> None:
    column = [(form % value).encode() for value in values]
    for row, place, byte in changes:
        old, at = column[row % len(column)], place % len(form)
        column[row % len(column)] = old[:at] + byte + old[at + 1 :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_columns, "FEWEST", 2)
        patch.setattr(layouts, "FEWEST", 2)
        for field in (STAMPED, WITH_UNIT, UNTIMED):
            single = body(decode(field, column))
            assert body(decode(field, Payloads(column))) == single
            assert body(decode(field, Payloads(texts(column, b" ")))) == single


def test_payloads_that_are_wrong_alike_are_refused() -> None:
    for wrong in (b'{\x7fvalue": 7}', b'{"value": 7,}', b'{"value": tru}', b'{"value": 7}}'):
        found = decode(UNTIMED, Payloads([wrong] * 600))
        assert found.rejected == [(row, "not_json") for row in range(600)]


def test_many_payloads_that_look_alike_are_not_parsed_one_by_one() -> None:
    column = [b'{"value": %d.25, "at": "2025-03-01T00:00:00Z"}' % (n % 10) for n in range(600)]

    def never(_rows: object) -> Decoded:
        raise AssertionError

    found = json_columns.decode(STAMPED, Payloads(column), never)
    assert found is not None
    assert found.value.tolist() == [n % 10 + 0.25 for n in range(600)]
    assert json_columns.decode(STAMPED, Payloads(column[:400]), never) is None
    assert json_columns.decode(STAMPED, Payloads([b"[7]"] * 600), never) is None


def test_payloads_of_one_form_are_not_parsed_one_by_one() -> None:
    column = [b'{"value": %d.25, "at": "2025-03-01T00:00:00Z"}' % number for number in range(9)]

    def never(_rows: object) -> Decoded:
        raise AssertionError

    found = json_columns.decode(STAMPED, Payloads(texts(column)), never)
    assert found is not None
    assert found.value.tolist() == [number + 0.25 for number in range(9)]


@given(st.lists(st.from_regex(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,20})?", fullmatch=True)))
def test_numbers_are_the_nearest_to_their_decimals(pieces: list[str]) -> None:
    column = texts([piece.encode() for piece in pieces])
    found = reals(Bytes(column.text), column.start, column.end)
    for piece, valid, value in zip(pieces, found.valid, found.value, strict=True):
        negative_zero = piece.startswith("-") and not piece.strip("-0.")
        assert valid or len(piece) > 24 or negative_zero
        if valid:
            assert struct.pack("d", value) == struct.pack("d", float(piece))
