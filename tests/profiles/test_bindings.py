"""Topics to fields: patterns, captures, what is kept in memory."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from greendc.columns import Topics
from greendc.ports import GreendcError, Route
from greendc.profiles import Decoder
from greendc.profiles.bindings import compile_pattern
from tests.codecs.plans import PLAIN, batch, plan, route, tagged


@pytest.mark.parametrize(
    ("pattern", "topic", "matches"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/", False),
        ("a.b", "aXb", False),
        ("a/+", "a/b", True),
        ("a/+", "a/", True),
        ("a/+", "a", False),
        ("a/+", "a/b/c", False),
        ("+/+", "/finance", True),
        ("+", "/finance", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "ab", False),
        ("#", "a/b", True),
        ("#", "$SYS/load", False),
        ("+/load", "$SYS/load", False),
        ("{key}/load", "$SYS/load", False),
        ("$SYS/+", "$SYS/load", True),
        ("$SYS/#", "$SYS/a/b", True),
        ("json/{key}/{meter}/attrs", "json/k/m/attrs", True),
        ("json/{key}/{meter}/attrs", "json/k/m/n/attrs", False),
        ("json/{key}/{meter}/attrs", "json//m/attrs", False),
        ("{room}/rack-{meter}", "hall/rack-07", True),
        ("{room}/rack-{meter}", "hall/rack-", False),
        ("{room}/{meter}/{room}", "a/m/a", True),
        ("{room}/{meter}/{room}", "a/m/b", False),
        ("a/{meter}", "a/line\nbreak", True),
    ],
)
def test_patterns_match_as_brokers_do(pattern: str, topic: str, *, matches: bool) -> None:
    assert (compile_pattern(pattern).fullmatch(topic) is not None) == matches


def test_a_capture_selects_the_fields() -> None:
    fields = {"ups": (PLAIN,), "rack": (replace(PLAIN, meter=1),)}
    decoder = Decoder(plan(tagged("json/{key}/{meter}/attrs", fields, codec="number")))
    topics = ["json/k/rack/attrs", "json/j/ups/attrs", "json/k/pump/attrs", "other"]
    columns = decoder.decode(batch(*((topic, b"1") for topic in topics)))
    assert columns.meter.tolist() == [1, 0]
    assert columns.rejected == [(2, "unbound"), (3, "unbound")]
    assert decoder.unbound(topics).tolist() == [False, False, True, True]


def test_all_routes_that_lead_from_a_topic_count() -> None:
    decoder = Decoder(
        plan(
            route("hall/{any}", PLAIN, codec="number"),
            route("hall/a", replace(PLAIN, meter=1), codec="number"),
        )
    )
    columns = decoder.decode(batch(("hall/a", b"1"), ("hall/b", b"2")))
    assert columns.meter.tolist() == [0, 1, 0]


def test_subscriptions_name_each_filter_once() -> None:
    routes = [route(f"a/{{{name}}}", PLAIN, codec="number") for name in ("x", "y")]
    assert Decoder(plan(*routes, route("b", PLAIN))).subscriptions() == ["a/+", "b"]


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (route("t", PLAIN, codec="xml"), "xml"),
        (route("t", replace(PLAIN, time_rule="guess")), "guess"),
        (tagged("t/{key}", {"a": (PLAIN,)}), "{meter}"),
    ],
)
def test_a_plan_that_cannot_be_read_is_refused(bad: Route, text: str) -> None:
    with pytest.raises(GreendcError, match=text):
        Decoder(plan(bad))


def test_a_flood_of_topics_leaves_memory_bounded_and_meters_known() -> None:  # A33
    meters = {f"m{n}": (replace(PLAIN, meter=n),) for n in range(8)}
    decoder = Decoder(plan(tagged("site/{meter}/w", meters, codec="number")))
    known = batch(*((f"site/m{n}/w", b"1") for n in range(8)))
    before = decoder.decode(known).meter.tolist()
    flood(decoder, 0, 12_000)
    tracemalloc.start()
    try:
        flood(decoder, 12_000, 60_000)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 4_000_000
    assert decoder.decode(known).meter.tolist() == before == list(range(8))


def flood(decoder: Decoder, first: int, last: int) -> None:
    for start in range(first, last, 2000):
        topics = [(f"site/{number}/w", b"1") for number in range(start, start + 2000)]
        columns = decoder.decode(batch(*topics))
        assert columns.rejected == [(row, "unbound") for row in range(2000)]


def test_topics_in_a_table_are_looked_up_as_it_grows() -> None:
    decoder = Decoder(plan(route("a/b", PLAIN)))
    table = ["x", "a/b"]
    assert decoder.unbound(Topics(table, np.array([1, 0, 1]))).tolist() == [False, True, False]
    table += ["y", "a/b"]
    assert decoder.unbound(Topics(table, np.array([3, 2, 0]))).tolist() == [False, True, True]
    assert decoder.unbound(Topics(["a/b"], np.array([0]))).tolist() == [False]
    assert decoder.unbound(Topics(table, np.array([0, 3]))).tolist() == [True, False]
