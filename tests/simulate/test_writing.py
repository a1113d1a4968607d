"""Lines in columns are to the byte what the writer of recorded logs makes of the same messages."""

import io

import numpy as np
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.ports import RETAIN, RawBatch
from greendc.simulate.messages import OWN_TEXT, Form, Messages, Moment, Number, form
from greendc.simulate.rendering import Renderer
from greendc.simulate.writing import LogLines
from greendc.sources.timestamps import stamp
from greendc.sources.writing import LogWriter

MILLI = 10**6
FORMS = (
    form(b'{"value":', Number(0, 1), b',"time":"', Moment("stamp", "rfc3339"), b'Z"}'),
    form(b'{"w":', Number(0, 3), b',"wh":', Number(1, 0), b',"t":', Moment("stamp", "ms"), b"}"),
    form(Number(0, 2)),
    form(b'{"t":', Moment("stamp", "s"), b',"unit":"\xc2\xb0C","v":"', Number(0, 0), b'"}'),
    form(b'{"n":', Moment("stamp", "ns"), b',"v":', Number(0, 0), b"}"),
)
TOPICS = ("dc/a/power", 'dc/"quoted"/\\é', "it", "dc/b/temperature of the room", "n")
WORDS = (b"", b"NaN", b'"unavailable"')
TEXTS = (b"online", b"\xff\xfe", b"")
MILLISECONDS = st.integers(0, 4_000_000_000_000)  # until 2096


@st.composite
def messages(draw: st.DrawFn) -> Messages:
    row = st.tuples(
        st.integers(0, len(FORMS) - 1),
        MILLISECONDS,
        MILLISECONDS,
        st.integers(-(10**15), 10**15),
        st.integers(-999, 10**6),
        st.integers(0, len(WORDS) - 1),
        st.sampled_from([OWN_TEXT, OWN_TEXT, *range(len(TEXTS))]),
        st.booleans(),
    )
    device, when, arrival, one, two, word, text, retain = zip(
        *draw(st.lists(row, min_size=1, max_size=40)), strict=True
    )
    return Messages(
        device=np.array(device),
        stamp=np.array(when) * MILLI,
        arrival=np.array(arrival) * MILLI,
        value=np.array([one, two]),
        word=np.array([word, [0] * len(word)], np.uint8),
        text=np.array(text),
        flags=np.array([1 | RETAIN * on for on in retain]),
        words=WORDS,
        texts=TEXTS,
    )


def fixed(number: int, decimals: int) -> str:
    whole, part = divmod(abs(number), 10**decimals)
    sign = "-" if number < 0 else ""
    return f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"


def payload(found: Messages, row: int, layout: Form) -> bytes:
    """The same the slow way."""
    out = b""
    for piece in layout.pieces:
        if isinstance(piece, bytes):
            out += piece
        elif isinstance(piece, Number):
            word = int(found.word[piece.column, row])
            number = fixed(int(found.value[piece.column, row]), piece.decimals)
            out += WORDS[word] if word else number.encode()
        elif isinstance(piece, Moment):
            time = int(found.stamp[row])
            unit = {"s": 10**9, "ms": MILLI, "ns": 1}.get(piece.style)
            out += (stamp(time)[:-1] if unit is None else str(time // unit)).encode()
    return out


def expected(found: Messages) -> RawBatch:
    payloads = [
        TEXTS[text] if text != OWN_TEXT else payload(found, row, FORMS[found.device[row]])
        for row, text in enumerate(found.text.tolist())
    ]
    topics = [TOPICS[place] for place in found.device.tolist()]
    return RawBatch(
        found.arrival.tolist(), topics, payloads, [0] * len(topics), found.flags.tolist()
    )


@settings(max_examples=50)
@given(messages())
def test_lines_are_those_of_the_log_writer(found: Messages) -> None:
    ours, theirs = io.BytesIO(), io.BytesIO()
    LogLines(TOPICS, FORMS, WORDS).write(found, LogWriter(ours))
    LogWriter(theirs).write(expected(found))
    assert ours.getvalue() == theirs.getvalue()


@settings(max_examples=50)
@given(messages())
def test_payloads_are_those_of_the_lines(found: Messages) -> None:
    plain = found.rows(found.text == OWN_TEXT)
    split = Renderer(FORMS, WORDS).rows(plain).split()
    assert split == list(expected(plain).payloads)


def test_blocks_leave_no_trace() -> None:
    count = 20_000
    many = Messages(
        device=np.zeros(count, np.int64),
        stamp=np.arange(count) * MILLI,
        arrival=np.arange(count) * MILLI,
        value=np.arange(count)[None],
        word=np.zeros((1, count), np.uint8),
        text=np.full(count, OWN_TEXT),
        flags=np.ones(count, np.int64),
    )
    file = io.BytesIO()
    LogLines(TOPICS[:1], FORMS[:1]).write(many, LogWriter(file))
    values = [
        orjson.loads(orjson.loads(line)["payload"])["value"]
        for line in file.getvalue().splitlines()
    ]
    assert values == [number / 10 for number in range(count)]
