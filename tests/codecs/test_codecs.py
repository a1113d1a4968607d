"""What every codec owes: any bytes, each payload exactly once a reading or refused."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from greendc.codecs import CODECS
from greendc.codecs.payloads import Payloads
from greendc.core.facility import EVER
from greendc.ports import Decoded, Field
from tests.codecs.plans import PLAIN, STAMPED

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=8)
    # what stands in the way of a vector: odd neighbours
    | st.sampled_from(["55.4", "NaN", "1,234.5", 2**53 + 1, 2**63, 2**64 - 1, "2025-03-01T00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "at", "u", "0"]), inner, max_size=4)
    ),
    max_leaves=6,
)


def written(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # beyond 64 bits
        return str(value).encode()


payloads = st.lists(
    st.binary(max_size=24)
    | json_values.map(written)
    | st.floats().map(lambda number: repr(number).encode())
    | st.text(alphabet="0123456789+-.eE_ \tnaif", max_size=8).map(str.encode),
    max_size=12,
)
shapes = st.sampled_from(
    [
        PLAIN,
        STAMPED,
        replace(STAMPED, unit=("u",)),
        replace(STAMPED, value=("value", 0, "value"), time=(0,), unit=()),
        replace(STAMPED, value=(-1,), time=("at", "at")),
    ]
)


def same(one: Decoded, other: Decoded) -> None:
    for column in fields(Decoded):
        np.testing.assert_array_equal(getattr(one, column.name), getattr(other, column.name))


def row_by_row(codec: str, field: Field, column: Sequence[bytes]) -> Decoded:
    single = [CODECS[codec](field, [payload]) for payload in column]
    units = [unit for one in single for unit in one.unit or []]
    return Decoded(
        row=np.array([row for row, one in enumerate(single) for _ in one.row], np.int64),
        value=np.array([value for one in single for value in one.value]),
        time=np.array([time for one in single for time in one.time], np.int64),
        has_time=np.array([has for one in single for has in one.has_time], np.bool_),
        unit=units if CODECS[codec](field, []).unit is not None else None,
        rejected=[(row, why) for row, one in enumerate(single) for _, why in one.rejected],
    )


@pytest.mark.parametrize("codec", CODECS)
@given(field=shapes, column=payloads)
@example(field=PLAIN, column=[b"1", b"1_0", b"\xff", b"1e999", b"5\x00"])
@example(field=STAMPED, column=[b'{"value": 1, "at": 1e400}', b'{"value": "\\ud800"}', b"NaN"])
def test_any_bytes_end_exactly_once(codec: str, field: Field, column: list[bytes]) -> None:
    decoded = CODECS[codec](field, column)
    refused = [row for row, _ in decoded.rejected]
    assert sorted([*decoded.row.tolist(), *refused]) == list(range(len(column)))
    assert np.isfinite(decoded.value).all()
    assert (np.abs(decoded.time) <= EVER).all()
    assert "" not in {reason for _, reason in decoded.rejected}
    assert not decoded.time[~decoded.has_time].any()


@pytest.mark.parametrize("codec", CODECS)
@given(field=shapes, column=payloads)
def test_a_column_is_its_rows(codec: str, field: Field, column: list[bytes]) -> None:
    same(CODECS[codec](field, column), row_by_row(codec, field, column))


@pytest.mark.parametrize("codec", CODECS)
@given(column=payloads)
def test_what_fields_share_changes_nothing(codec: str, column: list[bytes]) -> None:
    shared = Payloads(column)
    for field in (STAMPED, replace(STAMPED, value=("at",)), PLAIN):
        same(CODECS[codec](field, shared), CODECS[codec](field, column))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 250_000 + b"]" * 250_000,
        b'{"value":' * 60_000,
        b'{"value":' * 60_000 + b"1" + b"}" * 60_000,
        b"9" * 500_000,
        b'"' + b"\\u0041" * 80_000 + b'"',
    ],
    ids=["nested", "cut_off", "deep", "digits", "escapes"],
)
def test_half_a_megabyte_is_refused_alone(codec: str, payload: bytes) -> None:
    decoded = CODECS[codec](PLAIN, [b"1", payload, b"2"])
    assert decoded.value.tolist() == [1.0, 2.0]
    assert [row for row, _ in decoded.rejected] == [1]
