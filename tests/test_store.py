"""The ledger file: durability, revisions, order, archive, and giving up what is not committed."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.core.facility import MINUTE
from greendc.core.figure import Figure, FigureColumns
from greendc.core.readings import Readings
from greendc.ports import Asked, Event, GreendcError
from greendc.store import Changes, Store, StoredLedger, connect, read_figures, read_revisions

SITE = "s"
ONE = Figure(
    "e_it", "J", "cell", 0, MINUTE, MINUTE, 5.0, 0.0, 0.0, None, "no_accuracy", "ok", None, None,
    np.array([5.0, 0.0, 0.0]).tobytes(),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open ledger with a configuration."""
    opened = Store(tmp_path / "ledger")
    opened.begin()
    opened.use_config("hash", b"body")
    opened.commit()
    yield opened
    opened.close()


def put(store: Store, *figures: Figure, fresh: bool = False) -> int:
    store.begin()
    written = len(write(store, *figures, fresh=fresh).figures)
    store.commit()
    return written


def write(store: Store, *figures: Figure, site: str = SITE, fresh: bool = False) -> Changes:
    return store.put(site, FigureColumns.of(figures), np.full(len(figures), fresh))


def revisions(store: Store) -> list[tuple[int, float | None]]:
    db = connect(store.path, readonly=True)
    try:
        return [(f.revision, f.value) for f in read_revisions(db, SITE, "cell", 0, MINUTE)]
    finally:
        db.close()


def test_every_commit_reaches_the_disk(store: Store) -> None:
    assert store.pragmas() == {"journal_mode": "wal", "synchronous": 2}


def test_a_revision_is_written_only_where_something_has_changed(store: Store) -> None:
    assert put(store, ONE, fresh=True) == 1
    assert put(store, ONE) == 0
    assert put(store, ONE._replace(value=6.0)) == 1
    assert put(store, ONE._replace(value=6.0)) == 0
    assert put(store, ONE) == 1
    assert revisions(store) == [(0, 5.0), (1, 6.0), (2, 5.0)]


@pytest.mark.parametrize(
    "change",
    [
        {"end": 2 * MINUTE}, {"valid": 1}, {"value": None}, {"estimated": 0.5},
        {"distributed": 0.5}, {"uncertainty": 1.0}, {"doubt": None}, {"status": "partial"},
        {"reason": "silent"}, {"category": 2}, {"terms": b"\0" * 24},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_any_published_field_makes_a_revision(store: Store, change: dict[str, object]) -> None:
    put(store, ONE)
    assert put(store, ONE._replace(**change)) == 1  # type: ignore[arg-type]


def test_a_new_configuration_alone_makes_none(store: Store) -> None:
    put(store, ONE)
    store.begin()
    store.use_config("another", b"body 2")
    assert put(store, ONE) == 0
    assert store.config() == ("another", b"body 2")


def test_the_newest_revision_is_what_is_read(store: Store) -> None:
    put(store, ONE, ONE._replace(quantity="e_dc"))
    put(store, ONE._replace(value=7.0))
    found = list(store.figures(SITE, "cell", 0, MINUTE))
    assert [(f.quantity, f.value, f.revision) for f in found] == [
        ("e_dc", 5.0, 0),
        ("e_it", 7.0, 1),
    ]
    assert found[1] == ONE._replace(value=7.0, revision=1, config=1)


def test_rows_come_in_the_order_in_which_they_were_written(store: Store) -> None:
    late = ONE._replace(start=MINUTE, end=2 * MINUTE)
    put(store, late, fresh=True)
    put(store, ONE, late._replace(value=9.0))
    reader = StoredLedger(store.path)
    rows = list(reader.rows_after(0, 10))
    assert [(r.site, r.figure.start, r.figure.value) for r in rows] == [
        (SITE, MINUTE, 5.0), (SITE, 0, 5.0), (SITE, MINUTE, 9.0),
    ]  # fmt: skip
    assert [r.id for r in rows] == sorted(r.id for r in rows)
    assert list(reader.rows_after(rows[0].id, 1)) == rows[1:2]
    reader.close()


def test_sinks_can_ask_for_what_the_ledger_said_up_to_a_row(store: Store) -> None:
    other = ONE._replace(quantity="e_dc")
    put(store, ONE, ONE._replace(start=MINUTE, end=2 * MINUTE), other)
    put(store, ONE._replace(value=8.0), ONE._replace(start=2 * MINUTE, end=3 * MINUTE))
    put(store, ONE._replace(value=9.0), ONE._replace(period="hour"))
    reader = StoredLedger(store.path)

    def asked(names: set[str], upto: int, hi: int = 3 * MINUTE) -> list[tuple[str, int, float]]:
        found = reader.newest(Asked(SITE, "cell", frozenset(names), 0, hi), upto)
        return [(r.figure.quantity, r.figure.start // MINUTE, r.figure.value or 0.0) for r in found]

    every = {"e_it", "e_dc", "none"}
    assert reader.last() == 7
    assert asked({"e_it"}, 3) == [("e_it", 0, 5.0), ("e_it", 1, 5.0)]
    assert asked(every, 4) == [("e_dc", 0, 5.0), ("e_it", 0, 8.0), ("e_it", 1, 5.0)]
    assert asked(every, 7, MINUTE) == [("e_dc", 0, 5.0), ("e_it", 0, 9.0)]
    assert asked({"none"}, 7) == []
    first = Asked(SITE, "cell", frozenset({"e_it"}), 0, 1)
    assert [r.figure.value for r in reader.revisions(first)] == [5.0, 8.0, 9.0]
    latest = [(r.figure.quantity, r.figure.period, r.figure.start) for r in reader.latest()]
    assert sorted(latest) == [
        ("e_dc", "cell", 0), ("e_it", "cell", 2 * MINUTE), ("e_it", "hour", 0),
    ]  # fmt: skip
    reader.close()


def test_an_empty_ledger_has_no_last_row(store: Store) -> None:
    reader = StoredLedger(store.path)
    assert (reader.last(), list(reader.latest())) == (0, [])
    reader.close()


def test_a_cursor_is_kept(store: Store) -> None:
    reader = StoredLedger(store.path)
    assert reader.cursor("sink") == 0
    store.begin()
    store.move_cursor("sink", 17, {"written": 17})
    assert reader.cursor("sink") == 0
    store.commit()
    assert reader.cursor("sink") == 17
    reader.close()


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_not_committed_is_given_up(tmp_path: Path, durable: bool) -> None:
    store = Store(tmp_path / "ledger", durable=durable)
    put(store, ONE)
    store.begin()
    write(store, ONE._replace(value=8.0))
    store.set("state", {"done_to": 5})
    store.count(SITE, {"late": 3})
    store.note(Event("late", 0))
    store.close()
    again = Store(tmp_path / "ledger", durable=durable)
    assert again.get("state") is None
    assert [f.value for f in again.figures(SITE, "cell", 0, MINUTE)] == [5.0]
    again.close()
    db = sqlite3.connect(tmp_path / "ledger")
    assert db.execute("SELECT count(*) FROM tally").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM event").fetchone() == (0,)
    db.close()


def test_counts_add_up(store: Store) -> None:
    for _ in range(2):
        store.begin()
        store.count(SITE, {"late": 3, "conflict": 0})
        store.commit()
    db = connect(store.path, readonly=True)
    assert db.execute("SELECT site, outcome, number FROM tally").fetchall() == [(SITE, "late", 6)]
    db.close()


def test_a_ledger_of_another_schema_is_refused(store: Store, tmp_path: Path) -> None:
    store.begin()
    store.set("schema", 999)
    store.commit()
    with pytest.raises(GreendcError, match="schema 999"):
        Store(tmp_path / "ledger")


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_text("no database " * 100)
    with pytest.raises(GreendcError, match="ledger"):
        Store(path)


def test_figures_of_another_site_are_not_mixed_in(store: Store) -> None:
    store.begin()
    write(store, ONE, site="other", fresh=True)
    write(store, ONE, fresh=True)
    store.commit()
    db = connect(store.path, readonly=True)
    assert len(list(read_figures(db, "other", "cell", 0, MINUTE))) == 1
    assert list(read_figures(db, "none", "cell", 0, MINUTE)) == []
    db.close()


# -- archive --------------------------------------------------------------------------------------

rows = st.tuples(st.integers(0, 2), st.integers(0, 1000), st.floats(-1e9, 1e9))


def readings(found: list[tuple[int, int, float]]) -> Readings:
    columns = np.array(found, np.float64).reshape(-1, 3)
    seq = np.arange(len(found))
    return Readings(seq, columns[:, 0].astype(int), columns[:, 1].astype(int), columns[:, 2])


def told(found: Readings) -> list[tuple[int, int, float]]:
    columns = found.meter.tolist(), found.time.tolist(), found.value.tolist()
    return sorted(zip(*columns, strict=True))


@settings(max_examples=40)
@given(
    st.lists(st.lists(rows, min_size=1, max_size=8), min_size=1, max_size=5),
    st.integers(0, 1000),
    st.integers(0, 500),
)
def test_archived_readings_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    parts: list[list[tuple[int, int, float]]],
    lo: int,
    span: int,
) -> None:
    store = Store(tmp_path_factory.mktemp("archive") / "ledger", durable=False)
    store.begin()
    for part in parts:
        store.archive(SITE, ["a", "b", "c"], readings(part))
    history = store.history(SITE, ["c", "new", "a"])  # meters have other places now
    place = {0: 2, 2: 0}
    every = sorted((place[m], t, v) for part in parts for m, t, v in part if m in place)
    assert told(history.readings(lo, lo + span)) == [r for r in every if lo <= r[1] < lo + span]
    times = sorted({t for m, t, _ in every if m == 2})
    near = sorted(history.around(2, lo, lo + span, 2).time.tolist())
    for wanted in ([t for t in times if t < lo][-2:], [t for t in times if t >= lo + span][:2]):
        assert set(wanted) <= set(near)
    store.close()


def test_old_archive_rows_are_forgotten(store: Store) -> None:
    store.begin()
    for time in (10, 20):
        store.archive(SITE, ["a"], readings([(0, time, 1.0)]))
    store.forget(SITE, 15)
    assert store.history(SITE, ["a"]).readings(0, 100).time.tolist() == [20]
    store.commit()
