"""Recorded logs: one JSON object per line, a message or an event; read and written.

A message: `tst`, `topic`, `payload` (string or JSON value) or `payload_b64`, `qos`,
`retain`, and where known `mid` and `dup`: what ``mosquitto_sub -F %j`` writes is one.
An event: `tst`, `event`, `data`.
"""

import binascii
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from greendc.clocks import OwnClock
from greendc.journal import is_journal, read_journal
from greendc.ports import DUP, QOS_MASK, RETAIN, Entry, Event, RawBatch
from greendc.sources.events import BadEventError, checked
from greendc.sources.lines import Lines, Progress
from greendc.sources.parsing import BadLineError, Parser, Row
from greendc.sources.timestamps import parse_stamp
from greendc.sources.writing import LogWriter, write_log

__all__ = ["LogCounts", "LogWriter", "open_entries", "read_journal", "read_log", "write_log"]

# What other recorders call the time of arrival, in small letters.
OTHER_TIMES = frozenset({"ts", "timestamp", "@timestamp", "time", "t", "datetime", "received"})


@dataclass(slots=True)
class LogCounts:
    """What a log held. `bad` counts the lines that are neither message nor event, by reason.

    Reasons: `not_json`, `not_an_object`, `no_topic`, `no_payload`, `bad_base64`,
    `bad_time`, `bad_field`, `too_deep`, `unknown_event`, `bad_event`, `bad_config`,
    `line_too_long`; `truncated` counts files that end in the middle. `hints` say of the first
    line of a log without a time what it needs, and what it has instead.
    """

    messages: int = 0
    events: int = 0
    configs: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    hints: list[str] = field(default_factory=list)


def open_entries(
    path: Path, progress: Progress | None = None, counts: LogCounts | None = None
) -> Iterator[Entry]:
    """Entries of a recorded log or of a journal file, whichever `path` is by its content.

    Raises
    ------
    GreendcError
        Where the file cannot be read; for a log on the first entry asked for.
    """
    counts = LogCounts() if counts is None else counts
    if not is_journal(path):
        yield from read_log(path, progress, counts=counts)
        return
    for _, entry in read_journal(path, progress=progress):
        _count(entry, counts)
        yield entry


def read_log(
    path: Path,
    progress: Progress | None = None,
    batch: int = 40_000,
    counts: LogCounts | None = None,
) -> Iterator[Entry]:
    """Entries of a recorded log, `batch` messages at a time and never across an event.

    The file may be compressed with gzip or Zstandard. `progress` is given the bytes of
    the file read so far; `counts` takes up what was found.

    Raises
    ------
    GreendcError
        Where the file cannot be read or its compression is damaged.
    """
    counts = LogCounts() if counts is None else counts
    lines = Lines(path, progress)
    timeless: list[bytes] = []

    def parse(line: bytes) -> Row | Event:
        try:
            return parse_line(line)
        except BadLineError as reason:
            if str(reason) == "bad_time" and not timeless:
                timeless.append(line)
            raise

    parser, clock = Parser(parse, counts.bad, batch), OwnClock()
    for block in lines.blocks():
        for entry in parser.entries(block):
            _count(entry, counts)
            yield clock.told(entry)
    counts.bad.update({"line_too_long": lines.too_long} if lines.too_long else {})
    counts.bad.update({"truncated": 1} if lines.truncated else {})
    counts.hints += [f"{_place(path, line)}: {_time_hint(line)}" for line in timeless]


def _place(path: Path, line: bytes) -> str:
    """File and number of the first line like this one; the file alone if it cannot be read again.

    Lines that are too long do not count.
    """
    number = 1
    for block in Lines(path).blocks() if path.is_file() else ():
        lines = block.split(b"\n")
        if line in lines:
            return f"{path}:{number + lines.index(line)}"
        number += len(lines) - 1
    return str(path)


def _time_hint(line: bytes) -> str:
    """What a line has where its time should be.

    >>> _time_hint(b'{"ts": "2025-03-01T00:00:00Z", "topic": "it", "payload": 7}')
    'a line needs "tst", the time of arrival; this one has "ts": is that it?'
    """
    found = orjson.loads(line)
    needed = 'a line needs "tst", the time of arrival'
    if "tst" in found:
        return f"{needed}; that of this one is none: {str(found['tst'])[:60]!r}"
    other = next((key for key in found if key.lower() in OTHER_TIMES), None)
    return f'{needed}; this one has "{other}": is that it?' if other else f"{needed}, as RFC 3339"


def _count(entry: Entry, counts: LogCounts) -> None:
    if isinstance(entry, RawBatch):
        counts.messages += len(entry)
    else:
        counts.events += 1
        counts.configs += entry.kind == "config"


# -- one line --------------------------------------------------------------------------------


def parse_line(line: bytes) -> Row | Event:
    """A message as (arrival, topic, payload, mid, flags), or an event.

    Raises
    ------
    BadLineError
        With the reason, if it is neither.

    Examples
    --------
    >>> parse_line(b'{"tst": "1970-01-01T00:00:01Z", "topic": "it", "payload": 7, "qos": 1}')
    (1000000000, 'it', b'7', 0, 1)
    """
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadLineError("not_json") from error
    if not isinstance(found, dict):
        raise BadLineError("not_an_object")
    arrival = _arrival(found)
    if "event" in found:
        return _event(found, arrival)
    topic = found.get("topic")
    if not isinstance(topic, str):
        raise BadLineError("no_topic")
    return arrival, topic, _payload(found), _whole(found, "mid", 0xFFFF), _flags(found)


def _arrival(found: Mapping[str, Any]) -> int:
    try:
        return parse_stamp(found["tst"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadLineError("bad_time") from error


def _event(found: Mapping[str, Any], arrival: int) -> Event:
    kind, data = found["event"], found.get("data", {})
    if not isinstance(kind, str) or not isinstance(data, dict):
        raise BadLineError("bad_field")
    try:
        return checked(Event(kind, arrival, data))
    except BadEventError as error:
        raise BadLineError(str(error)) from error


def _payload(found: Mapping[str, Any]) -> bytes:
    if "payload" in found:
        return _text(found["payload"])
    if "payload_b64" not in found:
        raise BadLineError("no_payload")
    try:
        return b64decode(found["payload_b64"], validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise BadLineError("bad_base64") from error


def _text(payload: Any) -> bytes:
    """A payload that stands as text or as the JSON value that the text was."""
    if isinstance(payload, str):
        return payload.encode()
    try:
        return orjson.dumps(payload)
    except TypeError as error:  # orjson reads deeper nesting than it writes
        raise BadLineError("too_deep") from error


def _flags(found: Mapping[str, Any]) -> int:
    qos = _whole(found, "qos", 2)
    return (qos & QOS_MASK) | RETAIN * _whole(found, "retain", 1) | DUP * _whole(found, "dup", 1)


def _whole(found: Mapping[str, Any], key: str, most: int) -> int:
    """An optional number, 0 where it is absent; true is 1."""
    value = found.get(key, 0)
    if not isinstance(value, int) or not 0 <= value <= most:
        raise BadLineError("bad_field")
    return int(value)
