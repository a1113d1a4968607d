"""Columns in arrays are the sequences that they stand for."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendc import columns
from greendc.columns import Numbers, Topics, coded, lengths, numbers, picked
from greendc.ports import RawBatch, joined

Row = tuple[int, str, bytes, int, int]

TABLE = ["it", "dc", "", "é", "pump", "unused"]
rows = st.tuples(
    st.integers(-(2**62), 2**62),
    st.sampled_from(TABLE[:5]),
    st.binary(max_size=3),
    st.integers(0, 65_535),
    st.integers(0, 15),
)


def plain(found: Sequence[Row], session: int = 1) -> RawBatch:
    arrivals, topics, payloads, mids, flags = zip(*found, strict=True) if found else ((),) * 5
    return RawBatch(list(arrivals), list(topics), list(payloads), list(mids), list(flags), session)


def arrayed(found: Sequence[Row], table: list[str], session: int = 1) -> RawBatch:
    batch = plain(found, session)
    return RawBatch(
        Numbers(np.array(batch.arrivals, np.int64)),
        Topics(table, np.array([table.index(topic) for topic in batch.topics], np.int64)),
        batch.payloads,
        Numbers(np.array(batch.mids, np.int64)),
        Numbers(np.array(batch.flags, np.int64)),
        session,
    )


@given(found=st.lists(rows, max_size=8), data=st.data())
def test_some_rows_and_spans_are_the_same_of_lists_and_of_arrays(
    found: list[Row], data: st.DataObject
) -> None:
    lists, arrays = plain(found), arrayed(found, TABLE)
    assert arrays == lists
    assert lists == arrays
    lo, hi = data.draw(st.integers(0, 8)), data.draw(st.integers(0, 8))
    assert arrays.between(lo, hi) == lists.between(lo, hi)
    some = data.draw(st.lists(st.integers(0, len(found) - 1))) if found else []
    expected = plain([found[place] for place in some])
    assert arrays.rows(some) == lists.rows(np.array(some, np.int64)) == expected
    assert numbers(arrays.arrivals).tolist() == numbers(lists.arrivals).tolist()
    assert lengths(arrays.payloads).tolist() == [len(row[2]) for row in found]


@given(
    parts=st.lists(
        st.tuples(st.lists(rows, max_size=4), st.sampled_from(["lists", "table", "other"])),
        min_size=1,
        max_size=5,
    )
)
def test_batches_join_whatever_their_columns_lie_in(parts: list[tuple[list[Row], str]]) -> None:
    tables = {"table": TABLE, "other": TABLE[::-1]}
    batches = [
        plain(found) if kind == "lists" else arrayed(found, tables[kind]) for found, kind in parts
    ]
    assert joined(batches) == plain([row for found, _ in parts for row in found])


@given(found=st.lists(rows, max_size=8))
def test_a_table_for_topics_holds_those_that_occur_once(found: list[Row]) -> None:
    topics = [row[1] for row in found]
    for column in (topics, arrayed(found, TABLE).topics):
        table = coded(column)
        assert table == topics
        assert sorted(table.names) == sorted(set(topics))


def test_values_are_plain_python() -> None:
    column = Numbers(np.array([1, 2], np.int64))
    assert {type(value) for value in (column[0], *column, *column[:1])} == {int}
    assert (repr(column), repr(Topics(["it"], np.array([0])))) == ("[1, 2]", "['it']")
    assert column != 1
    assert columns.joined([]) == []
    assert picked(["a", "b"], np.array([1])) == ["b"]
    with pytest.raises(TypeError):
        hash(column)


def test_a_table_may_grow_behind_a_column() -> None:
    table = ["it"]
    column = Topics(table, np.array([0, 0]))
    table.append("dc")
    assert column == ["it", "it"]
    assert coded(column).names == ["it"]
