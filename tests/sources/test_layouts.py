"""Lines that look alike give what each line by itself gives, whichever byte of one is another."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from greendc import layouts
from greendc.codecs import json_columns
from greendc.codecs.json_path import decode
from greendc.codecs.payloads import Payloads
from greendc.columns import Quoted, lengths, picked
from greendc.decimals import alike, reals
from greendc.layouts import Layouts
from greendc.ports import Decoded, Event, RawBatch
from greendc.sources.layouts import learnt
from greendc.sources.parsing import Parser, Row
from greendc.sources.recording import parse_line
from greendc.spans import Bytes, plain
from tests.codecs.plans import STAMPED
from tests.codecs.test_json_columns import body
from tests.sources.test_parsing import one_by_one
from tests.sources.test_recording import rows_of

WITH_UNIT = replace(STAMPED, unit=("unit",))
UNTIMED = replace(STAMPED, time=None)

TIMES = [
    "2025-03-01T12:00:%02d.%03dZ",
    "2025-03-01T12:00:%02d.%06dZ+0100",
    "2025-03-01T12:00:%02dZ",
]
VALUES = ["%.3f", "%.0f", "-%.2f", "0.0%.10f", "123456789012345%.0f.25", "%.0fe2", "null", "true"]
FORMS = [
    r'{"tst":"{tst}","topic":"it/{topic}","payload":"{payload}","qos":1,"retain":0}',
    r'{"tst": "{tst}", "topic": "{topic}", "qos": 0, "retain": true, "payload": "{payload}"}',
    r'{"mid":{mid},"tst":"{tst}","dup":1,"topic":"{topic}","len":{mid},"payload":"{payload}"}',
    r'{"topic":"é/{topic}","by":"{topic}","payload":"{payload}","tst":"{tst}","mid":7}',
    r'{"tst":"{tst}","topic":"{topic}","payload":"{payload}","qos":3}',
    r'{"tst":"{tst}","event":"tick","topic":"{topic}","payload":"{payload}"}',
]
PAYLOADS = [
    r"{\"value\": {value}, \"at\": \"{at}\", \"unit\": \"{unit}\"}",
    r"{\"at\":{number},\"value\":{value},\"q\":\"{unit}\",\"n\":{value}}",
    r"{\"unit\":\"°{unit}\", \"value\" : {value} }",
    r"{\"value\":{value},\"value\":1,\"at\":\"{at}\"}",
    r"{\"value\":[{value}],\"at\":\"{at}\"}",
    *("{value}", "{value} {unit}", "°", ""),
]
OTHERS = [*b'"\\{}[]:,. 0-+eEZ\x7f\x1f\x00\t', 0xC3, 0xA9, 0xFF]


def written(form: str, payload: str, number: int, time: str, value: str) -> bytes:
    """A line; numbers that follow each other give lines of one length."""
    at = time % ((number // 3 % 60, number % 1000) if time.count("%") > 1 else number % 60)
    fills = {
        "at": at,
        "tst": at,
        "unit": "WkWAV"[number % 4],
        "mid": str(10 + number % 90),
        "topic": f"m{number % 7}/p",
        "number": str(1740787200 + number),
        "value": value % (number % 9 + 0.125 * (number % 8)) if "%" in value else value,
    }
    text = form.replace("{payload}", payload)
    for key, fill in fills.items():
        text = text.replace("{" + key + "}", fill)
    return text.encode()


@st.composite
def logs(draw: st.DrawFn) -> list[bytes]:
    """Lines of one or two forms, of some of which bytes are others."""
    kinds = draw(
        st.lists(
            st.tuples(
                st.sampled_from(FORMS[:1] * 3 + FORMS),
                st.sampled_from(PAYLOADS[:1] * 3 + PAYLOADS),
                st.sampled_from(TIMES),
                st.sampled_from(VALUES[:1] * 3 + VALUES),
            ),
            min_size=1,
            max_size=2,
        )
    )
    count = draw(st.integers(2, 24))
    lines = []
    for number in range(count):
        form, payload, time, value = kinds[number * 5 // 3 % len(kinds)]
        lines.append(bytearray(written(form, payload, number, time, value)))
    for _ in range(draw(st.integers(0, 4))):
        line = draw(st.sampled_from(lines))
        line[draw(st.integers(0, len(line) - 1))] = draw(st.sampled_from(OTHERS))
    return [bytes(line) for line in lines]


@pytest.fixture(autouse=True)
def few() -> Iterator[None]:
    """Two lines are worth to be looked at together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "FEWEST", 2)
        patch.setattr(json_columns, "FEWEST", 2)
        yield


def same_as_by_themselves(lines: Sequence[bytes], parser: Parser, bad: Counter[str]) -> None:
    text = b"\n".join(lines)
    before, expected_bad = Counter(bad), Counter[str]()
    found = list(parser.entries(text))
    assert rows_of(found) == list(one_by_one(text, expected_bad))
    assert bad - before == expected_bad
    for entry in found:
        if isinstance(entry, RawBatch):
            assert lengths(entry.payloads).tolist() == [len(p) for p in entry.payloads]
            for field in (STAMPED, WITH_UNIT, UNTIMED):
                column = list(entry.payloads)
                single = body(decode(field, column))
                assert body(decode(field, Payloads(entry.payloads))) == single
                assert body(decode(field, Payloads(column))) == single


@settings(max_examples=300)
@given(logs(), logs())
@example([b'{"tst":"2025-03-01T12:00:00Z","topic":"","payload":""}'] * 3, [b"{}"] * 3)
def test_lines_that_look_alike_give_what_lines_give(one: list[bytes], two: list[bytes]) -> None:
    bad = Counter[str]()
    parser = Parser(parse_line, bad, 1000)
    for lines in (one, two, one + two):
        same_as_by_themselves(lines, parser, bad)


@pytest.mark.parametrize("form", FORMS[:4])
@pytest.mark.parametrize("payload", PAYLOADS[:2])
def test_every_byte_of_a_line_counts(form: str, payload: str) -> None:
    lines = [written(form, payload, n, TIMES[0], VALUES[0]) for n in range(5)]
    bad = Counter[str]()
    parser = Parser(parse_line, bad, 1000)
    for place in range(len(lines[0])):
        for other in b'"0':
            odd = lines[2][:place] + bytes([other]) + lines[2][place + 1 :]
            expected_bad = Counter[str]()
            text = b"\n".join([*lines[:2], odd, *lines[3:]])
            bad.clear()
            assert rows_of(parser.entries(text)) == list(one_by_one(text, expected_bad))
            assert bad == expected_bad


def test_lines_and_payloads_that_look_alike_are_not_parsed_one_by_one() -> None:
    lines = [written(FORMS[0], PAYLOADS[0], n, TIMES[n % 2 * 2], VALUES[0]) for n in range(40)]

    def never(_rows: object) -> Row | Event:
        raise AssertionError

    def no_documents(_rows: object) -> Decoded:
        raise AssertionError

    (entry,) = Parser(never, Counter(), 1000).entries(b"\n".join(lines))
    assert isinstance(entry, RawBatch)
    assert isinstance(entry.payloads, Quoted)
    found = json_columns.decode(WITH_UNIT, Payloads(entry.payloads), no_documents)
    assert found is not None
    assert body(found) == body(decode(WITH_UNIT, list(entry.payloads)))
    assert len(found.row) == 40


def test_what_is_quoted_is_the_payloads() -> None:
    lines = [written(FORMS[0], PAYLOADS[n % 2], n, TIMES[0], VALUES[0]) for n in range(12)]
    lines[3] = lines[3].replace(b"unit", b"\\t")
    text = b"\n".join(lines)
    (entry,) = Parser(parse_line, Counter(), 1000).entries(text)
    payloads = [row[2] for row in map(parse_line, lines) if not isinstance(row, Event)]
    assert isinstance(entry, RawBatch)
    assert entry.payloads == payloads
    assert entry.payloads[1:4] == payloads[1:4]
    assert picked(entry.payloads, np.array([5, 0])) == [payloads[5], payloads[0]]
    assert repr(entry.payloads) == repr(payloads)
    assert [entry.payloads[row] for row in range(12)] == payloads


def alike_of(kinds: int, count: int) -> tuple[Bytes, np.ndarray, int]:
    """Lines of one length, of so many kinds in turn: as one text, where they begin, how long."""
    form = '{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"%dx","k%02d":1}'
    lines = [form % (number % 10, number % kinds) for number in range(count)]
    size = len(lines[0])
    return Bytes("\n".join(lines).encode()), np.arange(count) * (size + 1), size


@pytest.mark.parametrize(("kinds", "found"), [(1, 1), (4, 4), (8, 8), (9, 8), (12, 0), (40, 0)])
def test_texts_that_seldom_look_alike_are_left_to_others(kinds: int, found: int) -> None:
    data, start, size = alike_of(kinds, 504)
    known = Layouts(learnt)
    for _ in range(2):
        taken = [len(rows) for _, rows, _ in known.found(data, start, start + size)]
        assert taken == [504 // kinds] * found
        assert len(known._known) == found


def test_a_layout_that_comes_later_is_learnt_beside_the_others() -> None:
    data, start, size = alike_of(6, 480)
    kind = np.arange(480) % 6
    known = Layouts(learnt)
    for some in (kind < 1, (kind < 1) | (np.arange(480) % 12 == 7), kind < 6, kind < 2):
        here = start[some]
        taken = sorted(len(rows) for _, rows, _ in known.found(data, here, here + size))
        counts = np.bincount(kind[some])
        assert [count for count in taken if count] == sorted(counts[counts > 0])


def test_lines_whose_values_differ_in_length_look_alike() -> None:
    form = r'{"tst":"2025-03-01T12:00:%02dZ","by":%s,"topic":"%s","payload":"%s","qos":1}'
    told = r"{\"value\": %s, \"w\" : %s , \"unit\": \"W\"}"
    values_ = ["0.5", "-17.25", "529937.8612214552", "0.012169169801008798", "1234567.5"]
    for payload in (told, "%s"):
        lines = []
        for n in range(40):
            pair = values_[n % 5], values_[n * 3 % 5]
            text = payload % pair[: payload.count("%")]
            lines.append((form % (n, values_[n // 7 % 5], "it" * (n % 11), text)).encode())
        known = Layouts(learnt)
        ends = np.cumsum([len(line) for line in lines])
        data, start = Bytes(b"".join(lines)), np.append(0, ends[:-1])
        ((layout, rows, _),) = known.found(data, start, ends)
        assert rows.tolist() == list(range(40))
        assert layout.inside is None or set(layout.inside.members) == {"value", "w", "unit"}
        same_as_by_themselves(lines, Parser(parse_line, Counter(), 1000), Counter())


@pytest.mark.parametrize(
    "line",
    [
        b'{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"\\n"}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"t\\"","payload":"7"}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"\x7f"}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"{\\"w\\":07}"}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"7","qos":3}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"7","mid":1.0}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":7}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"7","event":"x"}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"7","x":tru}',
        b'{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"7"',
    ],
)
def test_no_layout_is_learnt_of_what_has_none(line: bytes) -> None:
    assert learnt(line) is None
    assert learnt(b'{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"7"}') is not None


@pytest.mark.parametrize("others", [b"aaaaaaaa", b'"""\\\\\\\x00\xff'])
def test_plain_is_what_stands_in_json_without_an_escape(others: bytes) -> None:
    for place in range(8):
        texts = [others[:place] + bytes([byte]) + others[place + 1 :] for byte in range(256)]
        words = np.array([int.from_bytes(text, "little") for text in texts], np.uint64)
        expected = [32 <= byte < 128 and byte not in b'"\\' for byte in range(256)]
        assert plain(words, np.uint64(0xFF << 8 * place)).tolist() == expected
        assert plain(words, np.uint64(0)).all()
        whole = plain(words, np.uint64(2**64 - 1)).tolist()
        assert whole == (expected if others.isalpha() else [False] * 256)


@pytest.mark.parametrize(
    "odd",
    [
        rb'{"mid":70000,"tst":"2025-03-01T12:00:01Z","topic":"t/1","payload":"{\"value\":7}"}',
        rb'{"mid":02345,"tst":"2025-03-01T12:00:01Z","topic":"t/1","payload":"{\"value\":7}"}',
        rb'{"mid":12345,"tst":"2025-03-01T12:00:61Z","topic":"t/1","payload":"{\"value\":7}"}',
        b'{"mid":12345,"tst":"2025-03-01T12:00:01Z","topic":"t/\x7f","payload":"{\\"value\\":7}"}',
        b'{"mid":12345,"tst":"2025-03-01T12:00:01Z","topic":"t/\xff","payload":"{\\"value\\":7}"}',
        rb'{"mid":12345,"tst":"2025-03-01T12:00:01Z","topic":"t/1","payload":"{\"v\":\"\\\"\"}"}',
        rb'{"mid":12345,"tst":"2025-03-01T12:00:01Z","topic":"t/1","payload":"{\"value\":\"\"}"}',
    ],
)
def test_one_odd_line_among_others_that_look_alike(odd: bytes) -> None:
    form = rb'{"mid":%d,"tst":"2025-03-01T12:00:%02dZ","topic":"t/%d","payload":"{\"value\":%d}"}'
    lines = [form % (12345 + n, n, n % 2, n) for n in range(9)]
    bad = Counter[str]()
    parser = Parser(parse_line, bad, 1000)
    same_as_by_themselves([*lines[:4], odd, *lines[4:]], parser, bad)


@pytest.mark.parametrize(
    ("form", "odd"),
    [
        (r'"payload":"{value}"', '"payload":"'),
        (r'"payload":"7","topic":"{value}"', '"payload":"7","topic":"'),
        (r'"payload":"{\"value\": {value}}"', r'"payload":"{\"value\": }"'),
        (r'"payload":"{\"value\": {value}}"', r'"payload":"{\"value\": 1\"}"'),
        (r'"payload":"{\"value\": {value}}"', r'"payload":"{\"value\": 1","x":"}"'),
        (r'"payload":"{\"value\": {value}}"', rf'"payload":"{{\"value\": 1.{"5" * 24}","x":"}}"'),
    ],
)
def test_between_pieces_stands_a_value_and_nothing_else(form: str, odd: str) -> None:
    topic = "" if "topic" in form else '"topic":"t",'
    head = f'{{"tst":"2025-03-01T12:00:00Z",{topic}'
    lines = [head + form.replace("{value}", f"{n}.{n}") + "}" for n in range(7, 15)]
    lines.insert(3, f"{head}{odd}}}")
    bad = Counter[str]()
    same_as_by_themselves([s.encode() for s in lines], Parser(parse_line, bad, 99), bad)


@pytest.mark.parametrize("odd", ['1","x":"', '12345\\",', "1234567\\", "1234567\t", "1234567\x7f"])
def test_a_topic_as_long_as_the_others_is_one(odd: str) -> None:
    form = '{"tst":"2025-03-01T12:00:00Z","topic":"%s","payload":"7"}'
    lines = [(form % text).encode() for text in ("it/1/pow", "it/2/pow", odd, "it/3/pow")]
    bad = Counter[str]()
    same_as_by_themselves(lines, Parser(parse_line, bad, 99), bad)


@pytest.mark.parametrize("odd", ["1,55", "1 55", "1.,5", "1.5,", "01.5", "1.5.", "-1.5", "1e55"])
def test_a_number_as_long_as_the_others_is_one(odd: str) -> None:
    payload = r"{\"value\":%s,\"w\":%s,\"unit\":\"W\"}"
    form = f'{{"tst":"2025-03-01T12:00:00Z","topic":"t","payload":"{payload}"}}'
    pairs = [("1.25", "7.5"), ("2.25", "8.25"), (odd, "7.5"), ("7.25", odd), ("3.25", "9.125")]
    bad = Counter[str]()
    lines = [(form % pair).encode() for pair in pairs]
    same_as_by_themselves(lines, Parser(parse_line, bad, 99), bad)


@given(
    model=st.from_regex(r"-?(0|[1-9][0-9]{0,17})", fullmatch=True),
    more=st.lists(
        st.lists(st.tuples(st.integers(0, 18), st.sampled_from("0123456789.-e ")), max_size=3)
    ),
)
@example(model="-15", more=[[(0, "1")], [(1, "0")], [(1, "0"), (2, "0")], [(2, ".")]])
def test_integers_that_look_alike_are_those_that_stand_there(
    model: str, more: list[list[tuple[int, str]]]
) -> None:
    pieces = [model]
    for changes in more:
        piece = list(model)
        for place, character in changes:
            piece[place % len(model)] = character
        pieces.append("".join(piece))
    size = len(model)
    start = np.arange(len(pieces)) * size
    data = Bytes("".join(pieces).encode())
    found, any_ = alike(data, start, model.encode()), reals(data, start, start + size)
    like = [("." not in p, p[0] == "-") == (True, model[0] == "-") for p in pieces]
    assert found.valid.tolist() == (any_.valid & like).tolist()
    for name in ("whole", "fits", "integer", "value"):
        ours, theirs = getattr(found, name), getattr(any_, name)
        assert ours[found.valid].tobytes() == theirs[found.valid].tobytes(), name
