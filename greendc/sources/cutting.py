"""Cutting many packets out of a piece of the stream at once.

A plain message is a PUBLISH of QoS 0 or 1 of at most 16 KiB, without properties and with
a topic of at most 512 bytes. Nothing else is understood here: whatever is odd or broken is
for paho's reader.
"""

from typing import NamedTuple

import numpy as np

from greendc.columns import Topics
from greendc.ports import DUP, RETAIN, IntArray

PUBLISH, PLAIN_MASK = 0x30, 0xF4  # type, and the upper bit of QoS (MQTT 5, 3.3.1)
TOPICS = 65_536  # in a table
LONGEST_TOPIC = 512  # bytes; MQTT allows 65 535


class Packets(NamedTuple):
    """Complete packets that follow each other: where each begins, and where the last one ends.

    `long` says that what comes next has a remaining length of three bytes or more.
    """

    starts: list[int]
    stop: int
    long: bool


class Messages(NamedTuple):
    """Plain messages as columns, in the order of the stream."""

    topics: Topics
    payloads: list[bytes]
    mids: IntArray
    flags: IntArray


def packets(stream: bytes, at: int, most: int) -> Packets:
    """Find complete packets from a place on, at most so many.

    >>> packets(bytes.fromhex("d000 3003000161 30"), 0, most=10)
    Packets(starts=[0, 2], stop=7, long=False)
    """
    starts: list[int] = []
    end = len(stream)
    try:
        for _ in range(most):
            size = stream[at + 1]
            if size < 128:
                after = at + 2 + size
            else:
                high = stream[at + 2]
                if high > 127:
                    return Packets(starts, at, long=True)
                after = at - 125 + size + (high << 7)  # 3 bytes of header, 128 of the mark
            if after > end:
                break
            starts.append(at)
            at = after
    except IndexError:  # the header is not here yet
        pass
    return Packets(starts, at, long=False)


class Names:
    """A table of topics, each decoded once; begun anew where it has become too long."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._names: list[str] = []
        self._places: dict[bytes, int] = {}

    def of(self, topics: list[bytes]) -> Topics:
        """Topics by their places in the table; bytes that are no UTF-8 are replaced by U+FFFD."""
        places = list(map(self._places.get, topics))
        if None in places:
            if len(self._names) >= TOPICS:
                self._begin()
            places = [self._place(topic) for topic in topics]
        return Topics(self._names, np.array(places, np.int64))

    def _place(self, topic: bytes) -> int:
        place = self._places.setdefault(topic, len(self._names))
        if place == len(self._names):
            self._names.append(topic.decode(errors="replace"))
        return place


class Cut:
    """The packets of one piece of the stream, looked at in one go.

    `odd` are the places of those that are no plain messages.
    """

    def __init__(self, stream: bytes, found: Packets, *, five: bool) -> None:
        self.start = np.array(found.starts, np.int64)
        self.stop = np.append(self.start[1:], found.stop)
        self._stream = stream
        data = np.frombuffer(stream, np.uint8)
        self._first = data[self.start]
        numbered = (self._first >> 1 & 1).astype(np.int64)
        body = self.start + 2 + (data[self.start + 1] >> 7)
        self._topic = body + 2
        self._topic_end = self._topic + _word(data, body)
        self._payload = self._topic_end + 2 * numbered + five
        # What a packet too short reads here is its neighbour's; that it is short is seen below.
        self._mid = _word(data, self._topic_end) * numbered
        length = self._topic_end - self._topic
        whole = (length > 0) & (length <= LONGEST_TOPIC) & (self._payload <= self.stop)
        plain = (self._first & PLAIN_MASK == PUBLISH) & whole
        if five:
            plain &= _at(data, self._payload - 1) == 0  # length of the properties
        self.odd: list[int] = np.flatnonzero(~plain).tolist()

    def messages(self, lo: int, hi: int, names: Names) -> Messages:
        """The packets of a span, which must hold no odd one."""
        stream, span = self._stream, slice(lo, hi)
        topic_end, stop = self._topic_end[span].tolist(), self.stop[span].tolist()
        topics = zip(self._topic[span].tolist(), topic_end, strict=True)
        payloads = zip(self._payload[span].tolist(), stop, strict=True)
        first = self._first[span]
        flags = first >> 1 & 1 | (first & 1) * RETAIN | (first >> 3 & 1) * DUP
        return Messages(
            names.of([stream[a:b] for a, b in topics]),
            [stream[a:b] for a, b in payloads],
            self._mid[span],
            flags.astype(np.int64),
        )


def _at(data: np.ndarray[tuple[int], np.dtype[np.uint8]], place: IntArray) -> IntArray:
    """Bytes at some places; beyond the end, the last one."""
    return data[np.minimum(place, len(data) - 1)].astype(np.int64)


def _word(data: np.ndarray[tuple[int], np.dtype[np.uint8]], place: IntArray) -> IntArray:
    """Numbers of two bytes at some places."""
    return _at(data, place) << 8 | _at(data, place + 1)
