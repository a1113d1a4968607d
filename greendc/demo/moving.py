"""A recording moved in time, with the stamps in its payloads."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from greendc.calendars import rfc3339
from greendc.codecs.timestamps import read_number, read_text
from greendc.config import load
from greendc.core.facility import HOUR
from greendc.demo.recording import Recording
from greendc.ports import RawBatch
from greendc.profiles.bindings import Bindings, Path


def moved(recording: Recording, end: int) -> Recording:
    """The whole log moved by one offset of whole hours, so that it ends in the hour before `end`.

    Each value still stands for a full hour; what was noon is noon no longer.

    >>> from greendc.calendars import parse_rfc3339
    >>> from greendc.demo.recording import recorded
    >>> found = moved(recorded(), parse_rfc3339("2026-01-01T12:34:56Z"))
    >>> rfc3339(found.end), found.batches[0].payloads[0][-39:]
    ('2026-01-01T12:00:00Z', b'8,"TimeInstant":"2025-12-18T12:00:00Z"}')
    """
    offset = (end - recording.end) // HOUR * HOUR
    stamps = _Stamps(recording, offset)
    return replace(
        recording,
        batches=[stamps.moved(batch) for batch in recording.batches],
        start=recording.start + offset,
        end=recording.end + offset,
    )


class _Stamps:
    """Where the payloads of each topic hold their times, by the site file."""

    def __init__(self, recording: Recording, offset: int) -> None:
        self._offset = offset
        self._bindings = Bindings(load(recording.site).plan().routes)
        self._known: dict[str, list[tuple[Path, str | None]]] = {}

    def moved(self, batch: RawBatch) -> RawBatch:
        topics = list(batch.topics)
        return replace(
            batch,
            arrivals=[arrival + self._offset for arrival in batch.arrivals],
            payloads=[self._payload(t, p) for t, p in zip(topics, batch.payloads, strict=True)],
        )

    def _payload(self, topic: str, payload: bytes) -> bytes:
        if topic not in self._known:
            self._known[topic] = self._places(topic)
        places = self._known[topic]
        try:
            found = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return payload  # it will be rejected as it is
        changed = [_changed(found, path, zone, self._offset) for path, zone in places]
        return orjson.dumps(found) if any(changed) else payload

    def _places(self, topic: str) -> list[tuple[Path, str | None]]:
        number = self._bindings.of_topics([topic])
        slots: Sequence[int] = self._bindings.slots_of(number)[1].tolist()
        if self._bindings.selecting(number):  # the payload tells the meter, any of the site's
            slots = range(len(self._bindings.fields))
        fields = [self._bindings.fields[slot] for slot in slots]
        return list(dict.fromkeys((f.time, f.zone) for f in fields if f.time is not None))


def _changed(found: Any, path: Path, zone: str | None, offset: int) -> bool:
    """Move the time that stands at a path, where there is one."""
    try:
        for step in path[:-1]:
            found = found[step]
        time = _moved(found[path[-1]], zone, offset)
        if time is not None:
            found[path[-1]] = time
    except (IndexError, KeyError, TypeError):
        return False
    return time is not None


def _moved(time: Any, zone: str | None, offset: int) -> str | int | float | None:
    """A time as it stands in a payload, moved by whole hours; None where it is none."""
    if isinstance(time, str):
        text = read_text(time, zone)
        return None if text is None else rfc3339(text + offset)
    if type(time) not in {int, float}:
        return None
    number, later = read_number(time), read_number(time + 1)
    if number is None or later is None or later <= number:
        return None
    moved: int | float = time + offset // (later - number)
    return moved
