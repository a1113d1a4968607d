"""Small files that become large: in bounded memory, and the good lines beside them are read."""

import base64
import gzip
import io
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import zstandard

from greendc.config import factors, load
from greendc.config.loading import LARGEST
from greendc.journal.blocks import LARGEST as LARGEST_BLOCK
from greendc.journal.blocks import unpacked
from greendc.ports import GreendcError, RawBatch
from greendc.sources.recording import LogCounts, read_log

BOMB = 300 * 2**20
LINE = b'{"tst": "2025-03-01T00:00:00Z", "topic": "t", "payload": "1", "qos": 1}\n'


@contextmanager
def within(size: int) -> Iterator[None]:
    """No more memory than this at any moment."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size


def zst(parts: Iterator[bytes]) -> bytes:
    made = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(made, closefd=False) as stream:
        for part in parts:
            stream.write(part)
    return made.getvalue()


def gz(parts: Iterator[bytes]) -> bytes:
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", compresslevel=1) as stream:
        for part in parts:
            stream.write(part)
    return made.getvalue()


def parts(filling: bytes) -> Iterator[bytes]:
    yield LINE
    for _ in range((BOMB if filling != b"\n" else BOMB // 4) // 2**20):
        yield filling * 2**20
    yield b"\n" + LINE


@pytest.mark.parametrize("packed", [gz, zst], ids=["gz", "zst"])
@pytest.mark.parametrize(
    ("filling", "too_long"), [(b"\0", 1), (b"\n", 0), (b"[", 1)], ids=["zeros", "lines", "lists"]
)
def test_a_log_that_becomes_large_is_read_in_little_memory(
    tmp_path: Path, packed: object, filling: bytes, too_long: int
) -> None:
    path = tmp_path / "bomb.jsonl"
    path.write_bytes(packed(parts(filling)))  # type: ignore[operator]
    counts = LogCounts()
    with within(200 * 2**20):
        found = [e for e in read_log(path, counts=counts) if isinstance(e, RawBatch)]
    assert sum(map(len, found)) == 2
    assert counts.bad.get("line_too_long", 0) == too_long


def test_a_block_that_claims_to_be_larger_than_any_is_damaged() -> None:
    empty = msgspec.msgpack.encode((b"", [], b"\0" * (LARGEST_BLOCK + 1), b"", b"", b"", b""))
    block = zstandard.compress(empty)
    with within(2**24), pytest.raises(zstandard.ZstdError, match="larger than a block"):
        unpacked(block, 0)


def test_a_series_in_a_journal_is_cut_where_none_is_so_long() -> None:
    text = base64.b64encode(zlib.compress(b"0,1\n" * (BOMB // 4), 9)).decode()
    with pytest.raises(ValueError, match="a series of more than"), within(8 * factors.LARGEST):
        factors._unpacked(text)


def test_a_series_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "grid.csv.gz"
    path.write_bytes(gz(parts(b"0")))
    with within(4 * factors.LARGEST), pytest.raises(ValueError, match="holds more than 64 MiB"):
        factors.read_series(path, "g_per_kwh")


def test_a_configuration_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(GreendcError, match="holds more than 32 MiB"):
        load(path)
