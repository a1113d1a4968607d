"""Numbers as columns are the nearest float64 to what stands there, whatever its digits."""

import struct
from decimal import Decimal

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from greendc.decimals import Reals, reals
from greendc.flat import DECIMAL, INTEGER
from greendc.spans import Bytes


def read(pieces: list[str]) -> Reals:
    column = [piece.encode() for piece in pieces]
    length = np.array([len(piece) for piece in column], np.int64)
    ends = np.cumsum(length + 1) - 1
    return reals(Bytes(b",".join(column)), ends - length, ends)


def between(number: float, digits: int, off: int) -> str:
    """The decimal half-way to the next float64, to so many digits, its last one off by some."""
    upper = float(np.nextafter(number, np.inf))
    middle = (Decimal(number) + Decimal(upper)) / 2
    places = max(0, digits - len(str(int(middle))))
    return format(middle.quantize(Decimal(1).scaleb(-places)) + Decimal(off).scaleb(-places), "f")


near_middles = st.builds(
    between,
    st.floats(1e-4, 2.0**60, allow_subnormal=False),
    st.integers(16, 18),
    st.integers(-2, 2),
)
exact_middles = st.integers(2**53, 2**54 - 2).map(lambda n: f"{n | 1}.0")
digits = st.from_regex(r"-?(0|[1-9][0-9]{0,23})(\.[0-9]{1,23})?", fullmatch=True)
below_one = st.from_regex(r"-?0\.0{0,6}[0-9]{15,22}", fullmatch=True)
odd = st.text("0123456789.-+eE ", max_size=26)


@given(st.lists(near_middles | exact_middles | st.floats().map(repr) | digits | below_one | odd))
@example(["9007199254740993", "9007199254740993.0", "9007199254740992.5", "4503599627370497.5"])
@example(["18446744073709551616", "18446744073709551616.0", "123456789012345678901234"])
@example(["0.000000000000000000012", "0.0000000000000000000123", "0.0100000000000000000012"])
@example(["5.", "5.0"] * 3)
@example(["1.5", "12.5", "1.25"])
@example(["1.2.3", "1.2.4", "112.3"])
def test_numbers_are_the_nearest_to_what_stands_there(pieces: list[str]) -> None:
    found = read(pieces)
    for row, piece in enumerate(pieces):
        number = piece.encode()
        whole = bool(INTEGER.fullmatch(number)) or (piece.lstrip("-").isdigit() and piece != "-0")
        whole = whole and (piece.lstrip("-") == "0" or not piece.lstrip("-").startswith("0"))
        valid = whole or bool(DECIMAL.fullmatch(number))
        valid = valid and len(piece) <= 24 and (piece[0] != "-" or bool(piece.strip("-0.")))
        assert found.valid[row] == valid, piece
        if valid:
            assert struct.pack("d", found.value[row]) == struct.pack("d", float(piece)), piece
            assert found.whole[row] == whole
            assert found.fits[row] == (whole and len(piece.lstrip("-")) <= 18)
            assert not found.fits[row] or found.integer[row] == int(piece)
