"""Times as columns are those that each text by itself is."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from greendc import stamps as module
from greendc.codecs.timestamps import read_text
from greendc.sources.timestamps import parse_stamp
from greendc.spans import Bytes
from greendc.stamps import Read, stamps

SUFFIXES = ["Z", "+01:00", "-23:59", "+0130", "Z+0100", "Z-12:00", "+24:00"]


def parse(text: str) -> int | None:
    try:
        return parse_stamp(text)
    except ValueError:
        return None


def number(low: int, high: int, digits: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(lambda found: f"{found:0{digits}}")


dates = st.tuples(
    st.sampled_from(["1970", "2000", "2024", "2025", "2100", "2115"]) | number(1960, 2130, 4),
    st.sampled_from(["01", "02", "12"]) | number(0, 13, 2),
    st.sampled_from(["01", "28", "29", "30", "31"]) | number(0, 32, 2),
).map("-".join)
clocks = st.tuples(number(0, 24, 2), number(0, 60, 2), number(0, 60, 2)).map(":".join)
changes = st.lists(st.tuples(st.integers(0, 18), st.sampled_from("0123456789-:TtzZ +./")))


@pytest.fixture(autouse=True, params=[1, 1000], ids=["side by side", "one by one"])
def many(request: pytest.FixtureRequest) -> Iterator[None]:
    """From so many minutes on they are worked out side by side."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MANY", request.param)
        yield


@pytest.mark.parametrize("read", [parse, read_text])
@given(
    texts=st.lists(st.tuples(dates, st.sampled_from("TTTt "), clocks, changes), min_size=1),
    suffix=st.sampled_from(SUFFIXES),
)
@example(texts=[(f"2100-02-{day}", "T", "23:59:59", []) for day in (28, 29)], suffix="Z")
@example(texts=[(f"2024-{day}", "T", "00:00:00", []) for day in ("02-29", "02-30")], suffix="Z")
@example(texts=[("1970-01-01", "T", "00:30:00", [])], suffix="+01:00")
@example(texts=[("2116-02-20", "T", "23:59:59", [])], suffix="-23:59")
def test_times_of_a_column_are_those_of_the_texts(
    read: Read, texts: list[tuple[str, str, str, list[tuple[int, str]]]], suffix: str
) -> None:
    pieces = []
    for date, between, clock, others in texts:
        piece = list(f"{date}{between}{clock}")
        for place, character in others:
            piece[place] = character
        pieces.append(f"{''.join(piece)}{suffix}")
    size = len(pieces[0])
    start = np.arange(len(pieces)) * size
    times, good = stamps(Bytes("".join(pieces).encode()), start, start + size, read)
    expected = [read(piece) for piece in pieces]
    for time, known, right in zip(times.tolist(), good.tolist(), expected, strict=True):
        assert not known or time == right
    plain = [
        right is not None and 0 <= right < 2**62 and piece[17:19] != "60"
        for piece, right in zip(pieces, expected, strict=True)
    ]
    assert good.tolist() == plain or not plain[0]
