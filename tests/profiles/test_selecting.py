"""Payloads that say which meter they are of."""

from dataclasses import replace

import pytest

from greendc.calendars import parse_rfc3339
from greendc.core.facility import DAY
from greendc.ports import Field, Route
from greendc.profiles import Decoder
from tests.codecs.plans import ARRIVAL, PLAIN, STAMPED, batch, cut, plan, route, tagged

POWER = replace(PLAIN, value=("w",))
BY_ID = replace(
    tagged("all", {"a": (POWER,), "7": (replace(POWER, meter=1),)}),
    tag_at=("id",),
)
BY_NAME = replace(
    tagged("all", {"a": (replace(POWER, meter=2, value=("v",)),)}), tag_at=("about", "name")
)
MESSAGES = batch(
    ("all", b'{"id": "a", "w": 1}'),
    ("all", b'{"id": 7, "w": 2}'),
    ("all", b'{"id": "b", "w": 3}'),
    ("all", b'{"w": 4}'),
    ("all", b"a"),
    ("all", b'{"id": true, "w": 5}'),
    ("one", b'{"id": "a", "w": 6}'),
    ("all", b'{"id": "a", "about": {"name": "a"}, "w": 7, "v": 8}'),
)


def read(*routes: Route) -> list[tuple[int, int, float]]:
    columns = Decoder(plan(*routes)).decode(MESSAGES)
    rows = columns.row, columns.meter, columns.value
    return list(zip(*(column.tolist() for column in rows), strict=True))


def test_a_field_of_the_payload_selects_the_meter() -> None:
    assert read(BY_ID) == [(0, 0, 1.0), (1, 1, 2.0), (7, 0, 7.0)]


def test_what_no_meter_is_named_after_is_refused_with_its_reason() -> None:
    unknown = [(row, "unknown_meter") for row in (2, 3, 5)]
    refused = Decoder(plan(BY_ID)).decode(MESSAGES).rejected
    assert refused == [*unknown[:2], (4, "not_json"), unknown[2], (6, "unbound")]


def test_routes_of_one_topic_each_look_where_they_are_told_to() -> None:
    assert read(BY_ID, BY_NAME) == [(0, 0, 1.0), (1, 1, 2.0), (7, 0, 7.0), (7, 2, 8.0)]


def test_a_meter_with_the_topic_to_itself_reads_every_payload() -> None:
    whole = replace(route("all", replace(POWER, meter=3)), filter="all")
    found = read(BY_ID, whole)
    assert [row for row in found if row[1] == 3] == [
        (row, 3, float(w)) for row, w in ((0, 1), (1, 2), (2, 3), (3, 4), (5, 5), (7, 7))
    ]
    assert [row for row in found if row[1] < 3] == [(0, 0, 1.0), (1, 1, 2.0), (7, 0, 7.0)]


@pytest.mark.parametrize("size", [1, 3])
def test_the_batch_does_not_matter(size: int) -> None:
    decoder, count = Decoder(plan(BY_ID, BY_NAME)), len(MESSAGES)
    parts = [
        decoder.decode(cut(MESSAGES, range(begin, min(begin + size, count))))
        for begin in range(0, count, size)
    ]
    together = [value for part in parts for value in part.value.tolist()]
    assert together == [value for _, _, value in read(BY_ID, BY_NAME)]


def test_a_flood_of_names_takes_no_memory() -> None:
    decoder = Decoder(plan(BY_ID))
    decoder.decode(MESSAGES)
    before = len(decoder._bindings._numbers)
    decoder.decode(batch(*[("all", b'{"id": "x%d"}' % n) for n in range(1000)]))
    assert len(decoder._bindings._numbers) == before


def test_the_topic_is_subscribed_and_bound() -> None:
    decoder = Decoder(plan(BY_ID))
    assert decoder.subscriptions() == ["all"]
    assert decoder.unbound(["all", "one"]).tolist() == [False, True]


LOCAL: Field = replace(STAMPED, zone="America/New_York")


@pytest.mark.parametrize(
    ("stamp", "utc"),
    [
        ("2025-03-09 01:59:59.5", "2025-03-09T06:59:59.5Z"),
        ("2025-03-09 03:00:00", "2025-03-09T07:00:00Z"),
        ("2024-11-03T01:30:00", "2024-11-03T05:30:00Z"),  # the first of the two
        ("2024-11-03T01:30:00-05:00", "2024-11-03T06:30:00Z"),
        ("2025-03-09 02:30:00", None),  # the clocks skip it
        ("2025-03-09 02:30", None),
        ("2025-03-09 03:00:00 EST", None),
    ],
)
def test_times_without_an_offset_are_of_the_zone(stamp: str, utc: str | None) -> None:
    assert times(LOCAL, stamp) == ([] if utc is None else [parse_rfc3339(utc)])
    assert times(STAMPED, stamp) == (times(LOCAL, stamp) if "-05:00" in stamp else [])


def times(field: Field, text: str) -> list[int]:
    """Time of a payload that arrives a year later."""
    message = "t", f'{{"value": 1, "at": "{text}"}}'.encode()
    columns = Decoder(plan(route("t", field))).decode(
        batch(message, arrivals=[ARRIVAL + 365 * DAY])
    )
    found: list[int] = columns.time.tolist()
    return found
