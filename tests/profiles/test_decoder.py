"""Batches to readings: time rules, units, scales, refusals."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc.core.facility import EVER, HOUR, SECOND
from greendc.ports import RETAIN, Columns, Field, RawBatch
from greendc.profiles import LONGEST_PAYLOAD, Decoder
from tests.codecs.plans import ARRIVAL, PLAIN, STAMPED, batch, cut, plan, route, scale, tagged

NEAR = replace(STAMPED, time_rule="payload_if_near")


def decoded(field: Field, payload: bytes, *, codec: str = "json", flags: int = 0) -> Columns:
    return Decoder(plan(route("t", field, codec=codec))).decode(
        batch(("t", payload), flags=[flags])
    )


def outcome(columns: Columns) -> list[tuple[int, int, int, float]]:
    rows = (columns.row, columns.meter, columns.time, columns.value)
    return list(zip(*(column.tolist() for column in rows), strict=True))


def lost(columns: Columns) -> list[tuple[int, int, str]]:
    refused = columns.refused
    return list(zip(refused.meter.tolist(), refused.time.tolist(), refused.reason, strict=True))


# -- time ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "stamp", "time", "outcome_"),
    [
        (STAMPED, "1740787100", ARRIVAL - 100 * SECOND, None),
        (STAMPED, "1000000000", 1_000_000_000 * SECOND, None),  # A19: at its own time
        (STAMPED, "1740787320", ARRIVAL + 120 * SECOND, None),
        (STAMPED, "1740787321", None, "future"),
        (STAMPED, "null", None, "no_time"),
        (STAMPED, "0", None, "bad_time"),
        (STAMPED, "631151999", None, "bad_time"),
        (STAMPED, "631152000", 631_152_000 * SECOND, None),
        (STAMPED, '"9999-12-31T00:00:00Z"', None, "bad_time"),
        (STAMPED, "1e300", None, "bad_time"),
        (STAMPED, '"yesterday"', None, "bad_time"),
        (NEAR, "1740787320", ARRIVAL + 120 * SECOND, None),
        (NEAR, "1740787080", ARRIVAL - 120 * SECOND, None),
        (NEAR, "1740787321", ARRIVAL, "skewed"),
        (NEAR, "1740787079", ARRIVAL, "skewed"),
        (NEAR, "0", ARRIVAL, "skewed"),
        (NEAR, "1e300", ARRIVAL, "skewed"),
        (NEAR, "null", ARRIVAL, "unstamped"),
        (NEAR, '"yesterday"', None, "bad_time"),
        (replace(STAMPED, time_rule="arrival"), '"yesterday"', ARRIVAL, None),
        (replace(STAMPED, time=None), "1740787200", None, "no_time"),
    ],
)
def test_time_rules(field: Field, stamp: str, time: int | None, outcome_: str | None) -> None:
    columns = decoded(field, f'{{"value": 1, "at": {stamp}}}'.encode())
    assert columns.time.tolist() == ([] if time is None else [time])
    assert columns.rejected + columns.noted == ([(0, outcome_)] if outcome_ else [])


@pytest.mark.parametrize("arrival", [-(2**63), -EVER, 0, 631_151_999 * SECOND, EVER, 2**63 - 1])
@pytest.mark.parametrize("rule", ["arrival", "payload_if_near"])
def test_an_arrival_by_a_clock_that_was_never_set_times_nothing(arrival: int, rule: str) -> None:
    found = Decoder(plan(route("t", replace(STAMPED, time_rule=rule)))).decode(
        batch(("t", b'{"value": 1}'), arrivals=[arrival])
    )
    assert found.rejected == [(0, "bad_time")]


def test_a_stamp_is_no_less_in_the_future_of_an_absurd_arrival() -> None:
    found = Decoder(plan(route("t", STAMPED))).decode(
        batch(("t", b'{"value": 1, "at": 1740787200}'), arrivals=[-(2**63)])
    )
    assert found.rejected == [(0, "future")]


@pytest.mark.parametrize(
    ("field", "stamp", "time"),
    [
        (STAMPED, "1740769200", ARRIVAL - 5 * HOUR),
        (NEAR, "1740787100", ARRIVAL - 100 * SECOND),
        (NEAR, "1740769200", None),
        (NEAR, "null", None),
        (replace(STAMPED, time_rule="arrival"), "1740787200", None),
    ],
)
def test_a_retained_message_is_never_now(field: Field, stamp: str, time: int | None) -> None:  # A19
    columns = decoded(field, f'{{"value": 1, "at": {stamp}}}'.encode(), flags=RETAIN | 1)
    assert columns.time.tolist() == ([] if time is None else [time])
    assert columns.rejected == ([] if time is not None else [(0, "retained_without_time")])
    assert columns.noted == []


# -- values ----------------------------------------------------------------------------------


def test_the_unit_named_scales_its_row() -> None:
    field = replace(
        PLAIN, value=("v",), unit=("u",), units={"W": scale(), "kW": scale((-EVER, 1e3))}
    )
    messages = [b'{"v": 5, "u": "kW"}', b'{"v": 5, "u": "W"}', b'{"v": 5, "u": "V"}', b'{"v": 5}']
    columns = Decoder(plan(route("t", field))).decode(batch(*(("t", text) for text in messages)))
    assert columns.value.tolist() == [5000.0, 5.0]
    assert columns.rejected == [(2, "bad_unit"), (3, "bad_unit")]


def test_what_is_refused_is_told_of_its_meter_at_its_own_time_or_else_that_of_arrival() -> None:
    one = replace(STAMPED, meter=3, high=10.0, sentinels=(7.0,))
    other = replace(STAMPED, meter=4, value=("b",))
    stamp = b'"at": 1740787100'
    messages = [b'{"value": 7, "b": 1, %s}' % stamp, b'{"value": 70, "b": "x", %s}' % stamp]
    messages += [b'{"value": 1, "b": 2, "at": 1940787100}', b"{"]
    columns = Decoder(plan(route("t", one, other))).decode(batch(*(("t", m) for m in messages)))
    own = ARRIVAL - 100 * SECOND
    assert sorted(lost(columns)) == [
        (3, own, "out_of_range"),
        (3, own, "sentinel"),
        (3, ARRIVAL, "future"),
        (3, ARRIVAL, "not_json"),
        (4, ARRIVAL, "future"),
        (4, ARRIVAL, "not_a_number"),
        (4, ARRIVAL, "not_json"),
    ]
    assert columns.rejected.count((3, "not_json")) == 1  # of the message
    assert columns.fields == len(columns.row) + len(columns.refused)


def test_a_scale_holds_from_its_date_in_event_time() -> None:
    field = replace(STAMPED, scale=scale((-EVER, 1.0), (ARRIVAL, 10.0), (ARRIVAL + SECOND, 100.0)))
    payloads = [
        f'{{"value": 2, "at": {ARRIVAL + at}}}'.encode() for at in (0, -1, SECOND, SECOND - 1)
    ]
    columns = Decoder(plan(route("t", field))).decode(batch(*(("t", text) for text in payloads)))
    assert columns.value.tolist() == [20.0, 2.0, 200.0, 20.0]


def test_an_offset_comes_after_the_factor() -> None:
    field = replace(PLAIN, scale=scale((-EVER, 5 / 9), offset=-160 / 9))
    assert decoded(field, b"212", codec="number").value == pytest.approx([100.0])


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"4294967295", "sentinel"),  # A9: compared as it stands, before scale and range
        (b"4294967295.0", "sentinel"),
        (b"4294967295000", "out_of_range"),
        (b"121", "out_of_range"),
        (b"-0.11", "out_of_range"),
        (b"1e306", "not_finite"),
        (b"nan", "not_finite"),
        (b"120", None),
        (b"-0.1", None),
    ],
)
def test_what_a_meter_cannot_have_measured(payload: bytes, reason: str | None) -> None:
    field = replace(
        PLAIN, scale=scale((-EVER, 1e3)), low=-100.0, high=120e3, sentinels=(4294967295.0, -1.0)
    )
    columns = decoded(field, payload, codec="number")
    assert columns.rejected == ([] if reason is None else [(0, reason)])
    assert len(columns.row) == (reason is None)


def test_a_bad_field_leaves_its_neighbours() -> None:
    fields = [replace(STAMPED, meter=n, value=(name,)) for n, name in enumerate("abc")]
    payload = b'{"a": 1, "b": NaN, "c": 3, "at": 1740787200}'
    columns = Decoder(plan(route("t", *fields))).decode(batch(("t", payload), ("t", b"{")))
    assert outcome(columns) == [(0, 0, ARRIVAL, 1.0), (0, 2, ARRIVAL, 3.0)]
    assert columns.rejected == [(0, "not_finite"), (1, "not_json")]


def test_long_payloads_are_not_decoded() -> None:
    longest = b"1".rjust(LONGEST_PAYLOAD)
    decoder = Decoder(plan(route("t", PLAIN, codec="number")))
    columns = decoder.decode(batch(("t", longest), ("t", longest + b" "), ("u", longest + b" ")))
    assert columns.row.tolist() == [0]
    assert columns.rejected == [(1, "too_long"), (2, "unbound")]


def test_no_messages_and_no_routes() -> None:
    assert outcome(Decoder(plan(route("t", PLAIN))).decode(batch())) == []
    assert Decoder(plan()).decode(batch(("t", b"1"))).rejected == [(0, "unbound")]


# -- batches ---------------------------------------------------------------------------------

MIXED = Decoder(
    plan(
        tagged("n/{meter}", {"0": (PLAIN,), "1": (replace(PLAIN, meter=1, high=50.0),)}, "number"),
        route(
            "j/{any}",
            replace(STAMPED, meter=2),
            replace(NEAR, meter=3, sentinels=(-1.0,)),
            replace(PLAIN, meter=4, value=("w",), unit=("u",), units={"kW": scale((-EVER, 1e3))}),
        ),
        route("j/both", replace(PLAIN, meter=5, value=("w",), low=0.0, high=math.inf)),
    )
)
topics = st.sampled_from(["n/0", "n/1", "n/2", "j/x", "j/both", "$SYS/x", ""])
some_payloads = st.sampled_from(
    [
        b"7",
        b"60",
        b"{}",
        b"\xff",
        b"off",
        b'{"value": -1, "at": 1740787200, "w": 2, "u": "kW"}',
        b'{"value": 5, "at": 1740780000, "w": -2, "u": "W"}',
        b'{"value": "6", "at": "2025-03-01T00:01:00.5Z", "w": null}',
    ]
)
messages = st.lists(
    st.tuples(topics, some_payloads, st.sampled_from([0, 1, RETAIN | 1])), max_size=12
)


def built(rows: list[tuple[str, bytes, int]]) -> RawBatch:
    arrivals = [ARRIVAL + SECOND * number for number in range(len(rows))]
    pairs = [(topic, payload) for topic, payload, _ in rows]
    return batch(*pairs, arrivals=arrivals, flags=[flags for _, _, flags in rows])


@given(rows=messages, at=st.integers(0, 12), then=st.integers(0, 12))
def test_a_batch_is_its_parts(rows: list[tuple[str, bytes, int]], at: int, then: int) -> None:
    whole = built(rows)
    borders = [0, *sorted({min(at, len(rows)), min(then, len(rows))}), len(rows)]
    spans = [range(low, high) for low, high in pairwise(borders)]
    parts = [(span.start, MIXED.decode(cut(whole, span))) for span in spans]
    columns = MIXED.decode(whole)
    assert outcome(columns) == [
        (first + row, *rest) for first, part in parts for row, *rest in outcome(part)
    ]
    assert sorted(lost(columns)) == sorted(p for _, part in parts for p in lost(part))
    assert columns.fields == len(columns.row) + len(columns.refused)
    for name in ("rejected", "noted"):
        joined = [(first + row, why) for first, part in parts for row, why in getattr(part, name)]
        assert getattr(columns, name) == joined


@given(rows=messages)
def test_every_message_has_an_outcome_in_journal_order(rows: list[tuple[str, bytes, int]]) -> None:
    columns = MIXED.decode(built(rows))
    refused = [row for row, _ in columns.rejected]
    assert {*columns.row.tolist(), *refused} == set(range(len(rows)))
    assert (np.diff(columns.row) >= 0).all()
    assert refused == sorted(refused)
    assert np.isfinite(columns.value).all()
