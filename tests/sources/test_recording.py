import gzip
import io
import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from greendc.journal import Journal
from greendc.ports import DUP, RETAIN, Entry, Event, GreendcError, RawBatch
from greendc.sources.lines import Lines
from greendc.sources.recording import LogCounts, open_entries, parse_line, read_log, write_log
from tests.config.kit import FEED, loaded, site

NS = st.integers(-(2**62), 2**62 - 1)
flags = st.sampled_from([q | r | d for q in (0, 1, 2) for r in (0, RETAIN) for d in (0, DUP)])
messages = st.tuples(NS, st.text(max_size=9), st.binary(max_size=40), st.integers(0, 65535), flags)


def batch_of(rows: Iterable[tuple[int, str, bytes, int, int]]) -> RawBatch:
    arrivals, topics, payloads, mids, flags = zip(*rows, strict=True)
    return RawBatch(list(arrivals), list(topics), list(payloads), list(mids), list(flags))


batches = st.builds(batch_of, st.lists(messages, min_size=1, max_size=6))
data = st.dictionaries(
    st.text(max_size=5),
    st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists),
)
ends = st.builds(lambda arrival: Event("end", arrival, {"site": "s", "at": arrival}), NS)
lost = st.builds(
    lambda arrival, n: Event("session_lost", arrival, {"from": None, "to": arrival, "session": n}),
    NS,
    st.integers(0, 2**31),
)
events = st.builds(Event, st.sampled_from(["tick", "entry"]), NS, data) | ends | lost
suffixes = st.sampled_from(["log.jsonl", "log.jsonl.gz", "log.jsonl.zst"])
MESSAGE = (
    b'{"tst": "1970-01-01T00:00:01Z", "topic": "t/1", "payload": "7", "qos": 1, "retain": 0}\n'
)


def rows_of(entries: Iterable[Entry]) -> list[object]:
    """Entries as messages and events, whatever the batches."""
    found: list[object] = []
    for entry in entries:
        if isinstance(entry, Event):
            found.append(entry)
        else:
            columns = (entry.arrivals, entry.topics, entry.payloads, entry.mids, entry.flags)
            found += zip(*columns, strict=True)
    return found


def written(path: Path, entries: Iterable[Entry]) -> bytes:
    with write_log(path) as log:
        for entry in entries:
            log.write(entry)
    return path.read_bytes()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@settings(max_examples=60)
@given(entries=st.lists(batches | events, max_size=5), name=suffixes, size=st.integers(1, 7))
def test_whatever_is_written_is_read(entries: list[Entry], name: str, size: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        bytes_once = written(path, entries)
        counts = LogCounts()
        found = list(read_log(path, batch=size, counts=counts))
        assert rows_of(found) == rows_of(entries)
        assert all(len(entry) <= size for entry in found if isinstance(entry, RawBatch))
        assert counts.bad == {}
        assert counts.messages + counts.events == len(rows_of(entries))
        assert written(path, found) == bytes_once


def test_batches_end_at_the_size_and_at_events(log: Path) -> None:
    tick = orjson.dumps({"tst": "1970-01-01T00:00:02Z", "event": "tick"}) + b"\n"
    log.write_bytes(MESSAGE * 5 + tick + MESSAGE)
    sizes = [e.kind if isinstance(e, Event) else len(e) for e in read_log(log, batch=3)]
    assert sizes == [3, 2, "tick", 1]


@pytest.mark.parametrize(
    ("line", "payload"),
    [
        ({"payload": '{"value": 1}'}, b'{"value": 1}'),
        ({"payload": {"value": 1.5, "b": [True, None]}}, b'{"value":1.5,"b":[true,null]}'),
        ({"payload": 7}, b"7"),
        ({"payload": None}, b"null"),
        ({"payload": ""}, b""),
        ({"payload": "é"}, "é".encode()),
        ({"payload_b64": "/w=="}, b"\xff"),
    ],
)
def test_payloads_as_text_as_json_and_as_bytes(line: dict[str, object], payload: bytes) -> None:
    found = parse_line(orjson.dumps({"tst": "1970-01-01T00:00:01Z", "topic": "t", **line}))
    assert found == (10**9, "t", payload, 0, 0)


def test_a_line_of_mosquitto_sub() -> None:
    line = (
        b'{"tst":"2025-03-01T12:00:00.123456Z+0100","topic":"t","qos":1,"retain":1,'
        b'"payloadlen":1,"mid":12,"payload":"7"}'
    )
    assert parse_line(line) == (1_740_826_800_123_456_000, "t", b"7", 12, 1 | RETAIN)


def nested(depth: int) -> object:
    found: object = 1
    for _ in range(depth):
        found = [found]
    return found


def message(**keys: object) -> bytes:
    return json.dumps({"tst": "1970-01-01T00:00:01Z", "topic": "t", **keys}).encode()


def event(kind: str, data: object) -> bytes:
    return json.dumps({"tst": "1970-01-01T00:00:01Z", "event": kind, "data": data}).encode()


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("not_json", b'{"tst": '),
        ("not_json", b'{"tst": "1970-01-01T00:00:01Z", "topic": "\xff", "payload": 1}'),
        ("not_json", b"\xef\xbb\xbf{}"),
        ("not_json", b"\0"),
        ("not_json", b"[" * 2000),
        ("not_an_object", b"[1]"),
        ("bad_time", b"{}"),
        ("bad_time", b'{"tst": 7, "topic": "t", "payload": 1}'),
        ("bad_time", b'{"tst": "yesterday", "topic": "t", "payload": 1}'),
        ("no_topic", b'{"tst": "1970-01-01T00:00:01Z", "topic": 1, "payload": 1}'),
        ("no_payload", b'{"tst": "1970-01-01T00:00:01Z", "topic": "t"}'),
        ("bad_base64", b'{"tst": "1970-01-01T00:00:01Z", "topic": "t", "payload_b64": "/"}'),
        ("bad_base64", b'{"tst": "1970-01-01T00:00:01Z", "topic": "t", "payload_b64": 4}'),
        ("bad_field", b'{"tst": "1970-01-01T00:00:01Z", "topic": "t", "payload": 1, "qos": 3}'),
        ("bad_field", b'{"tst": "1970-01-01T00:00:01Z", "topic": "t", "payload": 1, "mid": -1}'),
        ("bad_field", b'{"tst": "1970-01-01T00:00:01Z", "event": 1}'),
        ("bad_field", b'{"tst": "1970-01-01T00:00:01Z", "event": "end", "data": [1]}'),
        ("too_deep", message(payload=nested(300))),
        ("unknown_event", event("ended", {})),
        ("bad_event", event("tick", {"deep": nested(300)})),
        ("bad_event", event("entry", {"from": "yesterday"})),
        ("bad_event", event("end", {"at": "2025-03-01T00:00:00Z"})),
        ("bad_event", event("end", {"at": 1e300})),
        ("bad_event", event("end", {"at": 2 * 3600 * 10**9})),  # an hour after its own arrival
        ("bad_event", event("end", {"site": 1})),
        ("bad_event", event("session_lost", {"session": "three"})),
        ("bad_event", event("session_lost", {"session": 2**63})),
        ("bad_event", event("session_lost", {"from": [], "to": 7})),
        ("bad_config", event("config", {})),
        ("bad_config", event("config", {"effective": 7})),
        ("bad_config", event("config", {"effective": {}})),
        ("bad_config", event("config", {"effective": {"sites": [], "content": {}}})),
    ],
)
def test_a_bad_line_is_counted_and_loses_no_neighbour(log: Path, reason: str, line: bytes) -> None:
    log.write_bytes(MESSAGE + line + b"\n" + MESSAGE)
    counts = LogCounts()
    (batch,) = read_log(log, counts=counts)
    assert isinstance(batch, RawBatch)
    assert batch.payloads == [b"7", b"7"]
    assert counts.bad == {reason: 1}
    assert counts.messages == 2


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=30), max_size=8))
def test_any_bytes_between_messages_do_no_harm(noise: list[bytes]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        path.write_bytes(b"".join(MESSAGE + part + b"\n" for part in noise) + MESSAGE)
        counts = LogCounts()
        total = sum(
            len(entry) for entry in read_log(path, counts=counts) if isinstance(entry, RawBatch)
        )
        assert total == counts.messages == len(noise) + 1


def test_empty_lines_and_windows_ends_of_lines_are_no_fault(log: Path) -> None:
    log.write_bytes(b"\r\n" + MESSAGE[:-1] + b"\r\n\n   \n" + MESSAGE[:-1])
    counts = LogCounts()
    assert len(rows_of(read_log(log, counts=counts))) == 2
    assert counts.bad == {}


def test_a_line_without_an_end_is_not_taken_into_memory(log: Path) -> None:
    with log.open("wb") as file:
        file.write(MESSAGE)
        for _ in range(17):
            file.write(b"x" * 2**20)
        file.write(b"\n" + MESSAGE)
    counts = LogCounts()
    assert len(rows_of(read_log(log, counts=counts))) == 2
    assert counts.bad == {"line_too_long": 1}


@given(st.lists(st.integers(0, 12), max_size=12), st.booleans())
def test_lines_are_those_of_the_file_but_for_the_long_ones(sizes: list[int], ended: bool) -> None:
    wanted = [b"x" * size for size in sizes]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lines"
        path.write_bytes(b"\n".join(wanted) + (b"\n" if ended and wanted else b""))
        lines = Lines(path, longest=8)
        assert [line for line in lines if line] == [w for w in wanted if 0 < len(w) <= 8]
        assert lines.too_long == sum(len(w) > 8 for w in wanted)


# -- compressed files ----------------------------------------------------------------------------


def frames(kind: str, *parts: bytes) -> bytes:
    pack = gzip.compress if kind == "gz" else zstandard.compress
    return b"".join(pack(part) for part in parts)


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_compression_is_seen_by_content_and_logs_may_be_continued(log: Path, kind: str) -> None:
    log.write_bytes(frames(kind, MESSAGE * 2, MESSAGE))  # whatever its name says
    assert len(rows_of(read_log(log))) == 3


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_log_cut_off_by_a_crash_gives_what_it_holds(log: Path, kind: str) -> None:
    lines = b"".join(MESSAGE.replace(b"7", b"%d" % (i * 7919 % 10007)) for i in range(20_000))
    log.write_bytes(frames(kind, lines)[: -len(frames(kind, lines)) // 4])
    counts = LogCounts()
    found = rows_of(read_log(log, counts=counts))
    assert 0 < len(found) < 20_000
    assert sum(counts.bad.values()) >= 1


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_a_short_log_cut_off_says_so_and_gives_what_it_holds(log: Path, kind: str) -> None:
    parts = [MESSAGE.replace(b'"7"', b"%d" % (i * 7919 % 10007)) for i in range(400)]
    whole = frames(kind, b"".join(parts[:200]), b"".join(parts[200:]))
    for cut in range(1, 60):
        log.write_bytes(whole[:-cut])
        counts = LogCounts()
        found = rows_of(read_log(log, counts=counts))
        assert 200 <= len(found) <= 400
        assert counts.bad["truncated"] == 1


@given(sizes=st.lists(st.integers(0, 30_000), max_size=4))
def test_frames_of_any_size_are_read_to_their_end(sizes: list[int]) -> None:
    data = [bytes((i * i * 7919 >> 3) & 0xFF for i in range(size)) for size in sizes]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "frames"
        path.write_bytes(frames("zst", *data))
        lines = Lines(path)
        assert b"\n".join(lines) == b"".join(data).removesuffix(b"\n")
        assert not lines.truncated


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_damaged_compression_is_an_error_that_names_the_file(log: Path, kind: str) -> None:
    whole = bytearray(frames(kind, bytes(range(256)) * 400))
    whole[len(whole) // 2] ^= 0xFF
    whole[-5] ^= 0xFF
    log.write_bytes(whole)
    with pytest.raises(GreendcError, match=r"log\.jsonl: cannot read this log"):
        list(read_log(log))


def test_missing_files_and_folders_are_errors_that_name_them(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.jsonl", tmp_path):
        with pytest.raises(GreendcError, match=path.name):
            list(open_entries(path))
    with pytest.raises(GreendcError, match="cannot write"):
        write_log(tmp_path / "absent" / "log.jsonl")


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.jsonl.zst"])
def test_progress_ends_at_the_size_of_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    rows = [(i * 10**9, f"t/{i}", b"%d" % i, 0, 0) for i in range(20_000)]
    written(path, [batch_of(rows)])
    seen: list[int] = []
    list(read_log(path, seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == path.stat().st_size


def test_a_file_object_is_written_to_and_left_open() -> None:
    file = io.BytesIO()
    with write_log(file) as log:
        log.write(Event("end", 0))
    assert file.getvalue() == b'{"tst":"1970-01-01T00:00:00Z","event":"end","data":{}}\n'


# -- journals ------------------------------------------------------------------------------------


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    config = loaded(tmp_path, site(FEED))
    batch = RawBatch([5, 6], ["t/1", "t/2"], [b"7", b"\xff"], [1, 2], [1, 1 | DUP])
    return [Event("config", 1, {"effective": config.effective()}), batch, Event("end", 9)]


@pytest.mark.parametrize("form", ["journal", "log"])
def test_a_journal_is_told_from_a_log_by_its_content(
    tmp_path: Path, entries: list[Entry], form: str
) -> None:
    path = tmp_path / "any.name"
    if form == "journal":
        with closing(Journal(path)) as journal:
            journal.append(entries)
    else:
        log = tmp_path / "log.jsonl"
        written(log, entries)
        log.rename(path)
    counts = LogCounts()
    seen: list[int] = []
    assert rows_of(open_entries(path, seen.append, counts)) == rows_of(entries)
    assert (counts.messages, counts.events, counts.configs) == (2, 2, 1)
    assert seen
