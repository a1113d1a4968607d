import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.journal import Journal, Quarantined, is_journal, read_journal
from greendc.journal.blocks import block_spans
from greendc.ports import Entry, Event, GreendcError, RawBatch

NS = st.integers(-(2**62), 2**62)

messages = st.tuples(
    NS, st.text(max_size=9), st.binary(max_size=40), st.integers(0, 65535), st.integers(0, 15)
)


def batch_of(rows: list[tuple[int, str, bytes, int, int]], session: int = 1) -> RawBatch:
    arrivals, topics, payloads, mids, flags = zip(*rows, strict=True) if rows else ((),) * 5
    return RawBatch(list(arrivals), list(topics), list(payloads), list(mids), list(flags), session)


batches = st.builds(batch_of, st.lists(messages, min_size=1, max_size=8), st.integers(1, 3))
data = st.dictionaries(st.text(max_size=5), st.integers(-(2**53), 2**53) | st.text() | st.none())
kinds = st.sampled_from(["tick", "config", "entry", "end"])
entries = st.lists(batches | st.builds(Event, kinds, NS, data), max_size=6)


def numbered(count: int, *, size: int = 5, session: int = 1) -> RawBatch:
    rows = [(10**18 + i, f"t/{i % 7}", b"%0*d" % (size, i), i % 65536, 1) for i in range(count)]
    return batch_of(rows, session)


def one_by_one(found: list[tuple[int, Entry]]) -> list[tuple[int, object]]:
    """Entries as single messages with their sequence numbers."""
    single: list[tuple[int, object]] = []
    for first, entry in found:
        if isinstance(entry, Event):
            single.append((first, entry))
            continue
        columns = zip(
            entry.arrivals, entry.topics, entry.payloads, entry.mids, entry.flags, strict=True
        )
        single += [(first + row, (*values, entry.session)) for row, values in enumerate(columns)]
    return single


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path / "journal.db")) as opened:
        yield opened


def test_a_commit_is_durable_by_sqlites_own_word(journal: Journal) -> None:
    assert journal.pragmas() == {"journal_mode": "wal", "synchronous": 2}  # 2 is FULL


@settings(max_examples=30)
@given(parts=st.lists(entries, max_size=4), cut=st.data())
def test_what_was_appended_is_read_from_any_number_on(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[Entry]], cut: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    with closing(Journal(path)) as journal:
        firsts = [first for part in parts for first in journal.append(part)]
        whole = one_by_one(
            list(zip(firsts, [entry for part in parts for entry in part], strict=True))
        )
        assert [number for number, _ in whole] == list(range(1, journal.last + 1))
        start = cut.draw(st.integers(1, journal.last + 1))
        stop = cut.draw(st.integers(start, journal.last + 2))
        assert one_by_one(list(journal.read(start, stop))) == whole[start - 1 : stop - 1]
    assert one_by_one(list(read_journal(path, start))) == whole[start - 1 :]


def test_the_columns_come_back_as_they_were(journal: Journal) -> None:
    batch = numbered(500)
    journal.append([batch])
    assert list(journal.read()) == [(1, batch)]


def test_a_large_batch_becomes_blocks_and_is_cut_at_both_ends(journal: Journal) -> None:
    batch = numbered(25_000)
    assert journal.append([Event("tick", 5), batch]) == [1, 2]
    lengths = [len(e) for _, e in journal.read() if isinstance(e, RawBatch)]
    assert lengths == [10_000, 10_000, 5_000]
    ((first, part),) = journal.read(15_000, 15_010)
    assert isinstance(part, RawBatch)
    assert (first, part.payloads) == (15_000, batch.payloads[14_998:15_008])


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 5), st.integers(1, 60))
def test_blocks_hold_every_message_once_within_their_bounds(
    sizes: list[int], count: int, limit: int
) -> None:
    rows = [(0, "t", b"x" * size, 0, 0) for size in sizes]
    spans = list(block_spans(batch_of(rows), count, limit))
    assert [row for lo, hi in spans for row in range(lo, hi)] == list(range(len(sizes)))
    for lo, hi in spans:
        assert hi - lo <= count
        assert hi - lo == 1 or sum(sizes[lo:hi]) + hi - lo <= limit


def test_an_empty_batch_takes_no_number(journal: Journal) -> None:
    assert journal.append([batch_of([]), Event("tick", 1), batch_of([])]) == [1, 1, 2]
    assert journal.last == 1


def test_numbers_and_session_go_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal:
        assert (journal.first, journal.last, journal.last_session) == (1, 0, 0)
        assert journal.last_arrival is None
        journal.append([numbered(3, session=4), Event("tick", 9)])
    with closing(Journal(path)) as journal:
        assert (journal.first, journal.last, journal.last_session) == (1, 4, 4)
        assert journal.last_arrival == 10**18 + 2
        assert journal.append([Event("session_lost", 9, {"session": 4})]) == [5]
        assert journal.last_session == 5


def test_pruning_drops_whole_blocks_and_keeps_the_numbers(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal:
        for _ in range(4):
            journal.append(
                [replace(numbered(10), payloads=[os.urandom(20_000) for _ in range(10)])]
            )
        before = journal.size_bytes
        journal.prune(25)  # within the third block, which stays
        assert (journal.first, journal.last) == (21, 40)
        assert [first for first, _ in journal.read()] == [21, 31]
        journal.prune(41)
        assert journal.size_bytes < before / 4
        assert (journal.first, journal.last) == (41, 40)
        assert journal.append([Event("tick", 1)]) == [41]
    assert path.stat().st_size < before / 4


def test_the_oldest_that_hold_so_many_bytes(journal: Journal) -> None:
    for _ in range(4):
        journal.append([replace(numbered(10), payloads=[os.urandom(2000) for _ in range(10)])])
    assert [journal.number_behind(size) for size in (1, 20_000, 30_000)] == [11, 11, 21]
    assert journal.number_behind(10**9) == 41
    journal.prune(journal.number_behind(1))
    assert journal.number_behind(1) == 21


def test_another_thread_and_another_process_read_while_it_is_written(
    journal: Journal, tmp_path: Path
) -> None:
    journal.append([numbered(10)])
    reader = read_journal(tmp_path / "journal.db", 5)
    first, entry = next(reader)
    assert (first, len(entry) if isinstance(entry, RawBatch) else 0) == (5, 6)
    thread = threading.Thread(target=journal.append, args=([Event("end", 3)],))
    thread.start()
    thread.join()
    assert list(reader) == [(11, Event("end", 3))]
    code = (
        "import sys, pathlib; from greendc.journal import read_journal;"
        "print(sum(1 for _ in read_journal(pathlib.Path(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "journal.db")],
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout == "2\n"


def test_progress_grows_with_what_was_read(journal: Journal, tmp_path: Path) -> None:
    journal.append([numbered(10), Event("tick", 1), numbered(10)])
    seen: list[int] = []
    list(read_journal(tmp_path / "journal.db", progress=seen.append))
    assert len(seen) == 3
    assert seen == sorted(seen)


def test_reading_a_journal_that_nobody_writes_leaves_no_file_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(Journal(path)) as journal:
        journal.append([Event("end", 3)])
    reader = read_journal(path)
    assert next(reader) == (1, Event("end", 3))
    assert list(tmp_path.iterdir()) == [path]
    assert list(reader) == []


def test_what_a_killed_daemon_left_in_its_wal_is_read(journal: Journal, tmp_path: Path) -> None:
    journal.append([Event("tick", 1), numbered(3)])
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in tmp_path.glob("journal.db*"):
        shutil.copy(file, copy)
    assert len(list(read_journal(copy / "journal.db"))) == 2
    with closing(Journal(copy / "journal.db")) as survived:
        assert survived.last == 4


def test_a_missing_entry_is_an_error_not_a_silent_gap(journal: Journal, tmp_path: Path) -> None:
    journal.append([Event("tick", 1), numbered(3), Event("end", 2)])
    with closing(sqlite3.connect(tmp_path / "journal.db")) as other:
        other.execute("DELETE FROM entry WHERE first = 2")
        other.commit()
    with pytest.raises(GreendcError, match="entries 2 to 4 are missing"):
        list(journal.read())


# -- limits and errors -------------------------------------------------------------------------


def test_full_by_its_own_size_and_by_the_disks(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "a.db", limit_bytes=200_000, free_bytes=0)) as journal:
        assert not journal.full()
        journal.append([replace(numbered(10), payloads=[os.urandom(20_000) for _ in range(10)])])
        assert journal.full()
    with closing(Journal(tmp_path / "b.db", free_bytes=2**62)) as journal:
        assert journal.full()


def test_nothing_is_kept_of_an_append_that_fails(journal: Journal, tmp_path: Path) -> None:
    journal.append([Event("tick", 1)])
    with closing(sqlite3.connect(tmp_path / "journal.db")) as other:
        other.execute("CREATE TRIGGER no BEFORE INSERT ON ring BEGIN SELECT RAISE(ABORT, 'x'); END")
        other.commit()
        with pytest.raises(GreendcError, match=r"journal\.db: cannot write the journal"):
            journal.append([numbered(3)], [Quarantined(1, "t", b"", "unbound")])
        other.execute("DROP TRIGGER no")
        other.commit()
    assert journal.last == 1
    assert journal.append([numbered(2)]) == [2]
    assert [first for first, _ in journal.read()] == [1, 2]


def test_a_damaged_block_is_named_not_read_as_something_else(
    journal: Journal, tmp_path: Path
) -> None:
    journal.append([numbered(100), Event("tick", 1)])
    with closing(sqlite3.connect(tmp_path / "journal.db")) as other:
        (body,) = other.execute("SELECT body FROM entry WHERE first = 1").fetchone()
        body = body[:60] + bytes([body[60] ^ 1]) + body[61:]
        other.execute("UPDATE entry SET body = ? WHERE first = 1", (body,))
        other.commit()
    with pytest.raises(GreendcError, match="entry 1 is damaged"):
        list(journal.read())


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE t (x)")
    text = tmp_path / "text.db"
    text.write_text("no database, but longer than the head of one would be")
    for path in (other, text):
        with pytest.raises(GreendcError, match=path.name):
            Journal(path)
        with pytest.raises(GreendcError, match=path.name):
            list(read_journal(path))
    with pytest.raises(GreendcError, match="no such file"):
        list(read_journal(tmp_path / "absent.db"))
    with pytest.raises(GreendcError, match="cannot open"):
        Journal(tmp_path / "absent" / "journal.db")
    assert is_journal(other)  # by its head; reading it is what refuses it
    assert not is_journal(text)
    assert not is_journal(tmp_path)


def test_a_journal_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(GreendcError, match="schema 99"):
        Journal(path)


# -- the ring ----------------------------------------------------------------------------------


def test_the_ring_keeps_a_beginning_the_length_and_the_hash(journal: Journal) -> None:
    payload = bytes(range(256)) * 20_000  # 5 MB
    journal.append([], [Quarantined(7, "é" * 3000, payload, "too_long")])
    journal.quarantine([Quarantined(8, "t", b"?", "not_json")])
    long, short = journal.ring()
    assert (long.arrival, long.reason, long.length) == (7, "too_long", len(payload))
    assert long.sha256 == sha256(payload).hexdigest()
    assert long.head == payload[:1024]
    assert len(long.topic.encode()) == 1024
    assert (short.topic, short.head, short.length) == ("t", b"?", 1)
    assert journal.last == 0


def test_a_flood_of_unknown_topics_stays_within_the_quota(tmp_path: Path) -> None:
    quota = 100_000
    path = tmp_path / "journal.db"
    with closing(Journal(path, ring_limit=quota)) as journal:
        for lo in range(0, 20_000, 1000):
            some = range(lo, lo + 1000)
            journal.quarantine([Quarantined(i, f"x/{i}", b"1", "unbound") for i in some])
            assert journal.ring_bytes <= quota
        kept = list(journal.ring())
        assert [k.arrival for k in kept] == list(range(20_000 - len(kept), 20_000))
        assert len(kept) > 400
        assert journal.size_bytes < 10 * quota
        size = journal.ring_bytes
    with closing(Journal(path, ring_limit=quota)) as journal:
        assert journal.ring_bytes == size
