"""Lines in blocks give what each line by itself gives, wherever the blocks are cut."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.ports import Event
from greendc.sources import names, parsing
from greendc.sources.names import UNREADABLE, Names
from greendc.sources.parsing import BadLineError, Parser
from greendc.sources.recording import parse_line
from greendc.spans import Bytes
from tests.sources.test_recording import rows_of

STAMPS = [
    "2025-03-01T12:00:00Z",
    "2025-03-01T12:00:00.5Z",
    "2025-03-01T12:00:01.123456789Z",
    "2025-03-01t12:01:59.001Z",
    "2025-03-01 12:02:00.123Z",
    *("2025-03-01T12:00:00.1234567891Z", "2025-03-01T12:00:00,5Z", "2025-03-01T12:00:00.Z"),
    *("2025-03-01T12:00:60Z", "2025-03-01T12:00:61Z", "2025-03-01T24:00:00Z"),
    *("2025-02-30T12:00:00Z", "2025-03-01T12:00:00+01:00", "2025-03-01T12:00:00Z+0100"),
    *("2025-03-01T12:00:00", "2025-03-01T12:00:00z", "1969-12-31T23:59:59Z"),
    *("2261-01-01T00:00:00Z", "2263-01-01T00:00:00Z", "", "now", "2025-03-01T12:00:0٣Z"),
    "2025-03-01T12:00:0\x7fZ",
]
TOPICS = ["it/power", "it/pow", "", "é/µ", "a" * 64, "a" * 65, 'with "quotes"', "\x7f", "t\n", "\\"]
PAYLOADS = [
    '{"w": 1.5, "t": 7}',
    '{"w":1}',
    "7",
    "",
    "é",
    'a "b" \\ c',
    "tab\t",
    "\x7f",
    "\ud7ff\U0001f600",
    "[1]",
]
FLAGS: list[object] = [0, 1, 2, 3, -1, True, False, None, 1.0, "1", 65535, 65536, 10**30, [1], "x"]

stamps = st.sampled_from(STAMPS[:5]) | st.sampled_from(STAMPS)
topics = st.sampled_from(TOPICS[:5]) | st.sampled_from(TOPICS) | st.text(max_size=5)
payloads: st.SearchStrategy[object] = (
    st.sampled_from(PAYLOADS[:4])
    | st.sampled_from(PAYLOADS)
    | st.text(max_size=6)
    | st.sampled_from([1, 1.5, None, True, {"w": 1}, [2, 3]])
)
numbers = st.sampled_from(FLAGS[:2]) | st.sampled_from(FLAGS)
odd = st.binary(max_size=12) | st.sampled_from(
    [
        *(b"", b" ", b"{}", b"[1]", b"7", b'{"tst": ', b"{" * 600, b"\x0b", b"\xff"),
        b'{"tst":"2025-03-01T12:00:00Z","topic":"a","payload":"\xff","qos":1,"retain":0}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"a","payload":"x","qos":01,"retain":0}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"a","payload":"x","qos":1,"retain":0,"a":tru}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"a","payload":"x","qos":1,"retain":0]',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"a","payload":"x","qos":1, "retain":0}\r',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"a","topic":"b","payload":"x","qos":1,"retain":0}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"a","payload":"\\ud800","qos":1,"retain":0}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"a","payload_b64":"/w==","qos":1,"retain":0}',
        b'{"tst":"2025-03-01T12:00:00Z","event":"tick","data":{}}',
        b'{"tst":"2025-03-01T12:00:00Z","event":"x","topic":"a","payload":"x"}',
        b'{"tst":"2025-03-01T12:00:00Z","event":1,"topic":"a","payload":"x"}',
    ]
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A line, mostly of a form that others have, too; its white space and its escapes differ."""
    if draw(st.integers(0, 5)) == 0:
        return draw(odd)
    found: dict[str, object] = {"tst": draw(stamps), "topic": draw(topics)}
    found["payload"] = draw(payloads)
    found["qos"], found["retain"] = draw(numbers), draw(numbers)
    for key in draw(st.sampled_from([(), (), ("mid",), ("mid", "dup"), ("payloadlen",)])):
        found[key] = draw(numbers)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]))
    ascii_ = draw(st.booleans())
    text = json.dumps(found, ensure_ascii=ascii_, separators=separators)
    return text.encode(errors="surrogatepass")


def one_by_one(text: bytes, bad: Counter[str]) -> Iterator[object]:
    """What every line by itself gives."""
    for line in text.split(b"\n"):
        if line and not line.isspace():
            try:
                yield parse_line(line)
            except BadLineError as reason:
                bad[str(reason)] += 1


@pytest.mark.parametrize(
    "line",
    [
        b'{"tst":"%s","topic":"t\x7f","payload":"7"}',
        b'{"tst":"%s","topic":"t","payload":"\x7f"}',
        b'{"tst":"%s","topic":"t","payload":"\\"\x7f\\""}',
        b'{"tst":"%s","topic":"\\"","payload":"7"}',
        b'{"tst":"%s","topic":"t","payload":"\xff"}',
        b'{"tst":"%s","topic":"t\xc3","payload":"7"}',
        b'{"tst":"%s","topic":"t","payload":"\\n"}',
        b'{"tst":"%s","topic":"t","payload":"\x01"}',
        b'{"tst":"%s","topic":"t","payload":"7"} ',
        b'{"tst":"%s","topic":"t","payload":"7"}}',
        b'{"tst":"%s","topic":"t","payloae":"7"}',
    ],
)
def test_one_odd_line_among_others_of_its_form(line: bytes) -> None:
    good = b'{"tst":"%s","topic":"t","payload":"7"}'
    tst = b"2025-03-01T12:00:00Z"
    text = b"\n".join([good % tst, good % tst, line % tst, good % tst, good % tst])
    expected_bad, bad = Counter[str](), Counter[str]()
    found = list(Parser(parse_line, bad, 1000).entries(text))
    assert rows_of(found) == list(one_by_one(text, expected_bad))
    assert bad == expected_bad


@settings(max_examples=400)
@given(
    text=st.lists(lines(), max_size=40).map(b"\n".join),
    more=st.booleans(),
    cuts=st.lists(st.integers(0, 40), max_size=3),
    size=st.sampled_from([1, 3, 1000]),
)
def test_blocks_give_what_lines_give(text: bytes, more: bool, cuts: list[int], size: int) -> None:
    whole = (text + b"\n" if more else text).split(b"\n")
    borders = sorted({0, *(cut for cut in cuts if cut < len(whole)), len(whole)})
    blocks = [b"".join(line + b"\n" for line in whole[lo:hi]) for lo, hi in pairwise(borders)]
    blocks[-1] = blocks[-1][:-1]
    assert b"".join(blocks) == (text + b"\n" if more else text)
    expected_bad, bad = Counter[str](), Counter[str]()
    parser = Parser(parse_line, bad, size)
    found = [entry for block in blocks for entry in parser.entries(block)]
    assert rows_of(found) == list(one_by_one(text, expected_bad))
    assert bad == expected_bad
    assert all(isinstance(entry, Event) or 0 < len(entry) <= size for entry in found)


@given(
    rounds=st.lists(
        st.lists(st.text(st.sampled_from("ab/éx"), max_size=70), max_size=30), max_size=4
    )
)
def test_names_are_those_of_the_texts(rounds: list[list[str]]) -> None:
    table = Names("x")
    for texts in rounds:
        pieces = [text.encode() for text in texts]
        ends = [sum(map(len, pieces[: number + 1])) for number in range(len(pieces))]
        starts = [end - len(piece) for end, piece in zip(ends, pieces, strict=True)]
        data = Bytes(b"".join(pieces))
        found = table.places(data, np.array(starts, int), np.array(ends, int))
        readable = [UNREADABLE if "x" in text else table.place(text) for text in texts]
        assert found.tolist() == readable
    assert len(set(table.table)) == len(table.table)


@pytest.mark.parametrize("most", [1, 2, 7, 9, 10, 11])
def test_many_lines_are_parsed_in_pieces(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "MOST_LINES", most)
    lines = [
        f'{{"tst":"2025-03-01T12:00:00Z","topic":"t/{number % 3}","payload":"{number}"}}'
        for number in range(10)
    ]
    text = "\n\n".join(lines).encode()
    found = rows_of(Parser(parse_line, Counter(), 1000).entries(text))
    assert found == list(one_by_one(text, Counter()))


def test_a_table_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST", 3)
    bad = Counter[str]()
    parser = Parser(parse_line, bad, 1000)
    line = '{{"tst":"2025-03-01T12:00:00Z","topic":"t/{}","payload":"7"}}\n'
    found = []
    for block in range(5):
        text = "".join(line.format(block * 4 + number) for number in range(4))
        (entry,) = parser.entries(text.encode())
        found.append(entry)
        assert len(parser._names.table) <= 3 + 4
    topics = [row[1] for row in rows_of(found)]  # type: ignore[index]
    assert topics == [f"t/{number}" for number in range(20)]
