import pytest

from greendc.codecs.number import decode
from tests.codecs.plans import PLAIN


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b"25", 25.0),  # A22: 25, later 25.1: a float both times
        (b"25.1", 25.1),
        (b"+.5", 0.5),
        (b"-5.", -5.0),
        (b" 1e3\r\n", 1000.0),
        (b"\t-12.5E-1 ", -1.25),
        (b"4294967295000", 4294967295000.0),
        (b"1e-999", 0.0),
    ],
)
def test_one_number_in_ascii(payload: bytes, value: float) -> None:
    for column in ([payload], [payload, b"odd"]):
        assert decode(PLAIN, column).value.tolist() == [value]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "no_value"),
        (b" \n", "no_value"),
        (b"nan", "not_finite"),
        (b"-Infinity", "not_finite"),
        (b"1e999", "not_finite"),
        (b"1_0", "not_a_number"),
        (b"0x10", "not_a_number"),
        (b"1,234.5", "not_a_number"),
        (b"55,4", "not_a_number"),
        (b"1 2", "not_a_number"),
        (b"55.4 W", "not_a_number"),
        (b"5\x00", "not_a_number"),
        (b"--5", "not_a_number"),
        (b"e", "not_a_number"),
        ("١٢".encode(), "not_a_number"),
        ("5\N{NO-BREAK SPACE}".encode(), "not_a_number"),
        (b"unknown", "not_a_number"),
        (b"unavailable", "not_a_number"),
        (b"online", "not_a_number"),
        (b"true", "not_a_number"),
        (b'{"value": 1}', "not_a_number"),
        (b"\xff1", "not_utf8"),
    ],
)
def test_what_is_no_number_is_refused_beside_its_neighbours(payload: bytes, reason: str) -> None:
    decoded = decode(PLAIN, [b"1", payload, b"2"])
    assert decoded.rejected == [(1, reason)]
    assert decoded.value.tolist() == [1.0, 2.0]
