"""Blocks of figures say what a row for each of them said; an old ledger becomes one of blocks."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.core.facility import DAY, EVER, HOUR
from greendc.core.figure import PERIODS, WORDS, Figure, FigureColumns, known
from greendc.ports import Asked
from greendc.queries import Ledger
from greendc.store import (
    Changes,
    Store,
    StoredLedger,
    blocks,
    read_changes,
    read_figures,
    read_revisions,
)
from greendc.store.packing import Packing
from greendc.store.reading import read_known, read_loose, sums_of
from tests import rows

SITES = ("a", "b")
NAMES = {"e_dc": "J", "ipue": "1", "co2e_location": "g", "m1": "J", "m2": "J", "z": "J"}
SPELT = ("cell", "hour", "30d", "month")
Step = tuple[str, list[Figure]]

numbers = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.5, 1e-300, -7e22]))
terms = st.lists(st.sampled_from([0.0, 1.5, 3.25, -2.0]), min_size=3, max_size=3)


@st.composite
def figures(draw: st.DrawFn) -> Figure:
    name = draw(st.sampled_from(sorted(NAMES)))
    period = draw(st.sampled_from(SPELT))
    start = draw(st.sampled_from([-DAY, 0, HOUR, 2 * HOUR, 40 * DAY, 2000 * DAY]))
    length = draw(st.sampled_from([HOUR, DAY]))
    width = 2 if name == "ipue" else 1
    words = [draw(st.sampled_from(some)) for some in (WORDS, WORDS[1:6], WORDS)]
    said: Any = (length - draw(st.integers(0, 2)), *[draw(numbers) for _ in range(4)], *words)
    category, body = draw(st.sampled_from([None, 1, 2])), np.array(draw(terms) * width).tobytes()
    row: list[Any] = [name, NAMES[name], period, start, start + length, *said, category, body]
    return Figure(*row)


def _each_once(some: Sequence[Figure]) -> list[Figure]:
    return list({(f.quantity, f.period, f.start): f for f in some}.values())


steps = st.lists(
    st.tuples(st.sampled_from(SITES), st.lists(figures(), max_size=9).map(_each_once)), max_size=6
)


def _rows(changes: Changes) -> Iterator[tuple[Figure, float | None]]:
    return zip(changes.figures.rows(), known(changes.before), strict=True)


def _in_blocks(store: Store, taken: Sequence[Step], old: rows.RowLedger) -> None:
    """Write to both, and hold against each other what they say was written."""
    for site, some in taken:
        columns = FigureColumns.of(some)
        changes = store.put(site, columns, np.zeros(len(some), np.bool_)) if some else None
        said = [] if changes is None else list(_rows(changes))
        wanted = old.put(site, some)
        assert sorted(said, key=repr) == sorted(wanted, key=repr)


def _stored(path: Path, taken: Sequence[Step]) -> rows.RowLedger:
    store, old = Store(path / "new.db", durable=False), rows.RowLedger(path / "old.db")
    store.begin()
    store.use_config("hash", b"\0")
    _in_blocks(store, taken, old)
    for site in SITES:
        for period in SPELT:
            starts = [f.start for s, some in taken for f in some if (s, f.period) == (site, period)]
            assert store.newest_start(site, period) == max(starts, default=None)
    store.commit()
    store.close()
    return old


def _same_reads(path: Path, old: rows.RowLedger, spans: Sequence[tuple[int, int]]) -> None:
    """All reads give what rows give."""
    db = rows.opened(path)
    for site in SITES:
        for period in SPELT:
            for lo, hi in spans:
                every = old.revisions(site, period, lo, hi)
                newest = [row.figure for row in rows.newest(every)]
                asked = site, period, lo, hi
                _equal(list(read_revisions(db, *asked)), [row.figure for row in every])
                _equal(list(read_figures(db, *asked)), newest)
                some = [f for f in newest if f.quantity in {"m1", "ipue"}]
                _equal(list(read_figures(db, *asked, ["m1", "ipue", "none"])), some)
                sums = [(f.quantity, f.start, f.valid, f.terms, f.end, 0) for f in newest]
                assert list(sums_of(blocks.Blocks(db).newest(*asked))) == sums
                loose = [figure for part in read_loose(db, *asked) for figure in part.rows()]
                assert sorted(map(repr, loose)) == sorted(map(repr, newest))
                if newest:
                    assert read_known(db, *asked, len(newest) - 1) is None
                known = read_known(db, *asked, len(newest))
                assert known is not None
                found = [(known[0][n], *rest) for n, *rest in known[1]]
                wanted = [(f.quantity, f.start, f.end, f.valid) for f in newest]
                assert sorted(found) == sorted(wanted)
    told = [(row.figure, before) for row, before in read_changes(db)]
    assert sorted(told, key=repr) == sorted(rows.changes(old.rows()), key=repr)
    db.close()


def _equal(found: list[Figure], wanted: list[Figure]) -> None:
    assert [tuple(f) for f in found] == [tuple(f) for f in wanted]
    assert repr(found) == repr(wanted)  # a zero keeps its sign


SPANS = ((-EVER, EVER), (0, HOUR + 1), (HOUR, 41 * DAY))


@pytest.mark.parametrize("small", [False, True])
@settings(max_examples=60)
@given(taken=steps)
def test_blocks_say_what_rows_say(
    tmp_path_factory: pytest.TempPathFactory, small: bool, taken: list[Step]
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(blocks, "ROWS", 2)
            patch.setattr(blocks, "PIECE", 1)
            patch.setattr(blocks, "WIDE", 1)
        old = _stored(folder, taken)
        _same_reads(folder / "new.db", old, SPANS)
        _same_rows(folder / "new.db", old, in_order=False)
    old.close()


def _same_rows(path: Path, old: rows.RowLedger, *, in_order: bool) -> None:
    """What sinks read, by ids that leave none out."""
    reader = StoredLedger(path)
    wanted, found = old.rows(), list(reader.rows_after(0, 10**6))
    assert [row.id for row in found] == list(range(1, len(wanted) + 1))
    assert reader.last() == len(wanted)
    if in_order:
        assert repr(found) == repr(wanted)
    else:
        assert sorted(map(_what, found)) == sorted(map(_what, wanted))
    for position in range(len(found)):
        assert repr(list(reader.rows_after(position, 2))) == repr(found[position : position + 2])
    last: dict[Any, Any] = {}
    for row in found:
        held = last.get((row.site, row.figure.period, row.figure.quantity))
        if held is None or row.figure.start >= held.figure.start:
            last[row.site, row.figure.period, row.figure.quantity] = row
    assert sorted(map(repr, reader.latest())) == sorted(map(repr, last.values()))
    upto = len(found) // 2
    asked = Asked("a", "cell", frozenset({"m1", "e_dc"}), 0, EVER)
    among = [r for r in found if r.site == "a" and r.figure.period == "cell"]
    among = [r for r in among if r.figure.quantity in asked.quantities and r.figure.start >= 0]
    among.sort(key=lambda r: (r.figure.start, r.figure.quantity, r.figure.revision))
    assert repr(list(reader.revisions(asked))) == repr(among)
    until = [row for row in among if row.id <= upto]
    assert repr(list(reader.newest(asked, upto))) == repr(rows.newest(until))
    reader.close()


def _what(row: Any) -> str:
    return repr((row.site, row.figure))


@pytest.mark.parametrize("small", [False, True])
@settings(max_examples=30)
@given(taken=steps, word=st.sampled_from([None, "of_old"]))
def test_an_old_ledger_keeps_all_that_it_says(
    tmp_path_factory: pytest.TempPathFactory, small: bool, taken: list[Step], word: str | None
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    old = rows.RowLedger(folder / "old.db")
    for site, some in taken:
        old.put(site, [f._replace(reason=word or f.reason) for f in some])
    (folder / "new.db").write_bytes(old.db.serialize())
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr("greendc.store.upgrade.AT_ONCE", 3)
        with Ledger(folder / "new.db") as ledger:  # any reading opens it for good
            assert [list(ledger.figures("a", period)) for period in PERIODS]
    _same_reads(folder / "new.db", old, SPANS[:1])
    _same_rows(folder / "new.db", old, in_order=True)
    store = Store(folder / "new.db", durable=False)
    store.begin()
    store.use_config("hash", b"\0")
    _in_blocks(store, [("a", [f for _, some in taken for f in some][:1])], old)
    store.commit()
    store.close()
    old.close()


def test_an_upgrade_that_fails_leaves_the_old_ledger(tmp_path: Path) -> None:
    old = rows.RowLedger(tmp_path / "ledger.db")
    figure = Figure(
        "m1", "J", "cell", 0, 1, 1, 1.0, 0.0, 0.0, None, None, "ok", None, None, bytes(24)
    )
    old.put("a", [figure])
    old.db.execute("UPDATE figure SET period = 99")
    with pytest.raises(IndexError):
        Store(tmp_path / "ledger.db")
    assert old.db.execute("SELECT period FROM figure").fetchall() == [(99,)]
    old.db.execute("UPDATE figure SET period = 0")
    Store(tmp_path / "ledger.db").close()
    old.close()


@given(st.lists(figures(), min_size=1, max_size=20))
def test_a_body_gives_back_what_was_packed(some: list[Figure]) -> None:
    some = [figure._replace(period="cell") for figure in some]
    columns = FigureColumns.of(some)
    packing = Packing()
    body = packing.packed(columns)
    found, count = packing.unpacked([body, body], PERIODS.index("cell"))
    assert count.tolist() == [len(some)] * 2
    found = found.at(np.arange(len(some), 2 * len(some)))
    for name in FigureColumns.__slots__:
        if name not in {"names", "units", "words"}:
            np.testing.assert_array_equal(getattr(found, name), getattr(columns, name))


def test_one_quantity_of_many_is_read_without_the_blocks_of_the_others(tmp_path: Path) -> None:
    store = Store(tmp_path / "ledger.db", durable=False)
    store.begin()
    one = Figure(
        "m", "J", "cell", 0, HOUR, HOUR, 1.0, 0.0, 0.0, None, None, "ok", None, None, bytes(24)
    )
    some = [one._replace(quantity=f"m{i}") for i in range(2 * blocks.WIDE)]
    store.put("a", FigureColumns.of(some), np.ones(len(some), np.bool_))
    store.commit()
    read: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        original = Packing.unpacked

        def counted(self: Packing, bodies: Sequence[bytes], period: int) -> Any:
            read.extend([period] * len(bodies))
            return original(self, bodies, period)

        patch.setattr(Packing, "unpacked", counted)
        assert len(list(read_figures(store._db, "a", "cell", 0, HOUR, ["m300"]))) == 1
    assert len(read) == 1 < store._db.execute("SELECT count(*) FROM block").fetchone()[0]
    store.close()


def test_what_time_is_lost_to_stands_beside_rows_that_lose_none() -> None:
    """A body without such a word is as it was before there were any, and reads as none."""
    known: Any = (HOUR, 1.0, *[None] * 4, "ok", None, None, bytes(24))
    one = Figure("m1", "J", "hour", 0, HOUR, *known)
    told = one._replace(start=HOUR, end=2 * HOUR, valid=0, reason="frozen", lost="frozen")
    packing = Packing()
    bodies = [packing.packed(FigureColumns.of(some)) for some in ([one, one], [told, one])]
    period = PERIODS.index("hour")
    found = packing.unpacked(bodies, period)[0]
    assert [packing.words[code] for code in found.lost] == [None, None, "frozen", None]
    assert len(packing.packed(FigureColumns.of([one]))) < len(bodies[1])


def test_words_keep_their_places() -> None:
    """Ledgers hold places of words: a word that is no longer used leaves a place behind."""
    known = (
        None, "ok", "partial", "estimated", "undefined", "invalid", "silent", "coverage",
        "no_intensity", "resolution", "twelve_months", "negative_total", "undefined_denominator",
        "unknown_amount", "out_of_bounds", "declared_share", "no_accuracy", "filled", "withdrawn",
        "gaps", "frozen", "implausible", "out_of_range", "rate", "spike", "sentinel", "not_finite",
        "bad_unit", "no_value", "not_a_number", "not_json", "not_utf8",
    )  # fmt: skip
    assert WORDS[: len(known)] == known
