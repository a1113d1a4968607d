"""Events tell of changes and of nothing else, and end with the server."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from greendc.config import load
from greendc.web.events import Changes, Looks, Readers
from tests.web.kit import SITE, Scene, scene, served


@pytest.fixture
def playing(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path, hours=5) as one:
        yield one


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    name = ""
    for text in lines:
        if text.startswith("event: "):
            name = text.removeprefix("event: ")
        elif text.startswith("data: "):
            yield name, json.loads(text.removeprefix("data: "))


def taken(changes: Changes) -> dict[str, Any]:
    lines = b"".join(changes.take(time.time_ns())).decode().splitlines()
    return dict(events(iter(lines)))


def test_the_first_event_is_everything_and_then_only_changes(playing: Scene) -> None:
    changes = Changes(Looks(playing.board), "zih-lzr")
    first = taken(changes)
    assert set(first) == {"state", "meters"}
    assert len(first["meters"]["rows"]) == 37
    assert taken(changes) == {}
    playing.play(1)
    then = taken(changes)
    assert len(then["meters"]["rows"]) == 37
    assert then["state"]["site_time"] == "2025-03-01T05:00:00Z"
    playing.feel(connected=False, connection_error="refused")
    assert set(taken(changes)) == {"state"}


def test_another_layout_ends_the_stream(playing: Scene) -> None:
    changes = Changes(Looks(playing.board), "zih-lzr")
    assert taken(changes)
    books = {name: ledger.book.books for name, ledger in playing.pipeline.ledgers.items()}
    playing.watch.configured(load(SITE), playing.store, books)
    playing.show()
    assert changes.ended
    assert taken(changes) == {}


def test_a_reader_hears_of_a_new_hour(playing: Scene) -> None:
    with (
        served(playing) as server,
        httpx.stream("GET", f"{server.url}/api/v1/events", timeout=20) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        heard = events(answer.iter_lines())
        first = next(data for name, data in heard if name == "state")
        playing.play(1)
        second = next(data for name, data in heard if name == "state")
    assert first["figures"]["hour"]["ipue"]["end"] == "2025-03-01T03:00:00Z"
    assert second["figures"]["hour"]["ipue"]["end"] == "2025-03-01T04:00:00Z"


def test_open_streams_do_not_hold_the_server(playing: Scene) -> None:
    with (
        served(playing) as server,
        httpx.stream("GET", f"{server.url}/api/v1/events", timeout=20) as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        server.stop()
        list(lines)  # ends; a stream that stays open would run into the timeout


def test_readers_are_counted() -> None:
    readers = Readers(most=2)
    full = [readers.full]
    with readers.one():
        full.append(readers.full)
        with readers.one():
            full.append(readers.full)
    assert [*full, readers.full] == [False, False, True, False]


def test_readers_beyond_the_most_are_refused(playing: Scene) -> None:
    with served(playing, most_readers=1) as server:
        path = f"{server.url}/api/v1/events"
        with httpx.stream("GET", path, timeout=20) as answer:
            lines = answer.iter_lines()  # dropped, it would close the stream
            next(lines)
            assert httpx.get(path).status_code == 503
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with httpx.stream("GET", path, timeout=20) as again:
                if again.status_code == 200:
                    return
        pytest.fail("a reader that went away is still counted")
