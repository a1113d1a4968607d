"""Many lines of a recorded log at once: the common form as columns, every other line by itself."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from greendc.columns import Inside, IntArray, Numbers, Quoted, Texts, Topics, one_slice, picked
from greendc.flat import Group, Member, between, grouped, numbers_of
from greendc.layouts import Layouts
from greendc.ports import DUP, RETAIN, Entry, Event, RawBatch
from greendc.sources.layouts import WHOLE, LineLayout, learnt
from greendc.sources.names import UNREADABLE, Names
from greendc.sources.timestamps import parse_stamp
from greendc.spans import BoolArray, Bytes, places_of
from greendc.stamps import stamps

Row = tuple[int, str, bytes, int, int]
ParseLine = Callable[[bytes], Row | Event]

MOST_LINES = 2**16

_FEWEST = 64  # lines that are worth to be looked at together

_NEWLINE, _QUOTE, _BACKSLASH = 0x0A, 0x22, 0x5C
_ESCAPED = b'\\"'
_QUOTED = bytes.maketrans(b"\x7f", b'"')
_STAND_IN = b"\x7f"  # for an escaped quote; a text in which it stands itself has no common form
_NEEDED = ("tst", "topic", "payload")


class BadLineError(ValueError):
    """A line that is neither a message nor an event; the text is the reason, one word."""


@dataclass(slots=True)
class _Found:
    """What is known of each line; `topic` is -1 where it is no message.

    `layout` is that of the payload among `layouts`, -1 where it stands as it is in the text.
    """

    arrival: IntArray
    topic: IntArray
    start: IntArray
    end: IntArray
    mid: IntArray
    flags: IntArray
    layout: IntArray
    layouts: list[Inside] = field(default_factory=list)
    events: dict[int, Event] = field(default_factory=dict)

    @classmethod
    def of(cls, count: int) -> "_Found":
        """Nothing known of so many lines."""
        arrival, start, end, mid, flags = (np.zeros(count, np.int64) for _ in range(5))
        topic, layout = (np.full(count, -1, np.int64) for _ in range(2))
        return cls(arrival, topic, start, end, mid, flags, layout)

    def payloads(self, rows: IntArray | slice, text: bytes) -> Texts | Quoted:
        """Payloads of rows, which stand in a text."""
        start, end = self.start[rows], self.end[rows]
        if not self.layouts:
            return Texts(text, start, end)
        return Quoted(text, start, end, self.layout[rows], self.layouts)


class Parser:
    """Parses blocks of lines; `parse` is the parser of one line, which says what is right."""

    def __init__(self, parse: ParseLine, bad: Counter[str], batch: int) -> None:
        """`bad` counts the lines that are neither message nor event, by reason."""
        self._parse, self._bad, self._batch = parse, bad, batch
        self._names = Names(_STAND_IN.decode())
        self._layouts = Layouts(learnt)

    def entries(self, block: bytes) -> Iterator[Entry]:
        """Messages and events of whole lines, in their order."""
        for lines in _pieces(block):
            yield from self._entries(lines)

    def _entries(self, lines: Texts) -> Iterator[Entry]:
        self._names.renew()
        found = _Found.of(len(lines))
        self._by_layout(found, lines)
        rows = np.flatnonzero(found.topic < 0)
        if len(rows) == len(lines):
            texts = [self._by_form(found, lines, rows, 0)]
        elif len(rows) < _FEWEST:
            texts = [lines.text]
        else:
            rest = _all_lines(b"\n".join(picked(lines, rows)))
            texts = [lines.text, self._by_form(found, rest, rows, len(lines.text))]
        texts += self._one_by_one(found, lines, sum(map(len, texts)))
        return self._cut(found, texts[0] if len(texts) == 1 else b"".join(texts))

    def _by_layout(self, found: _Found, lines: Texts) -> None:
        """Take in the messages that look alike."""
        data = Bytes(lines.text)
        for layout, rows, places in self._layouts.found(data, lines.start, lines.end):
            self._take_alike(found, data, layout, rows, places)

    def _take_alike(
        self, found: _Found, data: Bytes, layout: LineLayout, rows: IntArray, places: list[IntArray]
    ) -> None:
        arrival, good = stamps(data, *between(layout.tst, places), _minute)
        topic = places[layout.topic] + layout.pattern.cuts.lengths[layout.topic]
        place = self._names.places(data, topic, places[layout.topic + 1])
        good &= place != UNREADABLE
        mid = np.full(len(rows), layout.mid)
        for key, at in layout.numbers.items():
            number = numbers_of(data, *between(at, places), at.model)
            good &= number.valid
            if key == "mid":
                mid = number.integer
                good &= mid <= WHOLE["mid"]
        start, end = (places[piece] + at for piece, at in layout.payload)
        if not good.all():
            rows = rows[good]
            arrival, place, mid, start, end = (c[good] for c in (arrival, place, mid, start, end))
        found.arrival[rows], found.topic[rows] = arrival, place
        found.start[rows], found.end[rows], found.mid[rows] = start, end, mid
        found.flags[rows] = layout.flags
        if layout.inside is not None:
            if layout.inside not in found.layouts:
                found.layouts.append(layout.inside)
            found.layout[rows] = found.layouts.index(layout.inside)

    def _by_form(self, found: _Found, lines: Texts, rows: IntArray, size: int) -> bytes:
        """Take in messages of one form; returns their payloads, to be put behind `size` bytes.

        The lines are all of their text; `rows` are their places among all lines.
        """
        block = lines.text
        plain = block if _STAND_IN in block else _replaced(block)
        column = lines if plain is block else _all_lines(plain)
        data = Bytes(plain)
        for group in grouped(column, data):
            self._take(found, data, group, rows[group.rows], size)
        return _unescaped(data) if plain is not block else block

    def _take(self, found: _Found, data: Bytes, group: Group, rows: IntArray, size: int) -> None:
        """Take in the messages of a group."""
        if not _is_message(group):
            return
        good, numbers = _numbers(group)
        tst, topic, payload = (group.members[key] for key in _NEEDED)
        arrival, timed = stamps(data, tst.start, tst.end, _minute)
        place = self._names.places(data, topic.start, topic.end)
        good &= timed & (place != UNREADABLE)
        rows = rows[good]
        found.arrival[rows], found.topic[rows] = arrival[good], place[good]
        found.start[rows], found.end[rows] = payload.start[good] + size, payload.end[good] + size
        flags = numbers["qos"] | RETAIN * numbers["retain"] | DUP * numbers["dup"]
        found.flags[rows], found.mid[rows] = flags[good], numbers["mid"][good]

    def _one_by_one(self, found: _Found, lines: Texts, size: int) -> list[bytes]:
        """Take in what is in no group; returns payloads, to be put behind `size` bytes."""
        more: list[bytes] = []
        for row in np.flatnonzero(found.topic < 0).tolist():
            line = lines[row]
            if line.isspace():
                continue
            try:
                parsed = self._parse(line)
            except BadLineError as reason:
                self._bad[str(reason)] += 1
                continue
            if isinstance(parsed, Event):
                found.events[row] = parsed
                continue
            found.arrival[row], topic, payload, found.mid[row], found.flags[row] = parsed
            found.topic[row] = self._names.place(topic)
            found.start[row], found.end[row] = size, size + len(payload)
            size += len(payload) + 1
            more += [payload, b"\n"]
        return more

    def _cut(self, found: _Found, text: bytes) -> Iterator[Entry]:
        """Batches, none of which reaches across an event."""
        rows = np.flatnonzero(found.topic >= 0)
        begin = 0
        for at in sorted(found.events):
            stop = int(np.searchsorted(rows, at))
            yield from self._batches(found, rows[begin:stop], text)
            yield found.events[at]
            begin = stop
        yield from self._batches(found, rows[begin:], text)

    def _batches(self, found: _Found, rows: IntArray, text: bytes) -> Iterator[RawBatch]:
        for begin in range(0, len(rows), self._batch):
            part = one_slice(rows[begin : begin + self._batch])
            yield RawBatch(
                Numbers(found.arrival[part]),
                Topics(self._names.table, found.topic[part]),
                found.payloads(part, text),
                Numbers(found.mid[part]),
                Numbers(found.flags[part]),
            )


def _pieces(block: bytes) -> Iterator[Texts]:
    """The lines of a block, cut where there are very many: columns would take a lot of memory."""
    ends = places_of(block, _NEWLINE)
    if len(ends) <= MOST_LINES:
        yield _lines(block, ends)
        return
    borders = [0, *(ends[MOST_LINES::MOST_LINES] + 1).tolist(), len(block)]
    for begin, end in pairwise(borders):
        if begin < end:
            yield _all_lines(block[begin:end])


def _lines(block: bytes, ends: IntArray) -> Texts:
    """The lines that hold something, by where newlines stand."""
    if not block.endswith(b"\n"):
        ends = np.append(ends, len(block))
    starts = np.append(0, ends[:-1] + 1)
    some = ends > starts
    return Texts(block, starts, ends) if some.all() else Texts(block, starts[some], ends[some])


def _all_lines(block: bytes) -> Texts:
    return _lines(block, places_of(block, _NEWLINE))


def _replaced(block: bytes) -> bytes:
    """The block with a byte in place of each escaped quote."""
    array = np.frombuffer(block, np.uint8)
    backslash = array == _BACKSLASH
    escapes = np.flatnonzero(backslash)
    if not len(escapes):
        return block
    quotes = escapes + 1
    if quotes[-1] == len(block) or (array[quotes] != _QUOTE).any():
        return block.replace(_ESCAPED, _STAND_IN)  # other escapes have to stay
    marked = array.copy()
    marked[quotes] = ord(_STAND_IN)
    return marked.tobytes().translate(None, b"\\")


def _unescaped(data: Bytes) -> bytes:
    return data.text.translate(_QUOTED)


def _is_message(group: Group) -> bool:
    """Whether the rows are messages, if their values are what they must be."""
    found = group.members
    texts = all(key in found and found[key].numbers is None for key in _NEEDED)
    whole = all(key not in found or found[key].numbers is not None for key in WHOLE)
    return texts and whole and "event" not in found


def _numbers(group: Group) -> tuple[BoolArray, dict[str, IntArray]]:
    """The optional numbers of each row, 0 where there is none, and which rows' are good."""
    good = np.ones(len(group.rows), np.bool_)
    numbers = {}
    for key, most in WHOLE.items():
        member: Member | None = group.members.get(key)
        if member is None or member.numbers is None:
            numbers[key] = np.zeros(len(group.rows), np.int64)
            continue
        numbers[key] = member.numbers.integer
        good &= member.numbers.fits & (numbers[key] >= 0) & (numbers[key] <= most)
    return good, numbers


def _minute(text: str) -> int | None:
    try:
        return parse_stamp(text)
    except ValueError:
        return None
