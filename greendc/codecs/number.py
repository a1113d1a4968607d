"""Plain numbers in ASCII text: the payload `55.4`, or a decimal that JSON carries as a string."""

import math
from collections.abc import Sequence

import numpy as np

from greendc.ports import Decoded, Field, FloatArray

NOT_A_NUMBER = "not_a_number"
NOT_FINITE = "not_finite"
NOT_UTF8 = "not_utf8"
NO_VALUE = "no_value"

# float() also reads `1_0`, `nan` and the digits of other scripts. Of texts in these bytes alone
# it reads exactly the numbers with optional sign, decimals, exponent and white space around.
_NUMERIC = b"0123456789+-.eE \t\r\n"
_NONFINITE = frozenset({"nan", "inf", "infinity"})


def decode(_field: Field, payloads: Sequence[bytes]) -> Decoded:
    """Read payloads that are one number each; they carry no time and no unit."""
    values = _clean_column(payloads)
    rejected: list[tuple[int, str]] = []
    if values is None:
        values, rejected = _odd_column(payloads)
    row = np.flatnonzero(~np.isnan(values))
    return Decoded(
        row=row,
        value=values[row],
        time=np.zeros(len(row), np.int64),
        has_time=np.zeros(len(row), np.bool_),
        unit=None,
        rejected=rejected,
    )


def read_number(text: bytes) -> float | str:
    """Value of a text that is one number, or the reason why it is none.

    Examples
    --------
    >>> read_number(b" -12.5e3 ")
    -12500.0
    >>> read_number(b"1,234.5"), read_number(b"1_0"), read_number(b"0x10")
    ('not_a_number', 'not_a_number', 'not_a_number')
    >>> read_number(b"NaN"), read_number(b"1e999"), read_number(b"")
    ('not_finite', 'not_finite', 'no_value')
    """
    if text.translate(None, _NUMERIC):
        return _why_not(text)
    try:
        value = float(text)
    except ValueError:
        return NOT_A_NUMBER if text.strip() else NO_VALUE
    return value if math.isfinite(value) else NOT_FINITE


def _why_not(text: bytes) -> str:
    """Reason why a text with other than numeric characters is no number."""
    try:
        word = text.decode()
    except UnicodeDecodeError:
        return NOT_UTF8
    return NOT_FINITE if word.strip().lstrip("+-").lower() in _NONFINITE else NOT_A_NUMBER


def _clean_column(payloads: Sequence[bytes]) -> FloatArray | None:
    """All values at once, None where one of the payloads is not a finite number."""
    if b"".join(payloads).translate(None, _NUMERIC):
        return None
    try:
        values = np.fromiter(map(float, payloads), np.float64, len(payloads))
    except ValueError:
        return None
    return values if bool(np.isfinite(values).all()) else None


def _odd_column(payloads: Sequence[bytes]) -> tuple[FloatArray, list[tuple[int, str]]]:
    """Values payload by payload, NaN where there is none, and (row, reason) of those."""
    values = np.full(len(payloads), np.nan)
    rejected = []
    for row, payload in enumerate(payloads):
        value = read_number(payload)
        if isinstance(value, str):
            rejected.append((row, value))
        else:
            values[row] = value
    return values, rejected
