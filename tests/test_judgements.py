"""Words for single readings: counted by hour and in all, and when the last one was."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from greendc.core.facility import HOUR, MINUTE
from greendc.store import Store, Times, Told


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "ledger.db")
    opened.begin()
    yield opened
    opened.close()


def add(store: Store, *times: int, sign: int = 1) -> list[tuple[str, str, int]]:
    new = []
    for time in times:
        one = Times()
        one.add(time, sign)
        new += store.judgements.add("s", {("m", "spike", time - time % HOUR): one})
    return new


def test_the_first_of_an_hour_is_news_and_the_last_stands(store: Store) -> None:
    assert add(store, 7 * MINUTE, 3 * MINUTE) == [("m", "spike", 0)]
    assert add(store, HOUR + MINUTE) == [("m", "spike", HOUR)]
    assert [*store.judgements.every()] == [Told("s", "m", "spike", 3, HOUR + MINUTE)]


def test_where_the_last_is_taken_back_the_hour_of_the_one_before_is_known(store: Store) -> None:
    add(store, 7 * MINUTE, HOUR + MINUTE)
    add(store, HOUR + MINUTE, sign=-1)
    assert [*store.judgements.every()] == [Told("s", "m", "spike", 1, HOUR - 1)]
    add(store, 7 * MINUTE, sign=-1)
    assert [*store.judgements.every()] == []
    assert add(store, 5 * MINUTE) == [("m", "spike", 0)]
    assert [*store.judgements.every()] == [Told("s", "m", "spike", 1, 5 * MINUTE)]


def test_a_word_that_is_given_again_changes_nothing(store: Store) -> None:
    add(store, MINUTE)
    version = store.judgements.version
    again = Times()
    again.add(MINUTE, -1)
    again.add(MINUTE)
    assert store.judgements.add("s", {("m", "spike", 0): again}) == []
    assert store.judgements.version == version


def test_an_older_ledger_tells_what_its_hours_hold(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    first = Store(path)
    first.begin()
    add(first, 7 * MINUTE, HOUR + MINUTE)
    first.count("", {"fields:refused": 5})
    first.commit()
    first.close()
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DROP TABLE told")
    for _ in range(2):
        again = Store(path)
        assert [*again.judgements.every()] == [Told("s", "m", "spike", 2, HOUR)]
        assert again.tally("")["fields:uncounted"] == 5
        again.close()
